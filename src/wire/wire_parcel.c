/* SPDX-License-Identifier: Apache-2.0 */
/* Encoder and decoder of parcels: docs/formats/wire.md §6. */
#include "wire_parcel.h"

void
wire_parcel_encode(const struct wire_parcel *p, struct buf *out)
{
	buf_u8(out, p->mail ? 1 : 0);
	buf_u32(out, p->call_ms);
	buf_bytes16(out, bytes_of_str(p->url));
	buf_bytes16(out, bytes_of_str(p->ca_file));
	buf_bytes16(out, bytes_of_str(p->from));
	buf_bytes16(out, bytes_of_str(p->to));
	buf_bytes16(out, bytes_of_str(p->hello));
}

/* A text without NUL; the reader fails otherwise. */
static const char *
text_take(struct reader *r, struct arena *arena)
{
	struct bytes text = reader_bytes16(r);

	if (bytes_find_byte(text, 0, '\0') != SIZE_MAX)
		r->failed = true;
	return arena_text(arena, text);
}

bool
wire_parcel_decode(
    struct bytes payload, struct arena *arena, struct wire_parcel *out, struct err *err)
{
	struct reader r;
	uint8_t mail;

	reader_init(&r, payload);
	mail = reader_u8(&r);
	out->mail = mail == 1;
	out->call_ms = reader_u32(&r);
	out->url = text_take(&r, arena);
	out->ca_file = text_take(&r, arena);
	out->from = text_take(&r, arena);
	out->to = text_take(&r, arena);
	out->hello = text_take(&r, arena);
	if (!reader_done(&r) || mail > 1 || out->call_ms == 0 ||
	    out->call_ms > WIRE_PARCEL_CALL_MS_MAX)
		return ERR(err, ERR_SYNTAX, "not a parcel");
	return true;
}

void
wire_parcel_answer_encode(const struct wire_parcel_answer *a, struct buf *out)
{
	buf_u8(out, a->ok ? 1 : 0);
	buf_u16(out, a->status);
	buf_u8(out, (uint8_t)a->code);
	buf_bytes16(out, bytes_of_str(a->message));
}

bool
wire_parcel_answer_decode(
    struct bytes payload, struct arena *arena, struct wire_parcel_answer *out, struct err *err)
{
	struct reader r;
	uint8_t ok, code;

	reader_init(&r, payload);
	ok = reader_u8(&r);
	out->ok = ok == 1;
	out->status = reader_u16(&r);
	code = reader_u8(&r);
	out->message = text_take(&r, arena);
	if (!reader_done(&r) || ok > 1 || code > ERR_REFUSED || (ok == 1) != (code == ERR_NONE))
		return ERR(err, ERR_SYNTAX, "not the answer to a parcel");
	out->code = (enum err_code)code;
	return true;
}
