/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * ICMP for datagrams of a pod to where nothing is: an application learns of it at once, as it would from a closed port.
 */
#pragma once

#include "lib/answer.h"

/* Whether the packet can be answered with ICMP. */
static __always_inline int unreachable_possible(const struct cv_packet *p)
{
	return cv_cfg_answer && p->key.proto == IPPROTO_UDP && !(p->flags & (CV_PACKET_FRAGMENT | CV_PACKET_OPTIONS));
}

/* The ICMP message about the packet in hand, sum included, in s->bytes. Returns 0 when done. */
static __always_inline int unreachable_build(struct __sk_buff *skb, struct cv_scratch *s)
{
	__u8 *message = s->bytes + CV_ICMP_OFF;
	struct cv_packet *p = &s->packet;
	__be16 *check = (__be16 *)(message + 2);
	__s64 sum;

	__builtin_memset(message, 0, CV_ICMP_HEADER);
	if (p->flags & CV_PACKET_V6) {
		message[0] = ICMPV6_DEST_UNREACH;
		message[1] = ICMPV6_PORT_UNREACH;
		if (bpf_skb_load_bytes(skb, CV_ETH_LEN, message + CV_ICMP_HEADER, CV_ICMP6_LEN - CV_ICMP_HEADER))
			return -1;
		*(__be32 *)(message + CV_ICMP6_LEN) = bpf_htonl(IPPROTO_ICMPV6 + CV_ICMP6_LEN);
		sum = bpf_csum_diff(0, 0, (__be32 *)&p->key.src, 2 * sizeof(struct cv_addr), 0);
		sum = bpf_csum_diff(0, 0, (__be32 *)message, CV_ICMP6_LEN + sizeof(__be32), sum);
	} else {
		message[0] = CV_ICMP_DEST_UNREACH;
		message[1] = CV_ICMP_PORT_UNREACH;
		if (bpf_skb_load_bytes(skb, CV_ETH_LEN, message + CV_ICMP_HEADER, CV_ICMP4_LEN - CV_ICMP_HEADER))
			return -1;
		sum = bpf_csum_diff(0, 0, (__be32 *)message, CV_ICMP4_LEN, 0);
	}
	*check = csum_fold(sum);
	return 0;
}

/* Makes the packet the ICMP error about itself; the Ethernet header stays. Returns 0 when done. */
static __always_inline int unreachable_store(struct __sk_buff *skb, struct cv_scratch *s)
{
	__u8 *message = s->bytes + CV_ICMP_OFF;

	if (unreachable_build(skb, s))
		return -1;
	if (s->packet.flags & CV_PACKET_V6) {
		if (bpf_skb_change_tail(skb, CV_ETH_LEN + sizeof(struct ipv6hdr) + CV_ICMP6_LEN, 0))
			return -1;
		answer_build_ip(s, IPPROTO_ICMPV6, CV_ICMP6_LEN);
		if (bpf_skb_store_bytes(skb, CV_ETH_LEN + sizeof(struct ipv6hdr), message, CV_ICMP6_LEN,
		                        BPF_F_RECOMPUTE_CSUM | BPF_F_INVALIDATE_HASH))
			return -1;
	} else {
		if (bpf_skb_change_tail(skb, CV_ETH_LEN + sizeof(struct iphdr) + CV_ICMP4_LEN, 0))
			return -1;
		answer_build_ip(s, IPPROTO_ICMP, CV_ICMP4_LEN);
		if (bpf_skb_store_bytes(skb, CV_ETH_LEN + sizeof(struct iphdr), message, CV_ICMP4_LEN,
		                        BPF_F_RECOMPUTE_CSUM | BPF_F_INVALIDATE_HASH))
			return -1;
	}
	return answer_store_ip(skb, s);
}

/* Turns the packet into the ICMP error about itself and sends it back into the pod. */
static __always_inline int unreachable_send(struct __sk_buff *skb, struct cv_scratch *s)
{
	if (unreachable_store(skb, s) || answer_swap_macs(skb, s))
		return TC_ACT_SHOT;
	counter_add(CV_COUNTER_UNREACHABLE_SENT, 1);
	return answer_to_pod(skb, s);
}
