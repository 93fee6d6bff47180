/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Room in the flow table: who begins a flow in a place that is not its own may lose it, until somebody has answered. */
#pragma once

#include "lib/flow_end.h"

/*
 * How many flows of each queue are looked at to make room for one. It bounds what a packet costs while the table is
 * full, and need not be enough: what was looked at is off its queue, so that the next try goes on behind it.
 */
#define CV_TAKE_BACK_LOOKS 8

/* Who has begun the flows of a queue. */
enum cv_beginner {
	CV_BEGINNER_POD,
	CV_BEGINNER_EXTERNAL,
};

/*
 * Ends the flow of s->flow_key, not the packet's own, when it is one of such a beginner that nobody has answered.
 * Returns whether it was: meanwhile its key may have become another's.
 */
static __always_inline int flow_end_unanswered(struct __sk_buff *skb, struct cv_scratch *s, enum cv_beginner beginner)
{
	struct cv_flow *f = bpf_map_lookup_elem(&cv_flow, &s->flow_key);

	if (!f || (f->owner == CV_OWNER_EXTERNAL) != (beginner == CV_BEGINNER_EXTERNAL) ||
	    f->flags & (CV_FLOW_ESTABLISHED | CV_FLOW_REPLY) || flow_key_equal(&s->flow_key, &s->packet.key))
		return 0;
	flow_remove(skb);
	return 1;
}

/*
 * Takes note in `queue` of a flow that begins with the packet in hand. At most as many are half open as the queue has
 * places: the oldest that has not been answered since goes.
 */
static __always_inline void flow_enter(struct __sk_buff *skb, struct cv_scratch *s, void *queue,
                                       enum cv_beginner beginner)
{
	if (!bpf_map_push_elem(queue, &s->packet.key, 0))
		return;
	if (!bpf_map_pop_elem(queue, &s->flow_key))
		flow_end_unanswered(skb, s, beginner);
	bpf_map_push_elem(queue, &s->packet.key, 0);
}

/* A flow from outside. */
__noinline int flow_enter_external(struct __sk_buff *skb)
{
	struct cv_scratch *s = scratch_get();

	if (s)
		flow_enter(skb, s, &cv_half_open, CV_BEGINNER_EXTERNAL);
	return 0;
}

/* A flow of a pod that takes a place lent to it. */
__noinline int flow_enter_lent(struct __sk_buff *skb)
{
	struct cv_scratch *s = scratch_get();

	if (s)
		flow_enter(skb, s, &cv_lent, CV_BEGINNER_POD);
	return 0;
}

/*
 * The table is full, and a pod begins a flow within its share: the oldest flow from outside that nobody has answered
 * makes room for it, or one that a pod has in a place lent to it. A few are looked at; what has been answered meanwhile
 * stays for good. Returns whether there is room.
 */
__noinline int flow_take_back(struct __sk_buff *skb)
{
	struct cv_scratch *s = scratch_get();
	int i, room = 0;

	if (!s)
		return 0;
	for (i = 0; i < CV_TAKE_BACK_LOOKS && !room; i++) {
		if (!bpf_map_pop_elem(&cv_half_open, &s->flow_key))
			room = flow_end_unanswered(skb, s, CV_BEGINNER_EXTERNAL);
		if (!room && !bpf_map_pop_elem(&cv_lent, &s->flow_key))
			room = flow_end_unanswered(skb, s, CV_BEGINNER_POD);
	}
	s->flow_key = s->packet.key;
	return room;
}
