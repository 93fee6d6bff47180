/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the agent sends in a pod's name, to see whether what is captured at the pod's link reaches the proxy: datagrams
 * between ports that were drawn for this load of the programs. They come in by the link as what the pod sends does.
 * One kind is captured, whatever policy says, and the other goes on as if there were no mesh, to the link that leads
 * out: what the node hands on but does not deliver is lost by capturing it.
 *
 * The ports only tell what is worth a closer look: they may get to be known, by an ICMP error for one. A probe is what
 * has the number, the addresses and the link of one that the agent has said it sends, and it is one once.
 */
#pragma once

#include "lib/flow_key.h"
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

/* Whether a datagram of the node's namespace is between the ports of what is captured. */
static __always_inline int flow_key_is_captured_probe(const struct cv_flow_key *key)
{
	return cv_cfg_probe_to && key->space == CV_SPACE_NODE && key->dport == bpf_htons(cv_cfg_probe_to) &&
	       key->sport == bpf_htons(cv_cfg_probe_from);
}

/* What the agent has said of the packet in hand, which is for the port of probes; 0 when it has sent no such. */
static __noinline struct cv_probe *probe_find(struct __sk_buff *skb, struct cv_scratch *s)
{
	const struct cv_packet *p = &s->packet;
	struct cv_probe *probe;
	__u64 number;

	if (bpf_skb_load_bytes(skb, p->l4_off + sizeof(struct udphdr), &number, sizeof(number)))
		return 0;
	probe = bpf_map_lookup_elem(&cv_probes, &number);
	return probe && address_equal(&probe->dst, &p->key.dst) ? probe : 0;
}

/* Which kind of probe a packet is that has come in by a pod's link. It takes one of its turns. */
static __always_inline int packet_take_probe(struct __sk_buff *skb, struct cv_scratch *s)
{
	const struct cv_packet *p = &s->packet;
	struct cv_probe *probe;
	int kind;

	if (!packet_is_for_probe_port(p))
		return CV_PROBE_NONE;
	if (flow_key_is_captured_probe(&p->key))
		kind = CV_PROBE_CAPTURED;
	else if (p->key.sport == bpf_htons(cv_cfg_probe_from + 1))
		kind = CV_PROBE_FORWARDED;
	else
		return CV_PROBE_NONE;
	probe = probe_find(skb, s);
	if (!probe || !probe->turns || probe->link != s->link || !address_equal(&probe->src, &p->key.src))
		return CV_PROBE_NONE;
	probe->turns--;
	return kind;
}

/* Takes a probe that the agent waits for off a link that leads out. Its source may have been translated. */
static __always_inline int probe_out(struct __sk_buff *skb, struct cv_scratch *s)
{
	struct cv_probe *probe;

	if (packet_parse(skb) || !packet_is_for_probe_port(&s->packet))
		return TC_ACT_UNSPEC;
	probe = probe_find(skb, s);
	if (!probe)
		return TC_ACT_UNSPEC;
	probe->seen = 1;
	return TC_ACT_SHOT;
}
