/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DATA and BDAT. A message that cannot be kept is swallowed to its true end and answered there, once, so that no byte
 * of it is ever taken for a command.
 */
#include "base_limits.h"
#include "smtp_session_int.h"

#define CHUNK_EXCESS 4 /* a chunk of more than this many times the limit is not worth swallowing */

bool
smtp_message_under_way(const struct smtp_session *s)
{
	return s->input == SMTP_INPUT_DATA || s->input == SMTP_INPUT_CHUNK ||
	       s->phase == SMTP_PHASE_CHUNKS;
}

void
smtp_message_abort(struct smtp_session *s)
{
	if (!s->message.begun)
		return;
	s->message.begun = false;
	if (s->ops->message_abort != NULL)
		s->ops->message_abort(s->ctx, s);
}

/* refuse: from here on the message is only swallowed. The reply is copied: it was lent for the moment. */
static void
refuse(struct smtp_session *s, const struct smtp_reply *reply)
{
	struct smtp_message *m = &s->message;

	smtp_message_abort(s);
	m->refused = true;
	m->refusal = *reply;
	m->refusal.enhanced = arena_strdup(&s->arena, reply->enhanced);
	m->refusal.text = arena_strdup(&s->arena, reply->text);
}

/* begin: false when the owner will not have it; the refusal is set. */
static bool
begin(struct smtp_session *s, bool chunked)
{
	const struct smtp_reply *no = NULL;

	s->message = (struct smtp_message){.chunked = chunked};
	smtp_data_init(&s->message.data);
	smtp_bdat_init(&s->message.bdat);
	smtp_trace_init(&s->message.trace);
	if (s->ops->message_begin != NULL)
		no = s->ops->message_begin(s->ctx, s);
	if (no != NULL)
		refuse(s, no);
	s->message.begun = no == NULL;
	return no == NULL;
}

/* strict: what only an mx listener minds. Chunks may hold any octets. */
static void
strict(struct smtp_session *s, struct bytes run)
{
	struct smtp_message *m = &s->message;

	smtp_trace_feed(&m->trace, run);
	if (m->trace.received_count > SMTP_TRACE_RECEIVED_MAX)
		refuse(s, smtp_reply_of(SMTP_REPLY_LOOP));
	else if (!m->chunked && (m->data.flags & (SMTP_FLAG_BARE_CR | SMTP_FLAG_BARE_LF)) != 0)
		refuse(s, smtp_reply_of(SMTP_REPLY_BARE_BYTES));
}

/* take: one run of message bytes. Too big outweighs every other refusal. */
static void
take(struct smtp_session *s, struct bytes run)
{
	struct smtp_message *m = &s->message;
	const struct smtp_reply *no;

	if (run.len == 0)
		return;
	m->bytes += run.len;
	if (m->bytes > smtp_session_message_limit(s)) {
		if (m->bytes - run.len <= smtp_session_message_limit(s))
			refuse(s, smtp_reply_of(SMTP_REPLY_TOO_BIG));
		return;
	}
	if (s->options->mode == SMTP_MODE_MX && !m->refused)
		strict(s, run);
	if (m->refused || s->ops->message_write == NULL)
		return;
	no = s->ops->message_write(s->ctx, s, run);
	if (no != NULL) {
		m->begun = false;
		refuse(s, no);
	}
}

/* finish: the last octet is in. */
static void
finish(struct smtp_session *s)
{
	uint32_t ticket;

	s->input = SMTP_INPUT_LINE;
	if (s->message.refused || s->ops->message_end == NULL) {
		smtp_session_say(s,
		    s->message.refused ? &s->message.refusal : smtp_reply_of(SMTP_REPLY_TROUBLE));
		smtp_session_reset(s);
		return;
	}
	s->message.begun = false;
	s->phase = SMTP_PHASE_RCPT;
	ticket = smtp_session_await(s, SMTP_WAIT_MESSAGE);
	s->ops->message_end(s->ctx, s, ticket);
}

void
smtp_message_data(struct smtp_session *s, struct bytes argument)
{
	(void)argument;
	if (!begin(s, false)) {
		smtp_session_say(s, &s->message.refusal);
		smtp_session_reset(s);
		return;
	}
	smtp_session_reply(s, SMTP_REPLY_GO_DATA);
	s->input = SMTP_INPUT_DATA;
}

/* chunk_end: every octet of the chunk has been taken or swallowed: exactly one reply. */
static void
chunk_end(struct smtp_session *s)
{
	enum smtp_reply_id order = s->chunk_reply;

	s->input = SMTP_INPUT_LINE;
	s->chunk_reply = SMTP_REPLY_COUNT;
	if (order != SMTP_REPLY_COUNT) {
		smtp_session_reply(s, order);
		return;
	}
	if (s->message.refused) {
		finish(s);
		return;
	}
	if (!s->message.bdat.last) {
		smtp_session_reply(s, SMTP_REPLY_OK_CHUNK);
		return;
	}
	smtp_bdat_end(&s->message.bdat);
	finish(s);
}

void
smtp_message_bdat(struct smtp_session *s, struct bytes argument)
{
	struct smtp_bdat chunk;
	uint64_t limit = smtp_session_message_limit(s);

	/* Without a size the octets that follow cannot be told from commands: hang up. */
	if (!smtp_bdat_parse(&chunk, argument)) {
		smtp_session_reply(s, SMTP_REPLY_BAD_BDAT);
		return;
	}
	if (chunk.left_bytes > CHUNK_EXCESS * limit) {
		smtp_session_reply(s, SMTP_REPLY_TOO_BIG_CLOSE);
		return;
	}
	if ((s->phase & (SMTP_PHASE_RCPT | SMTP_PHASE_CHUNKS)) == 0) {
		s->chunk_reply = smtp_command_order(s);
	} else if (s->phase == SMTP_PHASE_RCPT) {
		s->phase = SMTP_PHASE_CHUNKS;
		(void)begin(s, true);
	}
	s->message.bdat.left_bytes = chunk.left_bytes;
	s->message.bdat.last = chunk.last;
	s->input = SMTP_INPUT_CHUNK;
	if (s->chunk_reply == SMTP_REPLY_COUNT && s->message.bytes + chunk.left_bytes > limit)
		refuse(s, smtp_reply_of(SMTP_REPLY_TOO_BIG));
	if (chunk.left_bytes == 0)
		chunk_end(s);
}

void
smtp_message_feed(struct smtp_session *s, struct bytes *input)
{
	struct smtp_message *m = &s->message;

	if (s->input == SMTP_INPUT_CHUNK) {
		struct bytes run = smtp_bdat_next(&m->bdat, input);

		if (s->chunk_reply == SMTP_REPLY_COUNT)
			take(s, run);
		if (m->bdat.left_bytes == 0)
			chunk_end(s);
		return;
	}
	while (input->len > 0 && m->data.state != SMTP_DATA_END)
		take(s, smtp_data_next(&m->data, input));
	if (m->data.state == SMTP_DATA_END)
		finish(s);
}
