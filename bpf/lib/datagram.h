/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The path of a datagram into the node proxy. A plain one gets a PROXY header behind its UDP header and is assigned to
 * one of the proxy's sockets. Fragments, super-packets, what has no room for a header and what comes by a bridge go as
 * they are: the socket of fragments, when the kernel has put them together, of what comes by a bridge and of all in a
 * pod's own namespace is named by sk_lookup.h, the others are assigned too. Addresses stay what they are, so no source
 * looks misplaced to routing, and the socket sees both ends; but what a pod sends to a Service is addressed to the
 * backend that was drawn for it: a header says what was asked, and of the others cv_session.
 */
#pragma once

#include "lib/proxy_header.h"
#include "lib/drop.h"
#include "lib/nat.h"
#include "lib/session.h"

#define CV_UDP_CHECK_OFFSET (offsetof(struct udphdr, check))

/* IP length and, for IPv4, its sum. Returns 0 when done. */
static __always_inline int header_fix_ip(struct __sk_buff *skb, int v6, __u32 length)
{
	__u32 off = CV_ETH_LEN + (v6 ? offsetof(struct ipv6hdr, payload_len) : offsetof(struct iphdr, tot_len));
	__be16 old, new;

	if (bpf_skb_load_bytes(skb, off, &old, sizeof(old)))
		return -1;
	new = bpf_htons(bpf_ntohs(old) + length);
	/* IPv4: the change of its sum makes up for this one in skb->csum. */
	if (bpf_skb_store_bytes(skb, off, &new, sizeof(new), v6 ? BPF_F_RECOMPUTE_CSUM : 0))
		return -1;
	return v6 ? 0 : bpf_l3_csum_replace(skb, CV_ETH_LEN + offsetof(struct iphdr, check), old, new, sizeof(new));
}

/*
 * Puts the PROXY header into the packet. The UDP sum is changed by what was added: a bad one stays bad, none stays
 * none, and of one that the device was to finish only the part over addresses and length changes. Returns 0 or the drop
 * reason.
 */
__noinline int header_insert(struct __sk_buff *skb)
{
	struct cv_scratch *s = scratch_get();
	__u32 length, check;
	struct udphdr *udp;
	struct cv_packet *p;
	__be16 old;
	__s64 sum;
	int v6;

	if (!s)
		return CV_REASON_INTERNAL;
	p = &s->packet;
	v6 = !!(p->flags & CV_PACKET_V6);
	if (bpf_skb_load_bytes(skb, p->l4_off, s->bytes, sizeof(*udp)))
		return CV_REASON_MALFORMED;
	length = header_build(s);
	udp = (void *)s->bytes;
	old = udp->len;
	udp->len = bpf_htons(bpf_ntohs(old) + length);
	sum = (__u16)~old + (__u32)udp->len; /* the length field itself, and the header */
	sum = bpf_csum_diff(0, 0, (__be32 *)(s->bytes + CV_HEADER_OFF), length, sum);
	if (bpf_skb_adjust_room(skb, length, BPF_ADJ_ROOM_NET, BPF_F_ADJ_ROOM_NO_CSUM_RESET) ||
	    bpf_skb_store_bytes(skb, p->l4_off, s->bytes, CV_HEADER_OFF + length, 0))
		return CV_REASON_HEADER_FAILED;
	check = p->l4_off + CV_UDP_CHECK_OFFSET;
	if (bpf_l4_csum_replace(skb, check, 0, sum, BPF_F_MARK_MANGLED_0) ||
	    bpf_l4_csum_replace(skb, check, old, udp->len, BPF_F_PSEUDO_HDR | BPF_F_MARK_MANGLED_0 | sizeof(old)) ||
	    header_fix_ip(skb, v6, length))
		return CV_REASON_HEADER_FAILED;
	return 0;
}

/* Assigns the packet to the socket of its flow, of UDP4 or PLAIN4 (or their IPv6 kin). Returns 0 or the drop reason. */
__noinline int datagram_assign(struct __sk_buff *skb, __u32 kind)
{
	struct cv_scratch *s = scratch_get();
	struct cv_control *control = control_get();
	struct bpf_sock *sk;
	int err;

	if (!s || !control)
		return CV_REASON_INTERNAL;
	sk = listener_find(control, s->space, kind, flow_hash(&s->packet.key));
	if (!sk)
		return CV_REASON_PROXY_DOWN;
	err = bpf_sk_assign(skb, sk, 0);
	bpf_sk_release(sk);
	return err ? CV_REASON_ASSIGN_FAILED : 0;
}

