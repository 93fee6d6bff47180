/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Hashes by which flows and clients are dealt out. Not keyed: who chooses its own addresses and ports chooses its
 * place.
 */
#pragma once

#include <linux/types.h>
#include "shared/culvert_abi.h"

static __always_inline __u32 hash_mix(__u32 hash, __u32 word)
{
	hash = (hash ^ word) * 0x9e3779b1u;
	return hash ^ hash >> 15;
}

static __always_inline __u32 address_hash(const struct cv_addr *addr)
{
	__u32 hash = 0;
	int i;

#pragma clang loop unroll(full)
	for (i = 0; i < 4; i++)
		hash = hash_mix(hash, addr->w[i]);
	return hash_mix(hash, hash >> 16);
}

static __always_inline __u32 flow_hash(const struct cv_flow_key *key)
{
	__u32 hash = (__u32)key->sport << 16 | key->dport;
	int i;

#pragma clang loop unroll(full)
	for (i = 0; i < 4; i++) {
		hash = hash_mix(hash, key->src.w[i]);
		hash = hash_mix(hash, key->dst.w[i]);
	}
	return hash_mix(hash, hash >> 16);
}
