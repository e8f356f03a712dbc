/* SPDX-License-Identifier: Apache-2.0 */
/* Life and death of the roles. */
#include "app_supervisor.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "app_role.h"
#include "app_store.h"
#include "app_supervisor_int.h"
#include "base_clock.h"
#include "base_log.h"
#include "base_mem.h"
#include "cli_main.h"
#include "os_host.h"
#include "os_process.h"
#include "os_socket.h"

#define NOBODY          65534u
#define EDGES_STOP_MS   6000 /* then the core is told to stop in any case */
#define STOP_MS         9000 /* then whoever is left is killed */
#define QUICK_DEATH_MS  5000
#define RESTART_STEP_MS 200
#define RESTART_MAX_MS  5000
#define PATH_TEXT_SIZE  4096

static void start(struct child *c);

static int64_t
now_mono(void)
{
	struct clock clock = clock_system();

	return clock_mono_ms(&clock);
}

/* A pair of connected ends: one for each of two roles that are both there. */
static void
introduce(struct supervisor *s, enum wire_role edge)
{
	struct child *ends[2] = {&s->children[WIRE_ROLE_CORE], &s->children[edge]};
	int fds[2];
	struct err err;

	if (ends[0]->channel == NULL || ends[1]->channel == NULL)
		return;
	if (!os_socket_pair(fds, &err)) {
		log_error("%s", err.msg);
		return;
	}
	for (size_t i = 0; i < 2; i++) {
		uint8_t other = (uint8_t)ends[1 - i]->role;
		struct wire_out o = {
		    .kind = WIRE_PEER, .payload = bytes_of(&other, 1), .body_fd = -1, .fd = fds[i]};

		if (!wire_channel_send(ends[i]->channel, &o, &err))
			log_error("%s: %s", wire_role_name(ends[i]->role), err.msg);
	}
	os_close(&fds[0]);
	os_close(&fds[1]);
}

/* A courier runs only where something is to be carried. */
static bool
is_wanted(const struct supervisor *s, enum wire_role role)
{
	return role != WIRE_ROLE_SUPERVISOR &&
	       (role != WIRE_ROLE_COURIER || app_config_courier(s->config));
}

static void
say_ready(struct supervisor *s)
{
	for (size_t i = 0; i < WIRE_ROLE_COUNT; i++)
		if (is_wanted(s, (enum wire_role)i) && !s->children[i].ready)
			return;
	if (s->said_ready)
		return;
	s->said_ready = true;
	(void)puts("ready");
	(void)fflush(stdout);
}

static void
on_frame(void *ctx, struct wire_frame *frame)
{
	struct child *c = ctx;

	if (frame->kind == WIRE_READY) {
		c->ready = true;
		say_ready(c->s);
	} else if (frame->kind == WIRE_LISTEN_SET && c->role == WIRE_ROLE_CORE && !c->s->stopping) {
		supervisor_listen(c->s, frame->body);
	} else if (!c->s->stopping) {
		log_error("%s sent a frame of kind %d", wire_role_name(c->role), (int)frame->kind);
	}
	wire_frame_free(&frame);
}

static void
on_closed(void *ctx)
{
	struct child *c = ctx;

	wire_channel_free(&c->channel); /* its end comes as a signal */
}

static bool
send_config(struct child *c, struct err *err)
{
	struct wire_out o = {.kind = WIRE_CONFIG, .body_fd = -1, .fd = -1};
	struct buf text;
	bool ok;

	buf_init(&text, APP_CONFIG_BYTES_MAX * 4);
	app_config_encode(c->s->config, &text);
	o.body = buf_view(&text);
	ok = buf_ok(&text, err) && wire_channel_send(c->channel, &o, err);
	buf_fini(&text);
	return ok;
}

static bool
spawn(struct child *c, struct err *err)
{
	static const struct wire_channel_ops ops = {on_frame, on_closed};
	struct supervisor *s = c->s;
	const char *argv[] = {"daybook", "--role", wire_role_name(c->role), NULL};
	int pair[2], fds[APP_LISTENS_MAX + 2];
	bool core = c->role == WIRE_ROLE_CORE;
	struct os_spawn o = {.argv = argv,
	    .fds = fds,
	    .fd_count = 1,
	    .uid = core ? s->core_uid : s->edge_uid,
	    .gid = core ? s->core_gid : s->edge_gid};
	bool ok;

	if (!os_socket_pair(pair, err))
		return false;
	fds[0] = pair[1];
	for (size_t i = 0; c->role == WIRE_ROLE_HTTP && i < s->http_fd_count; i++)
		fds[o.fd_count++] = s->http_fds[i];
	ok = os_process_spawn(&o, &c->pid, err);
	os_close(&pair[1]);
	if (!ok) {
		os_close(&pair[0]);
		return false;
	}
	c->channel = wire_channel_new(s->loop, pair[0], &ops, c);
	return send_config(c, err);
}

