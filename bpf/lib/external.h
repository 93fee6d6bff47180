/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Plain datagrams from outside for a workload here: what may be said of them before they are routed. TC and XDP share it. */
#pragma once

#include "lib/service.h"

enum cv_external {
	CV_EXTERNAL_LEAVE = -1, /* not for the proxy, and not refused here: routing, and then cv_to_pod */
	CV_EXTERNAL_PROXY = 0,  /* to the proxy; positive: the reason for which it is dropped */
};

/* Whether an address is that of an enrolled workload here that configuration does not leave alone. */
static __always_inline int external_guards(const struct cv_address *to)
{
	return to && (to->flags & (CV_ADDRESS_MESHED | CV_ADDRESS_LOCAL)) == (CV_ADDRESS_MESHED | CV_ADDRESS_LOCAL) &&
	       !(to->flags & (CV_ADDRESS_EXCLUDED | CV_ADDRESS_NODE));
}

/* Whether configuration leaves alone what the packet goes to; `to` is what is known of the address. */
static __always_inline int left_alone(struct cv_scratch *s, const struct cv_address *to)
{
	return (to && to->flags & CV_ADDRESS_EXCLUDED) || port_excluded(&s->packet, s->decision.port);
}

/*
 * Whether a source is one of the mesh's own, which nothing that comes by routing can have. A pod of this node speaks out of its veth, a
 * workload elsewhere through the proxy unless configuration leaves alone what it speaks to, and a Service never begins anything.
 */
static __always_inline int external_is_ours(const struct cv_address *from, int alone)
{
	if (!from)
		return 0;
	if (from->flags & CV_ADDRESS_LOCAL)
		return 1;
	if (from->flags & (CV_ADDRESS_EXCLUDED | CV_ADDRESS_NODE))
		return 0; /* what goes there is left to the kernel as well */
	return from->flags & CV_ADDRESS_SERVICE || (!alone && from->flags & CV_ADDRESS_MESHED);
}

/* Whether an address is one of this node, which nothing that comes by an uplink can have. */
static __always_inline int external_is_node(const struct cv_address *from)
{
	return from && from->flags & CV_ADDRESS_NODE;
}

/*
 * Evaluates the datagram of s->packet, of which no flow is known, by its addresses and ports, into s->decision, whose verdict says whether
 * its port is behind the proxy. Returns enum cv_external or a drop reason. `to` passes external_guards.
 */
static __always_inline int external_evaluate(struct cv_scratch *s, const struct cv_address *to)
{
	struct cv_packet *p = &s->packet;
	struct cv_decision *d = &s->decision;
	struct cv_address *from;
	int r, by_proxy;

	if (port_excluded(p, p->key.dport))
		return CV_EXTERNAL_LEAVE;
	from = address_lookup(p->generation, &p->key.src);
	__builtin_memset(d, 0, sizeof(*d));
	d->src_class = from ? from->anon_class : 0;
	d->dst_class = to->auth_class;
	d->flags = CV_FLOW_ANONYMOUS;
	by_proxy = port_needs_proxy(p, to, &p->key.dst, p->key.dport);
	d->verdict = by_proxy ? CV_VERDICT_PROXY : CV_VERDICT_PASS;
	if (external_is_ours(from, 0) || external_is_node(from))
		return by_proxy || p->flags & CV_PACKET_REASSEMBLED ? CV_REASON_SPOOFED_SOURCE : CV_EXTERNAL_LEAVE;
	if (to->flags & CV_ADDRESS_STRICT)
		return CV_REASON_STRICT_MTLS;
	r = by_proxy && to->flags & CV_ADDRESS_TRUSTS ? 0 : policy_evaluate(s, to->target_policy_set, p->key.dport);
	if (r)
		return r;
	return by_proxy || p->flags & CV_PACKET_REASSEMBLED ? CV_EXTERNAL_PROXY : CV_EXTERNAL_LEAVE;
}
