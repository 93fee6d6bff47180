/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The contract between the kernel programs and the agent: every struct, enum and constant that both sides see.
 * src/Interop/Generated/Abi.g.cs is generated from it (through BTF); a test compares sizes and offsets.
 *
 * Rules: no implicit padding, explicit `pad` members, always zero. Addresses are 16 bytes in network byte order,
 * IPv4 as ::ffff:a.b.c.d. Ports in flow keys are in network byte order, ports in policy and service keys in host
 * byte order. Numbers of enums are append-only: user space, metrics and pinned maps depend on them.
 */
#pragma once

#include <linux/types.h>

/* Part of the pin path (…/culvert/v<abi>/); raise when a pinned map's layout changes. */
#define CV_ABI_VERSION 7

/* What happens to a flow. */
enum cv_verdict {
	CV_VERDICT_NONE = 0,   /* not decided */
	CV_VERDICT_DIRECT = 1, /* authorised here, for the other pod on this node: see enum cv_direct */
	CV_VERDICT_PROXY = 2,  /* steered into the node proxy */
	CV_VERDICT_PASS = 3,   /* left to the kernel's own forwarding */
	CV_VERDICT_DROP = 4,   /* refused; the reason is counted */
};

/*
 * Why a packet was dropped or a flow refused: name, number, and how the programs treat it. Append only; numbers follow
 * each other. What people read of each is in src/Core/Reasons/ReasonTable.cs.
 *   POLICY       a decision of policy: told of as denied, with the rule; TCP is answered with a reset
 *   FINAL        trying again will not help: TCP is answered with a reset
 *   UNREACHABLE  as FINAL; a pod's datagram is answered with ICMP port unreachable
 *   SILENT       dropped without an answer
 *   FAULT        of the mesh itself: without an answer, unless configuration lets it pass (cv_cfg_fail_open)
 * FAULT is what may be let pass, and not the table's class "internal". REWRITE_FAILED, REDIRECT_FAILED and
 * HEADER_FAILED are internal there and SILENT here: by then the packet may be changed in part. FLOW_TABLE_FULL is one
 * of capacity there and FAULT here: nobody refuses the flow, there is no room to follow it; who has used up a share of
 * its own (FLOW_QUOTA, FRAGMENT_QUOTA) is refused.
 */
