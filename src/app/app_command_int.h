/* SPDX-License-Identifier: Apache-2.0 */
/* The commands that are the server's own. */
#ifndef APP_COMMAND_INT_H
#define APP_COMMAND_INT_H

#include <stdbool.h>
#include <stddef.h>

#include "app_config.h"
#include "cli_args.h"
#include "cli_main.h"

extern const struct cli_command app_commands[];
extern const size_t app_command_count;

/* Options that serve, init and config share; --help is the command line's own. */
extern const struct cli_option app_server_options[];

/* app_command_config: file, then options, then defaults. 0, or an exit code after telling what is
 * wrong. */
int app_command_config(const struct cli_args *args, struct app_config *config);
/* app_command_prepare: the options above and the configuration, of a command without operands. */
int app_command_prepare(const char *command, int argc, char **argv, struct app_config *config);
/* app_command_lock: nobody else uses the data directory while *fd_out is open. ERR_BUSY, ERR_IO. */
MUST_USE bool app_command_lock(const struct app_config *config, int *fd_out, struct err *err);
int app_usage(const char *command, const struct err *err);

int app_demo_run(int argc, char **argv);
extern const char app_demo_usage[];
int app_backup_create_run(int argc, char **argv);
int app_backup_verify_run(int argc, char **argv);
int app_backup_restore_run(int argc, char **argv);
extern const char app_backup_create_usage[], app_backup_verify_usage[], app_backup_restore_usage[];
int app_rebuild_run(int argc, char **argv);
extern const char app_rebuild_usage[];
int app_verify_run(int argc, char **argv);
extern const char app_verify_usage[];

#endif
