/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* How flows end: by what both sides say, by what takes their place, and in the events that tell of it. */
#pragma once

#include "lib/events.h"
#include "lib/sequence.h"

#define CV_FLOW_IDLE_NS (60 * CV_SECOND_NS) /* a SYN after that long starts a new flow */

/* What becomes of the entries of a flow that has ended. */
enum cv_entries {
	CV_ENTRIES_STAY = 0, /* marked as closed, for the last packets and the agent's sweep */
	CV_ENTRIES_GO = 1,
};

/*
 * Ends the flow of s->flow_key: the closed event with the totals of both directions (once), and what `entries` says of
 * both. Leaves the key of the other direction in s->peer. Called as flow_close or flow_remove.
 */
__noinline int flow_finish(struct __sk_buff *skb, __u32 entries)
{
	struct cv_scratch *s = scratch_get();
	struct cv_flow *f, *peer, *out, *in;
	struct cv_event *e;
	__u64 bytes_in;
	__u32 owner;
	int reply;

	CV_NEEDS(skb);
	if (!s)
		return 0;
	f = bpf_map_lookup_elem(&cv_flow, &s->flow_key);
	if (!f)
		return 0;
	peer = flow_peer_lookup(s, f);
	owner = f->owner;
	reply = f->flags & CV_FLOW_REPLY;
	if (f->verdict != CV_VERDICT_PROXY && !(f->flags & CV_FLOW_CLOSED) && !(peer && peer->flags & CV_FLOW_CLOSED)) {
		out = f->flags & CV_FLOW_REPLY ? peer : f;
		in = f->flags & CV_FLOW_REPLY ? f : peer;
		bytes_in = in ? in->bytes : 0;
		counter_add(CV_COUNTER_FLOW_CLOSED, 1);
		e = event_may_tell(s, owner) ? event_reserve(s, CV_EVENT_CLOSED, s->link) : 0;
		if (e) {
			e->key = f->flags & CV_FLOW_REPLY ? s->peer : s->flow_key;
			e->duration_ns = s->packet.now - f->created_ns;
			e->bytes_in = bytes_in;
			if (out) {
				e->bytes_out = out->bytes;
				if (out->flags & CV_FLOW_NAT_DST) {
					e->nat_addr = out->nat_addr;
					e->nat_port = out->nat_port;
				}
				e->flags = out->flags;
			}
			e->verdict = f->verdict;
			e->src_class = f->src_class;
			e->dst_class = f->dst_class;
			e->rule = f->rule;
			event_submit(e);
		}
	}
	if (entries == CV_ENTRIES_GO) {
		/* Whoever takes out the entry of the first direction has taken out the flow. */
		bpf_map_delete_elem(&cv_flow, reply ? &s->flow_key : &s->peer);
		if (!bpf_map_delete_elem(&cv_flow, reply ? &s->peer : &s->flow_key))
			usage_gone(owner);
	} else {
		f->flags |= CV_FLOW_CLOSED;
		if (peer)
			peer->flags |= CV_FLOW_CLOSED;
	}
	return 0;
}

/* Tells of the end of the flow of s->flow_key, and leaves its entries where they are. */
static __always_inline int flow_close(struct __sk_buff *skb)
{
	return flow_finish(skb, CV_ENTRIES_STAY);
}

/* Ends the flow of s->flow_key and takes its entries out. */
static __always_inline int flow_remove(struct __sk_buff *skb)
{
	return flow_finish(skb, CV_ENTRIES_GO);
}

/*
 * Follows the end of the TCP connection whose entry s->flow_key names. With the second FIN it is closed and told of;
 * its entries stay until both sides have acknowledged, so that the last packets still find their way.
 */
__noinline int flow_track_end(struct __sk_buff *skb)
{
	struct cv_scratch *s = scratch_get();
	struct cv_flow *f, *peer;
	struct cv_packet *p;
	__u32 end;

	if (!s)
		return 0;
	p = &s->packet;
	f = bpf_map_lookup_elem(&cv_flow, &s->flow_key);
	if (!f)
		return 0;
	peer = flow_peer_lookup(s, f);
	if (!peer)
		return flow_remove(skb);
	/* What a veth or a socket of the proxy vouches for needs no other proof. */
	if (!f->in_ifindex && f->verdict != CV_VERDICT_PROXY && p->tcp_flags & (CV_TCP_FIN | CV_TCP_RST) &&
	    !sequence_may_end(p, f, peer))
		return 0;
	if (p->tcp_flags & CV_TCP_RST)
		return flow_remove(skb);
	if (p->tcp_flags & CV_TCP_ACK && f->fin_ack && (__s32)(p->tcp_ack - f->fin_ack) >= 0)
		f->fin_ack = 0;
	if (p->tcp_flags & CV_TCP_FIN && !(f->flags & CV_FLOW_FIN)) {
		end = p->tcp_seq + p->tcp_payload + 1;
		f->flags |= CV_FLOW_FIN;
		peer->fin_ack = end ? end : 1;
		return peer->flags & CV_FLOW_FIN ? flow_close(skb) : 0;
	}
	return f->flags & CV_FLOW_CLOSED && !f->fin_ack && !peer->fin_ack ? flow_remove(skb) : 0;
}

static __always_inline void flow_track(struct __sk_buff *skb, struct cv_scratch *s, __u16 flow_flags)
{
	if (s->packet.tcp_flags & (CV_TCP_FIN | CV_TCP_RST) || flow_flags & CV_FLOW_CLOSED)
		flow_track_end(skb);
}

/* Whether a flow has ended, as far as can be told from here. Another CPU may have seen a packet of it since p->now. */
static __always_inline int flow_has_ended(const struct cv_flow *f, const struct cv_packet *p)
{
	return f->flags & (CV_FLOW_FIN | CV_FLOW_CLOSED) || (__s64)(p->now - f->last_ns) > (__s64)CV_FLOW_IDLE_NS;
}

/* Whether a packet is one in the midst of a flow, of which nothing is told but that it was there. */
static __always_inline int flow_goes_on(const struct cv_flow *f, const struct cv_packet *p)
{
	return (f->flags & (CV_FLOW_ESTABLISHED | CV_FLOW_CLOSED)) == CV_FLOW_ESTABLISHED &&
	       !(p->tcp_flags & (CV_TCP_FIN | CV_TCP_SYN | CV_TCP_RST));
}

/* Whether a SYN on this entry starts another flow rather than repeating the first SYN. */
static __always_inline int flow_is_over(const struct cv_flow *f, const struct cv_packet *p)
{
	return f->flags & CV_FLOW_REPLY || f->generation != p->generation || flow_has_ended(f, p);
}
