/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole session from a stranger. A second reader, slow and simple, walks the same bytes beside the replies: every
 * complete command has exactly one, a message is what stands between DATA and CRLF.CRLF without its dots, nothing
 * follows a reply that closes, and cutting the input anywhere changes nothing.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base_mem.h"
#include "base_text.h"
#include "smtp_session.h"

#define INPUT_BYTES_MAX 32768 /* shorter than the line that is cut off without a line end */
#define MESSAGE_LIMIT   200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
	struct buf replies;
	struct buf messages; /* each as a length and the bytes */
	struct buf body;
	size_t begun, ended, aborted, refused;
	bool in_message;
};

static const struct smtp_reply *
own_begin(void *ctx, struct smtp_session *s)
{
	struct world *w = ctx;

	(void)s;
	must(!w->in_message);
	w->in_message = true;
	w->begun++;
	buf_reset(&w->body);
	return NULL;
}

static const struct smtp_reply *
own_write(void *ctx, struct smtp_session *s, struct bytes data)
{
	struct world *w = ctx;

	(void)s;
	must(w->in_message && data.len > 0);
	buf_append(&w->body, data);
	return NULL;
}

static void
own_end(void *ctx, struct smtp_session *s, uint32_t ticket)
{
	struct world *w = ctx;
	size_t count;

	must(w->in_message && smtp_session_message_bytes(s) == w->body.len &&
	     w->body.len <= MESSAGE_LIMIT);
	must(smtp_session_sender(s) != NULL && smtp_session_recipients(s, &count) != NULL &&
	     count > 0);
	w->in_message = false;
	w->ended++;
	buf_bytes32(&w->messages, buf_view(&w->body));
	smtp_session_data_done(s, ticket, smtp_reply_of(SMTP_REPLY_OK_MESSAGE));
}

static void
own_abort(void *ctx, struct smtp_session *s)
{
	struct world *w = ctx;

	(void)s;
	must(w->in_message);
	w->in_message = false;
	w->aborted++;
}

static void
own_auth(
    void *ctx, struct smtp_session *s, uint32_t ticket, struct bytes user, struct bytes password)
{
	(void)ctx;
	must(user.len > 0);
	smtp_session_auth_done(s, ticket, password.len % 2 == 0 ? SMTP_AUTH_GOOD : SMTP_AUTH_BAD);
}

static const struct smtp_ops ops = {
    .auth = own_auth,
    .message_begin = own_begin,
    .message_write = own_write,
    .message_end = own_end,
    .message_abort = own_abort,
};

static void
feed(struct smtp_session *s, struct world *w, struct bytes data)
{
	struct buf *out = smtp_session_output(s);
	size_t consumed;

	while (data.len > 0) {
		bool closed = smtp_session_wants(s) == SMTP_WANT_CLOSE;
		const struct smtp_tls_info tls = {"TLSv1.3", "x", NULL};

		smtp_session_feed(s, data, &consumed);
		must(!closed || out->len == 0);
		must(consumed > 0 && consumed <= data.len && buf_view(out).len <= 16384 &&
		     !out->failed);
		buf_append(&w->replies, buf_view(out));
		buf_release(out);
		data = bytes_slice(data, consumed, data.len);
		if (smtp_session_wants(s) == SMTP_WANT_TLS)
			smtp_session_tls_done(s, &tls);
	}
}

static void
world_init(struct world *w)
{
	*w = (struct world){0};
	buf_init(&w->replies, 16 * INPUT_BYTES_MAX);
	buf_init(&w->messages, 16 * INPUT_BYTES_MAX);
	buf_init(&w->body, INPUT_BYTES_MAX);
}

static void
world_fini(struct world *w)
{
	buf_fini(&w->replies);
	buf_fini(&w->messages);
	buf_fini(&w->body);
}

/* play: the input in pieces of step bytes. Returns whether the session has hung up. */
static bool
play(const struct smtp_options *options, struct bytes data, size_t step, struct world *w)
{
	struct smtp_session *s = smtp_session_new(options, &ops, w, 1);
	const struct smtp_tls_info tls = {"TLSv1.3", "x", NULL};
	bool closed;

	world_init(w);
	if (options->tls_wrapped)
		smtp_session_tls_done(s, &tls);
	smtp_session_open(s, false);
	for (size_t at = 0; at < data.len; at += step)
		feed(s, w, bytes_slice(data, at, step));
	buf_append(&w->replies, buf_view(smtp_session_output(s)));
	closed = smtp_session_wants(s) == SMTP_WANT_CLOSE;
	smtp_session_free(&s);
	must(!w->in_message && w->begun == w->ended + w->aborted);
	return closed;
}

/* next_reply: one reply, all its lines; false when there is none left. Every line is checked. */
static bool
next_reply(struct bytes *replies, struct bytes *out)
{
	size_t at = 0, end;

	if (replies->len == 0)
		return false;
	for (;;) {
		struct bytes line;

		end = bytes_find(*replies, at, BYTES_LIT("\r\n"));
		must(end != SIZE_MAX && end - at + 2 <= 512 && end - at >= 4);
		line = bytes_slice(*replies, at, end - at);
		must(line.ptr[0] >= '2' && line.ptr[0] <= '5' &&
		     (line.ptr[3] == ' ' || line.ptr[3] == '-'));
		at = end + 2;
		if (line.ptr[3] == ' ')
			break;
	}
	*out = bytes_slice(*replies, 0, at);
	*replies = bytes_slice(*replies, at, replies->len);
	return true;
}

