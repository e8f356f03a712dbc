/* SPDX-License-Identifier: Apache-2.0 */
/* One mail handed to a smarthost over SMTP, with a time limit. Blocks; any thread. */
#ifndef SEND_MAIL_H
#define SEND_MAIL_H

#include <stdatomic.h>

#include "base_bytes.h"

struct send_mail {
	const char *url;   /* smtp://HOST[:PORT], smtps://HOST[:PORT] */
	const char *hello; /* our name in EHLO */
	const char *ca_file;
	unsigned call_ms;
	const char *from, *to; /* bare addresses */
	struct bytes message;  /* whole, lines with CRLF; lent */
	atomic_bool *cancel;
};

/*
 * send_mail_hand: true when the smarthost took it. smtps is verified; smtp is encrypted where the server offers it,
 * without looking at its certificate: for what needs no secrecy only.
 * fails   ERR_TIMEOUT not reached, or refused for now; ERR_DENIED refused; ERR_CANCELLED, ERR_USAGE
 */
MUST_USE bool send_mail_hand(const struct send_mail *m, struct err *err);

#endif
