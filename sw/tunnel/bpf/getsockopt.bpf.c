// SPDX-License-Identifier: Apache-2.0
/* Answers the proxy, on its own accepted socket: getsockopt(HYBRIDMESH_SOCKET_LEVEL, offset) is the
 * verdict on the head that begins at that offset of the stream, if all its bytes are in the socket
 * and none of them came in doubt; else one zero byte. Each verdict is given once.
 *
 * An option's name has 32 bits, a stream more: of the offsets that have these as their low ones, the
 * last that has been received is meant. */
#include "state.h"

LICENSE;

#define NOT_OURS 1 /* go on with the kernel's own answer */
#define ANSWERED 1

INLINE int answer_of(struct bpf_sock *socket, __u32 low, struct hybridmesh_verdict *answer)
{
	struct connection *connection;
	struct bpf_tcp_sock *tcp;
	struct head_key key;
	struct flow *flow;
	struct head *head;
	__u64 received;
	int good;

	connection = bpf_sk_storage_get(&sockets, socket, 0, 0);
	if (!connection)
		return 0;
	tcp = bpf_tcp_sock(socket);
	if (!tcp)
		return 0;
	received = tcp->bytes_received;
	key.flow = connection->flow;
	key.seq = connection->first + low;
	head = bpf_map_lookup_elem(&verdicts, &key);
	if (!head || head->opened != connection->opened ||
	    head->offset != received - (__u32)((__u32)received - low))
		return 0;
	if (head->offset + HOST16(head->verdict.head_length) > received)
		return 0; /* the frame is on its way to the socket */
	flow = bpf_map_lookup_elem(&flows, &key.flow);
	good = flow && flow->opened == connection->opened && head->offset >= flow->clear &&
	       !bpf_map_lookup_elem(&unreadable, &key.flow.pair);
	if (good)
		*answer = head->verdict;
	else
		count(HYBRIDMESH_COUNTER_DOUBTED);
	bpf_map_delete_elem(&verdicts, &key);
	return good;
}

SECTION("cgroup/getsockopt")
int hybridmesh_getsockopt(struct bpf_sockopt *call)
{
	struct hybridmesh_verdict *answer = call->optval;
	void *end = call->optval_end;

	if (call->level != HYBRIDMESH_SOCKET_LEVEL || !call->sk || (void *)(answer + 1) > end)
		return NOT_OURS;
	if (answer_of(call->sk, call->optname, answer)) {
		call->optlen = sizeof(*answer);
		count(HYBRIDMESH_COUNTER_ANSWERED);
		if (answer->flags & (HYBRIDMESH_FLAG_DECIDED | HYBRIDMESH_FLAG_PROVISIONAL))
			count(HYBRIDMESH_COUNTER_USABLE);
	} else {
		*(__u8 *)answer = 0;
		call->optlen = 1;
		count(HYBRIDMESH_COUNTER_MISSED);
	}
	call->retval = 0;
	return ANSWERED;
}
