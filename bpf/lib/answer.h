/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What all answers to refused packets have in common: they are the packet itself, rewritten and sent back. */
#pragma once

#include <linux/pkt_cls.h>
#include "lib/checksum.h"
#include "lib/events.h"
#include "lib/parse.h"

/* Where the packet was seen, which says where an answer goes. */
enum cv_side {
	CV_SIDE_FROM_POD = 0, /* back into the pod */
	CV_SIDE_TO_POD = 1,   /* back to the sender, by routing, as if the pod had sent it */
	CV_SIDE_NET = 2,      /* no answer */
};

/*
 * Places in s->bytes. A packet gets either a reset or an ICMP error, so that theirs may overlap; the addresses are kept
 * beside a reset only, and CV_OLD_MACS_OFF is in use with both.
 */
#define CV_IP_OFF 0
#define CV_ICMP_OFF 40   /* the ICMP header and what it quotes, and for IPv6 the end of the pseudo header */
#define CV_TCP_OFF 64    /* the TCP header as it goes out … */
#define CV_PSEUDO_OFF 84 /* … and the end of the pseudo header, for the sum only */
#define CV_MACS_OFF 96   /* the receiving pod's Ethernet addresses, for reject_receiver */
#define CV_OLD_MACS_OFF 112
#define CV_MACS_LEN 12

#define CV_ICMP_HEADER 8
#define CV_ICMP_QUOTED 8 /* of what follows the quoted IP header (RFC 792): the UDP header, which has the ports */
#define CV_ICMP4_LEN (CV_ICMP_HEADER + sizeof(struct iphdr) + CV_ICMP_QUOTED)
#define CV_ICMP6_LEN (CV_ICMP_HEADER + sizeof(struct ipv6hdr) + CV_ICMP_QUOTED)

_Static_assert(CV_IP_OFF + sizeof(struct ipv6hdr) <= CV_ICMP_OFF, "an ICMP error has its IP header in front of it");
_Static_assert(CV_ICMP_OFF + CV_ICMP6_LEN + sizeof(__be32) <= CV_OLD_MACS_OFF,
               "an ICMP error leaves the addresses alone");
_Static_assert(CV_TCP_OFF + sizeof(struct tcphdr) == CV_PSEUDO_OFF, "one sum goes over both");
_Static_assert(CV_PSEUDO_OFF + sizeof(__be32) <= CV_MACS_OFF, "a reset leaves the addresses alone");
_Static_assert(CV_MACS_OFF + CV_MACS_LEN <= CV_OLD_MACS_OFF, "two pairs of addresses");
_Static_assert(CV_OLD_MACS_OFF + CV_MACS_LEN <= sizeof(((struct cv_scratch *)0)->bytes), "there is room for all");

/* The IP header of the answer, of a protocol and with so many bytes behind it, in s->bytes. */
static __always_inline void answer_build_ip(struct cv_scratch *s, __u8 protocol, __u16 payload)
{
	struct cv_packet *p = &s->packet;

	if (p->flags & CV_PACKET_V6) {
		struct ipv6hdr *ip = (void *)s->bytes;

		__builtin_memset(ip, 0, sizeof(*ip));
		ip->version = 6;
		ip->payload_len = bpf_htons(payload);
		ip->nexthdr = protocol;
		ip->hop_limit = 64;
		__builtin_memcpy(&ip->saddr, &p->key.dst, sizeof(ip->saddr));
		__builtin_memcpy(&ip->daddr, &p->key.src, sizeof(ip->daddr));
	} else {
		struct iphdr *ip = (void *)s->bytes;

		__builtin_memset(ip, 0, sizeof(*ip));
		ip->version = 4;
		ip->ihl = sizeof(*ip) / 4;
		ip->tot_len = bpf_htons(sizeof(*ip) + payload);
		ip->frag_off = bpf_htons(0x4000);
		ip->ttl = 64;
		ip->protocol = protocol;
		ip->saddr = p->key.dst.w[3];
		ip->daddr = p->key.src.w[3];
		ip->check = csum_fold(bpf_csum_diff(0, 0, (__be32 *)ip, sizeof(*ip), 0));
	}
}

/* Puts the IP header of the answer in its place. */
static __always_inline int answer_store_ip(struct __sk_buff *skb, struct cv_scratch *s)
{
	if (s->packet.flags & CV_PACKET_V6)
		return bpf_skb_store_bytes(skb, CV_ETH_LEN, s->bytes, sizeof(struct ipv6hdr), BPF_F_RECOMPUTE_CSUM);
	return bpf_skb_store_bytes(skb, CV_ETH_LEN, s->bytes, sizeof(struct iphdr), BPF_F_RECOMPUTE_CSUM);
}

/*
 * Sends an answer, in the place of a pod's packet, back into the pod. In its own namespace the mark says to the program
 * at its ingress whose it is: what comes from outside has none.
 */
static __always_inline int answer_to_pod(struct __sk_buff *skb, const struct cv_scratch *s)
{
	if (!s->space)
		return bpf_redirect_peer(skb->ifindex, 0);
	skb->mark = (skb->mark & ~cv_cfg_mark_mask) | cv_cfg_mark_reject;
	return bpf_redirect(skb->ifindex, BPF_F_INGRESS);
}

/* Exchanges the Ethernet addresses, so that the packet goes back to where it comes from. Returns 0 when done. */
static __always_inline int answer_swap_macs(struct __sk_buff *skb, struct cv_scratch *s)
{
	__u8 *mac = s->bytes + CV_OLD_MACS_OFF;

	return bpf_skb_load_bytes(skb, 0, mac + 6, 6) || bpf_skb_load_bytes(skb, 6, mac, 6) ||
	       bpf_skb_store_bytes(skb, 0, mac, 12, 0);
}
