/* SPDX-License-Identifier: Apache-2.0 */
/* daybook backup: made beside a server that runs or without one, checked, and brought back. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app_command_int.h"
#include "app_keys.h"
#include "app_store.h"
#include "archive.h"
#include "backup.h"
#include "base_clock.h"
#include "base_limits.h"
#include "base_log.h"
#include "base_mem.h"
#include "base_text.h"
#include "cli_client.h"
#include "cli_format.h"
#include "os_fs.h"
#include "os_host.h"
#include "os_socket.h"

const char app_backup_create_usage[] =
    "daybook backup create DIR [--data DIR] [--config FILE]\n\n"
    "Brings the backup in DIR up to date, while the server runs or while it does not: every "
    "message\n"
    "that was accepted before this began, the catalog, the audit log. Files that are there "
    "already\n"
    "are not copied again; a run that was cut off goes on where it was.\n\n"
    "The key file is not in it: keep a copy of it elsewhere, without it the backup cannot be "
    "read.\n"
    "Nor are exports, certificates and the file with the root access key.\n";
const char app_backup_verify_usage[] =
    "daybook backup verify DIR\n\n"
    "Reads every file of the backup in DIR and compares it with its SHA-256. Needs no key. Each\n"
    "problem is a line that names the file. Exit code 8 when there is one.\n";
const char app_backup_restore_usage[] =
    "daybook backup restore DIR --data NEW [--config FILE]\n\n"
    "Makes the data directory NEW from the backup in DIR. NEW must be absent or empty. Every file "
    "is\n"
    "compared with its SHA-256 on the way; when one is damaged, the exit code is 8, and NEW does "
    "not\n"
    "appear. Put the key file beside it (NEW.key) before the server starts.\n";

#define TALK_MS 250

struct talk {
	struct clock clock;
	int64_t last_ms;
	bool terminal, shown;
	const char *verb;
};

static void
on_progress(void *ctx, const struct backup_progress *p)
{
	struct talk *t = ctx;
	int64_t now_ms = clock_mono_ms(&t->clock);
	struct buf text;

	if (!t->terminal || now_ms - t->last_ms < TALK_MS)
		return;
	t->last_ms = now_ms;
	t->shown = true;
	buf_init(&text, 256);
	cli_format_bytes(&text, (int64_t)p->bytes);
	(void)fprintf(stderr, "\r%s: %" PRIu64 " files, %s   ", t->verb, p->files, buf_text(&text));
	(void)fflush(stderr);
	buf_fini(&text);
}

static void
on_problem(void *ctx, const char *what)
{
	(void)ctx;
	(void)printf("%s\n", what);
}

static struct talk
talk_begin(const char *verb)
{
	return (struct talk){.clock = clock_system(), .verb = verb, .terminal = os_is_terminal(2)};
}

static void
talk_end(const struct talk *t)
{
	if (t->shown)
		(void)fprintf(stderr, "\r\033[K");
}

/* The first operand and the options, of which config may want none; 0, or an exit code after telling what is wrong. */
static int
prepare(const char *command, int argc, char **argv, struct arena *arena, const char **backup,
    struct app_config *config)
{
	struct cli_args args;
	char *absolute;
	struct err err;

	if (config != NULL)
		app_config_init(config);
	if (!cli_args_parse(app_server_options, NULL, argc, argv, &args, &err))
		return app_usage(command, &err);
	if (args.operand_count != 1) {
		(void)fprintf(
		    stderr, "daybook %s: it wants the directory of the backup\n", command);
		return CLI_EXIT_USAGE;
	}
	absolute = os_path_absolute(args.operands[0]);
	*backup = arena_strdup(arena, absolute);
	mem_free(absolute);
	return config != NULL ? app_command_config(&args, config) : 0;
}

