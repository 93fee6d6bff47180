/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Records for user space. A lost one is counted; those that a flood of packets could cause are rate limited. */
#pragma once

#include "lib/config.h"
#include "lib/reason.h"
#include "lib/usage.h"

/* Whether one more event may be sent in this second on this CPU. */
static __always_inline int limit_take(struct cv_limit *limit, __u64 now, __u32 rate)
{
	if ((__s64)(now - limit->since_ns) >= (__s64)CV_SECOND_NS) { /* time_of_tick may be a little behind */
		limit->since_ns = now;
		limit->count = 0;
	}
	if (limit->count >= rate) {
		counter_add(CV_COUNTER_EVENT_LIMITED, 1);
		return 0;
	}
	limit->count++;
	return 1;
}

/*
 * Whether the beginning or the end of an owner's flow is told of: a flood from outside must not take the place of
 * everything else.
 */
static __always_inline int event_may_tell(struct cv_scratch *s, __u32 owner)
{
	return owner != CV_OWNER_EXTERNAL || limit_take(&s->external, s->packet.now, cv_cfg_external_rate);
}

/* Returns room for one record, NULL (counted) when the ring buffer is full. Every member has to be set. */
static __always_inline struct cv_event *event_reserve(struct cv_scratch *s, __u8 type, __u32 ifindex)
{
	struct cv_event *e = bpf_ringbuf_reserve(&cv_events, sizeof(*e), 0);

	if (!e) {
		counter_add(CV_COUNTER_EVENT_LOST, 1);
		return 0;
	}
	__builtin_memset(e, 0, sizeof(*e));
	e->time_ns = s->packet.now;
	e->generation = s->packet.generation;
	e->ifindex = ifindex;
	e->type = type;
	return e;
}

/*
 * Hands a record over whose reader need not hurry: it looks by itself a few times a second, and is woken when a part of
 * the ring waits for it. To wake it for each takes an interrupt to this CPU, a switch to the reader and one back: more
 * than all else that a new flow costs.
 */
static __always_inline void event_submit(struct cv_event *e)
{
	__u64 waiting = bpf_ringbuf_query(&cv_events, BPF_RB_AVAIL_DATA);

	bpf_ringbuf_submit(e, waiting >= CV_EVENTS_SIZE / 8 ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

/* A new flow, as s->decision says. */
static __always_inline void event_new(struct __sk_buff *skb, struct cv_scratch *s)
{
	struct cv_decision *d = &s->decision;
	struct cv_event *e = event_reserve(s, CV_EVENT_NEW, s->link);

	if (!e)
		return;
	e->key = s->packet.key;
	if (d->flags & CV_FLOW_NAT_DST) {
		e->nat_addr = d->addr;
		e->nat_port = d->port;
	}
	e->verdict = d->verdict;
	e->flags = d->flags;
	e->src_class = d->src_class;
	e->dst_class = d->dst_class;
	e->rule = d->rule;
	event_submit(e);
}

/* A refusal by policy, with the rule, or a drop for another reason, of the packet in hand. */
static __always_inline void event_refused_at(struct cv_scratch *s, __u32 reason, __u32 ifindex)
{
	int policy = reason_is_policy(reason);
	__u32 rate = policy ? cv_cfg_deny_rate : cv_cfg_drop_rate;
	struct cv_event *e;

	if (!s->packet.now)
		s->packet.now = bpf_ktime_get_ns();
	if (!usage_take_event(ifindex, s->packet.now, policy, rate / cv_cfg_event_parts)) {
		counter_add(CV_COUNTER_EVENT_LIMITED, 1);
		return;
	}
	if (!limit_take(policy ? &s->denied : &s->dropped, s->packet.now, rate))
		return;
	e = event_reserve(s, policy ? CV_EVENT_DENIED : CV_EVENT_DROPPED, ifindex);
	if (!e)
		return;
	e->key = policy && s->decision.flags & CV_FLOW_REPLY ? s->peer : s->packet.key;
	e->verdict = CV_VERDICT_DROP;
	e->reason = reason;
	if (policy) {
		e->flags = s->decision.flags;
		e->src_class = s->decision.src_class;
		e->dst_class = s->decision.dst_class;
		e->rule = s->decision.rule;
		if (s->decision.flags & CV_FLOW_NAT_DST) {
			e->nat_addr = s->decision.addr;
			e->nat_port = s->decision.port;
		}
	}
	bpf_ringbuf_submit(e, 0);
}

/*
 * Functions with external linkage, here and elsewhere, are verified once by themselves and not again for every caller;
 * the price is that they take only the context and numbers.
 */
__noinline int event_refused(struct __sk_buff *skb, __u32 reason)
{
	struct cv_scratch *s = scratch_get();

	CV_NEEDS(skb);
	if (s)
		event_refused_at(s, reason, s->link);
	return 0;
}
