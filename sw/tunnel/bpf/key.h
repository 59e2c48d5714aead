/* SPDX-License-Identifier: Apache-2.0 */
/* Which connection a socket is: its addresses and ports, as the frames have them. */
#ifndef HYBRIDMESH_KEY_H
#define HYBRIDMESH_KEY_H

#include "state.h"

#define IPV4 2 /* AF_INET */

/* Defines a function *name* for contexts of one *type*: they have members of the same names. Behind
 * the first branch stands a barrier, or the compiler would join its last load with that of the
 * second, through a pointer into the context, which the kernel does not take. */
#define KEY_OF(name, type) \
	INLINE struct flow_key name(type *socket) \
	{ \
		struct flow_key key = { \
			.peer_port = BE16(HOST32(socket->remote_port)), \
			.local_port = BE16(socket->local_port), \
		}; \
\
		if (socket->family == IPV4) { \
			key.pair.peer[2] = key.pair.local[2] = BE32(0xffff); \
			key.pair.peer[3] = socket->remote_ip4; \
			key.pair.local[3] = socket->local_ip4; \
			asm volatile("" ::: "memory"); \
			return key; \
		} \
		key.pair.peer[0] = socket->remote_ip6[0]; \
		key.pair.peer[1] = socket->remote_ip6[1]; \
		key.pair.peer[2] = socket->remote_ip6[2]; \
		key.pair.peer[3] = socket->remote_ip6[3]; \
		key.pair.local[0] = socket->local_ip6[0]; \
		key.pair.local[1] = socket->local_ip6[1]; \
		key.pair.local[2] = socket->local_ip6[2]; \
		key.pair.local[3] = socket->local_ip6[3]; \
		return key; \
	}

#endif
