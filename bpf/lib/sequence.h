/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Whose word ends a TCP connection that passes between a pod here and the world outside. A pod's veth vouches for what
 * it sends. A FIN or RST that claims to come from outside must fit what both sides have sent and acknowledged, as its
 * receiver will demand (RFC 9293, 3.10.7.4; RFC 5961, 3.2): otherwise it is for the receiver to decide and changes
 * nothing here.
 */
#pragma once

#include "lib/flow_key.h"

/*
 * A FIN may overtake what came before it and was lost: it has to lie within this many bytes. Linux's largest receive
 * window by default for long (tcp_rmem); newer ones allow more, but the more is allowed the more forged ones are
 * believed.
 */
#define CV_SEQUENCE_WINDOW (6u << 20)

static __always_inline int sequence_before(__u32 a, __u32 b)
{
	return (__s32)(a - b) < 0;
}

/* Remembers what a pod has sent, in the entry of its direction. */
static __always_inline void sequence_sent(const struct cv_packet *p, struct cv_flow *f)
{
	__u32 end = packet_sequence_end(p);

	if (packet_is_fresh_syn(p) || !(f->flags & CV_FLOW_SEQUENCE) || sequence_before(f->seq_end, end)) {
		f->seq_end = end;
		if (!(f->flags & CV_FLOW_SEQUENCE))
			f->flags |= CV_FLOW_SEQUENCE;
	}
	if (p->tcp_flags & CV_TCP_ACK) {
		f->acked = p->tcp_ack;
		if (!(f->flags & CV_FLOW_ACKED))
			f->flags |= CV_FLOW_ACKED;
	}
}

/*
 * Takes in a packet from outside, which may be forged: what it sends counts only where it joins what was sent before,
 * or answers the pod's SYN; what the pod has acknowledged is true. s->flow_key names its entry.
 */
__noinline int sequence_follow(struct __sk_buff *skb)
{
	struct cv_scratch *s = scratch_get();
	struct cv_flow *f, *peer;
	struct cv_packet *p;
	__u32 end;

	CV_NEEDS(skb);
	if (!s)
		return 0;
	p = &s->packet;
	f = bpf_map_lookup_elem(&cv_flow, &s->flow_key);
	if (!f)
		return 0;
	peer = flow_peer_lookup(s, f);
	if (!peer)
		return 0;
	end = packet_sequence_end(p);
	if (peer->flags & CV_FLOW_ACKED &&
	    (!(f->flags & CV_FLOW_SEQUENCE) || sequence_before(f->seq_end, peer->acked))) {
		f->seq_end = peer->acked;
		f->flags |= CV_FLOW_SEQUENCE;
	}
	if (!(f->flags & CV_FLOW_SEQUENCE)) {
		if ((p->tcp_flags & (CV_TCP_SYN | CV_TCP_ACK | CV_TCP_RST)) != (CV_TCP_SYN | CV_TCP_ACK) ||
		    !(peer->flags & CV_FLOW_SEQUENCE) || p->tcp_ack != peer->seq_end)
			return 0;
		f->seq_end = end;
		f->flags |= CV_FLOW_SEQUENCE;
	} else if (!sequence_before(f->seq_end, p->tcp_seq) && sequence_before(f->seq_end, end)) {
		f->seq_end = end;
	}
	return 0;
}

static __always_inline void sequence_came(struct __sk_buff *skb, const struct cv_packet *p, struct cv_flow *f)
{
	if (f->flags & CV_FLOW_SEQUENCE && p->tcp_seq == f->seq_end)
		f->seq_end = packet_sequence_end(p);
	else
		sequence_follow(skb);
}

/* Whether a FIN or RST from outside is to be believed. `f` is the entry of its direction, `peer` that of the pod's. */
static __always_inline int sequence_may_end(const struct cv_packet *p, const struct cv_flow *f,
                                            const struct cv_flow *peer)
{
	__u32 known;

	if (!(f->flags & CV_FLOW_SEQUENCE)) /* nothing came yet: a refusal acknowledges the SYN */
		return p->tcp_flags & CV_TCP_RST && p->tcp_flags & CV_TCP_ACK && peer->flags & CV_FLOW_SEQUENCE &&
		       p->tcp_ack == peer->seq_end;
	known = peer->flags & CV_FLOW_ACKED ? peer->acked : f->seq_end;
	if (p->tcp_flags & CV_TCP_RST)
		return !sequence_before(p->tcp_seq, known) && !sequence_before(f->seq_end, p->tcp_seq);
	/* Nor can it acknowledge what the pod has not sent (RFC 5961, 5.2). */
	if (peer->flags & CV_FLOW_SEQUENCE &&
	    (!(p->tcp_flags & CV_TCP_ACK) || peer->seq_end - p->tcp_ack >= CV_SEQUENCE_WINDOW))
		return 0;
	return p->tcp_seq - known < CV_SEQUENCE_WINDOW;
}
