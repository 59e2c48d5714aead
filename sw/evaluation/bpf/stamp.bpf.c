// SPDX-License-Identifier: Apache-2.0
/* On the client's interface, where frames go out: puts the shim into a frame that a NIC would have
 * put in, so that the host's side of the tunnel can be measured without the NIC's work.
 *
 * The verdicts are not made here. They are the golden model's, of all heads of a workload, and are
 * looked up by a hash of the frame's payload; a frame with any other payload goes out as it is. This
 * runs on the core of who sends, which is the client's. */
#include "helpers.h"

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>

#include "verdict.h"

LICENSE;

#define NEXT (-1) /* TCX_NEXT, TC_ACT_UNSPEC */
#define DROP 2
#define ROOM_BEHIND_MACS 1 /* BPF_ADJ_ROOM_MAC */
#define MACS (2 * ETH_ALEN)

#define WORDS 8
#define CHUNK (WORDS * 8) /* bytes that are copied at a time */
#define CHUNKS 24 /* more than a segment has */
#define FACTOR 0x9e3779b97f4a7c15ULL

struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_HASH);
	MAP_NUMBER(max_entries, 4096);
	MAP_TYPE(key, __u64);
	MAP_TYPE(value, struct hybridmesh_verdict);
} shims SECTION(".maps");

INLINE __u64 mixed(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * FACTOR;
	return hash ^ hash >> 32;
}

/* Of *length* bytes from *at* on, the last word of them filled up with zeros; 0: they are too many. */
INLINE __u64 hash_of(struct __sk_buff *bytes, __u32 at, __u32 length)
{
	__u64 hash = length;

	for (int i = 0; i < CHUNKS; i++) {
		__u64 words[WORDS] = {};
		__u32 size = length < CHUNK ? length : CHUNK;

		if (!size)
			return hash;
		/* The verifier does not see that it is in bounds, else. */
		asm volatile("" : "+r"(size));
		if (size < 1 || size > CHUNK || bpf_skb_load_bytes(bytes, at, words, size))
			return 0;
#pragma unroll
		for (int j = 0; j < WORDS; j++)
			hash = mixed(hash, words[j]);
		at += size;
		length -= size;
	}
	return 0;
}

SECTION("tc")
int hybridmesh_stamp(struct __sk_buff *bytes)
{
	struct hybridmesh_verdict *known, shim;
	__u32 at = sizeof(struct ethhdr), headers;
	__be16 type = BE16(ETH_P_IP);
	struct iphdr ip;
	struct tcphdr tcp;
	__u64 hash;

	if (bytes->protocol != type || bpf_skb_load_bytes(bytes, at, &ip, sizeof(ip)) ||
	    ip.protocol != IPPROTO_TCP)
		return NEXT;
	headers = 4 * ip.ihl;
	if (bpf_skb_load_bytes(bytes, at + headers, &tcp, sizeof(tcp)))
		return NEXT;
	headers += 4 * tcp.doff;
	if (HOST16(ip.tot_len) <= headers)
		return NEXT;
	hash = hash_of(bytes, at + headers, HOST16(ip.tot_len) - headers);
	known = bpf_map_lookup_elem(&shims, &hash);
	if (!known)
		return NEXT;
	shim = *known;
	shim.seq = tcp.seq;
	/* Room comes behind the type, which then moves to the room's end. */
	if (bpf_skb_adjust_room(bytes, sizeof(shim), ROOM_BEHIND_MACS, 0) ||
	    bpf_skb_store_bytes(bytes, MACS, &shim, sizeof(shim), 0) ||
	    bpf_skb_store_bytes(bytes, MACS + sizeof(shim), &type, sizeof(type), 0))
		return DROP; /* or bytes would come without the verdict that is measured */
	return NEXT;
}