#define CV_REASONS(REASON)                                                                                             \
	REASON(MALFORMED, 1, SILENT)             /* a header is truncated or contradicts itself */                     \
	REASON(SPOOFED_SOURCE, 2, SILENT)        /* source address is not the endpoint's own */                        \
	REASON(NO_ENDPOINT, 3, FAULT)            /* program attached, endpoint unknown in this generation */           \
	REASON(POLICY_DENY, 4, POLICY)           /* a DENY policy matched */                                           \
	REASON(POLICY_NO_ALLOW, 5, POLICY)       /* ALLOW policies select the destination and none matched */          \
	REASON(POLICY_DEFAULT, 6, POLICY)        /* the mesh's default action denies */                                \
	REASON(STRICT_MTLS, 7, POLICY)           /* plaintext to a workload whose mode is strict */                    \
	REASON(NO_SERVICE_PORT, 8, UNREACHABLE)  /* a Service address, but not one of its ports */                     \
	REASON(NO_BACKEND, 9, UNREACHABLE)       /* the Service port has no backend */                                 \
	REASON(PROXY_DOWN, 10, FAULT)            /* no listener to hand the flow to */                                 \
	REASON(ASSIGN_FAILED, 11, FAULT)         /* bpf_sk_assign refused */                                           \
	REASON(FLOW_TABLE_FULL, 12, FAULT)       /* the flow table took no more entries */                             \
	REASON(FRAGMENT_NO_FIRST, 13, SILENT)    /* later fragment whose first fragment was not seen */                \
	REASON(UNSUPPORTED_PROTOCOL, 14, SILENT) /* neither TCP, UDP nor ICMP */                                       \
	REASON(EXTENSION_HEADERS, 15, SILENT)    /* more IPv6 extension headers than are walked */                     \
	REASON(REWRITE_FAILED, 16, SILENT)       /* the kernel refused to change the packet */                         \
	REASON(REDIRECT_FAILED, 17, SILENT)      /* bpf_redirect_peer refused */                                       \
	REASON(NOT_A_CONNECTION, 18, FINAL)      /* TCP packet of no known flow that starts none */                    \
	REASON(TUNNEL_PORT, 19, FINAL)           /* a pod addressed the tunnel port itself */                          \
	REASON(INTERNAL, 20, FAULT)              /* a map that must exist is missing: a bug */                         \
	REASON(TRANSPORT_SPOOF, 21, SILENT)      /* a packet carried the proxy's mark without being the proxy's */     \
	REASON(TUPLE_TAKEN, 22, SILENT)   /* translated, two flows would have the same ports; another try may not */   \
	REASON(HEADER_FAILED, 23, SILENT) /* the kernel refused to make room for a PROXY header, or to write it */     \
	REASON(SESSION_TABLE_FULL, 24, SILENT)     /* cv_session took no entry for a datagram in fragments */          \
	REASON(PROXY_REQUIRED, 25, SILENT)         /* plaintext past the proxy to a workload that is behind it */      \
	REASON(FLOW_QUOTA, 26, SILENT)             /* the pod, or the outside, has all the flows it may have */        \
	REASON(ICMP_ECHO, 27, SILENT)              /* echo requests are refused by configuration */                    \
	REASON(NEIGHBOUR_SCOPE, 28, SILENT)        /* neighbour or multicast listener discovery that left its link */  \
	REASON(FOREIGN_ERROR, 29, SILENT)          /* an ICMP error about what its sender did not get */               \
	REASON(NETWORK_POLICY_INGRESS, 30, POLICY) /* isolated, and no NetworkPolicy allows it in */                   \
	REASON(NETWORK_POLICY_EGRESS, 31, POLICY)  /* isolated, and no NetworkPolicy allows it out */                  \
	REASON(FLOODED, 32, SILENT)        /* for another pod of the node: a bridge brought it to this one as well */  \
	REASON(FRAGMENT_QUOTA, 33, SILENT) /* its share of the reassembly is full of datagrams that are not whole */

/* How many reasons there is room for in cv_drops, and in the words that say how they are treated. */
#define CV_MAX_REASONS 64

#define CV_REASON_NUMBER(name, number, treatment) CV_REASON_##name = (number),

/* Why a packet was dropped or a flow refused: the numbers of CV_REASONS. */
enum cv_reason {
	CV_REASON_NONE = 0,
	CV_REASONS(CV_REASON_NUMBER) CV_REASON_MAX,
};

_Static_assert(CV_REASON_MAX <= CV_MAX_REASONS, "more reasons than cv_drops, which is pinned, has room for");

/* A 16-byte address in network byte order. */
struct cv_addr {
	__u32 w[4];
};

/* One direction of a transport flow as the packet shows it before translation. */
struct cv_flow_key {
	struct cv_addr src;
	struct cv_addr dst;
	__be16 sport;
	__be16 dport;
	__u8 proto;
	__u8 pad;
	__u16 space; /* of the namespace that the packet was seen in: CV_SPACE_NODE, or the number of a pod's */
};

/*
 * Spaces: the network namespaces that programs work in. A pod whose link has its programs at the host's end is in the
 * node's; one that is captured inside its own namespace has a number, and what is known of its packets is known there
 * only: the same addresses and ports may be seen in several. In the place of the index of a link stands for such a pod
 * CV_LINK_INSIDE with that number.
 */
#define CV_SPACE_NODE 0
#define CV_MAX_SPACES 4096 /* as many as cv_endpoint has entries for */
#define CV_LINK_INSIDE 0x40000000u

/* A datagram that the agent sends in a pod's name, by the number that is its payload, see lib/probe.h. */
#define CV_PROBE_PAYLOAD 8 /* bytes */

struct cv_probe {
	struct cv_addr src, dst;
	__u32 link;  /* that it comes in by */
	__u16 turns; /* how many programs at that link are still to take it for one */
	__u16 seen;  /* 1: it has come to the link that leads out */
};

