/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* UDP flows that are the proxy's, each by the interface that it comes in by. TC and XDP share it. */
#pragma once

#include "lib/maps.h"

/*
 * Enters what a session of CV_SESSION_DRAWN, s->session, has beside its own entry, and completes it. Returns 0 when
 * done.
 */
static __always_inline int session_draw(struct cv_scratch *s)
{
	__u32 flags = s->session.flags;

	s->lookup = s->packet.key;
	s->lookup.dst = s->decision.addr;
	s->lookup.dport = s->decision.port;
	s->session.flags = (flags & ~CV_SESSION_DRAWN) | CV_SESSION_TRANSLATED;
	s->session.addr = s->packet.key.dst;
	s->session.port = s->packet.key.dport;
	if (bpf_map_update_elem(&cv_session, &s->lookup, &s->session, BPF_ANY))
		return -1;
	s->session.flags = flags;
	s->session.addr = s->decision.addr;
	s->session.port = s->decision.port;
	return 0;
}

/*
 * Enters the datagram's flow, which comes in by `ifindex`, as one for the proxy; with CV_SESSION_DRAWN, to the backend
 * of s->decision. Returns 0 or the drop reason.
 */
static __always_inline int session_open(struct cv_scratch *s, __u32 ifindex, __u32 flags)
{
	__builtin_memset(&s->session, 0, sizeof(s->session));
	s->session.generation = s->packet.generation;
	s->session.src_class = s->decision.src_class;
	s->session.ifindex = ifindex;
	s->session.flags = flags | (s->packet.flags & CV_PACKET_BRIDGED ? CV_SESSION_BRIDGED : 0);
	if (flags & CV_SESSION_DRAWN && session_draw(s))
		return CV_REASON_SESSION_TABLE_FULL; /* what has no header would be taken for another's */
	if (bpf_map_update_elem(&cv_session, &s->packet.key, &s->session, BPF_ANY) &&
	    (s->space || s->packet.flags & (CV_PACKET_FRAGMENT | CV_PACKET_BRIDGED)))
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
