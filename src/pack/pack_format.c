/* SPDX-License-Identifier: Apache-2.0 */
/* Header, footer and directory of a pack as bytes (docs/formats/pack.md). */
#include "pack_format_int.h"

#include <string.h>

#include "base_mem.h"

#define HEADER_MAGIC     BYTES_LIT("DBPACK\r\n")
#define HEADER_SUM_AT    (PACK_HEADER_BYTES - HEADER_SUM_BYTES)
#define HEADER_SUM_BYTES 16u

static bool
is_zero(struct bytes data)
{
	uint8_t any = 0;

	for (size_t i = 0; i < data.len; i++)
		any |= data.ptr[i];
	return any == 0;
}

void
pack_header_encode(const struct pack_header *h, struct buf *out)
{
	uint8_t wrapped[CRYPT_WRAPPED_BYTES_MAX] = {0}, sum[CRYPT_SHA256_BYTES];
	size_t start = out->len;

	must(h->wrapped_len <= sizeof wrapped);
	memcpy(wrapped, h->wrapped, h->wrapped_len);
	buf_append(out, HEADER_MAGIC);
	buf_u32(out, PACK_VERSION);
	buf_u32(out, (uint32_t)h->wrapped_len);
	buf_append_mem(out, h->id.raw, sizeof h->id.raw);
	buf_append_mem(out, wrapped, sizeof wrapped);
	crypt_sha256(sum, bytes_slice(buf_view(out), start, SIZE_MAX));
	buf_append_mem(out, sum, HEADER_SUM_BYTES);
}

bool
pack_header_decode(struct bytes data, struct pack_header *out, struct err *err)
{
	struct bytes id, wrapped, sum_is;
	uint8_t sum[CRYPT_SHA256_BYTES];
	struct reader r;
	uint32_t version;

	if (data.len < PACK_HEADER_BYTES || !bytes_starts_with(data, HEADER_MAGIC))
		return ERR(err, ERR_CORRUPT, "not a pack: it does not begin as one");
	crypt_sha256(sum, bytes_slice(data, 0, HEADER_SUM_AT));
	sum_is = bytes_slice(data, HEADER_SUM_AT, HEADER_SUM_BYTES);
	if (!bytes_equal(sum_is, bytes_of(sum, HEADER_SUM_BYTES)))
		return ERR(err, ERR_CORRUPT, "the header is damaged");
	reader_init(&r, bytes_slice(data, HEADER_MAGIC.len, HEADER_SUM_AT - HEADER_MAGIC.len));
	version = reader_u32(&r);
	if (version > PACK_VERSION)
		return ERR(err, ERR_UNSUPPORTED,
		    "version %u of the pack format is later than this program", version);
	out->wrapped_len = reader_u32(&r);
	id = reader_take(&r, sizeof out->id.raw);
	wrapped = reader_take(&r, sizeof out->wrapped);
	if (!reader_done(&r) || version != PACK_VERSION || out->wrapped_len > sizeof out->wrapped ||
	    !is_zero(bytes_slice(wrapped, out->wrapped_len, SIZE_MAX)))
		return ERR(err, ERR_CORRUPT, "the header is none of this version");
	memcpy(out->id.raw, id.ptr, id.len);
	memcpy(out->wrapped, wrapped.ptr, wrapped.len);
	return true;
}

void
pack_key_context(const char *archive_id, const struct id_record *id, struct buf *out)
{
	buf_append_str(out, "daybook pack ");
	buf_append_str(out, archive_id);
	buf_append_byte(out, 0);
	buf_append_mem(out, id->raw, sizeof id->raw);
}

