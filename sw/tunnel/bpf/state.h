/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs know together: connections, their verdicts, their sockets, and the counters.
 *
 * A verdict counts for one socket, one place of its stream, and bytes that came once. So each is
 * kept with the time at which its connection was opened, which tells it from an earlier or a later
 * one of the same addresses and ports, and with its offset in 64 bits, which sequence numbers go
 * round in. */
#ifndef HYBRIDMESH_STATE_H
#define HYBRIDMESH_STATE_H

#include "helpers.h"
#include "tunnel.h"
#include "verdict.h"

/* Connections that are followed, and verdicts that wait to be asked for. */
#define FLOWS 65536
#define VERDICTS 65536
#define PORTS 64
#define PAIRS 16384
#define EXPECTED (256 * 1024) /* bytes */

/* Verdicts that wait for one connection: no client can take the room of all. A power of two. */
#define KEPT 32

/* IPv4 addresses stand as ::ffff:a.b.c.d, so that a socket of either family finds its frames. */
struct pair {
	__be32 peer[4];
	__be32 local[4];
};

struct flow_key {
	struct pair pair;
	__be16 peer_port;
	__be16 local_port;
};

struct flow {
	__u64 opened; /* when its SYN was seen, in nanoseconds */
	__u64 seen; /* stream offset behind the last byte that came */
	__u64 clear; /* stream offset before which bytes may have come twice */
	__u32 first; /* sequence number of the stream's first byte */
	__u32 count; /* verdicts that were kept */
	__u32 accepted; /* a socket of the gateway has it */
	__u32 heads[KEPT]; /* sequence numbers of the last of them */
};

struct head_key {
	struct flow_key flow;
	__u32 seq;
};

struct head {
	__u64 opened; /* the flow's */
	__u64 offset; /* of its first byte in the stream */
	struct hybridmesh_verdict verdict;
};

/* Kept in the socket itself. */
struct connection {
	__u64 opened;
	struct flow_key flow;
	__u32 first;
};

struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_LRU_HASH);
	MAP_NUMBER(max_entries, FLOWS);
	MAP_TYPE(key, struct flow_key);
	MAP_TYPE(value, struct flow);
} flows SECTION(".maps");

struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_LRU_HASH);
	MAP_NUMBER(max_entries, VERDICTS);
	MAP_TYPE(key, struct head_key);
	MAP_TYPE(value, struct head);
} verdicts SECTION(".maps");

/* Ports that sockets of the cgroup listen on, and how many do. */
struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_HASH);
	MAP_NUMBER(max_entries, PORTS);
	MAP_TYPE(key, __u32);
	MAP_TYPE(value, __u32);
} ports SECTION(".maps");

/* Addresses between which TCP went that no program here could follow. */
struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_LRU_HASH);
	MAP_NUMBER(max_entries, PAIRS);
	MAP_TYPE(key, struct pair);
	MAP_TYPE(value, __u8);
} unreadable SECTION(".maps");

struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_SK_STORAGE);
	MAP_NUMBER(map_flags, BPF_F_NO_PREALLOC);
	MAP_TYPE(key, int);
	MAP_TYPE(value, struct connection);
} sockets SECTION(".maps");

struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	MAP_NUMBER(max_entries, HYBRIDMESH_COUNTERS);
	MAP_TYPE(key, __u32);
	MAP_TYPE(value, __u64);
} counters SECTION(".maps");

INLINE void count(__u32 what)
{
	__u64 *counter = bpf_map_lookup_elem(&counters, &what);

	if (counter)
		*counter += 1;
}

/* Remove *flow* and all that waits for it. */
INLINE void forget(const struct flow_key *key, struct flow *flow)
{
	struct head_key head = { .flow = *key };
	__u32 kept = flow->count < KEPT ? flow->count : KEPT;

	for (__u32 i = 0; i < KEPT; i++) {
		if (i >= kept)
			break;
		head.seq = flow->heads[i];
		bpf_map_delete_elem(&verdicts, &head);
	}
	bpf_map_delete_elem(&flows, key);
}

#endif
