/* SPDX-License-Identifier: Apache-2.0 */
/* Reverse-path and forward-path of RFC 5321 §4.1.2: bytes in, views out; pure. */
#ifndef SMTP_PATH_H
#define SMTP_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "base_bytes.h"

enum smtp_path_kind {
	SMTP_PATH_REVERSE, /* may be <>; needs a domain            */
	SMTP_PATH_FORWARD  /* may be <Postmaster>; may not be <>   */
};

enum smtp_path_result {
	SMTP_PATH_OK,
	SMTP_PATH_NO_BRACKET, /* does not begin with '<': 501 5.5.4                       */
	SMTP_PATH_BAD         /* begins with '<' and is no path:  501 5.1.7 / 501 5.1.3   */
};

/* All views point into the text parsed. Every byte stands as the client sent it: nothing is folded or unquoted. */
struct smtp_path {
	struct bytes address; /* local@domain without brackets and route; empty for <>   */
	struct bytes local;   /* quotes and backslashes included                         */
	struct bytes domain;  /* a literal keeps its brackets; empty for <> and a bare Postmaster */
	bool literal;         /* domain is [IPv4] or [IPv6:…]                            */
	bool quoted;          /* local part is a quoted string                           */
	bool has_8bit;        /* a byte above 0x7f somewhere in the address              */
	bool utf8_valid;      /* the address is well-formed UTF-8 (true for ASCII)       */
};

/*
 * smtp_path_parse: one path at the start of text.
 *
 * in      text      lent; begins with '<'
 * out     out       filled on OK only; views into text
 *         used_out  bytes up to and including '>'; filled on OK only
 * A source route is checked and dropped (RFC 5321 §4.1.1.3). 8-bit bytes are let through and reported: whether they
 * are welcome is known only after the parameters (RFC 6531). Dots may stand anywhere in an unquoted local part, and
 * '_' in a domain: such addresses are in daily use. Limits: SMTP_PATH_BYTES_MAX, SMTP_DOMAIN_BYTES_MAX,
 * SMTP_LABEL_BYTES_MAX.
 * cost    one pass; no memory
 * source  RFC 5321 §4.1.2, §4.1.3, §4.5.3.1; RFC 6531 §3.3
 */
MUST_USE enum smtp_path_result smtp_path_parse(
    struct bytes text, enum smtp_path_kind kind, struct smtp_path *out, size_t *used_out);

/* smtp_path_is_domain: a domain name or address literal, as EHLO wants (RFC 5321 §4.1.1.1). */
bool smtp_path_is_domain(struct bytes text);

#endif
