/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Shares: how much of what all pods have in common one of them, or the world outside, has taken. Without them a pod that scans, or a
 * flood from outside, would leave no room for anyone else's flows and events.
 */
#pragma once

#include "lib/config.h"
#include "lib/counters.h"

/* What an owner has taken, made when there is nothing yet; NULL when the map takes no more owners. */
static __always_inline struct cv_usage *usage_get(__u32 owner)
{
	struct cv_usage *usage = bpf_map_lookup_elem(&cv_usage, &owner);
	struct cv_usage none = {};

	if (usage)
		return usage;
	bpf_map_update_elem(&cv_usage, &owner, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&cv_usage, &owner);
}

/* Whether an owner may begin one more flow. 0 for `most`: as many as there is room for. */
static __always_inline int usage_has_room(const struct cv_usage *usage, __u32 owner, __u32 most)
{
	__u64 *swept;
	__s64 taken; /* below 0 for a moment when the account was closed while a flow was made */

	if (!most)
		return 1;
	if (!usage)
		return 0;
	swept = bpf_map_lookup_elem(&cv_swept, &owner);
	taken = usage->made - usage->gone - (swept ? *swept : 0);
	return taken < (__s64)most;
}

static __always_inline void usage_made(struct cv_usage *usage)
{
	if (usage)
		__sync_fetch_and_add(&usage->made, 1);
}

static __always_inline void usage_gone(__u32 owner)
{
	struct cv_usage *usage = bpf_map_lookup_elem(&cv_usage, &owner);

	if (usage)
		__sync_fetch_and_add(&usage->gone, 1);
}

/*
 * Counts one more event about a refusal at an interface, as far as it may have one: it has `most` in a second, on all CPUs together. Two CPUs may overwrite
 * each other's count.
 */
static __always_inline int usage_take_event(__u32 ifindex, __u64 now, int policy, __u32 most)
{
	struct cv_usage *usage = usage_get(ifindex);
	__u32 *events;

	if (!usage)
		return 0;
	if (now - usage->events_since_ns >= 1000000000ULL) {
		usage->events_since_ns = now;
		usage->denied = 0;
		usage->dropped = 0;
	}
	events = policy ? &usage->denied : &usage->dropped;
	if (*events >= most)
		return 0;
	(*events)++;
	return 1;
}
