/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The courier process: carries out of the house what the core hands it, so that the process with the keys opens no
 * connection. It sees URLs, addresses and checkpoints; no key, no mail, no file of the data directory.
 */
#include <stdatomic.h>
#include <string.h>

#include "app_outbox_int.h"
#include "app_role.h"
#include "base_log.h"
#include "base_mem.h"
#include "os_socket.h"
#include "os_thread.h"
#include "send_http.h"
#include "send_mail.h"
#include "wire_parcel.h"

#define PARCELS_MAX     64u
#define REPLY_BYTES_MAX 65536u
#define READ_PATHS_MAX  (APP_WITNESSES_MAX + 16)

/* What name lookups and TLS read. Absent ones need no rule. */
static const char *const system_paths[] = {"/etc/ssl", "/etc/ca-certificates", "/etc/resolv.conf",
    "/etc/hosts", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/host.conf", "/etc/services",
    "/usr/share/ca-certificates", "/usr/lib", "/lib", "/lib64", "/etc/ld.so.cache"};

struct courier {
	struct app_role role;
	struct wire_channel *core;
	uint64_t life;            /* of the core */
	struct os_queue *parcels; /* of struct work * */
	struct app_outbox *outbox;
	pthread_t thread;
	bool thread_started;
	atomic_bool closing;
};

struct work {
	struct wire_frame *frame;
	uint64_t life;
};

static bool
carry(struct courier *c, const struct wire_parcel *p, struct bytes body, struct buf *reply,
    uint16_t *status_out, struct err *err)
{
	static const char *const headers[] = {"Content-Type: text/plain; charset=utf-8", NULL};
	struct send_http http = {.url = p->url,
	    .ca_file = p->ca_file,
	    .call_ms = p->call_ms,
	    .headers = headers,
	    .body = body,
	    .cancel = &c->closing};
	struct send_mail mail = {.url = p->url,
	    .hello = p->hello,
	    .ca_file = p->ca_file,
	    .call_ms = p->call_ms,
	    .from = p->from,
	    .to = p->to,
	    .message = body,
	    .cancel = &c->closing};
	long status = 0;

	if (p->mail)
		return send_mail_hand(&mail, err);
	if (!send_http_post(&http, reply, &status, err))
		return false;
	if (status < 100 || status > 999)
		return ERR(err, ERR_SYNTAX, "%.90s answers with no status", p->url);
	*status_out = (uint16_t)status;
	return true;
}

static void
work_do(struct courier *c, const struct work *w)
{
	struct app_letter *l =
	    app_letter_new(WIRE_ROLE_CORE, w->life, WIRE_PARCEL_ANSWER, w->frame->id);
	struct wire_parcel_answer answer = {.message = ""};
	struct wire_parcel parcel;
	struct arena arena;
	struct buf reply;
	struct err err = {0};

	arena_init(&arena);
	buf_init(&reply, REPLY_BYTES_MAX);
	answer.ok = wire_parcel_decode(w->frame->payload, &arena, &parcel, &err) &&
		    carry(c, &parcel, w->frame->body, &reply, &answer.status, &err);
	if (answer.ok)
		buf_append(&l->body, buf_view(&reply));
	answer.code = answer.ok ? ERR_NONE : err.code;
	answer.message = answer.ok ? "" : err.msg;
	wire_parcel_answer_encode(&answer, &l->payload);
	app_outbox_put(c->outbox, l);
	buf_fini(&reply);
	arena_fini(&arena);
}

static void
work_free(struct work *w)
{
	wire_frame_free(&w->frame);
	mem_free(w);
}

static void *
run(void *ctx)
{
	struct courier *c = ctx;
	struct work *w;

	while ((w = os_queue_pop(c->parcels, -1)) != NULL) {
		if (!atomic_load(&c->closing))
			work_do(c, w);
		work_free(w);
	}
	return NULL;
}

static void
send_letter(void *ctx, const struct app_letter *l)
{
	struct courier *c = ctx;
	struct err err;

	if (c->core == NULL || c->life != l->life)
		return; /* the core that asked is gone */
	if (!app_letter_send(l, c->core, &err))
		log_warn("answer to the core: %s", err.msg);
}

static void
on_core_frame(void *ctx, struct wire_frame *frame)
{
	struct courier *c = ctx;
	struct work *w;

	if (frame->kind != WIRE_PARCEL) {
		log_error("core sent a frame of kind %d", (int)frame->kind);
		wire_frame_free(&frame);
		return;
	}
	w = mem_alloc(sizeof *w);
	*w = (struct work){frame, c->life};
	if (!os_queue_push(c->parcels, w)) {
		log_error("more parcels than the core may have under way");
		work_free(w);
	}
}

static void
on_core_closed(void *ctx)
{
	struct courier *c = ctx;

	wire_channel_free(&c->core);
}

static void
on_supervisor_frame(void *ctx, struct wire_frame *frame)
{
	static const struct wire_channel_ops ops = {on_core_frame, on_core_closed};
	struct courier *c = ctx;
	int fd = app_role_core(frame);

	if (fd < 0)
		return;
	wire_channel_free(&c->core);
	c->life++;
	c->core = wire_channel_new(c->role.loop, fd, &ops, c);
	app_role_ready(&c->role);
}

static void
on_stop(void *ctx)
{
	struct courier *c = ctx;

	atomic_store(&c->closing, true);
	app_role_end(&c->role, 0);
}

static bool
walls(struct courier *c, struct err *err)
{
	const char *paths[READ_PATHS_MAX] = {NULL};
	struct os_sandbox box = {.read_paths = paths, .network = true};
	size_t n = 0;

	for (size_t i = 0; i < sizeof system_paths / sizeof system_paths[0]; i++)
		paths[n++] = system_paths[i];
	for (size_t i = 0; i < c->role.config.witness_count && n + 1 < READ_PATHS_MAX; i++) {
		const char *ca = c->role.config.witnesses[i].text[APP_WITNESS_CA_FILE];

		if (ca[0] != '\0')
			paths[n++] = ca;
	}
	return app_role_walls_of(&c->role, &box, err);
}

static bool
courier_open(struct courier *c, struct err *err)
{
	if (!walls(c, err))
		return false;
	c->parcels = os_queue_new(PARCELS_MAX);
	c->outbox = app_outbox_new(c->role.loop, send_letter, c);
	c->thread_started = os_thread_start(&c->thread, "carry", run, c, err);
	return c->thread_started;
}

static void
courier_close(struct courier *c)
{
	struct work *w;

	atomic_store(&c->closing, true);
	if (c->parcels != NULL)
		os_queue_close(c->parcels);
	if (c->thread_started)
		os_thread_join(c->thread);
	while (c->parcels != NULL && (w = os_queue_pop(c->parcels, 0)) != NULL)
		work_free(w);
	if (c->parcels != NULL)
		os_queue_free(&c->parcels);
	app_outbox_free(&c->outbox);
	wire_channel_free(&c->core);
}

int
app_courier_main(void)
{
	static const struct app_role_ops ops = {on_supervisor_frame, on_stop};
	struct courier *c = mem_calloc(1, sizeof *c);
	struct err err;
	int code = APP_EXIT_TROUBLE;

	if (!app_role_begin(&c->role, "courier", &err)) {
		log_error("%s", err.msg);
	} else if (!courier_open(c, &err)) {
		log_error("%s", err.msg);
		code = APP_EXIT_CONFIGURATION;
	} else {
		code = app_role_run(&c->role, &ops, c);
	}
	courier_close(c);
	app_role_fini(&c->role);
	mem_free(c);
	return code;
}
