/* SPDX-License-Identifier: Apache-2.0 */
/* The ways that the host's stack sends frames of the gateway's connections on between its interfaces.
 * They are learned from what the stack has sent, where it goes out, and the next ones are sent the
 * same way, from where they come in, if they are no longer: there may be no room for more. After a
 * while each is forgotten, and the stack asked again. */
#ifndef HYBRIDMESH_WAYS_H
#define HYBRIDMESH_WAYS_H

#include "helpers.h"

#define BYTES struct __sk_buff
#define COPY bpf_skb_load_bytes

#include "frame.h"
#include "shortcut.h"

#define NEXT (-1) /* program, or on to the kernel: TCX_NEXT and TC_ACT_UNSPEC */
#define DROP 2

#define FRESH 1000000000ULL /* nanoseconds */
#define WAYS 65536

/* Of one direction of a connection. */
struct way {
	__u64 learned; /* when, in nanoseconds */
	__u32 in, out; /* interfaces */
	__u32 longest; /* frame that went it */
	__u8 macs[2 * ETH_ALEN];
};

struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_LRU_HASH);
	MAP_NUMBER(max_entries, WAYS);
	MAP_TYPE(key, struct flow_key); /* the peer is who sends */
	MAP_TYPE(value, struct way);
} ways SECTION(".maps");

/* Whether the *bytes* are a segment of a connection that is there, without a tag; reads it. */
INLINE int is_segment(struct __sk_buff *bytes, struct segment *segment)
{
	struct frame frame = { .bytes = bytes, .size = bytes->len };

	return !bytes->vlan_present &&
	       (bytes->protocol == BE16(ETH_P_IP) || bytes->protocol == BE16(ETH_P_IPV6)) &&
	       read_frame(&frame, segment) == SEGMENT && !segment->opens;
}

/* How long the frame is; one of several segments: how long the frames made of it will be. */
INLINE __u32 length_of(struct __sk_buff *bytes, const struct segment *segment)
{
	return bytes->gso_size ? bytes->len - segment->length + bytes->gso_size : bytes->len;
}

#endif
