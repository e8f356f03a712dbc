/* SPDX-License-Identifier: Apache-2.0 */
/* One connection: bytes in, one request at a time to the owner, its answer out. */
#include <string.h>
#include <sys/socket.h>

#include "base_limits.h"
#include "base_log.h"
#include "base_mem.h"
#include "http_server_int.h"

#define OUT_BYTES_MAX    ((size_t)1024 * 1024 * 1024) /* our owner's answer, never a peer's choice */
#define LINGER_READS_MAX 64 /* per wake, so that others get their turn   */

static void connection_run(struct http_connection *c, struct bytes data);

static void on_ready(void *ctx, unsigned ready);

struct http_connection *
http_connection_new(struct http_server *s, int fd, const struct os_address *peer, size_t slot)
{
	struct http_connection *c = mem_calloc(1, sizeof *c);

	c->server = s;
	c->slot = slot;
	c->fd = fd;
	c->peer = *peer;
	c->state = HTTP_READING;
	c->idle_since_ms = http_server_mono(s);
	c->deadline_ms = c->idle_since_ms + s->options.idle_ms_max;
	http_parser_init(&c->parser, &s->options.limits);
	buf_init(&c->pending, HTTP_PENDING_BYTES_MAX);
	buf_init(&c->out, OUT_BYTES_MAX);
	c->watch = os_watch_fd(s->loop, fd, on_ready, c);
	os_watch_set(c->watch, OS_READ);
	return c;
}

static void
connection_free(struct http_connection *c)
{
	http_parser_fini(&c->parser);
	buf_fini(&c->pending);
	buf_fini(&c->out);
	os_memfile_unmap(&c->map);
	mem_free(c);
}

/* What the connection holds of requests, in the server's sum. */
static void
count_held(struct http_connection *c)
{
	size_t now = c->state == HTTP_CLOSED ? 0 : c->parser.body.cap + c->pending.cap;

	c->server->held += now - c->held;
	c->held = now;
}

void
http_connection_close(struct http_connection *c)
{
	if (c->state == HTTP_CLOSED)
		return;
	c->state = HTTP_CLOSED;
	count_held(c);
	os_watch_free(&c->watch);
	os_close(&c->fd);
	http_server_forget(c->server, c);
	if (!c->busy)
		connection_free(c);
}

bool
http_connection_idle(const struct http_connection *c)
{
	return c->state == HTTP_READING && !http_parser_started(&c->parser);
}

/* The answer is out and the peer may still be sending: closing now would reset the connection, and the reset can
 * overtake the answer (RFC 9112 §9.6). So we only say that we are done, and take what comes for a while. */
static void
begin_linger(struct http_connection *c)
{
	c->state = HTTP_LINGERING;
	c->deadline_ms = http_server_mono(c->server) + c->server->options.linger_ms_max;
	(void)shutdown(c->fd, SHUT_WR);
	buf_release(&c->out);
	http_parser_reset(&c->parser);
	buf_release(&c->pending);
	count_held(c);
	os_watch_set(c->watch, OS_READ);
}

static void
answer_sent(struct http_connection *c)
{
	os_memfile_unmap(&c->map);
	c->map_left = BYTES_EMPTY;
	c->out_at = 0;
	if (c->close_after && c->linger) {
		begin_linger(c);
		return;
	}
	if (c->close_after) {
		http_connection_close(c);
		return;
	}
	buf_release(&c->out);
	http_parser_reset(&c->parser);
	c->state = HTTP_READING;
	count_held(c);
	c->idle_since_ms = http_server_mono(c->server);
	c->deadline_ms = c->idle_since_ms + c->server->options.idle_ms_max;
	os_watch_set(c->watch, OS_READ);
}

/* Sends what the socket takes of out and of the mapped body. */
static void
send_some(struct http_connection *c)
{
	struct err err;
	size_t sent;

	for (;;) {
		struct bytes rest = bytes_slice(buf_view(&c->out), c->out_at, SIZE_MAX);
		bool from_map = rest.len == 0;
		enum os_io io;

		if (from_map)
			rest = c->map_left;
		if (rest.len == 0) {
			answer_sent(c);
			return;
		}
		io = os_socket_write(c->fd, rest, &sent, &err);
		if (io == OS_IO_AGAIN) {
			os_watch_set(c->watch, OS_WRITE);
			return;
		}
		if (io != OS_IO_DONE) {
			http_connection_close(c); /* the peer is gone: an everyday event */
			return;
		}
		c->deadline_ms = http_server_mono(c->server) + c->server->options.write_ms_max;
		if (from_map)
			c->map_left = bytes_slice(c->map_left, sent, SIZE_MAX);
		else
			c->out_at += sent;
	}
}

static void
begin_answer(struct http_connection *c)
{
	c->state = HTTP_WRITING;
	c->deadline_ms = http_server_mono(c->server) + c->server->options.write_ms_max;
	/* Inside the request callback the parser's views are still in use: connection_run goes on when it returns. */
	if (!c->in_request)
		send_some(c);
}

static void
fail_request(struct http_connection *c, unsigned status, const char *reason)
{
	buf_reset(&c->out);
	c->out_at = 0;
	http_answer_failure(c, status, reason);
	begin_answer(c);
}

static void
hand_over(struct http_connection *c)
{
	struct http_server *s = c->server;
	struct http_request r = {.message = c->parser.message,
	    .peer = c->peer,
	    .local = c->local,
	    .peer_uid = c->peer_uid};

	c->request_id = r.id = ++s->serial << 16 | c->slot;
	c->state = HTTP_WAITING;
	c->deadline_ms = INT64_MAX;
	c->in_request = true;
	s->ops->request(s->ctx, &r);
	c->in_request = false;
	if (c->state == HTTP_WRITING)
		send_some(c);
	else if (c->state == HTTP_WAITING)
		buf_release(
		    &c->parser
			 .body); /* the owner has it; the head is still needed for the answer */
	count_held(c);
}

