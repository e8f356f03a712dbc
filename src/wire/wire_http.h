/* SPDX-License-Identifier: Apache-2.0 */
/* A request handed from the http process to the core, and the answer. Bodies are the frames' bodies. */
#ifndef WIRE_HTTP_H
#define WIRE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_arena.h"
#include "base_bytes.h"

struct wire_http_header {
	struct bytes name, value;
};

struct wire_http_request {
	struct bytes method, target; /* target as on the request line */
	struct bytes peer;           /* address as text; "unix" for the local socket */
	bool local;                  /* came over the unix socket */
	uint32_t peer_uid;           /* of the local peer */
	const struct wire_http_header *headers;
	size_t header_count;
};

void wire_http_request_encode(const struct wire_http_request *r, struct buf *out);
MUST_USE bool wire_http_request_decode(
    struct bytes payload, struct arena *arena, struct wire_http_request *out, struct err *err);

struct wire_http_response {
	uint16_t status;
	const struct wire_http_header *headers;
	size_t header_count;
};
void wire_http_response_encode(const struct wire_http_response *r, struct buf *out);
MUST_USE bool wire_http_response_decode(
    struct bytes payload, struct arena *arena, struct wire_http_response *out, struct err *err);

#endif
