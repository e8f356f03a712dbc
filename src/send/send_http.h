/* SPDX-License-Identifier: Apache-2.0 */
/* One POST over HTTP, with a time limit. Blocks; any thread. */
#ifndef SEND_HTTP_H
#define SEND_HTTP_H

#include <stdatomic.h>

#include "base_bytes.h"

struct send_http {
	const char *url;            /* https or http; the caller knows whether http will do */
	const char *ca_file;        /* NULL or "" = the system's */
	unsigned call_ms;           /* at most so long altogether */
	const char *const *headers; /* "Name: value", NULL-terminated; lent */
	struct bytes body;          /* lent */
	atomic_bool *cancel;        /* NULL, or looked at about once a second */
};

/* send_http_post: redirects are not followed, proxies of the environment not used. fails ERR_TIMEOUT no answer,
 * ERR_DENIED the certificate is not trusted, ERR_LIMIT reply is full, ERR_CANCELLED, ERR_USAGE not such a URL. */
MUST_USE bool send_http_post(
    const struct send_http *h, struct buf *reply, long *status_out, struct err *err);

#endif
