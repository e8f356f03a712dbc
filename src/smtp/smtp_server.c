/* SPDX-License-Identifier: Apache-2.0 */
/* The table of connections, the tick that looks at their clocks, and the owner's answers by number. */
#include "smtp_server.h"

#include "base_limits.h"
#include "base_mem.h"
#include "smtp_server_int.h"
#include "smtp_session_int.h"

#define SOON_MS     0
#define READY_MAX   ((size_t)1 << 20)
#define SLOTS_FIRST 64u

void
smtp_server_options_default(struct smtp_server_options *o)
{
	*o = (struct smtp_server_options){
	    .command_ms = 300000,
	    .command_overload_ms = 10000,
	    .data_ms = 180000,
	    .answer_ms = 60000,
	    .handshake_ms = 10000,
	    .linger_ms = 2000,
	    .rate_window_ms = 60000,
	    .rate_bytes_min = 500,
	    .tick_ms = 500,
	    .sessions_max = SMTP_SESSIONS_MAX,
	    .sessions_per_ip_max = SMTP_SESSIONS_PER_IP_MAX,
	    .overload_sessions = SMTP_SESSIONS_MAX / 5 * 4,
	    .spool_bytes_max = SMTP_SPOOL_BYTES_MAX,
	};
}

static struct smtp_connection *
connection_of(const struct smtp_server *s, uint64_t id)
{
	uint32_t slot = (uint32_t)(id & 0xffffffffu), generation = (uint32_t)(id >> 32);

	if (slot >= s->slot_count || s->slots[slot].generation != generation)
		return NULL;
	return s->slots[slot].connection;
}

static void
on_soon(void *ctx, unsigned ready)
{
	struct smtp_server *s = ctx;
	size_t count = s->ready_count;
	uint64_t *ids = s->ready;

	(void)ready;
	/* Whoever is put on the list from here on waits for the next round. */
	s->ready = NULL;
	s->ready_count = s->ready_cap = 0;
	for (size_t i = 0; i < count; i++) {
		struct smtp_connection *c = connection_of(s, ids[i]);

		if (c != NULL)
			smtp_connection_run(c);
	}
	mem_free(ids);
}

void
smtp_server_soon(struct smtp_server *s, const struct smtp_connection *c)
{
	if (s->ready_count == s->ready_cap) {
		must(s->ready_cap < READY_MAX);
		s->ready_cap = s->ready_cap == 0 ? 16 : s->ready_cap * 2;
		s->ready = mem_realloc_array(s->ready, s->ready_cap, sizeof *s->ready);
	}
	s->ready[s->ready_count++] = c->id;
	if (s->ready_count == 1)
		os_watch_after(s->soon, SOON_MS);
}

void
smtp_server_wake(struct smtp_server *s)
{
	if (s->ticking)
		return;
	s->ticking = true;
	os_watch_after(s->tick, s->options.tick_ms);
}

static void
on_tick(void *ctx, unsigned ready)
{
	struct smtp_server *s = ctx;
	int64_t now_ms = clock_mono_ms(&s->clock);

	(void)ready;
	s->ticking = false;
	for (struct smtp_listener *l = s->listeners; l != NULL; l = l->next)
		smtp_listener_resume(l);
	for (uint32_t i = 0; i < s->slot_count; i++) {
		if (s->slots[i].connection != NULL)
			smtp_connection_check_time(s->slots[i].connection, now_ms);
	}
	if (s->stats.sessions > 0)
		smtp_server_wake(s);
}

struct smtp_server *
smtp_server_new(
    struct os_loop *loop, const struct smtp_server_options *options, const struct clock *clock)
{
	struct smtp_server *s = mem_calloc(1, sizeof *s);

	s->loop = loop;
	s->options = *options;
	s->clock = *clock;
	s->peers = smtp_peers_new();
	s->tick = os_watch_timer(loop, on_tick, s);
	s->soon = os_watch_timer(loop, on_soon, s);
	return s;
}

