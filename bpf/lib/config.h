/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Read-only settings. The loader may change them before load; the verifier then knows them and prunes what they rule
 * out.
 */
#pragma once

#include <linux/types.h>
#include "shared/culvert_abi.h"

const volatile __u32 cv_cfg_mark_mask = CV_MARK_MASK;       /* which bits of a packet's mark are ours */
const volatile __u32 cv_cfg_mark_capture = CV_MARK_CAPTURE; /* deliver to this node's sockets */
const volatile __u32 cv_cfg_mark_proxy = CV_MARK_PROXY;     /* sent by the node proxy */
const volatile __u32 cv_cfg_mark_reject = CV_MARK_REJECT;   /* a reset made here */
const volatile __u16 cv_cfg_tunnel_port = 15008;            /* host byte order */
const volatile __u16 cv_cfg_probe_from = 0;                 /* ports of probes, host byte order; even, see probe.h */
const volatile __u16 cv_cfg_probe_to = 0;                   /* 0: there are none */
const volatile __u8 cv_cfg_answer = 1;                      /* 1: who is refused gets a reset or ICMP, 0: silence */
const volatile __u8 cv_cfg_fail_open = 0;                   /* 1: faults of the mesh itself let packets pass */
const volatile __u8 cv_cfg_udp_crc = 0;                     /* 1: PROXY headers on datagrams carry a CRC32C TLV */
const volatile __u32 cv_cfg_drop_rate = 100;                /* DROPPED events for each CPU and second */
const volatile __u32 cv_cfg_deny_rate = 1000;               /* DENIED events for each CPU and second */
const volatile __u32 cv_cfg_event_parts = 4;                /* an interface has one of so many parts of those two */
const volatile __u32 cv_cfg_external_rate =
	1000; /* events of flows from outside, begun and ended, for each CPU and second */
