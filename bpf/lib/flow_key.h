/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The keys of a flow's two directions: each is what its sender puts on the wire. */
#pragma once

#include "lib/address.h"

/* The key of the other direction. */
static __always_inline void flow_peer_key(struct cv_flow_key *out, const struct cv_flow_key *key,
                                          const struct cv_flow *f)
{
	__builtin_memset(out, 0, sizeof(*out));
	out->proto = key->proto;
	out->space = key->space;
	out->src = f->flags & CV_FLOW_NAT_DST ? f->nat_addr : key->dst;
	out->sport = f->flags & CV_FLOW_NAT_DST ? f->nat_port : key->dport;
	out->dst = f->flags & CV_FLOW_NAT_SRC ? f->nat_addr : key->src;
	out->dport = f->flags & CV_FLOW_NAT_SRC ? f->nat_port : key->sport;
}

/*
 * The entry of the other direction of s->flow_key's, whose entry is f; NULL when there is none. Leaves its key in
 * s->peer.
 */
static __always_inline struct cv_flow *flow_peer_lookup(struct cv_scratch *s, const struct cv_flow *f)
{
	flow_peer_key(&s->peer, &s->flow_key, f);
	return bpf_map_lookup_elem(&cv_flow, &s->peer);
}

/* The key with source and destination exchanged: of the other direction, where nothing is translated. */
static __always_inline void flow_key_swap(struct cv_flow_key *out, const struct cv_flow_key *key)
{
	__builtin_memset(out, 0, sizeof(*out));
	out->proto = key->proto;
	out->space = key->space;
	out->src = key->dst;
	out->dst = key->src;
	out->sport = key->dport;
	out->dport = key->sport;
}

/*
 * Whether a pod speaks to itself from one port to the same: answers have the same key, so that there is no flow to
 * keep.
 */
static __always_inline int flow_key_is_own_reverse(const struct cv_flow_key *key)
{
	return key->sport == key->dport && address_equal(&key->src, &key->dst);
}

static __always_inline int flow_key_equal(const struct cv_flow_key *a, const struct cv_flow_key *b)
{
	return address_equal(&a->src, &b->src) && address_equal(&a->dst, &b->dst) && a->sport == b->sport &&
	       a->dport == b->dport && a->proto == b->proto && a->space == b->space;
}
