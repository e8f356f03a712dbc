/* SPDX-License-Identifier: Apache-2.0 */
/* The server over real loopback and unix sockets: one thread, an injected clock, no sleeps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/socket.h>
#include <unistd.h>

#include "base_limits.h"
#include "base_mem.h"
#include "http_server.h"

#define STEPS_MAX 3000 /* of 1 ms: nobody waits for ever */
#define HELD_MAX  8

struct world {
	struct os_loop *loop;
	struct http_server *server;
	struct clock_fixed time;
	struct rng_seeded seed;
	struct os_address at;
	char path[64];
	bool hold; /* requests are answered by the test */
	uint64_t held[HELD_MAX];
	size_t held_count, seen;
	bool drained, own_failure;
	bool local;
	uint32_t uid;
};

struct client {
	struct world *w;
	int fd;
	struct buf got;
	bool eof;
};

static void
answer(struct world *w, uint64_t id, const char *text)
{
	struct http_response r = http_response_of(200);

	r.body = bytes_of_str(text);
	http_server_respond(w->server, id, &r);
}

/* A body of size bytes in a sealed memory file. */
static int
memfile_of(size_t size)
{
	uint8_t *data = mem_calloc(1, size + 1);
	struct err err;
	int fd;

	memset(data, 'm', size);
	if (size > 0)
		data[size - 1] = 'z';
	assert_true(os_memfile_new(&fd, &err));
	assert_true(os_memfile_append(fd, bytes_of(data, size), &err));
	assert_true(os_memfile_seal(fd, &err));
	mem_free(data);
	return fd;
}

/* /echo repeats the body; /file/N answers a memory file of N bytes, with ranges; anything else its own target. */
static void
own_request(void *ctx, const struct http_request *q)
{
	struct world *w = ctx;
	struct http_response r = http_response_of(200);
	const struct http_header headers[] = {{BYTES_LIT("Accept-Ranges"), BYTES_LIT("bytes")},
	    {BYTES_LIT("X-Odd"), BYTES_LIT("a\r\nb")},
	    {BYTES_LIT("Content-Length"), BYTES_LIT("77")}};

	w->seen++;
	w->local = q->local;
	w->uid = q->peer_uid;
	if (w->hold) {
		assert_true(w->held_count < HELD_MAX);
		w->held[w->held_count++] = q->id;
		return;
	}
	r.body = q->message.target;
	if (bytes_equal(q->message.target, BYTES_LIT("/echo")))
		r.body = q->message.body;
	if (bytes_starts_with(q->message.target, BYTES_LIT("/file/")))
		r.body_fd =
		    memfile_of((size_t)strtoul((const char *)q->message.target.ptr + 6, NULL, 10));
	if (bytes_equal(q->message.target, BYTES_LIT("/none")))
		r.status = 204;
	r.headers = headers;
	r.header_count = 3;
	http_server_respond(w->server, q->id, &r);
	http_server_respond(w->server, q->id, &r); /* the second is dropped */
}

static void
own_failure(void *ctx, const struct http_failure *f, struct buf *body)
{
	const struct world *w = ctx;

	if (w->own_failure)
		buf_printf(body, "own %u", f->status);
}

static const struct http_server_ops ops = {.request = own_request, .failure = own_failure};

static struct world *
world_new(size_t connections_max)
{
	struct world *w = mem_calloc(1, sizeof *w);
	struct http_server_options o = http_server_options_default();
	struct os_address any = {.family = 4, .ip = {127, 0, 0, 1}};
	struct err err;
	int fd;

	w->time = (struct clock_fixed){.now_ms = 1795489703000, .mono_ms = 1000};
	w->seed.state = 7;
	o.clock = clock_fixed(&w->time);
	o.rng = rng_seeded(&w->seed);
	o.sweep_ms = 1;
	o.connections_max = connections_max;
	o.limits.body_bytes_max = 4096;
	o.held_bytes_max = 6000;
	w->loop = os_loop_new();
	w->server = http_server_new(w->loop, &o, &ops, w);
	assert_true(os_socket_listen(&any, &fd, &err));
	assert_true(os_socket_local(fd, &w->at, &err));
	http_server_listen(w->server, fd);
	(void)snprintf(w->path, sizeof w->path, "/tmp/db-http-test-%ld", (long)getpid());
	assert_true(os_socket_listen_unix(w->path, 0600, &fd, &err));
	http_server_listen(w->server, fd);
	return w;
}

static int
setup(void **state)
{
	*state = world_new(4);
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	http_server_free(&w->server);
	os_loop_free(&w->loop);
	(void)unlink(w->path);
	mem_free(w);
	return 0;
}

