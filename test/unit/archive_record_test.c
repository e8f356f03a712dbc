/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of the intake log: headers, frames and receptions go there and back, and no changed byte passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pack_columns.h"
#include "archive_record_int.h"
#include "crypt_digest.h"

static struct err err;

static struct archive_log_header
header_of(enum archive_log_state state, uint64_t sequence)
{
	struct archive_log_header h = {.state = state, .sequence = sequence};

	memset(h.salt, (int)sequence, sizeof h.salt);
	if (state == ARCHIVE_LOG_IN_USE)
		h.wrapped_key = BYTES_LIT("wrapped");
	return h;
}

static void
header_round_trips(void **state)
{
	struct archive_log_header in = header_of(ARCHIVE_LOG_IN_USE, 7), out;
	struct buf b;

	(void)state;
	buf_init(&b, ARCHIVE_LOG_START);
	archive_record_header_encode(&in, &b);
	assert_int_equal(b.len, ARCHIVE_LOG_START);
	assert_true(archive_record_header_decode(buf_view(&b), &out, &err));
	assert_int_equal(out.state, in.state);
	assert_int_equal(out.sequence, 7);
	assert_true(bytes_equal(out.wrapped_key, in.wrapped_key));
	assert_memory_equal(out.salt, in.salt, sizeof in.salt);
	buf_fini(&b);
}

