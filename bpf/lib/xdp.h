/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Datagrams from outside at the driver: what policy refuses ends here, before it costs a socket buffer, and what goes
 * to the proxy gets its PROXY header where there is still room in front. Everything else, and whatever this cannot do,
 * passes as it came; cv_from_net and cv_to_pod do the rest.
 */
#pragma once

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <stddef.h>
#include "lib/events.h"
#include "lib/listener.h"
#include "lib/external.h"
#include "lib/proxy_header.h"
#include "lib/session.h"

#define CV_XDP_V4_HEADERS (sizeof(struct ethhdr) + sizeof(struct iphdr) + sizeof(struct udphdr))
#define CV_XDP_V6_HEADERS (sizeof(struct ethhdr) + sizeof(struct ipv6hdr) + sizeof(struct udphdr))

static __always_inline int xdp_drop(struct xdp_md *ctx, struct cv_scratch *s, __u32 reason)
{
	drop_count(reason);
	counter_add(CV_COUNTER_XDP_DROP, 1);
	event_refused_at(s, reason, ctx->ingress_ifindex);
	return XDP_DROP;
}

/*
 * Addresses, length and protocol of an IPv4 packet. Returns where its UDP header is, NULL when it is none of ours to
 * read.
 */
static __always_inline struct udphdr *xdp_parse_v4(void *data, void *end, struct cv_packet *p)
{
	struct iphdr *ip = data + sizeof(struct ethhdr);

	if ((void *)(ip + 1) > end || ip->version != 4 || ip->ihl != 5 || ip->protocol != IPPROTO_UDP ||
	    ip->frag_off & bpf_htons(CV_IP_FRAGMENT_MASK | CV_IP_MORE_FRAGMENTS))
		return 0;
	p->key.src = address_from_v4(ip->saddr);
	p->key.dst = address_from_v4(ip->daddr);
	p->len = bpf_ntohs(ip->tot_len);
	p->l4_off = sizeof(struct ethhdr) + sizeof(*ip);
	return (void *)(ip + 1);
}

static __always_inline struct udphdr *xdp_parse_v6(void *data, void *end, struct cv_packet *p)
{
	struct ipv6hdr *ip = data + sizeof(struct ethhdr);

	if ((void *)(ip + 1) > end || ip->version != 6 || ip->nexthdr != IPPROTO_UDP)
		return 0;
	__builtin_memcpy(&p->key.src, &ip->saddr, sizeof(p->key.src));
	__builtin_memcpy(&p->key.dst, &ip->daddr, sizeof(p->key.dst));
	if (address_is_v4_mapped(&p->key.src) || address_is_v4_mapped(&p->key.dst))
		return 0;
	p->flags |= CV_PACKET_V6;
	p->len = bpf_ntohs(ip->payload_len) + sizeof(*ip);
	p->l4_off = sizeof(struct ethhdr) + sizeof(*ip);
	return (void *)(ip + 1);
}

/* The sum of RFC 1071 after bytes whose sum is `added` have come in; none stays none. */
static __always_inline __u16 xdp_sum(__u16 check, __s64 added, int may_be_zero)
{
	__u32 sum = (__u16)~check;

	sum += ((__u32)added & 0xffff) + ((__u32)added >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	check = ~sum;
	return check || may_be_zero ? check : 0xffff;
}

/*
 * Puts the header in, `length` bytes behind `headers`. `headers` is a constant. Returns 0 when done; nothing has
 * changed otherwise.
 */
static __always_inline int xdp_insert(struct xdp_md *ctx, struct cv_scratch *s, const __u32 headers, __u32 length)
{
	struct cv_handover *handover;
	void *data, *end;
	struct udphdr *udp;
	__be16 old, new;
	__s64 sum;

	/* The bytes in front may hold what another program left: first nothing, then the word. */
	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*handover)))
		return -1;
	handover = (void *)(long)ctx->data_meta;
	if ((void *)(handover + 1) > (void *)(long)ctx->data)
		return -1;
	handover->magic = 0;
	handover->header = 0;
	if (bpf_xdp_adjust_head(ctx, -(int)length))
		return -1;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	if (data + headers + length > end)
		return -1;
	__builtin_memcpy(data, data + length, headers);
	__builtin_memcpy(data + headers, s->bytes + CV_HEADER_OFF,
	                 headers == CV_XDP_V6_HEADERS ? CV_HEADER6_LENGTH : CV_HEADER4_LENGTH);
	if (headers == CV_XDP_V6_HEADERS && length == CV_HEADER6_CRC_LENGTH)
		__builtin_memcpy(data + headers + CV_HEADER6_LENGTH, s->bytes + CV_HEADER_OFF + CV_HEADER6_LENGTH,
		                 CV_HEADER6_CRC_LENGTH - CV_HEADER6_LENGTH);
	if (headers == CV_XDP_V4_HEADERS && length == CV_HEADER4_CRC_LENGTH)
		__builtin_memcpy(data + headers + CV_HEADER4_LENGTH, s->bytes + CV_HEADER_OFF + CV_HEADER4_LENGTH,
		                 CV_HEADER4_CRC_LENGTH - CV_HEADER4_LENGTH);
	udp = data + headers - sizeof(*udp);
	old = udp->len;
	new = bpf_htons(bpf_ntohs(old) + length);
	udp->len = new;
	if (udp->check) {
		/* Twice the change of the length: it is in the header, and in what the sum covers beside it. */
		sum = bpf_csum_diff(0, 0, (__be32 *)(s->bytes + CV_HEADER_OFF), length, 0);
		sum = (sum & 0xffff) + ((__u32)sum >> 16) + 2 * bpf_htons(length);
		udp->check = xdp_sum(udp->check, sum, 0);
	}
	if (headers == CV_XDP_V6_HEADERS) {
		struct ipv6hdr *ip = data + sizeof(struct ethhdr);

		ip->payload_len = bpf_htons(bpf_ntohs(ip->payload_len) + length);
	} else {
		struct iphdr *ip = data + sizeof(struct ethhdr);

		ip->tot_len = bpf_htons(bpf_ntohs(ip->tot_len) + length);
		ip->check = xdp_sum(ip->check, bpf_htons(length), 1);
	}
	handover = (void *)(long)ctx->data_meta;
	if ((void *)(handover + 1) > data)
		return -1;
	handover->header = length;
	handover->magic = CV_HANDOVER_MAGIC;
	return 0;
}

