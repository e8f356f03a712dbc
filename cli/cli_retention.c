/* SPDX-License-Identifier: Apache-2.0 */
/* Retention, its clock, dispositions, erasures. */
#include <string.h>

#include "base_clock.h"
#include "base_mem.h"
#include "cli_int.h"
#include "cli_time.h"

static const struct cli_column disposition_columns[] = {{"ARCHIVE", "ArchiveName", CLI_TEXT, 30},
    {"STATE", "State", CLI_TEXT, 0}, {"REASON", "Reason", CLI_TEXT, 0},
    {"MESSAGES", "Messages", CLI_COUNT, 0}, {"DESTROYED", "DestroyedMessages", CLI_COUNT, 0},
    {"HELD", "HeldMessages", CLI_COUNT, 0}, {"OLDEST", "OldestTimestamp", CLI_TIME, 0},
    {"NEWEST", "NewestTimestamp", CLI_TIME, 0}, {"ID", "DispositionId", CLI_TEXT, 0},
    {NULL, NULL, CLI_TEXT, 0}};
static const struct cli_column erasure_columns[] = {{"MESSAGE", "ArchivedMessageId", CLI_TEXT, 0},
    {"STATE", "State", CLI_TEXT, 0}, {"REQUESTED BY", "RequestedBy", CLI_TEXT, 30},
    {"DECIDED BY", "DecidedBy", CLI_TEXT, 30}, {"CREATED", "CreatedTimestamp", CLI_TIME, 0},
    {"ID", "ErasureId", CLI_TEXT, 0}, {"REASON", "Reason", CLI_TEXT, 60},
    {NULL, NULL, CLI_TEXT, 0}};

static int
list(struct cli *cli, const char *target, const char *key, const struct cli_column *columns)
{
	struct err err;
	struct json *items = cli_call_pages(cli, target, json_new_object(), key, &err);
	bool ok = items != NULL && cli_print_list(cli, items, columns, &err);

	json_free(&items);
	return ok ? CLI_EXIT_DONE : cli_fail(cli, &err);
}

/* input: taken. done: said when it worked, or NULL: the answer is printed. */
static int
call(struct cli *cli, const char *target, struct json *input, const char *done)
{
	struct err err;
	struct json *output = cli_call(cli, target, input, &err);

	if (output == NULL)
		return cli_fail(cli, &err);
	if (done == NULL)
		cli_print_object(cli, output);
	else
		cli_note("%s %s", cli->args.operands[0], done);
	json_free(&output);
	return CLI_EXIT_DONE;
}

static int
run_preview(struct cli *cli)
{
	struct json *input;
	struct err err;
	char *id = cli_resolve(cli, &cli_noun_archive, cli->args.operands[0], &err);

	if (id == NULL)
		return cli_fail(cli, &err);
	input = json_new_object();
	json_set_str(input, "ArchiveId", id);
	json_set_str(input, "RetentionPeriod", cli->args.operands[1]);
	mem_free(id);
	return call(cli, "Daybook.PreviewRetention", input, NULL);
}

static int
run_confirm_clock(struct cli *cli)
{
	struct clock clock = clock_system();
	struct json *input;
	int64_t known_ms;
	struct err err;

	if (!cli_time_point(cli->args.operands[0], clock_now_ms(&clock), &known_ms, &err) ||
	    !cli_confirm(cli,
		"Is that the time by a clock you trust? What has expired by it is destroyed.",
		&err))
		return cli_fail(cli, &err);
	input = json_new_object();
	json_set_seconds(input, "KnownTimestamp", known_ms);
	return call(cli, "Daybook.ConfirmClock", input, NULL);
}

static int
run_disposition_list(struct cli *cli)
{
	return list(cli, "Daybook.ListDispositions", "Dispositions", disposition_columns);
}

