/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing a pack: bodies as they come, rows sorted at the end (docs/formats/pack.md).
 *
 * The name NAME.pack appears by one rename of a file that was synced, read back and found whole. Before that there is
 * NAME.pack.tmp only, which nobody reads and recovery removes. A step that failed is never tried again on the same
 * file:
 * after a failed fsync the kernel may have dropped the pages and called them clean.
 */
#include <stdlib.h>
#include <string.h>

#include "base_mem.h"
#include "base_time.h"
#include "pack_columns.h"
#include "pack_writer_int.h"

#define PUT_BYTES         (256u * 1024u) /* gathered before a write */
#define MESSAGE_BYTES_MAX (SMTP_MESSAGE_BYTES_CEIL + 64 * LIMIT_MIB)
#define ROW_WEIGHT                                                                                 \
	4u /* a row waits in memory for the end: it fills a pack this many times faster than a body */

/* A failure leaves nothing behind but, if even that fails, a temporary file. */
static void
writer_free(struct pack_writer **writer)
{
	struct pack_writer *w = *writer;
	struct err ignored;

	*writer = NULL;
	if (w == NULL)
		return;
	if (w->file != NULL) {
		os_file_drop(&w->file);
		(void)!os_fs_unlink(w->fs, w->temporary, &ignored);
	}
	pack_codec_free(&w->codec);
	crypt_sha256_free(&w->content);
	pack_write_body_fini(w);
	buf_fini(&w->out);
	buf_fini(&w->plain);
	pack_directory_fini(&w->directory);
	mem_free(w->entries);
	mem_free(w->tombstones);
	arena_fini(&w->arena);
	mem_free(w);
}

static bool
out_write(struct pack_writer *w, struct err *err)
{
	if (!os_file_write_at(w->file, w->at - w->out.len, buf_view(&w->out), err))
		return false;
	buf_reset(&w->out);
	return true;
}

/* Everything before the footer goes through here. */
bool
pack_writer_put(struct pack_writer *w, enum pack_block_kind kind, uint64_t number,
    struct bytes plain, struct pack_extent *extent, struct err *err)
{
	size_t start = w->out.len;

	pack_block_seal(w->codec, kind, number, plain, &w->out);
	must(!w->out.failed);
	*extent = (struct pack_extent){(uint32_t)plain.len, (uint32_t)(w->out.len - start)};
	crypt_sha256_add(w->content, bytes_slice(buf_view(&w->out), start, SIZE_MAX));
	w->at += w->out.len - start;
	return w->out.len < PUT_BYTES || out_write(w, err);
}

bool
pack_writer_put_body(
    struct pack_writer *w, enum pack_block_kind kind, struct bytes plain, struct err *err)
{
	struct pack_directory *d = &w->directory;
	uint64_t number = kind == PACK_BLOCK_SKELETON ? d->skeleton_count++
			  : kind == PACK_BLOCK_PARTS  ? d->part_block_count++
						      : 0;

	d->blocks = pack_array_grow(d->blocks, d->block_count, &w->block_cap, sizeof *d->blocks);
	d->blocks[d->block_count] = (struct pack_block){.kind = kind};
	d->block_count++;
	return pack_writer_put(w, kind, number, plain, &d->blocks[d->block_count - 1].extent, err);
}

static void
header_put(struct pack_writer *w, const struct pack_header *header)
{
	pack_header_encode(header, &w->out);
	crypt_sha256_add(w->content, buf_view(&w->out));
	w->at = w->out.len;
}

/* A data key of its own for every pack: nonces are counted from zero in each. */
static bool
key_make(struct pack_writer *w, struct pack_header *header, const struct rng *rng, struct err *err)
{
	struct crypt_keys *keys = crypt_keys_new(w->key, rng);
	struct secret *data_key = secret_random(CRYPT_KEY_BYTES, rng);
	struct buf context, wrapped;
	bool ok;

	buf_init(&context, 1024);
	buf_init(&wrapped, CRYPT_WRAPPED_BYTES_MAX);
	pack_key_context(w->archive_id, &header->id, &context);
	ok = crypt_keys_wrap(keys, buf_view(&context), data_key, &wrapped, err);
	if (ok) {
		memcpy(header->wrapped, wrapped.ptr, wrapped.len);
		header->wrapped_len = wrapped.len;
		w->codec = pack_codec_new(data_key, &header->id);
	}
	buf_fini(&context);
	buf_fini(&wrapped);
	secret_free(&data_key);
	crypt_keys_free(&keys);
	return ok;
}

