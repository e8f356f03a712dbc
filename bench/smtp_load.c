/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sending client for benchmarks: CONNECTIONS threads, each one session after the other, pipelined
 * as RFC 2920 allows. The same generated mail (23 KB: text and one base64 attachment, each message
 * with its own Message-ID) goes to whatever listens. Prints one line of JSON; or, with "idle",
 * opens sessions, holds them and says how many it got.
 *
 *   smtp_load send ADDR PORT CONNECTIONS MESSAGES [RECIPIENT [small]]   small: 2 KB each
 *   smtp_load idle ADDR PORT CONNECTIONS SECONDS
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAILS            256 /* different ones */
#define MAIL_BYTES_MAX   32768
#define SESSION_MESSAGES 100 /* then QUIT and a new connection, as senders do */
#define CONNECTIONS_MAX  20000
#define REPLY_BYTES      4096
#define TIMEOUT_SECONDS  60

struct mail {
	char text[MAIL_BYTES_MAX];
	size_t len;
};

struct load {
	struct sockaddr_in to;
	const char *recipient;
	atomic_ulong next;
	atomic_ulong accepted;
	unsigned long count;
	struct mail *mails;
	size_t text_bytes, attachment_bytes; /* of a mail; the latter before base64 */
};

struct session {
	int fd;
	char in[REPLY_BYTES];
	size_t len;
};

static _Noreturn void
die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t
next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static void
put(struct mail *m, const char *text, size_t len)
{
	if (m->len + len > sizeof m->text)
		exit(3);
	memcpy(m->text + m->len, text, len);
	m->len += len;
}

static void
put_text(struct mail *m, size_t bytes, uint64_t *seed)
{
	static const char *const words[] = {"the", "order", "of", "contract", "please", "find",
	    "attached", "meeting", "on", "Monday", "with", "regards", "invoice", "number",
	    "delivery", "we", "have", "received", "your", "letter", "and", "will", "answer", "as",
	    "soon", "possible", "price", "offer", "customer", "department", "for", "to", "in", "a"};
	size_t end = m->len + bytes, column = 0;

	while (m->len < end) {
		const char *word = words[next_random(seed) % (sizeof words / sizeof words[0])];

		put(m, word, strlen(word));
		column += strlen(word) + 1;
		put(m, column > 66 ? "\r\n" : " ", column > 66 ? 2 : 1);
		if (column > 66)
			column = 0;
	}
	put(m, "\r\n", 2);
}

static void
put_attachment(struct mail *m, size_t bytes, uint64_t *seed)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char line[78];

	for (size_t done = 0; done < bytes; done += 57) {
		for (size_t i = 0; i < 76; i++)
			line[i] = digits[next_random(seed) & 63];
		line[76] = '\r';
		line[77] = '\n';
		put(m, line, sizeof line);
	}
}

static void
make_mail(const struct load *l, struct mail *m, unsigned long n)
{
	uint64_t seed = n * 7919 + 1;
	char head[1024];
	int len = snprintf(head, sizeof head,
	    "Received: from gw.example.com (gw.example.com [192.0.2.%lu]) by mx.example.com; Tue, "
	    "24 Nov 2026 08:00:00 +0000\r\n"
	    "From: \"Sender %lu\" <sender%lu@example.com>\r\nTo: \"Receiver\" "
	    "<receiver%lu@example.org>\r\n"
	    "Subject: Order %lu of the quarter\r\nDate: Tue, 24 Nov 2026 08:00:00 "
	    "+0000\r\nMessage-ID: <%020lu@bench.example.com>\r\n"
	    "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; "
	    "boundary=\"bench\"\r\n\r\n--bench\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n\r\n",
	    n % 250, n, n, n % 97, n, n);

	m->len = 0;
	put(m, head, (size_t)len);
	put_text(m, l->text_bytes, &seed);
	len = snprintf(head, sizeof head,
	    "--bench\r\nContent-Type: application/pdf; name=\"order-%lu.pdf\"\r\n"
	    "Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; "
	    "filename=\"order-%lu.pdf\"\r\n\r\n",
	    n, n);
	put(m, head, (size_t)len);
	put_attachment(m, l->attachment_bytes, &seed);
	put(m, "--bench--\r\n.\r\n", 14);
}

static void
send_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n <= 0)
			die("send");
		data += n;
		len -= (size_t)n;
	}
}

/* One whole reply; its code. */
static int
reply(struct session *s)
{
	for (;;) {
		char *end = memmem(s->in, s->len, "\r\n", 2);

		if (end != NULL) {
			bool last = s->in[3] != '-';
			int code = atoi(s->in);
			size_t used = (size_t)(end + 2 - s->in);

			memmove(s->in, s->in + used, s->len - used);
			s->len -= used;
			if (last)
				return code;
			continue;
		}
		if (s->len == sizeof s->in)
			exit(4);

		ssize_t n = recv(s->fd, s->in + s->len, sizeof s->in - s->len, 0);

		if (n <= 0)
			die("recv");
		s->len += (size_t)n;
	}
}

