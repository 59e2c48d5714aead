/* SPDX-License-Identifier: Apache-2.0 */
/* From a frame's first byte to its TCP payload, by the rules of the NIC's own walker: up to two
 * VLAN tags, IPv4 with options, IPv6 with up to two extension headers (RFC 894, IEEE 802.1Q,
 * RFC 791, RFC 8200, RFC 9293).
 *
 * Headers whose place depends on the frame are copied by the kernel. To go there by a pointer would
 * take one capability more, CAP_PERFMON.
 *
 * A program says before which kind of context it has, BYTES, and how to copy from it, COPY. */
#ifndef HYBRIDMESH_FRAME_H
#define HYBRIDMESH_FRAME_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

#include "state.h"

#define FRAGMENT 0x3fff /* more to come, or not the first: IPv4's offset field */

enum reading {
	OTHER, /* not TCP, or cut off: the kernel does not take it for a segment either */
	SEGMENT,
	UNREADABLE, /* TCP that the kernel may find all the same; its addresses are known */
};

struct segment {
	struct flow_key flow;
	__u32 seq;
	__u32 length; /* of the payload */
	__u8 opens; /* it is the connection's first */
	__u8 urgent; /* of its bytes one may not stand in the stream that the proxy reads */
};

struct tag {
	__be16 control;
	__be16 kind;
};

struct extension {
	__u8 next;
	__u8 words; /* of eight bytes, without the first */
};

/* A frame without the shim that it may have had. */
struct frame {
	BYTES *bytes;
	__u32 size;
	__u8 marked; /* it had one */
	struct hybridmesh_verdict verdict; /* what was in it */
};

/* Copy the header at *at* into *header*; not zero: it does not end in the frame. */
#define LOAD(frame, at, header) COPY((frame)->bytes, at, header, sizeof(*(header)))

/* The segment of *length* bytes that begins at *at*. */
INLINE enum reading read_tcp(const struct frame *frame, __u32 at, __u32 length,
			     struct segment *segment)
{
	struct tcphdr tcp;
	__u32 header;

	if (LOAD(frame, at, &tcp))
		return OTHER;
	header = 4 * tcp.doff;
	if (header < sizeof(tcp) || header > length || at + length > frame->size)
		return OTHER;
	segment->flow.peer_port = tcp.source;
	segment->flow.local_port = tcp.dest;
	segment->seq = HOST32(tcp.seq);
	segment->length = length - header;
	segment->opens = tcp.syn && !tcp.ack && !tcp.rst;
	segment->urgent = tcp.urg;
	return SEGMENT;
}

INLINE enum reading read_ipv4(const struct frame *frame, __u32 at, struct segment *segment)
{
	struct pair *pair = &segment->flow.pair;
	struct iphdr ip;
	__u32 header, length;

	if (LOAD(frame, at, &ip) || ip.version != 4)
		return OTHER;
	header = 4 * ip.ihl;
	length = HOST16(ip.tot_len); /* none: more than it can say, as some are that GRO has made */
	if (header < sizeof(ip) || (length && length < header) || ip.protocol != IPPROTO_TCP)
		return OTHER;
	pair->peer[2] = pair->local[2] = BE32(0xffff);
	pair->peer[3] = ip.saddr;
	pair->local[3] = ip.daddr;
	if (ip.frag_off & BE16(FRAGMENT) || !length)
		return UNREADABLE;
	return read_tcp(frame, at + header, length - header, segment);
}

/* Whether something may stand behind a header of this *kind* that the walker does not know. */
INLINE int is_extension(__u8 kind)
{
	return kind == IPPROTO_HOPOPTS || kind == IPPROTO_ROUTING || kind == IPPROTO_FRAGMENT ||
	       kind == IPPROTO_ESP || kind == IPPROTO_AH || kind == IPPROTO_DSTOPTS ||
	       kind == IPPROTO_MH || kind == 139 /* host identity */ || kind == 140 /* shim6 */;
}

INLINE enum reading read_ipv6(const struct frame *frame, __u32 at, struct segment *segment)
{
	struct pair *pair = &segment->flow.pair;
	struct extension extension;
	struct ipv6hdr ip;
	__u32 length, size;
	__u8 kind;

	if (LOAD(frame, at, &ip) || ip.version != 6)
		return OTHER;
	__builtin_memcpy(pair->peer, &ip.saddr, sizeof(pair->peer));
	__builtin_memcpy(pair->local, &ip.daddr, sizeof(pair->local));
	length = HOST16(ip.payload_len);
	kind = ip.nexthdr;
	at += sizeof(ip);
	if (!length)
		return kind == IPPROTO_TCP || is_extension(kind) ? UNREADABLE : OTHER;
#pragma unroll
	for (int i = 0; i < 2; i++) {
		if (kind != IPPROTO_ROUTING && kind != IPPROTO_DSTOPTS &&
		    (i || kind != IPPROTO_HOPOPTS))
			break;
		if (LOAD(frame, at, &extension))
			return OTHER;
		size = 8 * (extension.words + 1);
		if (size > length)
			return OTHER;
		kind = extension.next;
		length -= size;
		at += size;
	}
	if (kind == IPPROTO_TCP)
		return read_tcp(frame, at, length, segment);
	return is_extension(kind) ? UNREADABLE : OTHER;
}

/* What is in the *frame*; *segment* must be zero. */
INLINE enum reading read_frame(const struct frame *frame, struct segment *segment)
{
	struct ethhdr ethernet;
	struct tag tag;
	__u32 at = sizeof(ethernet);
	__be16 kind;

	if (LOAD(frame, 0, &ethernet))
		return OTHER;
	kind = ethernet.h_proto;
#pragma unroll
	for (int i = 0; i < 2; i++) {
		if (kind != BE16(ETH_P_8021Q) && (i || kind != BE16(ETH_P_8021AD)))
			break;
		if (LOAD(frame, at, &tag))
			return OTHER;
		kind = tag.kind;
		at += sizeof(tag);
	}
	if (kind == BE16(ETH_P_IP))
		return read_ipv4(frame, at, segment);
	if (kind == BE16(ETH_P_IPV6))
		return read_ipv6(frame, at, segment);
	return OTHER;
}

#endif