/* What the two pages of a file may hold, and which one counts. */
static void
header_prefers_the_newer_copy(void **state)
{
	static const struct {
		const char *name;
		enum archive_log_state first, second;
		uint64_t first_sequence, second_sequence; /* 0: the page is damaged */
		uint64_t sequence;
		enum archive_log_state expected;
	} ROWS[] = {
	    {"same", ARCHIVE_LOG_IN_USE, ARCHIVE_LOG_IN_USE, 3, 3, 3, ARCHIVE_LOG_IN_USE},
	    {"recycling was torn", ARCHIVE_LOG_IN_USE, ARCHIVE_LOG_FREE, 9, 3, 9,
		ARCHIVE_LOG_IN_USE},
	    {"the second one first", ARCHIVE_LOG_FREE, ARCHIVE_LOG_IN_USE, 3, 9, 9,
		ARCHIVE_LOG_IN_USE},
	    {"freeing was torn", ARCHIVE_LOG_FREE, ARCHIVE_LOG_IN_USE, 5, 5, 5, ARCHIVE_LOG_FREE},
	    {"freeing was torn, other way", ARCHIVE_LOG_IN_USE, ARCHIVE_LOG_FREE, 5, 5, 5,
		ARCHIVE_LOG_FREE},
	    {"first damaged", ARCHIVE_LOG_FREE, ARCHIVE_LOG_IN_USE, 0, 4, 4, ARCHIVE_LOG_IN_USE},
	    {"second damaged", ARCHIVE_LOG_IN_USE, ARCHIVE_LOG_FREE, 4, 0, 4, ARCHIVE_LOG_IN_USE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		struct archive_log_header a = header_of(ROWS[i].first, ROWS[i].first_sequence);
		struct archive_log_header b = header_of(ROWS[i].second, ROWS[i].second_sequence),
					  out;
		struct buf one, two;

		print_message("  %s\n", ROWS[i].name);
		buf_init(&one, ARCHIVE_LOG_START);
		buf_init(&two, ARCHIVE_LOG_START);
		archive_record_header_encode(&a, &one);
		archive_record_header_encode(&b, &two);
		memcpy(one.ptr + ARCHIVE_LOG_PAGE_BYTES, two.ptr, ARCHIVE_LOG_PAGE_BYTES);
		if (ROWS[i].first_sequence == 0)
			one.ptr[20] ^= 1;
		if (ROWS[i].second_sequence == 0)
			one.ptr[ARCHIVE_LOG_PAGE_BYTES + 20] ^= 1;
		assert_true(archive_record_header_decode(buf_view(&one), &out, &err));
		assert_int_equal(out.sequence, ROWS[i].sequence);
		assert_int_equal(out.state, ROWS[i].expected);
		buf_fini(&one);
		buf_fini(&two);
	}
}

static void
header_refuses(void **state)
{
	struct archive_log_header in = header_of(ARCHIVE_LOG_IN_USE, 7), out;
	struct buf b;

	(void)state;
	buf_init(&b, ARCHIVE_LOG_START);
	archive_record_header_encode(&in, &b);
	for (size_t i = 0; i < 64; i++) {
		b.ptr[i] ^= 0x40;
		b.ptr[ARCHIVE_LOG_PAGE_BYTES + i] ^= 0x40;
		if (archive_record_header_decode(buf_view(&b), &out, &err))
			fail_msg("byte %zu was changed and accepted", i);
		assert_int_equal(err.code, i >= 8 && i < 12 ? ERR_UNSUPPORTED : ERR_CORRUPT);
		b.ptr[i] ^= 0x40;
		b.ptr[ARCHIVE_LOG_PAGE_BYTES + i] ^= 0x40;
		if (i == 48)
			break; /* header bytes end: 42 + "wrapped" */
	}
	for (size_t len = 0; len < 53; len++)
		assert_false(
		    archive_record_header_decode(bytes_slice(buf_view(&b), 0, len), &out, &err));
	memset(b.ptr, 0, b.len);
	assert_false(archive_record_header_decode(buf_view(&b), &out, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	buf_fini(&b);
}

static const uint8_t SALT[ARCHIVE_LOG_SALT_BYTES] = {1, 2, 3, 4, 5, 6, 7, 8};

static void
frame_refuses_every_changed_bit(void **state)
{
	struct archive_frame in = {
	    .kind = ARCHIVE_FRAME_RECORD, .length = 1000, .counter = 77, .payload_crc = 5};
	uint8_t bytes[ARCHIVE_FRAME_BYTES], other[ARCHIVE_LOG_SALT_BYTES];
	struct archive_frame out;

	(void)state;
	archive_record_frame_encode(&in, SALT, bytes);
	assert_true(archive_record_frame_decode(bytes_of(bytes, sizeof bytes), SALT, &out));
	assert_int_equal(out.length, 1000);
	assert_int_equal(out.counter, 77);
	for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(
		    archive_record_frame_decode(bytes_of(bytes, sizeof bytes), SALT, &out));
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	/* The same file with its first four salt bytes equal: the checksum still knows. */
	memcpy(other, SALT, sizeof other);
	other[9] ^= 1;
	assert_false(archive_record_frame_decode(bytes_of(bytes, sizeof bytes), other, &out));
	for (size_t len = 0; len < sizeof bytes; len++)
		assert_false(archive_record_frame_decode(bytes_of(bytes, len), SALT, &out));
}

static struct archive_reception
reception(const struct archive_delivery *deliveries, size_t count)
{
	return (struct archive_reception){.received_ms = 1234567,
	    .columns = {.subject = BYTES_LIT("hello"), .has_attachments = true},
	    .body = BYTES_LIT("Subject: hello\r\n\r\nbody\0with nul\r"),
	    .deliveries = deliveries,
	    .delivery_count = count};
}

static void
record_round_trips(void **state)
{
	const struct bytes RECIPIENTS[] = {BYTES_LIT("a@example.com"), BYTES_LIT("b@example.com")};
	struct archive_delivery deliveries[2] = {
	    {.archive_id = "a-one",
		.retention = PACK_RETENTION_ONE_YEAR,
		.recipients = RECIPIENTS,
		.recipient_count = 1},
	    {.archive_id = "a-two",
		.retention = PACK_RETENTION_PERMANENT,
		.recipients = RECIPIENTS,
		.recipient_count = 2,
		.added_headers = BYTES_LIT("X-Added: yes\r\n")},
	};
	struct archive_reception in = reception(deliveries, 2);
	struct archive_record out;
	struct pack_row row;
	struct arena arena;
	struct reader r;
	struct buf plain;
	uint8_t digest[32];

	(void)state;
	deliveries[0].id.raw[0] = 1;
	deliveries[1].id.raw[0] = 2;
	arena_init(&arena);
	buf_init(&plain, 1 << 20);
	assert_true(archive_record_encode(&in, &plain, &err));
	assert_true(archive_record_decode(buf_view(&plain), &arena, &out, &err));
	assert_int_equal(out.delivery_count, 2);
	assert_true(bytes_equal(out.body, in.body));
	assert_true(bytes_equal(out.deliveries[1].archive_id, BYTES_LIT("a-two")));
	assert_true(bytes_equal(out.deliveries[1].added_headers, BYTES_LIT("X-Added: yes\r\n")));
	reader_init(&r, out.deliveries[0].row);
	assert_true(pack_row_decode(&r, &arena, &row, &err));
	crypt_sha256(digest, in.body);
	assert_memory_equal(row.sha256, digest, sizeof digest);
	assert_int_equal(row.size_bytes, in.body.len);
	assert_true(row.columns.has_attachments);
	reader_init(&r, out.deliveries[1].row);
	assert_true(pack_row_decode(&r, &arena, &row, &err));
	assert_int_equal(row.size_bytes, in.body.len + 14);
	assert_int_equal(row.recipient_count, 2);
	assert_true(bytes_equal(row.columns.subject, BYTES_LIT("hello")));
	for (size_t len = 0; len < plain.len - in.body.len; len++)
		assert_false(archive_record_decode(
		    bytes_slice(buf_view(&plain), 0, len), &arena, &out, &err));
	buf_fini(&plain);
	arena_fini(&arena);
}

static void
record_seals_and_notices(void **state)
{
	struct secret *key = secret_new(CRYPT_KEY_BYTES);
	struct crypt_sealer *sealer = crypt_sealer_new(key);
	struct buf sealed, plain;

	(void)state;
	buf_init(&sealed, 1 << 16);
	buf_init(&plain, 1 << 16);
	archive_record_seal(sealer, SALT, 3, BYTES_LIT("a message that nobody reads"), &sealed);
	assert_int_equal(bytes_find(buf_view(&sealed), 0, BYTES_LIT("nobody")), SIZE_MAX);
	assert_true(archive_record_unseal(sealer, SALT, buf_view(&sealed), &plain, &err));
	assert_true(bytes_equal(buf_view(&plain), BYTES_LIT("a message that nobody reads")));
	for (size_t i = 0; i < sealed.len; i++) {
		sealed.ptr[i] ^= 1;
		buf_reset(&plain);
		assert_false(archive_record_unseal(sealer, SALT, buf_view(&sealed), &plain, &err));
		assert_int_equal(plain.len, 0);
		sealed.ptr[i] ^= 1;
	}
	buf_fini(&sealed);
	buf_fini(&plain);
	crypt_sealer_free(&sealer);
	secret_free(&key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(header_round_trips),
	    cmocka_unit_test(header_prefers_the_newer_copy),
	    cmocka_unit_test(header_refuses),
	    cmocka_unit_test(frame_refuses_every_changed_bit),
	    cmocka_unit_test(record_round_trips),
	    cmocka_unit_test(record_seals_and_notices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
