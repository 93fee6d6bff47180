// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The programs at traffic control, at the socket lookup and at the proxy's sockets, and one that the agent runs. Every
 * refusal at traffic control has a reason that is counted; see lib/drop.h.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#include "lib/from_net.h"
#include "lib/from_pod.h"
#include "lib/inside.h"
#include "lib/reassembly.h"
#include "lib/sk_lookup.h"
#include "lib/to_pod.h"

/*
 * What passes, or is captured, passes to the programs of others behind ours, those of TCX and those of clsact:
 * TC_ACT_OK would end all of them, and with them what they refuse or shape.
 */
static __always_inline int pass_on(int r)
{
	return r == TC_ACT_OK ? TC_ACT_UNSPEC : r;
}

/* Where a program at the host's end of things works, and who has brought the packet there. */
static __always_inline void place_on_node(const struct __sk_buff *skb, struct cv_scratch *s)
{
	s->space = CV_SPACE_NODE;
	s->link = skb->ifindex;
	s->came_by = skb->ingress_ifindex;
}

/* What the pod sends. Fragments that are routed count as kept: connection tracking keeps them as well. */
static __always_inline int from_pod_packet(struct __sk_buff *skb)
{
	struct cv_scratch *s = scratch_get();
	int r, refused;

	if (!s)
		return TC_ACT_SHOT;
	s->forwarded.generation = 0;
	if (mark_is(skb, cv_cfg_mark_reject))
		return TC_ACT_OK; /* our own reset on behalf of the pod: marks do not survive leaving a namespace */
	place_on_node(skb, s);
	r = from_pod_to_neighbour(s, packet_read(skb, s));
	if (r == CV_IGNORE)
		return TC_ACT_OK;
	if (!r && mark_is(skb, cv_cfg_mark_proxy))
		r = CV_REASON_TRANSPORT_SPOOF;
	if (r == CV_REASON_FRAGMENT_NO_FIRST)
		r = from_pod_first_missing(skb);
	else if (r)
		return packet_drop(skb, r, CV_SIDE_FROM_POD);
	else
		r = from_pod(skb, s);
	refused = mark_is(skb, cv_cfg_mark_capture) ? bridge_address_router(skb, &s->packet) : 0;
	if (refused)
		return packet_drop(skb, refused, CV_SIDE_FROM_POD);
	return reassembly_admit(skb, s, r, s->link, CV_SIDE_FROM_POD);
}

/* What the pod receives by way of the kernel's routing. */
static __always_inline int to_pod_packet(struct __sk_buff *skb)
{
	int r, proxy = mark_is(skb, cv_cfg_mark_proxy), reset = mark_is(skb, cv_cfg_mark_reject), bare;
	struct cv_scratch *s = scratch_get();
	struct cv_own_socket *own = proxy ? socket_own(skb) : 0;

	if (!s)
		return TC_ACT_SHOT;
	if (own && own->kind == CV_OWN_KIND_PLAIN) {
		counter_add(CV_COUNTER_PROXY_PACKETS, 1);
		return TC_ACT_OK;
	}
	bare = !own && (proxy || reset) && segment_is_bare(skb);
	if (bare && reset)
		return TC_ACT_OK; /* beside a reset of ours all of *s is in use */
	place_on_node(skb, s);
	if (own) {
		r = own->kind == CV_OWN_KIND_SERVICE ? proxied_datagram(skb, s, own) : proxied_answer(skb, s);
		if (r < 0)
			return proxied_end(skb, s);
		return r ? packet_drop(skb, r, CV_SIDE_NET) : TC_ACT_OK;
	}
	if (bare) {
		/* The kernel's own comes by no interface. */
		r = s->came_by ? 0 : proxied_answer(skb, s);
		return r == CV_REASON_REWRITE_FAILED ? packet_drop(skb, r, CV_SIDE_NET) : TC_ACT_OK;
	}
	r = packet_read(skb, s);
	if (!r && !proxy && !reset && forward_is_noted(s))
		return TC_ACT_OK;
	if (r == CV_IGNORE)
		return TC_ACT_OK;
	if (!r && (proxy || reset))
		r = CV_REASON_TRANSPORT_SPOOF;
	if (r)
		return packet_drop(skb, r, CV_SIDE_NET);
	return to_pod(skb, s);
}

