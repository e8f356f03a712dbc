/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packs from a stranger, with a fixed key: opened, read, scanned and verified without a crash, and every message
 * that is
 * handed out has its row's digest.
 *
 * Input: a mode byte, then
 *   0  a whole file, as it is
 *   1  skeletons, parts and columns in clear: sealed here, so that the parsers behind the tags are reached
 *   2  a good pack is made; the input says which plain bytes of skeletons, columns, directory and footer to change
 *      before sealing
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "pack_reader_int.h"
#include "pack_recipe_int.h"
#include "base_limits.h"
#include "crypt_digest.h"
#include "os_fs_memory.h"

#define ARCHIVE     "a-aaaaaaaaaaaaaaaaaaaaaaaa"
#define T0          1795510800000 /* 2026-11-24T09:00:00Z */
#define PLAIN_MAX   (4 * LIMIT_MIB)
#define CHANGES_MAX 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
	struct os_fs_memory *memory;
	struct os_fs fs;
	struct secret *key, *data_key;
	struct rng_seeded seeded;
	struct rng rng;
	struct pack_header header;
	char path[64];
	struct buf file;
};

static void
world_init(struct world *w)
{
	struct crypt_keys *keys;
	struct buf context, wrapped;
	char name[ID_RECORD_TEXT_SIZE];
	struct err err;

	*w = (struct world){.seeded = {1}};
	w->rng = rng_seeded(&w->seeded);
	w->memory = os_fs_memory_new();
	w->fs = os_fs_memory(w->memory);
	w->key = secret_random(CRYPT_KEY_BYTES, &w->rng);
	w->data_key = secret_random(CRYPT_KEY_BYTES, &w->rng);
	id_record_new(&w->header.id, T0, &w->rng);
	id_record_format(name, &w->header.id);
	(void)snprintf(w->path, sizeof w->path, "/%s.pack", name);
	keys = crypt_keys_new(w->key, &w->rng);
	buf_init(&context, 1024);
	buf_init(&wrapped, CRYPT_WRAPPED_BYTES_MAX);
	pack_key_context(ARCHIVE, &w->header.id, &context);
	must(crypt_keys_wrap(keys, buf_view(&context), w->data_key, &wrapped, &err));
	memcpy(w->header.wrapped, wrapped.ptr, wrapped.len);
	w->header.wrapped_len = wrapped.len;
	buf_fini(&context);
	buf_fini(&wrapped);
	crypt_keys_free(&keys);
	buf_init(&w->file, 16 * LIMIT_MIB);
}

static void
world_fini(struct world *w)
{
	buf_fini(&w->file);
	secret_free(&w->key);
	secret_free(&w->data_key);
	os_fs_memory_free(&w->memory);
}

static void
file_put(struct world *w, struct bytes data)
{
	struct os_file *file;
	struct err err;

	must(os_fs_open(w->fs, w->path, OS_OPEN_CREATE, &file, &err));
	must(os_file_write_at(file, 0, data, &err));
	must(os_file_close(&file, &err));
}

static void
problem_count(void *ctx, const char *what)
{
	++*(size_t *)ctx;
	must(strncmp(what, "pack ", 5) == 0);
}

static bool
row_check(void *ctx, const struct pack_row *row)
{
	struct id_record *last = ctx;

	must(row->received_ms == id_record_ms(&row->id));
	must(id_record_compare(last, &row->id) > 0);
	*last = row->id;
	return true;
}

