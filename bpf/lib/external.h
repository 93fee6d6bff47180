/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What comes to a workload here by routing or by an uplink, whose source nothing proves: which sources it cannot have,
 * for TCP and UDP, and what may be said of a plain datagram before it is routed. TC and XDP share it.
 */
#pragma once

#include "lib/service.h"

/* Whether an address is that of an enrolled workload here that configuration does not leave alone. */
static __always_inline int workload_is_guarded_here(const struct cv_scratch *s, const struct cv_address *to)
{
	return to && to->flags & CV_ADDRESS_MESHED && address_is_here(s, to) &&
	       !(to->flags & (CV_ADDRESS_EXCLUDED | CV_ADDRESS_NODE));
}

/*
 * Whether configuration leaves alone what a packet or flow goes to; `to` is what is known of the address. That and the
 * port, after translation, must be in s->decision already.
 */
static __always_inline int destination_is_left_alone(struct cv_scratch *s, const struct cv_address *to)
{
	struct cv_decision *d = &s->decision;

	return (to && to->flags & CV_ADDRESS_EXCLUDED) || port_excluded(&s->packet, to, &d->addr, d->port);
}

/*
 * Whether a source is one of the mesh's own, which nothing that comes by routing can have. A pod of this node speaks
 * out of its veth, a workload elsewhere through the proxy unless configuration leaves alone what it speaks to
 * (`to_left_alone`), and a Service never begins anything.
 */
static __always_inline int source_is_the_meshs(const struct cv_scratch *s, const struct cv_address *from,
                                               int to_left_alone)
{
	if (!from)
		return 0;
	if (address_is_here(s, from))
		return 1;
	if (from->flags & (CV_ADDRESS_EXCLUDED | CV_ADDRESS_NODE))
		return 0; /* what goes there is left to the kernel as well */
	return from->flags & CV_ADDRESS_SERVICE || (!to_left_alone && from->flags & CV_ADDRESS_MESHED);
}

/* Whether an address is one of this node, which nothing that comes by an uplink can have; into a pod's namespace all
 * comes by the same wire, also from its node.
 */
static __always_inline int source_is_the_nodes(const struct cv_scratch *s, const struct cv_address *from)
{
	return from && from->flags & CV_ADDRESS_NODE && !s->space;
}

/* What becomes of a datagram from outside before it is routed. */
enum cv_external {
	CV_EXTERNAL_LEAVE = -1, /* not for the proxy, and not refused here: routing, and then cv_to_pod */
	CV_EXTERNAL_PROXY = 0,  /* to the proxy; positive: the reason for which it is dropped */
};

/*
 * Evaluates the datagram of s->packet, of which no flow is known, by its addresses and ports, into s->decision, whose
 * verdict says whether its port is behind the proxy. Returns enum cv_external or a drop reason. `to` passes
 * workload_is_guarded_here.
 */
static __always_inline int external_evaluate(struct cv_scratch *s, const struct cv_address *to)
{
	struct cv_packet *p = &s->packet;
	struct cv_decision *d = &s->decision;
	struct cv_address *from;
	int r, by_proxy;

	if (port_excluded(p, to, &p->key.dst, p->key.dport))
		return CV_EXTERNAL_LEAVE;
	from = address_lookup(p->generation, &p->key.src);
	__builtin_memset(d, 0, sizeof(*d));
	d->src_class = from ? from->anon_class : 0;
	d->dst_class = to->auth_class;
	d->flags = CV_FLOW_ANONYMOUS;
	by_proxy = port_needs_proxy(p, to, &p->key.dst, p->key.dport);
	d->verdict = by_proxy ? CV_VERDICT_PROXY : CV_VERDICT_PASS;
	if (source_is_the_meshs(s, from, 0) || source_is_the_nodes(s, from))
		return by_proxy || p->flags & CV_PACKET_REASSEMBLED ? CV_REASON_SPOOFED_SOURCE : CV_EXTERNAL_LEAVE;
	if (to->flags & CV_ADDRESS_STRICT)
		return CV_REASON_STRICT_MTLS;
	r = by_proxy && to->flags & CV_ADDRESS_TRUSTS ? 0 : policy_evaluate(s, to->target_policy_set, p->key.dport);
	if (r)
		return r;
	return by_proxy || p->flags & CV_PACKET_REASSEMBLED ? CV_EXTERNAL_PROXY : CV_EXTERNAL_LEAVE;
}
