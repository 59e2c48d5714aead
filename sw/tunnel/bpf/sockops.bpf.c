// SPDX-License-Identifier: Apache-2.0
/* For the sockets of the gateway's cgroup: which ports they listen on, which connection of the wire
 * each accepted one is, and that nothing stays when it ends, in whatever way: each ends in the state
 * CLOSE. */
#include "key.h"

LICENSE;

KEY_OF(key_of, struct bpf_sock_ops)

INLINE void listens(struct bpf_sock_ops *event)
{
	__u32 port = event->local_port, one = 1;
	__u32 *sockets = bpf_map_lookup_elem(&ports, &port);

	if (sockets)
		__sync_fetch_and_add(sockets, 1);
	else if (bpf_map_update_elem(&ports, &port, &one, BPF_NOEXIST))
		return;
	bpf_sock_ops_cb_flags_set(event,
				  event->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
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
	flow->accepted = 1;
	bpf_sock_ops_cb_flags_set(event,
				  event->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
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
	if (!connection)
		return;
	key = connection->flow;
	flow = bpf_map_lookup_elem(&flows, &key);
	/* The next connection of the same addresses and ports may have begun. */
	if (flow && flow->opened == connection->opened)
		forget(&key, flow);
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
