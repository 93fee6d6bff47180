/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * From bytes to struct cv_packet. Each parser returns 0, a drop reason (positive), or CV_IGNORE. Headers are copied
 * with bpf_skb_load_bytes, which reads paged packets too and needs no bounds proof for variable offsets.
 */
#pragma once

#include <stddef.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include "lib/address.h"
#include "lib/checksum.h"
#include "lib/fragment.h"
#include "lib/icmp_type.h"

#define CV_MAX_EXTENSIONS 6
#define CV_VLAN_NETWORK_MASK 0x0fff

/*
 * Of the third and fourth byte of the IPv6 fragment header (RFC 8200, 4.5). The offset is one in units of 8 bytes;
 * masked, and not shifted, it is one in bytes.
 */
#define CV_IP6_FRAGMENT_OFFSET 0xfff8
#define CV_IP6_MORE_FRAGMENTS 0x0001

#define CV_NEIGHBOUR_HOP_LIMIT 255 /* RFC 4861, 3.1: no router has passed it on */
#define CV_MLD_HOP_LIMIT 1         /* RFC 3810, 5 */

static __always_inline int parse_tcp(struct __sk_buff *skb, struct cv_packet *p, __u32 l4_len)
{
	struct tcphdr tcp;
	__u32 header;

	if (bpf_skb_load_bytes(skb, p->l4_off, &tcp, sizeof(tcp)))
		return CV_REASON_MALFORMED;
	header = tcp.doff * 4;
	if (header < sizeof(tcp) || header > l4_len)
		return CV_REASON_MALFORMED;
	p->key.sport = tcp.source;
	p->key.dport = tcp.dest;
	p->tcp_flags = ((__u8 *)&tcp)[13];
	p->tcp_seq = bpf_ntohl(tcp.seq);
	p->tcp_ack = bpf_ntohl(tcp.ack_seq);
	p->tcp_payload = l4_len - header;
	return 0;
}

static __always_inline int parse_udp(struct __sk_buff *skb, struct cv_packet *p, __u32 l4_len)
{
	struct udphdr udp;
	__u32 len;

	/* Not what pads the frame: the kernel takes a first fragment without all of the header for none. */
	if (l4_len < sizeof(udp) || bpf_skb_load_bytes(skb, p->l4_off, &udp, sizeof(udp)))
		return CV_REASON_MALFORMED;
	len = bpf_ntohs(udp.len);
	/* A fragment holds less than the datagram, a super-packet may hold more than the field can say. */
	if (!(p->flags & CV_PACKET_FRAGMENT) && !skb->gso_size && (len < sizeof(udp) || len > l4_len))
		return CV_REASON_MALFORMED;
	p->key.sport = udp.source;
	p->key.dport = udp.dest;
	return 0;
}

static __always_inline int icmp_type_is_error(const struct cv_packet *p)
{
	if (p->flags & CV_PACKET_V6)
		return p->icmp_type >= ICMPV6_DEST_UNREACH && p->icmp_type <= ICMPV6_PARAMPROB;
	return p->icmp_type == CV_ICMP_DEST_UNREACH || p->icmp_type == CV_ICMP_TIME_EXCEEDED ||
	       p->icmp_type == CV_ICMP_PARAMETERPROB;
}

