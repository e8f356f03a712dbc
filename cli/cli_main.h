/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line: finds the command and runs it. A command is one word ("status") or a noun and a verb
 * ("archive list"). Data goes to standard output, talk to standard error.
 */
#ifndef CLI_MAIN_H
#define CLI_MAIN_H

#include <stddef.h>

#include "base_err.h"

/* What every command ends with. An unknown code is a failure. */
enum cli_exit {
	CLI_EXIT_DONE = 0,
	CLI_EXIT_FAILED = 1,
	CLI_EXIT_USAGE = 2,
	CLI_EXIT_PARTIAL = 3, /* done, some items failed                  */
	CLI_EXIT_NOT_FOUND = 4,
	CLI_EXIT_DENIED = 5,
	CLI_EXIT_REFUSED = 6, /* by hold, retention or approval           */
	CLI_EXIT_CONFIGURATION = 7,
	CLI_EXIT_INTEGRITY = 8,
	CLI_EXIT_UNREACHABLE = 9,
	CLI_EXIT_CONFLICT = 10,
	CLI_EXIT_INTERRUPTED = 130
};

/* cli_exit_of: how a command ends that failed with this code; ERR_TIMEOUT = the server does not answer. */
enum cli_exit cli_exit_of(enum err_code code);

/* A command of another room. argv[0] is its last word; what follows is its own to parse. */
struct cli_command {
	const char *name;    /* "serve", "config check" */
	const char *summary; /* one line, no full stop  */
	const char
	    *usage; /* whole text of --help, ending in a newline; NULL: run gets --help itself */
	int (*run)(int argc, char **argv);
};

/* cli_main: the whole program. extra: commands of the caller, kept during the call. Returns the exit code. */
int cli_main(int argc, char **argv, const struct cli_command *extra, size_t extra_count);

#endif
