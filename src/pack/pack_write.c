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

#include "pack_columns.h"
#include "pack_format_int.h"
#include "pack_group_int.h"
#include "pack.h"
#include "base_mem.h"

#define PUT_BYTES         (256u * 1024u) /* gathered before a write */
#define MESSAGE_BYTES_MAX (SMTP_MESSAGE_BYTES_CEIL + 64 * LIMIT_MIB)
#define ROW_WEIGHT                                                                                 \
	4u /* a row waits in memory for the end: it fills a pack this many times faster than a body */

struct entry {
	struct id_record id;
	struct bytes row; /* encoded; in the writer's arena */
	struct pack_place place;
};

struct pack_writer {
	struct os_fs fs;
	const struct secret *key;
	char *archive_id, *dir, *path, *temporary;
	char name[ID_RECORD_TEXT_SIZE];
	struct os_file *file;
	struct pack_codec *codec;
	struct crypt_sha256_stream *content;
	struct buf out;     /* sealed, not yet written */
	struct buf raw;     /* body bytes of the open block */
	struct buf plain;   /* scratch */
	struct arena arena; /* path names, encoded rows */
	struct entry *entries;
	size_t entry_cap, group_cap, block_cap;
	struct pack_directory directory;
	uint64_t at, message_bytes, row_bytes; /* at: file bytes so far, out included */
	int64_t created_ms;
	bool failed;
};

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
	buf_fini(&w->out);
	buf_fini(&w->raw);
	buf_fini(&w->plain);
	pack_directory_fini(&w->directory);
	mem_free(w->entries);
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
static bool
block_put(struct pack_writer *w, enum pack_block_kind kind, uint64_t number, struct bytes plain,
    struct pack_extent *extent, struct err *err)
{
	size_t start = w->out.len;

	pack_block_seal(w->codec, kind, number, plain, &w->out);
	must(!w->out.failed);
	*extent = (struct pack_extent){(uint32_t)plain.len, (uint32_t)(w->out.len - start)};
	crypt_sha256_add(w->content, bytes_slice(buf_view(&w->out), start, SIZE_MAX));
	w->at += w->out.len - start;
	return w->out.len < PUT_BYTES || out_write(w, err);
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
	buf_init(&w->raw, PACK_BLOCK_BYTES);
	buf_init(&w->plain, PACK_DIRECTORY_BYTES_MAX);
	w->content = crypt_sha256_new();
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

uint64_t
pack_writer_raw_bytes(const struct pack_writer *w)
{
	return w->message_bytes + w->row_bytes * ROW_WEIGHT;
}

/* Room for one more of an array that grows by doubling. */
static void *
array_grow(void *array, size_t count, size_t *cap, size_t size)
{
	if (count < *cap)
		return array;
	*cap = *cap == 0 ? 64 : *cap * 2;
	return mem_realloc_array(array, *cap, size);
}

static bool
body_flush(struct pack_writer *w, struct err *err)
{
	struct pack_directory *d = &w->directory;

	if (w->raw.len == 0)
		return true;
	d->blocks = array_grow(d->blocks, d->block_count, &w->block_cap, sizeof *d->blocks);
	d->blocks[d->block_count] = (struct pack_block){.offset = w->at};
	if (!block_put(w, PACK_BLOCK_BODY, d->block_count, buf_view(&w->raw),
		&d->blocks[d->block_count].extent, err))
		return false;
	d->block_count++;
	buf_reset(&w->raw);
	return true;
}

static bool
body_put(struct pack_writer *w, struct bytes data, struct err *err)
{
	while (data.len > 0) {
		struct bytes piece = bytes_slice(data, 0, PACK_BLOCK_BYTES - w->raw.len);

		buf_append(&w->raw, piece);
		data = bytes_slice(data, piece.len, SIZE_MAX);
		if (w->raw.len == PACK_BLOCK_BYTES && !body_flush(w, err))
			return false;
	}
	return true;
}

/* A message that fits into one block lies in one block; a longer one begins a block and shares none. */
static bool
message_put(struct pack_writer *w, struct bytes added, struct bytes body, struct pack_place *place,
    struct err *err)
{
	size_t size = added.len + body.len;

