/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One socket and its session: read only when the session can use it and nothing waits to be sent, so a slow or
 * waiting peer costs nothing but its descriptor.
 */
#include <string.h>
#include <sys/socket.h>

#include "base_limits.h"
#include "base_log.h"
#include "base_mem.h"
#include "smtp_server_int.h"

#define ROUNDS_MAX       16                    /* reads in a row before others get their turn */
#define LINGER_BYTES_MAX ((size_t)1024 * 1024) /* what a peer may still send to a closing session */

static int64_t
now(const struct smtp_connection *c)
{
	return clock_mono_ms(&c->server->clock);
}

void
smtp_connection_drop(struct smtp_connection *c)
{
	struct smtp_server *s = c->server;

	must(!c->running);
	smtp_session_free(&c->session);
	os_watch_free(&c->watch);
	if (c->tls != NULL)
		os_tls_free(&c->tls);
	os_close(&c->fd);
	buf_fini(&c->pending);
	arena_fini(&c->arena);
	smtp_endpoint_unref(&c->endpoint);
	smtp_peers_remove(s->peers, &c->peer);
	smtp_server_remove(s, c);
	mem_free(c);
}

static enum os_io
read_some(struct smtp_connection *c, size_t *count, unsigned *want, struct err *err)
{
	struct smtp_server *s = c->server;
	enum os_io io;

	*want = OS_READ;
	if (c->tls != NULL)
		io = os_tls_read(c->tls, s->input, sizeof s->input, count, want, err);
	else
		io = os_socket_read(c->fd, s->input, sizeof s->input, count, err);
	if (io == OS_IO_DONE)
		s->stats.bytes_in += *count;
	return io;
}

/* A step of the pump: whether to go on, to wait for the loop, or to drop the connection. */
enum step { STEP_ON, STEP_WAIT, STEP_DROP };

static enum step
flush(struct smtp_connection *c)
{
	struct buf *out = smtp_session_output(c->session);
	unsigned want = OS_WRITE;
	struct err err;
	size_t count;
	enum os_io io;

	while (out->len > 0) {
		if (c->tls != NULL)
			io = os_tls_write(c->tls, buf_view(out), &count, &want, &err);
		else
			io = os_socket_write(c->fd, buf_view(out), &count, &err);
		if (io == OS_IO_AGAIN) {
			os_watch_set(c->watch, want);
			return STEP_WAIT;
		}
		if (io != OS_IO_DONE)
			return STEP_DROP;
		c->server->stats.bytes_out += count;
		buf_consume(out, count);
		c->base_ms = now(c);
	}
	buf_release(out);
	return STEP_ON;
}

/*
 * account: after the session took bytes: a wait for a command is measured from the last reply, not from the last
 * byte, so that a peer cannot hold a line open for ever; inside DATA every byte counts, and the rate does too.
 */
static void
account(struct smtp_connection *c, size_t taken)
{
	enum smtp_activity activity = smtp_session_activity(c->session);
	int64_t at = now(c);

	if (activity == SMTP_ACTIVITY_DATA && c->activity != SMTP_ACTIVITY_DATA) {
		c->rate_start_ms = at;
		c->rate_bytes = 0;
	}
	if (activity == SMTP_ACTIVITY_DATA)
		c->rate_bytes += taken;
	if (activity != c->activity || activity == SMTP_ACTIVITY_DATA ||
	    smtp_session_output(c->session)->len > 0)
		c->base_ms = at;
	c->activity = activity;
}

/* feed: what the session does not take is kept for later. */
static void
feed(struct smtp_connection *c, struct bytes data)
{
	size_t consumed;

	smtp_session_feed(c->session, data, &consumed);
	account(c, consumed);
	if (consumed < data.len)
		buf_append(&c->pending, bytes_slice(data, consumed, data.len));
	/* A password may have been in it. */
	if (c->tls != NULL && smtp_endpoint_options(c->endpoint)->offer_auth)
		explicit_bzero(c->server->input, data.len);
}

static void
feed_pending(struct smtp_connection *c)
{
	size_t consumed;

	smtp_session_feed(c->session, buf_view(&c->pending), &consumed);
	account(c, consumed);
	buf_consume(&c->pending, consumed);
	if (c->pending.len == 0)
		buf_release(&c->pending);
}

static enum step
read_and_feed(struct smtp_connection *c)
{
	unsigned want;
	struct err err;
	size_t count;

	switch (read_some(c, &count, &want, &err)) {
	case OS_IO_DONE:
		feed(c, bytes_of(c->server->input, count));
		return STEP_ON;
	case OS_IO_AGAIN:
		os_watch_set(c->watch, want);
		return STEP_WAIT;
	case OS_IO_EOF:
	case OS_IO_FAIL:
		break;
	}
	return STEP_DROP;
}

