/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Every map of the datapath. The agent writes the policy maps, each entry under the generation it belongs to, and then
 * flips cv_control; programs never see half a snapshot.
 */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "shared/culvert_abi.h"
#include "lib/packet.h"

/* The generation in force and the listeners on offer; written by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cv_control);
} cv_control SEC(".maps");

/* Enrolled pods by host-side veth; written by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct cv_endpoint_key);
	__type(value, struct cv_endpoint);
} cv_endpoint SEC(".maps");

/* Every address and prefix that policy knows; written by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 262144);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct cv_address_key);
	__type(value, struct cv_address);
} cv_address SEC(".maps");

/* Verdicts of policy; written by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 262144);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct cv_policy_key);
	__type(value, struct cv_policy);
} cv_policy SEC(".maps");

/* Virtual addresses and ports; written by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct cv_service_key);
	__type(value, struct cv_service);
} cv_service SEC(".maps");

/* Backends of Service ports, slot by slot; written by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1048576);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct cv_backend_key);
	__type(value, struct cv_backend);
} cv_backend SEC(".maps");

/* Both directions of every flow the kernel carries; written by the programs, swept by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 262144);
	__type(key, struct cv_flow_key);
	__type(value, struct cv_flow);
} cv_flow SEC(".maps");

/* Whose flows those are, by veth, and who asks for events; written by the programs. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct cv_usage);
} cv_usage SEC(".maps");

/* How many of those flows the agent has taken out; written by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, __u64);
} cv_swept SEC(".maps");

/*
 * The last flows that began outside, in the order in which they came; written by the programs. One that was not
 * answered by the time that so many others have come makes room for them, so that a flood of first packets can fill
 * only this much of cv_flow.
 */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 8192);
	__type(value, struct cv_flow_key);
} cv_half_open SEC(".maps");

/*
 * How many flows of cv_flow are a pod's own; what it has beyond is lent to it, and taken back when the table is full.
 * 0: any number; written by the agent.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} cv_fair_share SEC(".maps");

/* The last flows that pods began with lent places, in the order in which they came; written by the programs. */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 32768);
	__type(value, struct cv_flow_key);
} cv_lent SEC(".maps");

/*
 * UDP flows that go to the proxy; written by the programs. Those with a drawn backend take two of its places. The
 * agent takes pods' sessions with Services out.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct cv_flow_key);
	__type(value, struct cv_session);
} cv_session SEC(".maps");

/* Answers of pods that the proxy's sockets wait for; written by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 262144);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct cv_flow_key);
	__type(value, struct cv_reply);
} cv_reply SEC(".maps");

/* Which fragmented datagram a later fragment belongs to. */
struct cv_frag_key {
	struct cv_addr src;
	struct cv_addr dst;
	__u32 ifindex; /* that it came in by: what comes in elsewhere has no say */
	__u32 id;
	__u8 proto;
	__u8 pad[3];
};

struct cv_frag {
	__u64 time_ns; /* of the fragment that made it */
	__be16 sport;
	__be16 dport;
	__u8 first;       /* 1: the first fragment was seen, the ports are known */
	__u8 reassembled; /* 1: a later one came before it and went to this node's reassembly: all must follow */
	__u8 pad[2];
};

/* Ports of fragmented datagrams; written by the programs. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct cv_frag_key);
	__type(value, struct cv_frag);
} cv_frag SEC(".maps");

/* Fragmented datagrams that this node puts together; written by the programs. */
struct cv_datagram {
	__u64 time_ns; /* of the fragment that made it */
	__u64 seed;
	__u64 sum;   /* of the pieces' ends, reassembly.h */
	__u64 bytes; /* that it has of its owner's share */
	__u32 end;   /* its length, when its last fragment was seen; 0 before */
	__u8 pad[4];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct cv_frag_key);
	__type(value, struct cv_datagram);
} cv_datagram SEC(".maps");