enum cv_flow_flag {
	CV_FLOW_REPLY = 1 << 0,        /* this entry is the answering direction */
	CV_FLOW_NAT_DST = 1 << 1,      /* nat_* replaces the destination (towards a Service backend) */
	CV_FLOW_NAT_SRC = 1 << 2,      /* nat_* replaces the source (answer of a Service backend) */
	CV_FLOW_FIN = 1 << 3,          /* this direction has sent FIN */
	CV_FLOW_AUDIT = 1 << 4,        /* an AUDIT policy matched */
	CV_FLOW_ANONYMOUS = 1 << 5,    /* evaluated by address only: arrived in plaintext from outside the node */
	CV_FLOW_CLOSED = 1 << 6,       /* the closed event has been sent */
	CV_FLOW_OUTBOUND = 1 << 7,     /* passed out of a pod to an unmeshed destination */
	CV_FLOW_ESTABLISHED = 1 << 8,  /* both sides have spoken and, for TCP, the originator has answered the answer */
	CV_FLOW_SEQUENCE = 1 << 9,     /* seq_end is set */
	CV_FLOW_ACKED = 1 << 10,       /* acked is set */
	CV_FLOW_HOST_STACK = 1 << 11,  /* CV_VERDICT_DIRECT, and left to the kernel's own forwarding */
	CV_FLOW_SAME_BRIDGE = 1 << 12, /* both pods' veths are ports of one bridge */
	CV_FLOW_NO_HEADER = 1 << 13,   /* all its ports are behind the proxy: no answer to it has a PROXY header */
};

/* cv_flow: state of one direction. Both directions exist or none. */
struct cv_flow {
	__u64 created_ns; /* bpf_ktime_get_ns */
	__u64 last_ns;
	__u64 packets;
	__u64 bytes;      /* IP bytes */
	__u32 generation; /* policy generation that evaluated it; older ones are revalidated */
	__u32 rule;       /* rule id of the deciding policy, 0 = mesh default */
	__u32 src_class;  /* of the originator, in both directions' entries */
	__u32 dst_class;  /* authenticated class of the responder */
	__u32 ifindex;    /* host-side veth of the receiving pod; 0: this direction does not lead to a pod here */
	__u32 mtu;        /* of that veth; CV_VERDICT_DIRECT only */
	struct cv_addr nat_addr;
	__be16 nat_port;
	__u16 flags;      /* enum cv_flow_flag */
	__u8 mac[6];      /* of the receiving pod, where it is one of this node */
	__u8 host_mac[6]; /* what it takes for its router: its host-side veth, or the bridge that has it as a port */
	__u32 in_ifindex; /* host-side veth of the sending pod; 0: this direction does not come out of a pod here */
	__u32 fin_ack;    /* this direction still owes the acknowledgement of the other's FIN up to here; 0: nothing */
	__u32 seq_end;    /* TCP that passes: the sequence number behind what this direction has sent */
	__u32 acked;      /* TCP that passes: the last acknowledgement that this direction has sent */
	__u32 owner;      /* whose share of the table it takes, see cv_usage: both entries say the same */
	__u8 verdict;     /* enum cv_verdict */
	__u8 pad[3];
};

/*
 * cv_usage, cv_swept: whose flows are in cv_flow, counted by the veth of the pod that began them, CV_OWNER_EXTERNAL for
 * those from outside. In the table are made - gone - swept. The programs write cv_usage, the agent writes cv_swept:
 * neither has to wait for the other.
 */
#define CV_OWNER_EXTERNAL 0

struct cv_usage {
	__u64 made;            /* flows entered */
	__u64 gone;            /* flows taken out by the programs */
	__u64 events_since_ns; /* the second that `denied` and `dropped` are of */
	__u32 denied;          /* DENIED events of packets at the interface of that number, in that second */
	__u32 dropped;         /* DROPPED events of them */
};

/* cv_endpoint: an enrolled pod by the host-side veth its packets come from. */
struct cv_endpoint_key {
	__u32 generation;
	__u32 ifindex;
};