/* RFC 9110 §10.1.1. A peer that has begun to send the body has no use for it. */
static void
say_continue(struct http_connection *c, struct bytes rest)
{
	static const char line[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct err err;
	size_t sent;

	if (rest.len > 0)
		return;
	/* Nothing else waits in the socket; when 25 bytes do not fit, the peer is beyond help. */
	if (os_socket_write(c->fd, bytes_of(line, sizeof line - 1), &sent, &err) != OS_IO_DONE ||
	    sent != sizeof line - 1)
		http_connection_close(c);
}

static void
feed(struct http_connection *c, struct bytes *data)
{
	bool started = http_parser_started(&c->parser);
	enum http_parse_outcome outcome;
	size_t used;

	if (!started)
		c->deadline_ms = http_server_mono(c->server) + c->server->options.request_ms_max;
	outcome = http_parser_feed(&c->parser, *data, &used);
	*data = bytes_slice(*data, used, SIZE_MAX);
	count_held(c);
	switch (outcome) {
	case HTTP_PARSE_MORE:
		if (c->local || c->server->held <= c->server->options.held_bytes_max)
			break;
		*data = BYTES_EMPTY;
		fail_request(c, 503, "Too many requests are arriving; try again.");
		break;
	case HTTP_PARSE_CONTINUE:
		say_continue(c, *data);
		break;
	case HTTP_PARSE_DONE:
		hand_over(c);
		break;
	case HTTP_PARSE_FAIL:
		*data = BYTES_EMPTY;
		fail_request(c, c->parser.status, c->parser.reason);
		break;
	}
}

/* Feeds data as far as it goes. What lies beyond a request in flight is kept for later. */
static void
feed_all(struct http_connection *c, struct bytes data)
{
	while (data.len > 0 && c->state == HTTP_READING)
		feed(c, &data);
	if (data.len > 0 &&
	    (c->state == HTTP_WAITING || (c->state == HTTP_WRITING && !c->close_after)))
		buf_append(&c->pending, data);
}

/* Keeps c alive while it works on data and on what was kept. */
static void
connection_run(struct http_connection *c, struct bytes data)
{
	struct buf kept;

	c->busy = true;
	feed_all(c, data);
	while (c->state == HTTP_READING && c->pending.len > 0) {
		kept = c->pending;
		buf_init(&c->pending, HTTP_PENDING_BYTES_MAX);
		feed_all(c, buf_view(&kept));
		buf_fini(&kept);
	}
	/* A draining server has no use for an idle connection. */
	if (c->server->draining && http_connection_idle(c))
		http_connection_close(c);
	c->busy = false;
	if (c->state == HTTP_CLOSED)
		connection_free(c);
}

static void
read_some(struct http_connection *c)
{
	struct err err;
	size_t got;

	switch (os_socket_read(c->fd, c->server->scratch, HTTP_READ_BYTES, &got, &err)) {
	case OS_IO_DONE:
		connection_run(c, bytes_of(c->server->scratch, got));
		break;
	case OS_IO_AGAIN:
		break;
	case OS_IO_EOF:
	case OS_IO_FAIL:
		http_connection_close(c);
		break;
	}
}

static void
discard_some(struct http_connection *c)
{
	struct err err;
	size_t got;

	for (int i = 0; i < LINGER_READS_MAX; i++) {
		enum os_io io =
		    os_socket_read(c->fd, c->server->scratch, HTTP_READ_BYTES, &got, &err);

		if (io == OS_IO_AGAIN)
			return;
		if (io != OS_IO_DONE) {
			http_connection_close(c);
			return;
		}
	}
}

static void
on_ready(void *ctx, unsigned ready)
{
	struct http_connection *c = ctx;

	switch (c->state) {
	case HTTP_READING:
		read_some(c);
		break;
	case HTTP_WAITING:
		os_watch_set(c->watch,
		    0); /* it comes after the answer, or the peer is gone; either can wait */
		break;
	case HTTP_WRITING:
		c->busy = true;
		if ((ready & OS_WRITE) != 0)
			send_some(c);
		else
			os_watch_set(c->watch, OS_WRITE);
		c->busy = false;
		if (c->state == HTTP_CLOSED)
			connection_free(c);
		else if (c->state == HTTP_READING)
			connection_run(c, BYTES_EMPTY);
		break;
	case HTTP_LINGERING:
		discard_some(c);
		break;
	case HTTP_CLOSED:
		break;
	}
}

void
http_connection_respond(struct http_connection *c, const struct http_response *r)
{
	bool outermost = !c->busy;

	must(c->state == HTTP_WAITING);
	c->busy = true;
	http_answer_write(c, r);
	begin_answer(c);
	if (!outermost)
		return;
	c->busy = false;
	if (c->state == HTTP_CLOSED)
		connection_free(c);
	else if (c->state == HTTP_READING)
		connection_run(c, BYTES_EMPTY);
}

void
http_connection_expire(struct http_connection *c)
{
	if (c->state != HTTP_READING || http_connection_idle(c)) {
		http_connection_close(c);
		return;
	}
	c->busy = true;
	fail_request(c, 408, "The request took too long to arrive.");
	c->busy = false;
	if (c->state == HTTP_CLOSED)
		connection_free(c);
}
