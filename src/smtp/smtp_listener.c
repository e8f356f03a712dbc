/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets: accept, or refuse with one line before anything is spent on the peer. */
#include "base_log.h"
#include "base_mem.h"
#include "smtp_server_int.h"

#define ACCEPTS_MAX 64 /* in a row before others get their turn */

/* refuse: one write, whatever comes of it. A peer that expects a handshake could not read it. */
static void
refuse(int fd, const struct smtp_endpoint *e, enum smtp_reply_id id)
{
	struct buf line;
	struct err err;
	size_t count;

	buf_init(&line, 512);
	smtp_reply_append(&line, smtp_reply_of(id));
	if (!smtp_endpoint_options(e)->tls_wrapped)
		(void)os_socket_write(fd, buf_view(&line), &count, &err);
	buf_fini(&line);
	os_close(&fd);
}

void
smtp_server_adopt(
    struct smtp_server *s, int fd, const struct os_address *peer, struct smtp_endpoint *e)
{
	if (s->draining || s->stats.sessions >= s->options.sessions_max) {
		s->stats.sessions_refused_total++;
		refuse(fd, e, s->draining ? SMTP_REPLY_SHUTDOWN : SMTP_REPLY_TOO_MANY_SESSIONS);
	} else if (smtp_peers_count(s->peers, peer) >= s->options.sessions_per_ip_max) {
		s->stats.sessions_refused_peer++;
		refuse(fd, e, SMTP_REPLY_TOO_MANY_OF_PEER);
	} else {
		s->stats.sessions_opened++;
		smtp_connection_start(s, fd, peer, e);
	}
}

static void
on_connection(void *ctx, unsigned ready)
{
	struct smtp_listener *l = ctx;
	struct smtp_server *s = l->server;
	struct os_address peer;
	struct err err;
	int fd;

	(void)ready;
	for (int i = 0; i < ACCEPTS_MAX; i++) {
		if (!os_socket_accept(l->fd, &fd, &peer, &err)) {
			log_warn("cannot accept a connection: %s", err.msg);
			l->paused = true;
			os_watch_set(l->watch, 0);
			smtp_server_wake(s);
			return;
		}
		if (fd < 0)
			return;
		smtp_server_adopt(s, fd, &peer, l->endpoint);
	}
}

void
smtp_listener_resume(struct smtp_listener *l)
{
	if (!l->paused || l->watch == NULL)
		return;
	l->paused = false;
	os_watch_set(l->watch, OS_READ);
}

struct smtp_listener *
smtp_server_listen(struct smtp_server *s, int fd, struct smtp_endpoint *e)
{
	struct smtp_listener *l = mem_calloc(1, sizeof *l);

	l->server = s;
	l->fd = fd;
	l->endpoint = smtp_endpoint_ref(e);
	l->watch = os_watch_fd(s->loop, fd, on_connection, l);
	l->next = s->listeners;
	s->listeners = l;
	os_watch_set(l->watch, OS_READ);
	return l;
}

void
smtp_listener_replace(struct smtp_listener *l, struct smtp_endpoint *e)
{
	struct smtp_endpoint *old = l->endpoint;

	l->endpoint = smtp_endpoint_ref(e);
	smtp_endpoint_unref(&old);
}

void
smtp_listener_close(struct smtp_listener *l)
{
	os_watch_free(&l->watch);
	os_close(&l->fd);
}

void
smtp_listener_free(struct smtp_listener **listener)
{
	struct smtp_listener *l = *listener, **link;

	*listener = NULL;
	if (l == NULL)
		return;
	for (link = &l->server->listeners; *link != l; link = &(*link)->next)
		must(*link != NULL);
	*link = l->next;
	smtp_listener_close(l);
	smtp_endpoint_unref(&l->endpoint);
	mem_free(l);
}
