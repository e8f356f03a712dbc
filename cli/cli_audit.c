/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log: who did what, one record of it, and whether it is whole. */
#include "base_clock.h"
#include "base_text.h"
#include "cli_int.h"
#include "cli_time.h"

#define PAGE_MAX 1000

static const struct cli_column columns[] = {{"NUMBER", "Sequence", CLI_COUNT, 0},
    {"TIME", "EventTimestamp", CLI_TIME, 0}, {"WHO", "Principal", CLI_TEXT, 24},
    {"KEY", "AccessKeyId", CLI_TEXT, 24}, {"FROM", "SourceAddress", CLI_TEXT, 40},
    {"OPERATION", "Operation", CLI_TEXT, 48}, {"RESULT", "Result", CLI_TEXT, 32},
    {"REQUEST", "RequestId", CLI_TEXT, 36}, {NULL, NULL, CLI_TEXT, 0}};

static const struct cli_option options[] = {
    {"last", "12h", "of the last 30m, 12h, 7d, 2w", false},
    {"since", "TIME", "at or after; 2026-11-24, yesterday, 12h", false},
    {"until", "TIME", "before", false},
    {"principal", "NAME", "by this principal", false},
    {"operation", "NAME", "this operation: CreateArchive, or with its service", false},
    {"resource", "ID", "calls that named or made this", false},
    {"result", "WORD", "ok, refused, or an exception's name", false},
    {"limit", "N", "at most so many, newest first; 100 when left out", false},
    {NULL, NULL, NULL, false},
};

static bool
point(struct cli *cli, const char *option, int64_t now_ms, struct json *input, const char *member,
    struct err *err)
{
	const char *text = cli_args_value(&cli->args, option);
	int64_t ms;

	if (text == NULL)
		return true;
	if (!cli_time_point(text, now_ms, &ms, err))
		return false;
	json_set_seconds(input, member, ms);
	return true;
}

static bool
filters(struct cli *cli, struct json *input, struct err *err)
{
	struct clock clock = clock_system();
	const char *last = cli_args_value(&cli->args, "last");
	int64_t now_ms = clock_now_ms(&clock), length;

	if (last != NULL &&
	    (cli_args_has(&cli->args, "since") || cli_args_has(&cli->args, "until")))
		return ERR(err, ERR_USAGE, "--last goes without --since and --until");
	if (last != NULL) {
		if (!cli_time_duration(last, &length, err))
			return false;
		json_set_seconds(input, "FromTimestamp", now_ms - length);
	}
	json_set_str(input, "Principal", cli_args_value(&cli->args, "principal"));
	json_set_str(input, "Operation", cli_args_value(&cli->args, "operation"));
	json_set_str(input, "Resource", cli_args_value(&cli->args, "resource"));
	json_set_str(input, "Result", cli_args_value(&cli->args, "result"));
	return point(cli, "since", now_ms, input, "FromTimestamp", err) &&
	       point(cli, "until", now_ms, input, "ToTimestamp", err);
}

/* Pages, until there are as many as wanted. */
static struct json *
fetch(
    struct cli *cli, struct json *input, long limit, bool *more, int64_t *damaged, struct err *err)
{
	struct json *all = json_new_array();

	*more = true;
	while (*more && (long)json_count(all) < limit) {
		long left = limit - (long)json_count(all);
		struct json *output;
		const struct json *items;

		json_set_integer(input, "PageSize", left < PAGE_MAX ? left : PAGE_MAX);
		output = cli_call(cli, "Daybook.ListAuditEvents", json_copy(input), err);
		if (output == NULL) {
			json_free(&all);
			return NULL;
		}
		items = json_find(output, "AuditEvents");
		for (size_t i = 0; i < json_count(items); i++)
			json_push(all, json_copy(json_at(items, i)));
		*damaged += json_get_integer(output, "DamagedCount", 0);
		*more = json_get_str(output, "NextToken") != NULL;
		json_set_str(input, "NextToken", json_get_str(output, "NextToken"));
		json_free(&output);
	}
	return all;
}

static int
run_list(struct cli *cli)
{
	struct json *input = json_new_object(), *items = NULL;
	int64_t damaged = 0;
	bool more = false, ok;
	struct err err;
	long limit;

	ok = cli_args_number(&cli->args, "limit", 1, 1000000, 100, &limit, &err) &&
	     filters(cli, input, &err);
	if (ok)
		items = fetch(cli, input, limit, &more, &damaged, &err);
	ok = items != NULL && cli_print_list(cli, items, columns, &err);
	json_free(&input);
	if (ok && more)
		cli_close_with(cli, "%zu records; there are more (--limit N)", json_count(items));
	if (ok && damaged > 0)
		cli_close_with(cli, "%lld places in the log cannot be read: daybook audit verify",
		    (long long)damaged);
	json_free(&items);
	if (!ok)
		return cli_fail(cli, &err);
	return damaged > 0 ? CLI_EXIT_INTEGRITY : CLI_EXIT_DONE;
}

static int
run_show(struct cli *cli)
{
	struct json *input, *output;
	uint64_t number;
	struct err err;

	if (!text_u64_parse(&number, bytes_of_str(cli->args.operands[0])) || number == 0 ||
	    number > INT64_MAX) {
		(void)ERR(
		    &err, ERR_USAGE, "%.40s is not the number of a record", cli->args.operands[0]);
		return cli_fail(cli, &err);
	}
	input = json_new_object();
	json_set_integer(input, "Sequence", (int64_t)number);
	output = cli_call(cli, "Daybook.GetAuditEvent", input, &err);
	if (output == NULL)
		return cli_fail(cli, &err);
	cli_print_object(cli, json_find(output, "AuditEvent"));
	json_free(&output);
	return CLI_EXIT_DONE;
}

static int
run_verify(struct cli *cli)
{
	struct err err;
	struct json *output = cli_call(cli, "Daybook.VerifyAuditLog", json_new_object(), &err);
	const struct json *problems = json_find(output, "Problems");
	int64_t count = json_get_integer(output, "ProblemCount", 0);

	if (output == NULL)
		return cli_fail(cli, &err);
	if (cli->format.form == CLI_FORM_TABLE || cli->format.form == CLI_FORM_PLAIN) {
		for (size_t i = 0; i < json_count(problems); i++)
			buf_printf(&cli->out, "%s\n", json_str(json_at(problems, i)));
		buf_printf(&cli->out, "%lld records checked, %lld problems\n",
		    (long long)json_get_integer(output, "RecordCount", 0), (long long)count);
	} else {
		cli_print_object(cli, output);
	}
	json_free(&output);
	return count > 0 ? CLI_EXIT_INTEGRITY : CLI_EXIT_DONE;
}

const struct cli_verb cli_audit_verbs[] = {
    {"audit list", "who did what, newest first", "",
	"Every call of the management API leaves one record: searches, views and downloads as well "
	"as changes,\nand what was refused.\n",
	options, 0, 0, run_list},
    {"audit show", "one record of the audit log, with its parameters", "NUMBER", NULL, NULL, 1, 1,
	run_show},
    {"audit verify", "check the seals and the chain of the audit log", "",
	"Each problem is a line that names file and place. Ends with 8 when there is one.\n", NULL,
	0, 0, run_verify},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, NULL},
};
