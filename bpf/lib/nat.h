/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Rewriting addresses and ports. Works on super-packets and on packets whose checksum the device still has to finish.
 * IPv4: the change of an address and of the header checksum cancel out in skb->csum. IPv6 has no header checksum, so
 * the address is stored with BPF_F_RECOMPUTE_CSUM to make up for what BPF_F_PSEUDO_HDR takes off.
 */
#pragma once

#include "lib/parse.h"

#define CV_TCP_CHECK_OFF (offsetof(struct tcphdr, check))
#define CV_UDP_CHECK_OFF (offsetof(struct udphdr, check))
#define CV_IP4_CHECK_OFF (offsetof(struct iphdr, check))

/* Replaces an address of the IP header at l3_off; *diff becomes the change of the sum over it. Returns 0 when done. */
static __always_inline int nat_address(struct __sk_buff *skb, int v6, __u32 l3_off, int source, struct cv_addr *from,
                                       struct cv_addr *to, __s64 *diff, int inner)
{
	__u32 off;

	if (v6) {
		off = l3_off + (source ? offsetof(struct ipv6hdr, saddr) : offsetof(struct ipv6hdr, daddr));
		*diff = bpf_csum_diff((__be32 *)from, sizeof(*from), (__be32 *)to, sizeof(*to), 0);
		return bpf_skb_store_bytes(skb, off, to, sizeof(*to), inner ? 0 : BPF_F_RECOMPUTE_CSUM);
	}
	off = l3_off + (source ? offsetof(struct iphdr, saddr) : offsetof(struct iphdr, daddr));
	*diff = bpf_csum_diff((__be32 *)&from->w[3], 4, (__be32 *)&to->w[3], 4, 0);
	if (bpf_skb_store_bytes(skb, off, &to->w[3], 4, 0))
		return -1;
	return bpf_l3_csum_replace(skb, l3_off + CV_IP4_CHECK_OFF, from->w[3], to->w[3], 4);
}

/* Replaces source (s->nat_source) or destination by s->nat_addr and s->nat_port. Returns 0 when done. */
__noinline int packet_translate(struct __sk_buff *skb)
{
	struct cv_scratch *s = scratch_get();
	struct cv_packet *p;
	__u32 off, check, mangled;
	__be16 port;
	__s64 diff;
	int source;

	if (!s)
		return -1;
	p = &s->packet;
	source = s->nat_source;
	if (nat_address(skb, p->flags & CV_PACKET_V6, CV_ETH_LEN, source, source ? &p->key.src : &p->key.dst,
	                &s->nat_addr, &diff, 0))
		return -1;
	if (p->flags & CV_PACKET_LATER_FRAGMENT)
		return 0;
	mangled = p->key.proto == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;
	check = p->l4_off + (p->key.proto == IPPROTO_UDP ? CV_UDP_CHECK_OFF : CV_TCP_CHECK_OFF);
	if (bpf_l4_csum_replace(skb, check, 0, diff, BPF_F_PSEUDO_HDR | mangled))
		return -1;
	port = source ? p->key.sport : p->key.dport;
	if (port == s->nat_port)
		return 0;
	if (bpf_l4_csum_replace(skb, check, port, s->nat_port, mangled | sizeof(port)))
		return -1;
	off = p->l4_off + (source ? 0 : 2);
	return bpf_skb_store_bytes(skb, off, &s->nat_port, sizeof(port), 0);
}