static void
scan_check(struct pack *p)
{
	static const struct bytes VALUE = {(const uint8_t *)"e", 1};
	static const struct pack_condition SUBJECT = {PACK_ATTRIBUTE_SUBJECT, false, &VALUE, 1};
	static const struct pack_condition RECIPIENT = {
	    PACK_ATTRIBUTE_ENVELOPE_TO, false, &VALUE, 1};
	static const struct pack_filter FILTERS[] = {
	    {0}, {&SUBJECT, NULL, 1, 0}, {NULL, &RECIPIENT, 0, 1}};

	for (size_t i = 0; i < 3; i++) {
		struct pack_match *match = pack_match_new(&FILTERS[i]);
		struct id_record last;
		uint64_t scanned;
		struct err err;

		memset(&last, 0xff, sizeof last);
		if (!pack_scan(p, INT64_MIN, INT64_MAX, match, 1000, NULL, row_check, &last,
			&scanned, &err))
			must(err.code == ERR_CORRUPT);
		pack_match_free(&match);
	}
}

static void
pack_check(struct world *w, bool good)
{
	size_t problems = 0;
	struct pack *p = NULL;
	struct pack_info info;
	uint64_t checked;
	struct err err;

	if (!pack_open(w->fs, w->path, ARCHIVE, w->key, &p, &err)) {
		must(!good && (err.code == ERR_CORRUPT || err.code == ERR_SEALED ||
				  err.code == ERR_UNSUPPORTED));
		return;
	}
	pack_info_get(p, &info);
	for (size_t i = 0; i < info.records && i < 8; i++) {
		uint8_t digest[CRYPT_SHA256_BYTES];
		struct pack_row row;
		struct id_record id;
		struct arena arena;
		struct buf body;

		pack_record_id(p, i, &id);
		must(pack_find(p, &id) == i);
		arena_init(&arena);
		buf_init(&body, LIMIT_MIB);
		if (!pack_body(p, i, &body, &err)) {
			must(err.code == ERR_CORRUPT || err.code == ERR_LIMIT);
		} else if (pack_row(p, i, &arena, &row, &err)) {
			crypt_sha256(digest, buf_view(&body));
			must(memcmp(digest, row.sha256, sizeof digest) == 0 &&
			     row.size_bytes == body.len);
		}
		buf_fini(&body);
		arena_fini(&arena);
	}
	scan_check(p);
	must(pack_verify(p, NULL, problem_count, &problems, &checked, &err));
	must(checked <= info.records);
	must(!good || (problems == 0 && checked == info.records));
	pack_release(&p);
}

/* Takes a length of up to max from the input and that many bytes. */
static struct bytes
piece_take(struct reader *r, size_t max)
{
	struct bytes piece = reader_take(r, reader_u16(r) % (max + 1));

	r->failed = false;
	return piece;
}

static struct pack_extent
block_put(struct world *w, struct pack_codec *codec, enum pack_block_kind kind, uint64_t number,
    struct bytes plain)
{
	size_t start = w->file.len;

	pack_block_seal(codec, kind, number, plain, &w->file);
	return (struct pack_extent){(uint32_t)plain.len, (uint32_t)(w->file.len - start)};
}

/* Directory, footer and end mark behind the blocks that are there; change may alter both in clear. */
typedef void (*change_fn)(struct reader *r, struct buf *plain);
static void
tail_put(struct world *w, struct pack_codec *codec, const struct pack_directory *d,
    uint64_t message_bytes, struct reader *r, change_fn change)
{
	struct pack_footer footer = {.directory_offset = w->file.len,
	    .group_count = d->group_count,
	    .block_count = d->block_count,
	    .part_count = d->part_count,
	    .without_leaf = d->record_count,
	    .leaf_first = PACK_LEAF_NONE,
	    .leaf_last = PACK_LEAF_NONE,
	    .record_count = d->record_count,
	    .message_bytes = message_bytes,
	    .created_ms = T0,
	    .oldest_ms = T0,
	    .newest_ms = T0 + d->record_count - 1};
	struct pack_extent extent;
	struct buf plain;

	buf_init(&plain, PLAIN_MAX);
	pack_directory_encode(d, &plain);
	change(r, &plain);
	crypt_sha256(footer.directory_sha256, buf_view(&plain));
	extent = block_put(w, codec, PACK_BLOCK_DIRECTORY, 0, buf_view(&plain));
	crypt_sha256(footer.content_sha256, buf_view(&w->file));
	footer.directory_raw_len = extent.raw_len;
	footer.directory_sealed_len = extent.sealed_len;
	footer.file_bytes = w->file.len + PACK_TAIL_BYTES;
	buf_reset(&plain);
	pack_footer_encode(&footer, &plain);
	change(r, &plain);
	pack_block_seal(codec, PACK_BLOCK_FOOTER, 0, buf_view(&plain), &w->file);
	buf_append(&w->file, PACK_END);
	buf_fini(&plain);
}

