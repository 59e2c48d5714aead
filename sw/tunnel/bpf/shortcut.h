/* SPDX-License-Identifier: Apache-2.0 */
/* The shortcut between the gateway and pods of the same node: what one end of a connection sends is
 * put into the other's socket, and no packet is made of it.
 *
 * What takes the shortcut overtakes what went by TCP before, and nobody is told to wait. So an end
 * that has once sent by TCP does so for good, and it does so from the message on with which it
 * has sent more than BOUND bytes since it last heard from the other end. */
#ifndef HYBRIDMESH_SHORTCUT_H
#define HYBRIDMESH_SHORTCUT_H

#include "key.h"

#define ENDS 65536
#define PODS 4096
#define BOUND 65536

/* One end of a connection within the node. */
struct end {
	__u32 sent; /* bytes since the other end sent any */
	__u32 plain; /* it sends by TCP */
	__u32 direct; /* both ends know the same addresses: nobody between them translates any */
};

struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_LRU_HASH);
	MAP_NUMBER(max_entries, ENDS);
	MAP_TYPE(key, struct flow_key);
	MAP_TYPE(value, struct end);
} ends SECTION(".maps");

struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_SOCKHASH);
	MAP_NUMBER(max_entries, ENDS);
	MAP_TYPE(key, struct flow_key);
	MAP_TYPE(value, __u64);
} end_sockets SECTION(".maps");

/* Addresses of pods that have accepted a connection. */
struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_LRU_HASH);
	MAP_NUMBER(max_entries, PODS);
	MAP_TYPE(key, __be32[4]);
	MAP_TYPE(value, __u8);
} pods SECTION(".maps");

INLINE struct flow_key mirrored(const struct flow_key *key)
{
	struct flow_key other = {
		.peer_port = key->local_port,
		.local_port = key->peer_port,
	};

	__builtin_memcpy(other.pair.peer, key->pair.local, sizeof(other.pair.peer));
	__builtin_memcpy(other.pair.local, key->pair.peer, sizeof(other.pair.local));
	return other;
}

#endif
