/* SPDX-License-Identifier: Apache-2.0 */
/* From a frame's first byte to its TCP payload, by the rules of the NIC's own walker: up to two
 * VLAN tags, IPv4 with options, IPv6 with up to two extension headers (RFC 894, IEEE 802.1Q,
 * RFC 791, RFC 8200, RFC 9293).
 *
 * No pointer is subtracted from another: that would ask for one capability more. */
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

INLINE enum reading read_tcp(void *at, void *end, __u32 length, struct segment *segment)
{
	struct tcphdr *tcp = at;
	__u32 header;

	if ((void *)(tcp + 1) > end)
		return OTHER;
	header = 4 * tcp->doff;
	if (header < sizeof(*tcp) || header > length || at + length > end)
		return OTHER;
	segment->flow.peer_port = tcp->source;
	segment->flow.local_port = tcp->dest;
	segment->seq = HOST32(tcp->seq);
	segment->length = length - header;
	segment->opens = tcp->syn && !tcp->ack && !tcp->rst;
	segment->urgent = tcp->urg;
	return SEGMENT;
}

INLINE enum reading read_ipv4(void *at, void *end, struct segment *segment)
{
	struct iphdr *ip = at;
	struct pair *pair = &segment->flow.pair;
	__u32 header, length;

	if ((void *)(ip + 1) > end || ip->version != 4)
		return OTHER;
	header = 4 * ip->ihl;
	length = HOST16(ip->tot_len);
	if (header < sizeof(*ip) || length < header)
		return OTHER;
	pair->peer[2] = pair->local[2] = BE32(0xffff);
	pair->peer[3] = ip->saddr;
	pair->local[3] = ip->daddr;
	if (ip->protocol != IPPROTO_TCP)
		return OTHER;
	if (ip->frag_off & BE16(FRAGMENT))
		return UNREADABLE;
	return read_tcp(at + header, end, length - header, segment);
}

/* Whether something may stand behind a header of this *kind* that the walker does not know. */
INLINE int is_extension(__u8 kind)
{
	return kind == IPPROTO_HOPOPTS || kind == IPPROTO_ROUTING || kind == IPPROTO_FRAGMENT ||
	       kind == IPPROTO_ESP || kind == IPPROTO_AH || kind == IPPROTO_DSTOPTS ||
	       kind == IPPROTO_MH || kind == 139 /* host identity */ || kind == 140 /* shim6 */;
}

INLINE enum reading read_ipv6(void *at, void *end, struct segment *segment)
{
	struct ipv6hdr *ip = at;
	struct pair *pair = &segment->flow.pair;
	__u32 length;
	__u8 kind;

	if ((void *)(ip + 1) > end || ip->version != 6)
		return OTHER;
	__builtin_memcpy(pair->peer, &ip->saddr, sizeof(pair->peer));
	__builtin_memcpy(pair->local, &ip->daddr, sizeof(pair->local));
	length = HOST16(ip->payload_len);
	kind = ip->nexthdr;
	at = ip + 1;
#pragma unroll
	for (int i = 0; i < 2; i++) {
		struct extension *extension = at;
		__u32 size;

		if (kind != IPPROTO_ROUTING && kind != IPPROTO_DSTOPTS &&
		    (i || kind != IPPROTO_HOPOPTS))
			break;
		if ((void *)(extension + 1) > end)
			return OTHER;
		size = 8 * (extension->words + 1);
		if (size > length)
			return OTHER;
		kind = extension->next;
		length -= size;
		at += size;
	}
	if (kind == IPPROTO_TCP)
		return read_tcp(at, end, length, segment);
	return is_extension(kind) ? UNREADABLE : OTHER;
}

/* What the frame between *at* and *end*, without a shim, holds; *segment* must be zero. */
INLINE enum reading read_frame(void *at, void *end, struct segment *segment)
{
	struct ethhdr *ethernet = at;
	__be16 kind;

	if ((void *)(ethernet + 1) > end)
		return OTHER;
	kind = ethernet->h_proto;
	at = ethernet + 1;
#pragma unroll
	for (int i = 0; i < 2; i++) {
		struct tag *tag = at;

		if (kind != BE16(ETH_P_8021Q) && (i || kind != BE16(ETH_P_8021AD)))
			break;
		if ((void *)(tag + 1) > end)
			return OTHER;
		kind = tag->kind;
		at = tag + 1;
	}
	if (kind == BE16(ETH_P_IP))
		return read_ipv4(at, end, segment);
	if (kind == BE16(ETH_P_IPV6))
		return read_ipv6(at, end, segment);
	return OTHER;
}

#endif
