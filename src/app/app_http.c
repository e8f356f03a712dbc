/* SPDX-License-Identifier: Apache-2.0 */
/* The http process: requests go to the core as they are, answers come back. */
#include <string.h>

#include "app_role.h"
#include "base_log.h"
#include "base_mem.h"
#include "http_server.h"
#include "wire_http.h"

#define DRAIN_MS 5000

struct front {
	struct app_role role;
	struct http_server *server;
	struct wire_channel *core;
	uint64_t *waiting; /* ids that the core has not answered */
	size_t waiting_count, waiting_cap;
	struct os_watch *deadline;
	struct os_watch *lost; /* runs while there is no core */
};

static void
unavailable(struct front *f, uint64_t id)
{
	static const struct http_header type = {{(const uint8_t *)"Content-Type", 12},
	    {(const uint8_t *)"application/x-amz-json-1.0", 26}};
	struct http_response r = http_response_of(503);

	r.headers = &type;
	r.header_count = 1;
	r.body = BYTES_LIT("{\"__type\":\"com.amazonaws.mailmanager#ServiceUnavailableException\","
			   "\"message\":\"The server is starting; try again\"}");
	http_server_respond(f->server, id, &r);
}

static void
wait_add(struct front *f, uint64_t id)
{
	if (f->waiting_count == f->waiting_cap) {
		f->waiting_cap = f->waiting_cap == 0 ? 64 : f->waiting_cap * 2;
		f->waiting = mem_realloc_array(f->waiting, f->waiting_cap, sizeof *f->waiting);
	}
	f->waiting[f->waiting_count++] = id;
}

static bool
wait_remove(struct front *f, uint64_t id)
{
	for (size_t i = 0; i < f->waiting_count; i++) {
		if (f->waiting[i] == id) {
			f->waiting[i] = f->waiting[--f->waiting_count];
			return true;
		}
	}
	return false;
}

static void
on_request(void *ctx, const struct http_request *r)
{
	struct front *f = ctx;
	const struct http_message *m = &r->message;
	struct wire_out o = {
	    .kind = WIRE_HTTP_REQUEST, .id = r->id, .body = m->body, .body_fd = -1, .fd = -1};
	struct wire_http_request out = {.method = m->method,
	    .target = m->target,
	    .local = r->local,
	    .peer_uid = r->peer_uid,
	    .header_count = m->header_count};
	struct wire_http_header *headers;
	char peer[OS_ADDRESS_TEXT_SIZE];
	struct arena arena;
	struct buf payload;
	struct err err;

	arena_init(&arena);
	buf_init(&payload, WIRE_PAYLOAD_BYTES_MAX);
	headers = arena_calloc(&arena, m->header_count + 1, sizeof *headers);
	for (size_t i = 0; i < m->header_count; i++)
		headers[i] = (struct wire_http_header){m->headers[i].name, m->headers[i].value};
	out.headers = headers;
	os_address_format_ip(peer, &r->peer);
	out.peer = r->local ? BYTES_LIT("unix") : bytes_of_str(peer);
	wire_http_request_encode(&out, &payload);
	o.payload = buf_view(&payload);
	if (f->core == NULL) {
		unavailable(f, r->id);
	} else if (!buf_ok(&payload, &err) || !wire_channel_send(f->core, &o, &err)) {
		log_error("request not handed over: %s", err.msg);
		unavailable(f, r->id);
	} else {
		wait_add(f, r->id);
	}
	buf_fini(&payload);
	arena_fini(&arena);
}

static void
on_response(struct front *f, const struct wire_frame *frame)
{
	struct wire_http_response in;
	struct http_response r;
	struct http_header *headers;
	struct arena arena;
	struct err err;

	if (!wait_remove(f, frame->id))
		return;
	arena_init(&arena);
	if (wire_http_response_decode(frame->payload, &arena, &in, &err)) {
		r = http_response_of(in.status);
		headers = arena_calloc(&arena, in.header_count + 1, sizeof *headers);
		for (size_t i = 0; i < in.header_count; i++)
			headers[i] = (struct http_header){in.headers[i].name, in.headers[i].value};
		r.headers = headers;
		r.header_count = in.header_count;
		r.body = frame->body;
		http_server_respond(f->server, frame->id, &r);
	} else {
		log_error("answer of the core: %s", err.msg);
		unavailable(f, frame->id);
	}
	arena_fini(&arena);
}

