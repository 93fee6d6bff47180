/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The bytes of a datagram's PROXY header (version 2); see culvert_abi.h. Its words are aligned, and its length is a
 * multiple of 4, so that sums over it and over what follows can be added up.
 */
#pragma once

#include <bpf/bpf_endian.h>
#include <linux/udp.h>
#include "lib/config.h"
#include "lib/crc32c.h"
#include "lib/packet.h"

#define CV_HEADER_OFF 8 /* in s->bytes: behind the room for the UDP header */
#define CV_HEADER_ADDRESSES 16

/* IP bytes of what gets a header: the kernel lets no packet grow beyond 16 KiB less its own needs. */
#define CV_HEADER_MAX_PACKET 12000

/* What every header of version 2 begins with, in words. */
#define CV_HEADER_SIGNATURE0 bpf_htonl(0x0d0a0d0a)
#define CV_HEADER_SIGNATURE1 bpf_htonl(0x000d0a51)
#define CV_HEADER_SIGNATURE2 bpf_htonl(0x5549540a)

/* Whether these words are what every header of version 2 begins with. */
static __always_inline int header_begins_with(const __u32 begin[3])
{
	return begin[0] == CV_HEADER_SIGNATURE0 && begin[1] == CV_HEADER_SIGNATURE1 && begin[2] == CV_HEADER_SIGNATURE2;
}

static __always_inline __u32 header_length(int v6)
{
	if (cv_cfg_udp_crc)
		return v6 ? CV_HEADER6_CRC_LENGTH : CV_HEADER4_CRC_LENGTH;
	return v6 ? CV_HEADER6_LENGTH : CV_HEADER4_LENGTH;
}

/* The TLVs at `off`, up to `length`. */
static __always_inline void header_build_tlvs(struct cv_scratch *s, __u32 off, __u32 length)
{
	__u8 *h = s->bytes + CV_HEADER_OFF;
	__be32 *word = (void *)(h + off + 4);

	h[off] = CV_TLV_ENDPOINT;
	h[off + 1] = 0;
	h[off + 2] = cv_cfg_udp_crc ? CV_TLV_ENDPOINT_CRC_LENGTH : CV_TLV_ENDPOINT_LENGTH;
	h[off + 3] = CV_TLV_ENDPOINT_VERSION;
	word[0] = bpf_htonl(s->session.src_class);
	word[1] = bpf_htonl(s->session.ifindex);
	word[2] = bpf_htonl(s->session.generation);
	word[3] = bpf_htonl(s->session.flags);
	if (cv_cfg_udp_crc) {
		h[off + 20] = 0;
		h[off + 21] = CV_TLV_CRC32C;
		h[off + 22] = 0;
		h[off + 23] = sizeof(__u32);
		word[5] = 0;
		word[5] = bpf_htonl(crc32c(h, length));
	}
}

/* Writes the header for the datagram of s->packet and s->session to s->bytes. Returns its length. */
static __always_inline __u32 header_build(struct cv_scratch *s)
{
	__u8 *h = s->bytes + CV_HEADER_OFF;
	struct cv_packet *p = &s->packet;
	__be32 *word = (void *)h;
	__u32 length = header_length(p->flags & CV_PACKET_V6);

	word[0] = CV_HEADER_SIGNATURE0;
	word[1] = CV_HEADER_SIGNATURE1;
	word[2] = CV_HEADER_SIGNATURE2;
	h[12] = CV_PROXY2_VERSION_COMMAND;
	*(__be16 *)(h + 14) = bpf_htons(length - CV_HEADER_ADDRESSES);
	if (p->flags & CV_PACKET_V6) {
		h[13] = CV_PROXY2_DGRAM6;
		__builtin_memcpy(&word[4], &p->key.src, 16);
		__builtin_memcpy(&word[8], &p->key.dst, 16);
		*(__be16 *)(h + 48) = p->key.sport;
		*(__be16 *)(h + 50) = p->key.dport;
		header_build_tlvs(s, 52, header_length(1));
	} else {
		h[13] = CV_PROXY2_DGRAM4;
		word[4] = p->key.src.w[3];
		word[5] = p->key.dst.w[3];
		*(__be16 *)(h + 24) = p->key.sport;
		*(__be16 *)(h + 26) = p->key.dport;
		header_build_tlvs(s, 28, header_length(0));
	}
	return length;
}
