/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's frame: input is cut into lines and message bytes, replies are counted, answers come back. */
#include "smtp_session.h"

#include <string.h>

#include "base_limits.h"
#include "base_mem.h"
#include "smtp_session_int.h"

#define OUTPUT_BYTES_MAX     ((size_t)64 * 1024) /* SMTP_OUTPUT_HIGH and a few replies; never reached */
#define TLS_RECORD_HANDSHAKE 0x16

struct smtp_session *
smtp_session_new(
    const struct smtp_options *options, const struct smtp_ops *ops, void *ctx, uint64_t id)
{
	struct smtp_session *s = mem_calloc(1, sizeof *s);

	must(options->hostname != NULL);
	s->options = options;
	s->ops = ops;
	s->ctx = ctx;
	s->id = id;
	s->phase = SMTP_PHASE_FRESH;
	s->chunk_reply = SMTP_REPLY_COUNT;
	buf_init(&s->out, OUTPUT_BYTES_MAX);
	buf_init(&s->line, SMTP_AUTH_LINE_BYTES_MAX);
	arena_init(&s->arena);
	return s;
}

static void
forget_line(struct smtp_session *s)
{
	if (s->line.ptr != NULL)
		explicit_bzero(s->line.ptr, s->line.cap);
	buf_release(&s->line);
}

/* forget_tls: the texts are ours behind const pointers. */
static void
forget_tls(struct smtp_session *s)
{
	union {
		const char *lent;
		char *ours;
	} protocol = {s->tls.protocol}, cipher = {s->tls.cipher};

	mem_free(protocol.ours);
	mem_free(cipher.ours);
	s->tls = (struct smtp_tls_info){0};
	s->has_tls = false;
}

static void
forget_text(char **text)
{
	mem_free(*text);
	*text = NULL;
}

void
smtp_session_free(struct smtp_session **session)
{
	struct smtp_session *s = *session;

	if (s == NULL)
		return;
	smtp_session_reset(s);
	if (s->ops->closed != NULL)
		s->ops->closed(s->ctx, s);
	smtp_auth_forget(s);
	forget_line(s);
	forget_tls(s);
	forget_text(&s->helo);
	forget_text(&s->user);
	buf_fini(&s->out);
	mem_free(s);
	*session = NULL;
}

/* counts_as_bad: words a mail client would not say; refusals of a recipient or a message are not among them. */
static bool
counts_as_bad(const struct smtp_reply *reply)
{
	return (reply->code >= 500 && reply->code <= 504) || reply->code == 530 ||
	       reply->code == 538 || reply->code == 555;
}

void
smtp_session_say(struct smtp_session *s, const struct smtp_reply *reply)
{
	if (s->want == SMTP_WANT_CLOSE)
		return;
	if (counts_as_bad(reply) && !reply->close && ++s->bad_count >= SMTP_BAD_COMMANDS_MAX)
		reply = smtp_reply_of(SMTP_REPLY_TOO_MANY_ERRORS);
	smtp_reply_append(&s->out, reply);
	if (reply->close)
		s->want = SMTP_WANT_CLOSE;
}

void
smtp_session_reply(struct smtp_session *s, enum smtp_reply_id id)
{
	smtp_session_say(s, smtp_reply_of(id));
}

void
smtp_session_reset(struct smtp_session *s)
{
	bool open = (s->phase & (SMTP_PHASE_FRESH | SMTP_PHASE_HELLO)) == 0;

	smtp_message_abort(s);
	if (open && s->ops->transaction_end != NULL)
		s->ops->transaction_end(s->ctx, s);
	mem_free(s->recipients);
	s->recipients = NULL;
	s->recipient_count = s->recipient_cap = 0;
	s->recipient_refused = false;
	s->sender = (struct smtp_sender){0};
	s->message = (struct smtp_message){0};
	arena_fini(&s->arena);
	if (open)
		s->phase = SMTP_PHASE_HELLO;
}

/* settle: after every step: a session that hangs up lets go of its message, a draining one says so when it can. */
static void
settle(struct smtp_session *s)
{
	if (s->draining && s->wait == SMTP_WAIT_NONE && !smtp_message_under_way(s))
		smtp_session_reply(s, SMTP_REPLY_SHUTDOWN);
	if (s->want != SMTP_WANT_CLOSE)
		return;
	s->draining = false;
	s->wait = SMTP_WAIT_NONE;
	s->input = SMTP_INPUT_LINE;
	smtp_session_reset(s);
	smtp_auth_forget(s);
	forget_line(s);
}