static struct client *
client_new(struct world *w)
{
	struct client *c = mem_calloc(1, sizeof *c);
	struct err err;

	c->w = w;
	buf_init(&c->got, 64 * LIMIT_MIB);
	assert_true(os_socket_connect(&w->at, &c->fd, &err));
	return c;
}

static void
client_free(struct client *c)
{
	os_close(&c->fd);
	buf_fini(&c->got);
	mem_free(c);
}

static void
receive(struct client *c)
{
	uint8_t part[8192];
	struct err err;
	size_t got;
	enum os_io io = OS_IO_DONE;

	while (!c->eof && io == OS_IO_DONE) {
		io = os_socket_read(c->fd, part, sizeof part, &got, &err);
		buf_append_mem(&c->got, part, got);
		c->eof = io == OS_IO_EOF || io == OS_IO_FAIL;
	}
}

static void
step(struct client *c)
{
	os_loop_step(c->w->loop, 1);
	receive(c);
}

static void
client_send(struct client *c, struct bytes data)
{
	struct err err;
	size_t sent;

	for (int i = 0; data.len > 0 && i < STEPS_MAX; i++) {
		enum os_io io = os_socket_write(c->fd, data, &sent, &err);

		if (io == OS_IO_FAIL)
			return;
		data = bytes_slice(data, sent, SIZE_MAX);
		step(c);
	}
}

static void
say(struct client *c, const char *text)
{
	client_send(c, bytes_of_str(text));
}

static size_t
count(const struct client *c, const char *text)
{
	size_t n = 0, at = 0;

	while ((at = bytes_find(buf_view(&c->got), at, bytes_of_str(text))) != SIZE_MAX) {
		n++;
		at++;
	}
	return n;
}

static void
expect_times(struct client *c, const char *text, size_t times)
{
	for (int i = 0; i < STEPS_MAX && count(c, text) < times; i++)
		step(c);
	if (count(c, text) != times)
		fail_msg("wanted %zu times: %s\ngot: %s", times, text, buf_text(&c->got));
}

static void
expect(struct client *c, const char *text)
{
	expect_times(c, text, 1);
	buf_reset(&c->got);
}

static void
expect_eof(struct client *c)
{
	for (int i = 0; i < STEPS_MAX && !c->eof; i++)
		step(c);
	assert_true(c->eof);
}

