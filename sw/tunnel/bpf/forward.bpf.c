// SPDX-License-Identifier: Apache-2.0
/* Where frames come in by an interface that pods or the wire are at: those of the gateway's
 * connections go on by the way that the host's stack has sent others before, past the stack. It is
 * what is left where SK_MSG does not carry the bytes. */
#include "ways.h"

LICENSE;

#define LEGS 4096
#define NETWORK sizeof(struct ethhdr) /* where that header begins */

/* Interfaces that this program is on; not zero: the other end is in a namespace of its own, a pod. */
struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_HASH);
	MAP_NUMBER(max_entries, LEGS);
	MAP_TYPE(key, __u32);
	MAP_TYPE(value, __u32);
} legs SECTION(".maps");

/* Not zero: the hop is the last one, or the header has options. */
INLINE int hop_ipv4(struct __sk_buff *bytes)
{
	__u32 checksum = NETWORK + __builtin_offsetof(struct iphdr, check);
	__u32 word = NETWORK + __builtin_offsetof(struct iphdr, ttl);
	struct iphdr ip;
	__be16 before, after;

	if (COPY(bytes, NETWORK, &ip, sizeof(ip)) || ip.ihl != 5 || ip.ttl <= 1 ||
	    COPY(bytes, word, &before, sizeof(before)))
		return 1;
	after = before - BE16(1 << 8);
	return bpf_l3_csum_replace(bytes, checksum, before, after, sizeof(after)) ||
	       bpf_skb_store_bytes(bytes, word, &after, sizeof(after), 0);
}

INLINE int hop_ipv6(struct __sk_buff *bytes)
{
	__u32 at = NETWORK + __builtin_offsetof(struct ipv6hdr, hop_limit);
	__u8 hops;

	if (COPY(bytes, at, &hops, sizeof(hops)) || hops <= 1)
		return 1;
	hops--;
	return bpf_skb_store_bytes(bytes, at, &hops, sizeof(hops), 0);
}

SECTION("tc")
int hybridmesh_forward(struct __sk_buff *bytes)
{
	struct segment segment = {};
	__u32 out, *leg;
	struct way *way;

	if (!is_segment(bytes, &segment))
		return NEXT;
	way = bpf_map_lookup_elem(&ways, &segment.flow);
	if (!way || way->in != bytes->ifindex || way->longest < length_of(bytes, &segment))
		return NEXT;
	out = way->out;
	leg = bpf_map_lookup_elem(&legs, &out);
	if (!leg || bpf_ktime_get_ns() - way->learned > FRESH) {
		bpf_map_delete_elem(&ways, &segment.flow);
		return NEXT;
	}
	if (bytes->protocol == BE16(ETH_P_IP) ? hop_ipv4(bytes) : hop_ipv6(bytes))
		return NEXT;
	if (bpf_skb_store_bytes(bytes, 0, way->macs, sizeof(way->macs), 0))
		return DROP; /* the hop is counted already */
	count(HYBRIDMESH_COUNTER_FORWARDED);
	return *leg ? bpf_redirect_peer(out, 0) : bpf_redirect(out, 0);
}
