/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * TCP connections of a pod to a Service that go by the proxy, to a backend that is drawn here: the packets are
 * addressed to the backend before the node's own rules see them, so that what these say of the backend holds, and
 * kube-proxy's have nothing left to choose. Both directions have entries in cv_flow, of CV_VERDICT_PROXY, by which the
 * proxy's answers become the Service's again and the agent finds what the pod has asked for. Policy is the proxy's
 * business: an entry is not asked about again when that has changed.
 *
 * The proxy takes such connections with listeners of their own, so that by a socket alone it is clear whether what it
 * sends has to be translated.
 */
#pragma once

#include "lib/flow.h"
#include "lib/forward.h"
#include "lib/icmp.h"

/* The key of the proxy's socket, in s->lookup, for the connection of s->flow_key, an entry of a pod's direction. */
static __always_inline void proxied_socket_key(struct cv_scratch *s, const struct cv_flow *f)
{
	flow_peer_key(&s->peer, &s->flow_key, f);
	flow_key_swap(&s->lookup, &s->peer);
}

/*
 * The entry of the answers to s->lookup, an address and port of a pod and of a backend, which s->flow_key names then;
 * NULL when these are no such connection's.
 */
static __always_inline struct cv_flow *proxied_answers(struct cv_scratch *s)
{
	struct cv_flow *f;

	flow_key_swap(&s->flow_key, &s->lookup);
	f = bpf_map_lookup_elem(&cv_flow, &s->flow_key);
	return f && f->verdict == CV_VERDICT_PROXY ? f : 0;
}

/*
 * Translates the packet in hand as the entry of its direction says, and counts it there. Returns 0 or the drop reason.
 */
static __always_inline int proxied_translate(struct __sk_buff *skb, struct cv_scratch *s, struct cv_flow *f)
{
	__u16 flags = f->flags;

	nat_prepare(s, f);
	if (packet_translate(skb))
		return CV_REASON_REWRITE_FAILED;
	flow_count(skb, s, f);
	flow_track(skb, s, flags);
	return 0;
}

/*
 * Begins such a connection, as s->decision says, with the SYN in hand. Returns 0, the drop reason, or CV_IGNORE when
 * the proxy is to take it with the address that it has, s->lookup: where a living connection of the pod to that backend
 * has the same ports, and the proxy can choose no other, of which the node's rules have not been asked.
 */
static __always_inline int proxied_begin(struct __sk_buff *skb, struct cv_scratch *s)
{
	struct cv_packet *p = &s->packet;
	struct cv_flow *f;
	int r;

	s->lookup = p->key;
	s->lookup.dst = s->decision.addr;
	s->lookup.dport = s->decision.port;
	if (socket_is_proxys(skb)) {
		if (!s->decision.sole)
			return CV_REASON_TUPLE_TAKEN; /* the next try may draw another */
		s->lookup = p->key;
		socket_is_proxys(skb); /* for s->time_wait */
		return CV_IGNORE;
	}
	/* An entry without a socket is of a connection that has come to nothing. */
	if (proxied_answers(s))
		flow_remove(skb);
	r = flow_create(skb, s->link);
	if (r)
		return r;
	s->flow_key = p->key;
	f = bpf_map_lookup_elem(&cv_flow, &s->flow_key);
	if (!f || f->verdict != CV_VERDICT_PROXY)
		return CV_REASON_FLOW_TABLE_FULL;
	proxied_socket_key(s, f);
	r = listener_take(skb, s, CV_LISTENER_BACKEND4);
	if (r) {
		flow_remove(skb);
		return r;
	}
	return proxied_translate(skb, s, f);
}

/*
 * A packet of a pod in the connection of s->flow_key. Returns 0, the drop reason, or CV_FLOW_GONE when it begins
 * another connection.
 */