void
smtp_server_free(struct smtp_server **server)
{
	struct smtp_server *s = *server;

	if (s == NULL)
		return;
	s->drained = NULL;
	while (s->listeners != NULL) {
		struct smtp_listener *l = s->listeners;

		smtp_listener_free(&l);
	}
	for (uint32_t i = 0; i < s->slot_count; i++) {
		if (s->slots[i].connection != NULL)
			smtp_connection_drop(s->slots[i].connection);
	}
	os_watch_free(&s->tick);
	os_watch_free(&s->soon);
	smtp_peers_free(&s->peers);
	mem_free(s->slots);
	mem_free(s->ready);
	mem_free(s);
	*server = NULL;
}

static void
slots_grow(struct smtp_server *s)
{
	uint32_t count = s->slot_count == 0 ? SLOTS_FIRST : s->slot_count * 2;

	s->slots = mem_realloc_array(s->slots, count, sizeof *s->slots);
	for (uint32_t i = s->slot_count; i < count; i++)
		s->slots[i] = (struct smtp_slot){.generation = 1, .next_free = i + 1};
	s->slot_count = count;
}

void
smtp_server_place(struct smtp_server *s, struct smtp_connection *c)
{
	struct smtp_slot *slot;

	if (s->free_slot == s->slot_count)
		slots_grow(s);
	slot = &s->slots[s->free_slot];
	c->id = (uint64_t)slot->generation << 32 | s->free_slot;
	slot->connection = c;
	s->free_slot = slot->next_free;
	s->stats.sessions++;
	smtp_server_wake(s);
}

static void
check_drained(struct smtp_server *s)
{
	void (*drained)(void *ctx) = s->drained;

	if (!s->draining || s->stats.sessions > 0 || drained == NULL)
		return;
	s->drained = NULL;
	drained(s->drained_ctx);
}

void
smtp_server_remove(struct smtp_server *s, struct smtp_connection *c)
{
	uint32_t at = (uint32_t)(c->id & 0xffffffffu);
	struct smtp_slot *slot = &s->slots[at];

	slot->connection = NULL;
	if (++slot->generation == 0)
		slot->generation = 1;
	/* The last free slot points past the end; slots_grow relies on it, so a grown table chains on. */
	slot->next_free = s->free_slot;
	s->free_slot = at;
	s->stats.sessions--;
	s->stats.sessions_closed++;
	check_drained(s);
}

void
smtp_server_auth_done(
    struct smtp_server *s, uint64_t session, uint32_t ticket, enum smtp_auth_result result)
{
	struct smtp_connection *c = connection_of(s, session);

	if (c == NULL || c->session == NULL)
		return;
	smtp_session_auth_done(c->session, ticket, result);
	smtp_connection_run(c);
}

void
smtp_server_data_done(
    struct smtp_server *s, uint64_t session, uint32_t ticket, const struct smtp_reply *reply)
{
	struct smtp_connection *c = connection_of(s, session);

	if (c == NULL || c->session == NULL)
		return;
	smtp_session_data_done(c->session, ticket, reply);
	smtp_connection_run(c);
}

static void
shutdown_sessions(struct smtp_server *s, const void *ctx)
{
	for (uint32_t i = 0; i < s->slot_count; i++) {
		struct smtp_connection *c = s->slots[i].connection;

		if (c != NULL && (ctx == NULL || smtp_endpoint_ctx(c->endpoint) == ctx))
			smtp_connection_shutdown(c);
	}
}

void
smtp_server_drain(struct smtp_server *s, void (*drained)(void *ctx), void *ctx)
{
	s->draining = true;
	s->drained = drained;
	s->drained_ctx = ctx;
	for (struct smtp_listener *l = s->listeners; l != NULL; l = l->next)
		smtp_listener_close(l);
	shutdown_sessions(s, NULL);
	check_drained(s);
}

void
smtp_server_close_owner(struct smtp_server *s, const void *ctx)
{
	must(ctx != NULL);
	shutdown_sessions(s, ctx);
}

void
smtp_server_stats(const struct smtp_server *s, struct smtp_server_stats *out)
{
	*out = s->stats;
	out->overloaded = s->stats.sessions >= s->options.overload_sessions;
}

const struct os_address *
smtp_server_peer(const struct smtp_session *session)
{
	const struct smtp_connection *c = session->ctx;

	must(session->ops == &smtp_spool_ops);
	return &c->peer;
}

const struct os_address *
smtp_server_local(const struct smtp_session *session)
{
	const struct smtp_connection *c = session->ctx;

	must(session->ops == &smtp_spool_ops);
	return &c->local;
}
