/* SPDX-License-Identifier: Apache-2.0 */
/* Rows by column, both directions (docs/formats/pack.md). */
#include "pack_group_int.h"

#include <string.h>

#include "pack_columns.h"

/* Fields of a key, in this order, and where they begin; on disk all of one field stand together. */
#define KEY_SIZE_AT      0u
#define KEY_SHA256_AT    8u
#define KEY_RETENTION_AT 40u
#define KEY_BLOCK_AT     41u
#define KEY_OFFSET_AT    45u
#define KEY_LEAF_AT      49u
#define KEY_BYTES        57u

#define LENGTH_BYTES     4u
#define GROUP_BYTES_MAX  (2 * PACK_COLUMN_BYTES_MAX)

static bool
is_text(unsigned column)
{
	return column != PACK_COLUMN_KEYS && column != PACK_COLUMN_ATTACHMENTS;
}

void
pack_group_writer_init(struct pack_group_writer *w)
{
	for (unsigned c = 0; c < PACK_COLUMN_COUNT; c++) {
		buf_init(&w->columns[c], GROUP_BYTES_MAX);
		buf_init(&w->lengths[c], GROUP_BYTES_MAX);
	}
	buf_init(&w->scratch, GROUP_BYTES_MAX);
	w->row_count = 0;
}

void
pack_group_writer_fini(struct pack_group_writer *w)
{
	for (unsigned c = 0; c < PACK_COLUMN_COUNT; c++) {
		buf_fini(&w->columns[c]);
		buf_fini(&w->lengths[c]);
	}
	buf_fini(&w->scratch);
}

void
pack_group_writer_reset(struct pack_group_writer *w)
{
	for (unsigned c = 0; c < PACK_COLUMN_COUNT; c++) {
		buf_reset(&w->columns[c]);
		buf_reset(&w->lengths[c]);
	}
	w->row_count = 0;
}

static void
text_add(struct pack_group_writer *w, enum pack_column column, struct bytes text)
{
	buf_u32(&w->lengths[column], (uint32_t)text.len);
	buf_append(&w->columns[column], text);
}

/* Everything that is in no column of its own. */
static void
rest_add(struct pack_group_writer *w, const struct pack_columns *columns)
{
	struct pack_columns rest = *columns;

	rest.from = rest.to = rest.cc = rest.subject = rest.envelope_from = BYTES_EMPTY;
	buf_reset(&w->scratch);
	pack_columns_encode(&rest, &w->scratch);
	text_add(w, PACK_COLUMN_REST, buf_view(&w->scratch));
}

static void
recipients_add(struct pack_group_writer *w, const struct pack_row *row)
{
	buf_reset(&w->scratch);
	for (size_t i = 0; i < row->recipient_count; i++)
		buf_bytes32(&w->scratch, row->recipients[i]);
	text_add(w, PACK_COLUMN_ENVELOPE_TO, buf_view(&w->scratch));
}

void
pack_group_writer_add(
    struct pack_group_writer *w, const struct pack_row *row, struct pack_place place)
{
	const struct pack_columns *c = &row->columns;
	struct buf *keys = &w->columns[PACK_COLUMN_KEYS];

	buf_u64(keys, row->size_bytes);
	buf_append_mem(keys, row->sha256, sizeof row->sha256);
	buf_u8(keys, (uint8_t)row->retention);
	buf_u32(keys, place.block);
	buf_u32(keys, place.offset);
	buf_u64(keys, row->leaf_index);
	buf_u8(&w->columns[PACK_COLUMN_ATTACHMENTS], c->has_attachments ? 1 : 0);
	text_add(w, PACK_COLUMN_FROM, c->from);
	text_add(w, PACK_COLUMN_TO, c->to);
	text_add(w, PACK_COLUMN_CC, c->cc);
	text_add(w, PACK_COLUMN_SUBJECT, c->subject);
	text_add(w, PACK_COLUMN_ENVELOPE_FROM, c->envelope_from);
	recipients_add(w, row);
	rest_add(w, c);
	w->row_count++;
}

/* One field of every row, then the next field. */
static void
keys_put(const struct pack_group_writer *w, struct buf *out)
{
	static const size_t FIELDS[] = {KEY_SIZE_AT, KEY_SHA256_AT, KEY_RETENTION_AT, KEY_BLOCK_AT,
	    KEY_OFFSET_AT, KEY_LEAF_AT, KEY_BYTES};
	struct bytes keys = buf_view(&w->columns[PACK_COLUMN_KEYS]);

	for (size_t f = 0; f + 1 < sizeof FIELDS / sizeof *FIELDS; f++)
		for (size_t at = FIELDS[f]; at < keys.len; at += KEY_BYTES)
			buf_append(out, bytes_slice(keys, at, FIELDS[f + 1] - FIELDS[f]));
}

