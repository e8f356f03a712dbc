/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands share: calling, printing, asking, ending. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base_clock.h"
#include "base_limits.h"
#include "base_mem.h"
#include "cli_int.h"
#include "cli_width.h"

#define PAGES_MAX   1000
#define COLUMNS_MAX 16

enum cli_exit
cli_exit_of(enum err_code code)
{
	switch (code) {
	case ERR_NONE:
		return CLI_EXIT_DONE;
	case ERR_USAGE:
		return CLI_EXIT_USAGE;
	case ERR_NOT_FOUND:
		return CLI_EXIT_NOT_FOUND;
	case ERR_DENIED:
		return CLI_EXIT_DENIED;
	case ERR_EXISTS:
	case ERR_BUSY:
		return CLI_EXIT_CONFLICT;
	case ERR_TIMEOUT:
		return CLI_EXIT_UNREACHABLE;
	case ERR_CORRUPT:
		return CLI_EXIT_INTEGRITY;
	case ERR_CANCELLED:
		return CLI_EXIT_INTERRUPTED;
	case ERR_REFUSED:
		return CLI_EXIT_REFUSED;
	case ERR_SYNTAX:
	case ERR_LIMIT:
	case ERR_IO:
	case ERR_NO_SPACE:
	case ERR_SEALED:
	case ERR_UNSUPPORTED:
		break;
	}
	return CLI_EXIT_FAILED;
}

void
cli_note(const char *format, ...)
{
	struct buf safe;
	char text[2048];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	buf_init(&safe, LIMIT_MIB);
	cli_width_append_safe(&safe, bytes_of_str(text), SIZE_MAX, true);
	(void)fprintf(stderr, "%s\n", buf_text(&safe));
	buf_fini(&safe);
}

void
cli_close_with(struct cli *cli, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	buf_printf(&cli->closing, "%s%s", cli->closing.len > 0 ? "\n" : "", text);
}

int
cli_fail(const struct cli *cli, const struct err *err)
{
	cli_note("daybook: %s", err->msg);
	if (err->code == ERR_USAGE)
		cli_note("daybook %s --help says how", cli->command);
	return (int)cli_exit_of(err->code);
}

bool
cli_client_of(struct cli *cli, struct err *err)
{
	const char *data = cli_args_value(&cli->args, "data"),
		   *endpoint = cli_args_value(&cli->args, "endpoint");
	const char *region = cli_args_value(&cli->args, "region");
	struct cli_client_options o = {.data_dir = data != NULL ? data : getenv("DAYBOOK_DATA"),
	    .endpoint = endpoint != NULL ? endpoint : getenv("DAYBOOK_ENDPOINT"),
	    .profile = cli_args_value(&cli->args, "profile"),
	    .region = region != NULL ? region : getenv("AWS_REGION")};

	if (cli->client != NULL)
		return true;
	if (o.data_dir == NULL)
		o.data_dir = "/var/lib/daybook";
	/* --data on the command line means the local server, whatever the environment says. */
	if (data != NULL && endpoint == NULL)
		o.endpoint = NULL;
	if (o.region == NULL)
		o.region = getenv("AWS_DEFAULT_REGION");
	if (o.region == NULL)
		o.region = "us-east-1";
	return cli_client_open(&o, &cli->client, err);
}

struct json *
cli_call(struct cli *cli, const char *target, struct json *input, struct err *err)
{
	struct json *output =
	    cli_client_of(cli, err) ? cli_client_call(cli->client, target, input, err) : NULL;

	json_free(&input);
	return output;
}

struct json *
cli_call_pages(
    struct cli *cli, const char *target, struct json *input, const char *key, struct err *err)
{
	struct json *all = json_new_array();

	for (int page = 0; page < PAGES_MAX; page++) {
		struct json *output = cli_call(cli, target, json_copy(input), err);
		const struct json *items = json_find(output, key);
		const char *token = json_get_str(output, "NextToken");
		bool more = token != NULL && token[0] != '\0';

		if (output == NULL) {
			json_free(&all);
			break;
		}
		for (size_t i = 0; i < json_count(items); i++)
			json_push(all, json_copy(json_at(items, i)));
		if (more)
			json_set_str(input, "NextToken", token);
		json_free(&output);
		if (!more)
			break;
	}
	json_free(&input);
	return all;
}

bool
cli_print_list(
    struct cli *cli, const struct json *items, const struct cli_column *columns, struct err *err)
{
	const char *wanted = cli_args_value(&cli->args, "columns");
	struct cli_column picked[COLUMNS_MAX];

	if (wanted != NULL && !cli_columns_pick(columns, wanted, picked, COLUMNS_MAX, err))
		return false;
	cli_format_list(items, wanted != NULL ? picked : columns, &cli->format, &cli->out);
	return true;
}

void
cli_print_object(struct cli *cli, const struct json *object)
{
	switch (cli->format.form) {
	case CLI_FORM_TABLE:
	case CLI_FORM_PLAIN:
	case CLI_FORM_CSV:
	case CLI_FORM_TSV:
		cli_format_object(object, &cli->out);
		break;
	case CLI_FORM_JSON:
		json_print_pretty(object, &cli->out);
		buf_append_byte(&cli->out, '\n');
		break;
	case CLI_FORM_JSONL:
		json_print(object, &cli->out);
		buf_append_byte(&cli->out, '\n');
		break;
	}
}

int
cli_finish(struct cli *cli, struct json *output, const struct err *err)
{
	if (output == NULL)
		return cli_fail(cli, err);
	cli_print_object(cli, output);
	json_free(&output);
	return CLI_EXIT_DONE;
}

bool
cli_confirm(struct cli *cli, const char *question, struct err *err)
{
	char line[16] = "";

	if (cli_args_has(&cli->args, "yes"))
		return true;
	if (isatty(STDIN_FILENO) == 0)
		return ERR(
		    err, ERR_USAGE, "this is not undone: add --yes to do it without being asked");
	(void)fprintf(stderr, "%s Type yes: ", question);
	(void)fflush(stderr);
	if (fgets(line, sizeof line, stdin) == NULL || strcmp(line, "yes\n") != 0)
		return ERR(err, ERR_CANCELLED, "nothing was done");
	return true;
}

void
cli_pause(int64_t ms)
{
	struct timespec left = {
	    .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

	while (nanosleep(&left, &left) != 0 && errno == EINTR)
		continue;
}

bool
cli_talk_terminal(void)
{
	return isatty(STDERR_FILENO) != 0;
}
