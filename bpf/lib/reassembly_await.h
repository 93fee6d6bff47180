/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Fragments of UDP that come before the first one, which alone has the ports. For a workload or a Service they are kept
 * for this node's own reassembly; the first one is evaluated when it comes, and opens the session by which the whole
 * datagram is handed to the proxy, or is dropped, and then the others are never put together.
 */
#pragma once

#include "lib/datagram.h"

/*
 * Keeps the fragment of s->packet, which has no ports, for the node's reassembly; without a proxy that would get what
 * becomes of it, it is refused. Returns what the program returns.
 */
static __always_inline int reassembly_await_first(struct __sk_buff *skb, struct cv_scratch *s, __u32 side)
{
	struct cv_packet *p = &s->packet;
	struct cv_frag value = { .time_ns = p->now, .reassembled = 1 };
	struct cv_frag_key key = fragment_key(s);

	if (!datagram_is_awaited(skb) || bpf_map_update_elem(&cv_frag, &key, &value, BPF_ANY))
		return packet_drop(skb, CV_REASON_FRAGMENT_NO_FIRST, side);
	counter_add(CV_COUNTER_REASSEMBLY, 1);
	datagram_capture(skb, CV_COUNTER_UDP_PLAIN);
	return TC_ACT_OK;
}
