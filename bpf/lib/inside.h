/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Pods that are captured inside their own network namespace, where the host's end of their link is another's or there
 * is none. The pod's link is seen from the other side: what the pod sends leaves by its egress, what comes to it by its
 * ingress. Three things differ from the programs on the node:
 *
 * - A socket can be assigned to what comes in only. What the pod sends to the proxy is looped to the namespace's `lo`,
 *   where a rule by its mark delivers it; sk_lookup.h names the socket, and no datagram gets a header.
 * - All that is not the pod's own comes by one wire and proves nothing of whom it is from, pods of this node included:
 *   nothing goes straight from pod to pod.
 * - The pod is at home here. Its processes may set marks, with CAP_NET_RAW: a mark of the proxy counts with the socket
 *   that sent the packet, that of our resets where no socket did, and no other is heeded.
 */
#pragma once

#include "lib/from_net.h"
#include "lib/from_pod.h"
#include "lib/reassembly.h"
#include "lib/to_pod.h"

#define CV_LOOPBACK 1 /* the index of lo in every namespace (LOOPBACK_IFINDEX) */

/* Where the program works: cv_pod_out and cv_pod_in have said whose namespace that is. */
static __always_inline void place_inside(const struct __sk_buff *skb, struct cv_scratch *s, __u32 came_by)
{
	s->space = skb->cb[0] & 0xffff;
	s->link = CV_LINK_INSIDE | s->space;
	s->came_by = came_by;
}

/*
 * Sends what is for the proxy into the namespace's lo: the addresses of its frames are zero, which makes the frame one
 * for this host. Returns what the program returns.
 */
static __always_inline int inside_loop(struct __sk_buff *skb, struct cv_scratch *s)
{
	__builtin_memset(s->bytes, 0, CV_MACS_LEN);
	if (bpf_skb_store_bytes(skb, 0, s->bytes, CV_MACS_LEN, 0))
		return packet_drop(skb, CV_REASON_REWRITE_FAILED, CV_SIDE_FROM_POD);
	if (bpf_redirect(CV_LOOPBACK, BPF_F_INGRESS) != TC_ACT_REDIRECT)
		return packet_drop(skb, CV_REASON_REDIRECT_FAILED, CV_SIDE_FROM_POD);
	return TC_ACT_REDIRECT;
}

/* Whether the packet of s->packet has an address of the pod as its source. */
static __always_inline int inside_speaks_as_itself(struct cv_scratch *s)
{
	struct cv_endpoint *ep =
		packet_take_generation(&s->packet) ? endpoint_lookup(s->packet.generation, s->link) : 0;

	return ep && endpoint_owns_source(ep, &s->packet);
}

/* Whether a packet can be one of our answers to the pod: a reset, or ICMP. */
static __always_inline int inside_may_be_answer(struct __sk_buff *skb)
{
	int v6 = skb->protocol == bpf_htons(ETH_P_IPV6);
	__u32 at = CV_ETH_LEN + (v6 ? offsetof(struct ipv6hdr, nexthdr) : offsetof(struct iphdr, protocol));
	__u8 protocol;

	if (bpf_skb_load_bytes(skb, at, &protocol, sizeof(protocol)))
		return 0;
	return protocol == (v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP) || segment_is_bare(skb);
}

/* What the pod sends, and what the proxy does in its name. */
static __always_inline int inside_out(struct __sk_buff *skb)
{
	int r, proxy = mark_is(skb, cv_cfg_mark_proxy), reset = mark_is(skb, cv_cfg_mark_reject), bare;
	struct cv_scratch *s = scratch_get();

	if (!s)
		return TC_ACT_SHOT;
	if (proxy && socket_own(skb)) {
		counter_add(CV_COUNTER_PROXY_PACKETS, 1);
		return TC_ACT_OK;
	}
	/* As on the node: what the kernel says for a socket of the proxy that is not whole. Ours have none. */
	bare = (proxy || (reset && !skb->sk)) && segment_is_bare(skb);
	if (bare && reset)
		return TC_ACT_OK; /* beside a reset of ours all of *s is in use */
	place_inside(skb, s, 0);
	r = packet_parse(skb);
	/* The pod's processes can have that mark as well: with it they could end others' connections, as others. */
	if (bare && !r && inside_speaks_as_itself(s))
		return TC_ACT_OK;
	skb->mark &= ~cv_cfg_mark_mask;
	r = from_pod_to_neighbour(s, r);
	if (r == CV_IGNORE)
		return TC_ACT_OK;
	if (r == CV_REASON_FRAGMENT_NO_FIRST)
		r = from_pod_first_missing(skb);
	else if (r)
		return packet_drop(skb, r, CV_SIDE_FROM_POD);
	else
		r = from_pod(skb, s);
	if (!mark_is(skb, cv_cfg_mark_capture))
		return r;
	r = reassembly_admit(skb, s, r, s->link, CV_SIDE_FROM_POD);
	return r == TC_ACT_OK ? inside_loop(skb, s) : r;
}

/* What comes to the pod: for the proxy's sockets in its namespace, or plaintext for itself. */
static __always_inline int inside_in(struct __sk_buff *skb)
{
	struct cv_scratch *s = scratch_get();
	int r, missing;

	if (!s)
		return TC_ACT_SHOT;
	/*
	 * Our own answer to the pod. Marks do not survive entering a namespace, unless a program at the other end of
	 * the link redirects the packet (bpf_redirect_peer, or netkit that scrubs nothing): then they may be anything.
	 */
	if (mark_is(skb, cv_cfg_mark_reject) && inside_may_be_answer(skb))
		return TC_ACT_OK;
	place_inside(skb, s, CV_LINK_WIRE);
	skb->mark &= ~cv_cfg_mark_mask;
	r = packet_parse(skb);
	if (r == CV_IGNORE)
		return TC_ACT_OK;
	missing = r == CV_REASON_FRAGMENT_NO_FIRST;
	if (r && !missing)
		return packet_drop(skb, r, CV_SIDE_NET);
	r = missing ? from_net_first_missing(skb) : from_net(skb, s);
	if (mark_is(skb, cv_cfg_mark_capture))
		return reassembly_admit(skb, s, r, CV_OWNER_EXTERNAL, CV_SIDE_NET);
	if (r != TC_ACT_OK)
		return r;
	return missing ? packet_drop(skb, CV_REASON_FRAGMENT_NO_FIRST, CV_SIDE_NET) : to_pod(skb, s);
}
