// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * One pod's programs in its own network namespace: they say whose namespace it is, which a program can't see, and leave
 * the rest to those that all of them have in common (cv_inside). Where those are gone, nothing passes.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#include "lib/sk_lookup.h"

const volatile __u16 cv_cfg_space = 0; /* the number of the pod's namespace */

static __always_inline int inside_call(struct __sk_buff *skb, __u32 program)
{
	skb->cb[0] = cv_cfg_space;
	bpf_tail_call(skb, &cv_inside, program);
	return TC_ACT_SHOT;
}

/* Egress of the pod's link. */
SEC("tc")
int cv_pod_out(struct __sk_buff *skb)
{
	return inside_call(skb, CV_INSIDE_OUT);
}

/* Ingress of the pod's link. */
SEC("tc")
int cv_pod_in(struct __sk_buff *skb)
{
	return inside_call(skb, CV_INSIDE_IN);
}

/* The pod's network namespace, when the kernel looks for a listener. */
SEC("sk_lookup")
int cv_pod_lookup(struct bpf_sk_lookup *ctx)
{
	return sk_lookup_listener(ctx, cv_cfg_space);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
