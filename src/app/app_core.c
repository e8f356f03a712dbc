/* SPDX-License-Identifier: Apache-2.0 */
/* The core process: opens what there is, answers the edges, watches over it, closes in order. */
#include <string.h>

#include "app_core_int.h"
#include "base_log.h"
#include "base_mem.h"
#include "os_host.h"
#include "os_process.h"

#define WATCH_MS 1000
#define TICK_MS  60000

/* One message from the smtp process, until it is answered. */
struct question {
	struct core *core;
	uint64_t life, id;
};

/* Any thread. */
static void
on_mail_reply(void *ctx, const struct wire_mail_reply *reply)
{
	struct question *q = ctx;
	struct app_letter *l = app_letter_new(WIRE_ROLE_SMTP, q->life, WIRE_MAIL_REPLY, q->id);

	wire_mail_reply_encode(reply, &l->payload);
	app_outbox_put(q->core->outbox, l);
	mem_free(q);
}

static void
send_letter(void *ctx, const struct app_letter *l)
{
	struct core *c = ctx;
	struct err err;

	if (c->edges[l->to] == NULL || c->lives[l->to] != l->life)
		return; /* who asked is gone */
	if (!app_letter_send(l, c->edges[l->to], &err))
		log_warn("answer to %s: %s", wire_role_name(l->to), err.msg);
}

static void
on_smtp_frame(void *ctx, struct wire_frame *frame)
{
	struct core *c = ctx;
	struct question *q;

	if (frame->kind != WIRE_MAIL) {
		log_error("smtp sent a frame of kind %d", (int)frame->kind);
		wire_frame_free(&frame);
		return;
	}
	q = mem_alloc(sizeof *q);
	*q = (struct question){c, c->lives[WIRE_ROLE_SMTP], frame->id};
	journal_accept(c->journal, frame, on_mail_reply, q);
}

static void
on_http_frame(void *ctx, struct wire_frame *frame)
{
	struct core *c = ctx;

	if (frame->kind == WIRE_HTTP_REQUEST) {
		core_request(c, frame);
		return;
	}
	log_error("http sent a frame of kind %d", (int)frame->kind);
	wire_frame_free(&frame);
}

static void
on_courier_frame(void *ctx, struct wire_frame *frame)
{
	struct core *c = ctx;

	if (frame->kind == WIRE_PARCEL_ANSWER) {
		app_carrier_answer(&c->carrier, frame);
		return;
	}
	log_error("courier sent a frame of kind %d", (int)frame->kind);
	wire_frame_free(&frame);
}

static void
on_courier_closed(void *ctx)
{
	struct core *c = ctx;

	app_carrier_life(&c->carrier, 0);
	wire_channel_free(&c->edges[WIRE_ROLE_COURIER]);
}

static void
on_smtp_closed(void *ctx)
{
	struct core *c = ctx;

	wire_channel_free(&c->edges[WIRE_ROLE_SMTP]);
}

static void
on_http_closed(void *ctx)
{
	struct core *c = ctx;

	wire_channel_free(&c->edges[WIRE_ROLE_HTTP]);
}

static void
on_peer(struct core *c, struct wire_frame *frame)
{
	static const struct wire_channel_ops ops[WIRE_ROLE_COUNT] = {
	    [WIRE_ROLE_SMTP] = {on_smtp_frame, on_smtp_closed},
	    [WIRE_ROLE_HTTP] = {on_http_frame, on_http_closed},
	    [WIRE_ROLE_COURIER] = {on_courier_frame, on_courier_closed}};
	enum wire_role role;
	int fd = app_role_peer(frame, &role);

	if (fd < 0 || ops[role].frame == NULL) {
		log_error("the supervisor introduced nobody we know");
		os_close(&fd);
		return;
	}
	wire_channel_free(&c->edges[role]);
	c->lives[role]++;
	c->edges[role] = wire_channel_new(c->role.loop, fd, &ops[role], c);
	if (role == WIRE_ROLE_COURIER)
		app_carrier_life(&c->carrier, c->lives[role]);
	if (role == WIRE_ROLE_SMTP) {
		core_send_snapshot(c);
		core_send_space(c);
	}
}

