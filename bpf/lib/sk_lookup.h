/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Names the proxy's sockets to the kernel where no program could assign one: for a connection whose predecessor waits
 * in TIME_WAIT (see listener_assign), for datagrams that the kernel has put together (see datagram.h), for what comes
 * by a bridge (see bridge.h), and for all in a pod's own namespace (see inside.h).
 */
#pragma once

#include "lib/probe.h"
#include "lib/socket.h"

/* include/linux/socket.h */
#define CV_AF_INET 2

static __always_inline void sk_lookup_key(const struct bpf_sk_lookup *ctx, struct cv_flow_key *key)
{
	__u32 src4, dst4;

	key->proto = ctx->protocol;
	key->sport = ctx->remote_port;
	key->dport = bpf_htons(ctx->local_port);
	if (ctx->family == CV_AF_INET) {
		key->src.w[2] = key->dst.w[2] = bpf_htonl(0xffff);
		src4 = ctx->remote_ip4;
		dst4 = ctx->local_ip4;
		/*
		 * Otherwise the compiler joins the loads of both branches behind a computed address, which the verifier
		 * refuses.
		 */
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

/* Gives the lookup a listener of a kind, the one at `start` or the next that is there. Returns 1 when there is one. */
static __always_inline int sk_lookup_assign(struct bpf_sk_lookup *ctx, __u32 space, __u32 kind, __u32 start)
{
	struct cv_control *control = control_get();
	struct bpf_sock *sk = control ? listener_find(control, space, kind, start) : 0;

	if (!sk)
		return 0;
	bpf_sk_assign(ctx, sk, 0);
	bpf_sk_release(sk);
	return 1;
}

/*
 * A datagram that was brought here without a socket: put together from fragments, come by a bridge, or a pod's answer
 * from another port than was asked. Without a socket of the proxy it is nobody's: one of the node's own must not get
 * it.
 */
static __always_inline int sk_lookup_datagram(struct bpf_sk_lookup *ctx, struct cv_flow_key *key)
{
	__u32 kind = ctx->family == CV_AF_INET ? CV_LISTENER_PLAIN4 : CV_LISTENER_PLAIN6;
	struct cv_session *session;
	struct cv_reply *reply;
	__u32 start;

	/* Programs of an agent before, which do not know this one's probes, may have made a session of one. */
	if (flow_key_is_captured_probe(key))
		return SK_PASS;
	session = bpf_map_lookup_elem(&cv_session, key);
	if (session) {
		/* All datagrams of a session go to the loop that those with a header go to. */
		if (session->flags & CV_SESSION_TRANSLATED) {
			key->dst = session->addr;
			key->dport = session->port;
		}
		start = flow_hash(key);
	} else {
		reply = reply_lookup(key);
		if (!reply)
			return SK_PASS;
		start = reply->listener;
	}
	return sk_lookup_assign(ctx, key->space, kind, start) ? SK_PASS : SK_DROP;
}

/*
 * Anything but these goes its usual way. These go to the proxy or, as while no agent runs, to nobody: a socket of the
 * node is no stand-in.
 */
static __always_inline int sk_lookup_listener(struct bpf_sk_lookup *ctx, __u16 space)
{
	struct cv_flow_key key = { .space = space };
	__u32 *found, kind;

	sk_lookup_key(ctx, &key);
	if (ctx->protocol == IPPROTO_UDP)
		return sk_lookup_datagram(ctx, &key);
	found = bpf_map_lookup_elem(&cv_lookup_kind, &key);
	if (!found)
		return SK_PASS;
	kind = *found;
	return sk_lookup_assign(ctx, space, kind, ctx->remote_port) ? SK_PASS : SK_DROP;
}
