/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 text taken out of messages and made again: what is taken, what is not, and that both give the message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base_arena.h"
#include "base_limits.h"
#include "base_rng.h"
#include "pack_recipe_int.h"

#define HEADER "From: a@example.com\r\nContent-Transfer-Encoding: base64\r\n\r\n"

/* Base64 written the plain way, bit by bit. */
static void
plain_encode(struct bytes data, size_t width, const char *eol, struct buf *out)
{
	static const char A[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t bits = data.len * 8, chars = (data.len + 2) / 3 * 4;

	for (size_t i = 0; i < chars; i++) {
		unsigned v = 0;

		if (i > 0 && width > 0 && i % width == 0)
			buf_append_str(out, eol);
		for (size_t b = i * 6; b < i * 6 + 6; b++)
			v = v << 1 | (b < bits ? (data.ptr[b / 8] >> (7 - b % 8)) & 1u : 0u);
		buf_append_byte(out, i * 6 < bits ? (uint8_t)A[v] : (uint8_t)'=');
	}
}

/* Takes the message apart and puts it together again; returns the bytes that were taken out. */
static size_t
rebuild_check(struct pack_splitter *s, struct bytes message)
{
	struct pack_base64 *base64 = pack_base64_new();
	size_t from = 0, taken = 0;
	struct buf again;

	pack_splitter_message(s, message);
	assert_true(pack_splitter_check(s, message));
	buf_init(&again, 64 * LIMIT_MIB);
	for (size_t i = 0; i < s->piece_count; i++) {
		const struct pack_piece *p = &s->pieces[i];

		assert_true(p->at >= from);
		buf_append(&again, bytes_slice(message, from, p->at - from));
		pack_base64_encode(base64,
		    bytes_slice(buf_view(&s->plain), p->plain_at, p->plain_len), p->lines, &again);
		from = p->at + p->len;
		taken += p->len;
	}
	buf_append(&again, bytes_slice(message, from, SIZE_MAX));
	assert_true(bytes_equal(buf_view(&again), message));
	buf_fini(&again);
	pack_base64_free(&base64);
	return taken;
}

static void
shapes(void **state)
{
	enum taken { ALL, NONE, SOME };
	static const struct {
		const char *name, *header, *before, *eol, *after;
		size_t len, width;
		enum taken taken;
	} ROWS[] = {
	    {"76 columns", HEADER, "", "\r\n", "\r\n", 3000, 76, ALL},
	    {"76 columns, LF", "content-transfer-encoding:BASE64\n\n", "", "\n", "\n", 3000, 76,
		ALL},
	    {"72 columns", HEADER, "", "\r\n", "\r\n", 3001, 72, ALL},
	    {"64 columns", HEADER, "", "\r\n", "\r\n", 3002, 64, ALL},
	    {"60 columns", HEADER, "", "\r\n", "\r\n", 3003, 60, ALL},
	    {"80 columns", HEADER, "", "\r\n", "\r\n", 3004, 80, ALL},
	    {"61 columns: lines cut quads", HEADER, "", "\r\n", "\r\n", 3005, 61, ALL},
	    {"74 columns, LF", HEADER, "", "\n", "\n", 3006, 74, ALL},
	    {"one line", HEADER, "", "", "\r\n", 3000, 0, ALL},
	    {"one line longer than a width can say", HEADER, "", "", "", 90000, 0, ALL},
	    {"lines longer than a width can say", HEADER, "", "\r\n", "", 200000, 70000, NONE},
	    {"lines too short", HEADER, "", "\r\n", "\r\n", 3000, 12, NONE},
	    {"no final line end", HEADER, "", "\r\n", "", 3000, 76, ALL},
	    {"many line ends behind", HEADER, "", "\r\n", "\r\n\r\n\r\n\r\n", 3000, 76, ALL},
	    {"blank lines before", HEADER, "\r\n\r\n", "\r\n", "\r\n", 3000, 76, ALL},
	    {"the last line is full", HEADER, "", "\r\n", "\r\n", 57 * 40, 76, ALL},
	    {"a delimiter behind", HEADER, "", "\r\n", "\r\n--b\r\n", 3000, 76, ALL},
	    {"text behind", HEADER, "", "\r\n", "\r\n_______________\r\nlist footer\r\n", 3000, 76,
		ALL},
	    {"garbage before", HEADER, "!!!\r\n", "\r\n", "\r\n", 3000, 76, ALL},
	    {"a short line before", HEADER, "QUJD\r\n", "\r\n", "\r\n", 3000, 76, ALL},
	    {"white space at every line", HEADER, "", " \r\n", "\r\n", 3000, 76, NONE},
	    {"CR only", HEADER, "", "\r", "\r\n", 3000, 76, NONE},
	    {"small", HEADER, "", "\r\n", "\r\n", PACK_PART_BYTES_MIN - 1, 76, NONE},
	    {"just large enough", HEADER, "", "\r\n", "\r\n", PACK_PART_BYTES_MIN, 76, ALL},
	    {"no header says so", "Subject: x\r\n\r\n", "", "\r\n", "\r\n", 3000, 76, NONE},
	    {"another encoding", "Content-Transfer-Encoding: 7bit\r\n\r\n", "", "\r\n", "\r\n",
		3000, 76, NONE},
	    {"a folded header", "Content-Transfer-Encoding:\r\n\tbase64\r\nX: y\r\n\r\n", "",
		"\r\n", "\r\n", 3000, 76, ALL},
	    {"a header that never ends", "Content-Transfer-Encoding: base64\r\n", "", "\r\n",
		"\r\n", 3000, 76, NONE},
	    {"a delimiter in the header", HEADER "--b\r\n", "", "\r\n", "\r\n", 3000, 76, NONE},
	    {"wrong padding behind", HEADER, "", "\r\n", "=\r\n", 3000, 76, SOME},
	    {"padding inside", HEADER, "QUI=\r\n", "\r\n", "\r\n", 3000, 76, ALL},
	};
	struct rng_seeded seeded = {1};
	struct rng rng = rng_seeded(&seeded);
	struct pack_splitter s;
	struct arena arena;

	(void)state;
	arena_init(&arena);
	pack_splitter_init(&s);
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		uint8_t *data = arena_alloc(&arena, ROWS[i].len);
		struct buf message;
		size_t start, len, taken;

		rng_fill(&rng, data, ROWS[i].len);
		buf_init(&message, LIMIT_MIB);
		buf_append_str(&message, ROWS[i].header);
		buf_append_str(&message, ROWS[i].before);
		start = message.len;
		plain_encode(bytes_of(data, ROWS[i].len), ROWS[i].width, ROWS[i].eol, &message);
		len = message.len - start;
		buf_append_str(&message, ROWS[i].after);
		taken = rebuild_check(&s, buf_view(&message));
		if (ROWS[i].taken == ALL ? taken != len
					 : (taken > 0) != (ROWS[i].taken == SOME) || taken > len)
			fail_msg("%s: %zu of %zu taken", ROWS[i].name, taken, len);
		buf_fini(&message);
	}
	pack_splitter_fini(&s);
	arena_fini(&arena);
}