/* What reaches the node. */
static __always_inline int from_net_packet(struct __sk_buff *skb)
{
	struct cv_scratch *s = scratch_get();
	int r;

	if (!s)
		return TC_ACT_OK;
	place_on_node(skb, s);
	if (from_net_is_handed_over(skb))
		return from_net_handed_over(skb);
	r = packet_parse(skb);
	if (r == CV_REASON_FRAGMENT_NO_FIRST && !mark_is(skb, cv_cfg_mark_proxy))
		r = from_net_first_missing(skb);
	else if (r)
		return TC_ACT_OK;
	else if (mark_is(skb, cv_cfg_mark_proxy))
		return packet_drop(skb, CV_REASON_TRANSPORT_SPOOF, CV_SIDE_NET);
	else
		r = from_net(skb, s);
	/* What is not for the proxy is the node's own business. */
	return mark_is(skb, cv_cfg_mark_capture) ? reassembly_admit(skb, s, r, CV_OWNER_EXTERNAL, CV_SIDE_NET) : r;
}

/* Ingress of a pod's host-side veth. */
SEC("tc")
int cv_from_pod(struct __sk_buff *skb)
{
	return pass_on(from_pod_packet(skb));
}

/* Egress of a pod's host-side veth. */
SEC("tc")
int cv_to_pod(struct __sk_buff *skb)
{
	return pass_on(to_pod_packet(skb));
}

/*
 * Ingress of the host-side veth of a pod that is not captured, while the agent looks whether it could be: captures
 * what the agent itself sends, and nothing of the pod's.
 */
SEC("tc")
int cv_probe(struct __sk_buff *skb)
{
	struct cv_scratch *s = scratch_get();

	if (!s)
		return TC_ACT_UNSPEC;
	place_on_node(skb, s);
	if (!packet_parse(skb) && packet_take_probe(skb, s) == CV_PROBE_CAPTURED)
		mark_capture(skb);
	return TC_ACT_UNSPEC;
}

/* Egress of a link that leads out, while the agent looks whether what it sends in a pod's name is handed on. */
SEC("tc")
int cv_probe_out(struct __sk_buff *skb)
{
	struct cv_scratch *s = scratch_get();

	if (!s)
		return TC_ACT_UNSPEC;
	place_on_node(skb, s);
	return probe_out(skb, s);
}

/* Puts what the agent sends in a pod's name into the receive path of the pod's link; attached nowhere. */
SEC("xdp")
int cv_inject(struct xdp_md *ctx)
{
	return XDP_PASS;
}

/* Ingress of the uplinks. */
SEC("tc")
int cv_from_net(struct __sk_buff *skb)
{
	return pass_on(from_net_packet(skb));
}

/* Egress of a pod's link in the pod's own namespace, called by cv_pod_out. */
SEC("tc")
int cv_inside_out(struct __sk_buff *skb)
{
	return pass_on(inside_out(skb));
}

/* Ingress of a pod's link in the pod's own namespace, called by cv_pod_in. */
SEC("tc")
int cv_inside_in(struct __sk_buff *skb)
{
	return pass_on(inside_in(skb));
}

/* The node's network namespace, when the kernel looks for a listener. */
SEC("sk_lookup")
int cv_sk_lookup(struct bpf_sk_lookup *ctx)
{
	return sk_lookup_listener(ctx, CV_SPACE_NODE);
}

/*
 * The proxy's sockets that speak with other people's addresses: they take what the programs have captured and nothing
 * else. The kernel finds an established one by addresses and ports alone, and with it the route that was kept there
 * (early demultiplexing), whatever brought the packet here.
 */
SEC("socket")
int cv_captured(struct __sk_buff *skb)
{
	return mark_is(skb, cv_cfg_mark_capture) ? -1 : 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