enum cv_endpoint_flag {
	CV_ENDPOINT_STRICT = 1 << 0,     /* refuses plaintext from outside the mesh */
	CV_ENDPOINT_NO_ECHO = 1 << 1,    /* refuses ICMP echo requests, but those of its node */
	CV_ENDPOINT_HOST_STACK = 1 << 2, /* what it sends is not redirected */
	CV_ENDPOINT_BRIDGED = 1 << 3,    /* its veth is a port of a bridge, see lib/bridge.h */
};

struct cv_endpoint {
	struct cv_addr addr4;    /* zero: none */
	struct cv_addr addr6;    /* zero: none; link-local is accepted for ICMPv6 only */
	__u32 target_policy_set; /* policy set of what comes in, see cv_policy_key */
	__u32 egress_policy_set; /* policy set of what goes out; 0: nothing isolates it */
	__u32 src_class4; /* authenticated class of its packets, by family: prefixes may tell its addresses apart */
	__u32 src_class6;
	__u32 flags;     /* enum cv_endpoint_flag */
	__u32 max_flows; /* how many flows it may have begun that are in cv_flow; 0: any number */
};

/* cv_address: longest prefix match over every address and prefix the policy knows. */
struct cv_address_key {
	__u32 prefixlen; /* 32 + 0…128; IPv4 prefixes are 32 + 96 + length */
	__u32 generation;
	struct cv_addr addr;
};

enum cv_address_flag {
	CV_ADDRESS_MESHED = 1 << 0,     /* an enrolled workload */
	CV_ADDRESS_LOCAL = 1 << 1,      /* … on this node: ifindex, macs and mtu are set */
	CV_ADDRESS_NODE = 1 << 2,       /* an address of this node itself */
	CV_ADDRESS_SERVICE = 1 << 3,    /* a Service address: look at cv_service */
	CV_ADDRESS_EXCLUDED = 1 << 4,   /* left alone by configuration */
	CV_ADDRESS_STRICT = 1 << 5,     /* local workload that refuses plaintext */
	CV_ADDRESS_PROXY = 1 << 6,      /* local workload with ports always behind the proxy: cv_service says which */
	CV_ADDRESS_TRUSTS = 1 << 7,     /* … of which a UDP port believes load balancers */
	CV_ADDRESS_HOST_STACK = 1 << 8, /* local workload: what is for it is not redirected */
	CV_ADDRESS_OPEN_PORTS = 1 << 9, /* a workload of which ports are left alone: cv_service says which */
};

struct cv_address {
	__u32 auth_class;        /* class when the packet came out of this workload's own veth */
	__u32 anon_class;        /* class of the address alone */
	__u32 target_policy_set; /* of a local workload, as cv_endpoint has it; otherwise 0 */
	__u32 egress_policy_set; /* of a local workload, as cv_endpoint has it; otherwise 0 */
	__u32 ifindex;
	__u32 mtu;
	__u32 flags; /* enum cv_address_flag */
	__u8 mac[6];
	__u8 host_mac[6];
};

/*
 * cv_policy: verdicts, fully evaluated by the compiler, by longest prefix of the port. Looked up by the class of the
 * other end (the source of what comes in, the destination of what goes out), and when that has no entry, by
 * CV_CLASS_ANY. A policy set without any entry is refused (CV_REASON_INTERNAL).
 */
struct cv_policy_key {
	__u32 prefixlen; /* CV_POLICY_PREFIX + 0…16 */
	__u32 generation;
	__u32 policy_set;
	__u32 peer_class; /* CV_CLASS_ANY: any */
	__u8 proto;
	__u8 pad;
	__be16 port;
};

#define CV_POLICY_PREFIX 112 /* bits of a cv_policy_key before its port */

#define CV_CLASS_ANY 0xffffffffu /* wildcard in cv_policy_key; class 0 is "the world": no identity, no named prefix */

struct cv_policy {
	__u32 rule;
	__u8 verdict; /* CV_VERDICT_PASS: allowed, CV_VERDICT_DROP: refused */
	__u8 reason;  /* enum cv_reason when refused */
	__u8 audit;   /* 1: an AUDIT policy matched as well */
	__u8 pad;
};

