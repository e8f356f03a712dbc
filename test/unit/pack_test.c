/* SPDX-License-Identifier: Apache-2.0 */
/* Packs written, read, scanned and verified (docs/formats/pack.md). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pack_fixture.h"
#include "pack_reader_int.h"
#include "pack_row_fixture.h"
#include "pack_writer_int.h"
#include "base_limits.h"
#include "base_mem.h"
#include "crypt_digest.h"

static void
packs_round_trip(void **state)
{
	static const struct {
		const char *name;
		size_t count, size_max;
	} ROWS[] = {
	    {"one empty message", 1, 0},
	    {"one small message", 1, 500},
	    {"empty and small messages", 50, 3},
	    {"messages of every block position", 300, 5000},
	    {"messages around a block", 12, 2 * PACK_SKELETON_BYTES},
	    {"more than one row group", 2600, 40},
	};

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		struct pack_fixture f;
		struct pack *p;

		pack_fixture_init(&f, NULL);
		for (size_t k = 0; k < ROWS[i].count; k++)
			pack_fixture_add(&f, (int64_t)rng_below(&f.rng, 5000),
			    pack_fixture_text(&f, rng_below(&f.rng, ROWS[i].size_max + 1)));
		pack_fixture_write(&f, FIXTURE_DIR);
		p = pack_fixture_open(&f);
		pack_fixture_check(&f, p);
		pack_release(&p);
		pack_fixture_fini(&f);
	}
}

/* Sizes at the edges of a block, on the kernel's file system. */
static void
edges_of_blocks_on_a_real_disk(void **state)
{
	static const size_t SIZES[] = {PACK_SKELETON_BYTES - 3, 1, PACK_SKELETON_BYTES - 2, 0,
	    PACK_SKELETON_BYTES - 1, 10, 2 * PACK_SKELETON_BYTES - 2, 2 * PACK_SKELETON_BYTES, 5,
	    40 * LIMIT_MIB, 7};
	char dir[] = "/tmp/pack_test_XXXXXX";
	struct os_fs fs = os_fs_real();
	struct pack_fixture f;
	struct pack *p;
	struct err err;

	(void)state;
	assert_non_null(mkdtemp(dir));
	pack_fixture_init(&f, &fs);
	for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++)
		pack_fixture_add(&f, (int64_t)(i * 37 % 11), pack_fixture_text(&f, SIZES[i]));
	pack_fixture_write(&f, dir);
	p = pack_fixture_open(&f);
	pack_fixture_check(&f, p);
	pack_release(&p);
	assert_true(os_fs_unlink(fs, f.path, &err));
	assert_int_equal(rmdir(dir), 0); /* nothing else was left */
	pack_fixture_fini(&f);
}

static void
a_row_with_a_hundred_recipients(void **state)
{
	struct bytes recipients[100];
	struct pack_fixture f;
	struct pack *p;

	(void)state;
	pack_fixture_init(&f, NULL);
	for (size_t i = 0; i < 100; i++)
		recipients[i] = bytes_of_str(arena_printf(&f.arena, "user%zu@example.com", i));
	pack_fixture_add(&f, 0, pack_fixture_text(&f, 100));
	f.rows[0].recipients = recipients;
	f.rows[0].recipient_count = 100;
	pack_fixture_write(&f, FIXTURE_DIR);
	p = pack_fixture_open(&f);
	pack_fixture_check(&f, p);
	pack_release(&p);
	pack_fixture_fini(&f);
}

static void
find_misses_other_ids(void **state)
{
	struct pack_fixture f;
	struct pack *p;
	struct id_record id;

	(void)state;
	pack_fixture_init(&f, NULL);
	for (int64_t i = 0; i < 20; i++)
		pack_fixture_add(&f, i, BYTES_EMPTY);
	pack_fixture_write(&f, FIXTURE_DIR);
	p = pack_fixture_open(&f);
	for (int64_t i = -1; i < 22; i++) {
		id_record_new(&id, FIXTURE_T0 + i, &f.rng);
		assert_int_equal(pack_find(p, &id), SIZE_MAX);
	}
	pack_release(&p);
	pack_fixture_fini(&f);
}

