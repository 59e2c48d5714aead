/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of the frames that arrive at the host: connections, and the verdicts on them.
 *
 * All frames are looked at, with and without a shim: a verdict is only kept, and only stays good,
 * if every byte of its head came exactly once. Of bytes that come twice, the kernel may have dropped
 * the first, and then the verdict would be about others than the proxy reads. */
#ifndef HYBRIDMESH_FOLLOW_H
#define HYBRIDMESH_FOLLOW_H

#include "frame.h"

#define MACS (2 * ETH_ALEN)

#define STATES \
	(HYBRIDMESH_FLAG_DECIDED | HYBRIDMESH_FLAG_PROVISIONAL | HYBRIDMESH_FLAG_UNDECIDED | \
	 HYBRIDMESH_FLAG_MALFORMED)

#define NEVER (1ULL << 62) /* no stream comes so far */

INLINE int is_verdict(const struct hybridmesh_verdict *verdict)
{
	__u8 state = verdict->flags & STATES;

	return verdict->version == HYBRIDMESH_SHIM_VERSION && state && !(state & (state - 1)) &&
	       verdict->reason < HYBRIDMESH_REASONS;
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

INLINE void follow(const struct segment *segment, const struct frame *frame)
{
	const struct hybridmesh_verdict *verdict = &frame->verdict;
	struct flow *flow = bpf_map_lookup_elem(&flows, &segment->flow);
	__s64 seen, start, end, head;
	int next;

	if (!flow) {
		if (frame->marked)
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
	if (!frame->marked)
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

INLINE void arrived(const struct frame *frame)
{
	struct segment segment = {};
	__u8 yes = 1;

	switch (read_frame(frame, &segment)) {
	case UNREADABLE:
		bpf_map_update_elem(&unreadable, &segment.flow.pair, &yes, BPF_ANY);
		count(HYBRIDMESH_COUNTER_UNREADABLE);
		break;
	case SEGMENT:
		if (segment.opens)
			open_flow(&segment);
		else if (segment.length)
			follow(&segment, frame);
		else
			break;
		return;
	case OTHER:
		break;
	}
	if (frame->marked)
		count(HYBRIDMESH_COUNTER_UNPLACED);
}

#endif
