/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Talks to the management API: through the unix socket of the local server, where the kernel says who we are and
 * nothing is signed, or to a URL with requests signed by AWS Signature Version 4.
 */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include "base_bytes.h"
#include "json_value.h"

struct cli_client;

struct cli_client_options {
	const char *data_dir; /* its run/daybook.sock and credentials */
	const char *endpoint; /* http://… or https://…; NULL = the unix socket */
	const char *profile;  /* NULL = the usual places */
	const char *region;
};

/* cli_client_open: nothing is connected yet. fails ERR_DENIED no access key, ERR_SYNTAX, ERR_USAGE */
MUST_USE bool cli_client_open(
    const struct cli_client_options *o, struct cli_client **out, struct err *err);
void cli_client_close(struct cli_client **c);

/*
 * cli_client_call: one operation ("MailManagerSvc.ListArchives"); input lent. The output is the caller's.
 * fails  ERR_TIMEOUT the server does not answer; ERR_NOT_FOUND, ERR_DENIED, ERR_EXISTS, ERR_USAGE, ERR_LIMIT, ERR_IO as
 *        the server's exception says, with its message
 */
MUST_USE struct json *cli_client_call(
    struct cli_client *c, const char *target, const struct json *input, struct err *err);
/* cli_client_download: the body behind a link the server gave, whole. max: ERR_LIMIT past it. */
MUST_USE bool cli_client_download(
    struct cli_client *c, const char *link, struct buf *out, struct err *err);

/* cli_client_fault: fills err from an exception body; status is HTTP's. Always false. */
bool cli_client_fault(long status, struct bytes body, struct err *err);

#endif
