/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Revalidating a known flow after the policy has changed. */
#pragma once

#include "lib/flow.h"
#include "lib/external.h"

/* The key that the originator of s->flow_key's flow sends with. */
static __always_inline struct cv_flow_key *flow_originator_key(struct cv_scratch *s, const struct cv_flow *f)
{
	return f->flags & CV_FLOW_REPLY ? &s->peer : &s->flow_key;
}

/*
 * Whether the UDP flow of s->flow_key has become the proxy's. Connections stay where they began; datagrams never end.
 */
static __always_inline int flow_needs_proxy(struct cv_scratch *s, const struct cv_flow *f, const struct cv_address *to)
{
	struct cv_flow_key *originator = flow_originator_key(s, f);

	if (s->packet.key.proto != IPPROTO_UDP)
		return 0;
	if (port_needs_proxy(&s->packet, to, &s->decision.addr, s->decision.port))
		return 1;
	return f->flags & (CV_FLOW_NAT_DST | CV_FLOW_NAT_SRC) &&
	       service_wants_proxy(&s->packet, &originator->dst, originator->dport);
}

/*
 * Whether the ends of a flow are still who they were when it began: an entry belongs to the pods behind its veths, not
 * to whoever has their addresses next, and nothing that was let in by its address alone may go on when the address has
 * become one of the mesh.
 */
static __always_inline int flow_ends_are_same(struct cv_scratch *s, const struct cv_flow *f, struct cv_address *from,
                                              const struct cv_address *to)
{
	__u32 from_veth = f->flags & CV_FLOW_REPLY ? f->ifindex : f->in_ifindex;
	__u32 to_veth = f->flags & CV_FLOW_REPLY ? f->in_ifindex : f->ifindex;

	if (from_veth ? !address_is_behind(from, from_veth)
	              : source_is_the_meshs(s, from, destination_is_left_alone(s, to)))
		return 0;
	return !to_veth || address_is_behind(to, to_veth);
}

/* The policy of the generation in force on the flow in s->decision. */
static __always_inline int flow_revalidate_policy(struct cv_scratch *s, const struct cv_flow *f,
                                                  const struct cv_address *from, const struct cv_address *to)
{
	struct cv_decision *d = &s->decision;
	struct cv_flow_key *originator;
	int r;

	if (!to || !(to->flags & CV_ADDRESS_MESHED) || !address_is_here(s, to))
		return CV_FLOW_GONE;
	d->dst_class = to->auth_class;
	if (flow_needs_proxy(s, f, to))
		return CV_FLOW_GONE;
	if (f->flags & CV_FLOW_ANONYMOUS) {
		d->src_class = from ? from->anon_class : 0;
		if (to->flags & CV_ADDRESS_STRICT)
			return CV_REASON_STRICT_MTLS;
		return policy_evaluate(s, to->target_policy_set, d->port);
	}
	if (!from || !address_is_here(s, from))
		return CV_FLOW_GONE;
	originator = flow_originator_key(s, f);
	if (s->packet.key.proto == IPPROTO_UDP &&
	    port_needs_proxy(&s->packet, from, &originator->src, originator->sport))
		return CV_FLOW_GONE;
	d->src_class = from->auth_class;
	r = policy_evaluate_egress(s, from->egress_policy_set, &originator->src, to);
	return r ? r : policy_evaluate(s, to->target_policy_set, d->port);
}

/*
 * A flow that passed out of a pod, in s->decision, of which `from` and `to` are known now. Where it is another flow by
 * now, that outranks what policy says of the old one: it is decided anew, and whoever decides asks policy of what it
 * is. So policy comes last.
 */