	*place = (struct pack_place){0};
	if (size == 0)
		return true;
	if (size > PACK_BLOCK_BYTES - w->raw.len && !body_flush(w, err))
		return false;
	*place = (struct pack_place){w->directory.block_count, (uint32_t)w->raw.len};
	return body_put(w, added, err) && body_put(w, body, err) &&
	       (size <= PACK_BLOCK_BYTES || body_flush(w, err));
}

bool
pack_writer_add(struct pack_writer *w, const struct pack_row *row, struct bytes added_headers,
    struct bytes body, struct err *err)
{
	struct pack_place place;

	if (w->failed)
		return ERR(err, ERR_IO, "pack %s: a write failed before", w->temporary);
	if (row->size_bytes != (uint64_t)added_headers.len + body.len)
		return ERR(err, ERR_USAGE, "a row names another size than its message has");
	if (body.len > MESSAGE_BYTES_MAX || added_headers.len > MESSAGE_BYTES_MAX - body.len)
		return ERR(err, ERR_LIMIT, "the message is too long for a pack");
	if (w->directory.record_count >= PACK_RECORDS_MAX)
		return ERR(err, ERR_LIMIT, "the pack has %u records", w->directory.record_count);
	buf_reset(&w->plain);
	pack_row_encode(row, &w->plain);
	if (w->plain.len > PACK_ROW_BYTES_MAX)
		return ERR(err, ERR_LIMIT, "the row has %zu bytes", w->plain.len);
	if (!message_put(w, added_headers, body, &place, err)) {
		w->failed = true;
		return err_prefix(err, "pack %s", w->temporary);
	}
	w->entries =
	    array_grow(w->entries, w->directory.record_count, &w->entry_cap, sizeof *w->entries);
	w->entries[w->directory.record_count++] =
	    (struct entry){row->id, arena_bytes(&w->arena, buf_view(&w->plain)), place};
	w->message_bytes += row->size_bytes;
	w->row_bytes += w->plain.len;
	return true;
}

static int
entry_compare(const void *a, const void *b)
{
	const struct entry *left = a, *right = b;

	return id_record_compare(&left->id, &right->id);
}

static bool
group_put(struct pack_writer *w, struct pack_group_writer *g, struct err *err)
{
	struct pack_directory *d = &w->directory;
	struct pack_group *group;

	d->groups = array_grow(d->groups, d->group_count, &w->group_cap, sizeof *d->groups);
	group = &d->groups[d->group_count];
	*group = (struct pack_group){.row_count = g->row_count};
	for (unsigned c = 0; c < PACK_COLUMN_COUNT; c++) {
		buf_reset(&w->plain);
		pack_group_writer_column(g, (enum pack_column)c, &w->plain);
		if (!block_put(w, PACK_BLOCK_COLUMN, PACK_COLUMN_NUMBER(d->group_count, c),
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
		const struct entry *e = &w->entries[i];
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
directory_put(struct pack_writer *w, struct pack_footer *footer, struct err *err)
{
	struct pack_directory *d = &w->directory;
	struct pack_extent extent;

	d->ids = mem_calloc(d->record_count, sizeof *d->ids);
	for (uint32_t i = 0; i < d->record_count; i++)
		d->ids[i] = w->entries[i].id;
	*footer = (struct pack_footer){
	    .directory_offset = w->at,
	    .group_count = d->group_count,
	    .block_count = d->block_count,
	    .record_count = d->record_count,
	    .message_bytes = w->message_bytes,
	    .created_ms = w->created_ms,
	    .oldest_ms = id_record_ms(&d->ids[0]),
	    .newest_ms = id_record_ms(&d->ids[d->record_count - 1]),
	};
	buf_reset(&w->plain);
	pack_directory_encode(d, &w->plain);
	if (!buf_ok(&w->plain, err))
		return false;
	crypt_sha256(footer->directory_sha256, buf_view(&w->plain));
	if (!block_put(w, PACK_BLOCK_DIRECTORY, 0, buf_view(&w->plain), &extent, err))
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
	if (w->directory.record_count == 0)
		return ERR(err, ERR_USAGE, "nothing was added");
	if (!body_flush(w, err))
		return false;
	qsort(w->entries, w->directory.record_count, sizeof *w->entries, entry_compare);
	return rows_put(w, err) && directory_put(w, &footer, err) && footer_put(w, &footer, err) &&
	       read_back(w, err);
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
		    .message_bytes = w->message_bytes,
		    .file_bytes = w->at};
		memcpy(out->name, w->name, sizeof w->name);
	} else
		(void)err_prefix(err, "pack %s", w->temporary);
	writer_free(&w);
	return ok;
}
