/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* UDP flows that are the proxy's, each by the interface that it comes in by. TC and XDP share it. */
#pragma once

#include "lib/address.h"

/* The key that a datagram of s->session, of CV_SESSION_DRAWN, has once it is translated, in s->lookup. */
static __always_inline void session_translated_key(struct cv_scratch *s)
{
	s->lookup = s->packet.key;
	s->lookup.dst = s->session.addr;
	s->lookup.dport = s->session.port;
}

/* Enters the second entry of s->session, which has CV_SESSION_DRAWN. Returns 0 when done. */
static __always_inline int session_enter_translated(struct cv_scratch *s)
{
	struct cv_addr addr = s->session.addr;
	__be16 port = s->session.port;
	__u32 flags = s->session.flags;
	int r;

	session_translated_key(s);
	s->session.flags = (flags & ~CV_SESSION_DRAWN) | CV_SESSION_TRANSLATED;
	s->session.addr = s->packet.key.dst;
	s->session.port = s->packet.key.dport;
	r = bpf_map_update_elem(&cv_session, &s->lookup, &s->session, BPF_ANY);
	s->session.flags = flags;
	s->session.addr = addr;
	s->session.port = port;
	return r;
}

/*
 * Sees to it that it is known of a datagram of s->session, which has no header, what was asked: the second entry is the
 * first to leave a full table, and may be another Service's or that of the backend itself. Returns 0 when it is known.
 */
static __always_inline int session_keep_translated(struct cv_scratch *s)
{
	struct cv_session *translated;

	session_translated_key(s);
	translated = bpf_map_lookup_elem(&cv_session, &s->lookup);
	if (translated && translated->flags & CV_SESSION_TRANSLATED && translated->port == s->packet.key.dport &&
	    address_equal(&translated->addr, &s->packet.key.dst))
		return 0;
	return session_enter_translated(s);
}

/*
 * Enters the datagram's flow, which comes in by `ifindex`, as one for the proxy; with CV_SESSION_DRAWN, to the backend
 * of s->decision. Returns 0 or the drop reason.
 */
static __always_inline int session_open(struct cv_scratch *s, __u32 ifindex, __u32 flags)
{
	int failed = 0;

	__builtin_memset(&s->session, 0, sizeof(s->session));
	s->session.generation = s->packet.generation;
	s->session.src_class = s->decision.src_class;
	s->session.ifindex = ifindex;
	s->session.flags = flags | (s->packet.flags & CV_PACKET_BRIDGED ? CV_SESSION_BRIDGED : 0);
	if (flags & CV_SESSION_DRAWN) {
		s->session.addr = s->decision.addr;
		s->session.port = s->decision.port;
		failed = session_enter_translated(s);
	}
	if (bpf_map_update_elem(&cv_session, &s->packet.key, &s->session, BPF_ANY))
		failed = 1;
	if (failed && (s->space || s->packet.flags & (CV_PACKET_FRAGMENT | CV_PACKET_BRIDGED)))
		return CV_REASON_SESSION_TABLE_FULL; /* others carry in their header all that the proxy has to know */
	return 0;
}

/* The session of a flow that comes in by the interface that it began at; NULL when there is none. */
static __always_inline struct cv_session *session_lookup(const struct cv_flow_key *key, __u32 ifindex)
{
	struct cv_session *session = bpf_map_lookup_elem(&cv_session, key);

	return session && session->ifindex == ifindex ? session : 0;
}

/* Gets packet_translate, or icmp_translate, ready for what goes on in a session of CV_SESSION_DRAWN. */
static __always_inline void session_prepare(struct cv_scratch *s, const struct cv_session *session)
{
	s->nat_addr = session->addr;
	s->nat_port = session->port;
	s->nat_source = 0;
}

/* Whether a session is all of its flow. */
static __always_inline int session_is_whole(const struct cv_session *session)
{
	return session && !(session->flags & (CV_SESSION_REASSEMBLED | CV_SESSION_TRANSLATED));
}