/* Who has how much of this node's reassembly; written by the programs. */
struct cv_reassembly_owner {
	__u32 owner;   /* a pod by its veth, CV_OWNER_EXTERNAL, CV_OWNER_ALL */
	__u32 account; /* the kernel has one for each family in each namespace: 1 for IPv6, with the space << 1 */
};

struct cv_reassembly {
	__u64 period; /* that `bytes` are of; `before` are of the one before it */
	__s64 bytes;  /* kept, less those of datagrams that are whole: below 0 when they began in the period before */
	__s64 before;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct cv_reassembly_owner);
	__type(value, struct cv_reassembly);
} cv_reassembly SEC(".maps");

/* The proxy's listening sockets, kind * CV_MAX_LISTENERS + n; written by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, CV_LISTENER_KINDS *CV_MAX_LISTENERS);
	__type(key, __u32);
	__type(value, __u64);
} cv_listener SEC(".maps");

/* Those in pods' own namespaces; written by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 65536);
	__type(key, struct cv_inside_listener_key);
	__type(value, __u64);
} cv_inside_sock SEC(".maps");

/* What the programs in pods' own namespaces call; written by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, CV_INSIDE_PROGRAMS);
	__type(key, __u32);
	__type(value, __u32);
} cv_inside SEC(".maps");

/*
 * Connections that begin while the one before them, of the same addresses and ports, still waits in TIME_WAIT: the kind
 * of listener they are for, which the socket lookup finds here; also those by a bridge. Written by socket.h. They stay
 * until others need the room: rules of others may look a socket up as well (xt_socket), before the kernel does.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct cv_flow_key);
	__type(value, __u32);
} cv_lookup_kind SEC(".maps");

/*
 * The proxy's own sockets and what they are (struct cv_own_socket), entered by the agent; what a listener accepts
 * inherits it. Others can take the proxy's mark, with CAP_NET_RAW, but not this.
 */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct cv_own_socket);
} cv_own_socket SEC(".maps");

#define CV_EVENTS_SIZE (1 << 20)

/* struct cv_event records, from the programs to the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, CV_EVENTS_SIZE);
} cv_events SEC(".maps");

/* Packets dropped by enum cv_reason. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CV_MAX_REASONS);
	__type(key, __u32);
	__type(value, __u64);
} cv_drops SEC(".maps");

/* enum cv_counter. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CV_MAX_COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} cv_counters SEC(".maps");

/* Probes that are on their way, by number; written by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 128); /* a batch of pods, of both families: see DeliveryProbe */
	__type(key, __u64);
	__type(value, struct cv_probe);
} cv_probes SEC(".maps");

/* What a program knows about the packet in hand. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cv_scratch);
} cv_scratch SEC(".maps");

static __always_inline struct cv_scratch *scratch_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&cv_scratch, &zero);
}

static __always_inline struct cv_control *control_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&cv_control, &zero);
}

/* Takes the generation in force for the packet. Returns whether there is one. */
static __always_inline int packet_take_generation(struct cv_packet *p)
{
	struct cv_control *control = control_get();

	if (!control || !control->generation)
		return 0;
	p->generation = control->generation;
	return 1;
}

/* The same, and what time it is. A program that has nothing to do with most packets asks for that later. */
static __always_inline int packet_begin(struct cv_packet *p)
{
	if (!packet_take_generation(p))
		return 0;
	p->now = bpf_ktime_get_ns();
	return 1;
}

/*
 * What time it was on this CPU when it first asked in this tick of the kernel, some milliseconds ago at most: to ask
 * the clock for each packet would cost more than to look up its flow. For when a flow was last seen; what measures a
 * time that may be short, or compares with what another CPU has written, asks the clock itself.
 */
static __always_inline __u64 time_of_tick(struct cv_scratch *s)
{
	__u64 tick = bpf_jiffies64();

	if (s->tick != tick) {
		s->tick = tick;
		s->tick_ns = bpf_ktime_get_ns();
	}
	return s->tick_ns;
}
