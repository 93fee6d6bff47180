/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Packets towards a pod, other than those that went straight there. */
#pragma once

#include "lib/from_pod.h"
#include "lib/external.h"
#include "lib/proxy_header.h"

/*
 * A packet of a direct flow has come through the kernel's forwarding. s->flow_key becomes the key that it left its pod
 * with.
 */
static __always_inline void flow_track_arrived(struct __sk_buff *skb, struct cv_scratch *s, const struct cv_flow *f,
                                               int reversed)
{
	__u16 flags = f->flags;

	if (reversed) {
		flow_peer_key(&s->peer, &s->flow_key, f);
		s->flow_key = s->peer;
	}
	flow_track(skb, s, flags);
}

/*
 * Whether a packet is for another pod of this node: a bridge has flooded it, or was told a wrong place for that pod.
 * Nothing that is known of it is this pod's to see, or to end.
 */
static __always_inline int is_for_another_pod(const struct cv_scratch *s)
{
	const struct cv_packet *p = &s->packet;
	struct cv_address *to = address_lookup(p->generation, &p->key.dst);

	return to && to->flags & CV_ADDRESS_LOCAL && to->ifindex != s->link;
}

/*
 * Whether a datagram begins with the signature of a PROXY header, or is a first fragment that does not say so much. A
 * workload all of whose ports are behind the proxy knows only by the header who asks it. When it has answered so late
 * that the proxy's session is forgotten, its answer looks like a question of its own; what comes then, as if in answer
 * to that, must not be able to say who asks.
 */
static __always_inline int datagram_has_header(struct __sk_buff *skb, const struct cv_packet *p)
{
	__u32 begin[3];

	if (p->flags & CV_PACKET_LATER_FRAGMENT)
		return 0;
	if (bpf_skb_load_bytes(skb, p->l4_off + sizeof(struct udphdr), begin, sizeof(begin)))
		return !!(p->flags & CV_PACKET_FRAGMENT);
	return header_begins_with(begin);
}

/* A packet of the flow of s->flow_key, which is its own key or, for one translated here already, the reverse. */
static __always_inline int to_pod_known(struct __sk_buff *skb, struct cv_scratch *s, struct cv_flow *f, int reversed)
{
	__u32 from = reversed ? f->ifindex : f->in_ifindex, to = reversed ? f->in_ifindex : f->ifindex;
	__u16 flags;
	int r;

	/* A flow between two pods here comes from the other's veth; from elsewhere its addresses prove nothing. */
	if (from && s->came_by != from)
		return packet_drop(skb, CV_REASON_SPOOFED_SOURCE, CV_SIDE_NET);
	if (to && to != s->link) {
		if (is_for_another_pod(s))
			return packet_drop(skb, CV_REASON_FLOODED, CV_SIDE_NET);
		/* It was that of another pod, which had the address before. */
		flow_remove(skb);
		return CV_FLOW_GONE;
	}
	/*
	 * What left a pod for no pod and comes to one all the same, as broadcasts do by a bridge: policy of this one
	 * was not asked.
	 */
	if (from && !to && !reversed)
		return CV_FLOW_GONE;
	if (f->generation != s->packet.generation) {
		r = flow_revalidate(skb);
		if (r) {
			flow_end(skb, s, r);
			if (r < 0)
				return CV_FLOW_GONE;
			reject_receiver(skb, s->link, CV_MACS_OWN);
			return packet_drop(skb, r, CV_SIDE_TO_POD);
		}
	}
	flags = f->flags;
	if (flags & CV_FLOW_NO_HEADER && datagram_has_header(skb, &s->packet))
		return packet_drop(skb, CV_REASON_PROXY_REQUIRED, CV_SIDE_NET);
	if (!reversed && flags & CV_FLOW_NAT_SRC) {
		nat_prepare(s, f);
		if (packet_translate(skb))
			return packet_drop(skb, CV_REASON_REWRITE_FAILED, CV_SIDE_NET);
	}
	if (from || reversed) { /* counted where it left its pod */
		if (flags & CV_FLOW_HOST_STACK)
			flow_track_arrived(skb, s, f, reversed);
		return TC_ACT_OK;
	}
	if (s->packet.key.proto == IPPROTO_TCP)
		sequence_came(skb, &s->packet, f);
	flow_count(skb, s, f);
	counter_add(CV_COUNTER_PASS_PACKETS, 1);
	flow_track(skb, s, flags);
	return TC_ACT_OK;
}

