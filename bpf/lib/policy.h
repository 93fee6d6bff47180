/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The compiled policy: who may speak to whom. */
#pragma once

#include "lib/address.h"

/* The entry of a policy set for the class of the other end and the port there; NULL when the set has none at all. */
static __always_inline struct cv_policy *policy_lookup(const struct cv_packet *p, __u32 policy_set, __u32 peer_class,
                                                       __be16 port)
{
	struct cv_policy_key key = {
		.prefixlen = CV_POLICY_PREFIX + 16,
		.generation = p->generation,
		.policy_set = policy_set,
		.peer_class = peer_class,
		.proto = p->key.proto,
		.port = port,
	};
	struct cv_policy *entry = bpf_map_lookup_elem(&cv_policy, &key);

	if (entry)
		return entry;
	key.peer_class = CV_CLASS_ANY;
	return bpf_map_lookup_elem(&cv_policy, &key);
}

/*
 * What an entry comes to: 0 when it allows, otherwise the drop reason. Fills the rule and the audit flag of the
 * decision.
 */
static __always_inline int policy_apply(struct cv_decision *d, const struct cv_policy *entry)
{
	if (!entry)
		return CV_REASON_INTERNAL;
	d->rule = entry->rule;
	if (entry->audit)
		d->flags |= CV_FLOW_AUDIT;
	if (entry->verdict == CV_VERDICT_PASS)
		return 0;
	return entry->reason ? entry->reason : CV_REASON_POLICY_DEFAULT;
}

/*
 * Evaluates what comes in at a target policy set: 0 when allowed, otherwise the drop reason. Fills the rule and the
 * audit flag of s->decision, whose src_class must be set.
 */
static __always_inline int policy_evaluate(struct cv_scratch *s, __u32 target_policy_set, __be16 port)
{
	return policy_apply(&s->decision, policy_lookup(&s->packet, target_policy_set, s->decision.src_class, port));
}

/*
 * Evaluates what a pod with the address `from` sends to s->decision's addr and port, of which `to` is what is known, as
 * policy_evaluate does. What goes to the pod itself, or to its own node, is free.
 */
static __always_inline int policy_evaluate_egress(struct cv_scratch *s, __u32 egress_policy_set,
                                                  const struct cv_addr *from, const struct cv_address *to)
{
	struct cv_decision *d = &s->decision;

	if (!egress_policy_set || (to && to->flags & CV_ADDRESS_NODE) || address_equal(&d->addr, from))
		return 0;
	return policy_apply(d, policy_lookup(&s->packet, egress_policy_set, address_class(to), d->port));
}
