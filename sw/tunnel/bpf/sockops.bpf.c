// SPDX-License-Identifier: Apache-2.0
/* For the sockets of the gateway's cgroup: which ports they listen on, which connection of the wire
 * each accepted one is, and that nothing stays when it ends, in whatever way: each ends in the state
 * CLOSE. */
#include "state.h"

LICENSE;

#define IPV4 2 /* AF_INET */

INLINE void listens(struct bpf_sock_ops *event)
{
	__u32 port = event->local_port, one = 1;
	__u32 *sockets = bpf_map_lookup_elem(&ports, &port);

	if (sockets)
		__sync_fetch_and_add(sockets, 1);
	else if (bpf_map_update_elem(&ports, &port, &one, BPF_NOEXIST))
		return;
	bpf_sock_ops_cb_flags_set(event, BPF_SOCK_OPS_STATE_CB_FLAG);
}

INLINE void listens_no_more(struct bpf_sock_ops *event)
{
	__u32 port = event->local_port;
	__u32 *sockets = bpf_map_lookup_elem(&ports, &port);

	if (!sockets)
		return;
	if (*sockets > 1)
		__sync_fetch_and_add(sockets, -1);
	else
		bpf_map_delete_elem(&ports, &port);
}

INLINE struct flow_key key_of(struct bpf_sock_ops *event)
{
	struct flow_key key = {
		.peer_port = BE16(HOST32(event->remote_port)),
		.local_port = BE16(event->local_port),
	};

	if (event->family == IPV4) {
		key.pair.peer[2] = key.pair.local[2] = BE32(0xffff);
		key.pair.peer[3] = event->remote_ip4;
		key.pair.local[3] = event->local_ip4;
		/* Or the compiler joins this load with the last one below, through a pointer into
		 * the event, which the kernel does not take. */
		asm volatile("" ::: "memory");
		return key;
	}
	key.pair.peer[0] = event->remote_ip6[0];
	key.pair.peer[1] = event->remote_ip6[1];
	key.pair.peer[2] = event->remote_ip6[2];
	key.pair.peer[3] = event->remote_ip6[3];
	key.pair.local[0] = event->local_ip6[0];
	key.pair.local[1] = event->local_ip6[1];
	key.pair.local[2] = event->local_ip6[2];
	key.pair.local[3] = event->local_ip6[3];
	return key;
}

INLINE void accepted(struct bpf_sock_ops *event)
{
	struct flow_key key = key_of(event);
	struct flow *flow = bpf_map_lookup_elem(&flows, &key);
	struct bpf_sock *socket = event->sk;
	struct connection *connection;

	/* A SYN that came by another way, or one that this connection was not opened by. */
	if (!socket || !flow || flow->first != event->rcv_nxt)
		return;
	connection = bpf_sk_storage_get(&sockets, socket, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!connection)
		return;
	connection->opened = flow->opened;
	connection->first = flow->first;
	connection->flow = key;
	bpf_sock_ops_cb_flags_set(event, BPF_SOCK_OPS_STATE_CB_FLAG);
	count(HYBRIDMESH_COUNTER_OPENED);
}

INLINE void ended(struct bpf_sock_ops *event)
{
	struct bpf_sock *socket = event->sk;
	struct connection *connection;
	struct flow_key key;
	struct flow *flow;

	if (!socket)
		return;
	connection = bpf_sk_storage_get(&sockets, socket, 0, 0);
	if (!connection || !connection->opened)
		return;
	key = connection->flow;
	flow = bpf_map_lookup_elem(&flows, &key);
	/* The next connection of the same addresses and ports may have begun. */
	if (flow && flow->opened == connection->opened)
		forget(&key, flow);
	connection->opened = 0;
	count(HYBRIDMESH_COUNTER_CLOSED);
}

SECTION("sockops")
int hybridmesh_sockops(struct bpf_sock_ops *event)
{
	switch (event->op) {
	case BPF_SOCK_OPS_TCP_LISTEN_CB:
		listens(event);
		break;
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
		accepted(event);
		break;
	case BPF_SOCK_OPS_STATE_CB:
		if (event->args[1] != BPF_TCP_CLOSE)
			break;
		if (event->args[0] == BPF_TCP_LISTEN)
			listens_no_more(event);
		else
			ended(event);
		break;
	}
	return 1;
}