static void
on_core_frame(void *ctx, struct wire_frame *frame)
{
	struct front *f = ctx;

	if (frame->kind == WIRE_HTTP_RESPONSE)
		on_response(f, frame);
	else
		log_error("core sent a frame of kind %d", (int)frame->kind);
	wire_frame_free(&frame);
}

static void
core_gone(struct front *f)
{
	while (f->waiting_count > 0)
		unavailable(f, f->waiting[--f->waiting_count]);
}

static void
on_core_closed(void *ctx)
{
	struct front *f = ctx;

	wire_channel_free(&f->core);
	os_watch_after(f->lost, APP_CORE_LOST_MS);
	core_gone(f);
}

/* As in smtp: only the supervisor can make a new channel, and it does so for a process that starts. */
static void
on_lost(void *ctx, unsigned ready)
{
	struct front *f = ctx;

	(void)ready;
	if (f->core != NULL || f->deadline != NULL)
		return;
	log_error("no core was introduced: starting again");
	app_role_end(&f->role, APP_EXIT_TROUBLE);
}

static void
on_supervisor_frame(void *ctx, struct wire_frame *frame)
{
	static const struct wire_channel_ops ops = {on_core_frame, on_core_closed};
	struct front *f = ctx;
	int fd = app_role_core(frame);

	if (fd < 0)
		return;
	wire_channel_free(&f->core);
	core_gone(f);
	f->core = wire_channel_new(f->role.loop, fd, &ops, f);
	os_watch_cancel(f->lost);
	app_role_ready(&f->role);
}

static void
on_drained(void *ctx)
{
	struct front *f = ctx;

	app_role_end(&f->role, 0);
}

static void
on_deadline(void *ctx, unsigned ready)
{
	struct front *f = ctx;

	(void)ready;
	app_role_end(&f->role, 0);
}

static void
on_stop(void *ctx)
{
	struct front *f = ctx;

	if (f->deadline != NULL)
		return;
	f->deadline = os_watch_timer(f->role.loop, on_deadline, f);
	os_watch_after(f->deadline, DRAIN_MS);
	http_server_drain(f->server, on_drained, f);
}

static bool
front_open(struct front *f, struct err *err)
{
	static const struct http_server_ops ops = {on_request, NULL};
	struct http_server_options o = http_server_options_default();
	struct arena arena;
	const char *words[APP_LISTENS_MAX];
	size_t count;

	if (!app_role_walls(&f->role, err))
		return false;
	f->server = http_server_new(f->role.loop, &o, &ops, f);
	f->lost = os_watch_timer(f->role.loop, on_lost, f);
	os_watch_after(f->lost, APP_CORE_LOST_MS);
	arena_init(&arena);
	count = app_config_words(&f->role.config, APP_HTTP_LISTEN, &arena, words);
	for (size_t i = 0; i <= count; i++)
		http_server_listen(f->server, APP_HTTP_LISTEN_FD + (int)i);
	arena_fini(&arena);
	return true;
}

int
app_http_main(void)
{
	static const struct app_role_ops ops = {on_supervisor_frame, on_stop};
	struct front *f = mem_calloc(1, sizeof *f);
	struct err err;
	int code = APP_EXIT_TROUBLE;

	if (!app_role_begin(&f->role, "http", &err)) {
		log_error("%s", err.msg);
	} else if (!front_open(f, &err)) {
		log_error("%s", err.msg);
		code = APP_EXIT_CONFIGURATION;
	} else {
		code = app_role_run(&f->role, &ops, f);
	}
	os_watch_free(&f->deadline);
	os_watch_free(&f->lost);
	http_server_free(&f->server);
	wire_channel_free(&f->core);
	mem_free(f->waiting);
	app_role_fini(&f->role);
	mem_free(f);
	return code;
}
