/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The flow table. An entry is keyed by what its sender puts on the wire, so a translated flow's answers have a key of
 * their own; each entry leads to the other. Both directions exist or none.
 */
#pragma once

#include "lib/decide.h"
#include "lib/events.h"
#include "lib/nat.h"
#include "lib/sequence.h"

#define CV_FLOW_GONE (-1) /* the entry no longer describes its flow: evaluate the packet as a new one */
#define CV_EEXIST 17
#define CV_TAKE_BACK_LOOKS 8
#define CV_FLOW_IDLE_NS (60ULL * 1000000000ULL) /* a SYN after that long starts a new flow */

/*
 * Ends the flow of s->flow_key: the closed event with the totals of both directions (once), and with `remove` both entries.
 * Leaves the key of the other direction in s->peer.
 */
__noinline int flow_finish(struct __sk_buff *skb, __u32 remove)
{
	struct cv_scratch *s = scratch_get();
	struct cv_flow *f, *peer, *out, *in;
	struct cv_event *e;
	__u64 bytes_in;
	__u32 owner;
	int reply;

	if (!s)
		return 0;
	f = bpf_map_lookup_elem(&cv_flow, &s->flow_key);
	if (!f)
		return 0;
	peer = flow_peer_lookup(s, f);
	owner = f->owner;
	reply = f->flags & CV_FLOW_REPLY;
	if (!(f->flags & CV_FLOW_CLOSED) && !(peer && peer->flags & CV_FLOW_CLOSED)) {
		out = f->flags & CV_FLOW_REPLY ? peer : f;
		in = f->flags & CV_FLOW_REPLY ? f : peer;
		bytes_in = in ? in->bytes : 0;
		counter_add(CV_COUNTER_FLOW_CLOSED, 1);
		e = event_may_tell(s, owner) ? event_reserve(s, CV_EVENT_CLOSED, skb->ifindex) : 0;
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
	if (remove) {
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

/*
 * Follows the end of the TCP connection whose entry s->flow_key names. With the second FIN it is closed and told of; its
 * entries stay until both sides have acknowledged, so that the last packets still find their way.
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
		return flow_finish(skb, 1);
	if (!f->in_ifindex && p->tcp_flags & (CV_TCP_FIN | CV_TCP_RST) && !sequence_may_end(p, f, peer))
		return 0;
	if (p->tcp_flags & CV_TCP_RST)
		return flow_finish(skb, 1);
	if (p->tcp_flags & CV_TCP_ACK && f->fin_ack && (__s32)(p->tcp_ack - f->fin_ack) >= 0)
		f->fin_ack = 0;
	if (p->tcp_flags & CV_TCP_FIN && !(f->flags & CV_FLOW_FIN)) {
		end = p->tcp_seq + p->tcp_payload + 1;
		f->flags |= CV_FLOW_FIN;
		peer->fin_ack = end ? end : 1;
		return peer->flags & CV_FLOW_FIN ? flow_finish(skb, 0) : 0;
	}
	return f->flags & CV_FLOW_CLOSED && !f->fin_ack && !peer->fin_ack ? flow_finish(skb, 1) : 0;
}

static __always_inline void flow_track(struct __sk_buff *skb, struct cv_scratch *s, __u16 flow_flags)
{
	if (s->packet.tcp_flags & (CV_TCP_FIN | CV_TCP_RST) || flow_flags & CV_FLOW_CLOSED)
		flow_track_end(skb);
}

/*
 * Notes that both sides of the flow of s->flow_key have spoken. TCP: the originator answers what has answered it, which nobody can who only
 * pretends to have its address.
 */
__noinline int flow_establish(struct __sk_buff *skb)
{
	struct cv_scratch *s = scratch_get();
	struct cv_flow *f, *peer;

	CV_NEEDS(skb);
	if (!s)
		return 0;
	f = bpf_map_lookup_elem(&cv_flow, &s->flow_key);
	if (!f)
		return 0;
	peer = flow_peer_lookup(s, f);
	if (!peer || !peer->packets)
		return 0;
	f->flags |= CV_FLOW_ESTABLISHED;
	peer->flags |= CV_FLOW_ESTABLISHED;
	return 0;
}

/* Counts a packet of the flow of s->flow_key, whose entry is f. */
static __always_inline void flow_count(struct __sk_buff *skb, struct cv_scratch *s, struct cv_flow *f)
{
	const struct cv_packet *p = &s->packet;
	__u16 flags = f->flags;

	__sync_fetch_and_add(&f->packets, 1);
	__sync_fetch_and_add(&f->bytes, p->len);
	f->last_ns = p->now;
	if (flags & CV_FLOW_ESTABLISHED)
		return;
	if (p->key.proto == IPPROTO_UDP
	            ? flags & CV_FLOW_REPLY
	            : !(flags & CV_FLOW_REPLY) && (p->tcp_flags & (CV_TCP_SYN | CV_TCP_ACK)) == CV_TCP_ACK)
		flow_establish(skb);
}

/* Whether a flow has ended, as far as can be told from here. */
static __always_inline int flow_has_ended(const struct cv_flow *f, const struct cv_packet *p)
{
	return f->flags & (CV_FLOW_FIN | CV_FLOW_CLOSED) || p->now - f->last_ns > CV_FLOW_IDLE_NS;
}

/* Whether a SYN on this entry starts another flow rather than repeating the first SYN. */
static __always_inline int flow_is_over(const struct cv_flow *f, const struct cv_packet *p)
{
	return f->flags & CV_FLOW_REPLY || f->generation != p->generation || flow_has_ended(f, p);
}

/* Ends the flow of s->flow_key, not the packet's own, when it is one of the world outside, or else of a pod, that nobody has answered. Returns whether it was. */
static __always_inline int flow_end_unanswered(struct __sk_buff *skb, struct cv_scratch *s, int external)
{
	struct cv_flow *f = bpf_map_lookup_elem(&cv_flow, &s->flow_key);

	if (!f || (f->owner == CV_OWNER_EXTERNAL) != external || f->flags & (CV_FLOW_ESTABLISHED | CV_FLOW_REPLY) ||
	    flow_key_equal(&s->flow_key, &s->packet.key))
		return 0;
	flow_finish(skb, 1);
	return 1;
}

/*
 * Takes note in `queue` of a flow that begins with the packet in hand. At most as many are half open as the queue has places: the oldest that
 * has not been answered since goes.
 */
static __always_inline void flow_enter(struct __sk_buff *skb, struct cv_scratch *s, void *queue, int external)
{
	if (!bpf_map_push_elem(queue, &s->packet.key, 0))
		return;
	if (!bpf_map_pop_elem(queue, &s->flow_key))
		flow_end_unanswered(skb, s, external);
	bpf_map_push_elem(queue, &s->packet.key, 0);
}

/* A flow from outside. */
__noinline int flow_enter_external(struct __sk_buff *skb)
{
	struct cv_scratch *s = scratch_get();

	if (s)
		flow_enter(skb, s, &cv_half_open, 1);
	return 0;
}

/* A flow of a pod that takes a place lent to it. */
__noinline int flow_enter_lent(struct __sk_buff *skb)
{
	struct cv_scratch *s = scratch_get();

	if (s)
		flow_enter(skb, s, &cv_lent, 0);
	return 0;
}

/*
 * The table is full, and a pod begins a flow within its share: the oldest flow from outside that nobody has answered makes room for it, or one
 * that a pod has in a place lent to it. A few are looked at; what has been answered meanwhile stays for good. Returns whether there is room.
 */
__noinline int flow_take_back(struct __sk_buff *skb)
{
	struct cv_scratch *s = scratch_get();
	int i, room = 0;

	if (!s)
		return 0;
	for (i = 0; i < CV_TAKE_BACK_LOOKS && !room; i++) {
		if (!bpf_map_pop_elem(&cv_half_open, &s->flow_key))
			room = flow_end_unanswered(skb, s, 1);
		if (!room && !bpf_map_pop_elem(&cv_lent, &s->flow_key))
			room = flow_end_unanswered(skb, s, 0);
	}
	s->flow_key = s->packet.key;
	return room;
}

/*
 * Makes both entries as s->decision says, counts and tells of the flow. `in_ifindex` is the veth the first packet came out
 * of, 0 when it came from outside. Returns 0 or the drop reason.
 */
__noinline int flow_create(struct __sk_buff *skb, __u32 in_ifindex)
{
	struct cv_scratch *s = scratch_get();
	struct cv_address *from;
	struct cv_decision *d;
	struct cv_packet *p;
	struct cv_flow *f, *old;
	struct cv_control *control;
	struct cv_usage *usage;
	__u32 owner = in_ifindex ? in_ifindex : CV_OWNER_EXTERNAL, most;
	__s64 taken;
	int lent;
	long err;

	if (!s)
		return CV_REASON_INTERNAL;
	p = &s->packet;
	d = &s->decision;
	control = control_get();
	most = owner != CV_OWNER_EXTERNAL ? d->max_flows : control ? control->max_external : 1;
	if (owner == CV_OWNER_EXTERNAL)
		flow_enter_external(skb);
	usage = usage_get(owner);
	taken = usage ? usage_taken(usage, owner) : 0;
	if (!usage_has_room(usage, taken, most))
		return CV_REASON_FLOW_QUOTA;
	lent = owner == CV_OWNER_EXTERNAL || usage_is_lent(taken);
	if (lent && owner != CV_OWNER_EXTERNAL)
		flow_enter_lent(skb);
	f = &s->flow;
	__builtin_memset(f, 0, sizeof(*f));
	f->created_ns = p->now;
	f->last_ns = p->now;
	f->generation = p->generation;
	f->rule = d->rule;
	f->src_class = d->src_class;
	f->dst_class = d->dst_class;
	f->verdict = d->verdict;
	f->flags = d->flags;
	f->owner = owner;
	f->in_ifindex = in_ifindex;
	f->ifindex = d->reply_ifindex;
	f->mtu = d->mtu;
	__builtin_memcpy(f->mac, d->mac, sizeof(f->mac));
	__builtin_memcpy(f->host_mac, d->host_mac, sizeof(f->host_mac));
	if (p->key.proto == IPPROTO_TCP && d->verdict == CV_VERDICT_PASS)
		sequence_sent(p, f);
	if (d->flags & CV_FLOW_NAT_DST) {
		f->nat_addr = d->addr;
		f->nat_port = d->port;
	}
	flow_peer_key(&s->peer, &p->key, f);
	if (flow_key_equal(&s->peer, &p->key))
		return CV_REASON_MALFORMED; /* from itself to itself */
	old = bpf_map_lookup_elem(&cv_flow, &s->peer);
	if (old && !(old->flags & (CV_FLOW_FIN | CV_FLOW_CLOSED))) {
		flow_peer_key(&s->lookup, &s->peer, old);
		if (!flow_key_equal(&s->lookup, &p->key))
			return CV_REASON_TUPLE_TAKEN;
	} else if (old) {
		s->flow_key = s->peer;
		flow_finish(skb, 1);
	}
	s->flow_key = p->key;
	err = bpf_map_update_elem(&cv_flow, &p->key, f, BPF_NOEXIST);
	if (err && err != -CV_EEXIST && !lent && flow_take_back(skb))
		err = bpf_map_update_elem(&cv_flow, &p->key, f, BPF_NOEXIST);
	if (err == -CV_EEXIST)
		return 0; /* another CPU was faster */
	if (err)
		return CV_REASON_FLOW_TABLE_FULL;
	flow_peer_key(&s->peer, &p->key, f);
	f->flags = (d->flags & ~CV_FLOW_NAT_DST) | CV_FLOW_REPLY;
	f->in_ifindex = d->reply_ifindex;
	f->ifindex = in_ifindex;
	f->mtu = 0;
	f->seq_end = f->acked = 0;
	__builtin_memset(f->mac, 0, sizeof(f->mac));
	__builtin_memset(f->host_mac, 0, sizeof(f->host_mac));
	if (d->flags & CV_FLOW_NAT_DST) {
		f->flags |= CV_FLOW_NAT_SRC;
		f->nat_addr = p->key.dst;
		f->nat_port = p->key.dport;
	}
	if (d->verdict == CV_VERDICT_DIRECT) {
		from = address_lookup(p->generation, &p->key.src);
		if (!from || !(from->flags & CV_ADDRESS_LOCAL)) {
			bpf_map_delete_elem(&cv_flow, &p->key);
			return CV_REASON_INTERNAL;
		}
		f->mtu = from->mtu;
		__builtin_memcpy(f->mac, from->mac, sizeof(f->mac));
		__builtin_memcpy(f->host_mac, from->host_mac, sizeof(f->host_mac));
	}
	s->lookup = s->peer;
	if (bpf_map_update_elem(&cv_flow, &s->lookup, f, BPF_ANY) &&
	    (lent || !flow_take_back(skb) || bpf_map_update_elem(&cv_flow, &s->lookup, f, BPF_ANY))) {
		bpf_map_delete_elem(&cv_flow, &p->key);
		return CV_REASON_FLOW_TABLE_FULL;
	}
	usage_made(usage);
	counter_add(CV_COUNTER_FLOW_NEW, 1);
	if (!d->quiet && event_may_tell(s, owner))
		event_new(skb, s);
	return 0;
}