/* cv_service: a virtual address and port. */
struct cv_service_key {
	__u32 generation;
	struct cv_addr addr;
	__u16 port; /* host byte order */
	__u8 proto;
	__u8 pad;
};

enum cv_service_flag {
	CV_SERVICE_PROXY = 1 << 0,        /* always to the proxy */
	CV_SERVICE_EXCLUDED = 1 << 1,     /* a port left alone: under the zero address everywhere, else a workload's */
	CV_SERVICE_BEHIND_PROXY = 1 << 2, /* under a local workload's address: its port speaks through the proxy only */
	CV_SERVICE_SOURCE_HASH = 1 << 3,  /* a client has the same slot each time */
	CV_SERVICE_EXACT = 1 << 4,        /* its slots give each backend the very share that its weight says */
	CV_SERVICE_ROUTED = 1 << 5,       /* each request has a backend of its own, perhaps another Service's */
};

struct cv_service {
	__u32 id;
	__u32 slots; /* 1…CV_MAX_SLOTS; 0: no backend */
	__u32 flags; /* enum cv_service_flag */
};

#define CV_MAX_SLOTS 256 /* weights are spread over at most this many slots */

/* cv_backend: one slot of a Service port; a backend owns slots in proportion to its weight. */
struct cv_backend_key {
	__u32 generation;
	__u32 service;
	__u32 slot;
};

struct cv_backend {
	struct cv_addr addr;
	__u16 port; /* host byte order */
	__u16 pad;
};

/* Which listener sockets the proxy offers, in the sockmap cv_listener: kind * CV_MAX_LISTENERS + n. */
enum cv_listener_kind {
	CV_LISTENER_OUT4 = 0,
	CV_LISTENER_OUT6 = 1,
	CV_LISTENER_TUNNEL4 = 2,
	CV_LISTENER_TUNNEL6 = 3,
	CV_LISTENER_UDP4 = 4, /* datagrams behind a PROXY header */
	CV_LISTENER_UDP6 = 5,
	CV_LISTENER_PLAIN4 = 6, /* datagrams without one, see lib/datagram.h */
	CV_LISTENER_PLAIN6 = 7,
	CV_LISTENER_BACKEND4 = 8, /* connections to a Service that the programs have addressed to a backend */
	CV_LISTENER_BACKEND6 = 9,
	CV_LISTENER_KINDS = 10,
};

_Static_assert(CV_LISTENER_KINDS == 10,
               "another kind changes the layout of cv_control and cv_listener: raise CV_ABI_VERSION");

#define CV_MAX_LISTENERS 64 /* per kind: one for each event loop */

/* cv_inside_sock: the same for the listeners in pods' own namespaces, of which cv_control has the numbers, too. */
struct cv_inside_listener_key {
	__u16 space;
	__u8 kind; /* enum cv_listener_kind: OUT, TUNNEL and PLAIN */
	__u8 slot;
};

/* cv_inside: what the programs of pod.bpf.c, one set in each such namespace, call. */
enum cv_inside_program {
	CV_INSIDE_OUT = 0, /* what the pod sends */
	CV_INSIDE_IN = 1,  /* what comes to it */
	CV_INSIDE_PROGRAMS = 2,
};

enum cv_own_kind {
	CV_OWN_KIND_PLAIN = 1,   /* what it sends has the addresses that its receiver expects */
	CV_OWN_KIND_BACKEND = 2, /* a BACKEND4 or BACKEND6 listener, or accepted by one: see lib/proxied.h */
	CV_OWN_KIND_SERVICE = 3, /* answers a pod's datagrams to a Service in the name of the backend that was drawn */
};

/* cv_own_socket: what a socket of the proxy is. Written by the agent. */
struct cv_own_socket {
	__u32 kind;          /* enum cv_own_kind */
	struct cv_addr addr; /* CV_OWN_KIND_SERVICE: what the pod has asked, and hears from; otherwise zero */
	__be16 port;
	__u16 pad;
};

