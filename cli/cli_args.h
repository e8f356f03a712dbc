/* SPDX-License-Identifier: Apache-2.0 */
/* Options and operands: --name value, --name=value, -h, -o FILE, and "--" before operands that begin with a dash. */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base_err.h"

#define CLI_OPTIONS_MAX  48
#define CLI_VALUES_MAX   10 /* of one repeatable option */
#define CLI_OPERANDS_MAX 8

struct cli_option {
	const char *name;  /* without dashes; NULL ends a table */
	const char *value; /* what help calls its value; NULL: a flag */
	const char *help;
	bool repeat; /* up to CLI_VALUES_MAX times; otherwise once */
};

/* Strings are argv's own. */
struct cli_args {
	const struct cli_option *options[CLI_OPTIONS_MAX];
	size_t option_count;
	const char *values[CLI_OPTIONS_MAX][CLI_VALUES_MAX];
	size_t counts[CLI_OPTIONS_MAX];
	const char *operands[CLI_OPERANDS_MAX];
	size_t operand_count;
};

/* cli_args_parse: argv[1] and on, against two tables (either NULL). fails ERR_USAGE, with a suggestion. */
MUST_USE bool cli_args_parse(const struct cli_option *own, const struct cli_option *common,
    int argc, char **argv, struct cli_args *out, struct err *err);
bool cli_args_has(const struct cli_args *a, const char *name);
/* cli_args_value: the first value, or NULL. */
const char *cli_args_value(const struct cli_args *a, const char *name);
/* cli_args_values: all of them; *out is set when the count is not 0. */
size_t cli_args_values(const struct cli_args *a, const char *name, const char *const **out);
/* cli_args_number: value of name as a number in [min, max]; absent: otherwise. ERR_USAGE. */
MUST_USE bool cli_args_number(const struct cli_args *a, const char *name, long min, long max,
    long otherwise, long *out, struct err *err);

#endif
