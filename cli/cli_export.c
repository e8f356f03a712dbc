/* SPDX-License-Identifier: Apache-2.0 */
/* Exports: started, watched, cancelled. */
#include <string.h>

#include "base_clock.h"
#include "base_mem.h"
#include "cli_int.h"

#define POLL_MS_TERMINAL 500
#define POLL_MS_QUIET    2000
#define QUIET_NOTE_MS    60000 /* a plain line a minute where nobody watches */
#define EXPORT_MAX       250000

static const struct cli_column columns[] = {
    {"SUBMITTED", "Status.SubmissionTimestamp", CLI_TIME, 0},
    {"STATE", "Status.State", CLI_TEXT, 0},
    {"COMPLETED", "Status.CompletionTimestamp", CLI_TIME, 0},
    {"ERROR", "Status.ErrorMessage", CLI_TEXT, 60}, {"ID", "ExportId", CLI_TEXT, 0},
    {NULL, NULL, CLI_TEXT, 0}};

static const struct cli_option create_options[] = {
    CLI_FILTER_OPTIONS,
    {"destination", "s3://BUCKET/PREFIX", "where the messages go", false},
    {"include-metadata", NULL, "a JSON file beside each message", false},
    {"limit", "N", "at most so many messages", false},
    {"wait", NULL, "wait for the end and show progress", false},
    {NULL, NULL, NULL, false},
};
static const struct cli_option list_options[] = {
    {"archive", "NAME|ID", "the archive; may be left out when there is one", false},
    {NULL, NULL, NULL, false},
};

static struct json *
get_export(struct cli *cli, const char *id, struct err *err)
{
	struct json *input = json_new_object();

	json_set_str(input, "ExportId", id);
	return cli_call(cli, "MailManagerSvc.GetArchiveExport", input, err);
}

static bool
is_running(const char *state)
{
	return strcmp(state, "QUEUED") == 0 || strcmp(state, "PREPROCESSING") == 0 ||
	       strcmp(state, "PROCESSING") == 0;
}

static void
show_progress(const char *state, int64_t elapsed_ms, int64_t *noted_ms)
{
	if (cli_talk_terminal()) {
		(void)fprintf(stderr, "\r[%lld:%02lld] %-13s", (long long)(elapsed_ms / 60000),
		    (long long)(elapsed_ms / 1000 % 60), state);
		(void)fflush(stderr);
	} else if (elapsed_ms - *noted_ms >= QUIET_NOTE_MS) {
		*noted_ms = elapsed_ms;
		cli_note("%s, %lld s", state, (long long)(elapsed_ms / 1000));
	}
}

/* Watches until the end. Interrupting the watcher leaves the export alone. */
static int
watch(struct cli *cli, const char *id)
{
	struct clock clock = clock_system();
	int64_t began_ms = clock_mono_ms(&clock), noted_ms = 0;
	struct json *output;
	const char *state;
	struct err err;
	int code;

	cli_note(
	    "export %s; Ctrl-C stops watching, not the export (daybook export cancel does)", id);
	for (;;) {
		output = get_export(cli, id, &err);
		if (output == NULL)
			return cli_fail(cli, &err);
		state = json_get_str(json_find(output, "Status"), "State");
		if (state == NULL || !is_running(state))
			break;
		show_progress(state, clock_mono_ms(&clock) - began_ms, &noted_ms);
		json_free(&output);
		cli_pause(cli_talk_terminal() ? POLL_MS_TERMINAL : POLL_MS_QUIET);
	}
	if (cli_talk_terminal())
		(void)fputc('\n', stderr);
	code = state != NULL && strcmp(state, "COMPLETED") == 0 ? CLI_EXIT_DONE : CLI_EXIT_FAILED;
	cli_print_object(cli, output);
	json_free(&output);
	return code;
}

/* What the options ask for; NULL: err is filled. */
static struct json *
create_input(struct cli *cli, const char *to, struct err *err)
{
	struct clock clock = clock_system();
	struct json *input = json_new_object(), *s3 = json_new_object(), *where = json_new_object();
	char *archive = NULL;
	long limit;

	json_set_str(s3, "S3Location", to);
	json_set(where, "S3", s3);
	json_set(input, "ExportDestinationConfiguration", where);
	json_set_bool(input, "IncludeMetadata", cli_args_has(&cli->args, "include-metadata"));
	if (cli_args_number(&cli->args, "limit", 1, EXPORT_MAX, 0, &limit, err) &&
	    cli_filter_apply(&cli->args, clock_now_ms(&clock), input, err))
		archive = cli_archive_of(cli, err);
	if (archive == NULL) {
		json_free(&input);
		return NULL;
	}
	if (limit > 0)
		json_set_integer(input, "MaxResults", limit);
	json_set_str(input, "ArchiveId", archive);
	mem_free(archive);
	return input;
}

static int
run_create(struct cli *cli)
{
	const char *to = cli_args_value(&cli->args, "destination"), *id;
	struct json *input, *output = NULL;
	struct err err;
	int code = CLI_EXIT_DONE;

	if (to == NULL) {
		(void)ERR(&err, ERR_USAGE, "--destination s3://BUCKET/PREFIX is missing");
		return cli_fail(cli, &err);
	}
	input = create_input(cli, to, &err);
	if (input != NULL)
		output = cli_call(cli, "MailManagerSvc.StartArchiveExport", input, &err);
	if (output == NULL)
		return cli_fail(cli, &err);
	id = json_get_str(output, "ExportId");
	if (id != NULL && cli_args_has(&cli->args, "wait"))
		code = watch(cli, id);
	else
		cli_print_object(cli, output);
	json_free(&output);
	return code;
}

static int
run_list(struct cli *cli)
{
	struct json *input = json_new_object(), *items = NULL;
	struct err err;
	char *archive = cli_archive_of(cli, &err);
	bool ok;

	if (archive != NULL) {
		json_set_str(input, "ArchiveId", archive);
		items = cli_call_pages(
		    cli, "MailManagerSvc.ListArchiveExports", input, "Exports", &err);
	} else {
		json_free(&input);
	}
	mem_free(archive);
	ok = items != NULL && cli_print_list(cli, items, columns, &err);
	json_free(&items);
	return ok ? CLI_EXIT_DONE : cli_fail(cli, &err);
}

static int
run_show(struct cli *cli)
{
	struct err err;
	struct json *output = get_export(cli, cli->args.operands[0], &err);

	return cli_finish(cli, output, &err);
}

static int
run_cancel(struct cli *cli)
{
	struct json *input = json_new_object(), *output;
	struct err err;

	json_set_str(input, "ExportId", cli->args.operands[0]);
	output = cli_call(cli, "MailManagerSvc.StopArchiveExport", input, &err);
	if (output == NULL)
		return cli_fail(cli, &err);
	json_free(&output);
	cli_note("export %s is cancelled; what it has written stays", cli->args.operands[0]);
	return CLI_EXIT_DONE;
}

static int
run_watch(struct cli *cli)
{
	return watch(cli, cli->args.operands[0]);
}

const struct cli_verb cli_export_verbs[] = {
    {"export cancel", "stop an export", "ID", NULL, NULL, 1, 1, run_cancel},
    {"export create", "write messages to an object store", "",
	"Every option narrows what is exported, as in daybook search.\n", create_options, 0, 0,
	run_create},
    {"export list", "list the exports of an archive", "", NULL, list_options, 0, 0, run_list},
    {"export show", "show one export", "ID", NULL, NULL, 1, 1, run_show},
    {"export watch", "wait for the end of an export", "ID", NULL, NULL, 1, 1, run_watch},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, NULL},
};
