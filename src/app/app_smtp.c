/* SPDX-License-Identifier: Apache-2.0 */
/* The smtp process: start, frames, end. */
#include "app_smtp_int.h"

#include "base_log.h"
#include "base_mem.h"

#define DRAIN_MS 5000

static void
on_core_frame(void *ctx, struct wire_frame *frame)
{
	struct edge *edge = ctx;

	switch ((int)frame->kind) {
	case WIRE_SNAPSHOT:
		edge_snapshot(edge, frame->body);
		app_role_ready(&edge->role);
		break;
	case WIRE_MAIL_REPLY:
		edge_mail_reply(edge, frame);
		break;
	case WIRE_SPACE:
		edge->space_low = frame->payload.len == 1 && frame->payload.ptr[0] != 0;
		break;
	default:
		log_error("core sent a frame of kind %d", (int)frame->kind);
		break;
	}
	wire_frame_free(&frame);
}

static void
on_core_closed(void *ctx)
{
	struct edge *edge = ctx;

	wire_channel_free(&edge->core);
	os_watch_after(edge->lost, APP_CORE_LOST_MS);
	edge_core_gone(edge);
}

/* The channel broke and the core did not end: nobody but the supervisor can make a new one, and it
 * does so for a process that starts. */
static void
on_lost(void *ctx, unsigned ready)
{
	struct edge *edge = ctx;

	(void)ready;
	if (edge->core != NULL || edge->deadline != NULL)
		return;
	log_error("no core was introduced: starting again");
	app_role_end(&edge->role, APP_EXIT_TROUBLE);
}

static void
on_peer(struct edge *edge, struct wire_frame *frame)
{
	static const struct wire_channel_ops ops = {on_core_frame, on_core_closed};
	int fd = app_role_core(frame);

	if (fd < 0)
		return;
	if (edge->core != NULL) {
		wire_channel_free(&edge->core);
		edge_core_gone(edge);
	}
	edge->core = wire_channel_new(edge->role.loop, fd, &ops, edge);
	os_watch_cancel(edge->lost);
}

static void
on_supervisor_frame(void *ctx, struct wire_frame *frame)
{
	struct edge *edge = ctx;

	switch ((int)frame->kind) {
	case WIRE_PEER:
		on_peer(edge, frame);
		return;
	case WIRE_LISTENER:
		edge_listener(edge, frame);
		break;
	case WIRE_LISTENER_GONE:
		edge_listener_gone(edge, frame->payload);
		break;
	default:
		log_error("the supervisor sent a frame of kind %d", (int)frame->kind);
		break;
	}
	wire_frame_free(&frame);
}

static void
on_drained(void *ctx)
{
	struct edge *edge = ctx;

	app_role_end(&edge->role, 0);
}

static void
on_deadline(void *ctx, unsigned ready)
{
	struct edge *edge = ctx;

	(void)ready;
	log_warn("sessions that did not end in time are cut");
	app_role_end(&edge->role, 0);
}

static void
on_stop(void *ctx)
{
	struct edge *edge = ctx;

	if (edge->deadline != NULL)
		return;
	edge->deadline = os_watch_timer(edge->role.loop, on_deadline, edge);
	os_watch_after(edge->deadline, DRAIN_MS);
	smtp_server_drain(edge->server, on_drained, edge);
}

static bool
edge_open(struct edge *edge, struct err *err)
{
	struct smtp_server_options o;
	struct clock clock = clock_system();

	if (!app_role_walls(&edge->role, err) || !edge_auth_open(edge, err))
		return false;
	smtp_server_options_default(&o);
	o.sessions_max = (size_t)app_config_number(&edge->role.config, APP_SMTP_SESSIONS);
	o.overload_sessions = o.sessions_max - o.sessions_max / 5;
	o.sessions_per_ip_max =
	    (size_t)app_config_number(&edge->role.config, APP_SMTP_SESSIONS_PER_IP);
	edge->server = smtp_server_new(edge->role.loop, &o, &clock);
	edge->hostname = mem_strdup(edge->role.config.text[APP_HOSTNAME]);
	edge->lost = os_watch_timer(edge->role.loop, on_lost, edge);
	os_watch_after(edge->lost, APP_CORE_LOST_MS);
	return true;
}

static void
edge_close(struct edge *edge)
{
	os_watch_free(&edge->deadline);
	os_watch_free(&edge->lost);
	smtp_server_free(&edge->server);
	edge_auth_close(edge);
	edge_endpoints_free(edge);
	edge_mail_free(edge);
	wire_channel_free(&edge->core);
	json_free(&edge->tls);
	mem_free(edge->hostname);
}

int
app_smtp_main(void)
{
	static const struct app_role_ops ops = {on_supervisor_frame, on_stop};
	struct edge *edge = mem_calloc(1, sizeof *edge);
	struct err err;
	int code = APP_EXIT_TROUBLE;

	if (!app_role_begin(&edge->role, "smtp", &err)) {
		log_error("%s", err.msg);
	} else if (!edge_open(edge, &err)) {
		log_error("%s", err.msg);
		code = APP_EXIT_CONFIGURATION;
		edge_close(edge);
	} else {
		code = app_role_run(&edge->role, &ops, edge);
		edge_close(edge);
	}
	app_role_fini(&edge->role);
	mem_free(edge);
	return code;
}