/* The packet inside an ICMP error: its addresses and, when they are there, its ports, the other way round. */
static __always_inline int parse_inner(struct __sk_buff *skb, struct cv_scratch *s)
{
	struct cv_packet *p = &s->packet;
	struct cv_inner *inner = &s->inner;
	__be16 ports[2];
	int first = 1;

	__builtin_memset(inner, 0, sizeof(*inner));
	inner->reverse.space = s->space;
	inner->l3_off = p->l4_off + 8;
	if (p->flags & CV_PACKET_V6) {
		struct ipv6hdr ip;

		if (bpf_skb_load_bytes(skb, inner->l3_off, &ip, sizeof(ip)) || ip.version != 6)
			return CV_REASON_MALFORMED;
		__builtin_memcpy(&inner->reverse.dst, &ip.saddr, sizeof(struct cv_addr));
		__builtin_memcpy(&inner->reverse.src, &ip.daddr, sizeof(struct cv_addr));
		inner->reverse.proto = ip.nexthdr;
		inner->l4_off = inner->l3_off + sizeof(ip);
	} else {
		struct iphdr ip;

		if (bpf_skb_load_bytes(skb, inner->l3_off, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5)
			return CV_REASON_MALFORMED;
		inner->reverse.dst = address_from_v4(ip.saddr);
		inner->reverse.src = address_from_v4(ip.daddr);
		inner->reverse.proto = ip.protocol;
		inner->l4_off = inner->l3_off + ip.ihl * 4;
		first = !(ip.frag_off & bpf_htons(CV_IP_FRAGMENT_MASK));
	}
	p->flags |= CV_PACKET_ICMP_ERROR;
	if (inner->reverse.proto != IPPROTO_TCP && inner->reverse.proto != IPPROTO_UDP)
		return 0;
	if (!first || bpf_skb_load_bytes(skb, inner->l4_off, ports, sizeof(ports)))
		return 0;
	inner->reverse.dport = ports[0];
	inner->reverse.sport = ports[1];
	p->flags |= CV_PACKET_ICMP_INNER;
	return 0;
}

/*
 * What neighbours say to each other is not the mesh's business as long as it stays on their link: otherwise it is a way
 * round policy.
 */
static __always_inline int parse_link_message(const struct cv_packet *p, __u8 hop_limit)
{
	return p->hop_limit == hop_limit && !address_leaves_link6(&p->key.dst) ? CV_IGNORE : CV_REASON_NEIGHBOUR_SCOPE;
}

static __always_inline int parse_icmp(struct __sk_buff *skb, struct cv_scratch *s, __u32 l4_len)
{
	struct cv_packet *p = &s->packet;
	__u8 header[4];

	if (l4_len < 8 || bpf_skb_load_bytes(skb, p->l4_off, header, sizeof(header)))
		return CV_REASON_MALFORMED;
	p->icmp_type = header[0];
	if (p->flags & CV_PACKET_V6) {
		__u8 t = header[0];

		if (t >= CV_NDISC_ROUTER_SOLICITATION && t <= CV_NDISC_REDIRECT)
			return parse_link_message(p, CV_NEIGHBOUR_HOP_LIMIT);
		if ((t >= ICMPV6_MGM_QUERY && t <= ICMPV6_MGM_REDUCTION) || t == ICMPV6_MLD2_REPORT)
			return parse_link_message(p, CV_MLD_HOP_LIMIT);
	}
	return icmp_type_is_error(p) ? parse_inner(skb, s) : 0;
}

static __always_inline int parse_l4(struct __sk_buff *skb, struct cv_scratch *s, __u32 l4_len)
{
	struct cv_packet *p = &s->packet;
	__u8 icmp = p->flags & CV_PACKET_V6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	int r;

	if (p->key.proto != IPPROTO_TCP && p->key.proto != IPPROTO_UDP && p->key.proto != icmp)
		return CV_REASON_UNSUPPORTED_PROTOCOL;
	if (p->flags & CV_PACKET_LATER_FRAGMENT)
		return fragment_recall(s);
	if (p->key.proto == IPPROTO_TCP)
		r = parse_tcp(skb, p, l4_len);
	else if (p->key.proto == IPPROTO_UDP)
		r = parse_udp(skb, p, l4_len);
	else
		r = parse_icmp(skb, s, l4_len);
	if (!r && p->flags & CV_PACKET_FRAGMENT)
		fragment_remember(s);
	return r;
}

/*
 * Whether a fragment is one that the kernel's reassembly takes up. All of a datagram's have to be: what is thrown away
 * on the way there, after it was counted as the piece that makes its datagram whole, leaves the others in the kernel's
 * account, and in nobody's share of it.
 */
static __always_inline int parse_v4_fragment(const struct cv_packet *p, struct iphdr *ip)
{
	if (p->flags & CV_PACKET_OPTIONS)
		return CV_REASON_EXTENSION_HEADERS;
	return csum_fold(bpf_csum_diff(0, 0, (__be32 *)ip, sizeof(*ip), 0)) || !p->frag_len ? CV_REASON_MALFORMED : 0;
}

static __always_inline int parse_v4(struct __sk_buff *skb, struct cv_scratch *s)
{
	struct cv_packet *p = &s->packet;
	__u32 header, room = skb->len - CV_ETH_LEN;
	struct iphdr ip;
	__u16 frag;
	int r;

	if (bpf_skb_load_bytes(skb, CV_ETH_LEN, &ip, sizeof(ip)))
		return CV_REASON_MALFORMED;
	header = ip.ihl * 4;
	p->len = bpf_ntohs(ip.tot_len);
	if (!p->len && skb->gso_size)
		p->len = room; /* a super-packet above 64 KiB */
	if (ip.version != 4 || header < sizeof(ip) || p->len < header || p->len > room)
		return CV_REASON_MALFORMED;
	p->key.src = address_from_v4(ip.saddr);
	p->key.dst = address_from_v4(ip.daddr);
	p->key.proto = ip.protocol;
	p->l4_off = CV_ETH_LEN + header;
	if (header > sizeof(ip))
		p->flags |= CV_PACKET_OPTIONS;
	frag = bpf_ntohs(ip.frag_off);
	if (frag & (CV_IP_FRAGMENT_MASK | CV_IP_MORE_FRAGMENTS)) {
		p->frag_id = bpf_ntohs(ip.id);
		p->flags |= CV_PACKET_FRAGMENT | (frag & CV_IP_FRAGMENT_MASK ? CV_PACKET_LATER_FRAGMENT : 0) |
		            (frag & CV_IP_MORE_FRAGMENTS ? CV_PACKET_MORE_FRAGMENTS : 0);
		p->frag_start = (frag & CV_IP_FRAGMENT_MASK) * 8;
		p->frag_len = p->len - header;
		r = parse_v4_fragment(p, &ip);
		if (r)
			return r;
	}
	return parse_l4(skb, s, p->len - header);
}

/*
 * The fragment header at `ext`, behind which the data is, from `off` to `end`; `first`: no other extension header is
 * before it. As in parse_v4_fragment: what an option there says may have the kernel throw it away.
 */
static __always_inline int parse_v6_fragment(struct cv_packet *p, const __u8 *ext, __u32 off, __u32 end, int first)
{
	__u16 frag = (__u16)ext[2] << 8 | ext[3];

	/* An atomic fragment (offset 0, no more) is a whole packet. */
	if (!(frag & (CV_IP6_FRAGMENT_OFFSET | CV_IP6_MORE_FRAGMENTS)))
		return 0;
	p->flags |= CV_PACKET_FRAGMENT | (frag & CV_IP6_FRAGMENT_OFFSET ? CV_PACKET_LATER_FRAGMENT : 0) |
	            (frag & CV_IP6_MORE_FRAGMENTS ? CV_PACKET_MORE_FRAGMENTS : 0);
	p->frag_start = frag & CV_IP6_FRAGMENT_OFFSET;
	p->frag_len = end > off ? end - off : 0;
	__builtin_memcpy(&p->frag_id, ext + 4, sizeof(p->frag_id));
	if (!first)
		return CV_REASON_EXTENSION_HEADERS;
	return p->frag_len ? 0 : CV_REASON_MALFORMED;
}

static __always_inline int parse_v6(struct __sk_buff *skb, struct cv_scratch *s)
{
	struct cv_packet *p = &s->packet;
	__u32 off = CV_ETH_LEN + sizeof(struct ipv6hdr), end = skb->len;
	struct ipv6hdr ip;
	__u8 next, ext[8];
	int i, r;

	if (bpf_skb_load_bytes(skb, CV_ETH_LEN, &ip, sizeof(ip)) || ip.version != 6)
		return CV_REASON_MALFORMED;
	p->flags |= CV_PACKET_V6;
	p->hop_limit = ip.hop_limit;
	__builtin_memcpy(&p->key.src, &ip.saddr, sizeof(struct cv_addr));
	__builtin_memcpy(&p->key.dst, &ip.daddr, sizeof(struct cv_addr));
	if (address_is_v4_mapped(&p->key.src) || address_is_v4_mapped(&p->key.dst))
		return CV_REASON_MALFORMED;
	p->len = bpf_ntohs(ip.payload_len) + sizeof(ip);
	if (!ip.payload_len && skb->gso_size)
		p->len = end - CV_ETH_LEN; /* a super-packet above 64 KiB */
	if (p->len + CV_ETH_LEN > end)
		return CV_REASON_MALFORMED;
	end = p->len + CV_ETH_LEN;
	next = ip.nexthdr;
#pragma clang loop unroll(full)
	for (i = 0; i < CV_MAX_EXTENSIONS; i++) {
		if (next == IPPROTO_TCP || next == IPPROTO_UDP || next == IPPROTO_ICMPV6)
			break;
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_FRAGMENT &&
		    next != IPPROTO_DSTOPTS && next != IPPROTO_AH)
			return CV_REASON_UNSUPPORTED_PROTOCOL;
		if (bpf_skb_load_bytes(skb, off, ext, sizeof(ext)))
			return CV_REASON_MALFORMED;
		p->flags |= CV_PACKET_OPTIONS;
		if (next == IPPROTO_FRAGMENT) {
			off += sizeof(ext);
			r = parse_v6_fragment(p, ext, off, end, !i);
			if (r)
				return r;
			next = ext[0];
			if (p->flags & CV_PACKET_LATER_FRAGMENT)
				break;
			continue;
		}
		off += next == IPPROTO_AH ? (ext[1] + 2) * 4 : (ext[1] + 1) * 8;
		next = ext[0];
	}
	if (off > end)
		return CV_REASON_MALFORMED;
	p->key.proto = next;
	p->l4_off = off;
	if (next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_FRAGMENT || next == IPPROTO_DSTOPTS ||
	    next == IPPROTO_AH)
		return CV_REASON_EXTENSION_HEADERS;
	return parse_l4(skb, s, end - off);
}