void
pack_footer_encode(const struct pack_footer *f, struct buf *out)
{
	size_t start = out->len;

	buf_u64(out, f->file_bytes);
	buf_u64(out, f->directory_offset);
	buf_u32(out, f->directory_raw_len);
	buf_u32(out, f->directory_sealed_len);
	buf_u32(out, f->group_count);
	buf_u32(out, f->block_count);
	buf_u32(out, f->part_count);
	buf_u32(out, f->record_count);
	buf_u32(out, f->tombstone_block_count);
	buf_u32(out, f->tombstone_count);
	buf_u32(out, f->without_leaf);
	buf_u32(out, f->raw_messages);
	buf_u64(out, f->message_bytes);
	buf_u64(out, (uint64_t)f->created_ms);
	buf_u64(out, (uint64_t)f->oldest_ms);
	buf_u64(out, (uint64_t)f->newest_ms);
	buf_u64(out, f->leaf_first);
	buf_u64(out, f->leaf_last);
	buf_u64(out, 0); /* reserved */
	buf_u64(out, 0);
	buf_append_mem(out, f->directory_sha256, sizeof f->directory_sha256);
	buf_append_mem(out, f->content_sha256, sizeof f->content_sha256);
	must(out->len - start == PACK_FOOTER_BYTES);
}

/* Sums of limited 32-bit numbers: no overflow in 64 bits. */
static uint64_t
directory_bytes(const struct pack_footer *f)
{
	return (uint64_t)f->group_count * PACK_GROUP_ENTRY_BYTES +
	       (uint64_t)f->block_count * PACK_BLOCK_ENTRY_BYTES +
	       (uint64_t)f->tombstone_block_count * PACK_TOMBSTONE_ENTRY_BYTES +
	       (uint64_t)f->part_count * PACK_PART_ENTRY_BYTES +
	       (uint64_t)f->record_count * ID_RECORD_BYTES;
}

/* So many things, at least one and at most so many in each place. */
static bool
count_fits(uint32_t things, uint32_t places, uint32_t each_max)
{
	return places <= things && (uint64_t)places * each_max >= things;
}

static bool
counts_fit(const struct pack_footer *f)
{
	bool leaves = f->without_leaf < f->record_count;

	return f->record_count <= PACK_RECORDS_MAX && f->tombstone_count <= PACK_TOMBSTONES_MAX &&
	       f->part_count <= PACK_PARTS_MAX &&
	       (f->record_count >= 1 || f->tombstone_count >= 1) &&
	       count_fits(f->record_count, f->group_count, PACK_GROUP_ROWS_MAX) &&
	       count_fits(f->tombstone_count, f->tombstone_block_count, PACK_TOMBSTONE_ROWS) &&
	       f->without_leaf <= f->record_count && f->raw_messages <= f->record_count &&
	       f->leaf_first <= f->leaf_last && (f->leaf_first != PACK_LEAF_NONE) == leaves &&
	       (f->leaf_last != PACK_LEAF_NONE) == leaves;
}

/* What cannot be in a file of that size is refused before anything is allocated for it. */
static bool
footer_fits(const struct pack_footer *f, uint64_t file_bytes)
{
	uint64_t blocks = (uint64_t)f->group_count * PACK_COLUMN_COUNT + f->block_count +
			  f->tombstone_block_count;

	return f->file_bytes == file_bytes && file_bytes <= PACK_FILE_BYTES_MAX && counts_fit(f) &&
	       blocks <= file_bytes / CRYPT_TAG_BYTES &&
	       f->directory_raw_len == directory_bytes(f) &&
	       f->directory_raw_len <= PACK_DIRECTORY_BYTES_MAX &&
	       f->directory_offset >= PACK_HEADER_BYTES && f->directory_offset <= file_bytes &&
	       f->directory_sealed_len > CRYPT_TAG_BYTES &&
	       f->directory_sealed_len <= pack_block_sealed_max(f->directory_raw_len) &&
	       f->directory_offset + f->directory_sealed_len + PACK_TAIL_BYTES == file_bytes;
}

bool
pack_footer_decode(
    struct bytes plain, uint64_t file_bytes, struct pack_footer *out, struct err *err)
{
	struct bytes directory, content;
	struct reader r;
	uint64_t reserved;

