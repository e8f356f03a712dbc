/* SPDX-License-Identifier: Apache-2.0 */
/* Legal holds. */
#include "base_clock.h"
#include "base_mem.h"
#include "cli_int.h"

static const struct cli_column columns[] = {{"NAME", "HoldName", CLI_TEXT, 40},
    {"STATE", "State", CLI_TEXT, 0}, {"MODE", "Mode", CLI_TEXT, 0},
    {"CREATED", "CreatedTimestamp", CLI_TIME, 0}, {"BY", "CreatedBy", CLI_TEXT, 30},
    {"ID", "HoldId", CLI_TEXT, 0}, {"REASON", "Reason", CLI_TEXT, 60}, {NULL, NULL, CLI_TEXT, 0}};

static struct json *
texts(const char *const *values, size_t count)
{
	struct json *list = json_new_array();

	for (size_t i = 0; i < count; i++)
		json_push(list, json_new_str(values[i]));
	return list;
}

/* Scope: an address, message ids, or whatever filters say. */
static bool
scope_apply(struct cli *cli, struct json *input, struct err *err)
{
	static const char *const times[] = {"last", "since", "until"};
	const char *address = cli_args_value(&cli->args, "address");
	struct json *scope = json_new_object(), *query;
	struct clock clock = clock_system();
	const char *const *ids;
	size_t count = cli_args_values(&cli->args, "message", &ids);
	bool timed = false;

	json_set(input, "Scope", scope);
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
		timed = timed || cli_args_has(&cli->args, times[i]);
	if (address != NULL && count > 0)
		return ERR(err, ERR_USAGE, "--address and --message exclude each other");
	if (address != NULL) {
		json_set_str(scope, "Address", address);
		return true;
	}
	if (count > 0) {
		json_set(scope, "MessageIds", texts(ids, count));
		return true;
	}
	query = json_new_object();
	json_set(scope, "Query", query);
	if (!cli_filter_apply(&cli->args, clock_now_ms(&clock), query, err))
		return false;
	/* Without a word about time a hold is about all time, unlike a search. */
	if (!timed) {
		json_unset(query, "FromTimestamp");
		json_unset(query, "ToTimestamp");
	} else if (!cli_args_has(&cli->args, "until")) {
		json_unset(query, "ToTimestamp");
	}
	return true;
}

static bool
input_make(struct cli *cli, struct json *input, struct err *err)
{
	const char *archive = cli_args_value(&cli->args, "archive");
	struct json *archives;
	char *id;

	json_set_str(input, "HoldName", cli->args.operands[0]);
	json_set_str(input, "Reason", cli_args_value(&cli->args, "reason"));
	json_set_str(input, "Mode", cli_args_has(&cli->args, "static") ? "STATIC" : "DYNAMIC");
	json_set_bool(input, "DryRun", cli_args_has(&cli->args, "dry-run"));
	if (cli_args_value(&cli->args, "reason") == NULL)
		return ERR(err, ERR_USAGE, "a hold needs a --reason");
	if (archive != NULL) {
		id = cli_resolve(cli, &cli_noun_archive, archive, err);
		if (id == NULL)
			return false;
		archives = json_new_array();
		json_push(archives, json_new_str(id));
		json_set(input, "ArchiveIds", archives);
		mem_free(id);
	}
	return scope_apply(cli, input, err);
}

static int
run_create(struct cli *cli)
{
	struct json *input = json_new_object(), *output = NULL;
	struct err err;

	if (input_make(cli, input, &err))
		output = cli_call(cli, "Daybook.CreateHold", input, &err);
	else
		json_free(&input);
	return cli_finish(cli, output, &err);
}

static int
run_list(struct cli *cli)
{
	struct err err;
	struct json *items =
	    cli_call_pages(cli, "Daybook.ListHolds", json_new_object(), "Holds", &err);
	bool ok = items != NULL && cli_print_list(cli, items, columns, &err);

	json_free(&items);
	return ok ? CLI_EXIT_DONE : cli_fail(cli, &err);
}

static int
call_one(struct cli *cli, const char *target, const char *member, const char *value,
    const char *reason, bool print)
{
	struct json *input = json_new_object(), *output;
	struct err err;

	json_set_str(input, member, value);
	json_set_str(input, "Reason", reason);
	output = cli_call(cli, target, input, &err);
	if (output == NULL)
		return cli_fail(cli, &err);
	if (print)
		cli_print_object(cli, output);
	json_free(&output);
	return CLI_EXIT_DONE;
}

static int
run_show(struct cli *cli)
{
	struct err err;
	char *id = cli_resolve(cli, &cli_noun_hold, cli->args.operands[0], &err);
	int code;

	if (id == NULL)
		return cli_fail(cli, &err);
	code = call_one(cli, "Daybook.GetHold", "HoldId", id, NULL, true);
	mem_free(id);
	return code;
}

static int
run_release(struct cli *cli)
{
	const char *reason = cli_args_value(&cli->args, "reason");
	struct err err;
	int code;
	char *id;

	if (reason == NULL) {
		(void)ERR(&err, ERR_USAGE, "a release needs a --reason");
		return cli_fail(cli, &err);
	}
	id = cli_resolve(cli, &cli_noun_hold, cli->args.operands[0], &err);
	if (id == NULL ||
	    !cli_confirm(cli, "Release the hold? What it kept may be destroyed at once.", &err)) {
		mem_free(id);
		return cli_fail(cli, &err);
	}
	code = call_one(cli, "Daybook.ReleaseHold", "HoldId", id, reason, false);
	mem_free(id);
	if (code == CLI_EXIT_DONE)
		cli_note("hold %s is released", cli->args.operands[0]);
	return code;
}

static int
run_why(struct cli *cli)
{
	return call_one(
	    cli, "Daybook.ExplainHold", "ArchivedMessageId", cli->args.operands[0], NULL, true);
}

static const struct cli_option create_options[] = {
    {"reason", "TEXT", "why; it stays with the hold", false},
    {"address", "ADDR", "whoever writes from or to ann@example.net, or @example.net", false},
    {"message", "ID", "this message; repeat for more", true},
    {"static", NULL, "what is there now, and nothing that comes later", false},
    {"dry-run", NULL, "only count what it would hold", false},
    CLI_FILTER_OPTIONS,
    {NULL, NULL, NULL, false},
};

static const struct cli_option release_options[] = {
    {"reason", "TEXT", "why; it stays with the hold", false},
    {NULL, NULL, NULL, false},
};

const struct cli_noun cli_noun_hold = {
    "hold", "Daybook.ListHolds", "Holds", "Daybook.GetHold", "HoldId", "HoldName", columns};

const struct cli_verb cli_hold_verbs[] = {
    {"hold create", "keep messages from being destroyed", "NAME",
	"With filters, an --address or --message ids. Without --archive it is about all\n"
	"archives; without a time about all time, and, unless --static, about mail to come.\n",
	create_options, 1, 1, run_create},
    {"hold list", "list the holds, released ones too", "", NULL, NULL, 0, 0, run_list},
    {"hold release", "end a hold; its record stays", "NAME|ID", NULL, release_options, 1, 1,
	run_release},
    {"hold show", "show one hold and count what it holds now", "NAME|ID", NULL, NULL, 1, 1,
	run_show},
    {"hold why", "why a message is still here, and how long", "MESSAGE-ID", NULL, NULL, 1, 1,
	run_why},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, NULL},
};
