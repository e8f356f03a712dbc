/* SPDX-License-Identifier: Apache-2.0 */
/* Frames and their payloads: round trips at the limits, and refusal of everything damaged (docs/formats/wire.md). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base_mem.h"
#include "wire_frame.h"
#include "wire_http.h"
#include "wire_mail.h"

static void
round_trip(size_t payload_len, size_t body_len)
{
	uint8_t *payload = mem_calloc(1, payload_len), *body = mem_calloc(1, body_len);
	struct wire_out o = {.kind = WIRE_MAIL, .id = 77, .body_fd = -1, .fd = -1};
	int fds[OS_PACKET_FDS_MAX] = {-1, -1, -1, -1};
	bool own[OS_PACKET_FDS_MAX];
	struct wire_frame *f;
	struct buf packet;
	size_t count;
	struct err err;

	memset(payload, 'p', payload_len);
	memset(body, 'b', body_len);
	o.payload = bytes_of(payload, payload_len);
	o.body = bytes_of(body, body_len);
	buf_init(&packet, OS_PACKET_BYTES_MAX);
	assert_true(wire_frame_encode(&o, &packet, fds, own, &count, &err));
	assert_true(packet.len <= OS_PACKET_BYTES_MAX);
	assert_true(wire_frame_decode(buf_view(&packet), fds, &f, &err));
	assert_int_equal(f->kind, WIRE_MAIL);
	assert_int_equal(f->id, 77);
	assert_true(bytes_equal(f->payload, o.payload));
	assert_true(bytes_equal(f->body, o.body));
	wire_frame_free(&f);
	assert_null(f);
	buf_fini(&packet);
	mem_free(payload);
	mem_free(body);
}

static void
sizes_around_the_limits_survive(void **state)
{
	static const size_t SIZES[] = {
	    0, 1, 20000, WIRE_INLINE_BYTES, WIRE_INLINE_BYTES + 1, 200000};

	(void)state;
	for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++)
		for (size_t j = 0; j < sizeof SIZES / sizeof *SIZES; j++)
			round_trip(SIZES[i], SIZES[j]);
}

/* W1, W5 */
static void
damaged_headers_are_refused(void **state)
{
	struct wire_out o = {.kind = WIRE_READY, .id = 1, .body_fd = -1, .fd = -1};
	int fds[OS_PACKET_FDS_MAX] = {-1, -1, -1, -1};
	bool own[OS_PACKET_FDS_MAX];
	struct wire_frame *f;
	struct buf packet;
	size_t count;
	struct err err;

	(void)state;
	buf_init(&packet, 4096);
	assert_true(wire_frame_encode(&o, &packet, fds, own, &count, &err));
	for (size_t at = 0; at < 8; at++) {
		packet.ptr[at] ^= 0xff;
		assert_false(wire_frame_decode(buf_view(&packet), fds, &f, &err));
		assert_null(f);
		packet.ptr[at] ^= 0xff;
	}
	for (size_t len = 0; len < packet.len; len++)
		assert_false(wire_frame_decode(bytes_of(packet.ptr, len), fds, &f, &err));
	buf_fini(&packet);
}

/* W2 */
static void
unsealed_memory_files_are_refused(void **state)
{
	struct wire_out o = {.kind = WIRE_MAIL, .id = 1, .fd = -1};
	int fds[OS_PACKET_FDS_MAX] = {-1, -1, -1, -1};
	bool own[OS_PACKET_FDS_MAX];
	struct wire_frame *f;
	struct buf packet;
	size_t count;
	struct err err;

	(void)state;
	buf_init(&packet, 4096);
	assert_true(os_memfile_new(&o.body_fd, &err));
	assert_true(os_memfile_append(o.body_fd, BYTES_LIT("x"), &err));
	assert_true(wire_frame_encode(&o, &packet, fds, own, &count, &err));
	assert_false(wire_frame_decode(buf_view(&packet), fds, &f, &err));
	assert_int_equal(err.code, ERR_DENIED);
	buf_fini(&packet);
}

static void
mail_round_trip(void **state)
{
	struct bytes rcpt[2] = {BYTES_LIT("a@b.test"), BYTES_LIT("\"q q\"@b.test")};
	struct bytes dns[1] = {BYTES_LIT("mx.test")};
	struct wire_mail m = {.received_ms = 1700000000123,
	    .ingress_point_id = BYTES_LIT("inp-x"),
	    .peer_family = 4,
	    .peer_ip = {127, 0, 0, 1},
	    .recipients = rcpt,
	    .recipient_count = 2,
	    .has_certificate = true,
	    .certificate = {.common_name = BYTES_LIT("cn"), .san_dns = dns, .san_dns_count = 1},
	    .data_flags = WIRE_MAIL_NUL,
	    .traffic_explanation = BYTES_LIT("[]")};
	struct wire_mail back;
	struct arena arena;
	struct buf b;
	struct err err;

	(void)state;
	arena_init(&arena);
	buf_init(&b, 65536);
	wire_mail_encode(&m, &b);
	assert_true(wire_mail_decode(buf_view(&b), &arena, &back, &err));
	assert_true(back.received_ms == m.received_ms);
	assert_int_equal(back.recipient_count, 2);
	assert_true(bytes_equal(back.recipients[1], rcpt[1]));
	assert_true(bytes_equal(back.certificate.san_dns[0], dns[0]));
	assert_int_equal(back.data_flags, WIRE_MAIL_NUL);
	/* W4 */
	for (size_t len = 0; len < b.len; len++)
		assert_false(wire_mail_decode(bytes_of(b.ptr, len), &arena, &back, &err));
	buf_append_byte(&b, 0);
	assert_false(wire_mail_decode(buf_view(&b), &arena, &back, &err));
	buf_fini(&b);
	arena_fini(&arena);
}

static void
http_round_trip(void **state)
{
	struct wire_http_header headers[2] = {
	    {BYTES_LIT("host"), BYTES_LIT("x")}, {BYTES_LIT("a"), BYTES_EMPTY}};
	struct wire_http_request q = {.method = BYTES_LIT("POST"),
				     .target = BYTES_LIT("/"),
				     .peer = BYTES_LIT("unix"),
				     .local = true,
				     .peer_uid = 1000,
				     .headers = headers,
				     .header_count = 2},
				 back;
	struct wire_http_response p = {.status = 200, .headers = headers, .header_count = 2},
				  answer;
	struct arena arena;
	struct buf b;
	struct err err;

	(void)state;
	arena_init(&arena);
	buf_init(&b, 65536);
	wire_http_request_encode(&q, &b);
	assert_true(wire_http_request_decode(buf_view(&b), &arena, &back, &err));
	assert_true(back.local);
	assert_int_equal(back.peer_uid, 1000);
	assert_int_equal(back.header_count, 2);
	for (size_t len = 0; len < b.len; len++)
		assert_false(wire_http_request_decode(bytes_of(b.ptr, len), &arena, &back, &err));
	buf_reset(&b);
	wire_http_response_encode(&p, &b);
	assert_true(wire_http_response_decode(buf_view(&b), &arena, &answer, &err));
	assert_int_equal(answer.status, 200);
	buf_fini(&b);
	arena_fini(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sizes_around_the_limits_survive),
	    cmocka_unit_test(damaged_headers_are_refused),
	    cmocka_unit_test(unsealed_memory_files_are_refused),
	    cmocka_unit_test(mail_round_trip),
	    cmocka_unit_test(http_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
