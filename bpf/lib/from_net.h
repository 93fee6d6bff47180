/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Packets arriving at the node. Only what is the proxy's is touched; the rest is evaluated when it leaves towards a
 * pod.
 */
#pragma once

#include "lib/reassembly_await.h"
#include "lib/icmp.h"
#include "lib/external.h"

/* A datagram for a workload here that is behind the proxy, or part of one that is being reassembled. */
__noinline int from_net_datagram(struct __sk_buff *skb)
{
	struct cv_scratch *s = scratch_get();
	struct cv_session *session;
	struct cv_address *to;
	struct cv_packet *p;
	struct cv_flow *f;
	int r;

	if (!s)
		return TC_ACT_SHOT;
	p = &s->packet;
	p->now = bpf_ktime_get_ns();
	to = address_lookup(p->generation, &p->key.dst);
	if (!to)
		return TC_ACT_OK;
	if ((p->flags & (CV_PACKET_REASSEMBLED | CV_PACKET_LATER_FRAGMENT)) ==
	    (CV_PACKET_REASSEMBLED | CV_PACKET_LATER_FRAGMENT))
		return datagram_leave(skb, CV_COUNTER_UDP_PLAIN, CV_SIDE_NET);
	s->flow_key = p->key;
	f = bpf_map_lookup_elem(&cv_flow, &s->flow_key);
	if (f && f->flags & CV_FLOW_REPLY && !(p->flags & CV_PACKET_REASSEMBLED))
		return TC_ACT_OK; /* the answer to a pod's own flow */
	session = session_lookup(&p->key, s->link);
	if (session_is_whole(session) && session->generation == p->generation) {
		s->session = *session;
		return datagram_to_proxy(skb, CV_SIDE_NET);
	}
	r = external_evaluate(s, to);
	if (r == CV_EXTERNAL_LEAVE)
		return TC_ACT_OK;
	if (!r)
		r = session_open(s, s->link,
		                 CV_SESSION_EXTERNAL |
		                         (s->decision.verdict == CV_VERDICT_PROXY ? 0 : CV_SESSION_REASSEMBLED));
	if (r)
		return packet_drop(skb, r, CV_SIDE_NET);
	/* It is older than the workload's place behind the proxy; answers would go past that. */
	if (f && !(f->flags & CV_FLOW_REPLY))
		flow_remove(skb);
	return datagram_to_proxy(skb, CV_SIDE_NET);
}

/* A later fragment whose first fragment was not seen. */
__noinline int from_net_first_missing(struct __sk_buff *skb)
{
	struct cv_scratch *s = scratch_get();
	struct cv_address *to;
	struct cv_packet *p;

	if (!s)
		return TC_ACT_OK;
	p = &s->packet;
	if (p->key.proto != IPPROTO_UDP || !packet_begin(p))
		return TC_ACT_OK;
	to = address_lookup(p->generation, &p->key.dst);
	if (!workload_is_guarded_here(s, to) || !datagram_is_awaited(skb))
		return TC_ACT_OK;
	return reassembly_await_first(skb, s, CV_SIDE_NET);
}

/* A datagram that the XDP program has put a header on. Nobody but the proxy must get it. */
__noinline int from_net_handed_over(struct __sk_buff *skb)
{
	struct cv_scratch *s = scratch_get();
	int r;

	if (!s)
		return TC_ACT_SHOT;
	r = packet_parse(skb);
	if (!r && s->packet.key.proto != IPPROTO_UDP)
		r = CV_REASON_INTERNAL;
	if (!r)
		r = datagram_assign(skb, s->packet.flags & CV_PACKET_V6 ? CV_LISTENER_UDP6 : CV_LISTENER_UDP4);
	if (r) {
		packet_drop(skb, r > 0 ? r : CV_REASON_INTERNAL, CV_SIDE_NET);
		return TC_ACT_SHOT;
	}
	datagram_capture(skb, CV_COUNTER_UDP_HEADER);
	return TC_ACT_OK;
}

