/* SPDX-License-Identifier: Apache-2.0 */
/* Every reply the server can give by itself, in one table; tests compare whole lines. */
#ifndef SMTP_REPLY_H
#define SMTP_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base_bytes.h"

/* A reply. Text is one line; control and 8-bit characters are sent as '?', and a line never exceeds 512 octets. */
struct smtp_reply {
	uint16_t code;        /* 200 … 599 */
	const char *enhanced; /* "5.5.1", or "" for the few replies that have none (RFC 2034 §3) */
	const char *text;
	bool close; /* the server hangs up after it */
};

enum smtp_reply_id {
	SMTP_REPLY_OK,
	SMTP_REPLY_OK_SENDER,
	SMTP_REPLY_OK_RECIPIENT,
	SMTP_REPLY_OK_CHUNK,
	SMTP_REPLY_OK_MESSAGE,
	SMTP_REPLY_OK_AUTH,
	SMTP_REPLY_GO_DATA,
	SMTP_REPLY_GO_TLS,
	SMTP_REPLY_GO_AUTH,
	SMTP_REPLY_GO_AUTH_USER,
	SMTP_REPLY_GO_AUTH_PASSWORD,
	SMTP_REPLY_BYE,
	SMTP_REPLY_HELP,
	SMTP_REPLY_VRFY,
	SMTP_REPLY_UNKNOWN,
	SMTP_REPLY_SYNTAX,
	SMTP_REPLY_BARE_LF_LINE,
	SMTP_REPLY_TOO_LONG,
	SMTP_REPLY_TOO_LONG_CLOSE,
	SMTP_REPLY_AUTH_TOO_LONG,
	SMTP_REPLY_NOT_DONE,
	SMTP_REPLY_NEED_HELLO,
	SMTP_REPLY_NEED_MAIL,
	SMTP_REPLY_NEED_RECIPIENT,
	SMTP_REPLY_OPEN_ALREADY,
	SMTP_REPLY_IN_CHUNKS,
	SMTP_REPLY_AUTH_TWICE,
	SMTP_REPLY_AUTH_IN_MAIL,
	SMTP_REPLY_TLS_TWICE,
	SMTP_REPLY_ARGUMENT,
	SMTP_REPLY_NO_ARGUMENT,
	SMTP_REPLY_BAD_HELLO,
	SMTP_REPLY_BAD_BDAT,
	SMTP_REPLY_BAD_PARAMETER,
	SMTP_REPLY_UNKNOWN_PARAMETER,
	SMTP_REPLY_BAD_SENDER,
	SMTP_REPLY_BAD_RECIPIENT,
	SMTP_REPLY_BAD_UTF8,
	SMTP_REPLY_NOT_ASCII,
	SMTP_REPLY_TOO_BIG,
	SMTP_REPLY_TOO_BIG_CLOSE,
	SMTP_REPLY_TOO_MANY_RECIPIENTS,
	SMTP_REPLY_TOO_MANY_MESSAGES,
	SMTP_REPLY_NO_RECIPIENT,
	SMTP_REPLY_NO_SPACE,
	SMTP_REPLY_TROUBLE,
	SMTP_REPLY_TROUBLE_CLOSE,
	SMTP_REPLY_NOT_PERMITTED,
	SMTP_REPLY_NEED_TLS,
	SMTP_REPLY_NEED_AUTH,
	SMTP_REPLY_NEED_CERTIFICATE,
	SMTP_REPLY_AUTH_NEEDS_TLS,
	SMTP_REPLY_AUTH_MECHANISM,
	SMTP_REPLY_AUTH_ENCODING,
	SMTP_REPLY_AUTH_CANCELLED,
	SMTP_REPLY_AUTH_FAILED,
	SMTP_REPLY_AUTH_DOWN,
	SMTP_REPLY_BARE_BYTES,
	SMTP_REPLY_LOOP,
	SMTP_REPLY_EARLY,
	SMTP_REPLY_NOT_MAIL,
	SMTP_REPLY_TLS_ON_PLAIN,
	SMTP_REPLY_TIMEOUT,
	SMTP_REPLY_SHUTDOWN,
	SMTP_REPLY_TOO_MANY_ERRORS,
	SMTP_REPLY_TOO_MANY_IDLE,
	SMTP_REPLY_TOO_MANY_AUTH,
	SMTP_REPLY_TOO_MANY_OF_PEER,
	SMTP_REPLY_TOO_MANY_SESSIONS,
	SMTP_REPLY_COUNT
};

/* smtp_reply_of: lives for ever. */
const struct smtp_reply *smtp_reply_of(enum smtp_reply_id id) __attribute__((returns_nonnull));

/* smtp_reply_append: "code enhanced text\r\n", at most 512 octets (RFC 5321 §4.5.3.1.5). */
void smtp_reply_append(struct buf *out, const struct smtp_reply *reply);

/* smtp_reply_append_line: one line of a multi-line reply without enhanced code (EHLO, greeting); last ends it. */
void smtp_reply_append_line(struct buf *out, unsigned code, bool last, const char *text);

#endif
