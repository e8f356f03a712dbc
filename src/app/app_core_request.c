/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of the http process, answered on worker threads. */
#include <string.h>

#include "app_core_int.h"
#include "base_log.h"
#include "base_mem.h"
#include "os_host.h"
#include "wire_http.h"

#define REQUEST_QUEUE_MAX 2048

struct work {
	struct wire_frame *frame;
	uint64_t life;
};

static void
answer(struct core *c, const struct work *w, struct api_response *r)
{
	struct app_letter *l =
	    app_letter_new(WIRE_ROLE_HTTP, w->life, WIRE_HTTP_RESPONSE, w->frame->id);
	struct wire_http_header headers[API_RESPONSE_HEADERS_MAX];
	struct wire_http_response out = {
	    .status = (uint16_t)r->status, .headers = headers, .header_count = r->header_count};

	for (size_t i = 0; i < r->header_count; i++)
		headers[i] = (struct wire_http_header){r->headers[i].name, r->headers[i].value};
	wire_http_response_encode(&out, &l->payload);
	l->body = r->body; /* moved: it may be as large as a message */
	buf_init(&r->body, API_RESPONSE_BODY_MAX);
	app_outbox_put(c->outbox, l);
}

static void
trouble(struct core *c, const struct work *w, int status, const char *type, const char *text)
{
	struct api_response r;

	api_response_init(&r);
	r.status = status;
	r.headers[r.header_count++] =
	    (struct api_header){BYTES_LIT("Content-Type"), BYTES_LIT("application/x-amz-json-1.0")};
	buf_printf(&r.body, "{\"__type\":\"com.amazonaws.mailmanager#%s\",\"message\":\"%s\"}",
	    type, text);
	answer(c, w, &r);
	api_response_fini(&r);
}

static void
handle(struct core *c, const struct work *w)
{
	struct wire_http_request in;
	struct api_response response;
	struct api_header *headers;
	struct arena arena;
	struct err err;

	arena_init(&arena);
	if (!wire_http_request_decode(w->frame->payload, &arena, &in, &err)) {
		log_error("request from http: %s", err.msg);
		trouble(c, w, 500, "InternalServerException", "Internal error");
	} else {
		struct api_request request = {.method = in.method,
		    .target = in.target,
		    .header_count = in.header_count,
		    .body = w->frame->body,
		    .local = in.local,
		    .peer_uid = in.peer_uid,
		    .peer_address = arena_text(&arena, in.peer),
		    .local_trusted =
			in.local && (in.peer_uid == 0 || in.peer_uid == os_user_self())};

		headers = arena_calloc(&arena, in.header_count + 1, sizeof *headers);
		for (size_t i = 0; i < in.header_count; i++)
			headers[i] = (struct api_header){in.headers[i].name, in.headers[i].value};
		request.headers = headers;
		api_response_init(&response);
		api_handle(c->api, &request, &response);
		answer(c, w, &response);
		api_response_fini(&response);
	}
	arena_fini(&arena);
}

static void
work_free(struct work *w)
{
	wire_frame_free(&w->frame);
	mem_free(w);
}

static void *
worker(void *ctx)
{
	struct core *c = ctx;
	struct work *w;

	while ((w = os_queue_pop(c->requests, -1)) != NULL) {
		handle(c, w);
		work_free(w);
	}
	return NULL;
}

void
core_request(struct core *c, struct wire_frame *frame)
{
	struct work *w = mem_alloc(sizeof *w);

	*w = (struct work){frame, c->lives[WIRE_ROLE_HTTP]};
	if (os_queue_push(c->requests, w))
		return;
	trouble(c, w, 503, "ServiceUnavailableException", "Too many requests wait; try again");
	work_free(w);
}

bool
core_requests_open(struct core *c, struct err *err)
{
	c->requests = os_queue_new(REQUEST_QUEUE_MAX);
	while (c->worker_count < APP_CORE_WORKERS_MAX) {
		if (!os_thread_start(&c->workers[c->worker_count], "request", worker, c, err))
			return false;
		c->worker_count++;
	}
	return true;
}

void
core_requests_close(struct core *c)
{
	if (c->requests == NULL)
		return;
	os_queue_close(c->requests);
	for (size_t i = 0; i < c->worker_count; i++)
		os_thread_join(c->workers[i]);
	os_queue_free(&c->requests);
}