__noinline int proxied_from_pod(struct __sk_buff *skb)
{
	struct cv_scratch *s = scratch_get();
	struct cv_packet *p;
	struct cv_flow *f;
	int r;

	if (!s)
		return CV_REASON_INTERNAL;
	p = &s->packet;
	f = bpf_map_lookup_elem(&cv_flow, &s->flow_key);
	if (!f)
		return CV_FLOW_GONE;
	proxied_socket_key(s, f);
	if (!socket_capture(skb)) {
		if (packet_is_fresh_syn(p) && flow_is_over(f, p)) {
			flow_remove(skb);
			return CV_FLOW_GONE;
		}
		r = listener_take(skb, s, CV_LISTENER_BACKEND4);
		if (r)
			return r;
	}
	return proxied_translate(skb, s, f);
}

/*
 * Whether such a connection, to the backend that a pod's SYN is for, lives and has the SYN's ports: the proxy cannot
 * tell the two apart. One that is over makes room.
 */
__noinline int proxied_is_in_the_way(struct __sk_buff *skb)
{
	struct cv_scratch *s = scratch_get();

	if (!s)
		return 0;
	s->lookup = s->packet.key;
	if (!proxied_answers(s))
		return 0;
	if (socket_is_proxys(skb))
		return 1;
	flow_remove(skb);
	return 0;
}

/*
 * Gives what goes to a pod in such a connection, the packet in s->packet, the Service's address. Returns 0, the drop
 * reason, or CV_FLOW_GONE when there is no such connection.
 */
__noinline int proxied_to_pod(struct __sk_buff *skb)
{
	struct cv_scratch *s = scratch_get();
	struct cv_flow *f;

	if (!s)
		return CV_REASON_INTERNAL;
	s->flow_key = s->packet.key;
	f = bpf_map_lookup_elem(&cv_flow, &s->flow_key);
	if (!f || f->verdict != CV_VERDICT_PROXY || f->ifindex != s->link || !(f->flags & CV_FLOW_NAT_SRC))
		return CV_FLOW_GONE;
	counter_add(CV_COUNTER_PROXY_PACKETS, 1);
	return proxied_translate(skb, s, f);
}

/*
 * The same for what a socket of the proxy, or the kernel on behalf of one, sends to a pod. A packet that is no such
 * connection's is left as it is.
 */
static __always_inline int proxied_answer(struct __sk_buff *skb, struct cv_scratch *s)
{
	int r = packet_parse(skb);

	if (r)
		return r;
	packet_begin(&s->packet);
	return proxied_to_pod(skb);
}

/*
 * Gives what a socket of the proxy answers a pod's datagrams to a Service with, or with an error, the Service's
 * address. A later fragment shows no ports, and needs none. Returns 0 or the drop reason.
 */
static __always_inline int proxied_datagram(struct __sk_buff *skb, struct cv_scratch *s,
                                            const struct cv_own_socket *own)
{
	int r = packet_parse(skb);

	if (r && r != CV_REASON_FRAGMENT_NO_FIRST)
		return r > 0 ? r : 0;
	s->nat_addr = own->addr;
	s->nat_port = own->port;
	s->nat_source = 1;
	if (s->packet.key.proto == IPPROTO_UDP)
		r = packet_translate(skb);
	else
		r = s->packet.flags & CV_PACKET_ICMP_INNER ? icmp_translate(skb) : 0;
	counter_add(CV_COUNTER_PROXY_PACKETS, 1);
	return r ? CV_REASON_REWRITE_FAILED : 0;
}

/*
 * Ends the socket of the proxy whose connection has no entry any more, as after a reset of the pod that did not reach
 * it: what it says would not reach the pod. Turns the packet in s->packet into the reset that answers it, which comes
 * as the pod's own. Returns what the program returns.
 */
static __always_inline int proxied_end(struct __sk_buff *skb, struct cv_scratch *s)
{
	drop_count(CV_REASON_NOT_A_CONNECTION);
	if (!reject_possible(&s->packet) || answer_swap_macs(skb, s) || reject_store(skb, s))
		return TC_ACT_SHOT;
	skb->mark &= ~cv_cfg_mark_mask;
	return bpf_redirect(skb->ifindex, BPF_F_INGRESS);
}
