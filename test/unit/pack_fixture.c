/* SPDX-License-Identifier: Apache-2.0 */
/* Packs for tests: random messages, written and kept to compare with. */
#include "pack_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pack_row_fixture.h"
#include "base_limits.h"
#include "base_mem.h"
#include "crypt_digest.h"
#include "crypt_seal.h"

void
pack_fixture_init(struct pack_fixture *f, const struct os_fs *fs)
{
	struct err err;

	*f = (struct pack_fixture){.seeded = {7}};
	f->rng = rng_seeded(&f->seeded);
	f->key = secret_random(CRYPT_KEY_BYTES, &f->rng);
	arena_init(&f->arena);
	if (fs != NULL) {
		f->fs = *fs;
	} else {
		f->memory = os_fs_memory_new();
		f->fs = os_fs_memory(f->memory);
		assert_true(os_fs_mkdir(f->fs, FIXTURE_DIR, &err));
	}
}

void
pack_fixture_fini(struct pack_fixture *f)
{
	mem_free(f->rows);
	mem_free(f->bodies);
	arena_fini(&f->arena);
	secret_free(&f->key);
	if (f->memory != NULL)
		os_fs_memory_free(&f->memory);
}

void
pack_fixture_add(struct pack_fixture *f, int64_t at_ms, struct bytes body)
{
	struct pack_row *row;

	if (f->count == f->cap) {
		f->cap = f->cap == 0 ? 16 : f->cap * 2;
		f->rows = mem_realloc_array(f->rows, f->cap, sizeof *f->rows);
		f->bodies = mem_realloc_array(f->bodies, f->cap, sizeof *f->bodies);
	}
	row = &f->rows[f->count];
	row_fixture_random(&f->arena, &f->rng, FIXTURE_T0 + at_ms, row);
	row->size_bytes = body.len;
	crypt_sha256(row->sha256, body);
	f->bodies[f->count++] = body;
}

struct bytes
pack_fixture_text(struct pack_fixture *f, size_t len)
{
	static const char *const WORDS[] = {"the ", "invoice ", "of ", "November ", "attached ",
	    "\r\n", "=C3=BC", "you ", "TWljcm9z", "b2Z0IE9m", "ZmljZSBX"};
	uint8_t *text = arena_alloc(&f->arena, len + 16);
	size_t at = 0;

	while (at < len) {
		const char *word = WORDS[rng_below(&f->rng, sizeof WORDS / sizeof *WORDS)];

		memcpy(text + at, word, strlen(word));
		at += strlen(word);
	}
	return bytes_of(text, len);
}

/* Rows and bodies are sorted together, as the pack does. */
static void
sort(struct pack_fixture *f)
{
	for (size_t i = 1; i < f->count; i++)
		for (size_t k = i;
		     k > 0 && id_record_compare(&f->rows[k - 1].id, &f->rows[k].id) > 0; k--) {
			struct pack_row row = f->rows[k];
			struct bytes body = f->bodies[k];

			f->rows[k] = f->rows[k - 1];
			f->bodies[k] = f->bodies[k - 1];
			f->rows[k - 1] = row;
			f->bodies[k - 1] = body;
		}
}

void
pack_fixture_write(struct pack_fixture *f, const char *dir)
{
	struct pack_writer *w = NULL;
	struct pack_written written;
	struct err err;

	if (!pack_writer_new(f->fs, dir, FIXTURE_ARCHIVE, f->key, &f->rng, FIXTURE_T0, &w, &err))
		fail_msg("%s", err.msg);
	for (size_t i = 0; i < f->count; i++) {
		size_t added = f->bodies[i].len /
			       7; /* headers added by a rule are the first bytes of what is kept */

		added = added < 10 ? added : 10;

		if (!pack_writer_add(w, &f->rows[i], bytes_slice(f->bodies[i], 0, added),
			bytes_slice(f->bodies[i], added, SIZE_MAX), &err))
			fail_msg("%s", err.msg);
	}
	if (!pack_writer_finish(&w, &written, &err))
		fail_msg("%s", err.msg);
	assert_null(w);
	(void)snprintf(f->path, sizeof f->path, "%s/%s.pack", dir, written.name);
	sort(f);
}

struct pack *
pack_fixture_open(struct pack_fixture *f)
{
	struct pack *p = NULL;
	struct err err;

	if (!pack_open(f->fs, f->path, FIXTURE_ARCHIVE, f->key, &p, &err))
		fail_msg("%s", err.msg);
	return p;
}

void
pack_problem_count(void *ctx, const char *what)
{
	struct pack_problems *problems = ctx;

	problems->count++;
	(void)snprintf(problems->last, sizeof problems->last, "%s", what);
}

void
pack_fixture_check(struct pack_fixture *f, struct pack *p)
{
	struct pack_problems problems = {0};
	struct pack_info info;
	uint64_t bytes = 0, checked;
	struct buf body;
	struct err err;

	buf_init(&body, 64 * LIMIT_MIB);
	for (size_t i = 0; i < f->count; i++) {
		struct pack_row row;
		struct id_record id;
		struct arena arena;

		arena_init(&arena);
		assert_int_equal(pack_find(p, &f->rows[i].id), i);
		pack_record_id(p, i, &id);
		assert_int_equal(id_record_compare(&id, &f->rows[i].id), 0);
		assert_true(pack_row(p, i, &arena, &row, &err));
		assert_true(row_fixture_equal(&row, &f->rows[i]));
		arena_fini(&arena);
		buf_reset(&body);
		if (!pack_body(p, i, &body, &err))
			fail_msg("%s", err.msg);
		assert_true(bytes_equal(buf_view(&body), f->bodies[i]));
		bytes += f->bodies[i].len;
	}
	buf_fini(&body);
	pack_info_get(p, &info);
	assert_int_equal(info.records, f->count);
	assert_int_equal(info.message_bytes, bytes);
	assert_int_equal(info.oldest_ms, f->rows[0].received_ms);
	assert_int_equal(info.newest_ms, f->rows[f->count - 1].received_ms);
	assert_true(pack_verify(p, NULL, pack_problem_count, &problems, &checked, &err));
	if (problems.count > 0)
		fail_msg("%s", problems.last);
	assert_int_equal(checked, f->count);
}
