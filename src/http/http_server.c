/* SPDX-License-Identifier: Apache-2.0 */
/* The server: listeners, the table of connections, deadlines, and draining. */
#include "http_server.h"

#include "base_limits.h"
#include "base_log.h"
#include "base_mem.h"
#include "http_server_int.h"

#define ACCEPTS_MAX 64 /* per wake, so that others get their turn */

struct http_server_options
http_server_options_default(void)
{
	return (struct http_server_options){
	    .clock = clock_system(),
	    .rng = rng_system(),
	    .limits = http_limits_default(),
	    .request_ms_max = 30000,
	    .idle_ms_max = 60000,
	    .write_ms_max = 60000,
	    .linger_ms_max = 2000,
	    .sweep_ms = 1000,
	    .held_bytes_max = HTTP_HELD_BYTES_MAX,
	    .connections_max = HTTP_CONNECTIONS_MAX,
	};
}

struct http_response
http_response_of(unsigned status)
{
	return (struct http_response){.status = status, .body_fd = -1};
}

int64_t
http_server_mono(const struct http_server *s)
{
	return clock_mono_ms(&s->options.clock);
}

size_t
http_server_connections(const struct http_server *server)
{
	return server->connection_count;
}

static void
watch_listeners(struct http_server *s, unsigned events)
{
	for (struct http_listener *l = s->listeners; l != NULL; l = l->next)
		os_watch_set(l->watch, events);
}

static void
on_sweep(void *ctx, unsigned ready)
{
	struct http_server *s = ctx;
	int64_t now_ms = http_server_mono(s);

	(void)ready;
	os_watch_after(s->sweep, s->options.sweep_ms);
	if (s->accept_paused && !s->draining) {
		s->accept_paused = false;
		watch_listeners(s, OS_READ);
	}
	for (size_t i = 0; i < s->slot_count; i++)
		if (s->connections[i] != NULL && s->connections[i]->deadline_ms <= now_ms)
			http_connection_expire(s->connections[i]);
}

struct http_server *
http_server_new(struct os_loop *loop, const struct http_server_options *options,
    const struct http_server_ops *ops, void *ctx)
{
	struct http_server *s = mem_calloc(1, sizeof *s);

	must(options->connections_max >= 1 && options->connections_max <= UINT16_MAX);
	s->loop = loop;
	s->options = *options;
	s->ops = ops;
	s->ctx = ctx;
	s->slot_count = options->connections_max;
	s->connections = mem_calloc(s->slot_count, sizeof(struct http_connection *));
	s->scratch = mem_alloc(HTTP_READ_BYTES);
	s->date_s = INT64_MIN;
	s->sweep = os_watch_timer(loop, on_sweep, s);
	os_watch_after(s->sweep, options->sweep_ms);
	return s;
}

static void
free_listeners(struct http_server *s)
{
	struct http_listener *next;

	for (struct http_listener *l = s->listeners; l != NULL; l = next) {
		next = l->next;
		os_watch_free(&l->watch);
		os_close(&l->fd);
		mem_free(l);
	}
	s->listeners = NULL;
}

void
http_server_free(struct http_server **server)
{
	struct http_server *s = *server;

	if (s == NULL)
		return;
	s->drained = NULL;
	free_listeners(s);
	for (size_t i = 0; i < s->slot_count; i++)
		if (s->connections[i] != NULL)
			http_connection_close(s->connections[i]);
	os_watch_free(&s->sweep);
	mem_free(s->connections);
	mem_free(s->scratch);
	mem_free(s);
	*server = NULL;
}

void
http_server_forget(struct http_server *s, const struct http_connection *c)
{
	void (*drained)(void *ctx) = s->drained;

	must(s->connections[c->slot] == c);
	s->connections[c->slot] = NULL;
	s->connection_count--;
	if (s->connection_count > 0 || drained == NULL)
		return;
	s->drained = NULL;
	drained(s->drained_ctx);
}

/* Room for one more: the connection that has been idle longest makes it. */
static bool
make_room(struct http_server *s)
{
	struct http_connection *oldest = NULL;

	if (s->connection_count < s->slot_count)
		return true;
	for (size_t i = 0; i < s->slot_count; i++) {
		struct http_connection *c = s->connections[i];

		if (http_connection_idle(c) &&
		    (oldest == NULL || c->idle_since_ms < oldest->idle_since_ms))
			oldest = c;
	}
	if (oldest == NULL)
		return false;
	http_connection_close(oldest);
	return true;
}

static size_t
free_slot(const struct http_server *s)
{
	size_t slot = 0;

	while (s->connections[slot] != NULL)
		slot++;
	return slot;
}

static void
welcome(struct http_server *s, int fd, const struct os_address *peer)
{
	struct http_connection *c;
	struct err err;
	uint32_t uid = 0;
	bool local = peer->family == 0;
	size_t slot;

	if (local && !os_socket_peer_uid(fd, &uid, &err)) {
		log_warn("http: %s", err.msg);
		os_close(&fd);
		return;
	}
	if (!make_room(s)) {
		os_close(&fd);
		return;
	}
	slot = free_slot(s);
	c = http_connection_new(s, fd, peer, slot);
	c->local = local;
	c->peer_uid = uid;
	s->connections[slot] = c;
	s->connection_count++;
}

static void
on_accept(void *ctx, unsigned ready)
{
	struct http_listener *l = ctx;
	struct os_address peer;
	struct err err;
	int fd;

	(void)ready;
	for (int i = 0; i < ACCEPTS_MAX; i++) {
		if (!os_socket_accept(l->fd, &fd, &peer, &err)) {
			/* The listener stays ready: looking away until the next sweep keeps us from spinning. */
			log_warn("http: %s", err.msg);
			l->server->accept_paused = true;
			watch_listeners(l->server, 0);
			return;
		}
		if (fd < 0)
			return;
		welcome(l->server, fd, &peer);
	}
}

void
http_server_listen(struct http_server *server, int fd)
{
	struct http_listener *l = mem_calloc(1, sizeof *l);

	l->server = server;
	l->fd = fd;
	l->watch = os_watch_fd(server->loop, fd, on_accept, l);
	l->next = server->listeners;
	server->listeners = l;
	os_watch_set(l->watch, OS_READ);
}

void
http_server_respond(struct http_server *server, uint64_t id, const struct http_response *r)
{
	size_t slot = (size_t)(id & UINT16_MAX);
	struct http_connection *c = slot < server->slot_count ? server->connections[slot] : NULL;
	int fd = r->body_fd;

	if (c == NULL || c->request_id != id || c->state != HTTP_WAITING) {
		os_close(&fd);
		return;
	}
	http_connection_respond(c, r);
}

void
http_server_drain(struct http_server *server, void (*drained)(void *ctx), void *ctx)
{
	server->draining = true;
	free_listeners(server);
	for (size_t i = 0; i < server->slot_count; i++)
		if (server->connections[i] != NULL && http_connection_idle(server->connections[i]))
			http_connection_close(server->connections[i]);
	if (server->connection_count == 0) {
		drained(ctx);
		return;
	}
	server->drained = drained;
	server->drained_ctx = ctx;
}
