// SPDX-License-Identifier: Apache-2.0
/* Where frames go out by an interface that pods or the wire are at: learns the ways of the gateway's
 * connections. Of a way that is known only the length is learned, for a frame may have been sent by
 * the way itself, and proves nothing. */
#include "ways.h"

LICENSE;

/* Whether these are the addresses and ports of a connection of the gateway, as both of its ends know
 * them. */
INLINE int is_gateways(const struct flow_key *key)
{
	struct flow_key other = mirrored(key);
	struct flow *flow = bpf_map_lookup_elem(&flows, key);
	struct end *end = bpf_map_lookup_elem(&ends, key);

	if (!flow)
		flow = bpf_map_lookup_elem(&flows, &other);
	return (flow && flow->accepted) || (end && end->direct);
}

SECTION("tc")
int hybridmesh_learn(struct __sk_buff *bytes)
{
	struct segment segment = {};
	struct way *known, way = {
		.learned = bpf_ktime_get_ns(),
		.in = bytes->ingress_ifindex,
		.out = bytes->ifindex,
	};

	if (!way.in || way.in == way.out || !is_segment(bytes, &segment) ||
	    !is_gateways(&segment.flow) || COPY(bytes, 0, way.macs, sizeof(way.macs)))
		return NEXT;
	way.longest = length_of(bytes, &segment);
	known = bpf_map_lookup_elem(&ways, &segment.flow);
	if (!known)
		bpf_map_update_elem(&ways, &segment.flow, &way, BPF_NOEXIST);
	else if (known->longest < way.longest)
		known->longest = way.longest;
	return NEXT;
}
