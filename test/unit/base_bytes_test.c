/* SPDX-License-Identifier: Apache-2.0 */
/* Views by rows; the buffer's ceiling at its edges; the cursor takes or refuses, at every cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base_bytes.h"
#include "base_mem.h"
#include "base_rng.h"

struct find_row {
	const char *name, *in, *needle;
	size_t from, at;
};

static const struct find_row find_rows[] = {
    {"at the start", "abcabc", "abc", 0, 0},
    {"after from", "abcabc", "abc", 1, 3},
    {"at the very end", "abcabc", "c", 5, 5},
    {"absent", "abcabc", "abd", 0, SIZE_MAX},
    {"longer than the text", "ab", "abc", 0, SIZE_MAX},
    {"empty needle", "ab", "", 1, 1},
    {"empty needle at the end", "ab", "", 2, 2},
    {"from past the end", "ab", "", 3, SIZE_MAX},
    {"in nothing", "", "a", 0, SIZE_MAX},
};

static void
finds(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof find_rows / sizeof *find_rows; i++) {
		const struct find_row *row = &find_rows[i];
		size_t at = bytes_find(bytes_of_str(row->in), row->from, bytes_of_str(row->needle));

		if (at != row->at)
			fail_msg("%s: at %zu", row->name, at);
	}
	assert_int_equal(bytes_find_byte(BYTES_LIT("a:b:c"), 2, ':'), 3);
	assert_true(bytes_find_byte(BYTES_LIT("a:b:c"), 4, ':') == SIZE_MAX);
	assert_true(bytes_find_byte(BYTES_EMPTY, 0, 0) == SIZE_MAX);
}

struct compare_row {
	const char *name, *a, *b;
	bool equal, nocase;
	int order;
};

static const struct compare_row compare_rows[] = {
    {"same", "abc", "abc", true, true, 0},
    {"case", "aBc", "AbC", false, true, 1},
    {"prefix is first", "ab", "abc", false, false, -1},
    {"longer is last", "abc", "ab", false, false, 1},
    {"both empty", "", "", true, true, 0},
    {"only ASCII letters fold", "[", "{", false, false, -1},
    {"bytes are unsigned", "\x7f", "\x80", false, false, -1},
    {"high bytes do not fold", "\xc4", "\xe4", false, false, -1},
};

static void
compares(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof compare_rows / sizeof *compare_rows; i++) {
		const struct compare_row *row = &compare_rows[i];
		struct bytes a = bytes_of_str(row->a), b = bytes_of_str(row->b);
		int order = bytes_compare(a, b), back = bytes_compare(b, a);

		if (bytes_equal(a, b) != row->equal || bytes_equal_secret(a, b) != row->equal ||
		    bytes_equal_nocase(a, b) != row->nocase)
			fail_msg("%s: equality", row->name);
		if ((order > 0) - (order < 0) != row->order ||
		    (back > 0) - (back < 0) != -row->order)
			fail_msg("%s: order %d, back %d", row->name, order, back);
	}
}

static void
prefixes_and_slices(void **state)
{
	struct bytes s = BYTES_LIT("Hello");

	(void)state;
	assert_true(bytes_starts_with(s, BYTES_LIT("He")));
	assert_true(bytes_starts_with(s, BYTES_EMPTY));
	assert_false(bytes_starts_with(s, BYTES_LIT("he")));
	assert_true(bytes_starts_with_nocase(s, BYTES_LIT("hE")));
	assert_false(bytes_starts_with(s, BYTES_LIT("Hello!")));
	assert_true(bytes_ends_with(s, BYTES_LIT("llo")));
	assert_true(bytes_ends_with(s, s));
	assert_false(bytes_ends_with(s, BYTES_LIT("oHello")));
	assert_true(bytes_equal(bytes_slice(s, 1, 3), BYTES_LIT("ell")));
	assert_true(bytes_equal(bytes_slice(s, 3, SIZE_MAX), BYTES_LIT("lo")));
	assert_int_equal(bytes_slice(s, 5, 1).len, 0);
	assert_int_equal(bytes_slice(s, SIZE_MAX, SIZE_MAX).len, 0);
	assert_true(bytes_equal(bytes_trim(BYTES_LIT("\r\n a b\t ")), BYTES_LIT("a b")));
	assert_int_equal(bytes_trim(BYTES_LIT(" \t\r\n")).len, 0);
	assert_true(bytes_equal(bytes_trim(BYTES_LIT("\v")), BYTES_LIT("\v")));
	assert_int_equal(bytes_of_str(NULL).len, 0);
}

/* Whatever is appended: len <= cap <= max, the content is what fitted before the first that did not. */
static void
buffer_keeps_its_ceiling(void **state)
{
	struct rng_seeded seed = {1};
	struct rng rng = rng_seeded(&seed);
	uint8_t data[256];

	(void)state;
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)i;
	for (int round = 0; round < 500; round++) {
		size_t max = 1 + (size_t)rng_below(&rng, 700), want = 0;
		bool failed = false;
		struct buf b;
		struct err err;

		buf_init(&b, max);
		for (int step = 0; step < 12; step++) {
			size_t n = (size_t)rng_below(&rng, sizeof data);

			buf_append_mem(&b, data, n);
			failed = failed || (n > 0 && n > max - want);
			want += failed ? 0 : n;
			assert_int_equal(b.len, want);
			assert_true(b.len <= b.cap && b.cap <= b.max);
			assert_int_equal(b.failed, failed);
			assert_true(b.ptr == NULL || b.ptr[b.len] == '\0');
		}
		assert_int_equal(buf_ok(&b, &err), !failed);
		if (failed)
			assert_int_equal(err.code, ERR_LIMIT);
		buf_fini(&b);
		assert_int_equal(b.max, max);
	}
}