/*
 * What a packet of no known flow, for a pod, comes to. Nothing proves the source of one that comes by routing, which is
 * evaluated by its address alone, unless it came out of the veth of a pod here.
 */
static __always_inline int to_pod_evaluate(struct cv_scratch *s, const struct cv_endpoint *ep,
                                           const struct cv_address *from, const struct cv_address *to, __u32 from_veth)
{
	struct cv_decision *d = &s->decision;
	struct cv_packet *p = &s->packet;
	const struct cv_addr *own;
	int r;

	if (!from_veth && source_is_the_meshs(s, from, destination_is_left_alone(s, to)))
		return CV_REASON_SPOOFED_SOURCE;
	if (d->flags & CV_FLOW_OUTBOUND) {
		/* A workload that leaves its port alone says nothing of what others may send. */
		if (!from_veth || port_excluded_everywhere(p, p->key.dport) || (to && to->flags & CV_ADDRESS_EXCLUDED))
			return 0;
		return policy_evaluate_egress(s, from->egress_policy_set, &p->key.src, to);
	}
	if (!from_veth && ep->flags & CV_ENDPOINT_STRICT)
		return CV_REASON_STRICT_MTLS;
	own = p->flags & CV_PACKET_V6 ? &ep->addr6 : &ep->addr4;
	if (!to)
		to = address_lookup(p->generation, own); /* to all, say: it reaches the same port */
	else
		own = &p->key.dst;
	if (to && !(to->flags & CV_ADDRESS_EXCLUDED) && port_needs_proxy(p, to, own, p->key.dport))
		return CV_REASON_PROXY_REQUIRED;
	if (from_veth && p->key.proto == IPPROTO_UDP && port_needs_proxy(p, from, &p->key.src, p->key.sport))
		return CV_REASON_PROXY_REQUIRED;
	/* Where it went when it left its pod may have been translated since. */
	r = from_veth ? policy_evaluate_egress(s, from->egress_policy_set, &p->key.src, to) : 0;
	return r ? r : policy_evaluate(s, ep->target_policy_set, d->port);
}

/* Fills s->decision for it, but for the verdict of policy. */
static __always_inline void to_pod_describe(struct __sk_buff *skb, struct cv_scratch *s, const struct cv_endpoint *ep,
                                            const struct cv_address *from, const struct cv_address *to, __u32 from_veth)
{
	struct cv_packet *p = &s->packet;
	struct cv_decision *d = &s->decision;
	struct cv_endpoint *sender;

	__builtin_memset(d, 0, sizeof(*d));
	d->dst_class = p->flags & CV_PACKET_V6 ? ep->src_class6 : ep->src_class4;
	d->addr = p->key.dst;
	d->port = p->key.dport;
	d->verdict = CV_VERDICT_PASS;
	d->reply_ifindex = s->link;
	d->quiet = p->key.proto == IPPROTO_TCP && !packet_is_fresh_syn(p);
	if (from)
		d->src_class = from_veth ? from->auth_class : from->anon_class;
	if (port_excluded(p, to, &p->key.dst, p->key.dport))
		d->flags = CV_FLOW_OUTBOUND;
	else if (!from_veth)
		d->flags = CV_FLOW_ANONYMOUS;
	if (from_veth) {
		sender = endpoint_lookup(p->generation, from_veth);
		d->max_flows = sender ? sender->max_flows : 1;
	}
	if (to) {
		__builtin_memcpy(d->mac, to->mac, sizeof(d->mac));
		__builtin_memcpy(d->host_mac, to->host_mac, sizeof(d->host_mac));
	}
}