static void
on_supervisor_frame(void *ctx, struct wire_frame *frame)
{
	struct core *c = ctx;
	struct err err;

	switch ((int)frame->kind) {
	case WIRE_PEER:
		on_peer(c, frame);
		return;
	case WIRE_LISTEN_RESULT:
		core_listen_result(c, frame->body);
		break;
	case WIRE_RELOAD:
		if (!core_read_certificate(c, true, &err))
			log_error("certificate not taken, the old one stays: %s", err.msg);
		break;
	default:
		log_error("the supervisor sent a frame of kind %d", (int)frame->kind);
		break;
	}
	wire_frame_free(&frame);
}

static void
on_stop(void *ctx)
{
	struct core *c = ctx;

	app_role_end(&c->role, 0);
}

static void
on_second(void *ctx, unsigned ready)
{
	struct core *c = ctx;
	struct err err;

	(void)ready;
	os_watch_after(c->second, WATCH_MS);
	if (archive_failed(c->archive) || audit_failed(c->audit)) {
		log_error("the data volume failed a sync: starting again, so that only what is "
			  "really there counts");
		app_role_end(&c->role, APP_EXIT_TROUBLE);
		return;
	}
	if (!core_read_certificate(c, false, &err) && err.code != ERR_NOT_FOUND)
		log_error("certificate not taken, the old one stays: %s", err.msg);
	core_check_space(c);
}

static void
on_minute(void *ctx, unsigned ready)
{
	struct core *c = ctx;
	struct err err;

	(void)ready;
	os_watch_after(c->minute, TICK_MS);
	if (!api_tick(c->api, &err))
		log_warn("catalog upkeep: %s", err.msg);
	core_refresh(c); /* passwords that expired */
}

/* Parents of files that are replaced by rename while we run: certificates. */
static const char *
dir_of(struct arena *arena, const char *path)
{
	const char *slash = strrchr(path, '/');

	return arena_text(arena, bytes_of(path, slash == path ? 1 : (size_t)(slash - path)));
}

static bool
enter_sandbox(struct core *c, struct err *err)
{
	const struct app_config *config = &c->role.config;
	struct app_walls *walls = mem_calloc(1, sizeof *walls);
	struct os_sandbox box = {walls->read, walls->write, false, false};
	const char *certificate, *key;
	char report[OS_SANDBOX_REPORT_SIZE];
	struct arena arena;
	bool ok;

	arena_init(&arena);
	app_store_tls_paths(config, &arena, &certificate, &key);
	walls->read[walls->read_count++] = dir_of(&arena, certificate);
	walls->read[walls->read_count++] = dir_of(&arena, key);
	walls->write[walls->write_count++] = config->text[APP_DATA];
	walls->write[walls->write_count++] = config->text[APP_EXPORT_DIRECTORY];
	for (size_t i = 0; i < config->bucket_count; i++)
		walls->write[walls->write_count++] = config->buckets[i].dir;
	for (size_t i = 0; i < config->witness_count; i++)
		if (config->witnesses[i].text[APP_WITNESS_FILE][0] != '\0')
			walls->write[walls->write_count++] =
			    app_witness_dir(&arena, config->witnesses[i].text[APP_WITNESS_FILE]);
	app_keys_walls(config, &arena, walls);
	box.network = walls->network;
	box.exec = walls->programs;
	ok = os_sandbox_enter(&box, report, err);
	if (ok)
		log_info("walls: %s; data directory, exports and certificates only%s%s%s", report,
		    config->service_count > 0 ? "; for key services also system files and theirs"
					      : "",
		    walls->network ? ", the network" : "", walls->programs ? ", programs" : "");
	arena_fini(&arena);
	mem_free(walls);
	return ok;
}

