/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Packets leaving a pod. */
#pragma once

#include "lib/reassembly_await.h"
#include "lib/icmp.h"
#include "lib/probe.h"
#include "lib/proxied.h"
#include "lib/revalidate.h"

/* Whether a flow may start, or be picked up in its midst, with this packet. */
static __always_inline int packet_may_start(const struct cv_packet *p)
{
	return p->key.proto != IPPROTO_TCP || packet_is_fresh_syn(p) || !(p->tcp_flags & (CV_TCP_SYN | CV_TCP_RST));
}

/*
 * Whether it is the answer to a SYN. One that no flow is known of has not come by cv_to_pod, but past it, by a raw
 * socket at the pod's veth for one.
 */
static __always_inline int packet_accepts(const struct cv_packet *p)
{
	return p->key.proto == IPPROTO_TCP && (p->tcp_flags & (CV_TCP_SYN | CV_TCP_ACK)) == (CV_TCP_SYN | CV_TCP_ACK);
}

/*
 * Who has sent a packet, as its veth says; notes of the packet whether it comes by a port of a bridge. Returns 0, with
 * the endpoint, or the drop reason.
 */
static __always_inline int from_pod_sender(struct cv_scratch *s, struct cv_endpoint **sender)
{
	struct cv_packet *p = &s->packet;
	struct cv_endpoint *ep = endpoint_lookup(p->generation, s->link);

	if (!ep)
		return CV_REASON_NO_ENDPOINT;
	if (!endpoint_owns_source(ep, p))
		return CV_REASON_SPOOFED_SOURCE;
	bridge_note(p, ep);
	*sender = ep;
	return 0;
}

/*
 * What a pod says to its neighbours, where r says that this is one, it says in its own name: routers hand on what is
 * for an address elsewhere. Returns r, or the drop reason.
 */
static __always_inline int from_pod_to_neighbour(struct cv_scratch *s, int r)
{
	struct cv_packet *p = &s->packet;
	struct cv_endpoint *ep;

	if (r != CV_IGNORE || p->key.proto != IPPROTO_ICMPV6)
		return r;
	if (icmp_speaks_for_router(p))
		return CV_REASON_NEIGHBOUR_SCOPE;
	/* Neither leaves the link, whoever says it. */
	if (address_stays_on_link6(&p->key.dst) || address_stays_on_link6(&p->key.src))
		return r;
	ep = packet_begin(p) ? endpoint_lookup(p->generation, s->link) : 0;
	if (!ep)
		return CV_REASON_NO_ENDPOINT;
	return endpoint_owns(ep, p, &p->key.src) ? r : CV_REASON_SPOOFED_SOURCE;
}

/* Begins the decision about a packet out of a pod. */
static __always_inline void decision_begin(struct cv_scratch *s, const struct cv_endpoint *ep)
{
	struct cv_decision *d = &s->decision;

	__builtin_memset(d, 0, sizeof(*d));
	d->src_class = s->packet.flags & CV_PACKET_V6 ? ep->src_class6 : ep->src_class4;
	d->max_flows = ep->max_flows;
	d->egress_policy_set = ep->egress_policy_set;
	d->host_stack = !!(ep->flags & CV_ENDPOINT_HOST_STACK);
}

/* A datagram that starts or goes on with a session of the proxy, as s->decision says. */
static __always_inline int from_pod_session(struct __sk_buff *skb, struct cv_scratch *s)
{
	__u32 flags = s->decision.verdict == CV_VERDICT_PROXY ? 0 : CV_SESSION_REASSEMBLED;
	int r;

	if (!flags && s->decision.drawn)
		flags = CV_SESSION_DRAWN;
	r = session_open(s, s->link, flags);
	return r ? packet_drop(skb, r, CV_SIDE_FROM_POD) : datagram_to_proxy(skb, CV_SIDE_FROM_POD);
}

/*
 * A Service may have backends here and elsewhere: a session of the proxy to it stays one, with its backend while that
 * is a workload elsewhere and with a new draw after that; without a draw, with the proxy's choice.
 */
static __always_inline void session_stays(struct cv_scratch *s, const struct cv_session *session)
{
	struct cv_decision *d = &s->decision;
	struct cv_address *to;

	/* A backend that would be passed to is none for the proxy, which chooses among workloads then. */
	if (d->verdict != CV_VERDICT_PROXY || !(session->flags & CV_SESSION_DRAWN))
		d->drawn = 0;
	d->verdict = CV_VERDICT_PROXY;
	if (!(session->flags & CV_SESSION_DRAWN))
		return;
	to = address_lookup(s->packet.generation, &session->addr);
	if (!to || to->flags & (CV_ADDRESS_EXCLUDED | CV_ADDRESS_NODE) || !(to->flags & CV_ADDRESS_MESHED) ||
	    address_is_here(s, to) || port_excluded_at(&s->packet, to, &session->addr, session->port))
		return;
	d->drawn = 1;
	d->addr = session->addr;
	d->port = session->port;
}