/* Bits that the padding hides would come back as zero. */
static void
hidden_bits_are_not_taken(void **state)
{
	struct pack_splitter s;
	struct buf message;

	(void)state;
	pack_splitter_init(&s);
	buf_init(&message, LIMIT_MIB);
	buf_append_str(&message, HEADER);
	for (size_t i = 0; i < 20 * 76; i++)
		buf_append_byte(&message, (uint8_t)('A' + i % 26));
	buf_append_str(&message, "QQ=="); /* these are good; "QR==" would hide a bit */
	assert_int_equal(rebuild_check(&s, buf_view(&message)), 20 * 76 + 4);
	message.ptr[message.len - 3] = 'R';
	assert_int_equal(rebuild_check(&s, buf_view(&message)), 0);
	buf_fini(&message);
	pack_splitter_fini(&s);
}

/* Damage anywhere in the text: the message comes back, and what stands before the damage is still taken. */
static void
garbage_at_every_line(void **state)
{
	static const size_t WIDTHS[] = {76, 61, 64};
	static const uint8_t GARBAGE[] = {'*', 0, '=', ' ', '\n', '\r', 0xff};
	struct rng_seeded seeded = {2};
	struct rng rng = rng_seeded(&seeded);
	struct pack_splitter s;
	uint8_t data[4000];

	(void)state;
	rng_fill(&rng, data, sizeof data);
	pack_splitter_init(&s);
	for (size_t w = 0; w < sizeof WIDTHS / sizeof *WIDTHS; w++)
		for (size_t g = 0; g < sizeof GARBAGE; g++) {
			struct buf message;

			buf_init(&message, LIMIT_MIB);
			buf_append_str(&message, HEADER);
			plain_encode(bytes_of(data, sizeof data), WIDTHS[w], "\r\n", &message);
			for (size_t at = sizeof HEADER; at < message.len; at += 41) {
				uint8_t was = message.ptr[at];

				message.ptr[at] = GARBAGE[g];
				(void)rebuild_check(&s, buf_view(&message));
				message.ptr[at] = was;
			}
			buf_fini(&message);
		}
	pack_splitter_fini(&s);
}

