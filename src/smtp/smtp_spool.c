/* SPDX-License-Identifier: Apache-2.0 */
/* Between session and owner: passes every operation on, and counts the bytes of messages in reception. */
#include "smtp_server_int.h"

static const struct smtp_ops *
ops_of(const struct smtp_connection *c)
{
	return smtp_endpoint_ops(c->endpoint);
}

static void *
ctx_of(const struct smtp_connection *c)
{
	return smtp_endpoint_ctx(c->endpoint);
}

static void
spool_release(struct smtp_connection *c)
{
	c->server->stats.spool_bytes -= c->spool_bytes;
	c->spool_bytes = 0;
}

static const struct smtp_reply *
spool_mail(void *ctx, struct smtp_session *s, const struct smtp_sender *sender)
{
	struct smtp_connection *c = ctx;

	if (c->server->stats.spool_bytes >= c->server->options.spool_bytes_max)
		return smtp_reply_of(SMTP_REPLY_NO_SPACE);
	return ops_of(c)->mail == NULL ? NULL : ops_of(c)->mail(ctx_of(c), s, sender);
}

static const struct smtp_reply *
spool_recipient(void *ctx, struct smtp_session *s, const struct smtp_recipient *rcpt)
{
	struct smtp_connection *c = ctx;

	return ops_of(c)->recipient == NULL ? NULL : ops_of(c)->recipient(ctx_of(c), s, rcpt);
}

static void
spool_auth(
    void *ctx, struct smtp_session *s, uint32_t ticket, struct bytes user, struct bytes password)
{
	struct smtp_connection *c = ctx;

	if (ops_of(c)->auth == NULL)
		smtp_session_auth_done(s, ticket, SMTP_AUTH_DOWN);
	else
		ops_of(c)->auth(ctx_of(c), s, ticket, user, password);
}

static const struct smtp_reply *
spool_message_begin(void *ctx, struct smtp_session *s)
{
	struct smtp_connection *c = ctx;

	if (c->server->stats.spool_bytes >= c->server->options.spool_bytes_max) {
		c->server->stats.messages_refused_space++;
		return smtp_reply_of(SMTP_REPLY_NO_SPACE);
	}
	return ops_of(c)->message_begin == NULL ? NULL : ops_of(c)->message_begin(ctx_of(c), s);
}

static const struct smtp_reply *
spool_message_write(void *ctx, struct smtp_session *s, struct bytes data)
{
	struct smtp_connection *c = ctx;
	struct smtp_server *server = c->server;
	const struct smtp_reply *no = NULL;

	if (data.len > server->options.spool_bytes_max - server->stats.spool_bytes) {
		server->stats.messages_refused_space++;
		if (ops_of(c)->message_abort != NULL)
			ops_of(c)->message_abort(ctx_of(c), s);
		no = smtp_reply_of(SMTP_REPLY_NO_SPACE);
	} else if (ops_of(c)->message_write != NULL) {
		no = ops_of(c)->message_write(ctx_of(c), s, data);
	}
	if (no != NULL) {
		server->stats.messages_aborted++;
		spool_release(c);
		return no;
	}
	c->spool_bytes += data.len;
	server->stats.spool_bytes += data.len;
	return NULL;
}

static void
spool_message_end(void *ctx, struct smtp_session *s, uint32_t ticket)
{
	struct smtp_connection *c = ctx;

	c->server->stats.messages_ended++;
	if (ops_of(c)->message_end == NULL)
		smtp_session_data_done(s, ticket, smtp_reply_of(SMTP_REPLY_TROUBLE));
	else
		ops_of(c)->message_end(ctx_of(c), s, ticket);
}

static void
spool_message_abort(void *ctx, struct smtp_session *s)
{
	struct smtp_connection *c = ctx;

	c->server->stats.messages_aborted++;
	spool_release(c);
	if (ops_of(c)->message_abort != NULL)
		ops_of(c)->message_abort(ctx_of(c), s);
}

/* After every message, answered or not, comes this: the bytes are no longer in reception. */
static void
spool_transaction_end(void *ctx, struct smtp_session *s)
{
	struct smtp_connection *c = ctx;

	spool_release(c);
	if (ops_of(c)->transaction_end != NULL)
		ops_of(c)->transaction_end(ctx_of(c), s);
}

static void
spool_closed(void *ctx, struct smtp_session *s)
{
	struct smtp_connection *c = ctx;

	if (ops_of(c)->closed != NULL)
		ops_of(c)->closed(ctx_of(c), s);
}

const struct smtp_ops smtp_spool_ops = {
    .mail = spool_mail,
    .recipient = spool_recipient,
    .auth = spool_auth,
    .message_begin = spool_message_begin,
    .message_write = spool_message_write,
    .message_end = spool_message_end,
    .message_abort = spool_message_abort,
    .transaction_end = spool_transaction_end,
    .closed = spool_closed,
};
