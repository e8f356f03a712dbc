/* SPDX-License-Identifier: Apache-2.0 */
/* ESMTP parameters of MAIL and RCPT: bytes in, values out; pure. */
#ifndef SMTP_PARAM_H
#define SMTP_PARAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base_bytes.h"

enum smtp_param_result {
	SMTP_PARAM_OK,
	SMTP_PARAM_UNKNOWN, /* keyword not known here: 555 5.5.4                     */
	SMTP_PARAM_BAD      /* known and malformed, or given twice: 501 5.5.4        */
};

enum smtp_body { SMTP_BODY_UNSAID, SMTP_BODY_7BIT, SMTP_BODY_8BITMIME };
enum smtp_ret { SMTP_RET_UNSAID, SMTP_RET_FULL, SMTP_RET_HDRS };

/* A set; SMTP_NOTIFY_NEVER stands alone. 0 = not given. */
enum {
	SMTP_NOTIFY_NEVER = 1,
	SMTP_NOTIFY_SUCCESS = 2,
	SMTP_NOTIFY_FAILURE = 4,
	SMTP_NOTIFY_DELAY = 8
};

/* Views point into the text parsed; xtext is kept encoded, as sent. */
struct smtp_mail_params {
	bool has_size;
	uint64_t size; /* UINT64_MAX when the digits do not fit */
	enum smtp_body body;
	bool smtputf8;
	enum smtp_ret ret;
	struct bytes envid; /* empty: not given */
	struct bytes auth;  /* AUTH= of RFC 4954 §5; empty: not given */
};

struct smtp_rcpt_params {
	unsigned notify;
	struct bytes orcpt; /* type;xtext; empty: not given */
};

/*
 * smtp_param_mail / smtp_param_rcpt: everything after the path.
 *
 * in      text        lent; empty, or a space and parameters
 *         allow_auth  AUTH= is known (the listener offers AUTH)
 *         smtputf8    ORCPT may be of type utf-8 with UTF-8 in it
 * out     out         filled on OK only
 * source  RFC 5321 §4.1.1.11; RFC 1870; RFC 6152; RFC 6531; RFC 3461 §4; RFC 4954 §5
 */
MUST_USE enum smtp_param_result smtp_param_mail(
    struct bytes text, bool allow_auth, struct smtp_mail_params *out);
MUST_USE enum smtp_param_result smtp_param_rcpt(
    struct bytes text, bool smtputf8, struct smtp_rcpt_params *out);

#endif