static __always_inline void datagram_capture(struct __sk_buff *skb, __u32 counter)
{
	mark_capture(skb);
	counter_add(CV_COUNTER_PROXY_PACKETS, 1);
	counter_add(counter, 1);
}

/* Whether the proxy has a socket for what the kernel looks up itself of the datagrams of s->packet's family. */
__noinline int datagram_is_awaited(struct __sk_buff *skb)
{
	struct cv_scratch *s = scratch_get();
	struct cv_control *control = control_get();
	struct bpf_sock *sk;

	CV_NEEDS(skb);
	if (!s || !control)
		return 0;
	sk = listener_find(control, s->space, s->packet.flags & CV_PACKET_V6 ? CV_LISTENER_PLAIN6 : CV_LISTENER_PLAIN4,
	                   flow_hash(&s->packet.key));
	if (!sk)
		return 0;
	bpf_sk_release(sk);
	return 1;
}

/*
 * Leaves the datagram of s->packet, or a part of one, to this node's sockets: the proxy's own for its flow, or the one
 * that sk_lookup.h names. Never without the proxy: a socket of the node that is bound to no address would take it.
 * Returns what the program returns.
 */
__noinline int datagram_leave(struct __sk_buff *skb, __u32 counter, __u32 side)
{
	if (!datagram_is_awaited(skb))
		return packet_drop(skb, CV_REASON_PROXY_DOWN, side);
	datagram_capture(skb, counter);
	return TC_ACT_OK;
}

/* Whether the packet can carry a header. */
static __always_inline int datagram_takes_header(struct __sk_buff *skb, const struct cv_packet *p)
{
	return !(p->flags & (CV_PACKET_FRAGMENT | CV_PACKET_OPTIONS)) && !skb->gso_size &&
	       p->len <= CV_HEADER_MAX_PACKET;
}

/*
 * Addresses what a pod sends to a Service to the backend of s->session, if one was drawn, before the node's own rules
 * see it: what these say of the backend holds, and kube-proxy's have nothing left to choose. Fragments that came before
 * the first keep the Service's address, and so do the others of their datagram. Returns 0 or the drop reason.
 */
static __always_inline int datagram_address(struct __sk_buff *skb, struct cv_scratch *s, int has_header)
{
	if (!(s->session.flags & CV_SESSION_DRAWN) || s->packet.flags & CV_PACKET_REASSEMBLED)
		return 0;
	if (!has_header && session_keep_translated(s))
		return CV_REASON_SESSION_TABLE_FULL;
	session_prepare(s, &s->session);
	return packet_translate(skb) ? CV_REASON_REWRITE_FAILED : 0;
}

/* Hands the UDP packet of s->packet and s->session to the proxy. Returns what the program returns. */
__noinline int datagram_to_proxy(struct __sk_buff *skb, __u32 side)
{
	struct cv_scratch *s = scratch_get();
	struct cv_control *control = control_get();
	__u32 kind;
	int r;

	if (!s || !control)
		return TC_ACT_SHOT;
	kind = datagram_takes_header(skb, &s->packet) ? CV_LISTENER_UDP4 : CV_LISTENER_PLAIN4;
	if (s->packet.flags & CV_PACKET_V6)
		kind++;
	if (s->space || s->packet.flags & (CV_PACKET_FRAGMENT | CV_PACKET_BRIDGED)) {
		r = datagram_address(skb, s, 0);
		return r ? packet_drop(skb, r, side) : datagram_leave(skb, CV_COUNTER_UDP_PLAIN, side);
	}
	if (!listener_count(control, kind))
		return packet_drop(skb, CV_REASON_PROXY_DOWN, side);
	if (kind >= CV_LISTENER_PLAIN4) {
		r = datagram_address(skb, s, 0);
		if (!r)
			r = datagram_assign(skb, kind);
		if (r)
			return packet_drop(skb, r, side);
		datagram_capture(skb, CV_COUNTER_UDP_PLAIN);
		return TC_ACT_OK;
	}
	r = header_insert(skb);
	if (!r)
		r = datagram_address(skb, s, 1);
	if (!r)
		r = datagram_assign(skb, kind);
	if (r) {
		packet_drop(skb, r, side);
		return TC_ACT_SHOT; /* whatever the configuration lets pass: no application must see the header */
	}
	datagram_capture(skb, CV_COUNTER_UDP_HEADER);
	return TC_ACT_OK;
}

/* Whether datagrams with this key are for a socket of the proxy: as a known session, or as a pod's answer. */
static __always_inline int datagram_is_proxys(const struct cv_flow_key *key)
{
	return bpf_map_lookup_elem(&cv_session, key) || reply_lookup(key);
}