static void
start(struct child *c)
{
	struct supervisor *s = c->s;
	struct err err;

	c->ready = false;
	c->started_ms = now_mono();
	if (!spawn(c, &err)) {
		log_error("starting %s: %s", wire_role_name(c->role), err.msg);
		os_watch_after(c->restart, RESTART_MAX_MS);
		return;
	}
	if (c->role == WIRE_ROLE_CORE) {
		introduce(s, WIRE_ROLE_SMTP);
		introduce(s, WIRE_ROLE_HTTP);
		introduce(s, WIRE_ROLE_COURIER);
		return;
	}
	introduce(s, c->role);
	if (c->role == WIRE_ROLE_SMTP)
		supervisor_listeners_send(s);
}

static void
on_restart(void *ctx, unsigned ready)
{
	struct child *c = ctx;

	(void)ready;
	if (!c->s->stopping && c->pid == 0)
		start(c);
}

static bool
all_gone(const struct supervisor *s, bool edges_only)
{
	for (size_t i = 0; i < WIRE_ROLE_COUNT; i++)
		if (s->children[i].pid != 0 && !(edges_only && i == WIRE_ROLE_CORE))
			return false;
	return true;
}

static void
tell_core_to_stop(struct supervisor *s)
{
	if (s->core_told)
		return;
	s->core_told = true;
	wire_channel_simple(s->children[WIRE_ROLE_CORE].channel, WIRE_STOP);
}

static void
on_deadline(void *ctx, unsigned ready)
{
	struct supervisor *s = ctx;

	(void)ready;
	if (!s->core_told) {
		tell_core_to_stop(s);
		os_watch_after(s->deadline, STOP_MS - EDGES_STOP_MS);
		return;
	}
	for (size_t i = 0; i < WIRE_ROLE_COUNT; i++) {
		if (s->children[i].pid == 0)
			continue;
		log_error("%s did not end in time and is killed; nothing acknowledged is lost",
		    wire_role_name((enum wire_role)i));
		(void)kill(s->children[i].pid, SIGKILL);
	}
}

/* The edges drain first: their messages need the core. */
static void
stop(struct supervisor *s)
{
	if (s->stopping)
		return;
	s->stopping = true;
	log_info("stopping");
	wire_channel_simple(s->children[WIRE_ROLE_SMTP].channel, WIRE_STOP);
	wire_channel_simple(s->children[WIRE_ROLE_HTTP].channel, WIRE_STOP);
	wire_channel_simple(s->children[WIRE_ROLE_COURIER].channel, WIRE_STOP);
	os_watch_after(s->deadline, EDGES_STOP_MS);
	if (all_gone(s, true))
		tell_core_to_stop(s);
	if (all_gone(s, false))
		os_loop_stop(s->loop);
}

static void
on_term(void *ctx, unsigned ready)
{
	(void)ready;
	stop(ctx);
}

static void
on_hup(void *ctx, unsigned ready)
{
	struct supervisor *s = ctx;

	(void)ready;
	log_info("reading certificates again");
	wire_channel_simple(s->children[WIRE_ROLE_CORE].channel, WIRE_RELOAD);
}

static void
log_death(const struct child *c, int status)
{
	if (WIFSIGNALED(status))
		log_error("%s was killed by signal %d", wire_role_name(c->role), WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0 || !c->s->stopping)
		log_error("%s ended with code %d", wire_role_name(c->role), WEXITSTATUS(status));
}

static void
on_death(struct child *c, int status)
{
	struct supervisor *s = c->s;
	bool quick = now_mono() - c->started_ms < QUICK_DEATH_MS;
	int64_t wait_ms;

	log_death(c, status);
	c->pid = 0;
	c->ready = false;
	wire_channel_free(&c->channel);
	if (s->stopping) {
		if (all_gone(s, true))
			tell_core_to_stop(s);
		if (all_gone(s, false))
			os_loop_stop(s->loop);
		return;
	}
	/* Only at the start is it surely the configuration: later it may be a disk that is full or a
	 * certificate half replaced, and the edges go on saying "later" meanwhile. */
	if (WIFEXITED(status) && WEXITSTATUS(status) == APP_EXIT_CONFIGURATION && !s->said_ready) {
		s->exit_code = CLI_EXIT_CONFIGURATION;
		stop(s);
		return;
	}
	/* The first death is answered at once; a role that cannot live is not started in a circle.
	 */
	wait_ms = c->quick_deaths * RESTART_STEP_MS;
	c->quick_deaths = quick ? c->quick_deaths + 1 : 0;
	os_watch_after(c->restart, wait_ms > RESTART_MAX_MS ? RESTART_MAX_MS : wait_ms);
}

static void
on_child(void *ctx, unsigned ready)
{
	struct supervisor *s = ctx;
	pid_t pid;
	int status;

	(void)ready;
	while ((pid = os_process_reap(&status)) != 0)
		for (size_t i = 0; i < WIRE_ROLE_COUNT; i++)
			if (s->children[i].pid == pid)
				on_death(&s->children[i], status);
}