/*
 * Datagrams. Slot n of UDP4, UDP6, PLAIN4 and PLAIN6 must belong to the same loop: the slot is a hash of both addresses
 * and ports, so that every datagram of a flow meets the same loop, whichever way it takes. The sockets must not be
 * SO_REUSEPORT (6.1 refuses those); several at one address and port go by SO_REUSEADDR. Plain sockets need
 * IP_RECVORIGDSTADDR / IPV6_RECVORIGDSTADDR and may have UDP_GRO. Only datagrams in fragments, or by a bridge, are
 * found by the kernel's own lookup: once the proxy has a socket that is bound to a flow's destination and connected to
 * its source, that one gets them, without a header, in the place of a plain one.
 */

/*
 * cv_session: a UDP flow that goes to the proxy, by its key as the originator sends it. Written by the programs. A
 * pod's datagrams to a Service for which a backend was drawn here are addressed to that; such a session has a second
 * entry by the key that they have then. The agent takes both out when its own session ends: the next datagram is drawn
 * another.
 */
struct cv_session {
	__u32 generation; /* that decided it; older ones are decided again */
	__u32 src_class;
	__u32 ifindex;       /* veth or uplink it comes in by */
	__u32 flags;         /* enum cv_session_flag */
	struct cv_addr addr; /* CV_SESSION_DRAWN: the backend; CV_SESSION_TRANSLATED: the Service; otherwise zero */
	__be16 port;
	__u16 pad;
};

enum cv_session_flag {
	CV_SESSION_EXTERNAL = 1 << 0,    /* came from outside the mesh: the source has no identity */
	CV_SESSION_REASSEMBLED = 1 << 1, /* only what is put together here: by itself the flow takes another path */
	CV_SESSION_BRIDGED = 1 << 2,     /* comes by a veth that is a port of a bridge */
	CV_SESSION_DRAWN = 1 << 3,       /* to a Service, addressed to the backend that was drawn here */
	CV_SESSION_TRANSLATED = 1 << 4,  /* the second entry of such a session */
};

/*
 * cv_reply: a pod's answers to a socket of the proxy that speaks as a client. Written by the agent: src is the pod, dst
 * and dport the client's address and port, sport 0, because answers may come from any port of the pod.
 */
struct cv_reply {
	__u32 listener; /* slot of the loop that owns the socket: answers from another port go to that plain slot */
	__u32 owner;    /* a number of the agent's own: of two that hand over each takes out its own entries */
};

/*
 * What the programs put in front of a datagram's payload: PROXY protocol version 2, PROXY command, DGRAM over INET or
 * INET6 with the original addresses and ports, a CV_TLV_ENDPOINT TLV and, with cv_cfg_udp_crc, a CRC32C TLV behind it.
 * The length is a multiple of 4.
 */
#define CV_PROXY2_VERSION_COMMAND 0x21
#define CV_PROXY2_DGRAM4 0x12
#define CV_PROXY2_DGRAM6 0x22
#define CV_TLV_CRC32C 0x03
#define CV_TLV_ENDPOINT 0xe0

/*
 * Value of CV_TLV_ENDPOINT, numbers big-endian: u8 version, u32 src_class, u32 ifindex, u32 generation, u32 flags (enum
 * cv_session_flag), padding.
 */
#define CV_TLV_ENDPOINT_VERSION 1
#define CV_TLV_ENDPOINT_LENGTH 17     /* without a CRC32C TLV */
#define CV_TLV_ENDPOINT_CRC_LENGTH 18 /* with one: a byte of padding */

/* Lengths of the whole header. */
#define CV_HEADER4_LENGTH 48
#define CV_HEADER6_LENGTH 72
#define CV_HEADER4_CRC_LENGTH 56
#define CV_HEADER6_CRC_LENGTH 80

/* What the XDP program tells cv_from_net of a packet that it has put a header on. Lies in front of the packet. */
struct cv_handover {
	__u32 magic;  /* CV_HANDOVER_MAGIC */
	__u32 header; /* bytes of the header put in */
};

#define CV_HANDOVER_MAGIC 0x43560a01

/* How CV_VERDICT_DIRECT reaches the other pod. A flow keeps the path that it began with. */
enum cv_direct {
	CV_DIRECT_HOST_STACK = 0, /* by the kernel's own forwarding, with the rules, programs and shaping of others */
	CV_DIRECT_REDIRECT = 1,   /* straight into the pod, past all of them, unless a flag of either end forbids it */
};

