/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the agent sends in a pod's name, to see whether what is captured at the pod's link reaches the proxy: datagrams
 * between ports that were drawn for this load of the programs. They come in by the link as what the pod sends does.
 * One kind is captured, whatever policy says, and the other goes on as if there were no mesh, to the link that leads
 * out: what the node hands on but does not deliver is lost by capturing it.
 */
#pragma once

#include "lib/maps.h"
#include "lib/socket.h"

enum cv_probe_kind {
	CV_PROBE_NONE,
	CV_PROBE_CAPTURED,
	CV_PROBE_FORWARDED,
};

#define CV_PROBE_IP4_LEN (20 + 8 + CV_PROBE_PAYLOAD)
#define CV_PROBE_IP6_LEN (40 + 8 + CV_PROBE_PAYLOAD)

/* The port that it is for says more than the others, which may have been translated on the way out. */
static __always_inline int packet_is_for_probe_port(const struct cv_packet *p)
{
	return cv_cfg_probe_to && p->key.proto == IPPROTO_UDP && p->key.dport == bpf_htons(cv_cfg_probe_to) &&
	       p->len == (p->flags & CV_PACKET_V6 ? CV_PROBE_IP6_LEN : CV_PROBE_IP4_LEN);
}

/* Whether a datagram is between the ports of what is captured. */
static __always_inline int flow_key_is_captured_probe(const struct cv_flow_key *key)
{
	return cv_cfg_probe_to && key->dport == bpf_htons(cv_cfg_probe_to) &&
	       key->sport == bpf_htons(cv_cfg_probe_from);
}

static __always_inline int packet_probe(const struct cv_packet *p)
{
	if (!packet_is_for_probe_port(p))
		return CV_PROBE_NONE;
	if (flow_key_is_captured_probe(&p->key))
		return CV_PROBE_CAPTURED;
	return p->key.sport == bpf_htons(cv_cfg_probe_from + 1) ? CV_PROBE_FORWARDED : CV_PROBE_NONE;
}

/* Takes the probe that the agent waits for off a link that leads out. */
static __always_inline int probe_out(struct __sk_buff *skb, struct cv_scratch *s)
{
	struct cv_packet *p = &s->packet;
	struct cv_probe *probe;
	__u32 zero = 0;
	__u64 number;

	if (packet_parse(skb) || !packet_is_for_probe_port(p))
		return TC_ACT_UNSPEC;
	probe = bpf_map_lookup_elem(&cv_probe_wanted, &zero);
	if (!probe || bpf_skb_load_bytes(skb, p->l4_off + sizeof(struct udphdr), &number, sizeof(number)) ||
	    number != probe->number)
		return TC_ACT_UNSPEC;
	probe->seen = 1;
	return TC_ACT_SHOT;
}