static void
settle(struct client *c)
{
	for (int i = 0; i < 20; i++)
		step(c);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static void
test_answer(void **state)
{
	struct client *c = client_new(*state);

	say(c, GET("/one"));
	expect_times(c,
	    "HTTP/1.1 200 OK\r\nDate: Tue, 24 Nov 2026 03:08:23 GMT\r\nAccept-Ranges: "
	    "bytes\r\nX-Odd: a  b\r\n"
	    "Content-Length: 4\r\n\r\n/one",
	    1);
	assert_false(c->w->local);
	say(c, "HEAD /two HTTP/1.1\r\nHost: a\r\n\r\n" GET("/3"));
	expect_times(c, "/3", 1);
	assert_int_equal(count(c, "/two"), 0);
	say(c, GET("/none") GET("/4"));
	expect_times(c, "/4", 1);
	assert_int_equal(count(c, "204 No Content\r\nDate"), 1);
	assert_int_equal(count(c, "Content-Length"), 4);
	say(c, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
	       "chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n");
	expect_times(c, "\r\n\r\nhello", 1);
	client_free(c);
}

static void
test_unix(void **state)
{
	struct world *w = *state;
	struct client *c = client_new(w);
	struct err err;

	os_close(&c->fd);
	assert_true(os_socket_connect_unix(w->path, &c->fd, &err));
	say(c, GET("/one"));
	expect(c, "/one");
	assert_true(w->local);
	assert_int_equal(w->uid, getuid());
	client_free(c);
}

/* Pipelined requests are handed over one at a time and answered in order. */
static void
test_pipeline(void **state)
{
	struct world *w = *state;
	struct client *c = client_new(w);

	w->hold = true;
	say(c, GET("/1") GET("/2") GET("/3"));
	settle(c);
	assert_int_equal(w->held_count, 1);
	answer(w, w->held[0], "first;");
	expect(c, "first;");
	assert_int_equal(w->held_count, 2);
	say(c, GET("/4"));
	settle(c);
	assert_int_equal(w->held_count, 2);
	answer(w, w->held[0], "stale;");
	answer(w, w->held[1], "second;");
	settle(c);
	answer(w, w->held[2], "third;");
	settle(c);
	answer(w, w->held[3], "fourth;");
	expect_times(c, "fourth;", 1);
	assert_int_equal(count(c, "stale;"), 0);
	assert_true(strstr(buf_text(&c->got), "second;") < strstr(buf_text(&c->got), "third;"));
	client_free(c);
}

static void
test_keep_alive(void **state)
{
	struct client *c = client_new(*state);

	say(c, "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	expect(c, "Connection: keep-alive\r\n\r\n/a");
	say(c, "GET /b HTTP/1.0\r\n\r\n");
	expect(c, "Connection: close\r\n\r\n/b");
	expect_eof(c);
	client_free(c);
	c = client_new(*state);
	say(c, "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" GET("/never"));
	expect_eof(c);
	assert_int_equal(count(c, "HTTP/1.1 200"), 1);
	client_free(c);
}

static void
test_continue(void **state)
{
	struct client *c = client_new(*state);

	say(c,
	    "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
	expect(c, "HTTP/1.1 100 Continue\r\n\r\n");
	say(c, "hi");
	expect(c, "\r\n\r\nhi");
	say(c, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: "
	       "100-continue\r\n\r\nho");
	expect_times(c, "\r\n\r\nho", 1);
	assert_int_equal(count(c, "100 Continue"), 0);
	say(c, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\nExpect: "
	       "100-continue\r\n\r\n");
	expect(c, "HTTP/1.1 413 ");
	client_free(c);
}

/* Wrong framing is answered in JSON, never reaches the owner, and ends the connection even while the peer sends. */
static void
test_failure(void **state)
{
	struct world *w = *state;
	struct client *c = client_new(w);
	struct buf big;

	say(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: "
	       "chunked\r\n\r\n0\r\n\r\n" GET("/smuggled"));
	expect_times(c, "HTTP/1.1 400 Bad Request\r\nDate: ", 1);
	expect_times(c, "\r\nContent-Type: application/x-amz-json-1.0\r\n", 1);
	expect_times(c, "\r\nx-amzn-errortype: ValidationException\r\n", 1);
	expect_times(c,
	    "Connection: "
	    "close\r\n\r\n{\"__type\":\"com.amazonaws.mailmanager#ValidationException\","
	    "\"Message\":\"",
	    1);
	expect_eof(c);
	assert_int_equal(w->seen, 0);
	client_free(c);

	w->own_failure = true;
	c = client_new(w);
	buf_init(&big, 8 * LIMIT_MIB);
	buf_append_str(&big, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\r\n");
	memset(buf_reserve(&big, 4000000), 'x', 4000000);
	buf_grow(&big, 4000000);
	client_send(c, buf_view(&big));
	expect(c, "\r\n\r\nown 413");
	expect_eof(c);
	buf_fini(&big);
	client_free(c);
}

/* A slow request gets 408 when its time is over, however steadily it drips; an idle connection is just closed. */
static void
test_slow(void **state)
{
	struct world *w = *state;
	struct client *c = client_new(w);

	say(c, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n");
	settle(c);
	for (int i = 0; i < 29; i++) {
		w->time.mono_ms += 1000;
		say(c, "x");
		settle(c);
	}
	assert_int_equal(c->got.len, 0);
	w->time.mono_ms += 1000;
	expect(c, "HTTP/1.1 408 Request Timeout\r\n");
	expect_eof(c);
	client_free(c);
	c = client_new(w);
	say(c, GET("/a"));
	expect(c, "/a");
	w->time.mono_ms += 59000;
	settle(c);
	say(c, GET("/b"));
	expect(c, "/b");
	w->time.mono_ms += 59999;
	settle(c);
	assert_false(c->eof);
	w->time.mono_ms += 1;
	expect_eof(c);
	assert_int_equal(c->got.len, 0);
	client_free(c);
	assert_int_equal(http_server_connections(w->server), 0);
}

/* The owner may take its time; the peer may leave meanwhile. */
static void
test_peer_gone(void **state)
{
	struct world *w = *state;
	struct client *c = client_new(w);
	struct http_response r = http_response_of(200);

	w->hold = true;
	say(c, GET("/a"));
	settle(c);
	assert_int_equal(w->held_count, 1);
	w->time.mono_ms += 3600000;
	settle(c);
	assert_int_equal(http_server_connections(w->server), 1);
	os_close(&c->fd);
	for (int i = 0; i < 5; i++)
		os_loop_step(w->loop, 1);
	r.body_fd = memfile_of(4 * LIMIT_MIB);
	http_server_respond(w->server, w->held[0], &r);
	for (int i = 0; i < STEPS_MAX && http_server_connections(w->server) > 0; i++)
		os_loop_step(w->loop, 1);
	assert_int_equal(http_server_connections(w->server), 0);
	r.body_fd = memfile_of(1);
	http_server_respond(w->server, w->held[0], &r);
	client_free(c);
}

static void
test_file(void **state)
{
	struct client *c = client_new(*state);

	say(c, GET("/file/10000000") GET("/next"));
	expect_times(c, "mz", 1);
	expect_times(c, "/next", 1);
	assert_true(c->got.len > 10000000);
	buf_reset(&c->got);
	say(c, "HEAD /file/5 HTTP/1.1\r\nHost: a\r\n\r\n");
	expect(c, "Content-Length: 5\r\n\r\n");
	say(c, GET("/file/0"));
	expect(c, "Content-Length: 0\r\n\r\n");
	say(c, "GET /file/10 HTTP/1.1\r\nHost: a\r\nRange: bytes=8-\r\n\r\n");
	expect_times(c, "HTTP/1.1 206 Partial Content\r\n", 1);
	expect(c, "Content-Range: bytes 8-9/10\r\nContent-Length: 2\r\n\r\nmz");
	say(c, "GET /file/10 HTTP/1.1\r\nHost: a\r\nRange: bytes=0-0,2-2\r\n\r\n");
	expect_times(c, "HTTP/1.1 416 ", 1);
	expect(c, "Content-Range: bytes */10\r\nContent-Length: 0\r\n\r\n");
	client_free(c);
}

/* A peer that stops taking its answer is given up. */
static void
test_stalled(void **state)
{
	struct world *w = *state;
	struct client *c = client_new(w);
	struct err err;
	size_t sent;

	assert_int_equal(
	    os_socket_write(c->fd, bytes_of_str(GET("/file/50000000")), &sent, &err), OS_IO_DONE);
	for (int i = 0; i < 50; i++)
		os_loop_step(w->loop, 1);
	assert_int_equal(http_server_connections(w->server), 1);
	w->time.mono_ms += 60000;
	for (int i = 0; i < STEPS_MAX && http_server_connections(w->server) > 0; i++)
		os_loop_step(w->loop, 1);
	assert_int_equal(http_server_connections(w->server), 0);
	client_free(c);
}

/* Bodies in reception have a common ceiling: who goes over it is told to come again, and room that comes free is
 * used. */
static void
test_held(void **state)
{
	struct world *w = *state;
	struct client *first = client_new(w), *second = client_new(w);
	char part[3501];

	memset(part, 'x', sizeof part - 1);
	part[sizeof part - 1] = '\0';
	say(first, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\n");
	say(first, part);
	for (int i = 0; i < 20; i++)
		os_loop_step(w->loop, 1);
	say(second, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\n");
	say(second, part);
	expect_times(second, "HTTP/1.1 503 ", 1);
	client_free(second);
	part[500] = '\0';
	say(first, part);
	expect_times(first, "HTTP/1.1 200 OK\r\n", 1);
	client_free(first);
	part[500] = 'x';
	second = client_new(w);
	say(second, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3500\r\n\r\n");
	say(second, part);
	expect_times(second, "HTTP/1.1 200 OK\r\n", 1);
	client_free(second);
}

/* Four connections fit: a fifth takes the place of the one idle longest, or none when all are at work. */
static void
test_cap(void **state)
{
	struct world *w = *state;
	struct client *c[5];

	for (size_t i = 0; i < 4; i++) {
		c[i] = client_new(w);
		say(c[i], GET("/a"));
		expect(c[i], "/a");
		w->time.mono_ms += 10;
	}
	c[4] = client_new(w);
	say(c[4], GET("/b"));
	expect(c[4], "/b");
	expect_eof(c[0]);
	client_free(c[0]);
	w->hold = true;
	for (size_t i = 1; i < 5; i++)
		say(c[i], GET("/c"));
	settle(c[4]);
	assert_int_equal(w->held_count, 4);
	c[0] = client_new(w);
	expect_eof(c[0]);
	assert_int_equal(http_server_connections(w->server), 4);
	for (size_t i = 0; i < 5; i++)
		client_free(c[i]);
}

static void
on_drained(void *ctx)
{
	struct world *w = ctx;

	w->drained = true;
}

static void
test_drain(void **state)
{
	struct world *w = *state;
	struct client *idle = client_new(w), *half = client_new(w), *flight = client_new(w);

	w->hold = true;
	say(idle, "");
	say(half, "GET /half HTTP/1.1\r\nHo");
	say(flight, GET("/flight"));
	settle(flight);
	http_server_drain(w->server, on_drained, w);
	expect_eof(idle);
	answer(w, w->held[0], "flight");
	expect(flight, "Connection: close\r\n\r\nflight");
	expect_eof(flight);
	assert_false(w->drained);
	w->hold = false;
	say(half, "st: a\r\n\r\n");
	expect(half, "Connection: close\r\n\r\n/half");
	expect_eof(half);
	assert_true(w->drained);
	client_free(idle);
	client_free(half);
	client_free(flight);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_answer, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_unix, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_pipeline, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_keep_alive, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_continue, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_failure, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_slow, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_peer_gone, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_file, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_stalled, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_held, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_cap, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_drain, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
