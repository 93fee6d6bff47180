/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * ICMP errors belong to the flow of the packet they quote: they go where that flow's answers go, and are translated,
 * with the quoted packet, as its answers are. The quoted packet's own TCP or UDP sum is left as it is; nobody checks
 * it.
 */
#pragma once

#include "lib/datagram.h"
#include "lib/forward.h"

#define CV_ICMP_CHECK_OFF 2

/*
 * Translates with s->nat_*: the quoted packet and, when the sender of the error is the flow's end itself and no router,
 * the outer address. IPv4: the quoted header's own sum makes up for its address, so only the port changes the ICMP sum.
 */
__noinline int icmp_translate(struct __sk_buff *skb)
{
	struct cv_scratch *s = scratch_get();
	struct cv_inner *inner;
	struct cv_packet *p;
	struct cv_addr *from;
	__u32 check, v6, port_off;
	__be16 port;
	__s64 diff;
	int source;

	if (!s)
		return -1;
	p = &s->packet;
	inner = &s->inner;
	source = s->nat_source;
	v6 = p->flags & CV_PACKET_V6;
	check = p->l4_off + CV_ICMP_CHECK_OFF;
	from = source ? &inner->reverse.src : &inner->reverse.dst;
	port = source ? inner->reverse.sport : inner->reverse.dport;
	port_off = inner->l4_off + (source ? 2 : 0);
	if (nat_address(skb, v6, inner->l3_off, !source, from, &s->nat_addr, &diff, 1))
		return -1;
	if (v6 && bpf_l4_csum_replace(skb, check, 0, diff, 0))
		return -1;
	if (bpf_l4_csum_replace(skb, check, port, s->nat_port, sizeof(port)) ||
	    bpf_skb_store_bytes(skb, port_off, &s->nat_port, sizeof(port), 0))
		return -1;
	if (!address_equal(from, source ? &p->key.src : &p->key.dst))
		return 0;
	if (nat_address(skb, v6, CV_ETH_LEN, source, from, &s->nat_addr, &diff, 0))
		return -1;
	return v6 ? bpf_l4_csum_replace(skb, check, 0, diff, BPF_F_PSEUDO_HDR) : 0;
}

/*
 * An error about a connection of the proxy goes to the proxy's socket; what answers as a Service does so with the
 * backend's address. Returns 0 or the drop reason.
 */
static __always_inline int icmp_capture(struct __sk_buff *skb, struct cv_scratch *s)
{
	struct cv_session *session;

	s->lookup = s->inner.reverse;
	if (s->lookup.proto == IPPROTO_TCP) {
		socket_capture(skb);
		return 0;
	}
	if (!datagram_is_proxys(&s->lookup))
		return 0;
	mark_capture(skb);
	session = session_lookup(&s->lookup, s->link);
	if (!session || !(session->flags & CV_SESSION_DRAWN))
		return 0;
	session_prepare(s, session);
	return icmp_translate(skb) ? CV_REASON_REWRITE_FAILED : 0;
}

/*
 * An error of the node's own about a datagram to a Service, which was addressed to a backend then: its header, of which
 * the kernel quotes all, says what the pod has asked. Returns 0 or the drop reason.
 */
static __always_inline int icmp_restore(struct __sk_buff *skb, struct cv_scratch *s)
{
	__u32 off = s->inner.l4_off + sizeof(struct udphdr);
	int v6 = s->packet.flags & CV_PACKET_V6;
	__be32 begin[3], asked4;

	if (s->inner.reverse.proto != IPPROTO_UDP || bpf_skb_load_bytes(skb, off, begin, sizeof(begin)) ||
	    !header_begins_with(begin))
		return 0;
	off += CV_HEADER_ADDRESSES;
	if (v6) {
		if (bpf_skb_load_bytes(skb, off + 16, &s->nat_addr, sizeof(s->nat_addr)) ||
		    bpf_skb_load_bytes(skb, off + 34, &s->nat_port, sizeof(s->nat_port)))
			return 0;
	} else {
		if (bpf_skb_load_bytes(skb, off + 4, &asked4, sizeof(asked4)) ||
		    bpf_skb_load_bytes(skb, off + 10, &s->nat_port, sizeof(s->nat_port)))
			return 0;
		s->nat_addr = address_from_v4(asked4);
	}
	s->nat_source = 1;
	return icmp_translate(skb) ? CV_REASON_REWRITE_FAILED : 0;
}

/* Whether an error goes back to whoever sent the packet that it quotes. What is no error passes. */
static __always_inline int icmp_returns(const struct cv_scratch *s)
{
	return !(s->packet.flags & CV_PACKET_ICMP_ERROR) || address_equal(&s->inner.reverse.dst, &s->packet.key.dst);
}

/*
 * Whether a pod may send an error: about what was sent to it, to whoever has sent it. Otherwise it could break others'
 * flows.
 */
static __always_inline int icmp_is_own(const struct cv_endpoint *ep, const struct cv_scratch *s)
{
	return !(s->packet.flags & CV_PACKET_ICMP_ERROR) ||
	       (icmp_returns(s) && endpoint_owns(ep, &s->packet, &s->inner.reverse.src));
}

/* Router advertisements and redirects, which no pod has to send (RFC 6105). */
static __always_inline int icmp_speaks_for_router(const struct cv_packet *p)
{
	if (p->key.proto == IPPROTO_ICMPV6)
		return p->icmp_type == CV_NDISC_ROUTER_ADVERTISEMENT || p->icmp_type == CV_NDISC_REDIRECT;
	return p->key.proto == IPPROTO_ICMP &&
	       (p->icmp_type == CV_ICMP_ROUTER_ADVERTISEMENT || p->icmp_type == CV_ICMP_REDIRECT);
}

