/* SPDX-License-Identifier: Apache-2.0 */
/* serve, init, config check, config show. */
#include "app_command_int.h"

#include <stdio.h>
#include <stdlib.h>

#include "app_store.h"
#include "app_supervisor.h"
#include "base_log.h"
#include "base_mem.h"
#include "os_fs.h"
#include "os_host.h"
#include "os_socket.h"

#define DEFAULT_CONFIG "/etc/daybook/daybook.conf"

const struct cli_option app_server_options[] = {
    {"data", "DIR", "the data directory; made on the first run", false},
    {"smtp", "ADDR:PORT", "where ingress points may listen; may be repeated", true},
    {"http", "ADDR:PORT", "where the management API listens; may be repeated", true},
    {"config", "FILE", "configuration file, see daybook.conf(5)", false},
    {NULL, NULL, NULL, false}};

#define SERVER_OPTIONS_HELP                                                                        \
	"  --data DIR         the data directory; made on the first run\n"                         \
	"  --smtp ADDR:PORT   where ingress points may listen (127.0.0.1:2525); may be repeated\n" \
	"  --http ADDR:PORT   where the management API listens (127.0.0.1:8025); may be "          \
	"repeated\n"                                                                               \
	"  --config FILE      configuration file (" DEFAULT_CONFIG ", if it is there)\n"

int
app_usage(const char *command, const struct err *err)
{
	(void)fprintf(stderr, "daybook %s: %s\n", command, err->msg);
	return (int)cli_exit_of(err->code);
}

static void
print_problem(void *ctx, const char *what)
{
	(void)ctx;
	(void)fprintf(stderr, "%s\n", what);
}

static bool
set_list(struct app_config *c, const char *key, const struct cli_args *args, const char *option,
    struct err *err)
{
	const char *const *values;
	size_t count = cli_args_values(args, option, &values);
	struct buf all;
	bool ok;

	if (count == 0)
		return true;
	buf_init(&all, APP_CONFIG_BYTES_MAX);
	for (size_t i = 0; i < count; i++)
		buf_printf(&all, "%s%s", i == 0 ? "" : " ", values[i]);
	ok = app_config_set(c, key, buf_text(&all), err);
	buf_fini(&all);
	return ok;
}

static bool
set_data(struct app_config *c, const struct cli_args *args, struct err *err)
{
	const char *dir = cli_args_value(args, "data");
	char *absolute;
	bool ok;

	if (dir == NULL && c->text[APP_DATA] == NULL)
		dir = getenv("DAYBOOK_DATA");
	if (dir == NULL)
		return true;
	if (dir[0] == '\0')
		return ERR(err, ERR_USAGE, "the data directory has an empty name");
	absolute = os_path_absolute(dir);
	ok = app_config_set(c, "server.data", absolute, err);
	mem_free(absolute);
	return ok;
}

int
app_command_config(const struct cli_args *args, struct app_config *config)
{
	const char *file = cli_args_value(args, "config");
	struct os_stat st;
	struct err err;

	app_config_init(config);
	if (file == NULL && os_fs_stat(os_fs_real(), DEFAULT_CONFIG, &st, &err))
		file = DEFAULT_CONFIG;
	if (file != NULL && !app_config_load(config, file, print_problem, NULL))
		return CLI_EXIT_CONFIGURATION;
	if (set_data(config, args, &err) && set_list(config, "smtp.listen", args, "smtp", &err) &&
	    set_list(config, "http.listen", args, "http", &err) && app_config_finish(config, &err))
		return 0;
	(void)fprintf(stderr, "daybook: %s\n", err.msg);
	return CLI_EXIT_USAGE;
}

int
app_command_prepare(const char *command, int argc, char **argv, struct app_config *config)
{
	struct cli_args args;
	struct err err;
	int code;

	app_config_init(config);
	if (!cli_args_parse(app_server_options, NULL, argc, argv, &args, &err))
		return app_usage(command, &err);
	if (args.operand_count > 0) {
		(void)fprintf(stderr, "daybook %s: unexpected %s\n", command, args.operands[0]);
		return CLI_EXIT_USAGE;
	}
	code = app_command_config(&args, config);
	return code;
}

