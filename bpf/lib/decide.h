/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What becomes of a packet out of a pod that belongs to no known flow. */
#pragma once

#include "lib/bridge.h"
#include "lib/config.h"
#include "lib/flow_key.h"
#include "lib/service.h"

/*
 * To a pod of this node: straight into it, where nothing that others have put into the path would be passed over; by
 * the proxy where neither can be.
 */
static __always_inline void decision_direct(struct cv_scratch *s, const struct cv_address *to)
{
	struct cv_control *control = control_get();
	struct cv_decision *d = &s->decision;

	d->verdict = CV_VERDICT_DIRECT;
	if (bridge_is_shared(&s->packet, to))
		d->flags |= CV_FLOW_SAME_BRIDGE;
	/*
	 * A connection that is older than its entry may be older than its pods' enrolment: conntrack, which has seen it
	 * then, is to see its end.
	 */
	if (d->quiet || d->host_stack || to->flags & CV_ADDRESS_HOST_STACK || !control ||
	    control->direct != CV_DIRECT_REDIRECT) {
		if (!(d->flags & CV_FLOW_SAME_BRIDGE) && bridge_is_between(s, to)) {
			d->verdict = CV_VERDICT_PROXY;
			return;
		}
		d->flags |= CV_FLOW_HOST_STACK;
	}
	d->reply_ifindex = to->ifindex;
	d->mtu = to->mtu;
	__builtin_memcpy(d->mac, to->mac, sizeof(d->mac));
	__builtin_memcpy(d->host_mac, to->host_mac, sizeof(d->host_mac));
}

/* A workload of the mesh at d->addr. */
static __always_inline int decide_workload(struct cv_scratch *s, const struct cv_address *to, int always_proxy)
{
	struct cv_packet *p = &s->packet;
	struct cv_decision *d = &s->decision;
	int tcp = p->key.proto == IPPROTO_TCP;
	int self = address_equal(&d->addr, &p->key.src);
	struct cv_address *from;
	int r;

	d->dst_class = to->auth_class;
	if (tcp && d->port == bpf_htons(cv_cfg_tunnel_port))
		return CV_REASON_TUNNEL_PORT;
	if (self && !(d->flags & CV_FLOW_NAT_DST)) {
		d->untracked = tcp;
		d->verdict = CV_VERDICT_PASS;
		d->flags |= tcp ? 0 : CV_FLOW_OUTBOUND;
		return 0;
	}
	/* By the proxy it may go to another backend; the proxy asks policy of the one it goes to. */
	if (!(d->flags & CV_FLOW_NAT_DST)) {
		r = policy_evaluate_egress(s, d->egress_policy_set, &p->key.src, to);
		if (r)
			return r;
	}
	/* What comes out of a pod here must not be taken for an answer of the proxy in its name. */
	if (s->space || address_is_here(s, to))
		d->drawn = 0;
	if (always_proxy || self || s->space || !address_is_here(s, to) || port_needs_proxy(p, to, &d->addr, d->port)) {
		d->verdict = CV_VERDICT_PROXY;
		return 0;
	}
	if (!tcp) {
		/*
		 * Late answers of a workload behind the proxy, which must not open a way around it for what they
		 * answer.
		 */
		from = address_lookup(p->generation, &p->key.src);
		if (from && port_needs_proxy(p, from, &p->key.src, p->key.sport)) {
			d->verdict = CV_VERDICT_PROXY;
			return 0;
		}
	}
	decision_direct(s, to);
	if (d->verdict == CV_VERDICT_PROXY)
		return 0;
	r = d->flags & CV_FLOW_NAT_DST ? policy_evaluate_egress(s, d->egress_policy_set, &p->key.src, to) : 0;
	return r ? r : policy_evaluate(s, to->target_policy_set, d->port);
}

/*
 * Whether what a workload here sends, with this key, answers a datagram that reached it through the proxy. When the
 * proxy's session is over already the answer may still go out, but it must not open a way in past the proxy: by that a
 * client could forge a PROXY header.
 */
static __always_inline int datagram_is_answer(struct cv_scratch *s, const struct cv_flow_key *key,
                                              const struct cv_address *from)
{
	if (!from || !(from->flags & CV_ADDRESS_PROXY))
		return 0;
	if (port_is_behind_proxy(&s->packet, &key->src, key->sport))
		return 1;
	if (!port_is_behind_proxy(&s->packet, &key->src, 0))
		return 0;
	/* Its own questions come from these ports too: an answer is what goes to somebody who has asked. */
	flow_key_swap(&s->lookup, key);
	return !!bpf_map_lookup_elem(&cv_session, &s->lookup);
}

/* Leaves a packet to the kernel's forwarding. */
static __always_inline int decide_pass(struct cv_scratch *s, const struct cv_address *to)
{
	struct cv_decision *d = &s->decision;

	d->verdict = CV_VERDICT_PASS;
	d->flags |= CV_FLOW_OUTBOUND;
	d->dst_class = address_class(to);
	d->untracked = d->quiet && to && to->flags & CV_ADDRESS_NODE; /* probes: the rest of a node's own connection */
	if (to && !s->space && address_is_here(s, to))
		d->reply_ifindex = to->ifindex;
	return 0;
}

/* A destination that is not the mesh's business; what leaves a pod is, unless configuration leaves it alone. */
static __always_inline int decide_external(struct cv_scratch *s, const struct cv_address *to)
{
	int r = to && to->flags & CV_ADDRESS_EXCLUDED
	                ? 0
	                : policy_evaluate_egress(s, s->decision.egress_policy_set, &s->packet.key.src, to);

	return r ? r : decide_pass(s, to);
}

/* Fills s->decision for TCP and UDP; src_class and quiet are set already. Returns 0 or the drop reason. */
__noinline int destination_decide(struct __sk_buff *skb)
{
	struct cv_scratch *s = scratch_get();
	struct cv_address *to;
	struct cv_decision *d;
	struct cv_packet *p;
	int r, always_proxy = 0, routed = 0;

	CV_NEEDS(skb);
	if (!s)
		return CV_REASON_INTERNAL;
	p = &s->packet;
	d = &s->decision;
	d->addr = p->key.dst;
	d->port = p->key.dport;
	to = address_lookup(p->generation, &d->addr);
	if (port_excluded_everywhere(p, p->key.dport))
		return decide_pass(s, to);
	if (to && to->flags & CV_ADDRESS_SERVICE && !(to->flags & CV_ADDRESS_EXCLUDED)) {
		r = service_choose(s, &always_proxy, &routed);
		if (r)
			return r;
		/* The proxy asks policy of each backend that a request goes to. */
		if (routed) {
			d->dst_class = address_class(to);
			d->verdict = CV_VERDICT_PROXY;
			return 0;
		}
		to = address_lookup(p->generation, &d->addr);
	}
	if (!to || to->flags & (CV_ADDRESS_EXCLUDED | CV_ADDRESS_NODE) || !(to->flags & CV_ADDRESS_MESHED))
		return decide_external(s, to);
	/* What it says of itself is no word on what others may send. */
	if (port_excluded_at(p, to, &d->addr, d->port))
		return decide_external(s, to);
	return decide_workload(s, to, always_proxy);
}