static void
change_nothing(struct reader *r, struct buf *plain)
{
	(void)r;
	(void)plain;
}

/* Changes: position (u16), value (u8), until a position of 0xffff. */
static void
change_bytes(struct reader *r, struct buf *plain)
{
	for (unsigned i = 0; i < CHANGES_MAX && plain->len > 0; i++) {
		uint16_t at = reader_u16(r);
		uint8_t value = reader_u8(r);

		if (!reader_ok(r) || at == UINT16_MAX)
			return;
		plain->ptr[at % plain->len] = value;
	}
}

/* One group of two rows whose columns are the input's, and a block of skeletons and one of parts. */
static void
columns_from_input(struct world *w, struct reader *r)
{
	struct pack_codec *codec = pack_codec_new(w->data_key, &w->header.id);
	struct pack_group group = {.row_count = 2};
	struct pack_block blocks[2] = {{.kind = PACK_BLOCK_SKELETON}, {.kind = PACK_BLOCK_PARTS}};
	struct id_record ids[2];
	uint64_t part_ends[1];
	struct pack_directory d = {.groups = &group,
	    .blocks = blocks,
	    .part_ends = part_ends,
	    .ids = ids,
	    .group_count = 1,
	    .block_count = 2,
	    .part_count = 1,
	    .record_count = 2};

	for (int64_t i = 0; i < 2; i++)
		id_record_new(&ids[i], T0 + i, &w->rng);
	blocks[0].extent = block_put(w, codec, PACK_BLOCK_SKELETON, 0, piece_take(r, 4096));
	blocks[1].extent = block_put(w, codec, PACK_BLOCK_PARTS, 0, piece_take(r, 4096));
	part_ends[0] = blocks[1].extent.raw_len;
	for (unsigned c = 0; c < PACK_COLUMN_COUNT; c++)
		group.columns[c] = block_put(
		    w, codec, PACK_BLOCK_COLUMN, PACK_COLUMN_NUMBER(0, c), piece_take(r, 4096));
	tail_put(w, codec, &d, 0, r, change_nothing);
	pack_codec_free(&codec);
}

#define ROWS        3u
#define PARTS_BYTES 100u /* two parts */
#define FIRST_PART  60u

/* Three messages, each of some text, the first part, some text, the second part. */
static void
messages_make(struct world *w, struct pack_group_writer *g, struct bytes parts,
    struct buf *skeletons, struct id_record *ids)
{
	static const struct bytes RECIPIENTS[] = {
	    {(const uint8_t *)"b@example.net", 13}, {(const uint8_t *)"c@d", 3}};
	static const struct pack_recipe RECIPES[] = {{3, 0, {16, true}}, {4, 1, {0, false}}};
	struct pack_base64 *base64 = pack_base64_new();

