// SPDX-License-Identifier: Apache-2.0
/* What the XDP program does, for an interface whose place for XDP is taken: behind it, where frames
 * are the kernel's own already.
 *
 * There is no call that takes bytes out of a frame of an EtherType that the kernel does not know. But
 * it takes the type anew from the bytes behind a VLAN tag that comes off, and so the type is changed
 * by a tag that is put on and taken off again. */
#include "helpers.h"

#define BYTES struct __sk_buff
#define COPY bpf_skb_load_bytes

#include "follow.h"

LICENSE;

#define NEXT (-1) /* program, or on to the kernel: TCX_NEXT and TC_ACT_UNSPEC */
#define DROP 2
#define ROOM_BEHIND_MACS 1 /* BPF_ADJ_ROOM_MAC */

#define TYPE_BEHIND_TAG (MACS + sizeof(struct tag))

/* Let the frame be of *type*. The first tag is one beside the bytes; the second moves it into them.
 * A tag that then stands first in the bytes is moved beside them, where the kernel wants it. */
INLINE int set_type(struct __sk_buff *bytes, __be16 type)
{
	return bpf_skb_vlan_push(bytes, BE16(ETH_P_8021Q), 0) ||
	       bpf_skb_vlan_push(bytes, BE16(ETH_P_8021Q), 0) ||
	       bpf_skb_store_bytes(bytes, TYPE_BEHIND_TAG, &type, sizeof(type), 0) ||
	       bpf_skb_vlan_pop(bytes) || bpf_skb_vlan_pop(bytes);
}

/* Take the shim out; what follows it is of *type*. */
INLINE int strip(struct __sk_buff *bytes, __be16 type)
{
	return set_type(bytes, BE16(ETH_P_IP)) ||
	       bpf_skb_adjust_room(bytes, -HYBRIDMESH_SHIM_SIZE, ROOM_BEHIND_MACS, 0) ||
	       (type != BE16(ETH_P_IP) && set_type(bytes, type));
}

SECTION("tc")
int hybridmesh_tc(struct __sk_buff *bytes)
{
	struct frame frame = { .bytes = bytes };
	__be16 type;

	frame.marked = bytes->protocol == BE16(HYBRIDMESH_ETHERTYPE);
	if (frame.marked) {
		if (COPY(bytes, MACS, &frame.verdict, sizeof(frame.verdict)) ||
		    COPY(bytes, MACS + HYBRIDMESH_SHIM_SIZE, &type, sizeof(type)) ||
		    !is_verdict(&frame.verdict) || strip(bytes, type))
			goto malformed;
		count(HYBRIDMESH_COUNTER_SHIMS);
	}
	frame.size = bytes->len;
	arrived(&frame);
	return NEXT;
malformed:
	count(HYBRIDMESH_COUNTER_MALFORMED);
	return DROP;
}
