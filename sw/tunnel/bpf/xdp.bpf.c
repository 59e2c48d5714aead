// SPDX-License-Identifier: Apache-2.0
/* On the interface that the NIC's host leg comes to: takes the shim out of a frame, and keeps the
 * verdict for the socket that the frame's payload will come to.
 *
 * All frames are looked at, with and without a shim: a verdict is only kept, and only stays good,
 * if every byte of its head came exactly once. Of bytes that come twice, the kernel may have dropped
 * the first, and then the verdict would be about others than the proxy reads. */
#include "frame.h"

LICENSE;

#define STATES \
	(HYBRIDMESH_FLAG_DECIDED | HYBRIDMESH_FLAG_PROVISIONAL | HYBRIDMESH_FLAG_UNDECIDED | \
	 HYBRIDMESH_FLAG_MALFORMED)

#define MACS (2 * ETH_ALEN)

#define NEVER (1ULL << 62) /* no stream comes so far */

INLINE int is_verdict(const struct hybridmesh_verdict *verdict)
{
	__u8 state = verdict->flags & STATES;

	return verdict->version == HYBRIDMESH_SHIM_VERSION && state && !(state & (state - 1)) &&
	       verdict->reason < HYBRIDMESH_REASONS;
}

/* Move the addresses up to where the shim ends, and let the frame begin there. */
INLINE int strip(struct xdp_md *frame, __u8 *macs)
{
	__builtin_memmove(macs + HYBRIDMESH_SHIM_SIZE, macs, MACS);
	return bpf_xdp_adjust_head(frame, HYBRIDMESH_SHIM_SIZE);
}

/* A SYN: a new connection, unless it is the last one's sent again or nobody listens. */
INLINE void open_flow(const struct segment *segment)
{
	struct flow flow = {
		.opened = bpf_ktime_get_ns(),
		.first = segment->seq + 1,
		.seen = segment->length,
		.clear = segment->length,
	};
	struct flow *old = bpf_map_lookup_elem(&flows, &segment->flow);
	__u32 port = HOST16(segment->flow.local_port);

	if (!bpf_map_lookup_elem(&ports, &port))
		return;
	if (old) {
		if (old->first == flow.first)
			return;
		forget(&segment->flow, old);
	}
	bpf_map_update_elem(&flows, &segment->flow, &flow, BPF_NOEXIST);
}

INLINE void keep(const struct flow_key *key, struct flow *flow, __u64 offset,
		 const struct hybridmesh_verdict *verdict)
{
	struct head_key at = { .flow = *key };
	struct head head = { .opened = flow->opened, .offset = offset, .verdict = *verdict };
	__u32 slot = flow->count & (KEPT - 1);

	if (flow->count >= KEPT) {
		at.seq = flow->heads[slot];
		bpf_map_delete_elem(&verdicts, &at);
	}
	at.seq = HOST32(verdict->seq);
	flow->heads[slot] = at.seq;
	/* Not zero again, when it goes round: the slots stay in use. */
	flow->count = flow->count + 1 ?: KEPT;
	bpf_map_update_elem(&verdicts, &at, &head, BPF_ANY);
	count(HYBRIDMESH_COUNTER_RECORDED);
}

/* A payload; *verdict* may be none. */
INLINE void follow(const struct segment *segment, const struct hybridmesh_verdict *verdict)
{
	struct flow *flow = bpf_map_lookup_elem(&flows, &segment->flow);
	__s64 seen, start, end, head;
	int next;

	if (!flow) {
		if (verdict)
			count(HYBRIDMESH_COUNTER_UNKNOWN_FLOW);
		return;
	}
	seen = flow->seen;
	start = seen + (__s32)(segment->seq - (flow->first + (__u32)seen));
	end = start + segment->length;
	/* Another CPU may be at the same bytes: one of the two is the first. */
	next = start == seen && __sync_val_compare_and_swap(&flow->seen, seen, end) == seen;
	if (!next) {
		if (end > (__s64)flow->seen)
			flow->seen = end;
		if (start <= seen && flow->clear < flow->seen)
			flow->clear = flow->seen;
	}
	if (segment->urgent)
		flow->clear = NEVER;
	if (!verdict)
		return;
	head = start + (__s32)(HOST32(verdict->seq) - segment->seq);
	if (!next || head < (__s64)flow->clear) {
		count(HYBRIDMESH_COUNTER_DOUBTED);
		return;
	}
	if (head + HOST16(verdict->head_length) > end || head >= end) {
		count(HYBRIDMESH_COUNTER_UNPLACED);
		return;
	}
	keep(&segment->flow, flow, head, verdict);
}

SECTION("xdp")
int hybridmesh_xdp(struct xdp_md *bytes)
{
	void *start = (void *)(long)bytes->data, *end = (void *)(long)bytes->data_end;
	struct ethhdr *ethernet = start;
	struct hybridmesh_verdict verdict = {};
	struct segment segment = {};
	struct frame frame = { .bytes = bytes };
	int marked = 0;
	__u8 yes = 1;

	if ((void *)(ethernet + 1) > end)
		return XDP_PASS;
	if (ethernet->h_proto == BE16(HYBRIDMESH_ETHERTYPE)) {
		if (start + MACS + HYBRIDMESH_SHIM_SIZE > end)
			goto malformed;
		__builtin_memcpy(&verdict, start + MACS, sizeof(verdict));
		if (!is_verdict(&verdict) || strip(bytes, start))
			goto malformed;
		count(HYBRIDMESH_COUNTER_SHIMS);
		marked = 1;
	}
	frame.size = bpf_xdp_get_buff_len(bytes);
	switch (read_frame(&frame, &segment)) {
	case UNREADABLE:
		bpf_map_update_elem(&unreadable, &segment.flow.pair, &yes, BPF_ANY);
		count(HYBRIDMESH_COUNTER_UNREADABLE);
		break;
	case SEGMENT:
		if (segment.opens)
			open_flow(&segment);
		else if (segment.length)
			follow(&segment, marked ? &verdict : 0);
		else
			break;
		return XDP_PASS;
	case OTHER:
		break;
	}
	if (marked)
		count(HYBRIDMESH_COUNTER_UNPLACED);
	return XDP_PASS;
malformed:
	count(HYBRIDMESH_COUNTER_MALFORMED);
	return XDP_DROP;
}
