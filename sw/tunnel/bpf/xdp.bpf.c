// SPDX-License-Identifier: Apache-2.0
/* On the interface that the NIC's host leg comes to: takes the shim out of a frame, and keeps the
 * verdict for the socket that the frame's payload will come to. */
#include "helpers.h"

#define BYTES struct xdp_md
#define COPY bpf_xdp_load_bytes

#include "follow.h"

LICENSE;

/* Move the addresses up to where the shim ends, and let the frame begin there. */
INLINE int strip(struct xdp_md *bytes, __u8 *macs)
{
	__builtin_memmove(macs + HYBRIDMESH_SHIM_SIZE, macs, MACS);
	return bpf_xdp_adjust_head(bytes, HYBRIDMESH_SHIM_SIZE);
}

SECTION("xdp")
int hybridmesh_xdp(struct xdp_md *bytes)
{
	void *start = (void *)(long)bytes->data, *end = (void *)(long)bytes->data_end;
	struct ethhdr *ethernet = start;
	struct frame frame = { .bytes = bytes };

	if ((void *)(ethernet + 1) > end)
		return XDP_PASS;
	frame.marked = ethernet->h_proto == BE16(HYBRIDMESH_ETHERTYPE);
	if (frame.marked) {
		if (start + MACS + HYBRIDMESH_SHIM_SIZE > end)
			goto malformed;
		__builtin_memcpy(&frame.verdict, start + MACS, sizeof(frame.verdict));
		if (!is_verdict(&frame.verdict) || strip(bytes, start))
			goto malformed;
		count(HYBRIDMESH_COUNTER_SHIMS);
	}
	frame.size = bpf_xdp_get_buff_len(bytes);
	arrived(&frame);
	return XDP_PASS;
malformed:
	count(HYBRIDMESH_COUNTER_MALFORMED);
	return XDP_DROP;
}
