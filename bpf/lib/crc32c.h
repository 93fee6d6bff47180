/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* CRC-32C (Castagnoli, RFC 9260 appendix A), four bits at a time: headers are short, and the table is small. */
#pragma once

#include <linux/types.h>

static const __u32 crc32c_table[16] = {
	0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
	0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

static __always_inline __u32 crc32c(const __u8 *bytes, __u32 length)
{
	__u32 i, crc = 0xffffffff;

	for (i = 0; i < length; i++) {
		crc ^= bytes[i];
		crc = (crc >> 4) ^ crc32c_table[crc & 15];
		crc = (crc >> 4) ^ crc32c_table[crc & 15];
	}
	return ~crc;
}