bool
pack_writer_new(struct os_fs fs, const char *dir, const char *archive_id, const struct secret *key,
    const struct rng *rng, int64_t now_ms, struct pack_writer **out, struct err *err)
{
	struct pack_writer *w = mem_calloc(1, sizeof *w);
	struct pack_header header = {0};

	w->fs = fs;
	w->key = key;
	w->created_ms = now_ms;
	arena_init(&w->arena);
	buf_init(&w->out, SIZE_MAX / 2);
	buf_init(&w->plain, PACK_DIRECTORY_BYTES_MAX);
	w->content = crypt_sha256_new();
	w->month = INT32_MIN;
	w->first_leaf = PACK_LEAF_NONE;
	pack_write_body_init(w);
	id_record_new(&header.id, now_ms, rng);
	id_record_format(w->name, &header.id);
	w->archive_id = arena_strdup(&w->arena, archive_id);
	w->dir = arena_strdup(&w->arena, dir);
	w->path = arena_printf(&w->arena, "%s/%s.pack", dir, w->name);
	w->temporary = arena_printf(&w->arena, "%s.tmp", w->path);
	if (!key_make(w, &header, rng, err) ||
	    !os_fs_open(fs, w->temporary, OS_OPEN_CREATE, &w->file, err)) {
		writer_free(&w);
		return false;
	}
	header_put(w, &header);
	*out = w;
	return true;
}

void
pack_writer_drop(struct pack_writer **w)
{
	writer_free(w);
}

const char *
pack_writer_path(const struct pack_writer *w)
{
	return w->path;
}

uint64_t
pack_writer_raw_bytes(const struct pack_writer *w)
{
	return w->message_bytes + w->row_bytes * ROW_WEIGHT;
}

void *
pack_array_grow(void *array, size_t count, size_t *cap, size_t size)
{
	if (count < *cap)
		return array;
	*cap = *cap == 0 ? 64 : *cap * 2;
	return mem_realloc_array(array, *cap, size);
}

int32_t
pack_month_of(int64_t ms)
{
	struct time_civil civil;

	time_civil_of(&civil, ms);
	return civil.year * 12 + civil.month - 1;
}

/* The first one says which month it is. */
static bool
month_check(struct pack_writer *w, const struct id_record *id, struct err *err)
{
	int32_t month = pack_month_of(id_record_ms(id));

	if (w->month != INT32_MIN && w->month != month)
		return ERR(err, ERR_USAGE, "a pack holds records of one month");
	w->month = month;
	return true;
}

static bool
add_check(struct pack_writer *w, const struct pack_row *row, struct bytes added, struct bytes body,
    struct err *err)
{
	if (w->failed)
		return ERR(err, ERR_IO, "pack %s: a write failed before", w->temporary);
	if (row->size_bytes != (uint64_t)added.len + body.len)
		return ERR(err, ERR_USAGE, "a row names another size than its message has");
	if (body.len > MESSAGE_BYTES_MAX || added.len > MESSAGE_BYTES_MAX - body.len)
		return ERR(err, ERR_LIMIT, "the message is too long for a pack");
	if (w->directory.record_count >= PACK_RECORDS_MAX)
		return ERR(err, ERR_LIMIT, "the pack has %u records", w->directory.record_count);
	buf_reset(&w->plain);
	pack_row_encode(row, &w->plain);
	if (w->plain.len > PACK_ROW_BYTES_MAX)
		return ERR(err, ERR_LIMIT, "the row has %zu bytes", w->plain.len);
	return month_check(w, &row->id, err);
}

bool
pack_writer_add(struct pack_writer *w, const struct pack_row *row, struct bytes added_headers,
    struct bytes body, struct err *err)
{
	struct pack_entry *e;