	reader_init(&r, plain);
	out->file_bytes = reader_u64(&r);
	out->directory_offset = reader_u64(&r);
	out->directory_raw_len = reader_u32(&r);
	out->directory_sealed_len = reader_u32(&r);
	out->group_count = reader_u32(&r);
	out->block_count = reader_u32(&r);
	out->part_count = reader_u32(&r);
	out->record_count = reader_u32(&r);
	out->tombstone_block_count = reader_u32(&r);
	out->tombstone_count = reader_u32(&r);
	out->without_leaf = reader_u32(&r);
	out->raw_messages = reader_u32(&r);
	out->message_bytes = reader_u64(&r);
	out->created_ms = (int64_t)reader_u64(&r);
	out->oldest_ms = (int64_t)reader_u64(&r);
	out->newest_ms = (int64_t)reader_u64(&r);
	out->leaf_first = reader_u64(&r);
	out->leaf_last = reader_u64(&r);
	reserved = reader_u64(&r);
	reserved |= reader_u64(&r);
	directory = reader_take(&r, sizeof out->directory_sha256);
	content = reader_take(&r, sizeof out->content_sha256);
	if (!reader_done(&r) || reserved != 0 || !footer_fits(out, file_bytes))
		return ERR(err, ERR_CORRUPT, "the footer contradicts itself or the file");
	memcpy(out->directory_sha256, directory.ptr, directory.len);
	memcpy(out->content_sha256, content.ptr, content.len);
	return true;
}

uint64_t
pack_directory_part_at(const struct pack_directory *d, uint32_t part)
{
	return part == 0 ? 0 : d->part_ends[part - 1];
}

static void
extent_encode(const struct pack_extent *e, struct buf *out)
{
	buf_u32(out, e->raw_len);
	buf_u32(out, e->sealed_len);
}

void
pack_directory_encode(const struct pack_directory *d, struct buf *out)
{
	for (uint32_t i = 0; i < d->group_count; i++) {
		buf_u32(out, d->groups[i].row_count);
		for (unsigned c = 0; c < PACK_COLUMN_COUNT; c++)
			extent_encode(&d->groups[i].columns[c], out);
	}
	for (uint32_t i = 0; i < d->block_count; i++) {
		buf_u8(out, (uint8_t)d->blocks[i].kind);
		extent_encode(&d->blocks[i].extent, out);
	}
	for (uint32_t i = 0; i < d->tombstone_block_count; i++)
		extent_encode(&d->tombstones[i].extent, out);
	for (uint32_t i = 0; i < d->part_count; i++)
		buf_u32(out, (uint32_t)(d->part_ends[i] - pack_directory_part_at(d, i)));
	for (uint32_t i = 0; i < d->record_count; i++)
		buf_append_mem(out, d->ids[i].raw, ID_RECORD_BYTES);
}

/* Takes one extent and moves *offset past its block. */
static bool
extent_decode(struct reader *r, size_t raw_max, struct pack_extent *out, uint64_t *offset)
{
	out->raw_len = reader_u32(r);
	out->sealed_len = reader_u32(r);
	*offset += out->sealed_len;
	return out->raw_len >= 1 && out->raw_len <= raw_max && out->sealed_len >= CRYPT_TAG_BYTES &&
	       out->sealed_len <= pack_block_sealed_max(out->raw_len);
}

static bool
groups_decode(struct reader *r, struct pack_directory *d, uint64_t *offset, struct err *err)
{
	uint64_t rows = 0;

	for (uint32_t i = 0; i < d->group_count; i++) {
		struct pack_group *group = &d->groups[i];

		group->row_count = reader_u32(r);
		group->first_row = (uint32_t)rows;
		group->offset = *offset;
		if (group->row_count < 1 || group->row_count > PACK_GROUP_ROWS_MAX)
			return ERR(
			    err, ERR_CORRUPT, "row group %u has an impossible number of rows", i);
		rows += group->row_count;
		for (unsigned c = 0; c < PACK_COLUMN_COUNT; c++)
			if (!extent_decode(r, PACK_COLUMN_BYTES_MAX, &group->columns[c], offset))
				return ERR(
				    err, ERR_CORRUPT, "row group %u has an impossible column", i);
	}
	if (rows != d->record_count)
		return ERR(err, ERR_CORRUPT, "the row groups do not add up to the records");
	return true;
}