static void
expect(struct session *s, int code, const char *what)
{
	int got = reply(s);

	if (got != code) {
		(void)fprintf(stderr, "%s: %d instead of %d\n", what, got, code);
		exit(1);
	}
}

static void
open_session(struct load *l, struct session *s)
{
	const struct timeval limit = {TIMEOUT_SECONDS, 0};
	const int one = 1;

	s->len = 0;
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		die("socket");
	(void)setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	(void)setsockopt(s->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	(void)setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect(s->fd, (struct sockaddr *)&l->to, sizeof l->to) != 0)
		die("connect");
	expect(s, 220, "greeting");
	send_all(s->fd, "EHLO bench.example.com\r\n", 24);
	expect(s, 250, "EHLO");
}

static void
send_one(struct load *l, struct session *s, unsigned long n)
{
	char envelope[512];
	struct mail m = {.len = 0};
	char id[32], *at;
	int len = snprintf(envelope, sizeof envelope,
	    "MAIL FROM:<sender@example.com>\r\nRCPT TO:<%s>\r\nDATA\r\n", l->recipient);

	memcpy(&m, &l->mails[n % MAILS], sizeof m);
	at = memmem(m.text, 1024, "Message-ID: <", 13);
	(void)snprintf(id, sizeof id, "%020lu", n);
	memcpy(at + 13, id, 20);
	send_all(s->fd, envelope, (size_t)len);
	expect(s, 250, "MAIL");
	expect(s, 250, "RCPT");
	expect(s, 354, "DATA");
	send_all(s->fd, m.text, m.len);
	expect(s, 250, "message");
	atomic_fetch_add(&l->accepted, 1);
}

static void *
sender(void *ctx)
{
	struct load *l = ctx;
	struct session s;
	unsigned long n = atomic_fetch_add(&l->next, 1);

	while (n < l->count) {
		open_session(l, &s);
		for (int i = 0; i < SESSION_MESSAGES && n < l->count;
		     i++, n = atomic_fetch_add(&l->next, 1))
			send_one(l, &s, n);
		send_all(s.fd, "QUIT\r\n", 6);
		expect(&s, 221, "QUIT");
		(void)close(s.fd);
	}
	return NULL;
}

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
run_send(struct load *l, size_t connections)
{
	pthread_t *threads = calloc(connections, sizeof *threads);
	double began, seconds;
	size_t bytes = 0;

	if (threads == NULL)
		die("calloc");
	l->mails = calloc(MAILS, sizeof *l->mails);
	if (l->mails == NULL)
		die("calloc");
	for (unsigned long i = 0; i < MAILS; i++) {
		make_mail(l, &l->mails[i], i);
		bytes += l->mails[i].len;
	}
	began = now();
	for (size_t i = 0; i < connections; i++)
		if (pthread_create(&threads[i], NULL, sender, l) != 0)
			die("pthread_create");
	for (size_t i = 0; i < connections; i++)
		(void)pthread_join(threads[i], NULL);
	seconds = now() - began;
	(void)printf("{\"messages\": %lu, \"seconds\": %.3f, \"per_second\": %.1f, \"mean_bytes\": "
		     "%zu, \"connections\": %zu}\n",
	    atomic_load(&l->accepted), seconds, (double)atomic_load(&l->accepted) / seconds,
	    bytes / MAILS, connections);
	free(l->mails);
	free(threads);
}

static void
run_idle(struct load *l, size_t connections, unsigned seconds)
{
	struct session *s = calloc(1, sizeof *s);

	if (s == NULL)
		die("calloc");
	for (size_t i = 0; i < connections; i++)
		open_session(l, s);
	(void)printf("{\"idle\": %zu}\n", connections);
	(void)fflush(stdout);
	(void)sleep(seconds);
	free(s);
}

int
main(int argc, char **argv)
{
	struct load l = {
	    .to = {.sin_family = AF_INET}, .text_bytes = 8000, .attachment_bytes = 10500};
	struct rlimit files;

	if (argc < 6 || inet_pton(AF_INET, argv[2], &l.to.sin_addr) != 1) {
		(void)fprintf(stderr, "smtp_load send|idle ADDR PORT CONNECTIONS MESSAGES|SECONDS "
				      "[RECIPIENT [small]]\n");
		return 2;
	}
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	l.to.sin_port = htons((uint16_t)atoi(argv[3]));
	l.count = strtoul(argv[5], NULL, 10);
	l.recipient = argc > 6 ? argv[6] : "journaling@journaling.solutions";
	if (argc > 7 && strcmp(argv[7], "small") == 0) {
		l.text_bytes = 500;
		l.attachment_bytes = 500;
	}
	if (strcmp(argv[1], "idle") == 0)
		run_idle(&l, strtoul(argv[4], NULL, 10), (unsigned)l.count);
	else
		run_send(&l, strtoul(argv[4], NULL, 10));
	return 0;
}
