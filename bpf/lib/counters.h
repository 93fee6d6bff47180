/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Per-CPU counters: of drops by reason, of the datapath, of identity pairs. */
#pragma once

#include "lib/maps.h"

static __always_inline void counter_add(__u32 counter, __u64 n)
{
	__u64 *value = bpf_map_lookup_elem(&cv_counters, &counter);

	if (value)
		*value += n;
}

static __always_inline void drop_count(__u32 reason)
{
	__u64 *value = bpf_map_lookup_elem(&cv_drops, &reason);

	if (value)
		*value += 1;
}

/* Returns the totals of an identity pair, made when there are none yet; NULL when the map takes no more. */
static __always_inline struct cv_pair *pair_get(__u32 src_class, __u32 dst_class, __u8 verdict)
{
	struct cv_pair_key key = { .src_class = src_class, .dst_class = dst_class, .verdict = verdict };
	struct cv_pair zero = {};
	struct cv_pair *pair = bpf_map_lookup_elem(&cv_pair, &key);

	if (pair)
		return pair;
	bpf_map_update_elem(&cv_pair, &key, &zero, BPF_NOEXIST);
	return bpf_map_lookup_elem(&cv_pair, &key);
}
