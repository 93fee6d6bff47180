/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* 16-byte addresses, and what the policy knows about them. */
#pragma once

#include <bpf/bpf_endian.h>
#include <linux/in.h>
#include <linux/in6.h>
#include "lib/maps.h"

static __always_inline struct cv_addr address_from_v4(__be32 v4)
{
	struct cv_addr addr = { .w = { 0, 0, bpf_htonl(0xffff), v4 } };

	return addr;
}

static __always_inline int address_equal(const struct cv_addr *a, const struct cv_addr *b)
{
	return a->w[0] == b->w[0] && a->w[1] == b->w[1] && a->w[2] == b->w[2] && a->w[3] == b->w[3];
}

/* An IPv6 packet with such an address would be taken for an IPv4 one; they must not appear on the wire. */
static __always_inline int address_is_v4_mapped(const struct cv_addr *a)
{
	return !a->w[0] && !a->w[1] && a->w[2] == bpf_htonl(0xffff);
}

static __always_inline int address_is_link_local6(const struct cv_addr *a)
{
	return (a->w[0] & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000);
}

#define CV_SCOPE_LINK 2 /* RFC 4291, 2.7 */

/* Link-local addresses, those of multicast, of which address_leaves_link6 tells more, and none at all. */
static __always_inline int address_stays_on_link6(const struct cv_addr *a)
{
	return address_is_link_local6(a) || (a->w[0] & bpf_htonl(0xff000000)) == bpf_htonl(0xff000000) ||
	       !(a->w[0] | a->w[1] | a->w[2] | a->w[3]);
}

/* Whether it is a multicast address with a scope that reaches beyond the link. */
static __always_inline int address_leaves_link6(const struct cv_addr *a)
{
	__u32 begin = bpf_ntohl(a->w[0]);

	return begin >> 24 == 0xff && (begin >> 16 & 0xf) > CV_SCOPE_LINK;
}

/* Returns what the generation in force knows about an address, NULL when nothing. */
static __always_inline struct cv_address *address_lookup(__u32 generation, const struct cv_addr *addr)
{
	struct cv_address_key key = { .prefixlen = 32 + 128, .generation = generation, .addr = *addr };

	return bpf_map_lookup_elem(&cv_address, &key);
}

/* Whether an address is that of the pod behind a veth here. */
static __always_inline int address_is_behind(const struct cv_address *a, __u32 ifindex)
{
	return a && a->flags & CV_ADDRESS_LOCAL && a->ifindex == ifindex;
}

/*
 * Whether a workload is one whose packets come to the programs by its own link, and by nothing else, at the place where
 * they work: any of this node whose link has its programs at the host's end or, in a pod's namespace, that pod alone.
 * All others are elsewhere, whichever node has them.
 */
static __always_inline int address_is_here(const struct cv_scratch *s, const struct cv_address *a)
{
	return a->flags & CV_ADDRESS_LOCAL && (s->space ? a->ifindex == s->link : !(a->ifindex & CV_LINK_INSIDE));
}

/* Whether what an address sends is this node's own word. In a pod's namespace all comes by one wire. */
static __always_inline int address_is_nodes(const struct cv_scratch *s, const struct cv_address *a)
{
	return a && a->flags & CV_ADDRESS_NODE && (s->space || !s->came_by);
}

/* The class of a destination: of the workload, or of the address when it is none. */
static __always_inline __u32 address_class(const struct cv_address *a)
{
	if (!a)
		return 0;
	return a->flags & CV_ADDRESS_MESHED ? a->auth_class : a->anon_class;
}

static __always_inline struct cv_endpoint *endpoint_lookup(__u32 generation, __u32 ifindex)
{
	struct cv_endpoint_key key = { .generation = generation, .ifindex = ifindex };

	return bpf_map_lookup_elem(&cv_endpoint, &key);
}

/* Whether an address is one of the endpoint's, of the packet's family. */
static __always_inline int endpoint_owns(const struct cv_endpoint *ep, const struct cv_packet *p,
                                         const struct cv_addr *addr)
{
	if (!(p->flags & CV_PACKET_V6))
		return ep->addr4.w[3] && address_equal(&ep->addr4, addr);
	if (ep->addr6.w[0] && address_equal(&ep->addr6, addr))
		return 1;
	return p->key.proto == IPPROTO_ICMPV6 && address_is_link_local6(addr);
}

/* Whether a packet that came out of the endpoint's veth carries one of its addresses. */
static __always_inline int endpoint_owns_source(const struct cv_endpoint *ep, const struct cv_packet *p)
{
	return endpoint_owns(ep, p, &p->key.src);
}