/* A packet of no known flow. */
__noinline int from_pod_new(struct __sk_buff *skb)
{
	struct cv_scratch *s = scratch_get();
	struct cv_session *session;
	struct cv_address *from;
	struct cv_decision *d;
	struct cv_packet *p;
	struct cv_flow *f;
	int r;

	if (!s)
		return TC_ACT_SHOT;
	p = &s->packet;
	d = &s->decision;
	d->quiet = p->key.proto == IPPROTO_TCP && !packet_is_fresh_syn(p);
	r = destination_decide(skb);
	if (r)
		return packet_drop(skb, r, CV_SIDE_FROM_POD);
	if (p->key.proto == IPPROTO_UDP) {
		session = d->flags & CV_FLOW_NAT_DST ? session_lookup(&p->key, s->link) : 0;
		if (session_is_whole(session))
			session_stays(s, session);
		/* What waits in this node's reassembly can go nowhere but to the proxy, which routes it as well. */
		if (d->verdict == CV_VERDICT_PROXY || p->flags & CV_PACKET_REASSEMBLED)
			return from_pod_session(skb, s);
		if (d->verdict == CV_VERDICT_PASS) {
			from = address_lookup(p->generation, &p->key.src);
			if (datagram_is_answer(s, &p->key, from))
				d->untracked = 1;
			else if (all_ports_need_proxy(p, from, &p->key.src))
				d->flags |= CV_FLOW_NO_HEADER;
		}
	} else if (d->verdict == CV_VERDICT_PROXY) {
		r = d->drawn && packet_is_fresh_syn(p) ? proxied_begin(skb, s) : CV_IGNORE;
		if (r == CV_IGNORE)
			r = listener_take(skb, s, CV_LISTENER_OUT4);
		return r ? packet_drop(skb, r, CV_SIDE_FROM_POD) : TC_ACT_OK;
	}
	if (!packet_may_start(p) || (d->quiet && d->flags & CV_FLOW_NAT_DST)) {
		/* Of what a node asks, as probes do, no flow is known. */
		if (d->verdict == CV_VERDICT_DIRECT || (!d->untracked && packet_accepts(p)))
			return packet_drop(skb, CV_REASON_NOT_A_CONNECTION, CV_SIDE_FROM_POD);
		d->untracked = 1;
	}
	if (d->untracked || (d->verdict == CV_VERDICT_PASS && flow_key_is_own_reverse(&p->key))) {
		counter_add(CV_COUNTER_PASS_PACKETS, 1);
		return TC_ACT_OK;
	}
	r = flow_create(skb, s->link);
	if (r)
		return packet_drop(skb, r, CV_SIDE_FROM_POD);
	f = bpf_map_lookup_elem(&cv_flow, &p->key);
	if (!f)
		return packet_drop(skb, CV_REASON_FLOW_TABLE_FULL, CV_SIDE_FROM_POD);
	return flow_forward(skb, s, f);
}

/*
 * TCP and UDP off the short path. The socket lookup comes before the flow table for packets with SYN, because an old
 * entry may still hold the ports of a connection that the proxy now makes; for the others the table is the cheaper
 * question. `known` is 0 when the table has no entry. Returns what the program returns, or CV_FLOW_GONE for a packet of
 * no known flow: the caller goes on to from_pod_new, as from here both would be on the stack.
 */
__noinline int from_pod_slow(struct __sk_buff *skb, __u32 known)
{
	struct cv_scratch *s = scratch_get();
	struct cv_endpoint *ep;
	struct cv_packet *p;
	struct cv_flow *f;
	int r, tcp, syn;

	if (!s)
		return TC_ACT_SHOT;
	p = &s->packet;
	tcp = p->key.proto == IPPROTO_TCP;
	syn = tcp && p->tcp_flags & CV_TCP_SYN;
	s->flow_key = p->key;
	f = known ? bpf_map_lookup_elem(&cv_flow, &s->flow_key) : 0;
	if (f && f->verdict == CV_VERDICT_PROXY && f->in_ifindex == s->link) {
		r = proxied_from_pod(skb);
		if (r != CV_FLOW_GONE)
			return r ? packet_drop(skb, r, CV_SIDE_FROM_POD) : TC_ACT_OK;
		f = 0;
	}
	if (!f && packet_is_fresh_syn(p) && proxied_is_in_the_way(skb))
		return packet_drop(skb, CV_REASON_TUPLE_TAKEN, CV_SIDE_FROM_POD);
	s->flow_key = p->key;
	s->lookup = p->key;
	if (p->flags & CV_PACKET_REASSEMBLED) {
		if (!(p->flags & CV_PACKET_LATER_FRAGMENT))
			return CV_FLOW_GONE;
		return datagram_leave(skb, CV_COUNTER_UDP_PLAIN, CV_SIDE_FROM_POD);
	}
	if (!tcp && !f && reply_lookup(&p->key))
		return datagram_leave(skb, CV_COUNTER_UDP_REPLY, CV_SIDE_FROM_POD);
	if (tcp && (syn || !f)) {
		if (socket_capture(skb)) {
			if (f)
				flow_remove(skb);
			return TC_ACT_OK;
		}
	}
	if (!f)
		return CV_FLOW_GONE;
	if (f->in_ifindex != s->link || (packet_is_fresh_syn(p) && flow_is_over(f, p))) {
		flow_remove(skb);
		return CV_FLOW_GONE;
	}
	if (f->generation != p->generation) {
		r = flow_revalidate(skb);
		if (r) {
			__u32 ifindex = f->ifindex;

			__builtin_memcpy(s->bytes + CV_MACS_OFF, f->mac, 12);
			flow_end(skb, s, r);
			if (r > 0) {
				reject_receiver(skb, ifindex, CV_MACS_SAVED);
				return packet_drop(skb, r, CV_SIDE_FROM_POD);
			}
			ep = endpoint_lookup(p->generation, s->link);
			if (!ep)
				return packet_drop(skb, CV_REASON_NO_ENDPOINT, CV_SIDE_FROM_POD);
			decision_begin(s, ep);
			return CV_FLOW_GONE;
		}
	}
	return flow_forward(skb, s, f);
}

