// SPDX-License-Identifier: Apache-2.0
/* Takes what the proxy knows and the NIC does not: setsockopt(HYBRIDMESH_SOCKET_LEVEL, offset) on an
 * accepted socket says that a head begins at that offset of the stream. It is put into a ring, for
 * whoever drives the NIC, and wakes it; what has no room there is not kept. */
#include "state.h"

LICENSE;

#define GO_ON 1
#define DONE (-1) /* as length: there is nothing left for the kernel to do */

struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_RINGBUF);
	MAP_NUMBER(max_entries, EXPECTED);
} expected SECTION(".maps");

SECTION("cgroup/setsockopt")
int hybridmesh_setsockopt(struct bpf_sockopt *call)
{
	struct connection *connection;
	struct head_key head;

	if (call->level != HYBRIDMESH_SOCKET_LEVEL || !call->sk)
		return GO_ON;
	connection = bpf_sk_storage_get(&sockets, call->sk, 0, 0);
	if (connection) {
		head.flow = connection->flow;
		head.seq = connection->first + (__u32)call->optname;
		bpf_ringbuf_output(&expected, &head, sizeof(head), 0);
		count(HYBRIDMESH_COUNTER_EXPECTED);
	}
	call->optlen = DONE;
	return GO_ON;
}