/* Whether the XDP program has handed the packet over. */
static __always_inline int from_net_is_handed_over(struct __sk_buff *skb)
{
	struct cv_handover *handover = (void *)(long)skb->data_meta;

	return (void *)(handover + 1) <= (void *)(long)skb->data && handover->magic == CV_HANDOVER_MAGIC;
}

/*
 * A connection from outside to a workload behind the proxy. An ACK that belongs to no flow may answer a SYN cookie.
 * Returns what the program returns.
 */
static __always_inline int from_net_connection(struct __sk_buff *skb, struct cv_scratch *s, const struct cv_address *to)
{
	struct cv_packet *p = &s->packet;
	struct cv_address *from;
	struct cv_flow *f;
	int r, fresh = packet_is_fresh_syn(p);

	if (to->flags & (CV_ADDRESS_STRICT | CV_ADDRESS_EXCLUDED | CV_ADDRESS_NODE) || p->flags & CV_PACKET_FRAGMENT ||
	    p->tcp_flags & CV_TCP_RST || (!fresh && (p->tcp_flags & (CV_TCP_SYN | CV_TCP_ACK)) != CV_TCP_ACK) ||
	    port_excluded(p, to, &p->key.dst, p->key.dport))
		return TC_ACT_OK;
	p->now = bpf_ktime_get_ns();
	s->flow_key = p->key;
	f = bpf_map_lookup_elem(&cv_flow, &s->flow_key);
	if (f && (!fresh || f->flags & CV_FLOW_REPLY))
		return TC_ACT_OK;
	from = address_lookup(p->generation, &p->key.src);
	if (source_is_the_meshs(s, from, 0) || source_is_the_nodes(s, from))
		return packet_drop(skb, CV_REASON_SPOOFED_SOURCE, CV_SIDE_NET);
	r = listener_take(skb, s, CV_LISTENER_OUT4);
	if (r)
		return packet_drop(skb, r, CV_SIDE_NET);
	if (f)
		flow_remove(skb);
	return TC_ACT_OK;
}

static __always_inline int from_net(struct __sk_buff *skb, struct cv_scratch *s)
{
	struct cv_packet *p = &s->packet;
	struct cv_address *to;
	int r;

	if (!packet_take_generation(p))
		return TC_ACT_OK;
	to = address_lookup(p->generation, &p->key.dst);
	if (!to || !(to->flags & CV_ADDRESS_MESHED) || !address_is_here(s, to))
		return TC_ACT_OK;
	/* The kernel refuses such a source by itself for IPv4 only. */
	if (p->flags & CV_PACKET_V6 && source_is_the_nodes(s, address_lookup(p->generation, &p->key.src)))
		return packet_drop(skb, CV_REASON_SPOOFED_SOURCE, CV_SIDE_NET);
	if (p->key.proto == IPPROTO_UDP)
		return workload_is_guarded_here(s, to) &&
		                       (to->flags & CV_ADDRESS_PROXY || p->flags & CV_PACKET_REASSEMBLED)
		               ? from_net_datagram(skb)
		               : TC_ACT_OK;
	if (p->key.proto != IPPROTO_TCP) {
		if (p->flags & CV_PACKET_ICMP_INNER)
			icmp_capture(skb, s);
		return TC_ACT_OK;
	}
	s->lookup = p->key;
	if (socket_capture(skb))
		return TC_ACT_OK;
	if (p->key.dport != bpf_htons(cv_cfg_tunnel_port))
		return port_needs_proxy(p, to, &p->key.dst, p->key.dport) ? from_net_connection(skb, s, to) : TC_ACT_OK;
	r = listener_take(skb, s, CV_LISTENER_TUNNEL4);
	return r ? packet_drop(skb, r, CV_SIDE_NET) : TC_ACT_OK;
}
