/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Shares: how much of what all pods have in common one of them, or the world outside, has taken. Without them a pod
 * that scans, or a flood from outside, would leave no room for anyone else's flows and events.
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

/* How many flows of an owner are in cv_flow. Below 0 for a moment when the account was closed while a flow was made. */
static __always_inline __s64 usage_taken(const struct cv_usage *usage, __u32 owner)
{
	__u64 *swept = bpf_map_lookup_elem(&cv_swept, &owner);

	return usage->made - usage->gone - (swept ? *swept : 0);
}

/* Whether an owner of whom so many flows are there may begin one more, of `most`. 0: as many as there is room for. */
static __always_inline int usage_has_room(const struct cv_usage *usage, __s64 taken, __u32 most)
{
	return !most || (usage && taken < (__s64)most);
}

/* Whether the next flow of a pod that has begun so many takes a place that is only lent to it. */
static __always_inline int usage_is_lent(__s64 taken)
{
	__u32 zero = 0, *fair = bpf_map_lookup_elem(&cv_fair_share, &zero);

	return fair && *fair && taken >= (__s64)*fair;
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
 * Counts one more event about a refusal at an interface, as far as it may have one: it has `most` in a second, on all
 * CPUs together. Two CPUs may overwrite each other's count.
 */
static __always_inline int usage_take_event(__u32 ifindex, __u64 now, int policy, __u32 most)
{
	struct cv_usage *usage = usage_get(ifindex);
	__u32 *events;

	if (!usage)
		return 0;
	if ((__s64)(now - usage->events_since_ns) >= (__s64)CV_SECOND_NS) {
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
