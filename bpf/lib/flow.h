/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The flow table. An entry is keyed by what its sender puts on the wire, so a translated flow's answers have a key of
 * their own; each entry leads to the other. Both directions exist or none.
 */
#pragma once

#include "lib/decide.h"
#include "lib/flow_room.h"
#include "lib/nat.h"

#define CV_FLOW_GONE (-1) /* the entry no longer describes its flow: evaluate the packet as a new one */
#define CV_EEXIST 17

/*
 * Notes that both sides of the flow of s->flow_key have spoken. TCP: the originator answers what has answered it, which
 * nobody can who only pretends to have its address.
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

/* Describes in s->flow what s->decision says of the direction of the packet in hand. */
static __always_inline void flow_describe(struct cv_scratch *s, __u32 owner, __u32 in_ifindex)
{
	const struct cv_decision *d = &s->decision;
	const struct cv_packet *p = &s->packet;
	struct cv_flow *f = &s->flow;

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
}

/* Makes of s->flow, which flow_describe has filled, the direction that answers. Returns 0 or the drop reason. */
static __always_inline int flow_describe_reply(struct cv_scratch *s)
{
	const struct cv_decision *d = &s->decision;
	const struct cv_packet *p = &s->packet;
	const struct cv_address *from;
	struct cv_flow *f = &s->flow;

	f->flags = (d->flags & ~CV_FLOW_NAT_DST) | CV_FLOW_REPLY;
	f->ifindex = f->in_ifindex;
	f->in_ifindex = d->reply_ifindex;
	f->mtu = 0;
	f->seq_end = f->acked = 0;
	__builtin_memset(f->mac, 0, sizeof(f->mac));
	__builtin_memset(f->host_mac, 0, sizeof(f->host_mac));
	if (d->flags & CV_FLOW_NAT_DST) {
		f->flags |= CV_FLOW_NAT_SRC;
		f->nat_addr = p->key.dst;
		f->nat_port = p->key.dport;
	}
	if (d->verdict != CV_VERDICT_DIRECT)
		return 0;
	from = address_lookup(p->generation, &p->key.src);
	if (!from || !(from->flags & CV_ADDRESS_LOCAL))
		return CV_REASON_INTERNAL;
	f->mtu = from->mtu;
	__builtin_memcpy(f->mac, from->mac, sizeof(f->mac));
	__builtin_memcpy(f->host_mac, from->host_mac, sizeof(f->host_mac));
	return 0;
}

/*
 * Enters s->flow. In a full table a flow that is in its beginner's own place, and not in a lent one, has a place taken
 * back for it, which overwrites s->peer. Returns what the map does.
 */
static __always_inline long flow_insert(struct __sk_buff *skb, struct cv_scratch *s, const struct cv_flow_key *key,
                                        __u64 how, int lent)
{
	long err = bpf_map_update_elem(&cv_flow, key, &s->flow, how);

	if (err && err != -CV_EEXIST && !lent && flow_take_back(skb))
		err = bpf_map_update_elem(&cv_flow, key, &s->flow, how);
	return err;
}

/*
 * Whether the flow in whose place the answers of a new one would be, of which `old` is the entry there, is over. A pod
 * that sends datagrams to a Service and to the backend behind it from one port has two such flows. Which of them ends,
 * if any does, nobody says, as an idle one's port is soon another socket's: the later question is answered.
 */
static __always_inline int flow_gives_way(const struct cv_flow *old, const struct cv_packet *p, __u32 in_ifindex)
{
	if (old->flags & (CV_FLOW_FIN | CV_FLOW_CLOSED))
		return 1;
	return p->key.proto == IPPROTO_UDP && in_ifindex && old->flags & CV_FLOW_REPLY && old->ifindex == in_ifindex;
}

/*
 * Makes both entries as s->decision says, counts and tells of the flow. `in_ifindex` is the veth the first packet came
 * out of, 0 when it came from outside. Returns 0 or the drop reason.
 */
__noinline int flow_create(struct __sk_buff *skb, __u32 in_ifindex)
{
	struct cv_scratch *s = scratch_get();
	__u32 owner = in_ifindex ? in_ifindex : CV_OWNER_EXTERNAL, most;
	struct cv_control *control;
	struct cv_usage *usage;
	struct cv_decision *d;
	struct cv_packet *p;
	struct cv_flow *old;
	__s64 taken;
	int lent, r;
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
	flow_describe(s, owner, in_ifindex);
	flow_peer_key(&s->peer, &p->key, &s->flow);
	if (flow_key_equal(&s->peer, &p->key))
		return CV_REASON_MALFORMED; /* from itself to itself */
	old = bpf_map_lookup_elem(&cv_flow, &s->peer);
	if (old)
		flow_peer_key(&s->lookup, &s->peer, old);
	if (old && !flow_key_equal(&s->lookup, &p->key) && !flow_gives_way(old, p, in_ifindex))
		return CV_REASON_TUPLE_TAKEN;
	/* What another CPU has made of this very flow meanwhile stays. */
	if (old && (!flow_key_equal(&s->lookup, &p->key) || old->flags & (CV_FLOW_FIN | CV_FLOW_CLOSED))) {
		s->flow_key = s->peer;
		flow_remove(skb);
	}
	s->flow_key = p->key;
	err = flow_insert(skb, s, &p->key, BPF_NOEXIST, lent);
	if (err == -CV_EEXIST)
		return 0; /* another CPU was faster */
	if (err)
		return CV_REASON_FLOW_TABLE_FULL;
	flow_peer_key(&s->lookup, &p->key, &s->flow);
	r = flow_describe_reply(s);
	if (!r && flow_insert(skb, s, &s->lookup, BPF_ANY, lent))
		r = CV_REASON_FLOW_TABLE_FULL;
	if (r) {
		bpf_map_delete_elem(&cv_flow, &p->key);
		return r;
	}
	usage_made(usage);
	if (d->verdict == CV_VERDICT_PROXY)
		return 0; /* the proxy tells of it, and counts it */
	counter_add(CV_COUNTER_FLOW_NEW, 1);
	if (!d->quiet && event_may_tell(s, s->flow.owner))
		event_new(skb, s);
	return 0;
}