void
pack_group_writer_column(
    const struct pack_group_writer *w, enum pack_column column, struct buf *out)
{
	must(!w->columns[column].failed && !w->lengths[column].failed && !w->scratch.failed);
	if (column == PACK_COLUMN_KEYS) {
		keys_put(w, out);
		return;
	}
	buf_append(out, buf_view(&w->lengths[column]));
	buf_append(out, buf_view(&w->columns[column]));
}

void
pack_rows_init(struct pack_rows *g, uint32_t row_count)
{
	*g = (struct pack_rows){.row_count = row_count};
	arena_init(&g->arena);
}

void
pack_rows_fini(struct pack_rows *g)
{
	arena_fini(&g->arena);
}

/* Lengths first, then the texts without gaps. */
static bool
texts_add(struct pack_rows *g, enum pack_column column, struct bytes plain)
{
	struct bytes *texts = arena_calloc(&g->arena, g->row_count, sizeof *texts);
	struct reader lengths, text;

	reader_init(&text, plain);
	reader_init(&lengths, reader_take(&text, (size_t)g->row_count * LENGTH_BYTES));
	for (uint32_t i = 0; i < g->row_count; i++)
		texts[i] = reader_take(&text, reader_u32(&lengths));
	g->texts[column] = texts;
	return reader_done(&lengths) && reader_done(&text);
}

static bool
recipients_decode(struct pack_rows *g, uint32_t index, struct bytes value)
{
	struct bytes *list;
	struct reader r;
	uint32_t count = 0;

	reader_init(&r, value);
	for (; r.left.len > 0 && reader_ok(&r); count++)
		(void)reader_bytes32(&r);
	if (!reader_ok(&r))
		return false;
	list = arena_calloc(&g->arena, count, sizeof *list);
	reader_init(&r, value);
	for (uint32_t i = 0; i < count; i++)
		list[i] = reader_bytes32(&r);
	g->recipients[index] = list;
	g->recipient_counts[index] = count;
	return true;
}

static bool
recipients_split(struct pack_rows *g)
{
	g->recipients = arena_calloc(&g->arena, g->row_count, sizeof *g->recipients);
	g->recipient_counts = arena_calloc(&g->arena, g->row_count, sizeof *g->recipient_counts);
	for (uint32_t i = 0; i < g->row_count; i++)
		if (!recipients_decode(g, i, g->texts[PACK_COLUMN_ENVELOPE_TO][i]))
			return false;
	return true;
}

static bool
keys_check(struct bytes keys, size_t row_count)
{
	struct bytes retentions = bytes_slice(keys, row_count * KEY_RETENTION_AT, row_count);

	for (size_t i = 0; i < retentions.len; i++)
		if (retentions.ptr[i] < PACK_RETENTION_THREE_MONTHS ||
		    retentions.ptr[i] > PACK_RETENTION_PERMANENT)
			return false;
	return true;
}

static bool
attachments_check(struct bytes attachments)
{
	for (size_t i = 0; i < attachments.len; i++)
		if (attachments.ptr[i] > 1)
			return false;
	return true;
}

bool
pack_rows_add(struct pack_rows *g, enum pack_column column, struct bytes plain, struct err *err)
{
	bool ok;

	if (column == PACK_COLUMN_KEYS) {
		g->keys = plain;
		ok = plain.len == (size_t)g->row_count * KEY_BYTES &&
		     keys_check(plain, g->row_count);
	} else if (column == PACK_COLUMN_ATTACHMENTS) {
		g->attachments = plain;
		ok = plain.len == g->row_count && attachments_check(plain);
	} else {
		must(is_text(column));
		ok = texts_add(g, column, plain) &&
		     (column != PACK_COLUMN_ENVELOPE_TO || recipients_split(g));
	}
	if (!ok)
		return ERR(err, ERR_CORRUPT, "column %u does not hold what its rows ask for",
		    (unsigned)column);
	g->loaded |= PACK_COLUMN_BIT(column);
	return true;
}