static __always_inline int xdp_to_proxy(struct xdp_md *ctx, struct cv_scratch *s)
{
	int v6 = !!(s->packet.flags & CV_PACKET_V6), r;

	header_build(s);
	r = v6 ? xdp_insert(ctx, s, CV_XDP_V6_HEADERS, header_length(1))
	       : xdp_insert(ctx, s, CV_XDP_V4_HEADERS, header_length(0));
	if (!r)
		counter_add(CV_COUNTER_XDP_HEADER, 1);
	return XDP_PASS;
}

/*
 * `native`: the driver runs the program, on packets as they came. Otherwise the packet is a socket buffer already,
 * which may be a super-packet and may have a sum that this could not keep right: then only refusals are worth anything
 * here.
 */
static __always_inline int xdp_in(struct xdp_md *ctx, int native)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct cv_control *control = control_get();
	struct cv_scratch *s = scratch_get();
	struct ethhdr *eth = data;
	struct cv_session *session;
	struct cv_address *to;
	struct cv_packet *p;
	struct udphdr *udp = 0;
	__u32 room;
	int r;

	if (!s || !control || !control->generation || (void *)(eth + 1) > end)
		return XDP_PASS;
	p = &s->packet;
	__builtin_memset(p, 0, sizeof(*p));
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		udp = xdp_parse_v4(data, end, p);
	else if (eth->h_proto == bpf_htons(ETH_P_IPV6))
		udp = xdp_parse_v6(data, end, p);
	if (!udp)
		return XDP_PASS;
	p->generation = control->generation;
	p->key.proto = IPPROTO_UDP;
	to = address_lookup(p->generation, &p->key.dst);
	if (!workload_is_guarded_here(s, to))
		return XDP_PASS;
	room = end - data - sizeof(*eth);
	if ((void *)(udp + 1) > end || p->len > room || bpf_ntohs(udp->len) < sizeof(*udp) ||
	    bpf_ntohs(udp->len) + p->l4_off - sizeof(*eth) > p->len)
		return xdp_drop(ctx, s, CV_REASON_MALFORMED);
	p->key.sport = udp->source;
	p->key.dport = udp->dest;
	if (bpf_map_lookup_elem(&cv_flow, &p->key))
		return XDP_PASS;
	session = session_lookup(&p->key, ctx->ingress_ifindex);
	if (session_is_whole(session) && session->generation == p->generation) {
		s->session = *session;
	} else {
		r = external_evaluate(s, to);
		if (r == CV_EXTERNAL_LEAVE || r == CV_REASON_INTERNAL)
			return XDP_PASS;
		if (r)
			return xdp_drop(ctx, s, r);
		session_open(s, ctx->ingress_ifindex,
		             CV_SESSION_EXTERNAL); /* no fragment: its header says all that an entry would */
	}
	if (!native || p->len > CV_HEADER_MAX_PACKET ||
	    !listener_count(control, p->flags & CV_PACKET_V6 ? CV_LISTENER_UDP6 : CV_LISTENER_UDP4))
		return XDP_PASS;
	return xdp_to_proxy(ctx, s);
}
