/* SPDX-License-Identifier: Apache-2.0 */
/* Made by hybridmesh.contract.export; change the contract, not this file. */
#ifndef HYBRIDMESH_VERDICT_H
#define HYBRIDMESH_VERDICT_H

#include <linux/types.h>

#define HYBRIDMESH_ETHERTYPE 0x88b5
#define HYBRIDMESH_SHIM_VERSION 1
#define HYBRIDMESH_SHIM_SIZE 40
#define HYBRIDMESH_NO_ROW 0xffff
#define HYBRIDMESH_FLAG_DECIDED 0x01
#define HYBRIDMESH_FLAG_PROVISIONAL 0x02
#define HYBRIDMESH_FLAG_UNDECIDED 0x04
#define HYBRIDMESH_FLAG_MALFORMED 0x08
#define HYBRIDMESH_FLAG_BODY_CHUNKED 0x10
#define HYBRIDMESH_FLAG_BODY_LENGTH 0x20
#define HYBRIDMESH_FLAG_MORE_DATA 0x40
#define HYBRIDMESH_FLAG_TOUCH 0x80
#define HYBRIDMESH_REASON_NONE 0
#define HYBRIDMESH_REASON_TABLE_OFF 1
#define HYBRIDMESH_REASON_UNKNOWN_START 2
#define HYBRIDMESH_REASON_METHOD_BYTE 3
#define HYBRIDMESH_REASON_METHOD 4
#define HYBRIDMESH_REASON_LINE_ENDING 5
#define HYBRIDMESH_REASON_TARGET_FORM 6
#define HYBRIDMESH_REASON_TARGET_BYTE 7
#define HYBRIDMESH_REASON_PATH_ENCODED 8
#define HYBRIDMESH_REASON_PATH_SEGMENTS 9
#define HYBRIDMESH_REASON_VERSION 10
#define HYBRIDMESH_REASON_OBS_FOLD 11
#define HYBRIDMESH_REASON_FIELD_NAME 12
#define HYBRIDMESH_REASON_FIELD_VALUE 13
#define HYBRIDMESH_REASON_OBS_TEXT 14
#define HYBRIDMESH_REASON_ODD_SPACE 15
#define HYBRIDMESH_REASON_CROWDED 16
#define HYBRIDMESH_REASON_HOST 17
#define HYBRIDMESH_REASON_HOST_REPEATED 18
#define HYBRIDMESH_REASON_HOST_MISSING 19
#define HYBRIDMESH_REASON_LENGTH 20
#define HYBRIDMESH_REASON_FRAMING 21
#define HYBRIDMESH_REASON_REPEATED 22
#define HYBRIDMESH_REASON_FIELD_COUNT 23
#define HYBRIDMESH_REASON_INCOMPLETE 24
#define HYBRIDMESH_REASONS 25
#define HYBRIDMESH_METHOD_OTHER 0
#define HYBRIDMESH_METHOD_GET 1
#define HYBRIDMESH_METHOD_HEAD 2
#define HYBRIDMESH_METHOD_POST 3
#define HYBRIDMESH_METHOD_PUT 4
#define HYBRIDMESH_METHOD_DELETE 5
#define HYBRIDMESH_METHOD_CONNECT 6
#define HYBRIDMESH_METHOD_OPTIONS 7
#define HYBRIDMESH_METHOD_TRACE 8
#define HYBRIDMESH_METHOD_PATCH 9

/* The NIC's verdict of one request head, as it stands in the shim. */
struct hybridmesh_verdict {
	__be16 ethertype; /* EtherType of the shim, 0x88B5 */
	__u8 version; /* version of this layout */
	__u8 flags; /* state, body framing, more data, touch */
	__be16 epoch; /* generation of the table; 0: no table */
	__be16 row; /* row that hit; 0xFFFF: no row matched */
	__u8 reason; /* why not decided */
	__u8 method; /* request method; 0: none of the known */
	__be16 head_offset; /* bytes of TCP payload before the head */
	__be32 seq; /* TCP sequence number of the head's first byte */
	__be16 head_length; /* bytes of the head, empty line included */
	__be16 path_offset; /* bytes from the head's start to the path */
	__be16 path_length; /* bytes of the path, without the query */
	__be16 host_offset; /* bytes from the head's start to the host */
	__u8 host_length; /* bytes of the host, without the port; 255: or more */
	__u8 reserved; /* zero */
	__be16 latency; /* clocks from the frame's first beat to the verdict */
	__be32 body_length; /* bytes of the body where BODY_LENGTH is set */
	__be64 authenticator; /* zero; kept for binding the verdict to its bytes */
} __attribute__((packed));

#endif /* HYBRIDMESH_VERDICT_H */