	if (!add_check(w, row, added_headers, body, err))
		return false;
	w->entries = pack_array_grow(
	    w->entries, w->directory.record_count, &w->entry_cap, sizeof *w->entries);
	e = &w->entries[w->directory.record_count];
	*e = (struct pack_entry){.id = row->id,
	    .row = arena_bytes(&w->arena, buf_view(&w->plain)),
	    .leaf_index = row->leaf_index};
	if (!pack_write_body_message(w, added_headers, body, &e->place, err)) {
		w->failed = true;
		return err_prefix(err, "pack %s", w->temporary);
	}
	w->directory.record_count++;
	w->message_bytes += row->size_bytes;
	w->row_bytes += e->row.len;
	return true;
}

bool
pack_writer_copy(struct pack_writer *w, struct pack_reader *from, size_t position, struct err *err)
{
	struct pack_row row;
	struct arena arena;
	struct buf body;
	bool ok;

	arena_init(&arena);
	buf_init(&body, MESSAGE_BYTES_MAX);
	ok = pack_reader_row(from, position, &arena, &row, err) &&
	     pack_reader_body(from, position, &body, err) &&
	     pack_writer_add(w, &row, BYTES_EMPTY, buf_view(&body), err);
	buf_fini(&body);
	arena_fini(&arena);
	return ok;
}

bool
pack_writer_tombstone(struct pack_writer *w, const struct pack_tombstone *t, struct err *err)
{
	if (w->tombstone_count >= PACK_TOMBSTONES_MAX)
		return ERR(err, ERR_LIMIT, "the pack has %u tombstones", w->tombstone_count);
	if (!month_check(w, &t->id, err))
		return false;
	w->tombstones = pack_array_grow(
	    w->tombstones, w->tombstone_count, &w->tombstone_cap, sizeof *w->tombstones);
	w->tombstones[w->tombstone_count++] = *t;
	return true;
}

void
pack_writer_leaves(struct pack_writer *w, uint64_t first_leaf)
{
	w->first_leaf = first_leaf;
}

static int
entry_compare(const void *a, const void *b)
{
	const struct pack_entry *left = a, *right = b;

	return id_record_compare(&left->id, &right->id);
}

static int
tombstone_compare(const void *a, const void *b)
{
	const struct pack_tombstone *left = a, *right = b;

	return id_record_compare(&left->id, &right->id);
}

static bool
group_put(struct pack_writer *w, struct pack_group_writer *g, struct err *err)
{
	struct pack_directory *d = &w->directory;
	struct pack_group *group;

	d->groups = pack_array_grow(d->groups, d->group_count, &w->group_cap, sizeof *d->groups);
	group = &d->groups[d->group_count];
	*group = (struct pack_group){.row_count = g->row_count};
	for (unsigned c = 0; c < PACK_COLUMN_COUNT; c++) {
		buf_reset(&w->plain);
		pack_group_writer_column(g, (enum pack_column)c, &w->plain);
		if (!pack_writer_put(w, PACK_BLOCK_COLUMN, PACK_COLUMN_NUMBER(d->group_count, c),
			buf_view(&w->plain), &group->columns[c], err))
			return false;
	}
	d->group_count++;
	pack_group_writer_reset(g);
	return true;
}

static bool
rows_put(struct pack_writer *w, struct err *err)
{
	struct pack_group_writer g;
	size_t bytes = 0;
	bool ok = true;

	pack_group_writer_init(&g);
	for (uint32_t i = 0; ok && i < w->directory.record_count; i++) {
		const struct pack_entry *e = &w->entries[i];
		struct pack_row row;
		struct arena arena;
		struct reader r;

		if (i > 0 && id_record_compare(&e[-1].id, &e->id) == 0) {
			ok = ERR(err, ERR_EXISTS, "two records of one pack have one id");
			break;
		}
		arena_init(&arena);
		reader_init(&r, e->row);
		must(pack_row_decode(&r, &arena, &row, err)); /* our own encoding */
		row.leaf_index = e->leaf_index;
		pack_group_writer_add(&g, &row, e->place);
		arena_fini(&arena);
		bytes += e->row.len;
		if (bytes >= PACK_GROUP_BYTES || g.row_count == PACK_GROUP_ROWS ||
		    i + 1 == w->directory.record_count) {
			ok = group_put(w, &g, err);
			bytes = 0;
		}
	}
	pack_group_writer_fini(&g);
	return ok;
}

