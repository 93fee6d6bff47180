/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which of the proxy's sockets for datagrams a flow belongs to: the same slot in every program and for every kind. */
#pragma once

#include <linux/in.h>
#include "lib/hash.h"
#include "lib/maps.h"

#define CV_LISTENER_TRIES 4 /* slots looked at when one is empty, as while a loop restarts */

/* How many listeners of a kind there are, CV_MAX_LISTENERS at most. */
static __always_inline __u32 listener_count(const struct cv_control *control, __u32 kind)
{
	__u32 count;

	barrier_var(kind); /* or the compiler drops a bound that it knows and Linux 6.1's verifier does not */
	count = kind < CV_LISTENER_KINDS ? control->listeners[kind] : 0;
	return count > CV_MAX_LISTENERS ? CV_MAX_LISTENERS : count;
}

/* listener_find for a pod's own namespace. */
static __always_inline struct bpf_sock *listener_find_inside(__u32 space, __u32 kind, __u32 start, __u32 count)
{
	struct cv_inside_listener_key key = { .space = space, .kind = kind };
	struct bpf_sock *sk;
	int i;

#pragma clang loop unroll(full)
	for (i = 0; i < CV_LISTENER_TRIES; i++) {
		key.slot = (start + i) % count;
		sk = bpf_map_lookup_elem(&cv_inside_sock, &key);
		if (sk)
			return sk;
	}
	return 0;
}

/*
 * The listener of a kind at `start` or in the next slot that has one, to be released; NULL when there is none. A count
 * may be that of a proxy that is gone, whose slots are empty.
 */
static __always_inline struct bpf_sock *listener_find(const struct cv_control *control, __u32 space, __u32 kind,
                                                      __u32 start)
{
	__u32 count = listener_count(control, kind), slot;
	struct bpf_sock *sk;
	int i;

	if (!count)
		return 0;
	if (space)
		return listener_find_inside(space, kind, start, count);
#pragma clang loop unroll(full)
	for (i = 0; i < CV_LISTENER_TRIES; i++) {
		slot = kind * CV_MAX_LISTENERS + (start + i) % count;
		sk = bpf_map_lookup_elem(&cv_listener, &slot);
		if (sk)
			return sk;
	}
	return 0;
}

/* The key of cv_reply for a pod's datagram. */
static __always_inline struct cv_reply *reply_lookup(const struct cv_flow_key *key)
{
	struct cv_flow_key any = *key;

	any.sport = 0;
	return bpf_map_lookup_elem(&cv_reply, &any);
}
