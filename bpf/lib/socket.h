/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Handing packets to the node proxy's transparent sockets: the mark makes routing deliver them here, sk_assign says to
 * whom.
 */
#pragma once

#include "lib/config.h"
#include "lib/counters.h"
#include "lib/listener.h"
#include "lib/parse.h"

enum cv_tcp_state {
	CV_TCP_TIME_WAIT = 6,
	CV_TCP_LISTEN = 10,
	CV_TCP_NEW_SYN_RECV = 12,
};

static __always_inline void mark_capture(struct __sk_buff *skb)
{
	skb->mark = (skb->mark & ~cv_cfg_mark_mask) | cv_cfg_mark_capture;
}

static __always_inline int mark_is(struct __sk_buff *skb, __u32 mark)
{
	return (skb->mark & cv_cfg_mark_mask) == mark;
}

/*
 * What socket of the proxy has sent a packet that is on its way out; NULL: none. What the kernel answers for a
 * connection that is not whole yet counts as its listener's.
 */
static __always_inline struct cv_own_socket *socket_own(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	if (!sk)
		return 0;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return 0;
	return bpf_sk_storage_get(&cv_own_socket, sk, 0, 0);
}

/*
 * Whether a marked packet that no socket of the proxy has sent may still be its: what the kernel sends for a connection
 * without a full socket (SYN-ACK, RST, the last ACK) and what the programs make carries no data and begins nothing.
 * Looks at the packet itself: a reset that a program sends comes here while that program still has its own packet in
 * hand, in s->packet.
 */
static __always_inline int segment_is_bare(struct __sk_buff *skb)
{
	struct tcphdr tcp;
	__u32 off, end;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		struct iphdr ip;

		if (bpf_skb_load_bytes(skb, CV_ETH_LEN, &ip, sizeof(ip)) || ip.protocol != IPPROTO_TCP ||
		    ip.frag_off & bpf_htons(CV_IP_FRAGMENT_MASK | CV_IP_MORE_FRAGMENTS))
			return 0;
		off = CV_ETH_LEN + ip.ihl * 4;
		end = CV_ETH_LEN + bpf_ntohs(ip.tot_len);
	} else {
		struct ipv6hdr ip;

		if (skb->protocol != bpf_htons(ETH_P_IPV6) || bpf_skb_load_bytes(skb, CV_ETH_LEN, &ip, sizeof(ip)) ||
		    ip.nexthdr != IPPROTO_TCP)
			return 0;
		off = CV_ETH_LEN + sizeof(ip);
		end = off + bpf_ntohs(ip.payload_len);
	}
	if (bpf_skb_load_bytes(skb, off, &tcp, sizeof(tcp)))
		return 0;
	return off + tcp.doff * 4 == end && !(tcp.syn && !tcp.ack);
}

static __always_inline struct bpf_sock *socket_lookup(struct __sk_buff *skb, const struct cv_flow_key *key, int v6)
{
	struct bpf_sock_tuple tuple = {};

	if (v6) {
		__builtin_memcpy(tuple.ipv6.saddr, &key->src, sizeof(tuple.ipv6.saddr));
		__builtin_memcpy(tuple.ipv6.daddr, &key->dst, sizeof(tuple.ipv6.daddr));
		tuple.ipv6.sport = key->sport;
		tuple.ipv6.dport = key->dport;
		return bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
	}
	tuple.ipv4.saddr = key->src.w[3];
	tuple.ipv4.daddr = key->dst.w[3];
	tuple.ipv4.sport = key->sport;
	tuple.ipv4.dport = key->dport;
	return bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
}

/*
 * Whether s->lookup is a connection of the proxy that the packet in hand is for. A fresh SYN for a waiting socket is a
 * new connection and is evaluated as one; s->time_wait tells listener_assign.
 */
