/* SPDX-License-Identifier: Apache-2.0 */
/* The driver over real loopback sockets: one thread, an injected clock, no sleeps; every wait steps the loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <malloc.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base_mem.h"
#include "smtp_server.h"

#define STEPS_MAX 5000 /* of 1 ms: nobody waits for ever */

#define GO_DATA   "354 Send the message, end with a dot on a line by itself\r\n"

/* The owner and everything a test needs. */
struct world {
	struct os_loop *loop;
	struct smtp_server *server;
	struct smtp_server_options options;
	struct smtp_options endpoint_options;
	struct clock_fixed time;
	struct clock clock;
	struct smtp_endpoint *endpoint;
	struct smtp_listener *listener;
	struct os_address at;
	struct buf certificate, key;
	SSL_CTX *client_tls;
	struct buf body; /* of the message in reception, or the last one */
	bool hold;       /* answers are given by the test                */
	uint64_t held_session;
	uint32_t held_ticket;
	size_t stored, aborted, closed;
	bool drained;
	char tls_seen[32];
};

struct client {
	struct world *w;
	int fd;
	SSL *tls;
	struct buf got;
	bool eof;
};

static void
own_auth(
    void *ctx, struct smtp_session *s, uint32_t ticket, struct bytes user, struct bytes password)
{
	struct world *w = ctx;
	bool good =
	    bytes_equal(user, BYTES_LIT("inp-1")) && bytes_equal(password, BYTES_LIT("secret"));

	smtp_server_auth_done(
	    w->server, smtp_session_id(s), ticket, good ? SMTP_AUTH_GOOD : SMTP_AUTH_BAD);
}

static const struct smtp_reply *
own_message_begin(void *ctx, struct smtp_session *s)
{
	struct world *w = ctx;

	(void)s;
	buf_reset(&w->body);
	return NULL;
}

static const struct smtp_reply *
own_message_write(void *ctx, struct smtp_session *s, struct bytes data)
{
	struct world *w = ctx;

	(void)s;
	buf_append(&w->body, data);
	return NULL;
}

static void
own_message_end(void *ctx, struct smtp_session *s, uint32_t ticket)
{
	struct world *w = ctx;
	const struct smtp_tls_info *tls = smtp_session_tls(s);

	w->stored++;
	(void)snprintf(w->tls_seen, sizeof w->tls_seen, "%s", tls == NULL ? "none" : tls->protocol);
	assert_int_equal(smtp_server_peer(s)->family, 4);
	assert_int_equal(smtp_server_local(s)->port, w->at.port);
	w->held_session = smtp_session_id(s);
	w->held_ticket = ticket;
	if (!w->hold)
		smtp_server_data_done(
		    w->server, w->held_session, ticket, smtp_reply_of(SMTP_REPLY_OK_MESSAGE));
}

static void
own_message_abort(void *ctx, struct smtp_session *s)
{
	struct world *w = ctx;

	(void)s;
	w->aborted++;
}

static void
own_closed(void *ctx, struct smtp_session *s)
{
	struct world *w = ctx;

	(void)s;
	w->closed++;
}

static const struct smtp_ops ops = {
    .auth = own_auth,
    .message_begin = own_message_begin,
    .message_write = own_message_write,
    .message_end = own_message_end,
    .message_abort = own_message_abort,
    .closed = own_closed,
};

static void
on_drained(void *ctx)
{
	struct world *w = ctx;

	w->drained = true;
}

static struct os_tls_context *
server_tls(const struct world *w)
{
	struct os_tls_options o = {
	    .certificate_pem = buf_view(&w->certificate), .key_pem = buf_view(&w->key)};
	struct os_tls_context *c = NULL;
	struct err err;

	assert_true(os_tls_context_new(&o, &c, &err));
	return c;
}