/* What a host answers without a program: echo requests, and IPv4's timestamp requests. */
static __always_inline int icmp_is_request(const struct cv_packet *p)
{
	if (p->flags & CV_PACKET_V6)
		return p->icmp_type == ICMPV6_ECHO_REQUEST;
	return p->icmp_type == CV_ICMP_ECHO || p->icmp_type == CV_ICMP_TIMESTAMP;
}

/* ICMP out of a pod. */
__noinline int icmp_from_pod(struct __sk_buff *skb)
{
	struct cv_scratch *s = scratch_get();
	struct cv_flow *f;
	int host_stack, refused;

	if (!s)
		return TC_ACT_SHOT;
	if (icmp_speaks_for_router(&s->packet))
		return packet_drop(skb, CV_REASON_NEIGHBOUR_SCOPE, CV_SIDE_FROM_POD);
	counter_add(CV_COUNTER_PASS_PACKETS, 1);
	if (!(s->packet.flags & CV_PACKET_ICMP_INNER))
		return TC_ACT_OK;
	f = bpf_map_lookup_elem(&cv_flow, &s->inner.reverse);
	if (!f || f->in_ifindex != s->link) {
		refused = icmp_capture(skb, s);
		return refused ? packet_drop(skb, refused, CV_SIDE_FROM_POD) : TC_ACT_OK;
	}
	host_stack = f->flags & CV_FLOW_HOST_STACK;
	/* As of other packets: routing would take a Service address on a pod's veth for a spoofed source. */
	if (f->flags & (host_stack ? CV_FLOW_NAT_DST : CV_FLOW_NAT_SRC | CV_FLOW_NAT_DST)) {
		nat_prepare(s, f);
		if (icmp_translate(skb))
			return packet_drop(skb, CV_REASON_REWRITE_FAILED, CV_SIDE_FROM_POD);
	}
	if (f->verdict == CV_VERDICT_PROXY)
		mark_capture(skb);
	return f->verdict == CV_VERDICT_DIRECT && !host_stack ? forward_direct(skb, f) : TC_ACT_OK;
}

/* Whether an error is about an answer of a Service's backend, this pod, and was translated where it left the other. */
static __always_inline int icmp_was_translated(struct __sk_buff *skb, struct cv_scratch *s)
{
	struct cv_flow *f;

	flow_key_swap(&s->lookup, &s->inner.reverse);
	f = bpf_map_lookup_elem(&cv_flow, &s->lookup);
	return f && f->flags & CV_FLOW_HOST_STACK && f->in_ifindex == s->link && f->ifindex == s->came_by;
}

/*
 * ICMP towards a pod: errors about flows it does not have are refused, unless this node itself speaks. A pod of this
 * node speaks out of its own veth; workloads elsewhere are not asked for proof, because nothing but errors and echoes
 * can come of it.
 */
__noinline int icmp_to_pod(struct __sk_buff *skb, __u32 no_echo)
{
	struct cv_scratch *s = scratch_get();
	struct cv_address *from;
	struct cv_flow *f;
	int node, refused;

	if (!s)
		return TC_ACT_SHOT;
	from = address_lookup(s->packet.generation, &s->packet.key.src);
	node = !s->came_by || (from && from->flags & CV_ADDRESS_NODE);
	if (!node && from && address_is_here(s, from) && from->ifindex != s->came_by)
		return packet_drop(skb, CV_REASON_SPOOFED_SOURCE, CV_SIDE_NET);
	/* A router of the link speaks to the node, not to its pods, whose route is the node's. */
	if (!node && icmp_speaks_for_router(&s->packet))
		return packet_drop(skb, CV_REASON_NEIGHBOUR_SCOPE, CV_SIDE_NET);
	if (no_echo && !node && icmp_is_request(&s->packet))
		return packet_drop(skb, CV_REASON_ICMP_ECHO, CV_SIDE_NET);
	if (!icmp_returns(s))
		return packet_drop(skb, CV_REASON_FOREIGN_ERROR, CV_SIDE_NET);
	counter_add(CV_COUNTER_PASS_PACKETS, 1);
	if (!(s->packet.flags & CV_PACKET_ICMP_INNER))
		return TC_ACT_OK;
	f = bpf_map_lookup_elem(&cv_flow, &s->inner.reverse);
	/* What is the proxy's never leaves the node before its socket, so nobody else can have an error to tell. */
	if (f && ((f->ifindex && f->ifindex != s->link) || (f->verdict == CV_VERDICT_PROXY && !node)))
		return packet_drop(skb, CV_REASON_FOREIGN_ERROR, CV_SIDE_NET);
	if (!f) {
		if (!s->came_by)
			refused = icmp_restore(skb, s);
		else
			refused = node || icmp_was_translated(skb, s) ? 0 : CV_REASON_FOREIGN_ERROR;
		return refused ? packet_drop(skb, refused, CV_SIDE_TO_POD) : TC_ACT_OK;
	}
	if (f->flags & (CV_FLOW_NAT_SRC | CV_FLOW_NAT_DST)) {
		nat_prepare(s, f);
		if (icmp_translate(skb))
			return packet_drop(skb, CV_REASON_REWRITE_FAILED, CV_SIDE_TO_POD);
	}
	return TC_ACT_OK;
}
