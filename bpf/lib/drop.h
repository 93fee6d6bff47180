/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Saying no: the count, the event, and an answer where the reason has one. */
#pragma once

#include "lib/reject.h"
#include "lib/unreachable.h"

/* Refuses the packet for a reason. Returns what the program returns. */
__noinline int packet_drop(struct __sk_buff *skb, __u32 reason, __u32 side)
{
	struct cv_scratch *s = scratch_get();

	drop_count(reason);
	if (!s)
		return TC_ACT_SHOT;
	event_refused(skb, reason);
	if (cv_cfg_fail_open && reason_is_fault(reason))
		return TC_ACT_OK;
	if (side == CV_SIDE_FROM_POD && reason_is_unreachable(reason) && unreachable_possible(&s->packet))
		return unreachable_send(skb, s);
	if (side == CV_SIDE_NET || !reason_is_final(reason) || !reject_possible(&s->packet))
		return TC_ACT_SHOT;
	return reject_send(skb, s, side);
}