void
smtp_session_open(struct smtp_session *s, bool early)
{
	char greeting[SMTP_DOMAIN_BYTES_MAX + 32] = "";
	struct buf text;

	if (s->options->closed) {
		smtp_session_reply(s, SMTP_REPLY_SHUTDOWN);
	} else if (early && s->options->mode == SMTP_MODE_MX) {
		smtp_session_reply(s, SMTP_REPLY_EARLY);
	} else {
		buf_init(&text, sizeof greeting);
		buf_printf(&text, "%.255s ESMTP Daybook", s->options->hostname);
		smtp_reply_append_line(&s->out, 220, true, buf_text(&text));
		buf_fini(&text);
	}
	settle(s);
}

/* line_limit: octets the line at hand may have, CRLF included. Only AUTH has reason to be long. */
static size_t
line_limit(const struct smtp_session *s, struct bytes piece)
{
	const struct bytes verb = BYTES_LIT("AUTH ");
	struct bytes start = s->line.len > 0 ? buf_view(&s->line) : piece;

	if (s->input == SMTP_INPUT_RESPONSE)
		return SMTP_AUTH_LINE_BYTES_MAX;
	if (s->has_tls && s->options->offer_auth && start.len > verb.len &&
	    bytes_starts_with_nocase(start, verb))
		return SMTP_AUTH_LINE_BYTES_MAX;
	return SMTP_COMMAND_BYTES_MAX;
}

/* skip_line: count and drop until the line ends or is so long that nobody means well by it. */
static void
skip_line(struct smtp_session *s, struct bytes piece, bool ends)
{
	s->input = SMTP_INPUT_SKIP;
	s->skipped_bytes += piece.len;
	if (s->skipped_bytes >= SMTP_COMMAND_BYTES_CLOSE) {
		smtp_session_reply(s, SMTP_REPLY_TOO_LONG_CLOSE);
	} else if (ends) {
		smtp_session_reply(s, SMTP_REPLY_TOO_LONG);
		s->input = SMTP_INPUT_LINE;
	}
}

/* too_long: the line passes its limit with piece. */
static void
too_long(struct smtp_session *s, struct bytes piece, size_t limit, bool ends)
{
	size_t before = s->line.len;

	forget_line(s);
	if (limit == SMTP_AUTH_LINE_BYTES_MAX) {
		smtp_session_reply(s, SMTP_REPLY_AUTH_TOO_LONG);
		return;
	}
	s->skipped_bytes = before;
	skip_line(s, piece, ends);
}

/* run_line: a whole line with its CRLF. */
static void
run_line(struct smtp_session *s, struct bytes line)
{
	struct bytes words = bytes_slice(line, 0, line.len - 2);

	if (s->input == SMTP_INPUT_RESPONSE)
		smtp_auth_response(s, words);
	else if (bytes_find_byte(words, 0, '\r') != SIZE_MAX)
		smtp_session_reply(s, SMTP_REPLY_SYNTAX);
	else
		smtp_command_run(s, words);
}

/* ends_bare: piece ends in LF and no CR stands before it, here or in what is buffered. */
static bool
ends_bare(const struct smtp_session *s, struct bytes piece)
{
	uint8_t before;

	if (piece.len > 1)
		before = piece.ptr[piece.len - 2];
	else if (s->input == SMTP_INPUT_SKIP)
		before = s->line.len > 0 ? s->line.ptr[0] : 0;
	else
		before = s->line.len > 0 ? s->line.ptr[s->line.len - 1] : 0;
	return before != '\r';
}