/* Random multiparts: headers, encodings and texts in any order, whole or cut. */
static void
random_messages_come_back(void **state)
{
	static const char *const PIECES[] = {"--b\r\n", "--b--\r\n", "\r\n", "\n", HEADER,
	    "Content-Type: text/plain\r\n", "Content-Transfer-Encoding: base64\n\n",
	    "hello there\r\n", "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=\r\n", "==", "="};
	struct rng_seeded seeded = {3};
	struct rng rng = rng_seeded(&seeded);
	struct pack_splitter s;
	uint8_t data[2000];
	size_t taken = 0;

	(void)state;
	rng_fill(&rng, data, sizeof data);
	pack_splitter_init(&s);
	for (unsigned round = 0; round < 3000; round++) {
		size_t pieces = rng_below(&rng, 12);
		struct buf message;

		buf_init(&message, LIMIT_MIB);
		for (size_t i = 0; i < pieces; i++) {
			if (rng_below(&rng, 3) > 0)
				buf_append_str(&message,
				    PIECES[rng_below(&rng, sizeof PIECES / sizeof *PIECES)]);
			else
				plain_encode(bytes_of(data, rng_below(&rng, sizeof data)),
				    rng_below(&rng, 100), rng_below(&rng, 4) == 0 ? "\n" : "\r\n",
				    &message);
		}
		taken += rebuild_check(
		    &s, bytes_slice(buf_view(&message), 0, rng_below(&rng, message.len + 1)));
		buf_fini(&message);
	}
	assert_true(taken > 100000);
	pack_splitter_fini(&s);
}

static void
recipes_that_are_none(void **state)
{
	static const struct {
		const char *name;
		uint16_t width;
		uint8_t flags;
		size_t len;
		bool good;
	} ROWS[] = {
	    {"lines of 76, CRLF", 76, 0, PACK_RECIPE_BYTES, true},
	    {"lines of 16, LF", 16, 1, PACK_RECIPE_BYTES, true},
	    {"one line", 0, 0, PACK_RECIPE_BYTES, true},
	    {"one line that ends in LF", 0, 1, PACK_RECIPE_BYTES, false},
	    {"lines of 15", 15, 0, PACK_RECIPE_BYTES, false},
	    {"an unknown flag", 76, 2, PACK_RECIPE_BYTES, false},
	    {"cut", 76, 0, PACK_RECIPE_BYTES - 1, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		struct pack_recipe recipe;
		struct reader r;
		struct buf b;
		struct err err;

		buf_init(&b, PACK_RECIPE_BYTES);
		buf_u32(&b, 1);
		buf_u32(&b, 2);
		buf_u16(&b, ROWS[i].width);
		buf_u8(&b, ROWS[i].flags);
		reader_init(&r, bytes_slice(buf_view(&b), 0, ROWS[i].len));
		if (pack_recipe_decode(&r, &recipe, &err) != ROWS[i].good)
			fail_msg("%s", ROWS[i].name);
		buf_fini(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(shapes),
	    cmocka_unit_test(hidden_bits_are_not_taken),
	    cmocka_unit_test(garbage_at_every_line),
	    cmocka_unit_test(random_messages_come_back),
	    cmocka_unit_test(recipes_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
