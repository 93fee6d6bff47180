/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The first fragment of a datagram remembers its ports for the later ones, which have none. A later one that comes
 * before it may be kept for this node's own reassembly (reassembly_await.h); then the whole datagram goes there.
 */
#pragma once

#include <linux/bpf.h>
#include "lib/maps.h"

/* As long as the kernel waits for the rest of an IPv4 datagram: identifiers are used again. */
#define CV_FRAG_LIFE_NS (30 * CV_SECOND_NS)

static __always_inline struct cv_frag_key fragment_key(const struct cv_scratch *s)
{
	const struct cv_packet *p = &s->packet;
	struct cv_frag_key key = { .src = p->key.src,
		                   .dst = p->key.dst,
		                   .ifindex = s->space ? s->link : s->came_by,
		                   .id = p->frag_id,
		                   .proto = p->key.proto };

	return key;
}

/* Returns what is known of a fragment's datagram; NULL when nothing is, or it was another datagram's. */
static __always_inline struct cv_frag *fragment_lookup(const struct cv_frag_key *key, __u64 now)
{
	struct cv_frag *value = bpf_map_lookup_elem(&cv_frag, key);

	return value && now - value->time_ns < CV_FRAG_LIFE_NS ? value : 0;
}

static __always_inline void fragment_remember(struct cv_scratch *s)
{
	struct cv_frag_key key = fragment_key(s);
	struct cv_packet *p = &s->packet;
	__u64 now = bpf_ktime_get_ns();
	struct cv_frag *known = fragment_lookup(&key, now);
	struct cv_frag value = { .time_ns = now, .sport = p->key.sport, .dport = p->key.dport, .first = 1 };

	if (known && known->reassembled) {
		value.reassembled = 1;
		p->flags |= CV_PACKET_REASSEMBLED;
	}
	bpf_map_update_elem(&cv_frag, &key, &value, BPF_ANY);
}

/* Fills in the ports. Returns 0, or the reason why not. */
static __always_inline int fragment_recall(struct cv_scratch *s)
{
	struct cv_frag_key key = fragment_key(s);
	struct cv_packet *p = &s->packet;
	struct cv_frag *value = fragment_lookup(&key, bpf_ktime_get_ns());

	if (!value || !value->first)
		return CV_REASON_FRAGMENT_NO_FIRST;
	p->key.sport = value->sport;
	p->key.dport = value->dport;
	if (value->reassembled)
		p->flags |= CV_PACKET_REASSEMBLED;
	return 0;
}