/* Fills s->packet (and s->inner for an ICMP error) as it is seen at s->link. */
__noinline int packet_parse(struct __sk_buff *skb)
{
	struct cv_scratch *s = scratch_get();

	if (!s)
		return CV_REASON_INTERNAL;
	__builtin_memset(&s->packet, 0, sizeof(s->packet));
	s->packet.key.space = s->space;
	/* A tag without a network, of the packet's priority alone, is nothing to the kernel. */
	if (skb->vlan_present && skb->vlan_tci & CV_VLAN_NETWORK_MASK)
		return CV_REASON_UNSUPPORTED_PROTOCOL;
	if (skb->protocol == bpf_htons(ETH_P_IP))
		return parse_v4(skb, s);
	if (skb->protocol == bpf_htons(ETH_P_IPV6))
		return parse_v6(skb, s);
	return skb->protocol == bpf_htons(ETH_P_ARP) ? CV_IGNORE : CV_REASON_UNSUPPORTED_PROTOCOL;
}

/* The transport header of a packet that packet_parse_plain has in hand, with so many bytes from there on. */
static __always_inline int parse_plain_l4(struct __sk_buff *skb, struct cv_packet *p, void *l4, void *end, __u32 l4_len)
{
	struct tcphdr *tcp = l4;
	struct udphdr *udp = l4;
	__u32 header, len;

	if (p->key.proto == IPPROTO_TCP) {
		if ((void *)(tcp + 1) > end)
			return 0;
		header = tcp->doff * 4;
		if (header < sizeof(*tcp) || header > l4_len)
			return 0;
		p->key.sport = tcp->source;
		p->key.dport = tcp->dest;
		p->tcp_flags = ((__u8 *)tcp)[13];
		p->tcp_seq = bpf_ntohl(tcp->seq);
		p->tcp_ack = bpf_ntohl(tcp->ack_seq);
		p->tcp_payload = l4_len - header;
		return 1;
	}
	if (p->key.proto != IPPROTO_UDP || skb->gso_size || (void *)(udp + 1) > end)
		return 0;
	len = bpf_ntohs(udp->len);
	if (len < sizeof(*udp) || len > l4_len)
		return 0;
	p->key.sport = udp->source;
	p->key.dport = udp->dest;
	return 1;
}

