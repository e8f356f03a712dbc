/* SPDX-License-Identifier: Apache-2.0 */
/* A tiny HTTP server on loopback for contract tests. */
#include "keys_stub.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base_mem.h"

struct keys_stub {
	int fd;
	char url[64];
	keys_stub_fn answer;
	void *ctx;
	atomic_bool away, ending;
	pthread_t thread;
};

static void
serve(struct keys_stub *s, int peer)
{
	struct buf request, reply;
	size_t head = SIZE_MAX, want = 0;
	char line[128];
	int status;

	buf_init(&request, 65536);
	buf_init(&reply, 65536);
	while (head == SIZE_MAX || request.len < head + 4 + want) {
		char data[4096];
		ssize_t got = read(peer, data, sizeof data);
		size_t at;

		if (got <= 0)
			goto out;
		buf_append_mem(&request, data, (size_t)got);
		head = bytes_find(buf_view(&request), 0, BYTES_LIT("\r\n\r\n"));
		at = bytes_find(buf_view(&request), 0, BYTES_LIT("Content-Length: "));
		if (head != SIZE_MAX && at < head)
			want = strtoul(buf_text(&request) + at + 16, NULL, 10);
	}
	status = s->answer(s->ctx, bytes_slice(buf_view(&request), 0, head),
	    bytes_slice(buf_view(&request), head + 4, want), &reply);
	if (status == 0) {
		while (!atomic_load(&s->ending) && read(peer, line, sizeof line) > 0)
			;
		goto out;
	}
	(void)snprintf(line, sizeof line,
	    "HTTP/1.1 %d X\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n", status, reply.len);
	if (write(peer, line, strlen(line)) > 0 && reply.len > 0)
		(void)!write(peer, reply.ptr, reply.len);
out:
	buf_fini(&request);
	buf_fini(&reply);
}

static void *
run(void *ctx)
{
	struct keys_stub *s = ctx;

	for (;;) {
		int peer = accept(s->fd, NULL, NULL);

		if (atomic_load(&s->ending) || peer < 0) {
			if (peer >= 0)
				(void)close(peer);
			return NULL;
		}
		if (!atomic_load(&s->away))
			serve(s, peer);
		(void)close(peer);
	}
}

struct keys_stub *
keys_stub_new(keys_stub_fn answer, void *ctx)
{
	struct keys_stub *s = mem_calloc(1, sizeof *s);
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t len = sizeof address;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(s->fd >= 0);
	must(bind(s->fd, (struct sockaddr *)&address, sizeof address) == 0);
	must(listen(s->fd, 8) == 0);
	must(getsockname(s->fd, (struct sockaddr *)&address, &len) == 0);
	(void)snprintf(s->url, sizeof s->url, "http://127.0.0.1:%u", ntohs(address.sin_port));
	s->answer = answer;
	s->ctx = ctx;
	must(pthread_create(&s->thread, NULL, run, s) == 0);
	return s;
}

void
keys_stub_free(struct keys_stub **s)
{
	atomic_store(&(*s)->ending, true);
	(void)shutdown((*s)->fd, SHUT_RDWR);
	must(pthread_join((*s)->thread, NULL) == 0);
	(void)close((*s)->fd);
	mem_free(*s);
	*s = NULL;
}

const char *
keys_stub_url(const struct keys_stub *s)
{
	return s->url;
}

void
keys_stub_away(struct keys_stub *s, bool away)
{
	atomic_store(&s->away, away);
}