static bool
open_archive(struct core *c, struct err *err)
{
	struct archive_recovery found;
	const struct app_config *config = &c->role.config;
	struct archive_options o = {.fs = os_fs_real(),
	    .dir = config->text[APP_DATA],
	    .keys = c->store.keys,
	    .installation = config->text[APP_HOSTNAME],
	    .clock = clock_system(),
	    .rng = rng_system(),
	    .threads = true,
	    .seal_age_ms = app_config_number(config, APP_ARCHIVE_SEAL_MINUTES) * 60000,
	    .log_file_bytes = (uint64_t)app_config_number(config, APP_ARCHIVE_LOG_MIB) * LIMIT_MIB,
	    .reserve_bytes =
		(uint64_t)app_config_number(config, APP_ARCHIVE_RESERVE_MIB) * LIMIT_MIB};

	app_keys_archive_options(config, &c->keys, &o);
	if (!archive_open(&o, &c->archive, &found, err))
		return err_prefix(err, "archive");
	if (config->text[APP_KEYS_BEFORE][0] != '\0' && found.under_previous == 0)
		log_info("nothing needs the key file %s any more: previous-file may go from "
			 "daybook.conf",
		    config->text[APP_KEYS_BEFORE]);
	else if (config->text[APP_KEYS_BEFORE][0] != '\0')
		log_info("%llu files still need the key file %s; a start after the intake log is "
			 "sealed looks again",
		    (unsigned long long)found.under_previous, config->text[APP_KEYS_BEFORE]);
	log_info("archive: %llu packs, %llu records in %llu log files",
	    (unsigned long long)found.packs, (unsigned long long)found.log_records,
	    (unsigned long long)found.log_files);
	if (found.torn_tail_bytes > 0)
		log_info("archive: cut %llu bytes that were never acknowledged",
		    (unsigned long long)found.torn_tail_bytes);
	if (found.corrupt_records > 0 || found.corrupt_packs > 0)
		log_error("archive: %llu damaged log records, %llu damaged packs",
		    (unsigned long long)found.corrupt_records,
		    (unsigned long long)found.corrupt_packs);
	return true;
}

/* Damage is said in the log itself, too: a record that cannot be taken back. */
static bool
audit_note_damage(struct core *c, const struct audit_recovery *found, struct err *err)
{
	struct clock clock = clock_system();
	struct audit_record r = {.at_ms = clock_now_ms(&clock),
	    .count = 1,
	    .uid = os_user_self(),
	    .status = 500,
	    .from = BYTES_LIT("local"),
	    .operation = BYTES_LIT("Daybook.AuditLogDamaged"),
	    .result = BYTES_LIT("InternalFailure"),
	    .parameters = BYTES_LIT("{}")};

	if (found->torn_bytes > 0)
		log_info("audit log: cut %llu bytes that were never promised",
		    (unsigned long long)found->torn_bytes);
	if (found->damaged == 0)
		return true;
	log_error("audit log: damaged in %llu places; daybook audit verify names them",
	    (unsigned long long)found->damaged);
	return audit_append(c->audit, &r, true, err);
}

static bool
open_audit(struct core *c, struct err *err)
{
	struct audit_recovery found;
	struct audit_options o;
	struct arena arena;
	bool ok;

	arena_init(&arena);
	o = app_store_audit_options(&c->role.config, &c->store, &arena);
	o.threads = true;
	ok = (audit_open(&o, &c->audit, &found, err) && audit_note_damage(c, &found, err)) ||
	     err_prefix(err, "audit log");
	arena_fini(&arena);
	return ok;
}

static bool
open_witnesses(struct core *c, struct err *err)
{
	struct arena *arena = &c->role.config.arena;
	struct witness_options o = {.fs = os_fs_real(),
	    .dir = arena_printf(arena, "%s/witness", c->role.config.text[APP_DATA]),
	    .clock = clock_system(),
	    .archive = c->archive,
	    .carry = app_carrier_carry,
	    .carry_ctx = &c->carrier,
	    .threads = true};

	o.count = app_witness_configs(&c->role.config, arena, &o.list);
	return witness_open(&o, &c->witnesses, err) || err_prefix(err, "witnesses");
}

static bool
open_api(struct core *c, struct err *err)
{
	const struct app_config *config = &c->role.config;
	struct api_bucket buckets[APP_BUCKETS_MAX];
	struct api_options o = {.catalog = c->store.catalog,
	    .archive = c->archive,
	    .audit = c->audit,
	    .witnesses = c->witnesses,
	    .fs = os_fs_real(),
	    .clock = clock_system(),
	    .rng = rng_system(),
	    .account = config->text[APP_API_ACCOUNT],
	    .region = config->text[APP_API_REGION],
	    .ingress_domain = config->text[APP_HOSTNAME],
	    .version = DB_VERSION,
	    .export_dir = config->text[APP_EXPORT_DIRECTORY],
	    .buckets = buckets,
	    .bucket_count = config->bucket_count,
	    .aws_strict = app_config_yes(config, APP_API_AWS_LIMITS),
	    .job_threads = true,
	    .retention_strict = app_config_yes(config, APP_RETENTION_STRICT),
	    .retention_manual = strcmp(config->text[APP_RETENTION_APPROVAL], "manual") == 0,
	    .erasure_four_eyes = strcmp(config->text[APP_ERASURE_APPROVAL], "other") == 0,
	    .scrub_period_ms = app_config_number(config, APP_ARCHIVE_SCRUB_DAYS) * 86400000,
	    .endpoints_changed = core_refresh,
	    .config_changed = core_refresh,
	    .hook_ctx = c};

	for (size_t i = 0; i < config->bucket_count; i++)
		buckets[i] = (struct api_bucket){config->buckets[i].name, config->buckets[i].dir};
	o.key_service_count =
	    app_keys_api_services(config, &c->keys, &c->role.config.arena, &o.key_services);
	return api_open(&o, &c->api, err) || err_prefix(err, "api");
}

