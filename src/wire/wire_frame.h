/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One message between two of our processes: a kind, an id that its answer repeats, a payload of fields and a body of
 * bytes. Payload and body travel inside the packet when they fit and as sealed memory files when they do not.
 * Format: docs/formats/wire.md.
 */
#ifndef WIRE_FRAME_H
#define WIRE_FRAME_H

#include <stdint.h>

#include "base_bytes.h"
#include "os_socket.h"

enum wire_kind {
	/* supervisor to every role */
	WIRE_CONFIG = 1, /* body: JSON, first frame a role gets */
	WIRE_PEER,       /* payload: u8 enum wire_role; descriptor: channel to that role */
	WIRE_STOP,       /* drain and exit 0 */
	WIRE_RELOAD,     /* core: read certificates again */
	/* supervisor and smtp */
	WIRE_LISTENER,      /* payload: str16 ingress point id; descriptor: listening socket */
	WIRE_LISTENER_GONE, /* payload: str16 ingress point id */
	/* roles to the supervisor */
	WIRE_READY,      /* the role serves */
	WIRE_LISTEN_SET, /* core; body: JSON array of {Id, Address}: everything that should listen */
	/* supervisor to core */
	WIRE_LISTEN_RESULT, /* body: JSON array of {Id, Address, Ok, Reason} */
	/* core to smtp */
	WIRE_SNAPSHOT,   /* body: JSON, docs/formats/wire.md §4 */
	WIRE_MAIL_REPLY, /* payload: struct wire_mail_reply */
	WIRE_SPACE,      /* payload: u8, 1 = too little room to take mail */
	/* smtp to core */
	WIRE_MAIL, /* payload: struct wire_mail; body: the message */
	/* http and core */
	WIRE_HTTP_REQUEST,  /* payload: struct wire_http_request; body */
	WIRE_HTTP_RESPONSE, /* payload: struct wire_http_response; body */
	/* core and courier */
	WIRE_PARCEL,        /* payload: struct wire_parcel; body: what is carried */
	WIRE_PARCEL_ANSWER, /* payload: struct wire_parcel_answer; body: what was answered */
	WIRE_KIND_COUNT
};

enum wire_role {
	WIRE_ROLE_SUPERVISOR,
	WIRE_ROLE_CORE,
	WIRE_ROLE_SMTP,
	WIRE_ROLE_HTTP,
	WIRE_ROLE_COURIER, /* only when something is to be carried out */
	WIRE_ROLE_COUNT
};

const char *wire_role_name(enum wire_role role);

#define WIRE_HEADER_BYTES      20
#define WIRE_PAYLOAD_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define WIRE_BODY_BYTES_MAX    ((size_t)1024 * 1024 * 1024)
/* A body up to here travels inside the packet. */
#define WIRE_INLINE_BYTES ((size_t)64 * 1024)

/* Owned by whoever holds it; free with wire_frame_free. Views live as long as the frame. */
struct wire_frame {
	enum wire_kind kind;
	uint64_t id;
	struct bytes payload, body;
	int fd; /* the descriptor a frame carries beside memory files; -1 = none; taken by setting it to -1 */
	/* private */
	uint8_t *storage;
	struct bytes payload_map, body_map;
};

void wire_frame_free(struct wire_frame **f);

/* What to send. body_fd: a sealed memory file in place of body (lent); -1 = none. */
struct wire_out {
	enum wire_kind kind;
	uint64_t id;
	struct bytes payload, body;
	int body_fd;
	int fd; /* lent; -1 = none */
};

/* wire_frame_encode: the packet's bytes and its descriptors. fds_out[i] that are own_out[i] must be closed by the
 * caller once the packet was sent. ERR_LIMIT, ERR_IO (no memory file). */
MUST_USE bool wire_frame_encode(const struct wire_out *o, struct buf *packet,
    int fds_out[OS_PACKET_FDS_MAX], bool own_out[OS_PACKET_FDS_MAX], size_t *fd_count_out,
    struct err *err);
/* wire_frame_decode: descriptors are taken in every case. ERR_SYNTAX, ERR_DENIED (unsealed), ERR_LIMIT. */
MUST_USE bool wire_frame_decode(
    struct bytes packet, int fds[OS_PACKET_FDS_MAX], struct wire_frame **out, struct err *err);

#endif
