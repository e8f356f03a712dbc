/* SPDX-License-Identifier: Apache-2.0 */
/* The frame around every role. */
#include "app_role.h"

#include <signal.h>
#include <string.h>

#include "base_log.h"
#include "base_mem.h"
#include "os_host.h"
#include "os_process.h"
#include "os_socket.h"

#define CONFIG_WAIT_MS 10000

static void
apply_config(struct app_role *r, const struct wire_frame *frame)
{
	static const char *const levels[] = {"error", "warn", "info", "debug"};

	r->configured = app_config_decode(&r->config, frame->body, &r->error);
	for (size_t i = 0; r->configured && i < sizeof levels / sizeof levels[0]; i++)
		if (strcmp(levels[i], r->config.text[APP_LOG]) == 0)
			log_set_level((enum log_level)i);
	os_loop_stop(r->loop);
}

static void
deliver(struct app_role *r, struct wire_frame *frame)
{
	if (frame->kind == WIRE_STOP) {
		wire_frame_free(&frame);
		r->ops.stop(r->ctx);
	} else {
		r->ops.frame(r->ctx, frame);
	}
}

static void
on_frame(void *ctx, struct wire_frame *frame)
{
	struct app_role *r = ctx;

	if (frame->kind == WIRE_CONFIG && !r->configured) {
		apply_config(r, frame);
		wire_frame_free(&frame);
		return;
	}
	if (r->running) {
		deliver(r, frame);
		return;
	}
	r->early = mem_realloc_array(r->early, r->early_count + 1, sizeof(struct wire_frame *));
	r->early[r->early_count++] = frame;
}

static void
on_closed(void *ctx)
{
	struct app_role *r = ctx;

	r->orphan = true;
	r->exit_code = APP_EXIT_TROUBLE;
	os_loop_stop(r->loop);
}

static void
on_late(void *ctx, unsigned ready)
{
	struct app_role *r = ctx;

	(void)ready;
	os_loop_stop(r->loop);
}

bool
app_role_begin(struct app_role *r, const char *name, struct err *err)
{
	static const struct wire_channel_ops ops = {on_frame, on_closed};
	struct os_watch *timer;

	memset(r, 0, sizeof *r);
	r->name = name;
	log_set_role(name);
	os_signal_ignore(SIGPIPE);
	os_signal_ignore(SIGXFSZ); /* a file that may not grow is a full disk */
	os_signal_ignore(
	    SIGINT); /* Ctrl-C goes to the whole group; the supervisor says when to stop */
	os_signal_ignore(SIGTERM);
	os_signal_ignore(SIGHUP);
	os_umask(077);
	app_config_init(&r->config);
	r->loop = os_loop_new();
	(void)ERR(&r->error, ERR_TIMEOUT, "no configuration came from the supervisor");
	r->supervisor = wire_channel_new(r->loop, APP_SUPERVISOR_FD, &ops, r);
	timer = os_watch_timer(r->loop, on_late, r);
	os_watch_after(timer, CONFIG_WAIT_MS);
	os_loop_run(r->loop);
	os_watch_free(&timer);
	if (!r->configured)
		*err = r->error;
	return r->configured;
}

static void
deliver_early(void *ctx)
{
	struct app_role *r = ctx;

	r->running = true;
	for (size_t i = 0; i < r->early_count; i++)
		deliver(r, r->early[i]);
	mem_free(r->early);
	r->early = NULL;
	r->early_count = 0;
}

int
app_role_run(struct app_role *r, const struct app_role_ops *ops, void *ctx)
{
	r->ops = *ops;
	r->ctx = ctx;
	if (!r->orphan) {
		os_loop_post(r->loop, deliver_early, r);
		os_loop_run(r->loop);
	}
	return r->exit_code;
}

void
app_role_end(struct app_role *r, int exit_code)
{
	r->exit_code = exit_code;
	os_loop_stop(r->loop);
}

void
app_role_fini(struct app_role *r)
{
	for (size_t i = 0; i < r->early_count; i++)
		wire_frame_free(&r->early[i]);
	mem_free(r->early);
	wire_channel_free(&r->supervisor);
	os_loop_free(&r->loop);
	app_config_fini(&r->config);
}

int
app_role_peer(struct wire_frame *frame, enum wire_role *role_out)
{
	struct reader reader;
	uint8_t role;
	int fd = -1;

	reader_init(&reader, frame->payload);
	role = reader_u8(&reader);
	if (reader_done(&reader) && role < WIRE_ROLE_COUNT) {
		*role_out = (enum wire_role)role;
		fd = frame->fd;
		frame->fd = -1;
	}
	wire_frame_free(&frame);
	return fd;
}

int
app_role_core(struct wire_frame *frame)
{
	enum wire_role role;
	int fd;

	if (frame->kind != WIRE_PEER) {
		log_error("the supervisor sent a frame of kind %d", (int)frame->kind);
		wire_frame_free(&frame);
		return -1;
	}
	fd = app_role_peer(frame, &role);
	if (fd < 0 || role != WIRE_ROLE_CORE) {
		log_error("the supervisor introduced nobody we know");
		os_close(&fd);
	}
	return fd;
}

void
app_role_ready(struct app_role *r)
{
	if (!r->ready)
		wire_channel_simple(r->supervisor, WIRE_READY);
	r->ready = true;
}

bool
app_role_walls(struct app_role *r, struct err *err)
{
	static const struct os_sandbox closed = {NULL, NULL, false, false};

	return app_role_walls_of(r, &closed, err);
}

bool
app_role_walls_of(struct app_role *r, const struct os_sandbox *box, struct err *err)
{
	static const char *const names[] = {
	    "/catalog.db", "/credentials", "/intake", "/archives", ""};
	char report[OS_SANDBOX_REPORT_SIZE];
	struct buf path;
	size_t open_count = 0;

	if (!os_sandbox_enter(box, report, err))
		return false;
	buf_init(&path, 8192);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		buf_reset(&path);
		buf_append_str(&path, r->config.text[APP_DATA]);
		buf_append_str(&path, names[i]);
		open_count += os_path_readable(buf_text(&path)) ? 1 : 0;
	}
	buf_fini(&path);
	open_count += os_path_readable(r->config.text[APP_KEYS_FILE]) ? 1 : 0;
	if (r->config.text[APP_KEYS_BEFORE][0] != '\0')
		open_count += os_path_readable(r->config.text[APP_KEYS_BEFORE]) ? 1 : 0;
	if (open_count == 0) {
		log_info("walls: %s; user %u; data directory and key file do not open", report,
		    os_user_self());
		return true;
	}
	log_warn("walls: %s; user %u; %zu paths of the data directory and key file OPEN", report,
	    os_user_self(), open_count);
	if (strstr(report, "landlock unavailable") == NULL)
		return ERR(err, ERR_DENIED, "the sandbox is on and yet the data directory opens");
	return true;
}