/* P3 */
static void
another_key_or_archive_is_sealed(void **state)
{
	struct pack_fixture f;
	struct pack *p = NULL;
	struct secret *other;
	struct err err;

	(void)state;
	pack_fixture_init(&f, NULL);
	pack_fixture_add(&f, 0, BYTES_LIT("hello"));
	pack_fixture_write(&f, FIXTURE_DIR);
	other = secret_random(CRYPT_KEY_BYTES, &f.rng);
	assert_false(pack_open(f.fs, f.path, FIXTURE_ARCHIVE, other, &p, &err));
	assert_int_equal(err.code, ERR_SEALED);
	assert_false(pack_open(f.fs, f.path, "a-bbbbbbbbbbbbbbbbbbbbbbbb", f.key, &p, &err));
	assert_int_equal(err.code, ERR_SEALED);
	assert_null(p);
	secret_free(&other);
	pack_fixture_fini(&f);
}

struct seen {
	const struct pack_fixture *f;
	const struct pack_row *rows[64];
	size_t count, stop_after;
};

static bool
row_see(void *ctx, const struct pack_row *row)
{
	struct seen *seen = ctx;
	size_t i = 0;

	while (i < seen->f->count && id_record_compare(&seen->f->rows[i].id, &row->id) != 0)
		i++;
	assert_true(i < seen->f->count);
	assert_true(row_fixture_equal(&seen->f->rows[i], row));
	if (seen->count < 64)
		seen->rows[seen->count] = &seen->f->rows[i];
	return ++seen->count != seen->stop_after;
}

/* Against a loop over what was added. */
static void
scans_fit_a_plain_loop(void **state)
{
	static const struct bytes GREETING[] = {
	    {(const uint8_t *)"GRÜSSE", 8}, {(const uint8_t *)"件", 3}};
	static const struct pack_condition SUBJECT = {PACK_ATTRIBUTE_SUBJECT, false, GREETING, 2};
	static const struct pack_condition ATTACHMENTS = {
	    PACK_ATTRIBUTE_HAS_ATTACHMENTS, true, NULL, 0};
	static const struct pack_filter FILTERS[] = {
	    {0}, {&SUBJECT, NULL, 1, 0}, {&SUBJECT, &ATTACHMENTS, 1, 1}};
	static const struct {
		int64_t from, to;
		uint64_t limit;
		size_t stop_after;
	} ROWS[] = {{INT64_MIN, INT64_MAX, 60, 0}, {FIXTURE_T0, FIXTURE_T0 + 1000, 1000, 50},
	    {FIXTURE_T0 + 100, FIXTURE_T0 + 101, 1000, 0},
	    {FIXTURE_T0 + 50, FIXTURE_T0 + 60, UINT64_MAX, 0},
	    {FIXTURE_T0 + 60, FIXTURE_T0 + 50, 9, 0}, {FIXTURE_T0, FIXTURE_T0 + 900, 0, 0},
	    {INT64_MIN, FIXTURE_T0, 9, 0}, {FIXTURE_T0 + 1000, INT64_MAX, 9, 0}};
	struct pack_fixture f;
	struct pack *p;

	(void)state;
	pack_fixture_init(&f, NULL);
	for (size_t i = 0; i < 3000; i++)
		pack_fixture_add(&f, (int64_t)rng_below(&f.rng, 1000), BYTES_EMPTY);
	pack_fixture_write(&f, FIXTURE_DIR);
	p = pack_fixture_open(&f);
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS * 3; i++) {
		struct pack_match *m = pack_match_new(&FILTERS[i % 3]);
		struct seen seen = {.f = &f, .stop_after = ROWS[i / 3].stop_after};
		uint64_t scanned;
		size_t hits = 0;
		struct err err;

		assert_true(pack_scan(p, ROWS[i / 3].from, ROWS[i / 3].to, m, ROWS[i / 3].limit,
		    NULL, row_see, &seen, &scanned, &err));
		for (size_t k = f.count; k > 0 && hits < ROWS[i / 3].limit; k--) {
			const struct pack_row *row = &f.rows[k - 1];

			if (row->received_ms < ROWS[i / 3].from ||
			    row->received_ms >= ROWS[i / 3].to || !pack_match_row(m, row))
				continue;
			if (hits < seen.count && hits < 64)
				assert_ptr_equal(
				    seen.rows[hits], row); /* newest first, larger id first */
			if (++hits == ROWS[i / 3].stop_after)
				break;
		}
		assert_int_equal(seen.count, hits);
		assert_true(scanned >= hits);
		pack_match_free(&m);
	}
	pack_release(&p);
	pack_fixture_fini(&f);
}