static bool
tombstones_put(struct pack_writer *w, struct err *err)
{
	struct pack_directory *d = &w->directory;
	bool ok = true;

	if (w->tombstone_count > 0)
		qsort(w->tombstones, w->tombstone_count, sizeof *w->tombstones, tombstone_compare);
	for (uint32_t i = 1; i < w->tombstone_count; i++)
		if (id_record_compare(&w->tombstones[i - 1].id, &w->tombstones[i].id) == 0)
			return ERR(err, ERR_EXISTS, "two tombstones of one pack have one id");
	for (uint32_t from = 0; ok && from < w->tombstone_count; from += PACK_TOMBSTONE_ROWS) {
		uint32_t end = from + PACK_TOMBSTONE_ROWS;

		d->tombstones = pack_array_grow(d->tombstones, d->tombstone_block_count,
		    &w->tombstone_block_cap, sizeof *d->tombstones);
		buf_reset(&w->plain);
		for (uint32_t i = from; i < end && i < w->tombstone_count; i++)
			pack_tombstone_encode(&w->tombstones[i], &w->plain);
		ok = pack_writer_put(w, PACK_BLOCK_TOMBSTONES, d->tombstone_block_count,
		    buf_view(&w->plain), &d->tombstones[d->tombstone_block_count].extent, err);
		d->tombstone_block_count++;
	}
	return ok;
}

/* In order of id: those that have no leaf yet get the next ones. */
static void
leaves_number(struct pack_writer *w)
{
	uint64_t next = w->first_leaf;

	for (uint32_t i = 0; i < w->directory.record_count; i++)
		if (next != PACK_LEAF_NONE && w->entries[i].leaf_index == PACK_LEAF_NONE)
			w->entries[i].leaf_index = next++;
}

static void
leaves_count(const struct pack_writer *w, struct pack_footer *footer)
{
	footer->leaf_first = footer->leaf_last = PACK_LEAF_NONE;
	for (uint32_t i = 0; i < w->directory.record_count; i++) {
		uint64_t leaf = w->entries[i].leaf_index;

		if (leaf == PACK_LEAF_NONE) {
			footer->without_leaf++;
			continue;
		}
		if (footer->leaf_first == PACK_LEAF_NONE || leaf < footer->leaf_first)
			footer->leaf_first = leaf;
		if (footer->leaf_last == PACK_LEAF_NONE || leaf > footer->leaf_last)
			footer->leaf_last = leaf;
	}
}

static void
footer_fill(const struct pack_writer *w, struct pack_footer *footer)
{
	const struct pack_directory *d = &w->directory;
	const struct id_record *first, *last;

	if (d->record_count > 0) {
		first = &d->ids[0];
		last = &d->ids[d->record_count - 1];
	} else {
		first = &w->tombstones[0].id;
		last = &w->tombstones[w->tombstone_count - 1].id;
	}
	*footer = (struct pack_footer){
	    .directory_offset = w->at,
	    .group_count = d->group_count,
	    .block_count = d->block_count,
	    .part_count = d->part_count,
	    .record_count = d->record_count,
	    .tombstone_block_count = d->tombstone_block_count,
	    .tombstone_count = w->tombstone_count,
	    .raw_messages = (uint32_t)w->raw_messages,
	    .message_bytes = w->message_bytes,
	    .created_ms = w->created_ms,
	    .oldest_ms = id_record_ms(first),
	    .newest_ms = id_record_ms(last),
	};
	leaves_count(w, footer);
}