/* The field that begins at from and ends at to, of one row. */
static struct reader
key_reader(const struct pack_rows *g, uint32_t index, size_t from, size_t to)
{
	struct reader r;

	must((g->loaded & PACK_COLUMN_BIT(PACK_COLUMN_KEYS)) != 0 && index < g->row_count);
	reader_init(&r, bytes_slice(g->keys, g->row_count * from + index * (to - from), to - from));
	return r;
}

uint64_t
pack_rows_size_bytes(const struct pack_rows *g, uint32_t index)
{
	struct reader r = key_reader(g, index, KEY_SIZE_AT, KEY_SHA256_AT);

	return reader_u64(&r);
}

void
pack_rows_sha256(const struct pack_rows *g, uint32_t index, uint8_t out[CRYPT_SHA256_BYTES])
{
	struct reader r = key_reader(g, index, KEY_SHA256_AT, KEY_RETENTION_AT);

	memcpy(out, reader_take(&r, CRYPT_SHA256_BYTES).ptr, CRYPT_SHA256_BYTES);
}

struct pack_place
pack_rows_place(const struct pack_rows *g, uint32_t index)
{
	struct reader block = key_reader(g, index, KEY_BLOCK_AT, KEY_OFFSET_AT);
	struct reader offset = key_reader(g, index, KEY_OFFSET_AT, KEY_LEAF_AT);

	return (struct pack_place){reader_u32(&block), reader_u32(&offset)};
}

uint64_t
pack_rows_leaf_index(const struct pack_rows *g, uint32_t index)
{
	struct reader r = key_reader(g, index, KEY_LEAF_AT, KEY_BYTES);

	return reader_u64(&r);
}

static bool
rest_get(const struct pack_rows *g, uint32_t index, struct arena *arena, struct pack_columns *out,
    struct err *err)
{
	struct reader r;

	reader_init(&r, g->texts[PACK_COLUMN_REST][index]);
	if (!pack_columns_decode(&r, arena, out, err))
		return false;
	if (!reader_done(&r) || out->from.len + out->to.len + out->cc.len + out->subject.len > 0 ||
	    out->envelope_from.len > 0)
		return ERR(
		    err, ERR_CORRUPT, "the last column of row %u holds what others should", index);
	return true;
}

static bool
is_wanted(unsigned columns, enum pack_column column)
{
	return (columns & PACK_COLUMN_BIT(column)) != 0;
}

static void
keys_get(const struct pack_rows *g, uint32_t index, struct pack_row *out)
{
	out->size_bytes = pack_rows_size_bytes(g, index);
	pack_rows_sha256(g, index, out->sha256);
	out->retention =
	    (enum pack_retention)g->keys.ptr[(size_t)g->row_count * KEY_RETENTION_AT + index];
	out->leaf_index = pack_rows_leaf_index(g, index);
}

bool
pack_rows_get(const struct pack_rows *g, uint32_t index, const struct id_record *id,
    unsigned columns, struct arena *arena, struct pack_row *out, struct err *err)
{
	struct pack_columns *c = &out->columns;
	struct bytes *const into[PACK_COLUMN_COUNT] = {[PACK_COLUMN_FROM] = &c->from,
	    [PACK_COLUMN_TO] = &c->to,
	    [PACK_COLUMN_CC] = &c->cc,
	    [PACK_COLUMN_SUBJECT] = &c->subject,
	    [PACK_COLUMN_ENVELOPE_FROM] = &c->envelope_from};

	must(index < g->row_count && (columns & ~g->loaded) == 0);
	*out = (struct pack_row){
	    .id = *id, .received_ms = id_record_ms(id), .leaf_index = PACK_LEAF_NONE};
	if (is_wanted(columns, PACK_COLUMN_REST) && !rest_get(g, index, arena, c, err))
		return false;
	for (unsigned column = 0; column < PACK_COLUMN_COUNT; column++)
		if (into[column] != NULL && is_wanted(columns, (enum pack_column)column))
			*into[column] = g->texts[column][index];
	if (is_wanted(columns, PACK_COLUMN_ENVELOPE_TO)) {
		out->recipients = g->recipients[index];
		out->recipient_count = g->recipient_counts[index];
	}
	if (is_wanted(columns, PACK_COLUMN_ATTACHMENTS)) {
		bool attachments = g->attachments.ptr[index] == 1;

		if (is_wanted(columns, PACK_COLUMN_REST) && c->has_attachments != attachments)
			return ERR(err, ERR_CORRUPT, "two columns of row %u disagree", index);
		c->has_attachments = attachments;
	}
	if (is_wanted(columns, PACK_COLUMN_KEYS))
		keys_get(g, index, out);
	return true;
}