static void
cancelled_work_stops(void **state)
{
	struct pack_problems problems = {0};
	struct pack_match *m = pack_match_new(NULL);
	struct pack_fixture f;
	struct pack *p;
	struct seen seen = {.f = &f};
	atomic_bool cancel;
	uint64_t count;
	struct err err;

	(void)state;
	atomic_init(&cancel, true);
	pack_fixture_init(&f, NULL);
	pack_fixture_add(&f, 0, BYTES_LIT("x"));
	pack_fixture_write(&f, FIXTURE_DIR);
	p = pack_fixture_open(&f);
	assert_false(pack_scan(p, 0, INT64_MAX, m, 1, &cancel, row_see, &seen, &count, &err));
	assert_int_equal(err.code, ERR_CANCELLED);
	assert_false(pack_verify(p, &cancel, pack_problem_count, &problems, &count, &err));
	assert_int_equal(err.code, ERR_CANCELLED);
	assert_int_equal(problems.count, 0);
	pack_release(&p);
	pack_match_free(&m);
	pack_fixture_fini(&f);
}

static void
the_last_holder_frees(void **state)
{
	struct pack *p, *held;
	struct pack_fixture f;

	(void)state;
	pack_fixture_init(&f, NULL);
	pack_fixture_add(&f, 0, BYTES_LIT("x"));
	pack_fixture_write(&f, FIXTURE_DIR);
	p = pack_fixture_open(&f);
	held = pack_hold(p);
	pack_release(&p);
	assert_null(p);
	assert_string_equal(pack_path(held), f.path);
	pack_release(&held);
	pack_release(&held);
	pack_fixture_fini(&f);
}

/* A message with one attachment of these bytes, in lines of 76. */
static struct bytes
message_with(struct pack_fixture *f, struct bytes attachment, const char *subject)
{
	struct pack_base64 *base64 = pack_base64_new();
	struct buf b;
	struct bytes message;

	buf_init(&b, 64 * LIMIT_MIB);
	buf_printf(&b,
	    "Subject: %s\r\nContent-Type: multipart/mixed; "
	    "boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\n",
	    subject);
	pack_base64_encode(base64, attachment, (struct pack_lines){76, false}, &b);
	buf_append_str(&b, "\r\n--b--\r\n");
	message = arena_bytes(&f->arena, buf_view(&b));
	buf_fini(&b);
	pack_base64_free(&base64);
	return message;
}

static struct bytes
noise(struct pack_fixture *f, size_t len)
{
	uint8_t *data = arena_alloc(&f->arena, len);

	rng_fill(&f->rng, data, len);
	return bytes_of(data, len);
}

/* Ten messages bring one attachment: it is kept once, as its bytes. P8, P9 */
static void
equal_parts_are_kept_once(void **state)
{
	struct pack_fixture f;
	struct pack_info info;
	struct bytes shared;
	struct pack *p;

	(void)state;
	pack_fixture_init(&f, NULL);
	shared = noise(&f, 100000);
	for (int64_t i = 0; i < 10; i++)
		pack_fixture_add(&f, i, message_with(&f, shared, "shared"));
	pack_fixture_write(&f, FIXTURE_DIR);
	p = pack_fixture_open(&f);
	pack_fixture_check(&f, p);
	pack_info_get(p, &info);
	assert_int_equal(info.parts, 1);
	assert_in_range(info.file_bytes, 100000, 110000);
	pack_release(&p);
	pack_fixture_fini(&f);
}