static void
buffer_forms(void **state)
{
	struct buf b;
	uint8_t *taken;
	size_t len;

	(void)state;
	buf_init(&b, 10);
	assert_string_equal(buf_text(&b), "");
	buf_printf(&b, "%d-%s", 12, "ab");
	assert_string_equal(buf_text(&b), "12-ab");
	buf_consume(&b, 3);
	assert_string_equal(buf_text(&b), "ab");
	buf_printf(&b, "%s", "12345678");
	assert_false(b.failed); /* exactly max */
	buf_append_byte(&b, 'x');
	assert_true(b.failed);
	assert_string_equal(buf_text(&b), "ab12345678");
	buf_reset(&b);
	assert_false(b.failed);
	assert_null(buf_reserve(&b, 11));
	buf_reset(&b);
	memcpy(buf_reserve(&b, 2), "yz", 2);
	buf_grow(&b, 2);
	taken = buf_take(&b, &len);
	assert_int_equal(len, 2);
	assert_string_equal((const char *)taken, "yz");
	mem_free(taken);
	assert_null(buf_take(&b, &len));
	buf_append_str(&b, "x");
	buf_reset(&b);
	assert_null(buf_take(&b, &len)); /* used and empty: nothing to free */
	assert_int_equal(len, 0);
	assert_int_equal(len, 0);
	buf_printf(&b, "%s", "12345678901");
	assert_true(b.failed && b.len == 0);
	buf_release(&b);
}

static void
write_all(struct buf *b)
{
	buf_u8(b, 0xfe);
	buf_u16(b, 0x0102);
	buf_u32(b, 0x01020304);
	buf_u64(b, UINT64_C(0x0102030405060708));
	buf_bytes16(b, BYTES_LIT("sixteen"));
	buf_bytes32(b, BYTES_LIT(""));
}

/* What was written is read; cut anywhere it fails, stays failed and yields nothing. */
static void
reader_takes_or_refuses(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	write_all(&b);
	assert_memory_equal(b.ptr + 1, "\x02\x01\x04\x03\x02\x01", 6); /* little-endian */
	for (size_t cut = 0; cut <= b.len; cut++) {
		struct reader r;
		struct bytes text, none;
		bool whole = cut == b.len;

		reader_init(&r, bytes_slice(buf_view(&b), 0, cut));
		assert_int_equal(reader_u8(&r), cut >= 1 ? 0xfe : 0);
		assert_int_equal(reader_u16(&r), cut >= 3 ? 0x0102 : 0);
		assert_int_equal(reader_u32(&r), cut >= 7 ? 0x01020304 : 0);
		assert_true(reader_u64(&r) == (cut >= 15 ? UINT64_C(0x0102030405060708) : 0));
		text = reader_bytes16(&r);
		assert_true(bytes_equal(text, cut >= 24 ? BYTES_LIT("sixteen") : BYTES_EMPTY));
		none = reader_bytes32(&r);
		assert_int_equal(none.len, 0);
		assert_int_equal(reader_ok(&r), whole);
		assert_int_equal(reader_done(&r), whole);
		(void)reader_take(&r, 0);
		assert_int_equal(reader_ok(&r), whole);
	}
	buf_fini(&b);
}

static void
lengths_that_lie(void **state)
{
	struct reader r;
	struct buf b;
	uint8_t *big = mem_calloc(1, UINT16_MAX + 1);

	(void)state;
	reader_init(&r, BYTES_LIT("\xff\xff\xff\xff"
				  "abc"));
	assert_int_equal(reader_bytes32(&r).len, 0);
	assert_false(reader_ok(&r));
	reader_init(&r, BYTES_LIT("ab"));
	(void)reader_u8(&r);
	assert_true(reader_ok(&r));
	assert_false(reader_done(&r));
	buf_init(&b, 1 << 20);
	buf_bytes16(&b, bytes_of(big, UINT16_MAX));
	assert_false(b.failed);
	buf_bytes16(&b, bytes_of(big, UINT16_MAX + 1));
	assert_true(b.failed);
	buf_fini(&b);
	mem_free(big);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(finds),
	    cmocka_unit_test(compares),
	    cmocka_unit_test(prefixes_and_slices),
	    cmocka_unit_test(buffer_keeps_its_ceiling),
	    cmocka_unit_test(buffer_forms),
	    cmocka_unit_test(reader_takes_or_refuses),
	    cmocka_unit_test(lengths_that_lie),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