static int
world_make(void **state)
{
	struct world *w = mem_calloc(1, sizeof *w);
	struct err err;

	w->loop = os_loop_new();
	w->time = (struct clock_fixed){1, 1000000};
	w->clock = clock_fixed(&w->time);
	smtp_server_options_default(&w->options);
	w->options.tick_ms = 1;
	w->endpoint_options =
	    (struct smtp_options){.hostname = "mail.test", .offer_tls = true, .offer_auth = true};
	buf_init(&w->certificate, 65536);
	buf_init(&w->key, 65536);
	buf_init(&w->body, 64 * 1024 * 1024);
	w->client_tls = SSL_CTX_new(TLS_client_method());
	*state = w;
	return os_tls_self_signed("mail.test", &w->certificate, &w->key, &err) ? 0 : -1;
}

static struct smtp_endpoint *
endpoint_of(struct world *w)
{
	struct smtp_endpoint *e = NULL;
	struct err err;

	assert_true(smtp_endpoint_new(&w->endpoint_options, server_tls(w), &ops, w, &e, &err));
	return e;
}

/* serve: with the options as they are now. */
static void
serve(struct world *w)
{
	struct os_address any;
	struct err err;
	int fd;

	w->server = smtp_server_new(w->loop, &w->options, &w->clock);
	w->endpoint = endpoint_of(w);
	assert_true(os_address_parse(&any, BYTES_LIT("127.0.0.1:0"), &err));
	assert_true(os_socket_listen(&any, &fd, &err));
	assert_true(os_socket_local(fd, &w->at, &err));
	w->listener = smtp_server_listen(w->server, fd, w->endpoint);
}

static int
world_end(void **state)
{
	struct world *w = *state;

	smtp_listener_free(&w->listener);
	smtp_server_free(&w->server);
	smtp_endpoint_unref(&w->endpoint);
	os_loop_free(&w->loop);
	SSL_CTX_free(w->client_tls);
	buf_fini(&w->certificate);
	buf_fini(&w->key);
	buf_fini(&w->body);
	mem_free(w);
	return 0;
}

static void
step(struct world *w)
{
	os_loop_step(w->loop, 1);
}

/* settle: a few rounds, for things that must not happen. */
static void
settle(struct world *w)
{
	for (int i = 0; i < 10; i++)
		step(w);
}

static void
later(struct world *w, int64_t ms)
{
	w->time.mono_ms += ms;
	settle(w);
}

static struct client *
dial(struct world *w)
{
	struct client *c = mem_calloc(1, sizeof *c);
	struct sockaddr_in to = {.sin_family = AF_INET,
	    .sin_port = htons(w->at.port),
	    .sin_addr = {htonl(INADDR_LOOPBACK)}};

	c->w = w;
	buf_init(&c->got, 64 * 1024 * 1024);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(c->fd >= 0);
	assert_int_equal(connect(c->fd, (const struct sockaddr *)(const void *)&to, sizeof to), 0);
	return c;
}

static void
hang_up(struct client *c)
{
	SSL_free(c->tls);
	if (c->fd >= 0)
		(void)close(c->fd);
	buf_fini(&c->got);
	settle(c->w);
	mem_free(c);
}

static ssize_t
client_read(struct client *c, void *out, size_t len)
{
	int n;

	if (c->tls == NULL)
		return recv(c->fd, out, len, MSG_DONTWAIT);
	n = SSL_read(c->tls, out, (int)len);
	if (n > 0)
		return n;
	return SSL_get_error(c->tls, n) == SSL_ERROR_WANT_READ ? -1 : 0;
}

/* take: read what is there. */
static void
take(struct client *c)
{
	uint8_t bytes[4096];
	ssize_t n;

	while (!c->eof && (n = client_read(c, bytes, sizeof bytes)) >= 0) {
		if (n == 0)
			c->eof = true;
		buf_append_mem(&c->got, bytes, (size_t)n);
	}
}