static __always_inline int from_pod(struct __sk_buff *skb, struct cv_scratch *s)
{
	struct cv_packet *p = &s->packet;
	struct cv_session *session;
	struct cv_endpoint *ep;
	struct cv_flow *f = 0;
	int probe, probe_port, refused, r;

	if (!packet_take_generation(p))
		return packet_drop(skb, CV_REASON_NO_ENDPOINT, CV_SIDE_FROM_POD);
	if (p->key.proto == IPPROTO_TCP || p->key.proto == IPPROTO_UDP) {
		f = bpf_map_lookup_elem(&cv_flow, &p->key);
		/* What the pod itself has sent between such ports does not take the agent's probes with it. */
		probe_port = packet_is_for_probe_port(p);
		/* The entry knows the veth: the source was checked when it was made. */
		if (f && !probe_port && f->generation == p->generation && f->in_ifindex == s->link &&
		    f->verdict != CV_VERDICT_PROXY && !(p->tcp_flags & CV_TCP_SYN) &&
		    !(p->flags & CV_PACKET_REASSEMBLED)) {
			p->now = flow_goes_on(f, p) ? time_of_tick(s) : bpf_ktime_get_ns();
			s->flow_key = p->key;
			return flow_forward(skb, s, f);
		}
		if (!f && !probe_port && p->key.proto == IPPROTO_UDP) {
			session = session_lookup(&p->key, s->link);
			if (session_is_whole(session) && session->generation == p->generation) {
				s->session = *session;
				if (session->flags & CV_SESSION_BRIDGED)
					p->flags |= CV_PACKET_BRIDGED;
				return datagram_to_proxy(skb, CV_SIDE_FROM_POD);
			}
		}
	}
	p->now = bpf_ktime_get_ns();
	probe = packet_take_probe(skb, s);
	if (probe != CV_PROBE_NONE) {
		if (probe == CV_PROBE_CAPTURED)
			mark_capture(skb);
		return TC_ACT_OK;
	}
	refused = from_pod_sender(s, &ep);
	if (refused)
		return packet_drop(skb, refused, CV_SIDE_FROM_POD);
	if (p->key.proto != IPPROTO_TCP && p->key.proto != IPPROTO_UDP)
		return icmp_is_own(ep, s) ? icmp_from_pod(skb)
		                          : packet_drop(skb, CV_REASON_FOREIGN_ERROR, CV_SIDE_FROM_POD);
	decision_begin(s, ep);
	r = from_pod_slow(skb, f != 0);
	return r == CV_FLOW_GONE ? from_pod_new(skb) : r;
}

/* A later fragment of a datagram out of a pod whose first fragment was not seen. */
__noinline int from_pod_first_missing(struct __sk_buff *skb)
{
	struct cv_scratch *s = scratch_get();
	struct cv_endpoint *ep;
	struct cv_address *to;
	struct cv_packet *p;
	int refused;

	if (!s)
		return TC_ACT_SHOT;
	p = &s->packet;
	if (p->key.proto != IPPROTO_UDP || !packet_begin(p))
		return packet_drop(skb, CV_REASON_FRAGMENT_NO_FIRST, CV_SIDE_FROM_POD);
	refused = from_pod_sender(s, &ep);
	if (refused)
		return packet_drop(skb, refused, CV_SIDE_FROM_POD);
	to = address_lookup(p->generation, &p->key.dst);
	if (to && !(to->flags & (CV_ADDRESS_EXCLUDED | CV_ADDRESS_NODE)) &&
	    to->flags & (CV_ADDRESS_MESHED | CV_ADDRESS_SERVICE))
		return reassembly_await_first(skb, s, CV_SIDE_FROM_POD);
	/*
	 * What egress policy would say of its ports nobody can tell; its like would make a way out for what it says no
	 * to.
	 */
	if (ep->egress_policy_set && !(to && to->flags & (CV_ADDRESS_EXCLUDED | CV_ADDRESS_NODE)))
		return packet_drop(skb, CV_REASON_FRAGMENT_NO_FIRST, CV_SIDE_FROM_POD);
	counter_add(CV_COUNTER_PASS_PACKETS, 1); /* whatever its ports are, it passes */
	return TC_ACT_OK;
}
