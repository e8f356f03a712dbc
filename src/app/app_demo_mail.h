/* SPDX-License-Identifier: Apache-2.0 */
/* A small SMTP client and generated mail, for the demonstration. */
#ifndef APP_DEMO_MAIL_H
#define APP_DEMO_MAIL_H

#include "base_bytes.h"
#include "os_socket.h"

#define APP_DEMO_REPLY_SIZE 512

struct app_demo_session;

/* app_demo_connect: connected, greeted, EHLO said. ERR_IO, ERR_TIMEOUT. */
MUST_USE bool app_demo_connect(
    const struct os_address *to, struct app_demo_session **out, struct err *err);
/*
 * app_demo_send: one message to one recipient.
 * out  reply_out  the last line of the reply that decided: to RCPT when it was refused, else to the
 * end of data accepted   250 to the end of data
 */
MUST_USE bool app_demo_send(struct app_demo_session *s, const char *from, const char *to,
    struct bytes message, char reply_out[APP_DEMO_REPLY_SIZE], bool *accepted, struct err *err);
void app_demo_quit(struct app_demo_session **s);

/* app_demo_report: the n-th generated mail of the office, wrapped in a journal report
 * (docs/formats: envelope as text, the message as message/rfc822). app_demo_direct: a mail that
 * somebody sent to the journaling address itself. */
#define APP_DEMO_REPORTS 12
void app_demo_report(size_t n, int64_t now_ms, struct buf *out);
void app_demo_direct(int64_t now_ms, struct buf *out);

#endif
