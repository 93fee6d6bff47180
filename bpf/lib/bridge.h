/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Pods whose veths are ports of a bridge. Their frames go by the bridge's own rules before routing sees them, which has
 * three consequences:
 *
 * - Where br_netfilter is on, it takes away the socket that a program has assigned. It can be switched on at any time,
 *   so nothing is ever assigned there: sk_lookup.h names the socket, and no datagram gets a header, which without its
 *   socket would reach an application.
 * - A frame for another pod of the bridge is never routed: what is for the proxy has to be addressed to the bridge.
 * - What is routed by the bridge comes by the bridge, and no longer by its pod's veth, which alone proves whose it is:
 *   what may go to another pod of the bridge is addressed to that, and what may not go straight to a pod elsewhere on
 *   the node goes by the proxy.
 */
#pragma once

#include "lib/address.h"

/* Notes of a packet out of a pod that it comes by a port of a bridge. */
static __always_inline void bridge_note(struct cv_packet *p, const struct cv_endpoint *ep)
{
	if (ep->flags & CV_ENDPOINT_BRIDGED)
		p->flags |= CV_PACKET_BRIDGED;
}

/*
 * Addresses a captured frame to what routes, which is what its pod takes for its router. A link-local source has no
 * entry: it sends nothing but ICMPv6, to its router. Returns 0 or the drop reason.
 */
static __always_inline int bridge_address_router(struct __sk_buff *skb, const struct cv_packet *p)
{
	struct cv_address *from;

	if (!(p->flags & CV_PACKET_BRIDGED))
		return 0;
	from = address_lookup(p->generation, &p->key.src);
	if (!from || !(from->flags & CV_ADDRESS_LOCAL))
		return 0;
	return bpf_skb_store_bytes(skb, 0, from->host_mac, sizeof(from->host_mac), 0) ? CV_REASON_REWRITE_FAILED : 0;
}

/* Addresses a frame to the other pod of its bridge. Returns 0 or the drop reason. */
static __always_inline int bridge_address_pod(struct __sk_buff *skb, const __u8 *mac)
{
	return bpf_skb_store_bytes(skb, 0, mac, 6, 0) ? CV_REASON_REWRITE_FAILED : 0;
}

/* Whether a pod that sends, of which `p` is a packet, has its veth at the same bridge as the one at `to`. */
static __always_inline int bridge_is_shared(const struct cv_packet *p, const struct cv_address *to)
{
	struct cv_address *from;
	int i, differ = 0;

	if (!(p->flags & CV_PACKET_BRIDGED))
		return 0;
	from = address_lookup(p->generation, &p->key.src);
	if (!from)
		return 0;
#pragma clang loop unroll(full)
	for (i = 0; i < (int)sizeof(from->host_mac); i++)
		differ |= from->host_mac[i] ^ to->host_mac[i];
	return !differ;
}

/*
 * Whether one of a pod that sends and the one at `to`, which are not at the same bridge, is at a bridge at all. Then
 * what one of them sends is routed by the bridge, which says of nothing whose it is.
 */
static __always_inline int bridge_is_between(struct cv_scratch *s, const struct cv_address *to)
{
	const struct cv_packet *p = &s->packet;
	struct cv_endpoint *other;

	if (p->flags & CV_PACKET_BRIDGED)
		return 1;
	other = endpoint_lookup(p->generation, to->ifindex);
	return other && other->flags & CV_ENDPOINT_BRIDGED;
}