/*
 * What packet_parse does, without a call, for most packets: TCP and UDP behind a mere IP header, whole and sound, their
 * headers in the linear part. Returns 1 when s->packet is filled; of all others packet_parse has to say what they are.
 */
static __always_inline int packet_parse_plain(struct __sk_buff *skb, struct cv_scratch *s)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	__u32 room = skb->len - CV_ETH_LEN;
	struct cv_packet *p = &s->packet;

	if (skb->vlan_present)
		return 0;
	__builtin_memset(p, 0, sizeof(*p));
	p->key.space = s->space;
	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = data + CV_ETH_LEN;

		if ((void *)(ip + 1) > end || *(__u8 *)ip != 0x45 ||
		    ip->frag_off & bpf_htons(CV_IP_FRAGMENT_MASK | CV_IP_MORE_FRAGMENTS))
			return 0;
		p->len = bpf_ntohs(ip->tot_len);
		if (p->len < sizeof(*ip) || p->len > room)
			return 0;
		p->key.src = address_from_v4(ip->saddr);
		p->key.dst = address_from_v4(ip->daddr);
		p->key.proto = ip->protocol;
		p->l4_off = CV_ETH_LEN + sizeof(*ip);
		return parse_plain_l4(skb, p, ip + 1, end, p->len - sizeof(*ip));
	}
	if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip = data + CV_ETH_LEN;

		if ((void *)(ip + 1) > end || ip->version != 6 || !ip->payload_len)
			return 0;
		p->flags = CV_PACKET_V6;
		p->hop_limit = ip->hop_limit;
		__builtin_memcpy(&p->key.src, &ip->saddr, sizeof(struct cv_addr));
		__builtin_memcpy(&p->key.dst, &ip->daddr, sizeof(struct cv_addr));
		p->len = bpf_ntohs(ip->payload_len) + sizeof(*ip);
		if (p->len > room || address_is_v4_mapped(&p->key.src) || address_is_v4_mapped(&p->key.dst))
			return 0;
		p->key.proto = ip->nexthdr;
		p->l4_off = CV_ETH_LEN + sizeof(*ip);
		return parse_plain_l4(skb, p, ip + 1, end, p->len - sizeof(*ip));
	}
	return 0;
}

/* Fills s->packet, by the shorter way where there is one. Returns what packet_parse does. */
static __always_inline int packet_read(struct __sk_buff *skb, struct cv_scratch *s)
{
	return packet_parse_plain(skb, s) ? 0 : packet_parse(skb);
}