/* check_plaintext: bytes behind STARTTLS that are there already came before our invitation (RFC 3207 §5). */
static enum step
check_plaintext(struct smtp_connection *c)
{
	unsigned want;
	struct err err;
	size_t count;

	c->plaintext_checked = true;
	switch (read_some(c, &count, &want, &err)) {
	case OS_IO_DONE:
		feed(c, bytes_of(c->server->input, count));
		return STEP_ON;
	case OS_IO_AGAIN:
		return STEP_ON;
	case OS_IO_EOF:
	case OS_IO_FAIL:
		break;
	}
	return STEP_DROP;
}

static void
begin_handshake(struct smtp_connection *c)
{
	c->tls = os_tls_new(smtp_endpoint_tls(c->endpoint), c->fd);
	c->state = SMTP_CONNECTION_HANDSHAKE;
	c->base_ms = now(c);
}

static enum step
handshake(struct smtp_connection *c)
{
	struct smtp_tls_info info;
	char peer[OS_ADDRESS_TEXT_SIZE];
	unsigned want;
	struct err err = {.msg = "peer hung up"};

	switch (os_tls_handshake(c->tls, &want, &err)) {
	case OS_IO_DONE:
		break;
	case OS_IO_AGAIN:
		os_watch_set(c->watch, want);
		return STEP_WAIT;
	case OS_IO_EOF:
	case OS_IO_FAIL:
		c->server->stats.handshakes_failed++;
		os_address_format(peer, &c->peer);
		log_info("session %llx: handshake with %s failed: %s", (unsigned long long)c->id,
		    peer, err.msg);
		return STEP_DROP;
	}
	c->server->stats.handshakes_done++;
	info.protocol = os_tls_protocol(c->tls);
	info.cipher = os_tls_cipher(c->tls);
	info.certificate = os_tls_peer(c->tls, &c->arena, &c->certificate) ? &c->certificate : NULL;
	smtp_session_tls_done(c->session, &info);
	c->state = SMTP_CONNECTION_TALK;
	c->activity = SMTP_ACTIVITY_COMMAND;
	c->base_ms = now(c);
	if (smtp_endpoint_options(c->endpoint)->tls_wrapped)
		smtp_session_open(c->session, false);
	return STEP_ON;
}

/* begin_linger: the session is over; its memory goes now, the socket when the peer has read the last reply. */
static void
begin_linger(struct smtp_connection *c)
{
	if (c->tls != NULL)
		os_tls_close(c->tls);
	(void)shutdown(c->fd, SHUT_WR);
	smtp_session_free(&c->session);
	if (c->tls != NULL)
		os_tls_free(&c->tls);
	buf_release(&c->pending);
	c->state = SMTP_CONNECTION_LINGER;
	c->base_ms = now(c);
}

static enum step
linger(struct smtp_connection *c)
{
	struct err err;
	size_t count;

	switch (os_socket_read(c->fd, c->server->input, sizeof c->server->input, &count, &err)) {
	case OS_IO_DONE:
		c->linger_bytes += count;
		return c->linger_bytes > LINGER_BYTES_MAX ? STEP_DROP : STEP_ON;
	case OS_IO_AGAIN:
		os_watch_set(c->watch, OS_READ);
		return STEP_WAIT;
	case OS_IO_EOF:
	case OS_IO_FAIL:
		break;
	}
	return STEP_DROP;
}

static enum step
talk(struct smtp_connection *c)
{
	enum step step = STEP_ON;

	if (smtp_session_wants(c->session) == SMTP_WANT_TLS && !c->plaintext_checked)
		step = check_plaintext(c);
	if (step == STEP_ON)
		step = flush(c);
	if (step != STEP_ON)
		return step;
	switch (smtp_session_wants(c->session)) {
	case SMTP_WANT_READ:
		if (c->pending.len > 0)
			feed_pending(c);
		else
			return read_and_feed(c);
		break;
	case SMTP_WANT_WAIT:
		os_watch_set(c->watch, 0);
		return STEP_WAIT;
	case SMTP_WANT_TLS:
		begin_handshake(c);
		break;
	case SMTP_WANT_CLOSE:
		begin_linger(c);
		break;
	}
	return STEP_ON;
}

static enum step
pump(struct smtp_connection *c)
{
	enum step step = STEP_ON;

	for (int round = 0; round < ROUNDS_MAX && step == STEP_ON; round++) {
		switch (c->state) {
		case SMTP_CONNECTION_HANDSHAKE:
			step = handshake(c);
			break;
		case SMTP_CONNECTION_TALK:
			step = talk(c);
			break;
		case SMTP_CONNECTION_LINGER:
			step = linger(c);
			break;
		}
	}
	return step;
}

