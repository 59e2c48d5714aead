// SPDX-License-Identifier: Apache-2.0
/* For the cgroups of the gateway and of the node's pods: finds the connections from the one to the
 * other, and lets both ends take the shortcut.
 *
 * The gateway's end of a connection is there first, when nobody knows yet whether the other is a pod
 * of this node. So the first connection to a pod goes by TCP, and tells for the next ones. */
#include "shortcut.h"

LICENSE;

KEY_OF(key_of, struct bpf_sock_ops)

INLINE void add(struct bpf_sock_ops *event, struct flow_key *key, __u32 direct)
{
	struct end end = { .direct = direct };

	if (bpf_map_update_elem(&ends, key, &end, BPF_ANY))
		return;
	if (bpf_sock_hash_update(event, &end_sockets, key, BPF_ANY)) {
		bpf_map_delete_elem(&ends, key);
		return;
	}
	bpf_sock_ops_cb_flags_set(event,
				  event->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
}

SECTION("sockops")
int hybridmesh_ends(struct bpf_sock_ops *event)
{
	struct flow_key key, other;
	struct end *known;
	__u8 yes = 1;

	switch (event->op) {
	case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
		key = key_of(event);
		if (bpf_map_lookup_elem(&pods, key.pair.peer))
			add(event, &key, 0);
		break;
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
		key = key_of(event);
		other = mirrored(&key);
		known = bpf_map_lookup_elem(&ends, &other);
		if (known) {
			known->direct = 1;
			add(event, &key, 1);
		} else {
			bpf_map_update_elem(&pods, key.pair.local, &yes, BPF_ANY);
		}
		break;
	case BPF_SOCK_OPS_STATE_CB:
		if (event->args[1] != BPF_TCP_CLOSE)
			break;
		key = key_of(event);
		bpf_map_delete_elem(&ends, &key);
		break;
	}
	return 1;
}
