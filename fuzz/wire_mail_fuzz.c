/* SPDX-License-Identifier: Apache-2.0 */
/* Decoders of what an edge process may send to the core, whoever holds it. */
#include <stdint.h>

#include "wire_frame.h"
#include "wire_http.h"
#include "wire_mail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fds[OS_PACKET_FDS_MAX] = {-1, -1, -1, -1};
	struct wire_http_response response;
	struct wire_http_request request;
	struct wire_mail_reply reply;
	struct wire_frame *frame;
	struct wire_mail mail;
	struct arena arena;
	struct err err;
	struct buf again;

	arena_init(&arena);
	buf_init(&again, 1 << 24);
	if (wire_frame_decode(bytes_of(data, size), fds, &frame, &err))
		wire_frame_free(&frame);
	if (wire_mail_decode(bytes_of(data, size), &arena, &mail, &err)) {
		wire_mail_encode(&mail, &again);
		must(!again.failed);
	}
	if (wire_http_request_decode(bytes_of(data, size), &arena, &request, &err)) {
		buf_reset(&again);
		wire_http_request_encode(&request, &again);
	}
	(void)(wire_http_response_decode(bytes_of(data, size), &arena, &response, &err) ||
	       wire_mail_reply_decode(bytes_of(data, size), &reply, &err));
	buf_fini(&again);
	arena_fini(&arena);
	return 0;
}
