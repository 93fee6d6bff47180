/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Small programs and maps of every kind that Interop wraps. Compiled by the tests. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

struct pair {
	__u32 a;
	__u32 b;
};

const volatile __u32 cfg_verdict = TC_ACT_OK;
const volatile __u8 cfg_flag = 0;
const volatile struct pair cfg_pair = {};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, struct pair);
	__uint(max_entries, 1024);
} cv_t_hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, 4);
} cv_t_percpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} cv_t_ring SEC(".maps");

/* Counts, sends the mark as an event, answers as configured and raises the mark by one. */
SEC("tc")
int cv_t_tc(struct __sk_buff *skb)
{
	__u32 zero = 0;
	__u32 *count = bpf_map_lookup_elem(&cv_t_percpu, &zero);

	if (count)
		*count += 1;
	__u64 *event = bpf_ringbuf_reserve(&cv_t_ring, sizeof(*event), 0);

	if (event) {
		*event = skb->mark;
		bpf_ringbuf_submit(event, 0);
	}
	struct pair value = { .a = cfg_pair.a + cfg_flag, .b = skb->len };

	bpf_map_update_elem(&cv_t_hash, &zero, &value, BPF_ANY);
	skb->mark += 1;
	return cfg_verdict;
}

SEC("tc")
int cv_t_tc2(struct __sk_buff *skb)
{
	return TC_ACT_SHOT;
}

SEC("xdp")
int cv_t_xdp(struct xdp_md *ctx)
{
	return XDP_PASS;
}

/* The verifier must refuse this one; loaded only by the test that looks at its words. */
SEC("?tc")
int cv_t_bad(struct __sk_buff *skb)
{
	return *(volatile __u8 *)(long)skb->data;
}

char _license[] SEC("license") = "Dual BSD/GPL";
