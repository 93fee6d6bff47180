/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* How the programs treat a reason, as CV_REASONS says: a word with a bit for each, made by the compiler. */
#pragma once

#include "shared/culvert_abi.h"

enum cv_treatment {
	CV_TREATMENT_POLICY,
	CV_TREATMENT_FINAL,
	CV_TREATMENT_UNREACHABLE,
	CV_TREATMENT_SILENT,
	CV_TREATMENT_FAULT,
};

#define CV_BIT_IF(condition, number) | ((__u64)(condition) << (number))
#define CV_POLICY_BIT(name, number, treatment) CV_BIT_IF(CV_TREATMENT_##treatment == CV_TREATMENT_POLICY, number)
#define CV_FINAL_BIT(name, number, treatment) CV_BIT_IF(CV_TREATMENT_##treatment == CV_TREATMENT_FINAL, number)
#define CV_UNREACHABLE_BIT(name, number, treatment)                                                                    \
	CV_BIT_IF(CV_TREATMENT_##treatment == CV_TREATMENT_UNREACHABLE, number)
#define CV_FAULT_BIT(name, number, treatment) CV_BIT_IF(CV_TREATMENT_##treatment == CV_TREATMENT_FAULT, number)

#define CV_REASONS_POLICY (0ULL CV_REASONS(CV_POLICY_BIT))
#define CV_REASONS_FINAL (0ULL CV_REASONS(CV_FINAL_BIT))
#define CV_REASONS_UNREACHABLE (0ULL CV_REASONS(CV_UNREACHABLE_BIT))
#define CV_REASONS_FAULT (0ULL CV_REASONS(CV_FAULT_BIT))

/* A number beyond CV_MAX_REASONS, which no program gives, counts as some other. */
static __always_inline int reason_is_in(__u64 reasons, __u32 reason)
{
	return reasons >> (reason % CV_MAX_REASONS) & 1;
}

/* A decision of policy: told of as denied, with the rule. */
static __always_inline int reason_is_policy(__u32 reason)
{
	return reason_is_in(CV_REASONS_POLICY, reason);
}

/* Whether the caller should learn of it at once; for the others a later try may succeed. */
static __always_inline int reason_is_final(__u32 reason)
{
	return reason_is_in(CV_REASONS_POLICY | CV_REASONS_FINAL | CV_REASONS_UNREACHABLE, reason);
}

/* Whether nothing is there that a datagram could reach, which its sender is told by ICMP. */
static __always_inline int reason_is_unreachable(__u32 reason)
{
	return reason_is_in(CV_REASONS_UNREACHABLE, reason);
}

/* Faults of the mesh itself, which configuration may let pass. */
static __always_inline int reason_is_fault(__u32 reason)
{
	return reason_is_in(CV_REASONS_FAULT, reason);
}