/* cv_control: one entry, written by the agent. */
struct cv_control {
	__u32 generation;                   /* the generation in force; 0: none yet, enrolled pods are refused */
	__u32 listeners[CV_LISTENER_KINDS]; /* how many slots of each kind are filled */
	__u32 max_external;                 /* how many flows from outside may be in cv_flow; 0: any number */
	__u32 direct;                       /* enum cv_direct, of new flows */
};

enum cv_counter {
	CV_COUNTER_EVENT_LOST = 0, /* ring buffer full */
	CV_COUNTER_FLOW_NEW = 1,
	CV_COUNTER_FLOW_CLOSED = 2,
	CV_COUNTER_REJECT_SENT = 3, /* resets sent for refused TCP packets */
	CV_COUNTER_DIRECT_PACKETS = 4,
	CV_COUNTER_PROXY_PACKETS = 5,
	CV_COUNTER_PASS_PACKETS = 6,
	CV_COUNTER_DIRECT_BYTES = 7,      /* of direct flows, on either path */
	CV_COUNTER_REEVALUATED = 8,       /* flows revalidated after a policy change */
	CV_COUNTER_EVENT_LIMITED = 9,     /* events kept back by the rate limit */
	CV_COUNTER_UDP_HEADER = 10,       /* datagrams handed to the proxy behind a header */
	CV_COUNTER_UDP_PLAIN = 11,        /* datagrams, super-packets and fragments handed to it without one */
	CV_COUNTER_UDP_REPLY = 12,        /* pods' answers to the proxy's sockets */
	CV_COUNTER_REASSEMBLY = 13,       /* fragments kept for this node because they came before the first */
	CV_COUNTER_XDP_HEADER = 14,       /* headers that the XDP program has put in */
	CV_COUNTER_XDP_DROP = 15,         /* packets that the XDP program has dropped; their reasons are in cv_drops */
	CV_COUNTER_UNREACHABLE_SENT = 16, /* refused datagrams answered with ICMP */
	CV_COUNTER_HOST_STACK_PACKETS = 17, /* of direct flows, not among DIRECT_PACKETS */
	CV_COUNTER_MAX = 18,
};

#define CV_MAX_COUNTERS 64 /* how many there is room for in cv_counters */

_Static_assert(CV_COUNTER_MAX <= CV_MAX_COUNTERS, "more counters than cv_counters, which is pinned, has room for");

enum cv_event_type {
	CV_EVENT_NEW = 1,
	CV_EVENT_DENIED = 2,
	CV_EVENT_CLOSED = 3,
	CV_EVENT_DROPPED = 4, /* a packet dropped for another reason than policy; rate limited */
};

/* One record of the ring buffer cv_events. */
struct cv_event {
	__u64 time_ns;           /* bpf_ktime_get_ns */
	__u64 duration_ns;       /* closed: since the first packet */
	__u64 bytes_out;         /* closed: from the originator */
	__u64 bytes_in;          /* closed: to the originator */
	struct cv_flow_key key;  /* in the originator's direction, before translation */
	struct cv_addr nat_addr; /* backend, when translated */
	__be16 nat_port;
	__u8 type;    /* enum cv_event_type */
	__u8 verdict; /* enum cv_verdict */
	__u8 reason;  /* enum cv_reason */
	__u8 flags;   /* the low eight bits of enum cv_flow_flag */
	__u16 pad;
	__u32 src_class;
	__u32 dst_class;
	__u32 rule;
	__u32 ifindex; /* veth or uplink the packet was seen on */
	__u32 generation;
	__u32 pad2;
};

/*
 * Marks of packets: two bits that no CNI, kube-proxy or policy engine known to us takes. Defaults, overridable in the
 * programs' configuration.
 */
#define CV_MARK_MASK 0x30u
#define CV_MARK_CAPTURE 0x10u /* set by the programs: deliver locally */
#define CV_MARK_PROXY 0x20u   /* set by the proxy on its sockets: trusted */
#define CV_MARK_REJECT 0x30u  /* set by the programs on the resets they answer with */
