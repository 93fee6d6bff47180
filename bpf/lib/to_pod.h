/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Packets towards a pod, other than those that went straight there. */
#pragma once

#include "lib/from_pod.h"

/* A packet of the flow of s->flow_key, which is its own key or, for one translated here already, the reverse. */
static __always_inline int to_pod_known(struct __sk_buff *skb, struct cv_scratch *s, struct cv_flow *f, int reversed)
{
	__u32 from = reversed ? f->ifindex : f->in_ifindex;
	__u8 flags;
	int r;

	/* A flow between two pods here comes from the other's veth; from elsewhere its addresses prove nothing. */
	if (from && skb->ingress_ifindex != from)
		return packet_drop(skb, CV_REASON_SPOOFED_SOURCE, CV_SIDE_NET);
	if (f->generation != s->packet.generation) {
		r = flow_judge(skb);
		if (r) {
			flow_finish(skb, 1);
			if (r < 0)
				return CV_FLOW_GONE;
			reject_receiver(skb, skb->ifindex, 0);
			return packet_drop(skb, r, CV_SIDE_TO_POD);
		}
	}
	flags = f->flags;
	if (!reversed && flags & CV_FLOW_NAT_SRC) {
		nat_prepare(s, f);
		if (packet_translate(skb))
			return packet_drop(skb, CV_REASON_REWRITE_FAILED, CV_SIDE_NET);
	}
	if (from || reversed)
		return TC_ACT_OK; /* counted where it left its pod */
	flow_count(s, f);
	counter_add(CV_COUNTER_PASS_PACKETS, 1);
	flow_track(skb, s, flags);
	return TC_ACT_OK;
}

/* A packet of no known flow: from this node itself, or plaintext from outside, judged by its address alone. */
__noinline int to_pod_new(struct __sk_buff *skb)
{
	struct cv_scratch *s = scratch_get();
	struct cv_address *from;
	struct cv_endpoint *ep;
	struct cv_decision *d;
	struct cv_packet *p;
	struct cv_flow *f;
	int r, excluded;

	if (!s)
		return TC_ACT_SHOT;
	p = &s->packet;
	d = &s->decision;
	ep = endpoint_lookup(p->generation, skb->ifindex);
	if (!ep)
		return packet_drop(skb, CV_REASON_NO_ENDPOINT, CV_SIDE_NET);
	from = address_lookup(p->generation, &p->key.src);
	counter_add(CV_COUNTER_PASS_PACKETS, 1);
	if (!skb->ingress_ifindex && from && from->flags & CV_ADDRESS_NODE)
		return TC_ACT_OK;
	__builtin_memset(d, 0, sizeof(*d));
	d->src_class = from ? from->anon_class : 0;
	d->dst_class = ep->src_class;
	d->addr = p->key.dst;
	d->port = p->key.dport;
	d->verdict = CV_VERDICT_PASS;
	excluded = port_excluded(p, p->key.dport);
	d->flags = excluded ? CV_FLOW_OUTBOUND : CV_FLOW_ANONYMOUS;
	d->reply_ifindex = skb->ifindex;
	d->quiet = p->key.proto == IPPROTO_TCP && !packet_is_fresh_syn(p);
	if (excluded)
		r = 0;
	else
		r = ep->flags & CV_ENDPOINT_STRICT ? CV_REASON_STRICT_MTLS : policy_judge(s, ep->subject, p->key.dport);
	if (!r && !packet_may_start(p)) {
		if (p->tcp_flags & CV_TCP_RST)
			return TC_ACT_OK;
		r = CV_REASON_NOT_A_CONNECTION;
	}
	if (!r)
		r = flow_create(skb, 0);
	if (r)
		return packet_drop(skb, r, CV_SIDE_TO_POD);
	s->flow_key = p->key;
	f = bpf_map_lookup_elem(&cv_flow, &s->flow_key);
	if (f)
		flow_count(s, f);
	return TC_ACT_OK;
}

static __always_inline int to_pod(struct __sk_buff *skb, struct cv_scratch *s)
{
	struct cv_packet *p = &s->packet;
	struct cv_control *control = control_get();
	struct cv_flow *f;
	int r, reversed = 0;

	if (!control || !control->generation)
		return packet_drop(skb, CV_REASON_NO_ENDPOINT, CV_SIDE_NET);
	p->generation = control->generation;
	p->now = bpf_ktime_get_ns();
	if (p->key.proto != IPPROTO_TCP && p->key.proto != IPPROTO_UDP) {
		if (!endpoint_lookup(p->generation, skb->ifindex))
			return packet_drop(skb, CV_REASON_NO_ENDPOINT, CV_SIDE_NET);
		return icmp_to_pod(skb);
	}
	s->flow_key = p->key;
	f = bpf_map_lookup_elem(&cv_flow, &s->flow_key);
	if (!f) {
		flow_key_reverse(&s->flow_key, &p->key);
		f = bpf_map_lookup_elem(&cv_flow, &s->flow_key);
		reversed = 1;
	}
	if (f && !reversed && !f->in_ifindex && packet_is_fresh_syn(p) && flow_is_over(f, p)) {
		flow_finish(skb, 1);
		f = 0;
	}
	if (f) {
		r = to_pod_known(skb, s, f, reversed);
		if (r != CV_FLOW_GONE)
			return r;
	}
	return to_pod_new(skb);
}
