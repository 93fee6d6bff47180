/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Shares of the node's reassembly. The kernel keeps fragments until their datagram is whole or 30 s (IPv6: 60 s) have
 * passed, 4 MiB of them in all (net.ipv4.ipfrag_high_thresh), and refuses all others then: whoever sends fragments that
 * never become whole would end everyone's. So each pod, and the world outside, may have so much of it in datagrams that
 * are not whole, and no more than is left: n of them together leave one part of n + 1.
 */
#pragma once

#include "lib/drop.h"

/* What the kernel keeps, and the most of it that one may have. */
#define CV_REASSEMBLY_ALL (4 * 1024 * 1024)
#define CV_REASSEMBLY_SHARE (CV_REASSEMBLY_ALL / 4)

/* The owner of the account of all. */
#define CV_OWNER_ALL 0xffffffff

/*
 * What a fragment takes: a power of two that holds its bytes with the room before and behind them, and what describes
 * it (measured, Linux 6.18: 1,480 bytes of the kernel's account for one of 640 bytes, 2,504 for those of 704 and
 * 1,400). A little more for those just below a step.
 */
#define CV_REASSEMBLY_ROOM 384
#define CV_REASSEMBLY_OVERHEAD 456
#define CV_REASSEMBLY_LEAST 512
#define CV_REASSEMBLY_STEPS 8 /* to 128 KiB */

/* As long as the kernel waits for the rest of an IPv6 datagram; CV_FRAG_LIFE_NS for IPv4. */
#define CV_REASSEMBLY6_NS (60 * CV_SECOND_NS)

/* A number that nobody outside can foresee, for a place in the datagram of `seed` (SplitMix64's mixing). */
static __always_inline __u64 reassembly_mix(__u64 seed, __u32 at)
{
	__u64 z = seed + (at + 1) * 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static __always_inline __u32 reassembly_cost(__u32 bytes)
{
	__u32 cost = CV_REASSEMBLY_LEAST;
	int i;

#pragma clang loop unroll(full)
	for (i = 0; i < CV_REASSEMBLY_STEPS; i++)
		cost <<= cost < bytes + CV_REASSEMBLY_ROOM;
	return cost + CV_REASSEMBLY_OVERHEAD;
}

/*
 * What the owner has in the kernel's account; one that began too long ago to matter is forgotten. NULL when there is no
 * room for it.
 */
static __always_inline struct cv_reassembly *reassembly_of(__u32 owner, __u32 account, __u64 now)
{
	__u64 period = now / (account & 1 ? CV_REASSEMBLY6_NS : CV_FRAG_LIFE_NS);
	struct cv_reassembly_owner key = { .owner = owner, .account = account };
	struct cv_reassembly *r = bpf_map_lookup_elem(&cv_reassembly, &key);
	struct cv_reassembly none = { .period = period };

	if (!r) {
		bpf_map_update_elem(&cv_reassembly, &key, &none, BPF_NOEXIST);
		r = bpf_map_lookup_elem(&cv_reassembly, &key);
	}
	if (r && r->period != period) {
		r->before = r->period + 1 == period && r->bytes > 0 ? r->bytes : 0;
		r->bytes = 0;
		r->period = period;
	}
	return r;
}

/*
 * Counts the fragment of s->packet, which this node is about to keep, against the share of the pod behind the veth of
 * that number, or CV_OWNER_EXTERNAL's. Returns 0 or the drop reason.
 */
__noinline int reassembly_take(struct __sk_buff *skb, __u32 owner)
{
	struct cv_scratch *s = scratch_get();
	struct cv_reassembly *taken, *all;
	struct cv_datagram *known;
	struct cv_frag_key key;
	struct cv_packet *p;
	__u32 cost, end, account;
	__s64 wanted;
	__u64 now;

	CV_NEEDS(skb);
	if (!s)
		return CV_REASON_INTERNAL;
	p = &s->packet;
	now = bpf_ktime_get_ns();
	account = !!(p->flags & CV_PACKET_V6) | s->space << 1;
	cost = reassembly_cost(p->len);
	all = reassembly_of(CV_OWNER_ALL, account, now);
	taken = reassembly_of(owner, account, now);
	if (!all || !taken)
		return CV_REASON_FRAGMENT_QUOTA;
	wanted = taken->before + taken->bytes + cost;
	if (wanted > CV_REASSEMBLY_SHARE || wanted > CV_REASSEMBLY_ALL - all->before - all->bytes)
		return CV_REASON_FRAGMENT_QUOTA;
	__sync_fetch_and_add(&taken->bytes, cost);
	__sync_fetch_and_add(&all->bytes, cost);

	key = fragment_key(s);
	known = bpf_map_lookup_elem(&cv_datagram, &key);
	if (!known || now - known->time_ns >= CV_FRAG_LIFE_NS) {
		struct cv_datagram begun = { .time_ns = now };

		begun.seed = (__u64)bpf_get_prandom_u32() << 32 | bpf_get_prandom_u32();
		bpf_map_update_elem(&cv_datagram, &key, &begun, BPF_ANY);
		known = bpf_map_lookup_elem(&cv_datagram, &key);
		if (!known)
			return 0;
	}
	/*
	 * Whole when the pieces lie side by side: then all but the outermost of their ends cancel out, which no others
	 * do.
	 */
	end = p->frag_start + p->frag_len;
	__sync_fetch_and_add(&known->sum,
	                     reassembly_mix(known->seed, end) - reassembly_mix(known->seed, p->frag_start));
	__sync_fetch_and_add(&known->bytes, cost);
	if (!(p->flags & CV_PACKET_MORE_FRAGMENTS))
		known->end = end;
	if (!known->end || known->sum != reassembly_mix(known->seed, known->end) - reassembly_mix(known->seed, 0))
		return 0;
	__sync_fetch_and_add(&taken->bytes, -(__s64)known->bytes);
	__sync_fetch_and_add(&all->bytes, -(__s64)known->bytes);
	bpf_map_delete_elem(&cv_datagram, &key);
	return 0;
}

/*
 * What becomes of a packet of `owner` that a program would let on with `action`: a fragment only within the owner's
 * share.
 */
static __always_inline int reassembly_admit(struct __sk_buff *skb, struct cv_scratch *s, int action, __u32 owner,
                                            __u32 side)
{
	int r;

	if (action != TC_ACT_OK || !(s->packet.flags & CV_PACKET_FRAGMENT))
		return action;
	r = reassembly_take(skb, owner);
	return r ? packet_drop(skb, r, side) : action;
}
