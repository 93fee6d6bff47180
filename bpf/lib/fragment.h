/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The first fragment of a datagram remembers its ports for the later ones, which have none. */
#pragma once

#include "lib/maps.h"

static __always_inline struct cv_frag_key fragment_key(const struct cv_packet *p)
{
	struct cv_frag_key key = { .src = p->key.src, .dst = p->key.dst, .id = p->frag_id, .proto = p->key.proto };

	return key;
}

static __always_inline void fragment_remember(const struct cv_packet *p)
{
	struct cv_frag_key key = fragment_key(p);
	struct cv_frag value = { .sport = p->key.sport, .dport = p->key.dport };

	bpf_map_update_elem(&cv_frag, &key, &value, BPF_ANY);
}

/* Fills in the ports. Returns 0, or the reason why not. */
static __always_inline int fragment_recall(struct cv_packet *p)
{
	struct cv_frag_key key = fragment_key(p);
	struct cv_frag *value = bpf_map_lookup_elem(&cv_frag, &key);

	if (!value)
		return CV_REASON_FRAGMENT_NO_FIRST;
	p->key.sport = value->sport;
	p->key.dport = value->dport;
	return 0;
}
