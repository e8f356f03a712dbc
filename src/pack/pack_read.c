/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a pack and reading single records (docs/formats/pack.md). Whatever does not fit is damage, and is named. */
#include <string.h>

#include "pack_columns.h"
#include "pack_reader_int.h"
#include "base_mem.h"
#include "base_text.h"

#define NAME_SUFFIX BYTES_LIT(".pack")

/* A pack under another pack's name is not that pack. */
static bool
name_check(const char *path, const struct id_record *id)
{
	const char *slash = strrchr(path, '/');
	struct bytes name = bytes_of_str(slash == NULL ? path : slash + 1);
	char text[ID_RECORD_TEXT_SIZE];

	id_record_format(text, id);
	return bytes_starts_with(name, bytes_of_str(text)) &&
	       bytes_starts_with(bytes_slice(name, ID_RECORD_TEXT_SIZE - 1, SIZE_MAX), NAME_SUFFIX);
}

/* pack_open's way: one key, what the header carries. */
static bool
unwrap_by_key(void *ctx, const struct id_record *pack_id, struct bytes context,
    struct bytes wrapped, struct secret **data_key_out, struct err *err)
{
	struct rng rng = rng_system();
	struct crypt_keys *keys = crypt_keys_new(ctx, &rng);
	bool ok = crypt_keys_unwrap(keys, context, wrapped, data_key_out, err);

	(void)pack_id;
	crypt_keys_free(&keys);
	return ok;
}

static bool
key_unwrap(struct pack *p, const struct pack_header *header, const char *archive_id,
    pack_unwrap_fn unwrap, void *ctx, struct err *err)
{
	struct bytes wrapped = bytes_of(header->wrapped, header->wrapped_len);
	struct buf context;
	bool ok;

	buf_init(&context, 1024);
	pack_key_context(archive_id, &header->id, &context);
	ok = crypt_keys_id_of(wrapped, p->key_id, err) &&
	     unwrap(ctx, &header->id, buf_view(&context), wrapped, &p->data_key, err);
	if (ok && secret_view(p->data_key).len != CRYPT_KEY_BYTES)
		ok = ERR(err, ERR_CORRUPT, "the wrapped key is no data key");
	buf_fini(&context);
	return ok;
}

static bool
header_read(struct pack *p, struct os_file *file, const char *archive_id, pack_unwrap_fn unwrap,
    void *ctx, struct err *err)
{
	uint8_t raw[PACK_HEADER_BYTES];
	struct pack_header header;

	if (!os_file_read_exact(file, 0, raw, sizeof raw, err) ||
	    !pack_header_decode(bytes_of(raw, sizeof raw), &header, err))
		return false;
	p->id = header.id;
	if (!name_check(p->path, &p->id))
		return ERR(err, ERR_CORRUPT, "it is another pack than its name says");
	return key_unwrap(p, &header, archive_id, unwrap, ctx, err);
}

static bool
footer_read(struct pack *p, struct os_file *file, struct pack_codec *codec, struct err *err)
{
	uint8_t tail[PACK_TAIL_BYTES];
	uint64_t size;
	struct buf plain;
	bool ok;

	if (!os_file_size(file, &size, err))
		return false;
	if (size < PACK_HEADER_BYTES + PACK_TAIL_BYTES || size > PACK_FILE_BYTES_MAX)
		return ERR(err, ERR_CORRUPT, "no pack has that length");
	if (!os_file_read_exact(file, size - sizeof tail, tail, sizeof tail, err))
		return false;
	if (!bytes_equal(
		bytes_slice(bytes_of(tail, sizeof tail), sizeof tail - PACK_END_BYTES, SIZE_MAX),
		PACK_END))
		return ERR(err, ERR_CORRUPT, "it does not end as a pack does");
	buf_init(&plain, PACK_FOOTER_BYTES);
	ok = pack_block_unseal(codec, PACK_BLOCK_FOOTER, 0,
		 bytes_of(tail, sizeof tail - PACK_END_BYTES), PACK_FOOTER_BYTES, &plain, err) &&
	     pack_footer_decode(buf_view(&plain), size, &p->footer, err);
	buf_fini(&plain);
	return ok;
}

/* A piece of the file into a buffer that is large enough. */
static bool
range_read(struct os_file *file, uint64_t offset, size_t len, struct buf *out, struct err *err)
{
	uint8_t *place;

	buf_reset(out);
	place = buf_reserve(out, len);
	must(place != NULL);
	if (!os_file_read_exact(file, offset, place, len, err))
		return false;
	buf_grow(out, len);
	return true;
}