/* Into the lists by kind; each kind counts for itself. */
static bool
block_sort(struct pack_directory *d, uint32_t i, uint64_t *parts_plain)
{
	struct pack_block *b = &d->blocks[i];

	if (b->kind == PACK_BLOCK_SKELETON) {
		d->skeletons[d->skeleton_count++] = i;
		return true;
	}
	if (b->kind == PACK_BLOCK_PARTS) {
		d->parts[d->part_block_count++] = i;
		b->plain_at = *parts_plain;
		*parts_plain += b->extent.raw_len;
		return true;
	}
	if (b->kind != PACK_BLOCK_DICTIONARY || d->dictionary != UINT32_MAX ||
	    d->skeleton_count > 0 || b->extent.raw_len > PACK_DICTIONARY_BYTES_MAX)
		return false;
	d->dictionary = i;
	return true;
}

static bool
blocks_decode(struct reader *r, struct pack_directory *d, uint64_t *offset, uint64_t *parts_plain,
    struct err *err)
{
	for (uint32_t i = 0; i < d->block_count; i++) {
		d->blocks[i].kind = (enum pack_block_kind)reader_u8(r);
		d->blocks[i].offset = *offset;
		if (!extent_decode(r, PACK_BLOCK_BYTES_MAX, &d->blocks[i].extent, offset) ||
		    !block_sort(d, i, parts_plain))
			return ERR(err, ERR_CORRUPT, "body block %u is an impossible one", i);
	}
	return true;
}

static bool
tombstones_decode(struct reader *r, struct pack_directory *d, const struct pack_footer *footer,
    uint64_t *offset, struct err *err)
{
	uint64_t bytes = 0;
	bool ok = true;

	for (uint32_t i = 0; ok && i < d->tombstone_block_count; i++) {
		struct pack_block *b = &d->tombstones[i];

		b->kind = PACK_BLOCK_TOMBSTONES;
		b->offset = *offset;
		ok = extent_decode(
		    r, (size_t)PACK_TOMBSTONE_ROWS * PACK_TOMBSTONE_BYTES, &b->extent, offset);
		bytes += b->extent.raw_len;
	}
	if (!ok || bytes != (uint64_t)footer->tombstone_count * PACK_TOMBSTONE_BYTES)
		return ERR(err, ERR_CORRUPT, "the tombstone blocks do not hold its tombstones");
	return true;
}

static bool
parts_decode(struct reader *r, struct pack_directory *d, uint64_t parts_plain, struct err *err)
{
	uint64_t end = 0;

	for (uint32_t i = 0; i < d->part_count; i++) {
		uint32_t len = reader_u32(r);

		if (len == 0)
			return ERR(err, ERR_CORRUPT, "part %u is empty", i);
		end += len;
		d->part_ends[i] = end;
	}
	if (end != parts_plain)
		return ERR(err, ERR_CORRUPT, "the parts do not fill their blocks");
	return true;
}

static bool
ids_decode(
    struct reader *r, struct pack_directory *d, const struct pack_footer *footer, struct err *err)
{
	for (uint32_t i = 0; i < d->record_count; i++) {
		struct bytes id = reader_take(r, ID_RECORD_BYTES);

		must(id.len == ID_RECORD_BYTES); /* the length was checked as a whole */
		memcpy(d->ids[i].raw, id.ptr, id.len);
		if (i > 0 && id_record_compare(&d->ids[i - 1], &d->ids[i]) >= 0)
			return ERR(err, ERR_CORRUPT, "the directory is not sorted");
	}
	if (d->record_count == 0)
		return true;
	if (id_record_ms(&d->ids[0]) != footer->oldest_ms ||
	    id_record_ms(&d->ids[d->record_count - 1]) != footer->newest_ms)
		return ERR(err, ERR_CORRUPT, "the footer's time range is not the directory's");
	return true;
}

