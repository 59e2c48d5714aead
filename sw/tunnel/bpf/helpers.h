/* SPDX-License-Identifier: Apache-2.0 */
/* What a program needs besides the kernel's own headers: sections, map definitions, the calls into
 * the kernel that are made here, and byte order. */
#ifndef HYBRIDMESH_HELPERS_H
#define HYBRIDMESH_HELPERS_H

#include <linux/bpf.h>

#define SECTION(name) __attribute__((section(name), used))
#define LICENSE char _license[] SECTION("license") = "Apache-2.0"

/* Members of a map definition, as libbpf reads them from BTF. */
#define MAP_NUMBER(name, value) int(*name)[value]
#define MAP_TYPE(name, type) __typeof__(type) *name

#define CALL(result, name, ...) \
	static result (*const bpf_##name)(__VA_ARGS__) = (void *)BPF_FUNC_##name

CALL(void *, map_lookup_elem, void *map, const void *key);
CALL(long, map_update_elem, void *map, const void *key, const void *value, __u64 flags);
CALL(long, map_delete_elem, void *map, const void *key);
CALL(long, ringbuf_output, void *ring, const void *data, __u64 size, __u64 flags);
CALL(__u64, ktime_get_ns, void);
CALL(long, xdp_adjust_head, struct xdp_md *frame, int bytes);
CALL(__u64, xdp_get_buff_len, struct xdp_md *frame);
CALL(long, xdp_load_bytes, struct xdp_md *frame, __u32 at, void *to, __u32 size);
CALL(long, skb_load_bytes, const struct __sk_buff *frame, __u32 at, void *to, __u32 size);
CALL(long, skb_store_bytes, struct __sk_buff *frame, __u32 at, const void *from, __u32 size,
     __u64 flags);
CALL(long, skb_vlan_push, struct __sk_buff *frame, __be16 kind, __u16 tag);
CALL(long, skb_vlan_pop, struct __sk_buff *frame);
CALL(long, skb_adjust_room, struct __sk_buff *frame, __s32 bytes, __u32 where, __u64 flags);
CALL(long, l3_csum_replace, struct __sk_buff *frame, __u32 at, __u64 from, __u64 to, __u64 size);
CALL(long, redirect, __u32 interface, __u64 flags);
CALL(long, redirect_peer, __u32 interface, __u64 flags);
CALL(void *, sk_storage_get, void *map, void *socket, void *value, __u64 flags);
CALL(long, sock_ops_cb_flags_set, struct bpf_sock_ops *event, int flags);
CALL(long, sock_hash_update, struct bpf_sock_ops *event, void *map, void *key, __u64 flags);
CALL(long, msg_redirect_hash, struct sk_msg_md *message, void *map, void *key, __u64 flags);
CALL(struct bpf_tcp_sock *, tcp_sock, struct bpf_sock *socket);

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BE16(x) ((__be16)__builtin_bswap16(x))
#define BE32(x) ((__be32)__builtin_bswap32(x))
#else
#define BE16(x) ((__be16)(x))
#define BE32(x) ((__be32)(x))
#endif
#define HOST16(x) ((__u16)BE16(x))
#define HOST32(x) ((__u32)BE32(x))

#define INLINE static inline __attribute__((always_inline))

#endif