/* feed_line: one piece of input up to and including LF, or all of it. */
static void
feed_line(struct smtp_session *s, struct bytes *input)
{
	size_t lf = bytes_find_byte(*input, 0, '\n'), limit;
	bool ends = lf != SIZE_MAX;
	struct bytes piece = bytes_slice(*input, 0, ends ? lf + 1 : input->len);

	if (s->line.len == 0 && s->input == SMTP_INPUT_LINE && !s->has_tls &&
	    piece.ptr[0] == TLS_RECORD_HANDSHAKE) {
		smtp_session_reply(s, SMTP_REPLY_TLS_ON_PLAIN);
		return;
	}
	*input = bytes_slice(*input, piece.len, input->len);
	s->behind_bytes = input->len;
	if (ends && ends_bare(s, piece)) {
		smtp_session_reply(s, SMTP_REPLY_BARE_LF_LINE);
		return;
	}
	limit = line_limit(s, piece);
	if (s->input == SMTP_INPUT_SKIP) {
		skip_line(s, piece, ends);
		/* One byte is kept: the last one, in case it is the CR of a CRLF that was cut in two. */
		buf_reset(&s->line);
		if (!ends)
			buf_append_byte(&s->line, piece.ptr[piece.len - 1]);
	} else if (s->line.len + piece.len > limit) {
		too_long(s, piece, limit, ends);
		if (!ends)
			buf_append_byte(&s->line, piece.ptr[piece.len - 1]);
	} else if (!ends) {
		buf_append(&s->line, piece);
	} else if (s->line.len == 0) {
		run_line(s, piece);
	} else {
		buf_append(&s->line, piece);
		run_line(s, buf_view(&s->line));
		forget_line(s);
	}
}

/* refuse_plaintext: bytes came where only a handshake may: the invitation is withdrawn (RFC 3207 §5). */
static void
refuse_plaintext(struct smtp_session *s)
{
	if (s->go_tls_bytes <= s->out.len)
		s->out.len -= s->go_tls_bytes;
	s->want = SMTP_WANT_READ;
	smtp_session_reply(s, SMTP_REPLY_EARLY);
	settle(s);
}

void
smtp_session_feed(struct smtp_session *s, struct bytes data, size_t *consumed)
{
	struct bytes input = data;

	while (input.len > 0 && s->want == SMTP_WANT_READ && s->out.len < SMTP_OUTPUT_HIGH) {
		if (s->input == SMTP_INPUT_DATA || s->input == SMTP_INPUT_CHUNK)
			smtp_message_feed(s, &input);
		else
			feed_line(s, &input);
		settle(s);
	}
	if (s->want == SMTP_WANT_TLS && input.len > 0)
		refuse_plaintext(s);
	*consumed = s->want == SMTP_WANT_CLOSE ? data.len : data.len - input.len;
}

struct buf *
smtp_session_output(struct smtp_session *s)
{
	return &s->out;
}

enum smtp_want
smtp_session_wants(const struct smtp_session *s)
{
	return s->want;
}

enum smtp_activity
smtp_session_activity(const struct smtp_session *s)
{
	if (s->wait != SMTP_WAIT_NONE)
		return SMTP_ACTIVITY_ANSWER;
	return s->input == SMTP_INPUT_DATA || s->input == SMTP_INPUT_CHUNK ? SMTP_ACTIVITY_DATA
									   : SMTP_ACTIVITY_COMMAND;
}

void
smtp_session_tls_done(struct smtp_session *s, const struct smtp_tls_info *info)
{
	smtp_session_reset(s);
	smtp_auth_forget(s);
	forget_line(s);
	forget_tls(s);
	forget_text(&s->helo);
	forget_text(&s->user);
	s->phase = SMTP_PHASE_FRESH;
	s->esmtp = false;
	s->input = SMTP_INPUT_LINE;
	if (s->want == SMTP_WANT_TLS)
		s->want = SMTP_WANT_READ;
	s->tls.protocol = mem_strdup(info->protocol);
	s->tls.cipher = mem_strdup(info->cipher);
	s->tls.certificate = info->certificate;
	s->has_tls = true;
}

uint32_t
smtp_session_await(struct smtp_session *s, enum smtp_wait what)
{
	s->wait = what;
	s->want = SMTP_WANT_WAIT;
	return ++s->ticket;
}

/* answered: true when this is the answer awaited; the session reads on. */
static bool
answered(struct smtp_session *s, enum smtp_wait what, uint32_t ticket)
{
	if (s->wait != what || s->ticket != ticket)
		return false;
	s->wait = SMTP_WAIT_NONE;
	s->want = SMTP_WANT_READ;
	return true;
}

