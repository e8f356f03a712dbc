/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a keyring (docs/formats/keyring.md). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "archive_keyring_int.h"

static struct id_record
pack_id(uint8_t n)
{
	struct id_record id = {{0}};

	id.raw[0] = n;
	return id;
}

static void
fill(struct archive_keyring *r)
{
	struct id_record packs[] = {pack_id(7), pack_id(3), pack_id(5), pack_id(3)};
	struct err err;

	archive_keyring_init(r);
	r->generation = 4;
	assert_true(archive_keyring_push(r, BYTES_LIT("first"), 100, &err));
	assert_true(archive_keyring_push(r, BYTES_LIT("second"), 200, &err));
	archive_keyring_set_proof(r, BYTES_LIT("leaf"));
	for (size_t i = 0; i < 4; i++)
		archive_keyring_set_pack(
		    r, &packs[i], i == 3 ? BYTES_LIT("anew") : BYTES_LIT("pack"));
}

static void
is_what_was_put_in(void **state)
{
	struct id_record three = pack_id(3), four = pack_id(4);
	struct archive_keyring r, back, copy;
	struct buf file;
	struct err err;

	(void)state;
	fill(&r);
	buf_init(&file, 4096);
	archive_keyring_encode(&r, "a-one", &file);
	assert_true(archive_keyring_decode(&back, buf_view(&file), "a-one", &err));
	assert_int_equal(back.generation, 4);
	assert_int_equal(back.kek_count, 2);
	assert_int_equal(back.keks[1].created_ms, 200);
	assert_true(bytes_equal(back.keks[1].wrapped, BYTES_LIT("second")));
	assert_true(bytes_equal(back.proof, BYTES_LIT("leaf")));
	assert_int_equal(back.pack_count, 3);
	assert_true(bytes_equal(archive_keyring_pack(&back, &three), BYTES_LIT("anew")));
	assert_int_equal(archive_keyring_pack(&back, &four).len, 0);
	archive_keyring_copy(&copy, &back);
	archive_keyring_forget(&copy);
	assert_int_equal(copy.kek_count, 1);
	assert_true(bytes_equal(copy.keks[0].wrapped, BYTES_LIT("second")));
	archive_keyring_destroy(&copy, 300);
	buf_reset(&file);
	archive_keyring_encode(&copy, "a-one", &file);
	archive_keyring_fini(&copy);
	assert_true(archive_keyring_decode(&copy, buf_view(&file), "a-one", &err));
	assert_int_equal(copy.destroyed_ms, 300);
	assert_int_equal(copy.kek_count + copy.pack_count + copy.proof.len, 0);
	archive_keyring_fini(&copy);
	archive_keyring_fini(&back);
	archive_keyring_fini(&r);
	buf_fini(&file);
}

static bool
is_three(void *ctx, const struct id_record *pack)
{
	(void)ctx;
	return pack->raw[0] == 3;
}

static void
keeps_what_is_asked_for(void **state)
{
	struct id_record three = pack_id(3);
	struct archive_keyring r;

	(void)state;
	fill(&r);
	archive_keyring_keep(&r, is_three, NULL);
	assert_int_equal(r.pack_count, 1);
	assert_true(bytes_equal(archive_keyring_pack(&r, &three), BYTES_LIT("anew")));
	archive_keyring_fini(&r);
}

/* Invariants 1, 8: every changed byte and every cut is noticed; a stranger's file is named. */
static void
refuses_damage(void **state)
{
	struct archive_keyring r, back;
	struct buf file;
	struct err err;

	(void)state;
	fill(&r);
	buf_init(&file, 4096);
	archive_keyring_encode(&r, "a-one", &file);
	for (size_t i = 0; i < file.len; i++) {
		file.ptr[i] ^= 0x40;
		assert_false(archive_keyring_decode(&back, buf_view(&file), "a-one", &err));
		assert_int_equal(err.code, i >= 8 && i < 12 ? ERR_UNSUPPORTED : ERR_CORRUPT);
		file.ptr[i] ^= 0x40;
		assert_false(archive_keyring_decode(
		    &back, bytes_slice(buf_view(&file), 0, i), "a-one", &err));
		assert_int_equal(err.code, ERR_CORRUPT);
	}
	assert_false(archive_keyring_decode(&back, buf_view(&file), "a-two", &err));
	assert_non_null(strstr(err.msg, "a-one"));
	archive_keyring_fini(&r);
	buf_fini(&file);
}

static void
has_an_end(void **state)
{
	struct archive_keyring r;
	struct err err;

	(void)state;
	archive_keyring_init(&r);
	for (unsigned i = 0; i < ARCHIVE_KEKS_MAX; i++)
		assert_true(archive_keyring_push(&r, BYTES_LIT("k"), i, &err));
	assert_false(archive_keyring_push(&r, BYTES_LIT("k"), 1, &err));
	assert_int_equal(err.code, ERR_BUSY);
	archive_keyring_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(is_what_was_put_in),
	    cmocka_unit_test(keeps_what_is_asked_for),
	    cmocka_unit_test(refuses_damage),
	    cmocka_unit_test(has_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
