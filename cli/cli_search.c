/* SPDX-License-Identifier: Apache-2.0 */
/* Search: start, wait, print, and say how much of the truth was printed. */
#include <string.h>

#include "base_clock.h"
#include "base_mem.h"
#include "base_time.h"
#include "cli_int.h"

#define POLL_MS_FIRST 20
#define POLL_MS_MAX   500
#define LIMIT_DEFAULT 100

static const struct cli_column columns[] = {{"RECEIVED", "ReceivedTimestamp", CLI_TIME, 0},
    {"FROM", "From", CLI_TEXT, 32}, {"TO", "To", CLI_TEXT, 32},
    {"SUBJECT", "Subject", CLI_TEXT, 48}, {"ATTACHMENTS", "HasAttachments", CLI_YES, 0},
    {"ID", "ArchivedMessageId", CLI_TEXT, 0}, {NULL, NULL, CLI_TEXT, 0}};

static const struct cli_option options[] = {
    CLI_FILTER_OPTIONS,
    {"limit", "N", "at most so many messages, newest first: 1 to 1000; 100 when left out", false},
    {"fail-empty", NULL, "end with 4 when nothing is found", false},
    {NULL, NULL, NULL, false},
};

/* Waits for the end of a search. */
static bool
wait_search(struct cli *cli, const char *id, struct err *err)
{
	int64_t pause_ms = POLL_MS_FIRST;

	for (;;) {
		struct json *input = json_new_object(), *output;
		const char *state, *message;
		bool over, ok;

		json_set_str(input, "SearchId", id);
		output = cli_call(cli, "MailManagerSvc.GetArchiveSearch", input, err);
		if (output == NULL)
			return false;
		state = json_get_str(json_find(output, "Status"), "State");
		message = json_get_str(json_find(output, "Status"), "ErrorMessage");
		ok = state != NULL && strcmp(state, "COMPLETED") == 0;
		over = state == NULL ||
		       (strcmp(state, "QUEUED") != 0 && strcmp(state, "RUNNING") != 0);
		if (over && !ok)
			(void)ERR(err, ERR_IO, "the search ended as %.40s: %.100s",
			    state != NULL ? state : "unknown",
			    message != NULL ? message : "no reason given");
		json_free(&output);
		if (over)
			return ok;
		cli_pause(pause_ms);
		pause_ms = pause_ms * 2 < POLL_MS_MAX ? pause_ms * 2 : POLL_MS_MAX;
	}
}

static struct json *
start(struct cli *cli, long limit, int64_t now_ms, struct err *err)
{
	struct json *input = json_new_object(), *started, *output = NULL;
	char *archive;

	json_set_integer(input, "MaxResults", limit);
	if (!cli_filter_apply(&cli->args, now_ms, input, err)) {
		json_free(&input);
		return NULL;
	}
	archive = cli_archive_of(cli, err);
	if (archive == NULL) {
		json_free(&input);
		return NULL;
	}
	json_set_str(input, "ArchiveId", archive);
	mem_free(archive);
	started = cli_call(cli, "MailManagerSvc.StartArchiveSearch", input, err);
	if (started == NULL)
		return NULL;
	if (json_get_str(started, "SearchId") == NULL) {
		(void)ERR(err, ERR_SYNTAX, "the server's answer has no SearchId");
	} else if (wait_search(cli, json_get_str(started, "SearchId"), err)) {
		input = json_new_object();
		json_set_str(input, "SearchId", json_get_str(started, "SearchId"));
		output = cli_call(cli, "MailManagerSvc.GetArchiveSearchResults", input, err);
	}
	json_free(&started);
	return output;
}

/* Rows are at most limit; the service does not say whether there are more. */
static void
note_end(struct cli *cli, size_t found, long limit, int64_t took_ms)
{
	const char *noun = found == 1 ? "message" : "messages";

	if ((long)found >= limit)
		cli_close_with(cli,
		    "%zu %s; %lld ms; more may match: the limit of %ld is reached (--limit N, up "
		    "to 1000)",
		    found, noun, (long long)took_ms, limit);
	else
		cli_close_with(
		    cli, "%zu %s; %lld ms; that is all of them", found, noun, (long long)took_ms);
}

static int
run_search(struct cli *cli)
{
	struct clock clock = clock_system();
	int64_t began_ms = clock_mono_ms(&clock);
	struct json *output = NULL;
	const struct json *rows;
	struct err err;
	size_t found;
	long limit;

	if (cli_args_number(&cli->args, "limit", 1, 1000, LIMIT_DEFAULT, &limit, &err))
		output = start(cli, limit, clock_now_ms(&clock), &err);
	rows = json_find(output, "Rows");
	found = json_count(rows);
	if (output == NULL || (found > 0 && !cli_print_list(cli, rows, columns, &err))) {
		json_free(&output);
		return cli_fail(cli, &err);
	}
	if (found == 0 && cli->format.form == CLI_FORM_JSON)
		buf_append_str(&cli->out, "[]\n");
	json_free(&output);
	note_end(cli, found, limit, clock_mono_ms(&clock) - began_ms);
	return found == 0 && cli_args_has(&cli->args, "fail-empty") ? CLI_EXIT_NOT_FOUND
								    : CLI_EXIT_DONE;
}

const struct cli_verb cli_search_verbs[] = {
    {"search", "find messages in an archive", "",
	"Every option narrows the search; values of one option are alternatives. TEXT is found "
	"anywhere\n"
	"in the decoded field, whatever its case. Without --last, --since and --until the last 30 "
	"days are\n"
	"searched. Searching somebody's mail is reading over somebody's shoulder: do it for a "
	"reason you\n"
	"could give.\n",
	options, 0, 0, run_search},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, NULL},
};
