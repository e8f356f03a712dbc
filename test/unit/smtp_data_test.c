/* SPDX-License-Identifier: Apache-2.0 */
/* DATA and BDAT scanners against rows, against every cut, and against a slow model that anybody can read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base_mem.h"
#include "base_rng.h"
#include "smtp_bdat.h"
#include "smtp_data.h"
#include "smtp_trace.h"

#define NUL SMTP_FLAG_NUL
#define LF  SMTP_FLAG_BARE_LF
#define CR  SMTP_FLAG_BARE_CR

struct row {
	const char *name;
	struct bytes wire, kept;
	unsigned flags;
	size_t behind; /* octets after the end; SIZE_MAX: no end */
};

#define B(s)                                                                                       \
	{                                                                                          \
		(const uint8_t *)(s), sizeof(s) - 1                                                \
	}

static const struct row rows[] = {
    {"empty message", B(".\r\n"), B(""), 0, 0},
    {"one line", B("a\r\n.\r\n"), B("a\r\n"), 0, 0},
    {"bytes behind", B("a\r\n.\r\nQUIT\r\n"), B("a\r\n"), 0, 6},
    {"not yet ended", B("a\r\n.\r"), B("a\r\n"), 0, SIZE_MAX},
    {"stuffed dot", B("..\r\n.\r\n"), B(".\r\n"), 0, 0},
    {"leading dot", B(".a\r\n.\r\n"), B("a\r\n"), 0, 0},
    {"two stuffed", B("...\r\n.\r\n"), B("..\r\n"), 0, 0},
    {"dot in text", B("a.b\r\n.\r\n"), B("a.b\r\n"), 0, 0},
    {"LF . LF", B("a\n.\nb\r\n.\r\n"), B("a\n.\nb\r\n"), LF, 0},
    {"LF . CRLF", B("a\n.\r\nb\r\n.\r\n"), B("a\n.\r\nb\r\n"), LF, 0},
    {"CR . CRLF", B("a\r.\r\nb\r\n.\r\n"), B("a\r.\r\nb\r\n"), CR, 0},
    {"CR . CR", B("a\r.\rb\r\n.\r\n"), B("a\r.\rb\r\n"), CR, 0},
    {"CRLF . LF", B("a\r\n.\nb\r\n.\r\n"), B("a\r\n\nb\r\n"), LF, 0},
    {"CRLF . CR", B("a\r\n.\rb\r\n.\r\n"), B("a\r\n\rb\r\n"), CR, 0},
    {"CRLF NUL . CRLF", B("a\r\n\0.\r\nb\r\n.\r\n"), B("a\r\n\0.\r\nb\r\n"), NUL, 0},
    {"CRLF . CR CRLF", B("a\r\n.\r\r\nb\r\n.\r\n"), B("a\r\n\r\r\nb\r\n"), CR, 0},
    {"CR CRLF", B("a\r\r\n.\r\n"), B("a\r\r\n"), CR, 0},
    {"LF CR", B("a\n\r\r\n.\r\n"), B("a\n\r\r\n"), LF | CR, 0},
    {"dot CR dot", B(".\r.\r\n.\r\n"), B("\r.\r\n"), CR, 0},
    {"only CRLF", B("\r\n\r\n.\r\n"), B("\r\n\r\n"), 0, 0},
    {"8-bit", B("\xff\x80\r\n.\r\n"), B("\xff\x80\r\n"), 0, 0},
};

/* scan: everything through the scanner in pieces of the given size; returns what was left behind. */
static size_t
scan(struct bytes wire, size_t first, size_t step, struct buf *kept, unsigned *flags, bool *ended)
{
	struct smtp_data d;
	size_t at = 0;

	smtp_data_init(&d);
	while (at < wire.len && d.state != SMTP_DATA_END) {
		struct bytes piece = bytes_slice(wire, at, at == 0 && first > 0 ? first : step);
		struct bytes input = piece;

		while (input.len > 0 && d.state != SMTP_DATA_END) {
			struct bytes run = smtp_data_next(&d, &input);

			buf_append(kept, run);
		}
		at += piece.len - input.len;
	}
	*flags = d.flags;
	*ended = d.state == SMTP_DATA_END;
	return wire.len - at;
}

static void
check_row(const struct row *r, size_t first, size_t step)
{
	struct buf kept;
	unsigned flags;
	bool ended;
	size_t behind;

	buf_init(&kept, 4096);
	behind = scan(r->wire, first, step, &kept, &flags, &ended);
	if (ended != (r->behind != SIZE_MAX) || (ended && behind != r->behind) ||
	    flags != r->flags || !bytes_equal(buf_view(&kept), r->kept))
		fail_msg("%s, first %zu step %zu: ended %d, behind %zu, flags %u, kept %zu",
		    r->name, first, step, ended, behind, flags, kept.len);
	buf_fini(&kept);
}

