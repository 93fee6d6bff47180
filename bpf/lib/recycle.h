/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Names the proxy's listener to the kernel for a connection whose predecessor waits in TIME_WAIT; see listener_recycle. */
#pragma once

#include "lib/socket.h"

/* include/linux/socket.h */
#define CV_AF_INET 2

static __always_inline void recycle_key(const struct bpf_sk_lookup *ctx, struct cv_flow_key *key)
{
	__u32 src4, dst4;

	key->proto = IPPROTO_TCP;
	key->sport = ctx->remote_port;
	key->dport = bpf_htons(ctx->local_port);
	if (ctx->family == CV_AF_INET) {
		key->src.w[2] = key->dst.w[2] = bpf_htonl(0xffff);
		src4 = ctx->remote_ip4;
		dst4 = ctx->local_ip4;
		/* Otherwise the compiler joins the loads of both branches behind a computed address, which the verifier refuses. */
		barrier_var(src4);
		barrier_var(dst4);
		key->src.w[3] = src4;
		key->dst.w[3] = dst4;
		return;
	}
	key->src.w[0] = ctx->remote_ip6[0];
	key->src.w[1] = ctx->remote_ip6[1];
	key->src.w[2] = ctx->remote_ip6[2];
	key->src.w[3] = ctx->remote_ip6[3];
	key->dst.w[0] = ctx->local_ip6[0];
	key->dst.w[1] = ctx->local_ip6[1];
	key->dst.w[2] = ctx->local_ip6[2];
	key->dst.w[3] = ctx->local_ip6[3];
}

/* Anything but such a connection goes its usual way. */
static __always_inline int recycle_listener(struct bpf_sk_lookup *ctx)
{
	struct cv_control *control = control_get();
	struct cv_flow_key key = {};
	struct bpf_sock *sk;
	__u32 *found, kind, slot, count;
	int i;

	if (ctx->protocol != IPPROTO_TCP || !control)
		return SK_PASS;
	recycle_key(ctx, &key);
	found = bpf_map_lookup_elem(&cv_recycle, &key);
	if (!found)
		return SK_PASS;
	kind = *found;
	bpf_map_delete_elem(&cv_recycle, &key);
	if (kind >= CV_LISTENER_KINDS)
		return SK_PASS;
	count = control->listeners[kind];
	if (!count || count > CV_MAX_LISTENERS)
		return SK_PASS;
#pragma clang loop unroll(full)
	for (i = 0; i < CV_LISTENER_TRIES; i++) {
		slot = kind * CV_MAX_LISTENERS + (ctx->remote_port + i) % count;
		sk = bpf_map_lookup_elem(&cv_listener, &slot);
		if (sk) {
			bpf_sk_assign(ctx, sk, 0);
			bpf_sk_release(sk);
			return SK_PASS;
		}
	}
	return SK_PASS;
}
