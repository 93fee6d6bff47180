/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Types and codes of ICMP. Those of ICMPv6 are the kernel's own; <linux/icmp.h> would bring the C library's
 * <sys/socket.h>, which does not compile for this target, and the neighbours' messages are in no header for programs.
 */
#pragma once

#include <linux/icmpv6.h>

/* As in <linux/icmp.h>. */
#define CV_ICMP_DEST_UNREACH 3
#define CV_ICMP_PORT_UNREACH 3 /* a code of it */
#define CV_ICMP_REDIRECT 5
#define CV_ICMP_ECHO 8
#define CV_ICMP_ROUTER_ADVERTISEMENT 9 /* RFC 1256 */
#define CV_ICMP_TIME_EXCEEDED 11
#define CV_ICMP_PARAMETERPROB 12
#define CV_ICMP_TIMESTAMP 13

/* As in the kernel's include/net/ndisc.h. */
#define CV_NDISC_ROUTER_SOLICITATION 133
#define CV_NDISC_ROUTER_ADVERTISEMENT 134
#define CV_NDISC_REDIRECT 137