static void
test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		check_row(&rows[i], 0, SIZE_MAX);
		check_row(&rows[i], 0, 1);
		for (size_t cut = 1; cut < rows[i].wire.len; cut++)
			check_row(&rows[i], cut, SIZE_MAX);
	}
}

/* model: the end is found first, then dots are removed, then flags are read off: three loops over whole text. */
static bool
model(struct bytes wire, struct buf *kept, unsigned *flags, size_t *behind)
{
	struct bytes end = BYTES_LIT("\r\n.\r\n");
	size_t stop = bytes_starts_with(wire, BYTES_LIT(".\r\n")) ? 0 : bytes_find(wire, 0, end);

	if (stop == SIZE_MAX)
		return false;
	*behind = wire.len - (stop == 0 && wire.ptr[0] == '.' ? 3 : stop + 5);
	if (!(stop == 0 && wire.ptr[0] == '.'))
		stop += 2;
	for (size_t i = 0; i < stop; i++) {
		bool start =
		    i == 0 || (i >= 2 && wire.ptr[i - 1] == '\n' && wire.ptr[i - 2] == '\r');

		if (!(start && wire.ptr[i] == '.'))
			buf_append_byte(kept, wire.ptr[i]);
	}
	*flags = 0;
	/* On the wire, not on what is kept: a dot between CR and LF goes away, and CR and LF stay alone. */
	for (size_t i = 0; i < stop; i++) {
		uint8_t c = wire.ptr[i];

		if (c == 0)
			*flags |= NUL;
		if (c == '\n' && (i == 0 || wire.ptr[i - 1] != '\r'))
			*flags |= LF;
		if (c == '\r' && (i + 1 == stop || wire.ptr[i + 1] != '\n'))
			*flags |= CR;
	}
	return true;
}

static void
test_model(void **state)
{
	static const struct bytes words[] = {
	    B("\r\n"), B("\r\n."), B("\r"), B("\n"), B("."), B("\0"), B("a"), B(".\r\n")};
	struct rng_seeded seeded = {1};
	struct rng rng = rng_seeded(&seeded);
	size_t endings = 0;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t behind = 0, model_behind = 0, count = (size_t)rng_below(&rng, 16);
		struct buf wire, kept, model_kept;
		unsigned flags, model_flags = 0;
		bool ended, model_ended;

		buf_init(&wire, 64);
		for (size_t i = 0; i < count; i++)
			buf_append(&wire, words[rng_below(&rng, sizeof words / sizeof words[0])]);
		buf_init(&kept, 64);
		buf_init(&model_kept, 64);
		behind =
		    scan(buf_view(&wire), 0, 1 + (size_t)rng_below(&rng, 5), &kept, &flags, &ended);
		model_ended = model(buf_view(&wire), &model_kept, &model_flags, &model_behind);
		assert_int_equal(ended, model_ended);
		if (ended) {
			endings++;
			assert_int_equal(behind, model_behind);
			assert_int_equal(flags, model_flags);
			assert_true(bytes_equal(buf_view(&kept), buf_view(&model_kept)));
		}
		buf_fini(&wire);
		buf_fini(&kept);
		buf_fini(&model_kept);
	}
	assert_true(endings > 500);
}

