/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Service addresses: from a virtual address and port to one backend. */
#pragma once

#include "lib/hash.h"
#include "lib/policy.h"

/* What the generation in force knows of an address and port, for the packet's protocol; NULL when nothing. */
static __always_inline struct cv_service *service_lookup(const struct cv_packet *p, const struct cv_addr *addr,
                                                         __be16 port)
{
	struct cv_service_key key = {
		.generation = p->generation,
		.addr = *addr,
		.port = bpf_ntohs(port),
		.proto = p->key.proto,
	};

	return bpf_map_lookup_elem(&cv_service, &key);
}

/* Whether configuration leaves a destination port alone everywhere: an entry under the zero address says so. */
static __always_inline int port_excluded_everywhere(const struct cv_packet *p, __be16 port)
{
	struct cv_service_key key = {
		.generation = p->generation,
		.port = bpf_ntohs(port),
		.proto = p->key.proto,
	};
	struct cv_service *service = bpf_map_lookup_elem(&cv_service, &key);

	return service && service->flags & CV_SERVICE_EXCLUDED;
}

/* Whether a port of a workload is left alone; `at` is what is known of its address, or NULL. */
static __always_inline int port_excluded_at(const struct cv_packet *p, const struct cv_address *at,
                                            const struct cv_addr *addr, __be16 port)
{
	struct cv_service *service;

	if (!at || !(at->flags & CV_ADDRESS_OPEN_PORTS))
		return 0;
	service = service_lookup(p, addr, port);
	return service && service->flags & CV_SERVICE_EXCLUDED;
}

/* Either of them. */
static __always_inline int port_excluded(const struct cv_packet *p, const struct cv_address *at,
                                         const struct cv_addr *addr, __be16 port)
{
	return port_excluded_everywhere(p, port) || port_excluded_at(p, at, addr, port);
}

/* Whether a Service port wants the proxy whatever the backend. */
static __always_inline int service_wants_proxy(const struct cv_packet *p, const struct cv_addr *addr, __be16 port)
{
	struct cv_service *service = service_lookup(p, addr, port);

	return service && service->flags & CV_SERVICE_PROXY;
}

/* Whether a port of a workload here speaks through the proxy only. `port` 0: whether every port does. */
static __always_inline int port_is_behind_proxy(const struct cv_packet *p, const struct cv_addr *addr, __be16 port)
{
	struct cv_service *service = service_lookup(p, addr, port);

	return service && service->flags & CV_SERVICE_BEHIND_PROXY;
}

/*
 * Whether what goes to, or in datagrams comes from, a port of a workload here needs the proxy even on this node; `at`
 * is what is known of its address. Other ports of it keep the short path.
 */
static __always_inline int port_needs_proxy(const struct cv_packet *p, const struct cv_address *at,
                                            const struct cv_addr *addr, __be16 port)
{
	return at->flags & CV_ADDRESS_PROXY &&
	       (port_is_behind_proxy(p, addr, port) || port_is_behind_proxy(p, addr, 0));
}

/* Whether all ports of a workload here, of the packet's protocol, are behind the proxy. */
static __always_inline int all_ports_need_proxy(const struct cv_packet *p, const struct cv_address *at,
                                                const struct cv_addr *addr)
{
	return at && at->flags & CV_ADDRESS_PROXY && port_is_behind_proxy(p, addr, 0);
}

/*
 * Chooses a backend for the packet's destination into s->decision (addr, port, flags). Returns 0 or the drop reason;
 * *always_proxy says that the Service wants the proxy whatever the backend, and *routed that none is chosen here.
 */
static __always_inline int service_choose(struct cv_scratch *s, int *always_proxy, int *routed)
{
	struct cv_packet *p = &s->packet;
	struct cv_service_key key = {
		.generation = p->generation,
		.addr = p->key.dst,
		.port = bpf_ntohs(p->key.dport),
		.proto = p->key.proto,
	};
	struct cv_service *service = bpf_map_lookup_elem(&cv_service, &key);
	struct cv_backend_key slot = { .generation = p->generation };
	struct cv_backend *backend;

	if (!service)
		return CV_REASON_NO_SERVICE_PORT;
	*routed = service->flags & CV_SERVICE_ROUTED;
	if (*routed)
		return 0;
	if (!service->slots)
		return CV_REASON_NO_BACKEND;
	slot.service = service->id;
	slot.slot = (service->flags & CV_SERVICE_SOURCE_HASH ? address_hash(&p->key.src) : bpf_get_prandom_u32()) %
	            service->slots;
	backend = bpf_map_lookup_elem(&cv_backend, &slot);
	if (!backend)
		return CV_REASON_NO_BACKEND;
	s->decision.addr = backend->addr;
	s->decision.port = bpf_htons(backend->port);
	s->decision.flags |= CV_FLOW_NAT_DST;
	*always_proxy = service->flags & CV_SERVICE_PROXY;
	s->decision.drawn = !*always_proxy && service->flags & CV_SERVICE_EXACT;
	s->decision.sole = service->slots == 1;
	return 0;
}
