// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The datapath's programs at XDP of the uplinks. They share every map but the scratch space with those of tc.bpf.c,
 * which do without them whatever they do.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "lib/xdp.h"

/* In the driver. */
SEC("xdp")
int cv_xdp(struct xdp_md *ctx)
{
	return xdp_in(ctx, 1);
}

/* Behind it, where the driver has no XDP. */
SEC("xdp")
int cv_xdp_generic(struct xdp_md *ctx)
{
	return xdp_in(ctx, 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