static bool
find_users(struct supervisor *s, struct err *err)
{
	const char *user = s->config->text[APP_USER];

	s->core_uid = s->edge_uid = os_user_self();
	if (os_user_self() != 0) {
		if (user[0] != '\0')
			log_warn("server.user has no effect: only root can become another user");
		return true;
	}
	s->edge_uid = s->edge_gid = NOBODY;
	return user[0] == '\0' || os_user_find(user, &s->core_uid, &s->core_gid, err);
}

static bool
check_owner(const struct supervisor *s, struct err *err)
{
	const char *data = s->config->text[APP_DATA];
	uint32_t owner;

	if (!os_path_owner(data, &owner, err))
		return false;
	if (owner != s->core_uid)
		return ERR(err, ERR_DENIED, "%.100s belongs to user %u, the server runs as user %u",
		    data, owner, s->core_uid);
	return true;
}

static bool
bind_http(struct supervisor *s, struct err *err)
{
	const char *words[APP_LISTENS_MAX];
	char path[PATH_TEXT_SIZE];
	struct arena arena;
	size_t count;
	bool ok;

	(void)snprintf(path, sizeof path, "%s/run/daybook.sock", s->config->text[APP_DATA]);
	arena_init(&arena);
	count = app_config_words(s->config, APP_HTTP_LISTEN, &arena, words);
	ok = os_socket_listen_unix(path, 0600, &s->http_fds[0], err);
	s->http_fd_count = ok ? 1 : 0;
	for (size_t i = 0; i < count && ok; i++) {
		struct os_address at;

		ok = os_address_parse(&at, bytes_of_str(words[i]), err) &&
		     os_socket_listen(&at, &s->http_fds[s->http_fd_count], err);
		if (ok)
			s->http_fd_count++;
		else
			(void)err_prefix(err, "http.listen %.60s", words[i]);
	}
	arena_fini(&arena);
	return ok;
}

static bool
open_all(struct supervisor *s, struct err *err)
{
	const char *data = s->config->text[APP_DATA];
	char path[PATH_TEXT_SIZE];

	if (!find_users(s, err) || !app_store_data_dir(data, err) || !check_owner(s, err))
		return false;
	(void)snprintf(path, sizeof path, "%s/lock", data);
	if (!os_lock_take(path, &s->lock_fd, err))
		return false;
	(void)snprintf(path, sizeof path, "%s/run", data);
	if (!app_store_data_dir(path, err) || !bind_http(s, err))
		return false;
	(void)os_files_raise();
	s->child_signal = os_watch_signal(s->loop, SIGCHLD, on_child, s);
	s->term_signal = os_watch_signal(s->loop, SIGTERM, on_term, s);
	s->int_signal = os_watch_signal(s->loop, SIGINT, on_term, s);
	s->hup_signal = os_watch_signal(s->loop, SIGHUP, on_hup, s);
	s->deadline = os_watch_timer(s->loop, on_deadline, s);
	for (size_t i = 0; i < WIRE_ROLE_COUNT; i++) {
		s->children[i].s = s;
		s->children[i].role = (enum wire_role)i;
		s->children[i].restart = os_watch_timer(s->loop, on_restart, &s->children[i]);
	}
	start(&s->children[WIRE_ROLE_CORE]);
	start(&s->children[WIRE_ROLE_SMTP]);
	start(&s->children[WIRE_ROLE_HTTP]);
	if (is_wanted(s, WIRE_ROLE_COURIER))
		start(&s->children[WIRE_ROLE_COURIER]);
	return true;
}

static void
close_all(struct supervisor *s)
{
	for (size_t i = 0; i < WIRE_ROLE_COUNT; i++) {
		os_watch_free(&s->children[i].restart);
		wire_channel_free(&s->children[i].channel);
	}
	supervisor_listeners_free(s);
	for (size_t i = 0; i < s->http_fd_count; i++)
		os_close(&s->http_fds[i]);
	os_watch_free(&s->child_signal);
	os_watch_free(&s->term_signal);
	os_watch_free(&s->int_signal);
	os_watch_free(&s->hup_signal);
	os_watch_free(&s->deadline);
	os_close(&s->lock_fd);
	os_loop_free(&s->loop);
}

int
app_supervisor_run(const struct app_config *config)
{
	struct supervisor *s = mem_calloc(1, sizeof *s);
	struct err err;
	int code;

	log_set_role("supervisor");
	os_signal_ignore(SIGPIPE);
	os_umask(077);
	s->config = config;
	s->lock_fd = -1;
	s->loop = os_loop_new();
	if (open_all(s, &err)) {
		os_loop_run(s->loop);
	} else {
		log_error("%s", err.msg);
		s->exit_code = CLI_EXIT_CONFIGURATION;
	}
	close_all(s);
	code = s->exit_code;
	mem_free(s);
	return code;
}
