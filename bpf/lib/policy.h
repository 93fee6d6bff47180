/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The compiled policy: who may speak to whom. */
#pragma once

#include "lib/address.h"

/*
 * Evaluates a flow to a target policy set: 0 when allowed, otherwise the drop reason. Fills the rule and the audit flag of s->decision,
 * whose src_class must be set.
 */
static __always_inline int policy_evaluate(struct cv_scratch *s, __u32 target_policy_set, __be16 port)
{
	struct cv_decision *d = &s->decision;
	struct cv_policy_key key = {
		.generation = s->packet.generation,
		.target_policy_set = target_policy_set,
		.src_class = d->src_class,
		.port = bpf_ntohs(port),
		.proto = s->packet.key.proto,
	};
	struct cv_policy *rule = bpf_map_lookup_elem(&cv_policy, &key);

	if (!rule) {
		key.port = 0;
		rule = bpf_map_lookup_elem(&cv_policy, &key);
	}
	if (!rule) {
		key.src_class = CV_CLASS_ANY;
		key.port = bpf_ntohs(port);
		rule = bpf_map_lookup_elem(&cv_policy, &key);
	}
	if (!rule) {
		key.port = 0;
		rule = bpf_map_lookup_elem(&cv_policy, &key);
	}
	if (!rule)
		return CV_REASON_INTERNAL;
	d->rule = rule->rule;
	if (rule->audit)
		d->flags |= CV_FLOW_AUDIT;
	if (rule->verdict == CV_VERDICT_PASS)
		return 0;
	return rule->reason ? rule->reason : CV_REASON_POLICY_DEFAULT;
}
