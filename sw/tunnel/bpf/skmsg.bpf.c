// SPDX-License-Identifier: Apache-2.0
/* For what the ends of a connection within the node send: to the other end's socket at once, as far
 * as that is sound (see shortcut.h), else by TCP. */
#include "shortcut.h"

LICENSE;

KEY_OF(key_of, struct sk_msg_md)

SECTION("sk_msg")
int hybridmesh_skmsg(struct sk_msg_md *message)
{
	struct flow_key key = key_of(message), other_key = mirrored(&key);
	struct end *end = bpf_map_lookup_elem(&ends, &key);
	struct end *other = bpf_map_lookup_elem(&ends, &other_key);

	if (!end || end->plain)
		return SK_PASS;
	if (other)
		other->sent = 0;
	end->sent += message->size;
	if (other && end->sent <= BOUND &&
	    bpf_msg_redirect_hash(message, &end_sockets, &other_key, BPF_F_INGRESS) == SK_PASS) {
		count(HYBRIDMESH_COUNTER_SHORTCUTS);
		return SK_PASS;
	}
	end->plain = 1;
	count(HYBRIDMESH_COUNTER_PLAIN);
	return SK_PASS;
}