static bool
directory_put(struct pack_writer *w, struct pack_footer *footer, struct err *err)
{
	struct pack_directory *d = &w->directory;
	struct pack_extent extent;

	d->ids = mem_calloc(d->record_count, sizeof *d->ids);
	for (uint32_t i = 0; i < d->record_count; i++)
		d->ids[i] = w->entries[i].id;
	footer_fill(w, footer);
	buf_reset(&w->plain);
	pack_directory_encode(d, &w->plain);
	if (!buf_ok(&w->plain, err))
		return false;
	crypt_sha256(footer->directory_sha256, buf_view(&w->plain));
	if (!pack_writer_put(w, PACK_BLOCK_DIRECTORY, 0, buf_view(&w->plain), &extent, err))
		return false;
	footer->directory_raw_len = extent.raw_len;
	footer->directory_sealed_len = extent.sealed_len;
	return true;
}

static bool
footer_put(struct pack_writer *w, struct pack_footer *footer, struct err *err)
{
	size_t start = w->out.len;

	footer->file_bytes = w->at + PACK_TAIL_BYTES;
	crypt_sha256_done(&w->content, footer->content_sha256);
	buf_reset(&w->plain);
	pack_footer_encode(footer, &w->plain);
	pack_block_seal(w->codec, PACK_BLOCK_FOOTER, 0, buf_view(&w->plain), &w->out);
	buf_append(&w->out, PACK_END);
	w->at += w->out.len - start;
	must(w->at == footer->file_bytes && !w->out.failed);
	return out_write(w, err) && os_file_sync(w->file, err);
}

/* The first problem becomes the failure. */
struct first_problem {
	struct err *err;
	bool seen;
};

static void
problem_take(void *ctx, const char *what)
{
	struct first_problem *first = ctx;

	if (!first->seen)
		(void)ERR(first->err, ERR_CORRUPT, "read back: %s", what);
	first->seen = true;
}

static bool
read_back(struct pack_writer *w, struct err *err)
{
	struct first_problem first = {err, false};
	struct pack *pack = NULL;
	struct err ignored;
	uint64_t checked;

	if (!pack_open(w->fs, w->temporary, w->archive_id, w->key, &pack, err))
		return err_prefix(err, "read back");
	must(pack_verify(
	    pack, NULL, problem_take, &first, &checked, &ignored)); /* nobody cancels it */
	must(first.seen || checked == w->directory.record_count);
	pack_release(&pack);
	return !first.seen;
}

static bool
content_finish(struct pack_writer *w, struct err *err)
{
	struct pack_footer footer;

	if (w->failed)
		return ERR(err, ERR_IO, "a write failed before");
	if (w->directory.record_count == 0 && w->tombstone_count == 0)
		return ERR(err, ERR_USAGE, "nothing was added");
	if (!pack_write_body_flush(w, err))
		return false;
	if (w->directory.record_count > 0)
		qsort(w->entries, w->directory.record_count, sizeof *w->entries, entry_compare);
	leaves_number(w);
	return rows_put(w, err) && tombstones_put(w, err) && directory_put(w, &footer, err) &&
	       footer_put(w, &footer, err) && read_back(w, err);
}

bool
pack_writer_finish(struct pack_writer **writer, struct pack_written *out, struct err *err)
{
	struct pack_writer *w = *writer;
	struct err ignored;
	bool ok;

	*writer = NULL;
	ok = content_finish(w, err);
	if (ok) {
		ok =
		    os_file_close(&w->file, err) && os_fs_rename(w->fs, w->temporary, w->path, err);
		if (!ok)
			(void)!os_fs_unlink(w->fs, w->temporary, &ignored);
		ok = ok && os_fs_sync_dir(w->fs, w->dir, err);
	}
	if (ok) {
		*out = (struct pack_written){.records = w->directory.record_count,
		    .tombstones = w->tombstone_count,
		    .parts = w->directory.part_count,
		    .shared_parts = w->shared_parts,
		    .raw_messages = w->raw_messages,
		    .message_bytes = w->message_bytes,
		    .file_bytes = w->at};
		memcpy(out->name, w->name, sizeof w->name);
	} else
		(void)err_prefix(err, "pack %s", w->temporary);
	writer_free(&w);
	return ok;
}