void
smtp_connection_run(struct smtp_connection *c)
{
	struct smtp_server *s = c->server;
	enum step step;

	if (c->running)
		return;
	if (s->busy) {
		smtp_server_soon(s, c);
		return;
	}
	c->running = s->busy = true;
	step = pump(c);
	c->running = s->busy = false;
	if (step == STEP_DROP)
		smtp_connection_drop(c);
	else if (step == STEP_ON) /* there is more, but others come first */
		smtp_server_soon(s, c);
}

static void
on_ready(void *ctx, unsigned ready)
{
	(void)ready;
	smtp_connection_run(ctx);
}

/* greet: a peer that has spoken before the greeting is heard first. False: it has hung up. */
static bool
greet(struct smtp_connection *c)
{
	unsigned want;
	struct err err;
	size_t count;

	switch (read_some(c, &count, &want, &err)) {
	case OS_IO_AGAIN:
		smtp_session_open(c->session, false);
		return true;
	case OS_IO_DONE:
		smtp_session_open(c->session, true);
		feed(c, bytes_of(c->server->input, count));
		return true;
	case OS_IO_EOF:
	case OS_IO_FAIL:
		break;
	}
	return false;
}

void
smtp_connection_start(
    struct smtp_server *s, int fd, const struct os_address *peer, struct smtp_endpoint *e)
{
	struct smtp_connection *c = mem_calloc(1, sizeof *c);
	struct err err;

	c->server = s;
	c->fd = fd;
	c->peer = *peer;
	c->endpoint = smtp_endpoint_ref(e);
	c->state = SMTP_CONNECTION_TALK;
	c->base_ms = clock_mono_ms(&s->clock);
	buf_init(&c->pending, SMTP_INPUT_BYTES);
	arena_init(&c->arena);
	if (!os_socket_local(fd, &c->local, &err))
		c->local = (struct os_address){0};
	smtp_peers_add(s->peers, peer);
	smtp_server_place(s, c);
	c->session = smtp_session_new(smtp_endpoint_options(e), &smtp_spool_ops, c, c->id);
	c->watch = os_watch_fd(s->loop, fd, on_ready, c);
	if (smtp_endpoint_options(e)->tls_wrapped) {
		begin_handshake(c);
	} else {
		bool alive;

		must(!s->busy);
		c->running = s->busy = true;
		alive = greet(c);
		c->running = s->busy = false;
		if (!alive) {
			smtp_connection_drop(c);
			return;
		}
	}
	smtp_connection_run(c);
}

void
smtp_connection_shutdown(struct smtp_connection *c)
{
	if (c->state == SMTP_CONNECTION_HANDSHAKE && !c->running) {
		smtp_connection_drop(c);
		return;
	}
	if (c->session == NULL)
		return;
	smtp_session_shutdown(c->session);
	smtp_connection_run(c);
}

/* wait_limit: how long the present wait may last. */
static int64_t
wait_limit(const struct smtp_connection *c)
{
	const struct smtp_server_options *o = &c->server->options;

	if (c->state == SMTP_CONNECTION_HANDSHAKE)
		return o->handshake_ms;
	if (c->state == SMTP_CONNECTION_LINGER)
		return o->linger_ms;
	if (smtp_session_output(c->session)->len > 0)
		return o->data_ms;
	switch (smtp_session_activity(c->session)) {
	case SMTP_ACTIVITY_DATA:
		return o->data_ms;
	case SMTP_ACTIVITY_ANSWER:
		return o->answer_ms;
	case SMTP_ACTIVITY_COMMAND:
		break;
	}
	return c->server->stats.sessions >= o->overload_sessions ? o->command_overload_ms
								 : o->command_ms;
}

/* too_slow: whole windows inside DATA that brought too few bytes. */
static bool
too_slow(struct smtp_connection *c, int64_t now_ms)
{
	const struct smtp_server_options *o = &c->server->options;
	uint64_t least = o->rate_bytes_min * (uint64_t)o->rate_window_ms / 1000;
	uint64_t got = c->rate_bytes;

	if (c->state != SMTP_CONNECTION_TALK ||
	    smtp_session_activity(c->session) != SMTP_ACTIVITY_DATA ||
	    now_ms - c->rate_start_ms < o->rate_window_ms)
		return false;
	c->rate_start_ms = now_ms;
	c->rate_bytes = 0;
	return got < least;
}

void
smtp_connection_check_time(struct smtp_connection *c, int64_t now_ms)
{
	bool slow = too_slow(c, now_ms);

	if (!slow && now_ms - c->base_ms < wait_limit(c))
		return;
	if (c->state != SMTP_CONNECTION_LINGER)
		c->server->stats.timeouts++;
	if (c->state != SMTP_CONNECTION_TALK || smtp_session_output(c->session)->len > 0) {
		smtp_connection_drop(c);
		return;
	}
	smtp_session_timeout(c->session);
	c->base_ms = now_ms;
	c->activity = smtp_session_activity(c->session);
	smtp_connection_run(c);
}
