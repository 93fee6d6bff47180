/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Resets for TCP that is refused, so that the caller learns of it at once. */
#pragma once

#include "lib/answer.h"
#include "lib/socket.h"

/* The TCP header of the reset (RFC 9293, 3.10.7.1), sum included, in s->bytes. */
static __always_inline void reject_build_tcp(struct cv_scratch *s)
{
	struct tcphdr *tcp = (void *)(s->bytes + CV_TCP_OFF);
	__be32 *pseudo = (void *)(s->bytes + CV_PSEUDO_OFF);
	struct cv_packet *p = &s->packet;
	__s64 sum;

	__builtin_memset(tcp, 0, sizeof(*tcp));
	tcp->source = p->key.dport;
	tcp->dest = p->key.sport;
	tcp->doff = sizeof(*tcp) / 4;
	tcp->rst = 1;
	if (p->tcp_flags & CV_TCP_ACK) {
		tcp->seq = bpf_htonl(p->tcp_ack);
	} else {
		tcp->ack = 1;
		tcp->ack_seq = bpf_htonl(packet_sequence_end(p));
	}
	*pseudo = bpf_htonl(IPPROTO_TCP + sizeof(*tcp));
	sum = bpf_csum_diff(0, 0, (__be32 *)tcp, sizeof(*tcp) + sizeof(*pseudo), 0);
	if (p->flags & CV_PACKET_V6)
		sum = bpf_csum_diff(0, 0, (__be32 *)&p->key.src, 2 * sizeof(struct cv_addr), sum);
	else
		sum = bpf_csum_diff((__be32 *)0, 0, &p->key.src.w[3], 4, bpf_csum_diff(0, 0, &p->key.dst.w[3], 4, sum));
	tcp->check = csum_fold(sum);
}

/* Whether the packet can be answered with a reset. Packets with options are dropped silently. */
static __always_inline int reject_possible(const struct cv_packet *p)
{
	return cv_cfg_answer && p->key.proto == IPPROTO_TCP && !(p->tcp_flags & CV_TCP_RST) &&
	       !(p->flags & (CV_PACKET_FRAGMENT | CV_PACKET_OPTIONS));
}

/* Makes the packet the reset that answers the one in s->packet; the Ethernet header stays. Returns 0 when done. */
static __always_inline int reject_store(struct __sk_buff *skb, struct cv_scratch *s)
{
	struct cv_packet *p = &s->packet;
	__u32 ip_len = p->flags & CV_PACKET_V6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);

	if (bpf_skb_change_tail(skb, CV_ETH_LEN + ip_len + sizeof(struct tcphdr), 0))
		return -1;
	answer_build_ip(s, IPPROTO_TCP, sizeof(struct tcphdr));
	reject_build_tcp(s);
	if (answer_store_ip(skb, s))
		return -1;
	counter_add(CV_COUNTER_REJECT_SENT, 1);
	return bpf_skb_store_bytes(skb, CV_ETH_LEN + ip_len, s->bytes + CV_TCP_OFF, sizeof(struct tcphdr),
	                           BPF_F_RECOMPUTE_CSUM | BPF_F_INVALIDATE_HASH);
}

/* Which Ethernet addresses a reset in the place of a packet has. */
enum cv_reset_macs {
	CV_MACS_OWN = 0,   /* the packet's, which leads to its receiver already */
	CV_MACS_SAVED = 1, /* those at CV_MACS_OFF, unless it is routed */
};

/*
 * Ends a refused live connection at its receiver too, which would otherwise wait for ever: sends it a reset in the
 * place of the packet, out of the interface, or by routing as if the pod had sent it when `ifindex` is 0. The packet is
 * one of the flow whose other direction is s->peer, and is as good as dropped afterwards: only reject_send may follow.
 */
__noinline int reject_receiver(struct __sk_buff *skb, __u32 ifindex, __u32 macs)
{
	struct cv_scratch *s = scratch_get();
	__u32 mark = skb->mark, ack;
	struct cv_flow_key key;
	struct cv_packet *p;
	__u8 flags;
	int r;

	if (!s)
		return 0;
	p = &s->packet;
	if (!reject_possible(p) || bpf_skb_load_bytes(skb, 0, s->bytes + CV_OLD_MACS_OFF, 12))
		return 0;
	key = p->key;
	ack = p->tcp_ack;
	flags = p->tcp_flags;
	/* As if the receiver had sent a packet that acknowledges all before this one. */
	p->key = s->peer;
	p->tcp_ack = p->tcp_seq;
	p->tcp_flags = CV_TCP_ACK;
	r = reject_store(skb, s);
	p->key = key;
	p->tcp_ack = ack;
	p->tcp_flags = flags;
	if (r || (macs == CV_MACS_SAVED && ifindex && bpf_skb_store_bytes(skb, 0, s->bytes + CV_MACS_OFF, 12, 0)))
		return 0;
	skb->mark = (mark & ~cv_cfg_mark_mask) | cv_cfg_mark_reject;
	/* In a pod's own namespace its link's ingress leads to the pod. */
	if (s->space)
		bpf_clone_redirect(skb, skb->ifindex, ifindex ? BPF_F_INGRESS : 0);
	else
		bpf_clone_redirect(skb, ifindex ? ifindex : skb->ifindex, ifindex ? 0 : BPF_F_INGRESS);
	skb->mark = mark;
	bpf_skb_store_bytes(skb, 0, s->bytes + CV_OLD_MACS_OFF, 12, 0);
	return 0;
}

/* Turns the packet into the reset that answers it and sends it off. */
static __always_inline int reject_send(struct __sk_buff *skb, struct cv_scratch *s, __u32 side)
{
	if (answer_swap_macs(skb, s) || reject_store(skb, s))
		return TC_ACT_SHOT;
	if (side == CV_SIDE_FROM_POD)
		return answer_to_pod(skb, s);
	skb->mark = (skb->mark & ~cv_cfg_mark_mask) | cv_cfg_mark_reject;
	return bpf_redirect(skb->ifindex, s->space ? 0 : BPF_F_INGRESS);
}