static void
test_bdat_parse(void **state)
{
	static const struct {
		const char *text;
		bool good, last;
		uint64_t bytes;
	} sizes[] = {
	    {"0", true, false, 0},
	    {"0 LAST", true, true, 0},
	    {"12 last", true, true, 12},
	    {"18446744073709551615", true, false, UINT64_MAX},
	    {"18446744073709551616", false, false, 0},
	    {"", false, false, 0},
	    {"-1", false, false, 0},
	    {"x", false, false, 0},
	    {"1 FIRST", false, false, 0},
	    {"1 LAST LAST", false, false, 0},
	    {"1  LAST", false, false, 0},
	    {" 1", false, false, 0},
	    {"1 ", false, false, 0},
	    {"+1", false, false, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct smtp_bdat b;
		bool good;

		smtp_bdat_init(&b);
		good = smtp_bdat_parse(&b, bytes_of_str(sizes[i].text));
		if (good != sizes[i].good || b.last != sizes[i].last ||
		    b.left_bytes != sizes[i].bytes)
			fail_msg("'%s': %d %d %llu", sizes[i].text, good, b.last,
			    (unsigned long long)b.left_bytes);
	}
}

static unsigned
bdat_flags(struct bytes data, size_t step)
{
	struct smtp_bdat b;

	smtp_bdat_init(&b);
	b.left_bytes = data.len;
	while (data.len > 0) {
		struct bytes piece = bytes_slice(data, 0, step), input = piece;
		struct bytes run = smtp_bdat_next(&b, &input);

		assert_true(run.len == piece.len && input.len == 0);
		data = bytes_slice(data, piece.len, data.len);
	}
	assert_true(b.left_bytes == 0);
	smtp_bdat_end(&b);
	return b.flags;
}

static void
test_bdat_flags(void **state)
{
	static const struct {
		struct bytes data;
		unsigned flags;
	} chunks[] = {
	    {B(""), 0},
	    {B("a\r\nb\r\n"), 0},
	    {B("\n"), LF},
	    {B("\r"), CR},
	    {B("a\rb"), CR},
	    {B("a\nb"), LF},
	    {B("\r\r\n"), CR},
	    {B("\n\r"), LF | CR},
	    {B("a\0"), NUL},
	    {B("\r\n\r\n.\r\n"), 0},
	    {B("\r\n\n"), LF},
	};

	(void)state;
	for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
		for (size_t step = 1; step < 8; step++)
			assert_int_equal(bdat_flags(chunks[i].data, step), chunks[i].flags);
	}
}

static void
test_bdat_leaves_the_rest(void **state)
{
	struct smtp_bdat b;
	struct bytes input = BYTES_LIT("abcQUIT"), run;

	(void)state;
	smtp_bdat_init(&b);
	assert_true(smtp_bdat_parse(&b, BYTES_LIT("3")));
	run = smtp_bdat_next(&b, &input);
	assert_true(bytes_equal(run, BYTES_LIT("abc")));
	assert_true(bytes_equal(input, BYTES_LIT("QUIT")));
}

static void
test_trace(void **state)
{
	static const struct {
		const char *text;
		unsigned count;
	} headers[] = {
	    {"", 0},
	    {"Received: x\r\n", 1},
	    {"RECEIVED:x\r\nReceived: y\r\n", 2},
	    {"X-Received: x\r\n", 0},
	    {"Received : x\r\n", 0},
	    {" Received: x\r\n", 0},
	    {"Receive\r\nReceived:", 1},
	    {"Received: x\r\n\r\nReceived: body\r\n", 1},
	    {"Received: x\n\nReceived: body\n", 1},
	    {"\r\nReceived: body\r\n", 0},
	    {"\rReceived: x\r\nReceived: y\r\n", 1},
	    {"Receivedd: x\r\n", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
		struct bytes all = bytes_of_str(headers[i].text);

		for (size_t step = 1; step <= all.len + 1; step++) {
			struct smtp_trace t;

			smtp_trace_init(&t);
			for (size_t at = 0; at < all.len; at += step)
				smtp_trace_feed(&t, bytes_slice(all, at, step));
			if (t.received_count != headers[i].count)
				fail_msg("'%s' in steps of %zu: %u", headers[i].text, step,
				    t.received_count);
		}
	}
}

/* test_speed: prints, never judges. */
static void
test_speed(void **state)
{
	const size_t size = (size_t)32 * 1024 * 1024;
	uint8_t *text = mem_alloc(size);
	struct timespec from, to;
	struct smtp_data d;
	size_t kept = 0;
	double seconds;

	(void)state;
	for (size_t i = 0; i < size; i++)
		text[i] = i % 78 == 76 ? '\r' : i % 78 == 77 ? '\n' : 'x';
	smtp_data_init(&d);
	(void)clock_gettime(CLOCK_MONOTONIC, &from);
	for (size_t at = 0; at < size; at += 65536) {
		struct bytes input = bytes_slice(bytes_of(text, size), at, 65536);

		while (input.len > 0)
			kept += smtp_data_next(&d, &input).len;
	}
	(void)clock_gettime(CLOCK_MONOTONIC, &to);
	seconds = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
	printf("DATA: %.2f GB/s of 76-column text\n", (double)size / seconds / 1e9);
	assert_int_equal(kept, size);
	mem_free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_model),
	    cmocka_unit_test(test_bdat_parse),
	    cmocka_unit_test(test_bdat_flags),
	    cmocka_unit_test(test_bdat_leaves_the_rest),
	    cmocka_unit_test(test_trace),
	    cmocka_unit_test(test_speed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