/* A packet of no known flow: from this node itself, or plaintext that came by routing. */
__noinline int to_pod_new(struct __sk_buff *skb)
{
	struct cv_scratch *s = scratch_get();
	struct cv_address *from, *to;
	struct cv_endpoint *ep;
	struct cv_packet *p;
	struct cv_flow *f;
	__u32 from_veth;
	int r;

	if (!s)
		return TC_ACT_SHOT;
	p = &s->packet;
	ep = endpoint_lookup(p->generation, s->link);
	if (!ep)
		return packet_drop(skb, CV_REASON_NO_ENDPOINT, CV_SIDE_NET);
	from = address_lookup(p->generation, &p->key.src);
	counter_add(CV_COUNTER_PASS_PACKETS, 1);
	if (address_is_nodes(s, from))
		return TC_ACT_OK;
	if (is_for_another_pod(s))
		return packet_drop(skb, CV_REASON_FLOODED, CV_SIDE_NET);
	to = address_lookup(p->generation, &p->key.dst);
	from_veth = address_is_behind(from, s->came_by) ? s->came_by : 0;
	to_pod_describe(skb, s, ep, from, to, from_veth);
	r = to_pod_evaluate(s, ep, from, to, from_veth);
	if (!r && !packet_may_start(p)) {
		if (p->tcp_flags & CV_TCP_RST)
			return TC_ACT_OK;
		r = CV_REASON_NOT_A_CONNECTION;
	}
	/* Multicast, say: nothing that the pod could answer as the one addressed. */
	if (!r && !endpoint_owns(ep, p, &p->key.dst))
		return TC_ACT_OK;
	if (!r)
		r = flow_create(skb, from_veth);
	if (r)
		return packet_drop(skb, r, CV_SIDE_TO_POD);
	s->flow_key = p->key;
	f = bpf_map_lookup_elem(&cv_flow, &s->flow_key);
	if (f)
		flow_count(skb, s, f);
	return TC_ACT_OK;
}

static __always_inline int to_pod(struct __sk_buff *skb, struct cv_scratch *s)
{
	struct cv_packet *p = &s->packet;
	struct cv_endpoint *ep;
	struct cv_flow *f;
	int r, reversed = 0;

	if (!packet_begin(p))
		return packet_drop(skb, CV_REASON_NO_ENDPOINT, CV_SIDE_NET);
	if (p->key.proto != IPPROTO_TCP && p->key.proto != IPPROTO_UDP) {
		ep = endpoint_lookup(p->generation, s->link);
		if (!ep)
			return packet_drop(skb, CV_REASON_NO_ENDPOINT, CV_SIDE_NET);
		return icmp_to_pod(skb, ep->flags & CV_ENDPOINT_NO_ECHO);
	}
	s->flow_key = p->key;
	f = bpf_map_lookup_elem(&cv_flow, &s->flow_key);
	if (!f) {
		flow_key_swap(&s->flow_key, &p->key);
		f = bpf_map_lookup_elem(&cv_flow, &s->flow_key);
		reversed = 1;
	}
	/*
	 * What the proxy says in it has gone another way (to_pod_packet); a refusal may be that of this node's rules.
	 */
	if (f && f->verdict == CV_VERDICT_PROXY)
		return !reversed && !s->came_by && p->tcp_flags & CV_TCP_RST && !proxied_to_pod(skb)
		               ? TC_ACT_OK
		               : packet_drop(skb, CV_REASON_SPOOFED_SOURCE, CV_SIDE_NET);
	if (f && !reversed && !f->in_ifindex && packet_is_fresh_syn(p) && flow_is_over(f, p)) {
		/* A SYN never answers a pod's connection. As long as that lives, a forged one must not end it. */
		if (!(f->flags & CV_FLOW_REPLY) || flow_has_ended(f, p))
			flow_remove(skb);
		f = 0;
	}
	if (f) {
		r = to_pod_known(skb, s, f, reversed);
		if (r != CV_FLOW_GONE)
			return r;
	}
	return to_pod_new(skb);
}