__noinline int socket_is_proxys(struct __sk_buff *skb)
{
	struct cv_scratch *s = scratch_get();
	struct bpf_sock *sk, *full;
	int fresh, r = 1;

	if (!s)
		return 0;
	s->time_wait = 0;
	fresh = (s->packet.tcp_flags & (CV_TCP_SYN | CV_TCP_ACK)) == CV_TCP_SYN;
	sk = socket_lookup(skb, &s->lookup, s->packet.flags & CV_PACKET_V6);
	if (!sk)
		return 0;
	if (sk->state == CV_TCP_LISTEN || (sk->state == CV_TCP_TIME_WAIT && fresh)) {
		s->time_wait = sk->state == CV_TCP_TIME_WAIT;
		r = 0;
	} else if (sk->state != CV_TCP_TIME_WAIT && sk->state != CV_TCP_NEW_SYN_RECV) {
		full = bpf_sk_fullsock(sk);
		if (!full || (full->mark & cv_cfg_mark_mask) != cv_cfg_mark_proxy ||
		    (s->space && !bpf_sk_storage_get(&cv_own_socket, full, 0, 0)))
			r = 0; /* in a pod's namespace the mark may be the pod's own, too */
	}
	bpf_sk_release(sk);
	return r;
}

/*
 * Captures the packet when s->lookup is a connection of the proxy. Returns 1 when it is, 0 when not. None of these
 * sockets is assigned: the kernel finds them by itself once the mark has delivered the packet here, and for established
 * ones its early demultiplexing also finds the route kept with the socket, which a packet that comes with a socket has
 * to look up by every rule.
 */
static __always_inline int socket_capture(struct __sk_buff *skb)
{
	if (!socket_is_proxys(skb))
		return 0;
	mark_capture(skb);
	counter_add(CV_COUNTER_PROXY_PACKETS, 1);
	return 1;
}

/*
 * Hands a TCP packet without a socket to one of the listeners of a kind, in turn. Returns 0 or the drop reason.
 *
 * With s->time_wait it is a SYN for a socket in TIME_WAIT that has its addresses and ports, and is left to that one.
 * Only the kernel itself can put it away: it does so when it finds a listener, which sk_lookup.h names. Assigning the
 * listener here would lose the SYN, because since 6.10 no request is queued beside a socket of the same four-tuple.
 * What comes by a bridge would lose the listener on its way (bridge.h), and what leaves a pod in its own namespace
 * (inside.h) can have none yet: sk_lookup.h names those as well.
 */
__noinline int listener_assign(struct __sk_buff *skb, __u32 kind)
{
	struct cv_scratch *s = scratch_get();
	struct cv_control *control = control_get();
	struct bpf_sock *sk;
	int err, looked_up;

	if (!s || !control || kind >= CV_LISTENER_KINDS)
		return CV_REASON_INTERNAL;
	sk = listener_find(control, s->space, kind, s->next_listener++);
	if (!sk)
		return CV_REASON_PROXY_DOWN;
	looked_up = s->time_wait || s->space || s->packet.flags & CV_PACKET_BRIDGED;
	err = looked_up ? 0 : bpf_sk_assign(skb, sk, 0);
	bpf_sk_release(sk);
	if (err)
		return CV_REASON_ASSIGN_FAILED;
	if (looked_up && bpf_map_update_elem(&cv_lookup_kind, &s->lookup, &kind, BPF_ANY))
		return CV_REASON_ASSIGN_FAILED;
	mark_capture(skb);
	counter_add(CV_COUNTER_PROXY_PACKETS, 1);
	return 0;
}

/*
 * A TCP packet for the proxy that belongs to no socket yet: a SYN, or the ACK that answers a SYN cookie. Returns 0 or
 * the drop reason.
 */
static __always_inline int listener_take(struct __sk_buff *skb, struct cv_scratch *s, __u32 kind4)
{
	struct cv_packet *p = &s->packet;
	__u8 syn_ack = p->tcp_flags & (CV_TCP_SYN | CV_TCP_ACK);

	if (p->flags & CV_PACKET_FRAGMENT || p->tcp_flags & CV_TCP_RST ||
	    (syn_ack != CV_TCP_SYN && syn_ack != CV_TCP_ACK))
		return CV_REASON_NOT_A_CONNECTION;
	return listener_assign(skb, p->flags & CV_PACKET_V6 ? kind4 + 1 : kind4);
}