/* Parts of every size around a block, and what reading one of them costs. */
static void
parts_are_read_at_once(void **state)
{
	static const size_t SIZES[] = {600, PACK_PARTS_BYTES - 600, PACK_PARTS_BYTES - 599,
	    PACK_PARTS_BYTES, PACK_PARTS_BYTES + 1, 700, 3 * PACK_PARTS_BYTES + 5, 800,
	    12 * LIMIT_MIB};
	struct pack_fixture f;
	struct pack *p;
	struct buf body;
	struct err err;

	(void)state;
	pack_fixture_init(&f, NULL);
	for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++)
		pack_fixture_add(&f, (int64_t)i, message_with(&f, noise(&f, SIZES[i]), "part"));
	pack_fixture_write(&f, FIXTURE_DIR);
	p = pack_fixture_open(&f);
	pack_fixture_check(&f, p);
	buf_init(&body, 64 * LIMIT_MIB);
	for (size_t i = 0; i < f.count; i++) {
		struct pack_reader *r = NULL;
		struct pack_place end;
		struct pack_message m;

		assert_true(pack_reader_new(p, &r, &err));
		pack_view_init(&r->view, p, 0);
		r->view_good = true;
		assert_true(
		    pack_view_load(&r->cursor, &r->view, PACK_COLUMN_BIT(PACK_COLUMN_KEYS), &err));
		r->cursor.reads = 0;
		m.place = pack_rows_place(&r->view.rows, (uint32_t)i);
		m.size_bytes = pack_rows_size_bytes(&r->view.rows, (uint32_t)i);
		buf_reset(&body);
		assert_true(pack_reader_message(r, &m, &body, &end, &err));
		assert_true(bytes_equal(buf_view(&body), f.bodies[i]));
		assert_in_range(r->cursor.reads, 1, SIZES[i] > 8 * LIMIT_MIB ? 3 : 2);
		pack_reader_free(&r);
	}
	buf_fini(&body);
	pack_release(&p);
	pack_fixture_fini(&f);
}

/* One of a few footers under a text of its own. */
static struct bytes
text_with(struct pack_fixture *f, struct bytes footer)
{
	struct bytes text = pack_fixture_text(f, 1500);
	uint8_t *all = arena_alloc(&f->arena, text.len + footer.len);

	memcpy(all, text.ptr, text.len);
	memcpy(all + text.len, footer.ptr, footer.len);
	return bytes_of(all, text.len + footer.len);
}

/* Enough skeletons for a dictionary that pays, with parts between them; read in another order than written. */
static void
a_dictionary_is_made_and_used(void **state)
{
	struct bytes footers[40];
	struct pack_fixture f;
	struct pack *p;

	(void)state;
	pack_fixture_init(&f, NULL);
	for (size_t i = 0; i < 40; i++)
		footers[i] = noise(&f, 2000);
	for (int64_t i = 0; i < 900; i++)
		pack_fixture_add(&f, 5000 - i,
		    i % 7 == 0 ? message_with(&f, noise(&f, 3000), "seventh")
			       : text_with(&f, footers[i * 13 % 40]));
	pack_fixture_write(&f, FIXTURE_DIR);
	p = pack_fixture_open(&f);
	assert_true(p->directory.dictionary != UINT32_MAX);
	pack_fixture_check(&f, p);
	pack_release(&p);
	pack_fixture_fini(&f);
}

/* A message whose parts do not make it again is kept as it is, and counted. */
static void
a_failed_rebuild_is_kept_raw(void **state)
{
	struct pack_writer *w = NULL;
	struct pack_written written;
	struct pack_fixture f;
	struct pack_info info;
	struct pack *p;
	struct err err;

	(void)state;
	pack_fixture_init(&f, NULL);
	pack_fixture_add(&f, 1, message_with(&f, noise(&f, 5000), "broken"));
	pack_fixture_add(&f, 2, message_with(&f, noise(&f, 5000), "good"));
	assert_true(pack_writer_new(
	    f.fs, FIXTURE_DIR, FIXTURE_ARCHIVE, f.key, &f.rng, FIXTURE_T0, &w, &err));
	w->splitter.broken = true;
	assert_true(pack_writer_add(w, &f.rows[0], BYTES_EMPTY, f.bodies[0], &err));
	w->splitter.broken = false;
	assert_true(pack_writer_add(w, &f.rows[1], BYTES_EMPTY, f.bodies[1], &err));
	assert_true(pack_writer_finish(&w, &written, &err));
	assert_int_equal(written.raw_messages, 1);
	assert_int_equal(written.parts, 1);
	(void)snprintf(f.path, sizeof f.path, "%s/%s.pack", FIXTURE_DIR, written.name);
	p = pack_fixture_open(&f);
	pack_fixture_check(&f, p);
	pack_info_get(p, &info);
	assert_int_equal(info.parts, 1);
	pack_release(&p);
	pack_fixture_fini(&f);
}