static int
run_serve(int argc, char **argv)
{
	struct app_config config;
	int code = app_command_prepare("serve", argc, argv, &config);

	if (code == 0)
		code = app_supervisor_run(&config);
	app_config_fini(&config);
	return code;
}

static void
print_next_steps(const struct app_config *config, const struct app_store *store)
{
	const char *data = config->text[APP_DATA];

	(void)printf("data directory  %s\n", data);
	(void)printf("key file        %s%s\n", config->text[APP_KEYS_FILE],
	    store->key_made ? "  (new: copy it to a safe place, without it the archive is lost)"
			    : "");
	(void)printf("credentials     %s/credentials\n\n", data);
	(void)printf("next:\n  daybook serve --data %s\n", data);
}

bool
app_command_lock(const struct app_config *config, int *fd_out, struct err *err)
{
	struct buf path;
	bool ok;

	os_umask(077);
	buf_init(&path, APP_CONFIG_BYTES_MAX);
	buf_printf(&path, "%s/lock", config->text[APP_DATA]);
	ok = os_lock_take(buf_text(&path), fd_out, err);
	buf_fini(&path);
	return ok;
}

static int
run_init(int argc, char **argv)
{
	struct app_config config;
	struct app_store store;
	struct err err;
	int lock_fd = -1, code = app_command_prepare("init", argc, argv, &config);

	if (code == 0) {
		if (app_store_data_dir(config.text[APP_DATA], &err) &&
		    app_command_lock(&config, &lock_fd, &err) &&
		    app_store_open(&config, &store, &err)) {
			print_next_steps(&config, &store);
			app_store_close(&store);
		} else {
			code = app_usage("init", &err);
		}
	}
	os_close(&lock_fd);
	app_config_fini(&config);
	return code;
}

static int
run_config_check(int argc, char **argv)
{
	struct app_config config;
	int code = app_command_prepare("config check", argc, argv, &config);

	if (code == 0)
		(void)puts("ok");
	app_config_fini(&config);
	return code;
}

static int
run_config_show(int argc, char **argv)
{
	struct app_config config;
	struct buf text;
	int code = app_command_prepare("config show", argc, argv, &config);

	buf_init(&text, APP_CONFIG_BYTES_MAX * 4);
	if (code == 0) {
		app_config_print(&config, &text);
		(void)fputs(buf_text(&text), stdout);
	}
	buf_fini(&text);
	app_config_fini(&config);
	return code;
}

const struct cli_command app_commands[] = {
    {"serve", "run the server in the foreground",
	"daybook serve --data DIR [--smtp ADDR:PORT]... [--http ADDR:PORT]... [--config FILE]\n\n"
	"Runs the server in the foreground. Prints \"ready\" when it serves. SIGTERM ends it in "
	"order,\n"
	"SIGHUP reads certificates again.\n\n" SERVER_OPTIONS_HELP,
	run_serve},
    {"init", "make a data directory without starting the server",
	"daybook init --data DIR [--config FILE]\n\n"
	"Makes the data directory, the key file, a root access key and a self-signed certificate, "
	"as the\n"
	"first start of the server would.\n\n" SERVER_OPTIONS_HELP,
	run_init},
    {"demo", "play a whole journaling set-up on loopback", app_demo_usage, app_demo_run},
    {"backup create", "bring a backup up to date", app_backup_create_usage, app_backup_create_run},
    {"backup restore", "make a data directory from a backup", app_backup_restore_usage,
	app_backup_restore_run},
    {"backup verify", "read a backup and check it", app_backup_verify_usage, app_backup_verify_run},
    {"rebuild", "make a catalog for archives that lost theirs", app_rebuild_usage, app_rebuild_run},
    {"verify", "read everything that is kept and check it", app_verify_usage, app_verify_run},
    {"config check", "say what is wrong with the configuration",
	"daybook config check [--config FILE] [--data DIR]\n\n"
	"Reads the configuration as \"serve\" would, and says everything that is wrong with it. "
	"Exit code 7\n"
	"when something is.\n\n" SERVER_OPTIONS_HELP,
	run_config_check},
    {"config show", "print the configuration in force",
	"daybook config show [--config FILE] [--data DIR]\n\n"
	"Prints every key with the value that \"serve\" would use.\n\n" SERVER_OPTIONS_HELP,
	run_config_show},
};
const size_t app_command_count = sizeof app_commands / sizeof app_commands[0];
