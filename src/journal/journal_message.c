/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over the header for the columns, one over the whole for the structure. */
#include "journal_message.h"

#include "base_limits.h"
#include "mime_header.h"
#include "mime_message.h"

/* How a header field becomes a column. The first field of a name counts, as in RFC 5322 §3.6 it is the only one. */
struct column {
	const char *name;
	size_t offset; /* of a struct bytes in struct pack_columns; SIZE_MAX = none */
	size_t field;  /* of a struct policy_field in struct policy_message; SIZE_MAX = none */
	bool decode;
};

#define NO_OFFSET SIZE_MAX
#define COLUMN(m) offsetof(struct pack_columns, m)
#define FIELD(m)  offsetof(struct policy_message, m)

static const struct column COLUMNS[] = {
    {"Date", COLUMN(date), NO_OFFSET, false},
    {"From", COLUMN(from), FIELD(from), true},
    {"To", COLUMN(to), FIELD(to), true},
    {"Cc", COLUMN(cc), FIELD(cc), true},
    {"Sender", NO_OFFSET, FIELD(sender), true},
    {"Subject", COLUMN(subject), NO_OFFSET, true},
    {"Message-ID", COLUMN(message_id), NO_OFFSET, false},
    {"In-Reply-To", COLUMN(in_reply_to), NO_OFFSET, false},
    {"X-Mailer", COLUMN(x_mailer), NO_OFFSET, false},
    {"X-Original-Mailer", COLUMN(x_original_mailer), NO_OFFSET, false},
    {"X-Priority", COLUMN(x_priority), NO_OFFSET, false},
};
#define COLUMN_COUNT (sizeof COLUMNS / sizeof *COLUMNS)

struct parse {
	struct arena *arena;
	struct journal_message *out;
	struct policy_header *x_headers;
	struct bytes *received;
	bool seen[COLUMN_COUNT];
};

/* Cuts at a character boundary and says so. */
static struct bytes
limited(struct parse *p, struct bytes text)
{
	size_t len = JOURNAL_COLUMN_BYTES_MAX;

	if (text.len <= len)
		return text;
	p->out->columns.parse_flags |= PACK_PARSE_LIMITED;
	while (len > 0 && (text.ptr[len] & 0xc0) == 0x80)
		len--;
	return bytes_of(text.ptr, len);
}

static void
read_addresses(struct parse *p, struct bytes raw, struct bytes decoded, struct policy_field *field)
{
	struct mime_address *list;
	bool cut = false;
	size_t count = mime_address_parse(p->arena, raw, &list, &cut);
	struct bytes *addresses = arena_calloc(p->arena, count, sizeof *addresses);

	for (size_t i = 0; i < count; i++)
		addresses[i] = list[i].address;
	*field = (struct policy_field){decoded, addresses, count};
	if (cut)
		p->out->columns.parse_flags |= PACK_PARSE_LIMITED;
}

static void
read_column(struct parse *p, const struct column *column, struct bytes raw)
{
	struct bytes text =
	    column->decode ? mime_field_decode(p->arena, raw) : mime_field_unfold(p->arena, raw);

	if (column->offset != NO_OFFSET)
		*(struct bytes *)(void *)((char *)&p->out->columns + column->offset) =
		    limited(p, text);
	if (column->field != NO_OFFSET)
		read_addresses(p, raw, text,
		    (struct policy_field *)(void *)((char *)&p->out->policy + column->field));
	if (bytes_equal_nocase(bytes_of_str(column->name), BYTES_LIT("Subject")))
		p->out->policy.subject = text;
}

static void
read_field(struct parse *p, const struct mime_field *f)
{
	struct pack_columns *columns = &p->out->columns;

	for (size_t i = 0; i < COLUMN_COUNT; i++)
		if (!p->seen[i] && bytes_equal_nocase(f->name, bytes_of_str(COLUMNS[i].name))) {
			p->seen[i] = true;
			read_column(p, &COLUMNS[i], f->raw);
			break;
		}
	if (bytes_starts_with_nocase(f->name, BYTES_LIT("X-")))
		p->x_headers[p->out->policy.x_header_count++] =
		    (struct policy_header){f->name, mime_field_decode(p->arena, f->raw)};
	if (bytes_equal_nocase(f->name, BYTES_LIT("Received"))) {
		p->out->received_count++;
		if (columns->received_header_count < JOURNAL_RECEIVED_LINES_MAX)
			p->received[columns->received_header_count++] =
			    limited(p, mime_field_unfold(p->arena, f->raw));
	}
	if (bytes_equal_nocase(f->name, BYTES_LIT("Disposition-Notification-To")) ||
	    bytes_equal_nocase(f->name, BYTES_LIT("Return-Receipt-To")))
		p->out->policy.read_receipt_requested = true;
}

static uint32_t
parse_flags(uint32_t mime)
{
	return (mime & MIME_FLAG_MALFORMED ? (uint32_t)PACK_PARSE_MALFORMED : 0) |
	       (mime & MIME_FLAG_LIMITED ? (uint32_t)PACK_PARSE_LIMITED : 0) |
	       (mime & MIME_FLAG_NUL ? (uint32_t)PACK_PARSE_NUL : 0) |
	       (mime & MIME_FLAG_BARE_LF ? (uint32_t)PACK_PARSE_BARE_LF : 0) |
	       (mime & MIME_FLAG_BARE_CR ? (uint32_t)PACK_PARSE_BARE_CR : 0) |
	       (mime & MIME_FLAG_8BIT_HEADER ? (uint32_t)PACK_PARSE_8BIT_HEADER : 0);
}

void
journal_message_parse(struct arena *arena, struct bytes body, struct journal_message *out)
{
	struct parse p = {.arena = arena, .out = out};
	struct mime_header_cursor cursor;
	struct mime_message structure;
	struct mime_field field;

	*out = (struct journal_message){0};
	p.x_headers = arena_calloc(arena, MIME_FIELDS_MAX, sizeof *p.x_headers);
	p.received = arena_calloc(arena, JOURNAL_RECEIVED_LINES_MAX, sizeof *p.received);
	mime_header_init(&cursor, body);
	while (mime_header_next(&cursor, &field))
		read_field(&p, &field);
	mime_message_scan(arena, body, &structure);
	out->columns.parse_flags |= parse_flags(structure.flags) |
				    (cursor.limited ? (uint32_t)PACK_PARSE_LIMITED : 0) |
				    (cursor.malformed ? (uint32_t)PACK_PARSE_MALFORMED : 0);
	out->columns.has_attachments = structure.has_attachments;
	out->columns.received_headers = p.received;
	out->policy.x_headers = p.x_headers;
	out->policy.size_bytes = body.len;
}