/* P14: numbers for those that have none, in order of id; kept when copied. */
static void
leaves_are_numbered_and_carried_over(void **state)
{
	struct pack_writer *w = NULL;
	struct pack_reader *r = NULL;
	struct pack_written written;
	struct pack_fixture f;
	struct pack_info info;
	struct pack *p;
	struct err err;

	(void)state;
	pack_fixture_init(&f, NULL);
	for (int64_t i = 0; i < 5; i++)
		pack_fixture_add(&f, 4 - i, BYTES_LIT("Subject: x\r\n\r\nhello\r\n"));
	f.rows[2].leaf_index = 77;
	for (unsigned round = 0; round < 2; round++) {
		assert_true(pack_writer_new(
		    f.fs, FIXTURE_DIR, FIXTURE_ARCHIVE, f.key, &f.rng, FIXTURE_T0, &w, &err));
		for (size_t i = 0; i < f.count; i++)
			assert_true(round == 0 ? pack_writer_add(
						     w, &f.rows[i], BYTES_EMPTY, f.bodies[i], &err)
					       : pack_writer_copy(w, r, i, &err));
		if (round == 0)
			pack_writer_leaves(w, 100);
		assert_true(pack_writer_finish(&w, &written, &err));
		pack_reader_free(&r);
		(void)snprintf(f.path, sizeof f.path, "%s/%s.pack", FIXTURE_DIR, written.name);
		p = pack_fixture_open(&f);
		pack_info_get(p, &info);
		assert_int_equal(info.leaf_first, 77);
		assert_int_equal(info.leaf_last, 103);
		assert_int_equal(info.without_leaf, 0);
		for (size_t i = 0; i < 5; i++) {
			static const uint64_t LEAVES[] = {100, 101, 77, 102, 103};
			uint64_t leaf;

			assert_true(pack_leaf_index(p, i, &leaf, &err));
			assert_int_equal(leaf, LEAVES[i]);
		}
		assert_true(pack_reader_new(p, &r, &err));
		pack_release(&p);
	}
	pack_reader_free(&r);
	pack_fixture_fini(&f);
}

struct buried {
	uint64_t count;
	struct id_record last;
};

static bool
tombstone_see(void *ctx, const struct pack_tombstone *t)
{
	struct buried *b = ctx;

	assert_true(b->count == 0 || id_record_compare(&b->last, &t->id) < 0);
	assert_int_equal(t->reason, 3);
	assert_int_equal(t->leaf_hash[31], 9);
	assert_int_equal(t->removed_ms, 12345);
	assert_int_equal(t->leaf_index, id_record_ms(&t->id) - FIXTURE_T0);
	b->last = t->id;
	b->count++;
	return true;
}