static void
say(struct client *c, const char *text)
{
	size_t len = strlen(text);

	if (c->tls != NULL)
		assert_int_equal(SSL_write(c->tls, text, (int)len), (int)len);
	else
		assert_int_equal(send(c->fd, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* hear: exactly this comes next. */
static void
hear(struct client *c, const char *text)
{
	size_t len = strlen(text);

	for (int i = 0; i < STEPS_MAX && c->got.len < len && !c->eof; i++) {
		step(c->w);
		take(c);
	}
	if (c->got.len < len || memcmp(c->got.ptr, text, len) != 0)
		fail_msg("expected '%s', got '%s'", text, buf_text(&c->got));
	buf_consume(&c->got, len);
}

/* hear_end: nothing more, and the server hangs up. */
static void
hear_end(struct client *c)
{
	for (int i = 0; i < STEPS_MAX && !c->eof; i++) {
		step(c->w);
		take(c);
	}
	assert_true(c->eof);
	assert_string_equal(buf_text(&c->got), "");
}

static void
hear_nothing(struct client *c)
{
	settle(c->w);
	take(c);
	assert_false(c->eof);
	assert_string_equal(buf_text(&c->got), "");
}

/* skip_hello: EHLO and its lines. */
static void
skip_hello(struct client *c)
{
	say(c, "EHLO client.test\r\n");
	for (int i = 0; i < STEPS_MAX && !bytes_ends_with(buf_view(&c->got),
					     BYTES_LIT("250 ENHANCEDSTATUSCODES\r\n"));
	     i++) {
		step(c->w);
		take(c);
	}
	assert_true(bytes_ends_with(buf_view(&c->got), BYTES_LIT("250 ENHANCEDSTATUSCODES\r\n")));
	buf_reset(&c->got);
}

static struct client *
greeted(struct world *w)
{
	struct client *c = dial(w);

	hear(c, "220 mail.test ESMTP Daybook\r\n");
	skip_hello(c);
	return c;
}

static void
shake_hands(struct client *c)
{
	int n = 0;

	c->tls = SSL_new(c->w->client_tls);
	assert_int_equal(SSL_set_fd(c->tls, c->fd), 1);
	/* SSL works on the descriptor itself: from here on it must not block. */
	assert_int_equal(fcntl(c->fd, F_SETFL, O_NONBLOCK), 0);
	for (int i = 0; i < STEPS_MAX && (n = SSL_connect(c->tls)) != 1; i++)
		step(c->w);
	assert_int_equal(n, 1);
}

static void
envelope(struct client *c)
{
	say(c, "MAIL FROM:<a@b.test>\r\n");
	hear(c, "250 2.1.0 Sender OK\r\n");
	say(c, "RCPT TO:<u@example.test>\r\n");
	hear(c, "250 2.1.5 Recipient OK\r\n");
}

static void
into_data(struct client *c)
{
	envelope(c);
	say(c, "DATA\r\n");
	hear(c, GO_DATA);
}

static void
test_message(void **state)
{
	struct world *w = *state;
	struct smtp_server_stats stats;
	struct client *c;

	serve(w);
	c = greeted(w);
	into_data(c);
	say(c, "Subject: x\r\n\r\n..\r\n.\r\n");
	hear(c, "250 2.0.0 Message kept\r\n");
	assert_string_equal(buf_text(&w->body), "Subject: x\r\n\r\n.\r\n");
	assert_string_equal(w->tls_seen, "none");
	say(c, "QUIT\r\n");
	hear(c, "221 2.0.0 Bye\r\n");
	hear_end(c);
	hang_up(c);
	smtp_server_stats(w->server, &stats);
	assert_int_equal(w->closed, 1);
	assert_int_equal(stats.sessions, 0);
	assert_int_equal(stats.sessions_opened, 1);
	assert_int_equal(stats.messages_ended, 1);
	assert_int_equal(stats.spool_bytes, 0);
	assert_true(stats.bytes_in > 0 && stats.bytes_out > 0);
}

static void
test_starttls_auth(void **state)
{
	struct world *w = *state;
	struct client *c;

	w->endpoint_options.require_tls = w->endpoint_options.require_auth = true;
	serve(w);
	c = greeted(w);
	say(c, "MAIL FROM:<a@b.test>\r\n");
	hear(c, "530 5.7.0 Must issue a STARTTLS command first\r\n");
	say(c, "STARTTLS\r\n");
	hear(c, "220 2.0.0 Ready to start TLS\r\n");
	shake_hands(c);
	skip_hello(c);
	say(c, "AUTH LOGIN\r\n");
	hear(c, "334 VXNlcm5hbWU6\r\n");
	say(c, "aW5wLTE=\r\n");
	hear(c, "334 UGFzc3dvcmQ6\r\n");
	say(c, "c2VjcmV0\r\n");
	hear(c, "235 2.7.0 Authentication successful\r\n");
	into_data(c);
	say(c, "inside\r\n.\r\nQUIT\r\n");
	hear(c, "250 2.0.0 Message kept\r\n221 2.0.0 Bye\r\n");
	hear_end(c);
	assert_string_equal(buf_text(&w->body), "inside\r\n");
	assert_string_equal(w->tls_seen, "TLSv1.3");
	hang_up(c);
}

static void
test_starttls_injection(void **state)
{
	struct world *w = *state;
	struct client *c;

	serve(w);
	c = greeted(w);
	say(c, "STARTTLS\r\nRSET\r\nNOOP x\r\n");
	hear(c, "554 5.5.0 Spoke out of turn\r\n");
	hear_end(c);
	hang_up(c);
}

static void
test_wrapped(void **state)
{
	struct world *w = *state;
	struct client *c;

	w->endpoint_options.offer_tls = false;
	w->endpoint_options.tls_wrapped = true;
	serve(w);
	c = dial(w);
	shake_hands(c);
	hear(c, "220 mail.test ESMTP Daybook\r\n");
	skip_hello(c);
	into_data(c);
	say(c, "x\r\n.\r\n");
	hear(c, "250 2.0.0 Message kept\r\n");
	hang_up(c);
}

static void
test_hello_on_plain_port(void **state)
{
	struct world *w = *state;
	struct client *c;

	serve(w);
	c = dial(w);
	hear(c, "220 mail.test ESMTP Daybook\r\n");
	assert_int_equal(send(c->fd, "\x16\x03\x01\x02\x00\x01", 6, MSG_NOSIGNAL), 6);
	hear(c, "554 5.7.0 TLS begins with STARTTLS here\r\n");
	hear_end(c);
	hang_up(c);
}

static void
test_early_talker(void **state)
{
	struct world *w = *state;
	struct client *c;

	w->endpoint_options.mode = SMTP_MODE_MX;
	serve(w);
	c = dial(w);
	say(c, "EHLO client.test\r\n");
	hear(c, "554 5.5.0 Spoke out of turn\r\n");
	hear_end(c);
	hang_up(c);
}

static void
test_command_timeout(void **state)
{
	struct world *w = *state;
	struct client *c;

	serve(w);
	c = greeted(w);
	later(w, 299000);
	say(c, "NO"); /* a byte now and then buys no time */
	hear_nothing(c);
	later(w, 1000);
	hear(c, "421 4.4.2 Waited too long\r\n");
	hear_end(c);
	hang_up(c);
	c = greeted(w);
	later(w, 299000);
	say(c, "NOOP\r\n"); /* a command does */
	hear(c, "250 2.0.0 OK\r\n");
	later(w, 299000);
	hear_nothing(c);
	hang_up(c);
}

static void
test_overload_timeout(void **state)
{
	struct world *w = *state;
	struct smtp_server_stats stats;
	struct client *a, *b;

	w->options.overload_sessions = 2;
	serve(w);
	a = greeted(w);
	later(w, 11000);
	hear_nothing(a);
	b = greeted(w);
	smtp_server_stats(w->server, &stats);
	assert_true(stats.overloaded);
	say(a, "NOOP\r\n");
	hear(a, "250 2.0.0 OK\r\n");
	later(w, 10000);
	hear(a, "421 4.4.2 Waited too long\r\n");
	hang_up(a);
	hang_up(b);
}

static void
test_data_timeout(void **state)
{
	struct world *w = *state;
	struct client *c;

	w->options.rate_bytes_min = 0;
	serve(w);
	c = greeted(w);
	into_data(c);
	say(c, "x");
	settle(w);
	later(w, 179000);
	say(c, "x"); /* every byte counts here */
	settle(w);
	later(w, 179000);
	hear_nothing(c);
	later(w, 1000);
	hear(c, "421 4.4.2 Waited too long\r\n");
	hear_end(c);
	hang_up(c);
	assert_int_equal(w->stored, 0);
	assert_int_equal(w->aborted, 1);
}

static void
test_data_rate(void **state)
{
	struct world *w = *state;
	struct client *c;
	char block[30001];

	memset(block, 'x', sizeof block - 1);
	block[sizeof block - 1] = '\0';
	serve(w);
	c = greeted(w);
	into_data(c);
	say(c, block); /* 500 octets a second for a minute: just enough */
	settle(w);
	later(w, 60000);
	hear_nothing(c);
	block[29999] = '\0';
	say(c, block);
	settle(w);
	later(w, 60000);
	hear(c, "421 4.4.2 Waited too long\r\n");
	hear_end(c);
	hang_up(c);
	assert_int_equal(w->aborted, 1);
}

static void
test_answer_timeout(void **state)
{
	struct world *w = *state;
	struct client *c;

	w->hold = true;
	serve(w);
	c = greeted(w);
	into_data(c);
	say(c, "x\r\n.\r\nNOOP\r\n");
	settle(w);
	later(w, 59000);
	hear_nothing(c);
	later(w, 1000);
	hear(c, "451 4.3.0 Temporary trouble here, try again\r\n250 2.0.0 OK\r\n");
	smtp_server_data_done(
	    w->server, w->held_session, w->held_ticket, smtp_reply_of(SMTP_REPLY_OK_MESSAGE));
	hear_nothing(c);
	hang_up(c);
}

static void
test_handshake_timeout(void **state)
{
	struct world *w = *state;
	struct smtp_server_stats stats;
	struct client *c;

	serve(w);
	c = greeted(w);
	say(c, "STARTTLS\r\n");
	hear(c, "220 2.0.0 Ready to start TLS\r\n");
	later(w, 9000);
	hear_nothing(c);
	later(w, 1000);
	hear_end(c);
	hang_up(c);
	smtp_server_stats(w->server, &stats);
	assert_int_equal(stats.timeouts, 1);
	assert_int_equal(stats.sessions, 0);
}

static void
test_caps(void **state)
{
	struct world *w = *state;
	struct smtp_server_stats stats;
	struct client *a, *b, *c;

	w->options.sessions_per_ip_max = 2;
	serve(w);
	a = greeted(w);
	b = greeted(w);
	c = dial(w);
	hear(c, "421 4.7.0 Too many connections\r\n");
	hear_end(c);
	hang_up(c);
	hang_up(b);
	b = greeted(w); /* a place was given back */
	smtp_server_stats(w->server, &stats);
	assert_int_equal(stats.sessions_refused_peer, 1);
	hang_up(a);
	hang_up(b);
}

static void
test_total_cap(void **state)
{
	struct world *w = *state;
	struct client *a, *c;

	w->options.sessions_max = 1;
	serve(w);
	a = greeted(w);
	c = dial(w);
	hear(c, "421 4.3.2 Too busy\r\n");
	hear_end(c);
	hang_up(c);
	hang_up(a);
}

static void
test_fifty_connections(void **state)
{
	struct world *w = *state;
	struct client *c[51];

	serve(w);
	for (int i = 0; i < 50; i++) {
		c[i] = dial(w);
		hear(c[i], "220 mail.test ESMTP Daybook\r\n");
	}
	c[50] = dial(w);
	hear(c[50], "421 4.7.0 Too many connections\r\n");
	hear_end(c[50]);
	for (int i = 0; i < 51; i++)
		hang_up(c[i]);
}

static void
test_replace(void **state)
{
	struct world *w = *state;
	struct smtp_endpoint *e;
	struct client *a, *b;

	serve(w);
	a = greeted(w);
	w->endpoint_options.hostname = "new.test";
	e = endpoint_of(w);
	smtp_listener_replace(w->listener, e);
	smtp_endpoint_unref(&e);
	b = dial(w);
	hear(b, "220 new.test ESMTP Daybook\r\n");
	say(a, "HELO client.test\r\n");
	hear(a, "250 mail.test\r\n");
	hang_up(a);
	hang_up(b);
}

static void
test_drain(void **state)
{
	struct world *w = *state;
	struct client *idle, *busy;

	serve(w);
	idle = greeted(w);
	busy = greeted(w);
	into_data(busy);
	smtp_server_drain(w->server, on_drained, w);
	hear(idle, "421 4.3.2 Service not available\r\n");
	hear_end(idle);
	hang_up(idle);
	assert_false(w->drained);
	say(busy, "x\r\n.\r\n");
	hear(busy, "250 2.0.0 Message kept\r\n421 4.3.2 Service not available\r\n");
	hear_end(busy);
	hang_up(busy);
	assert_true(w->drained);
	assert_int_equal(w->stored, 1);
}

static void
test_spool_cap(void **state)
{
	struct world *w = *state;
	struct smtp_server_stats stats;
	struct client *a, *b;

	w->options.spool_bytes_max = 10;
	w->hold = true;
	serve(w);
	a = greeted(w);
	b = greeted(w);
	into_data(a);
	into_data(b);
	say(a, "12345678\r\n.\r\n");
	settle(w);
	say(b, "1\r\n.\r\n");
	hear(b, "452 4.3.1 No space for the message now\r\n");
	say(b, "MAIL FROM:<a@b.test>\r\n");
	hear(b, "452 4.3.1 No space for the message now\r\n");
	smtp_server_data_done(
	    w->server, w->held_session, w->held_ticket, smtp_reply_of(SMTP_REPLY_OK_MESSAGE));
	hear(a, "250 2.0.0 Message kept\r\n");
	envelope(b);
	smtp_server_stats(w->server, &stats);
	assert_int_equal(stats.spool_bytes, 0);
	assert_int_equal(stats.messages_refused_space, 1);
	hang_up(a);
	hang_up(b);
}

/* X01: the peer ends TLS in the middle of a chunk and goes on in the clear. */
static void
test_close_notify_in_chunk(void **state)
{
	struct world *w = *state;
	struct client *c;

	serve(w);
	c = greeted(w);
	say(c, "STARTTLS\r\n");
	hear(c, "220 2.0.0 Ready to start TLS\r\n");
	shake_hands(c);
	skip_hello(c);
	envelope(c);
	say(c, "BDAT 10 LAST\r\n12345");
	settle(w);
	assert_true(SSL_shutdown(c->tls) >= 0);
	assert_int_equal(send(c->fd, "6", 1, MSG_NOSIGNAL), 1);
	settle(w);
	SSL_free(c->tls);
	c->tls = NULL;
	assert_int_equal(w->stored, 0);
	assert_int_equal(w->aborted, 1);
	assert_int_equal(w->closed, 1);
	hang_up(c);
}

/* X02: a reset in the middle of DATA. */
static void
test_reset_in_data(void **state)
{
	struct world *w = *state;
	struct linger now = {1, 0};
	struct client *c;

	serve(w);
	c = greeted(w);
	into_data(c);
	say(c, "half");
	settle(w);
	assert_int_equal(setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
	(void)close(c->fd);
	c->fd = -1;
	settle(w);
	assert_int_equal(w->stored, 0);
	assert_int_equal(w->aborted, 1);
	assert_int_equal(w->closed, 1);
	hang_up(c);
}

/* X03: half-close after the dot. */
static void
test_half_close(void **state)
{
	struct world *w = *state;
	struct client *c;

	serve(w);
	c = greeted(w);
	into_data(c);
	say(c, "x\r\n.\r\n");
	assert_int_equal(shutdown(c->fd, SHUT_WR), 0);
	hear(c, "250 2.0.0 Message kept\r\n");
	hear_end(c);
	assert_int_equal(w->stored, 1);
	hang_up(c);
}

/* D17: the peer is gone before the answer: the message is the owner's, the answer goes nowhere. */
static void
test_gone_before_answer(void **state)
{
	struct world *w = *state;
	struct client *c, *next;

	w->hold = true;
	serve(w);
	c = greeted(w);
	into_data(c);
	say(c, "x\r\n.\r\n");
	settle(w);
	hang_up(c);
	smtp_server_data_done(
	    w->server, w->held_session, w->held_ticket, smtp_reply_of(SMTP_REPLY_OK_MESSAGE));
	settle(w);
	assert_int_equal(w->stored, 1);
	assert_int_equal(w->aborted, 0);
	next = greeted(w); /* has the same place, and not the same number */
	smtp_server_data_done(
	    w->server, w->held_session, w->held_ticket, smtp_reply_of(SMTP_REPLY_OK_MESSAGE));
	hear_nothing(next);
	hang_up(next);
}

/* A peer that sends and never reads is not read either, and gets every reply once it does. */
static void
test_backpressure(void **state)
{
	static const char command[] = "RCPT TO:<u@example.test>\r\n";
	struct world *w = *state;
	struct smtp_server_stats stats;
	uint64_t before = 0;
	size_t sent = 0, commands;
	struct buf expected;
	struct client *c;

	w->endpoint_options.recipients_max = 1;
	serve(w);
	c = greeted(w);
	say(c, "MAIL FROM:<a@b.test>\r\n");
	hear(c, "250 2.1.0 Sender OK\r\n");
	for (int still = 0; still < 50 && sent < 64 * 1024 * 1024;) {
		size_t at = sent % (sizeof command - 1);
		ssize_t n =
		    send(c->fd, command + at, sizeof command - 1 - at, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0)
			sent += (size_t)n;
		else
			step(w);
		still = n > 0 ? 0 : still + 1;
	}
	smtp_server_stats(w->server, &stats);
	before = stats.bytes_in;
	settle(w);
	smtp_server_stats(w->server, &stats);
	assert_int_equal(stats.bytes_in, before);
	assert_true(stats.bytes_in < sent);
	commands = sent / (sizeof command - 1);
	buf_init(&expected, 64 * 1024 * 1024);
	buf_append_str(&expected, "250 2.1.5 Recipient OK\r\n");
	for (size_t i = 1; i < commands; i++)
		buf_append_str(&expected, "452 4.5.3 Too many recipients\r\n");
	hear(c, buf_text(&expected));
	hear_nothing(c);
	buf_fini(&expected);
	hang_up(c);
}

static void
test_large_message(void **state)
{
	struct world *w = *state;
	struct client *c;
	size_t size = 5 * 1024 * 1024, at = 0;
	char *text = mem_alloc(size + 1);

	for (size_t i = 0; i < size; i++)
		text[i] = i % 64 == 62 ? '\r' : i % 64 == 63 ? '\n' : 'y';
	text[size] = '\0';
	serve(w);
	c = greeted(w);
	say(c, "STARTTLS\r\n");
	hear(c, "220 2.0.0 Ready to start TLS\r\n");
	shake_hands(c);
	skip_hello(c);
	into_data(c);
	while (at < size) {
		int n = SSL_write(c->tls, text + at, (int)(size - at > 16384 ? 16384 : size - at));

		if (n > 0)
			at += (size_t)n;
		else
			step(w);
	}
	say(c, ".\r\n");
	hear(c, "250 2.0.0 Message kept\r\n");
	assert_true(bytes_equal(buf_view(&w->body), bytes_of(text, size)));
	mem_free(text);
	hang_up(c);
}

/* Idle sessions own no buffers: an honest count of what the allocator holds for each. */
static void
test_idle_memory(void **state)
{
	enum { COUNT = 500 };
	struct world *w = *state;
	static struct client *c[COUNT];
	size_t before, after;

	w->options.sessions_per_ip_max = COUNT;
	serve(w);
	hang_up(greeted(w));
	before = mallinfo2().uordblks;
	for (int i = 0; i < COUNT; i++)
		c[i] = greeted(w);
	for (int i = 0; i < COUNT; i++)
		buf_release(&c[i]->got);
	after = mallinfo2().uordblks;
	printf("idle session: %zu bytes of heap, client side included\n", (after - before) / COUNT);
	assert_true((after - before) / COUNT < 4096);
	for (int i = 0; i < COUNT; i++) {
		(void)close(c[i]->fd);
		c[i]->fd = -1;
	}
	for (int i = 0; i < COUNT; i++)
		mem_free(c[i]);
	settle(w);
	assert_int_equal(w->closed, COUNT + 1);
}

static void
test_closed_endpoint(void **state)
{
	struct world *w = *state;
	struct client *c;

	w->endpoint_options.closed = true;
	serve(w);
	c = dial(w);
	hear(c, "421 4.3.2 Service not available\r\n");
	hear_end(c);
	hang_up(c);
}

static void
test_endpoint_options(void **state)
{
	static const struct {
		const char *name;
		struct smtp_options options;
		enum err_code code;
	} rows[] = {
	    {"no host name", {0}, ERR_USAGE},
	    {"host name is none", {.hostname = "a b"}, ERR_USAGE},
	    {"TLS without certificate", {.hostname = "a.test", .offer_tls = true}, ERR_USAGE},
	    {"wrapped without certificate", {.hostname = "a.test", .tls_wrapped = true}, ERR_USAGE},
	    {"AUTH required, not offered", {.hostname = "a.test", .require_auth = true}, ERR_USAGE},
	    {"too large", {.hostname = "a.test", .message_bytes_max = (size_t)1 << 40}, ERR_LIMIT},
	};
	struct smtp_endpoint *e = NULL;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (smtp_endpoint_new(&rows[i].options, NULL, &ops, NULL, &e, &err) ||
		    err.code != rows[i].code)
			fail_msg("%s: accepted, or the wrong error", rows[i].name);
	}
}

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_make, world_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(test_message),
	    WORLD_TEST(test_starttls_auth),
	    WORLD_TEST(test_starttls_injection),
	    WORLD_TEST(test_wrapped),
	    WORLD_TEST(test_hello_on_plain_port),
	    WORLD_TEST(test_early_talker),
	    WORLD_TEST(test_command_timeout),
	    WORLD_TEST(test_overload_timeout),
	    WORLD_TEST(test_data_timeout),
	    WORLD_TEST(test_data_rate),
	    WORLD_TEST(test_answer_timeout),
	    WORLD_TEST(test_handshake_timeout),
	    WORLD_TEST(test_caps),
	    WORLD_TEST(test_total_cap),
	    WORLD_TEST(test_fifty_connections),
	    WORLD_TEST(test_replace),
	    WORLD_TEST(test_drain),
	    WORLD_TEST(test_spool_cap),
	    WORLD_TEST(test_close_notify_in_chunk),
	    WORLD_TEST(test_reset_in_data),
	    WORLD_TEST(test_half_close),
	    WORLD_TEST(test_gone_before_answer),
	    WORLD_TEST(test_backpressure),
	    WORLD_TEST(test_large_message),
	    WORLD_TEST(test_idle_memory),
	    WORLD_TEST(test_closed_endpoint),
	    cmocka_unit_test(test_endpoint_options),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