static __always_inline int flow_revalidate_outbound(struct cv_scratch *s, const struct cv_flow *f,
                                                    const struct cv_address *from, const struct cv_address *to)
{
	struct cv_flow_key *originator = flow_originator_key(s, f);
	struct cv_packet *p = &s->packet;
	struct cv_decision *d = &s->decision;
	int udp = p->key.proto == IPPROTO_UDP, excluded = to && to->flags & CV_ADDRESS_EXCLUDED;

	d->src_class = from ? from->auth_class : 0;
	d->dst_class = address_class(to);
	if (to && !excluded && !address_equal(&s->flow_key.src, &s->flow_key.dst) &&
	    !port_excluded(p, to, &d->addr, d->port)) {
		/* What was unknown has become a workload here: its policy has a say. */
		if (address_is_here(s, to))
			return CV_FLOW_GONE;
		/* … or elsewhere, or a Service: the proxy takes datagrams there. Connections stay as they are. */
		if (udp && to->flags & (CV_ADDRESS_MESHED | CV_ADDRESS_SERVICE) && !(to->flags & CV_ADDRESS_NODE))
			return CV_FLOW_GONE;
	}
	if (udp) {
		/* What a workload says that has come behind the proxy since. */
		if (datagram_is_answer(s, originator, from))
			return CV_FLOW_GONE;
		/* … with all of its ports: only flows that are known as its own keep PROXY headers out. */
		if (!(f->flags & CV_FLOW_NO_HEADER) && all_ports_need_proxy(p, from, &originator->src))
			return CV_FLOW_GONE;
	}
	/* A Service's backend that is no workload any more: choose another. */
	if (f->flags & (CV_FLOW_NAT_DST | CV_FLOW_NAT_SRC) && f->dst_class && !d->dst_class)
		return CV_FLOW_GONE;
	if (!from || !address_is_here(s, from) || excluded || port_excluded_everywhere(p, originator->dport))
		return 0;
	return policy_evaluate_egress(s, from->egress_policy_set, &originator->src, to);
}

/*
 * Revalidates the flow of s->flow_key from its originator's side, whichever side the packet is from. Returns 0 when it
 * may go on (both entries are then of this generation), the drop reason, or CV_FLOW_GONE.
 */
__noinline int flow_revalidate(struct __sk_buff *skb)
{
	struct cv_scratch *s = scratch_get();
	struct cv_address *from, *to;
	struct cv_flow *f, *peer;
	struct cv_flow_key *key;
	struct cv_decision *d;
	int r, reply;

	CV_NEEDS(skb);
	if (!s)
		return CV_REASON_INTERNAL;
	key = &s->flow_key;
	f = bpf_map_lookup_elem(&cv_flow, key);
	if (!f)
		return CV_FLOW_GONE;
	flow_peer_key(&s->peer, key, f);
	d = &s->decision;
	reply = f->flags & CV_FLOW_REPLY;
	__builtin_memset(d, 0, sizeof(*d));
	d->flags = f->flags & (CV_FLOW_REPLY | CV_FLOW_NAT_DST | CV_FLOW_ANONYMOUS | CV_FLOW_OUTBOUND);
	d->addr = reply ? key->src : s->peer.src;
	d->port = reply ? key->sport : s->peer.sport;
	from = address_lookup(s->packet.generation, reply ? &key->dst : &key->src);
	to = address_lookup(s->packet.generation, &d->addr);
	if (!flow_ends_are_same(s, f, from, to))
		return CV_FLOW_GONE;
	if (f->flags & CV_FLOW_OUTBOUND)
		r = flow_revalidate_outbound(s, f, from, to);
	else
		r = flow_revalidate_policy(s, f, from, to);
	if (r)
		return r;
	counter_add(CV_COUNTER_REEVALUATED, 1);
	f->generation = s->packet.generation;
	f->rule = d->rule;
	f->src_class = d->src_class;
	f->dst_class = d->dst_class;
	peer = bpf_map_lookup_elem(&cv_flow, &s->peer);
	if (peer) {
		peer->generation = s->packet.generation;
		peer->rule = d->rule;
		peer->src_class = d->src_class;
		peer->dst_class = d->dst_class;
	}
	return 0;
}

/*
 * Ends the flow of s->flow_key, which flow_revalidate has refused for a reason or given up. The entries of a UDP flow
 * that policy refuses stay and are evaluated again with each packet, until the agent sweeps them: without them an
 * answer under way would begin a flow from the other side, which policy may allow, and what is refused would go on as
 * the answers of that.
 */
static __always_inline void flow_end(struct __sk_buff *skb, const struct cv_scratch *s, int reason)
{
	if (reason < 0 || s->packet.key.proto != IPPROTO_UDP)
		flow_remove(skb);
}