static bool
directory_read(struct pack *p, struct os_file *file, struct pack_codec *codec, struct err *err)
{
	struct pack_extent extent = {p->footer.directory_raw_len, p->footer.directory_sealed_len};
	uint8_t digest[CRYPT_SHA256_BYTES];
	struct buf sealed, plain;
	bool ok;

	buf_init(&sealed, extent.sealed_len);
	buf_init(&plain, extent.raw_len);
	ok = range_read(file, p->footer.directory_offset, extent.sealed_len, &sealed, err) &&
	     pack_block_unseal(
		 codec, PACK_BLOCK_DIRECTORY, 0, buf_view(&sealed), extent.raw_len, &plain, err);
	if (!ok)
		(void)err_prefix(err, "directory");
	crypt_sha256(digest, buf_view(&plain));
	if (ok && memcmp(digest, p->footer.directory_sha256, sizeof digest) != 0)
		ok = ERR(err, ERR_CORRUPT, "the directory is not the one the footer names");
	ok = ok && pack_directory_decode(buf_view(&plain), &p->footer, &p->directory, err);
	buf_fini(&sealed);
	buf_fini(&plain);
	return ok;
}

bool
pack_open_by(struct os_fs fs, const char *path, const char *archive_id, pack_unwrap_fn unwrap,
    void *ctx, struct pack **out, struct err *err)
{
	struct pack *p = mem_calloc(1, sizeof *p);
	struct pack_codec *codec = NULL;
	struct os_file *file = NULL;
	bool ok;

	atomic_init(&p->holders, 1);
	p->fs = fs;
	p->path = mem_strdup(path);
	ok = os_fs_open(fs, path, OS_OPEN_READ, &file, err) &&
	     header_read(p, file, archive_id, unwrap, ctx, err);
	if (ok) {
		codec = pack_codec_new(p->data_key, &p->id);
		ok = footer_read(p, file, codec, err) && directory_read(p, file, codec, err);
	}
	if (!ok) {
		(void)err_prefix(err, "pack %s", path);
		pack_release(&p);
	}
	pack_codec_free(&codec);
	os_file_drop(&file);
	*out = p;
	return ok;
}

bool
pack_open(struct os_fs fs, const char *path, const char *archive_id, const struct secret *key,
    struct pack **out, struct err *err)
{
	/* Only lent to unwrap_by_key, which takes it const again. */
	return pack_open_by(fs, path, archive_id, unwrap_by_key, (void *)(uintptr_t)key, out, err);
}

bool
pack_rewrap(struct pack *p, const char *archive_id, struct crypt_keys *keys, struct buf *out,
    struct err *err)
{
	struct buf context;
	bool ok;

	buf_init(&context, 1024);
	pack_key_context(archive_id, &p->id, &context);
	ok = crypt_keys_wrap(keys, buf_view(&context), p->data_key, out, err);
	buf_fini(&context);
	return ok || err_prefix(err, "pack %s", p->path);
}

const struct id_record *
pack_id(const struct pack *p)
{
	return &p->id;
}

const char *
pack_key_id(const struct pack *p)
{
	return p->key_id;
}

struct pack *
pack_hold(struct pack *p)
{
	(void)atomic_fetch_add(&p->holders, 1);
	return p;
}

bool
pack_is_shared(const struct pack *p)
{
	return atomic_load(&p->holders) > 1;
}

void
pack_release(struct pack **p)
{
	struct pack *pack = *p;

	*p = NULL;
	if (pack == NULL || atomic_fetch_sub(&pack->holders, 1) > 1)
		return;
	pack_directory_fini(&pack->directory);
	secret_free(&pack->data_key);
	mem_free(pack->path);
	mem_free(pack);
}

void
pack_info_get(const struct pack *p, struct pack_info *out)
{
	*out = (struct pack_info){
	    .records = p->footer.record_count,
	    .tombstones = p->footer.tombstone_count,
	    .parts = p->footer.part_count,
	    .message_bytes = p->footer.message_bytes,
	    .file_bytes = p->footer.file_bytes,
	    .oldest_ms = p->footer.oldest_ms,
	    .newest_ms = p->footer.newest_ms,
	    .leaf_first = p->footer.leaf_first,
	    .leaf_last = p->footer.leaf_last,
	    .without_leaf = p->footer.without_leaf,
	};
}

const char *
pack_path(const struct pack *p)
{
	return p->path;
}

void
pack_record_id(const struct pack *p, size_t position, struct id_record *out)
{
	must(position < p->directory.record_count);
	*out = p->directory.ids[position];
}

size_t
pack_find(const struct pack *p, const struct id_record *id)
{
	size_t low = 0, high = p->directory.record_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = id_record_compare(&p->directory.ids[middle], id);

		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return SIZE_MAX;
}

size_t
pack_lower_bound(const struct pack *pack, int64_t ms)
{
	size_t low = 0, high = pack->directory.record_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (id_record_ms(&pack->directory.ids[middle]) < ms)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint32_t
pack_group_of(const struct pack *pack, size_t position)
{
	uint32_t low = 0, high = pack->directory.group_count;

	must(position < pack->directory.record_count);
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (pack->directory.groups[middle].first_row <= position)
			low = middle;
		else
			high = middle;
	}
	return low;
}

bool
pack_cursor_open(struct pack_cursor *c, const struct pack *pack, struct err *err)
{
	*c = (struct pack_cursor){.pack = pack};
	buf_init(&c->sealed, pack_block_sealed_max(PACK_COLUMN_BYTES_MAX));
	if (!os_fs_open(pack->fs, pack->path, OS_OPEN_READ, &c->file, err))
		return err_prefix(err, "pack %s", pack->path);
	c->codec = pack_codec_new(pack->data_key, &pack->id);
	return true;
}

