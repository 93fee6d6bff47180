/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The Internet checksum (RFC 1071). */
#pragma once

#include <linux/types.h>

/* The checksum of what bpf_csum_diff has added up; 0 over a header whose own sum is right. */
static __always_inline __u16 csum_fold(__s64 sum)
{
	__u32 csum = sum;

	csum = (csum & 0xffff) + (csum >> 16);
	csum = (csum & 0xffff) + (csum >> 16);
	return ~csum;
}
