/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Per-CPU counters: of drops by reason, of the datapath. */
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