/* The certificate, all pages in one. */
static int
run_disposition_show(struct cli *cli)
{
	struct json *whole = NULL, *input = json_new_object(), *records;
	struct err err;

	json_set_str(input, "DispositionId", cli->args.operands[0]);
	for (bool more = true; more;) {
		struct json *page = cli_call(cli, "Daybook.GetDisposition", json_copy(input), &err);
		const char *token = json_get_str(page, "NextToken");

		if (page == NULL) {
			json_free(&whole);
			json_free(&input);
			return cli_fail(cli, &err);
		}
		more = token != NULL;
		json_set_str(input, "NextToken", token);
		if (whole == NULL) {
			whole = page;
			json_unset(whole, "NextToken");
			continue;
		}
		records = json_get_mutable(whole, "Records");
		for (size_t i = 0; i < json_count(json_find(page, "Records")); i++)
			json_push(records, json_copy(json_at(json_find(page, "Records"), i)));
		json_free(&page);
	}
	json_free(&input);
	cli_print_object(cli, whole);
	json_free(&whole);
	return CLI_EXIT_DONE;
}

static int
decide(struct cli *cli, const char *decision, const char *done)
{
	struct json *input = json_new_object();

	json_set_str(input, "DispositionId", cli->args.operands[0]);
	json_set_str(input, "Decision", decision);
	return call(cli, "Daybook.DecideDisposition", input, done);
}

static int
run_disposition_approve(struct cli *cli)
{
	struct err err;

	if (!cli_confirm(cli, "Destroy what has expired?", &err))
		return cli_fail(cli, &err);
	return decide(cli, "APPROVE", "is approved");
}

static int
run_disposition_reject(struct cli *cli)
{
	return decide(cli, "REJECT", "is rejected");
}

static int
run_erase_request(struct cli *cli)
{
	const char *reason = cli_args_value(&cli->args, "reason");
	struct json *input;
	struct err err;

	if (reason == NULL) {
		(void)ERR(&err, ERR_USAGE, "an erasure needs a --reason");
		return cli_fail(cli, &err);
	}
	input = json_new_object();
	json_set_str(input, "ArchivedMessageId", cli->args.operands[0]);
	json_set_str(input, "Reason", reason);
	return call(cli, "Daybook.RequestErasure", input, NULL);
}

static int
erase_decide(struct cli *cli, const char *target, const char *done)
{
	struct json *input = json_new_object();

	json_set_str(input, "ErasureId", cli->args.operands[0]);
	return call(cli, target, input, done);
}

static int
run_erase_approve(struct cli *cli)
{
	struct err err;

	if (!cli_confirm(cli, "Erase the message? It does not come back.", &err))
		return cli_fail(cli, &err);
	return erase_decide(cli, "Daybook.ApproveErasure", "is approved");
}

static int
run_erase_reject(struct cli *cli)
{
	return erase_decide(cli, "Daybook.RejectErasure", "is rejected");
}

static int
run_erase_list(struct cli *cli)
{
	return list(cli, "Daybook.ListErasures", "Erasures", erasure_columns);
}

static const struct cli_option reason_options[] = {
    {"reason", "TEXT", "why; it stays with the request", false},
    {NULL, NULL, NULL, false},
};

const struct cli_verb cli_retention_verbs[] = {
    {"disposition approve", "let a planned destruction go ahead", "ID", NULL, NULL, 1, 1,
	run_disposition_approve},
    {"disposition list", "list what was, is and will be destroyed", "", NULL, NULL, 0, 0,
	run_disposition_list},
    {"disposition reject", "keep what was planned to be destroyed, for a week", "ID", NULL, NULL, 1,
	1, run_disposition_reject},
    {"disposition show", "one disposition with its certificate", "ID", NULL, NULL, 1, 1,
	run_disposition_show},
    {"erase approve", "erase a message somebody asked to erase", "ID", NULL, NULL, 1, 1,
	run_erase_approve},
    {"erase list", "list the erasures", "", NULL, NULL, 0, 0, run_erase_list},
    {"erase reject", "keep a message somebody asked to erase", "ID", NULL, NULL, 1, 1,
	run_erase_reject},
    {"erase request", "ask for the erasure of one message", "MESSAGE-ID", NULL, reason_options, 1,
	1, run_erase_request},
    {"retention confirm-clock", "say that the machine's clock is right after a jump", "TIME",
	"TIME is the time by a clock you trust, such as 2026-11-24. It must be within a day\n"
	"of what the machine says.\n",
	NULL, 1, 1, run_confirm_clock},
    {"retention preview", "what would go if an archive had another period", "NAME|ID PERIOD", NULL,
	NULL, 2, 2, run_preview},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, NULL},
};