/* chunk_size: n of a line "BDAT n" or "BDAT n LAST", read the slow way. */
static bool
chunk_size(struct bytes line, uint64_t *out)
{
	size_t space;

	while (line.len > 0 && (line.ptr[line.len - 1] == ' ' || line.ptr[line.len - 1] == '\t'))
		line.len--;
	if (!bytes_starts_with_nocase(line, BYTES_LIT("BDAT ")))
		return false;
	line = bytes_slice(line, 5, line.len);
	space = bytes_find_byte(line, 0, ' ');
	if (space != SIZE_MAX &&
	    !bytes_equal_nocase(bytes_slice(line, space, line.len), BYTES_LIT(" LAST")))
		return false;
	return text_u64_parse(out, bytes_slice(line, 0, space == SIZE_MAX ? line.len : space));
}

/* check_message: the next stored message is this DATA, without its stuffed dots. */
static void
check_message(struct reader *messages, struct bytes wire)
{
	struct bytes stored = reader_bytes32(messages);
	size_t at = 0;

	must(reader_ok(messages));
	for (size_t i = 0; i < wire.len; i++) {
		bool start =
		    i == 0 || (i > 1 && wire.ptr[i - 1] == '\n' && wire.ptr[i - 2] == '\r');

		if (start && wire.ptr[i] == '.')
			continue;
		must(at < stored.len && stored.ptr[at] == wire.ptr[i]);
		at++;
	}
	must(at == stored.len);
}

/* data_length: octets of the message at the start of rest, its end not included; SIZE_MAX: no end. */
static size_t
data_length(struct bytes rest, size_t *end_length)
{
	size_t end = bytes_find(rest, 0, BYTES_LIT("\r\n.\r\n"));

	*end_length = 3;
	if (bytes_starts_with(rest, BYTES_LIT(".\r\n")))
		return 0;
	return end == SIZE_MAX ? SIZE_MAX : end + 2;
}

/* walk: the second reader. */
static void
walk(struct bytes data, const struct world *w, bool closed)
{
	struct bytes replies = buf_view(&w->replies), reply, line;
	struct reader messages;
	size_t lf, length, end_length;
	uint64_t chunk;

	reader_init(&messages, buf_view(&w->messages));
	must(next_reply(&replies, &reply));
	while (data.len > 0 && !(closed && replies.len == 0)) {
		if (data.ptr[0] == 0x16) {
			must(next_reply(&replies, &reply) && closed && replies.len == 0);
			return;
		}
		lf = bytes_find_byte(data, 0, '\n');
		if (lf == SIZE_MAX)
			break;
		if (lf == 0 || data.ptr[lf - 1] != '\r') {
			must(next_reply(&replies, &reply) && closed && replies.len == 0);
			return;
		}
		line = bytes_slice(data, 0, lf - 1);
		data = bytes_slice(data, lf + 1, data.len);
		if (line.len + 2 <= 2048 && bytes_find_byte(line, 0, '\r') == SIZE_MAX &&
		    chunk_size(line, &chunk) && chunk <= 4 * MESSAGE_LIMIT) {
			if (data.len < chunk)
				break;
			data = bytes_slice(data, (size_t)chunk, data.len);
			must(next_reply(&replies, &reply));
			if (bytes_starts_with(reply, BYTES_LIT("250 2.0.0 Message kept")))
				must(reader_bytes32(&messages).len <= MESSAGE_LIMIT);
			continue;
		}
		must(next_reply(&replies, &reply));
		if (!bytes_starts_with(reply, BYTES_LIT("354 ")))
			continue;
		length = data_length(data, &end_length);
		if (length == SIZE_MAX)
			break;
		must(next_reply(&replies, &reply));
		if (reply.ptr[0] == '2')
			check_message(&messages, bytes_slice(data, 0, length));
		data = bytes_slice(data, length + end_length, data.len);
	}
	must(replies.len == 0 || closed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smtp_options options = {
	    .hostname = "mail.test", .message_bytes_max = MESSAGE_LIMIT, .recipients_max = 3};
	struct world whole, pieces;
	struct bytes wire;
	bool closed;

	if (size < 2 || size > INPUT_BYTES_MAX)
		return 0;
	wire = bytes_of(data + 2, size - 2);
	options.mode = (data[0] & 1) != 0 ? SMTP_MODE_MX : SMTP_MODE_JOURNAL;
	options.offer_tls = (data[0] & 6) == 2;
	options.tls_wrapped = (data[0] & 6) == 4;
	options.offer_auth = (data[0] & 8) != 0;
	closed = play(&options, wire, SIZE_MAX / 2, &whole);
	/* Where input is cut is part of the meaning on mx (EHLO) and around STARTTLS; elsewhere it is not. */
	must(play(&options, wire, 1 + data[1] % 32u, &pieces) == closed ||
	     options.mode == SMTP_MODE_MX || options.offer_tls);
	if (options.mode == SMTP_MODE_JOURNAL && !options.offer_tls) {
		must(bytes_equal(buf_view(&whole.replies), buf_view(&pieces.replies)));
		must(bytes_equal(buf_view(&whole.messages), buf_view(&pieces.messages)));
		if (!options.tls_wrapped)
			walk(wire, &whole, closed);
	}
	world_fini(&whole);
	world_fini(&pieces);
	return 0;
}