	for (unsigned i = 0; i < ROWS; i++) {
		struct pack_row row = {.retention = PACK_RETENTION_ONE_YEAR,
		    .leaf_index = PACK_LEAF_NONE,
		    .recipients = RECIPIENTS,
		    .recipient_count = 2,
		    .columns = {.subject = BYTES_LIT("subject"),
			.from = BYTES_LIT("a@example.com"),
			.has_attachments = i % 2 == 1}};
		struct pack_place place = {0, (uint32_t)skeletons->len};
		struct buf message;

		buf_init(&message, PLAIN_MAX);
		buf_append_str(&message, "one");
		pack_base64_encode(
		    base64, bytes_slice(parts, 0, FIRST_PART), RECIPES[0].lines, &message);
		buf_append_str(&message, "\r\n2\n");
		pack_base64_encode(
		    base64, bytes_slice(parts, FIRST_PART, SIZE_MAX), RECIPES[1].lines, &message);
		pack_recipes_encode(RECIPES, 2, skeletons);
		buf_append_str(skeletons, "one\r\n2\n");
		id_record_new(&ids[i], T0 + (int64_t)i, &w->rng);
		row.id = ids[i];
		row.size_bytes = message.len;
		crypt_sha256(row.sha256, buf_view(&message));
		pack_group_writer_add(g, &row, place);
		buf_fini(&message);
	}
	pack_base64_free(&base64);
}

static void
good_pack_changed(struct world *w, struct reader *r)
{
	struct pack_codec *codec = pack_codec_new(w->data_key, &w->header.id);
	uint64_t part_ends[2] = {FIRST_PART, PARTS_BYTES};
	uint8_t parts[PARTS_BYTES];
	struct pack_group_writer g;
	struct pack_group group = {.row_count = ROWS};
	struct pack_block blocks[2] = {{.kind = PACK_BLOCK_PARTS}, {.kind = PACK_BLOCK_SKELETON}};
	struct id_record ids[ROWS];
	struct pack_directory d = {.groups = &group,
	    .blocks = blocks,
	    .part_ends = part_ends,
	    .ids = ids,
	    .group_count = 1,
	    .block_count = 2,
	    .part_count = 2,
	    .record_count = ROWS};
	uint64_t message_bytes = 0;
	struct buf plain;

	for (unsigned i = 0; i < PARTS_BYTES; i++)
		parts[i] = (uint8_t)i;
	pack_group_writer_init(&g);
	buf_init(&plain, PLAIN_MAX);
	messages_make(w, &g, bytes_of(parts, sizeof parts), &plain, ids);
	for (unsigned i = 0; i < ROWS; i++)
		message_bytes +=
		    3 + pack_base64_length(FIRST_PART, (struct pack_lines){16, true}) + 4 +
		    pack_base64_length(PARTS_BYTES - FIRST_PART, (struct pack_lines){0, false});
	blocks[0].extent = block_put(w, codec, PACK_BLOCK_PARTS, 0, bytes_of(parts, sizeof parts));
	change_bytes(r, &plain);
	blocks[1].extent = block_put(w, codec, PACK_BLOCK_SKELETON, 0, buf_view(&plain));
	for (unsigned c = 0; c < PACK_COLUMN_COUNT; c++) {
		buf_reset(&plain);
		pack_group_writer_column(&g, (enum pack_column)c, &plain);
		change_bytes(r, &plain);
		group.columns[c] = block_put(
		    w, codec, PACK_BLOCK_COLUMN, PACK_COLUMN_NUMBER(0, c), buf_view(&plain));
	}
	tail_put(w, codec, &d, message_bytes, r, change_bytes);
	buf_fini(&plain);
	pack_group_writer_fini(&g);
	pack_codec_free(&codec);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w;
	struct reader r;
	uint8_t mode;

	if (size < 1 || size > 65536)
		return 0;
	world_init(&w);
	reader_init(&r, bytes_of(data, size));
	mode = reader_u8(&r) % 3;
	if (mode == 0) {
		file_put(&w, r.left);
	} else {
		pack_header_encode(&w.header, &w.file);
		if (mode == 1)
			columns_from_input(&w, &r);
		else
			good_pack_changed(&w, &r);
		must(!w.file.failed);
		file_put(&w, buf_view(&w.file));
	}
	pack_check(&w, mode == 2 && size == 1); /* nothing changed: it must be a pack */
	world_fini(&w);
	return 0;
}
