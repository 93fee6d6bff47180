/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Sending a packet of a known flow on its way. */
#pragma once

#include "lib/flow.h"
#include "lib/drop.h"

/*
 * Whether the receiving veth takes the packet as it is; if not, the kernel's routing fragments it or answers with ICMP.
 */
static __always_inline int packet_fits(struct __sk_buff *skb, const struct cv_packet *p, __u32 mtu)
{
	__u32 header;

	if (!mtu || skb->len <= mtu + CV_ETH_LEN)
		return 1;
	header = p->key.proto == IPPROTO_TCP ? p->len - p->tcp_payload : p->l4_off - CV_ETH_LEN + sizeof(struct udphdr);
	return skb->gso_size && skb->gso_size + header <= mtu;
}

static __always_inline void nat_prepare(struct cv_scratch *s, const struct cv_flow *f)
{
	s->nat_addr = f->nat_addr;
	s->nat_port = f->nat_port;
	s->nat_source = !!(f->flags & CV_FLOW_NAT_SRC);
}

/* Straight into the receiving pod: the veth's own addresses make it look routed. */
static __always_inline int forward_direct(struct __sk_buff *skb, const struct cv_flow *f)
{
	__u32 ifindex = f->ifindex;

	if (bpf_skb_store_bytes(skb, 0, f->mac, 12, 0))
		return packet_drop(skb, CV_REASON_REWRITE_FAILED, CV_SIDE_FROM_POD);
	if (bpf_redirect_peer(ifindex, 0) != TC_ACT_REDIRECT)
		return packet_drop(skb, CV_REASON_REDIRECT_FAILED, CV_SIDE_FROM_POD);
	return TC_ACT_REDIRECT;
}

/*
 * Notes for cv_to_pod the packet in hand, of a flow whose entry is f, which the kernel is to forward as it is now. Not
 * of a flow of which cv_to_pod has something to do.
 */
static __always_inline void forward_note(struct cv_scratch *s, const struct cv_flow *f, __u16 flags)
{
	struct cv_forwarded *last = &s->forwarded;

	if (flags & (CV_FLOW_NAT_SRC | CV_FLOW_CLOSED | CV_FLOW_NO_HEADER))
		return;
	last->key = s->packet.key;
	if (flags & CV_FLOW_NAT_DST) {
		last->key.dst = f->nat_addr;
		last->key.dport = f->nat_port;
	}
	last->from = f->in_ifindex;
	last->to = f->ifindex;
	last->generation = f->generation;
}

/*
 * Whether the packet in hand, which goes to a pod, is of the flow that cv_from_pod has noted last, from that pod's veth
 * and by the policy in force, and neither begins nor ends it.
 */
static __always_inline int forward_is_noted(const struct cv_scratch *s)
{
	const struct cv_forwarded *last = &s->forwarded;
	const struct cv_packet *p = &s->packet;
	struct cv_control *control = control_get();

	return control && last->generation && last->generation == control->generation && last->from == s->came_by &&
	       last->to == s->link && !(p->tcp_flags & (CV_TCP_FIN | CV_TCP_SYN | CV_TCP_RST)) &&
	       flow_key_equal(&last->key, &p->key);
}

/* A packet out of a pod. f is the entry of s->flow_key and of this generation. */
static __always_inline int flow_forward(struct __sk_buff *skb, struct cv_scratch *s, struct cv_flow *f)
{
	__u16 flags = f->flags, nat = flags & (CV_FLOW_NAT_DST | CV_FLOW_NAT_SRC);
	int direct = f->verdict == CV_VERDICT_DIRECT, fits = 0, refused, r = TC_ACT_OK;

	flow_count(skb, s, f);
	if (direct) {
		counter_add(CV_COUNTER_DIRECT_BYTES, s->packet.len);
		fits = packet_fits(skb, &s->packet, f->mtu);
		direct = fits && !(flags & CV_FLOW_HOST_STACK);
		counter_add(direct ? CV_COUNTER_DIRECT_PACKETS : CV_COUNTER_HOST_STACK_PACKETS, 1);
		/*
		 * Routing would take a Service address on a pod's veth for a spoofed source: cv_to_pod translates that
		 * later.
		 */
		if (!direct)
			nat &= CV_FLOW_NAT_DST;
	} else {
		counter_add(CV_COUNTER_PASS_PACKETS, 1);
		if (s->packet.key.proto == IPPROTO_TCP)
			sequence_sent(&s->packet, f);
	}
	if (nat) {
		nat_prepare(s, f);
		if (packet_translate(skb))
			return packet_drop(skb, CV_REASON_REWRITE_FAILED, CV_SIDE_FROM_POD);
	}
	if (direct)
		r = forward_direct(skb, f);
	/* What does not fit is left to routing, for its error; a bridge would say nothing. */
	if (!direct && fits && flags & CV_FLOW_SAME_BRIDGE) {
		refused = bridge_address_pod(skb, f->mac);
		if (refused)
			return packet_drop(skb, refused, CV_SIDE_FROM_POD);
	}
	/*
	 * What the kernel forwards may yet be dropped, and needs its entry to be let in and translated: cv_to_pod sees
	 * its end.
	 */
	if (!(flags & CV_FLOW_HOST_STACK))
		flow_track(skb, s, flags);
	else
		forward_note(s, f, flags);
	return r;
}
