/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* UDP flows that are the proxy's, each by the interface that it comes in by. TC and XDP share it. */
#pragma once

#include "lib/maps.h"

/* Enters the datagram's flow, which comes in by `ifindex`, as one for the proxy. Returns 0 or the drop reason. */
static __always_inline int session_open(struct cv_scratch *s, __u32 ifindex, __u32 flags)
{
	s->session.generation = s->packet.generation;
	s->session.src_class = s->decision.src_class;
	s->session.ifindex = ifindex;
	s->session.flags = flags | (s->packet.flags & CV_PACKET_BRIDGED ? CV_SESSION_BRIDGED : 0);
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

/* Whether a session is all of its flow. */
static __always_inline int session_is_whole(const struct cv_session *session)
{
	return session && !(session->flags & CV_SESSION_REASSEMBLED);
}