/* The id of the key that wraps: it stands in every wrapped key. */
static const char *
key_id(const struct app_config *config, struct arena *arena)
{
	char *hex = arena_alloc(arena, 17);
	struct buf wrapped;
	struct err ignored;
	bool ok;

	buf_init(&wrapped, 4096);
	ok = os_fs_read_file(os_fs_real(),
		 arena_printf(arena, "%s/audit/key", config->text[APP_DATA]), 4096, &wrapped,
		 &ignored) &&
	     wrapped.len > 9;
	if (ok)
		text_hex_format(hex, bytes_slice(buf_view(&wrapped), 1, 8));
	buf_fini(&wrapped);
	return ok ? hex : NULL;
}

/* The server moves what it has accepted into packs. */
static bool
ask_server(const struct app_config *config, const char *backup, struct err *err)
{
	struct cli_client_options o = {.data_dir = config->text[APP_DATA], .region = "us-east-1"};
	struct json *input = json_new_object(), *output = NULL;
	struct cli_client *client = NULL;

	json_set_str(input, "Destination", backup);
	if (cli_client_open(&o, &client, err))
		output = cli_client_call(client, "Daybook.PrepareBackup", input, err);
	cli_client_close(&client);
	json_free(&input);
	if (output == NULL)
		return err_prefix(err, "the server that runs here");
	json_free(&output);
	return true;
}

/* No server: the same by ourselves. */
static bool
seal_here(const struct app_config *config, struct err *err)
{
	struct archive_recovery found;
	struct archive *archive;
	struct app_keys keys;
	struct app_store store;
	bool ok;

	if (!app_store_open(config, &store, err))
		return false;
	ok = app_keys_open(config, &keys, err);
	if (ok) {
		struct archive_options o = {.fs = os_fs_real(),
		    .dir = config->text[APP_DATA],
		    .keys = store.keys,
		    .clock = clock_system(),
		    .rng = rng_system()};

		app_keys_archive_options(config, &keys, &o);
		ok = archive_open(&o, &archive, &found, err);
	}
	if (ok) {
		ok = archive_seal(archive, true, err);
		archive_close(&archive);
	}
	app_keys_close(&keys);
	app_store_close(&store);
	return ok;
}

static void
drop(const char *path)
{
	struct err why;

	if (!os_fs_unlink(os_fs_real(), path, &why) && why.code != ERR_NOT_FOUND)
		log_warn("%s: %s", path, why.msg);
}

static bool
snapshot(const struct app_config *config, const char *to, struct arena *arena, struct err *err)
{
	drop(to); /* of a run that was cut off */
	drop(arena_printf(arena, "%s-journal", to));
	return catalog_snapshot(
	    arena_printf(arena, "%s/catalog.db", config->text[APP_DATA]), to, err);
}

static bool
data_there(const struct app_config *config, struct arena *arena, struct err *err)
{
	struct os_stat st;

	return os_fs_stat(os_fs_real(),
		   arena_printf(arena, "%s/catalog.db", config->text[APP_DATA]), &st, err) ||
	       err_prefix(err, "%.100s holds no archive", config->text[APP_DATA]);
}

/* A backup beneath what it keeps would keep itself. */
static bool
is_elsewhere(const char *backup, const char *data, struct err *err)
{
	size_t len = strlen(data);

	if (strncmp(backup, data, len) != 0 || (backup[len] != '/' && backup[len] != '\0'))
		return true;
	return ERR(err, ERR_USAGE, "the backup must not lie in the data directory");
}

static bool
create(const struct app_config *config, struct backup_options *o, struct arena *arena,
    struct backup_progress *done, struct err *err)
{
	int lock_fd = -1;
	bool ok, online = false;