void
smtp_session_auth_done(struct smtp_session *s, uint32_t ticket, enum smtp_auth_result result)
{
	if (!answered(s, SMTP_WAIT_AUTH, ticket))
		return;
	switch (result) {
	case SMTP_AUTH_GOOD:
		s->user = s->auth_user;
		s->auth_user = NULL;
		smtp_session_reply(s, SMTP_REPLY_OK_AUTH);
		break;
	case SMTP_AUTH_BAD:
		smtp_session_reply(s, SMTP_REPLY_AUTH_FAILED);
		if (++s->auth_failure_count >= SMTP_AUTH_FAILURES_MAX)
			smtp_session_reply(s, SMTP_REPLY_TOO_MANY_AUTH);
		break;
	case SMTP_AUTH_DOWN:
		smtp_session_reply(s, SMTP_REPLY_AUTH_DOWN);
		break;
	}
	smtp_auth_forget(s);
	settle(s);
}

void
smtp_session_data_done(struct smtp_session *s, uint32_t ticket, const struct smtp_reply *reply)
{
	if (!answered(s, SMTP_WAIT_MESSAGE, ticket))
		return;
	if (reply->code / 100 == 2) {
		s->message_count++;
		s->idle_count = 0;
	}
	smtp_session_say(s, reply);
	smtp_session_reset(s);
	settle(s);
}

void
smtp_session_timeout(struct smtp_session *s)
{
	switch (s->wait) {
	case SMTP_WAIT_AUTH:
		smtp_session_auth_done(s, s->ticket, SMTP_AUTH_DOWN);
		return;
	case SMTP_WAIT_MESSAGE:
		smtp_session_data_done(s, s->ticket, smtp_reply_of(SMTP_REPLY_TROUBLE));
		return;
	case SMTP_WAIT_NONE:
		break;
	}
	smtp_session_reply(s, SMTP_REPLY_TIMEOUT);
	settle(s);
}

void
smtp_session_shutdown(struct smtp_session *s)
{
	if (s->want == SMTP_WANT_CLOSE)
		return;
	if (s->want == SMTP_WANT_TLS) /* nothing can be said in the middle of a handshake */
		s->want = SMTP_WANT_CLOSE;
	else
		s->draining = true;
	settle(s);
}

size_t
smtp_session_message_limit(const struct smtp_session *s)
{
	return s->options->message_bytes_max == 0 ? SMTP_MESSAGE_BYTES_MAX
						  : s->options->message_bytes_max;
}

uint64_t
smtp_session_id(const struct smtp_session *s)
{
	return s->id;
}

const struct smtp_options *
smtp_session_options(const struct smtp_session *s)
{
	return s->options;
}

struct bytes
smtp_session_helo(const struct smtp_session *s)
{
	return bytes_of_str(s->helo);
}

bool
smtp_session_esmtp(const struct smtp_session *s)
{
	return s->esmtp;
}

struct bytes
smtp_session_user(const struct smtp_session *s)
{
	return bytes_of_str(s->user);
}

const struct smtp_tls_info *
smtp_session_tls(const struct smtp_session *s)
{
	return s->has_tls ? &s->tls : NULL;
}

const struct smtp_sender *
smtp_session_sender(const struct smtp_session *s)
{
	return (s->phase & (SMTP_PHASE_FRESH | SMTP_PHASE_HELLO)) == 0 ? &s->sender : NULL;
}

const struct smtp_recipient *
smtp_session_recipients(const struct smtp_session *s, size_t *count_out)
{
	*count_out = s->recipient_count;
	return s->recipients;
}

unsigned
smtp_session_message_flags(const struct smtp_session *s)
{
	return s->message.chunked ? s->message.bdat.flags : s->message.data.flags;
}

uint64_t
smtp_session_message_bytes(const struct smtp_session *s)
{
	return s->message.bytes;
}

bool
smtp_session_message_chunked(const struct smtp_session *s)
{
	return s->message.chunked;
}

uint32_t
smtp_session_message_count(const struct smtp_session *s)
{
	return s->message_count;
}

void
smtp_session_set_owner(struct smtp_session *s, void *owner)
{
	s->owner = owner;
}

void *
smtp_session_owner(const struct smtp_session *s)
{
	return s->owner;
}