/* Edges and the log's writer want the other half of the processors; on few of them, one worker more is a thread to wake
 * more for each message. */
static size_t
journal_workers(void)
{
	size_t half = os_thread_processors() / 2;

	return half < 1 ? 1 : half > JOURNAL_WORKERS_MAX ? JOURNAL_WORKERS_MAX : half;
}

static bool
core_open(struct core *c, struct err *err)
{
	struct journal_options journal = {.rng = rng_system(), .workers = journal_workers()};

	buf_init(&c->certificate_pem, LIMIT_MIB);
	buf_init(&c->key_pem, LIMIT_MIB);
	must(pthread_mutex_init(&c->lock, NULL) == 0);
	c->outbox = app_outbox_new(c->role.loop, send_letter, c);
	app_carrier_init(&c->carrier, c->outbox);
	if (!app_store_open(&c->role.config, &c->store, err) ||
	    !core_read_certificate(c, true, err) || !enter_sandbox(c, err) ||
	    !app_keys_open(&c->role.config, &c->keys, err) || !open_archive(c, err) ||
	    !open_audit(c, err) || !open_witnesses(c, err) || !open_api(c, err))
		return false;
	journal.archive = c->archive;
	c->journal = journal_open(&journal);
	if (!core_requests_open(c, err))
		return false;
	c->second = os_watch_timer(c->role.loop, on_second, c);
	c->minute = os_watch_timer(c->role.loop, on_minute, c);
	os_watch_after(c->second, WATCH_MS);
	os_watch_after(c->minute, TICK_MS);
	core_check_space(c);
	core_refresh(c);
	return true;
}

/* Last opened, first closed; what was taken is finished and answered. */
static void
core_close(struct core *c)
{
	os_watch_free(&c->second);
	os_watch_free(&c->minute);
	core_requests_close(c);
	journal_close(&c->journal);
	app_carrier_close(&c->carrier);
	/* Searches and exports under way read the archive until they hear of the end. */
	if (c->api != NULL)
		api_close(&c->api);
	witness_close(&c->witnesses);
	audit_close(&c->audit);
	if (c->archive != NULL)
		archive_close(&c->archive);
	app_keys_close(&c->keys);
	app_outbox_flush(c->outbox);
	app_outbox_free(&c->outbox);
	app_carrier_fini(&c->carrier);
	for (size_t i = 0; i < WIRE_ROLE_COUNT; i++)
		wire_channel_free(&c->edges[i]);
	app_store_close(&c->store);
	json_free(&c->endpoints);
	json_free(&c->fresh);
	buf_fini(&c->certificate_pem);
	if (c->key_pem.ptr != NULL)
		secret_wipe(c->key_pem.ptr, c->key_pem.len);
	buf_fini(&c->key_pem);
	(void)pthread_mutex_destroy(&c->lock);
}

int
app_core_main(void)
{
	static const struct app_role_ops ops = {on_supervisor_frame, on_stop};
	struct core *c = mem_calloc(1, sizeof *c);
	struct err err;
	int code = APP_EXIT_CONFIGURATION;

	if (!app_role_begin(&c->role, "core", &err)) {
		log_error("%s", err.msg);
		code = APP_EXIT_TROUBLE;
	} else {
		if (core_open(c, &err))
			code = app_role_run(&c->role, &ops, c);
		else
			log_error("%s", err.msg);
		core_close(c);
	}
	app_role_fini(&c->role);
	mem_free(c);
	return code;
}