	o->catalog = arena_printf(arena, "%s/catalog.incoming", o->backup);
	ok = data_there(config, arena, err) &&
	     is_elsewhere(o->backup, config->text[APP_DATA], err) &&
	     os_fs_mkdir_path(os_fs_real(), o->backup, err);
	if (ok && !app_command_lock(config, &lock_fd, err)) {
		online = err->code == ERR_BUSY;
		ok = online;
	}
	/* The catalog of before the packs: what it says of a message is never newer than what is kept of it. */
	ok = ok && snapshot(config, o->catalog, arena, err) &&
	     (online ? ask_server(config, o->backup, err) : seal_here(config, err));
	if (ok) {
		o->key_id = key_id(config, arena);
		ok = backup_create(o, done, err);
	}
	drop(o->catalog);
	os_close(&lock_fd);
	return ok;
}

static void
print_done(const char *verb, const struct backup_progress *p)
{
	struct buf text;

	buf_init(&text, 256);
	buf_printf(&text, "%s: %" PRIu64 " files, ", verb, p->files);
	cli_format_bytes(&text, (int64_t)p->bytes);
	if (p->copied_files > 0 || p->removed_files > 0) {
		buf_printf(&text, "; %" PRIu64 " copied, ", p->copied_files);
		cli_format_bytes(&text, (int64_t)p->copied_bytes);
	}
	if (p->removed_files > 0)
		buf_printf(&text, "; %" PRIu64 " no longer needed", p->removed_files);
	(void)printf("%s\n", buf_text(&text));
	buf_fini(&text);
}

int
app_backup_create_run(int argc, char **argv)
{
	struct app_config config;
	struct backup_progress done;
	struct talk talk = talk_begin("backup");
	struct backup_options o = {.fs = os_fs_real(),
	    .progress = on_progress,
	    .problem = on_problem,
	    .ctx = &talk,
	    .program = DB_VERSION,
	    .now_ms = clock_now_ms(&talk.clock)};
	struct arena arena;
	struct err err;
	int code;

	log_set_role("backup");
	log_set_level(LOG_WARN);
	arena_init(&arena);
	code = prepare("backup create", argc, argv, &arena, &o.backup, &config);
	if (code == 0) {
		o.data = config.text[APP_DATA];
		if (create(&config, &o, &arena, &done, &err)) {
			talk_end(&talk);
			print_done(o.backup, &done);
			(void)printf("the key file is not in it: keep a copy of %s elsewhere\n",
			    config.text[APP_KEYS_FILE]);
		} else {
			talk_end(&talk);
			code = app_usage("backup create", &err);
		}
	}
	arena_fini(&arena);
	app_config_fini(&config);
	return code;
}

int
app_backup_verify_run(int argc, char **argv)
{
	struct backup_progress done;
	struct talk talk = talk_begin("verify");
	struct backup_options o = {
	    .fs = os_fs_real(), .progress = on_progress, .problem = on_problem, .ctx = &talk};
	struct arena arena;
	struct err err;
	int code;

	arena_init(&arena);
	code = prepare("backup verify", argc, argv, &arena, &o.backup, NULL);
	if (code == 0) {
		bool ok = backup_verify(&o, &done, &err);

		talk_end(&talk);
		if (ok)
			print_done(o.backup, &done);
		else
			code = app_usage("backup verify", &err);
	}
	arena_fini(&arena);
	return code;
}

int
app_backup_restore_run(int argc, char **argv)
{
	struct app_config config;
	struct backup_progress done;
	struct talk talk = talk_begin("restore");
	struct backup_options o = {
	    .fs = os_fs_real(), .progress = on_progress, .problem = on_problem, .ctx = &talk};
	struct arena arena;
	struct err err;
	int code;

	arena_init(&arena);
	code = prepare("backup restore", argc, argv, &arena, &o.backup, &config);
	if (code == 0) {
		bool ok;

		os_umask(077);
		o.data = config.text[APP_DATA];
		ok = backup_restore(&o, &done, &err);
		talk_end(&talk);
		if (ok) {
			print_done(o.data, &done);
			(void)printf("put the key file here before you start the server: %s\n",
			    config.text[APP_KEYS_FILE]);
		} else {
			code = app_usage("backup restore", &err);
		}
	}
	arena_fini(&arena);
	app_config_fini(&config);
	return code;
}