/* A pack of tombstones only; and who holds whom. P7, P13, P14 */
static void
tombstones_are_kept(void **state)
{
	struct pack_tombstone t = {.reason = 3, .removed_ms = 12345, .leaf_hash = {[31] = 9}};
	struct pack_problems problems = {0};
	struct pack_writer *w = NULL;
	struct pack_written written;
	struct pack *old, *rewritten;
	struct pack_fixture f;
	struct pack_info info;
	struct buried seen = {0};
	uint64_t checked;
	bool yes;
	struct err err;

	(void)state;
	pack_fixture_init(&f, NULL);
	for (int64_t i = 0; i < 10000; i++)
		pack_fixture_add(&f, 10000 - i, BYTES_EMPTY);
	pack_fixture_write(&f, FIXTURE_DIR);
	old = pack_fixture_open(&f);
	assert_true(pack_writer_new(
	    f.fs, FIXTURE_DIR, FIXTURE_ARCHIVE, f.key, &f.rng, FIXTURE_T0, &w, &err));
	for (size_t i = f.count; i-- > 0;) {
		t.id = f.rows[i].id;
		t.leaf_index = (uint64_t)(f.rows[i].received_ms - FIXTURE_T0);
		assert_true(pack_writer_tombstone(w, &t, &err));
	}
	assert_true(pack_writer_finish(&w, &written, &err));
	(void)snprintf(f.path, sizeof f.path, "%s/%s.pack", FIXTURE_DIR, written.name);
	rewritten = pack_fixture_open(&f);
	assert_true(pack_tombstones(rewritten, tombstone_see, &seen, &err));
	assert_int_equal(seen.count, 10000);
	pack_info_get(rewritten, &info);
	assert_int_equal(info.records, 0);
	assert_int_equal(info.tombstones, 10000);
	assert_int_equal(info.oldest_ms, FIXTURE_T0 + 1);
	assert_int_equal(info.newest_ms, FIXTURE_T0 + 10000);
	assert_int_equal(info.leaf_first, PACK_LEAF_NONE);
	assert_true(pack_verify(rewritten, NULL, pack_problem_count, &problems, &checked, &err));
	assert_int_equal(problems.count, 0);
	assert_true(pack_is_buried(rewritten, &f.rows[7].id, &yes, &err) && yes);
	assert_true(pack_is_buried(old, &f.rows[7].id, &yes, &err) && !yes);
	assert_true(pack_is_contained(old, rewritten, &yes, &err) && yes);
	assert_true(pack_is_contained(rewritten, old, &yes, &err) && !yes);
	assert_true(pack_is_contained(rewritten, rewritten, &yes, &err) && yes);
	pack_release(&old);
	pack_release(&rewritten);
	pack_fixture_fini(&f);
}

/* P13 */
static void
months_are_kept_apart(void **state)
{
	struct pack_writer *w = NULL;
	struct pack_tombstone t = {0};
	struct pack_fixture f;
	struct err err;

	(void)state;
	pack_fixture_init(&f, NULL);
	pack_fixture_add(&f, 0, BYTES_LIT("x"));
	pack_fixture_add(&f, (int64_t)7 * 24 * 3600 * 1000, BYTES_LIT("y")); /* December */
	assert_int_equal(
	    pack_month_of(f.rows[0].received_ms) + 1, pack_month_of(f.rows[1].received_ms));
	assert_true(pack_writer_new(
	    f.fs, FIXTURE_DIR, FIXTURE_ARCHIVE, f.key, &f.rng, FIXTURE_T0, &w, &err));
	assert_true(pack_writer_add(w, &f.rows[0], BYTES_EMPTY, f.bodies[0], &err));
	assert_false(pack_writer_add(w, &f.rows[1], BYTES_EMPTY, f.bodies[1], &err));
	assert_int_equal(err.code, ERR_USAGE);
	t.id = f.rows[1].id;
	assert_false(pack_writer_tombstone(w, &t, &err));
	assert_int_equal(err.code, ERR_USAGE);
	pack_writer_drop(&w);
	pack_fixture_fini(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(packs_round_trip),
	    cmocka_unit_test(edges_of_blocks_on_a_real_disk),
	    cmocka_unit_test(a_row_with_a_hundred_recipients),
	    cmocka_unit_test(find_misses_other_ids),
	    cmocka_unit_test(another_key_or_archive_is_sealed),
	    cmocka_unit_test(scans_fit_a_plain_loop),
	    cmocka_unit_test(cancelled_work_stops),
	    cmocka_unit_test(the_last_holder_frees),
	    cmocka_unit_test(equal_parts_are_kept_once),
	    cmocka_unit_test(parts_are_read_at_once),
	    cmocka_unit_test(a_dictionary_is_made_and_used),
	    cmocka_unit_test(a_failed_rebuild_is_kept_raw),
	    cmocka_unit_test(leaves_are_numbered_and_carried_over),
	    cmocka_unit_test(tombstones_are_kept),
	    cmocka_unit_test(months_are_kept_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