void
pack_cursor_close(struct pack_cursor *c)
{
	os_file_drop(&c->file);
	pack_codec_free(&c->codec);
	buf_fini(&c->sealed);
}

bool
pack_cursor_ahead(struct pack_cursor *c, uint64_t offset, size_t len, struct err *err)
{
	must(len <= PACK_READ_BYTES);
	c->sealed_at = offset;
	c->reads++;
	if (range_read(c->file, offset, len, &c->sealed, err))
		return true;
	buf_reset(&c->sealed);
	return err_prefix(err, "pack %s", c->pack->path);
}

bool
pack_cursor_holds(const struct pack_cursor *c, uint64_t offset, size_t len)
{
	return offset >= c->sealed_at && offset - c->sealed_at <= c->sealed.len &&
	       len <= c->sealed.len - (offset - c->sealed_at);
}

/* A block, from what was read last where it holds it. Lengths were checked with footer and directory. */
static bool
block_read(struct pack_cursor *c, enum pack_block_kind kind, uint64_t number, uint64_t offset,
    struct pack_extent extent, struct buf *out, struct err *err)
{
	struct bytes sealed;

	if (!pack_cursor_holds(c, offset, extent.sealed_len)) {
		c->sealed_at = offset;
		c->reads++;
		if (!range_read(c->file, offset, extent.sealed_len, &c->sealed, err)) {
			buf_reset(&c->sealed);
			return false;
		}
	}
	sealed =
	    bytes_slice(buf_view(&c->sealed), (size_t)(offset - c->sealed_at), extent.sealed_len);
	return pack_block_unseal(c->codec, kind, number, sealed, extent.raw_len, out, err);
}

static bool
dictionary_load(struct pack_cursor *c, struct err *err)
{
	const struct pack_directory *d = &c->pack->directory;
	struct buf plain;
	bool ok;

	if (d->dictionary == UINT32_MAX || c->dictionary)
		return true;
	buf_init(&plain, PACK_DICTIONARY_BYTES_MAX);
	ok = block_read(c, PACK_BLOCK_DICTIONARY, 0, d->blocks[d->dictionary].offset,
		 d->blocks[d->dictionary].extent, &plain, err) &&
	     pack_codec_dictionary(c->codec, buf_view(&plain), err);
	buf_fini(&plain);
	c->dictionary = ok;
	return ok || err_prefix(err, "pack %s: dictionary", c->pack->path);
}

bool
pack_cursor_block(struct pack_cursor *c, const struct pack_block *block, uint64_t number,
    struct buf *out, struct err *err)
{
	if (block->kind == PACK_BLOCK_SKELETON && !dictionary_load(c, err))
		return false;
	if (block_read(c, block->kind, number, block->offset, block->extent, out, err))
		return true;
	return err_prefix(err, "pack %s: %s block %u", c->pack->path,
	    block->kind == PACK_BLOCK_SKELETON ? "skeleton"
	    : block->kind == PACK_BLOCK_PARTS  ? "parts"
					       : "tombstone",
	    (unsigned)number);
}

void
pack_view_init(struct pack_view *v, const struct pack *pack, uint32_t group)
{
	v->group = group;
	pack_rows_init(&v->rows, pack->directory.groups[group].row_count);
	for (unsigned c = 0; c < PACK_COLUMN_COUNT; c++)
		buf_init(&v->plain[c], PACK_COLUMN_BYTES_MAX);
}

void
pack_view_fini(struct pack_view *v)
{
	pack_rows_fini(&v->rows);
	for (unsigned c = 0; c < PACK_COLUMN_COUNT; c++)
		buf_fini(&v->plain[c]);
}

bool
pack_view_load(struct pack_cursor *c, struct pack_view *v, unsigned columns, struct err *err)
{
	const struct pack_group *group = &c->pack->directory.groups[v->group];
	uint64_t offset = group->offset;

	for (unsigned i = 0; i < PACK_COLUMN_COUNT; offset += group->columns[i].sealed_len, i++) {
		if ((columns & ~v->rows.loaded & PACK_COLUMN_BIT(i)) == 0)
			continue;
		buf_reset(&v->plain[i]);
		if (!block_read(c, PACK_BLOCK_COLUMN, PACK_COLUMN_NUMBER(v->group, i), offset,
			group->columns[i], &v->plain[i], err) ||
		    !pack_rows_add(&v->rows, (enum pack_column)i, buf_view(&v->plain[i]), err))
			return err_prefix(
			    err, "pack %s: row group %u, column %u", c->pack->path, v->group, i);
	}
	return true;
}

bool
pack_view_row(const struct pack *pack, const struct pack_view *v, size_t position, unsigned columns,
    struct arena *arena, struct pack_row *out, struct err *err)
{
	uint32_t index = (uint32_t)(position - pack->directory.groups[v->group].first_row);

	if (!pack_rows_get(
		&v->rows, index, &pack->directory.ids[position], columns, arena, out, err))
		return err_prefix(err, "pack %s: row group %u", pack->path, v->group);
	return true;
}
