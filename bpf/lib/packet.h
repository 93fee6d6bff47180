/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the programs know about the packet in hand. It lives in a per-CPU map, because the stack holds 512 bytes: the
 * programs run with bottom halves off and never nest on one CPU.
 */
#pragma once

#include <linux/types.h>
#include "shared/culvert_abi.h"

#define CV_ETH_LEN 14
#define CV_IP_FRAGMENT_MASK 0x1fff /* of IPv4's word: the offset */
#define CV_IP_MORE_FRAGMENTS 0x2000
#define CV_SECOND_NS 1000000000ULL /* in the unit of bpf_ktime_get_ns */
#define CV_LINK_WIRE 0x7fffffffu   /* what leads out of a pod's own namespace, wherever to */
#define CV_IGNORE (-1)             /* not the mesh's business: leave the packet alone */

/*
 * A function that is verified by itself must be handed the context even when it does not look at it; without this,
 * clang sees an unused argument and passes nothing.
 */
#define CV_NEEDS(arg) asm volatile("" : : "r"(arg))

enum cv_packet_flag {
	CV_PACKET_V6 = 1 << 0,
	CV_PACKET_FRAGMENT = 1 << 1,       /* part of a fragmented datagram */
	CV_PACKET_LATER_FRAGMENT = 1 << 2, /* … and not the part with the ports */
	CV_PACKET_ICMP_ERROR = 1 << 3,     /* s->inner describes the packet it is about */
	CV_PACKET_ICMP_INNER = 1 << 4,     /* … and that packet shows its ports */
	CV_PACKET_OPTIONS = 1 << 5,        /* IPv4 options or IPv6 extension headers */
	CV_PACKET_REASSEMBLED =
		1 << 6, /* a fragment of a datagram of which others wait for this node to put it together */
	CV_PACKET_MORE_FRAGMENTS = 1 << 7, /* a fragment, not the last */
	CV_PACKET_BRIDGED = 1 << 8,        /* comes by a port of a bridge, see bridge.h */
};

enum cv_tcp_flag {
	CV_TCP_FIN = 0x01,
	CV_TCP_SYN = 0x02,
	CV_TCP_RST = 0x04,
	CV_TCP_ACK = 0x10,
};

struct cv_packet {
	struct cv_flow_key key; /* as the packet shows it */
	__u64 now;              /* bpf_ktime_get_ns, once for each packet */
	__u32 len;              /* IP bytes */
	__u32 generation;
	__u32 l4_off; /* from the Ethernet header */
	__u32 frag_id;
	__u32 tcp_seq; /* host byte order */
	__u32 tcp_ack;
	__u32 tcp_payload;
	__u16 frag_start; /* of a fragment, in bytes */
	__u16 frag_len;
	__u16 flags; /* enum cv_packet_flag */
	__u8 tcp_flags;
	__u8 icmp_type;
	__u8 hop_limit; /* IPv6 only */
	__u8 pad[7];
};

static __always_inline int packet_is_fresh_syn(const struct cv_packet *p)
{
	return (p->tcp_flags & (CV_TCP_SYN | CV_TCP_ACK | CV_TCP_RST)) == CV_TCP_SYN;
}

/* The sequence number behind all that a segment occupies: its bytes, and a SYN or FIN. */
static __always_inline __u32 packet_sequence_end(const struct cv_packet *p)
{
	return p->tcp_seq + p->tcp_payload + !!(p->tcp_flags & CV_TCP_SYN) + !!(p->tcp_flags & CV_TCP_FIN);
}

/* The packet that an ICMP error is about. */
struct cv_inner {
	struct cv_flow_key reverse; /* the direction that answers the embedded packet */
	__u32 l3_off;
	__u32 l4_off;
};

/* What becomes of a packet that starts a flow. */
struct cv_decision {
	struct cv_addr addr; /* destination after translation */
	__u32 rule;
	__u32 src_class;
	__u32 dst_class;
	__u32 reply_ifindex; /* veth that the answers come out of; 0: none here */
	__u32 mtu;
	__be16 port;             /* destination port after translation */
	__u16 flags;             /* enum cv_flow_flag, of the first direction */
	__u32 max_flows;         /* of the pod that sends; 0: any number */
	__u32 egress_policy_set; /* of the pod that sends; 0: nothing isolates it */
	__u8 verdict;            /* enum cv_verdict */
	__u8 reason;             /* enum cv_reason, when refused */
	__u8 quiet;              /* 1: no event, the flow is older than this table */
	__u8 untracked;          /* 1: let it go without an entry */
	__u8 mac[6];
	__u8 host_mac[6];
	__u8 host_stack; /* 1: what the sending pod sends is not redirected */
	__u8 drawn;      /* 1: the backend is chosen, also for a connection that goes by the proxy */
	__u8 sole;       /* 1: the Service has no other */
	__u8 pad[1];
};

/* Events let through in the running second. */
struct cv_limit {
	__u64 since_ns;
	__u32 count;
	__u32 pad;
};

/*
 * The last packet that cv_from_pod has let out on this CPU for another pod here, by the kernel's forwarding. That takes
 * it to cv_to_pod on the same CPU and at once, as a rule: what is of that flow needs no look at cv_flow there. Nothing
 * is believed of a packet but what its flow's entry says, which was just looked at.
 */
struct cv_forwarded {
	struct cv_flow_key key; /* as it comes to cv_to_pod */
	__u32 generation;       /* 0: there is none */
	__u32 from;             /* host-side veth of the sending pod */
	__u32 to;               /* host-side veth of the receiving pod */
	__u32 pad;
};

struct cv_scratch {
	struct cv_packet packet;
	struct cv_inner inner;
	struct cv_decision decision;
	struct cv_flow_key flow_key; /* of the entry in hand: the packet's key or its reverse */
	struct cv_flow_key peer;     /* key of the other direction of that entry */
	struct cv_flow_key lookup;   /* key for the socket lookup */
	struct cv_flow flow;         /* entry under construction */
	struct cv_session session;   /* of the datagram in hand, for datagram_to_proxy */
	struct cv_addr nat_addr;     /* for packet_translate */
	__be16 nat_port;
	__u8 nat_source; /* 1: replaces the source, 0: the destination */
	__u8 pad[5];
	struct cv_limit dropped;
	struct cv_limit denied;
	struct cv_limit external;
	__u32 link;    /* where the packet is seen: the index of a link, or CV_LINK_INSIDE with the number of a space */
	__u32 came_by; /* the link that brought it to the node, or CV_LINK_WIRE; 0: made here */
	struct cv_forwarded forwarded;
	__u64 tick; /* bpf_jiffies64 at tick_ns */
	__u64 tick_ns;
	__u32 next_listener;
	__u32 space;     /* CV_SPACE_NODE, or that of the pod in whose namespace the program works */
	__u32 time_wait; /* 1: the socket lookup met a connection of the proxy that waits for its end */
	__u8 bytes[128]; /* headers under construction */
};
