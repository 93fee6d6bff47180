/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Packets arriving at the node. Only what is the proxy's is touched; the rest is judged when it leaves towards a pod. */
#pragma once

#include "lib/icmp.h"

static __always_inline int from_net(struct __sk_buff *skb, struct cv_scratch *s)
{
	struct cv_packet *p = &s->packet;
	struct cv_control *control = control_get();
	struct cv_address *to;
	int r;

	if (!control || !control->generation)
		return TC_ACT_OK;
	p->generation = control->generation;
	if (p->key.proto == IPPROTO_UDP)
		return TC_ACT_OK;
	to = address_lookup(p->generation, &p->key.dst);
	if (!to || !(to->flags & CV_ADDRESS_MESHED) || !(to->flags & CV_ADDRESS_LOCAL))
		return TC_ACT_OK;
	if (p->key.proto != IPPROTO_TCP) {
		if (p->flags & CV_PACKET_ICMP_INNER)
			icmp_capture(skb, s);
		return TC_ACT_OK;
	}
	s->lookup = p->key;
	r = socket_capture(skb);
	if (r < 0)
		return packet_drop(skb, CV_REASON_ASSIGN_FAILED, CV_SIDE_NET);
	if (r || p->key.dport != bpf_htons(cv_cfg_tunnel_port))
		return TC_ACT_OK;
	r = listener_take(skb, s, CV_LISTENER_TUNNEL4);
	return r ? packet_drop(skb, r, CV_SIDE_NET) : TC_ACT_OK;
}