/* On disk body blocks come first, then row groups, then tombstones: in the directory groups stand first, so the sums
 * are made apart. */
bool
pack_directory_decode(struct bytes plain, const struct pack_footer *footer,
    struct pack_directory *out, struct err *err)
{
	uint64_t group_end = 0, tombstone_end = 0, block_end = PACK_HEADER_BYTES, parts_plain = 0;
	struct reader r;

	*out = (struct pack_directory){.group_count = footer->group_count,
	    .block_count = footer->block_count,
	    .tombstone_block_count = footer->tombstone_block_count,
	    .part_count = footer->part_count,
	    .record_count = footer->record_count,
	    .dictionary = UINT32_MAX};
	if (plain.len != directory_bytes(footer))
		return ERR(err, ERR_CORRUPT, "the directory has not the length its counts ask for");
	out->groups = mem_calloc(out->group_count, sizeof *out->groups);
	out->blocks = mem_calloc(out->block_count, sizeof *out->blocks);
	out->tombstones = mem_calloc(out->tombstone_block_count, sizeof *out->tombstones);
	out->skeletons = mem_calloc(out->block_count, sizeof *out->skeletons);
	out->parts = mem_calloc(out->block_count, sizeof *out->parts);
	out->part_ends = mem_calloc(out->part_count, sizeof *out->part_ends);
	out->ids = mem_calloc(out->record_count, sizeof *out->ids);
	reader_init(&r, plain);
	if (!groups_decode(&r, out, &group_end, err) ||
	    !blocks_decode(&r, out, &block_end, &parts_plain, err) ||
	    !tombstones_decode(&r, out, footer, &tombstone_end, err) ||
	    !parts_decode(&r, out, parts_plain, err) || !ids_decode(&r, out, footer, err))
		return false;
	must(reader_done(&r));
	for (uint32_t i = 0; i < out->group_count; i++)
		out->groups[i].offset += block_end;
	for (uint32_t i = 0; i < out->tombstone_block_count; i++)
		out->tombstones[i].offset += block_end + group_end;
	if (block_end + group_end + tombstone_end != footer->directory_offset)
		return ERR(err, ERR_CORRUPT, "the blocks do not fill the file");
	return true;
}

void
pack_directory_fini(struct pack_directory *d)
{
	mem_free(d->groups);
	mem_free(d->blocks);
	mem_free(d->tombstones);
	mem_free(d->skeletons);
	mem_free(d->parts);
	mem_free(d->part_ends);
	mem_free(d->ids);
	*d = (struct pack_directory){0};
}

void
pack_tombstone_encode(const struct pack_tombstone *t, struct buf *out)
{
	buf_append_mem(out, t->id.raw, sizeof t->id.raw);
	buf_u64(out, t->leaf_index);
	buf_append_mem(out, t->leaf_hash, sizeof t->leaf_hash);
	buf_u64(out, (uint64_t)t->removed_ms);
	buf_u8(out, t->reason);
}

bool
pack_tombstone_decode(struct reader *r, struct pack_tombstone *out)
{
	struct bytes id = reader_take(r, sizeof out->id.raw), hash;

	out->leaf_index = reader_u64(r);
	hash = reader_take(r, sizeof out->leaf_hash);
	out->removed_ms = (int64_t)reader_u64(r);
	out->reason = reader_u8(r);
	if (!reader_ok(r))
		return false;
	memcpy(out->id.raw, id.ptr, id.len);
	memcpy(out->leaf_hash, hash.ptr, hash.len);
	return true;
}
