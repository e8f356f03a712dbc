/* SPDX-License-Identifier: Apache-2.0 */
/* The structure of a message: its parts, its text, whether it carries attachments. Pure; never
 * fails on any bytes. */
#ifndef MIME_MESSAGE_H
#define MIME_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_arena.h"
#include "base_bytes.h"

enum mime_flag {
	MIME_FLAG_MALFORMED = 1, /* header is none, unterminated multipart, … */
	MIME_FLAG_LIMITED =
	    2, /* a limit of base_limits.h was reached; the rest was not looked at */
	MIME_FLAG_NUL = 4,
	MIME_FLAG_BARE_LF = 8,
	MIME_FLAG_BARE_CR = 16,
	MIME_FLAG_8BIT_HEADER = 32
};

enum mime_encoding {
	MIME_ENCODING_IDENTITY,
	MIME_ENCODING_BASE64,
	MIME_ENCODING_QUOTED_PRINTABLE,
	MIME_ENCODING_UUENCODE
};

struct mime_part {
	size_t header_at, body_at,
	    end; /* offsets into the message: [header_at, body_at) header, [body_at, end) body */
	unsigned depth;             /* 0 = the message itself */
	size_t parent;              /* index; own index for the message */
	struct bytes type, subtype; /* lower case; text/plain when absent or broken */
	struct bytes charset,
	    filename;             /* filename decoded (RFC 2231, RFC 2047); empty when absent */
	struct bytes disposition; /* lower case; empty when absent */
	struct bytes content_id;
	enum mime_encoding encoding;
	bool multipart,
	    message; /* message: message/rfc822 or message/global, its content is a child part */
};

struct mime_message {
	struct bytes bytes;
	const struct mime_part
	    *parts; /* [0] is the message; children follow their parent, in order */
	size_t part_count;
	uint32_t flags; /* of enum mime_flag */
	bool has_attachments;
};

/*
 * mime_message_scan: one pass over the bytes. has_attachments: some part that is not multipart has
 * disposition "attachment", or has a filename and is not an image shown inside HTML (a Content-ID
 * within multipart/related), or is neither text/plain, text/html nor such an image. cost   linear
 * in the message; memory by part, at most MIME_PARTS_MAX
 */
void mime_message_scan(struct arena *arena, struct bytes message, struct mime_message *out);

/* mime_part_decode: the body with its transfer encoding undone; appends at most out's max (then
 * out->failed). */
void mime_part_decode(const struct mime_message *m, const struct mime_part *part, struct buf *out);
/* mime_part_text: decoded and converted to UTF-8 (no charset, or an unknown one: UTF-8 when it is
 * that, else windows-1252). Cut at MIME_TEXT_BYTES_MAX and at out's max (then out->failed). */
void mime_part_text(const struct mime_message *m, const struct mime_part *part, struct buf *out);

/* mime_message_text / _html: the first text/plain or text/html body part that is not an attachment
 * (the best of an alternative) and not inside an attached message; false when there is none.
 * Appends UTF-8. */
bool mime_message_text(const struct mime_message *m, struct buf *out);
bool mime_message_html(const struct mime_message *m, struct buf *out);

/* mime_charset_to_utf8: ICU; false for an unknown charset (nothing appended). Bad sequences become
 * U+FFFD. */
bool mime_charset_to_utf8(struct bytes charset, struct bytes data, struct buf *out);

#endif
