/* SPDX-License-Identifier: Apache-2.0 */
/* What is listed and shown by name or id: archives, rule sets, traffic policies, ingress endpoints. */
#include <string.h>

#include "base_mem.h"
#include "base_text.h"
#include "cli_int.h"

#define NAMES_MAX 1000

static const struct cli_column pack_columns[] = {{"NAME", "ArchiveName", CLI_TEXT, 0},
    {"STATE", "ArchiveState", CLI_TEXT, 0}, {"UPDATED", "LastUpdatedTimestamp", CLI_TIME, 0},
    {"ID", "ArchiveId", CLI_TEXT, 0}, {NULL, NULL, CLI_TEXT, 0}};
static const struct cli_column rules_columns[] = {{"NAME", "RuleSetName", CLI_TEXT, 0},
    {"UPDATED", "LastModificationDate", CLI_TIME, 0}, {"ID", "RuleSetId", CLI_TEXT, 0},
    {NULL, NULL, CLI_TEXT, 0}};
static const struct cli_column policy_columns[] = {{"NAME", "TrafficPolicyName", CLI_TEXT, 0},
    {"DEFAULT", "DefaultAction", CLI_TEXT, 0}, {"ID", "TrafficPolicyId", CLI_TEXT, 0},
    {NULL, NULL, CLI_TEXT, 0}};
static const struct cli_column endpoint_columns[] = {{"NAME", "IngressPointName", CLI_TEXT, 0},
    {"STATUS", "Status", CLI_TEXT, 0}, {"TYPE", "Type", CLI_TEXT, 0},
    {"ADDRESS", "ARecord", CLI_TEXT, 0}, {"ID", "IngressPointId", CLI_TEXT, 0},
    {NULL, NULL, CLI_TEXT, 0}};

const struct cli_noun cli_noun_archive = {"archive", "MailManagerSvc.ListArchives", "Archives",
    "MailManagerSvc.GetArchive", "ArchiveId", "ArchiveName", pack_columns};
const struct cli_noun cli_noun_rules = {"rule set", "MailManagerSvc.ListRuleSets", "RuleSets",
    "MailManagerSvc.GetRuleSet", "RuleSetId", "RuleSetName", rules_columns};
const struct cli_noun cli_noun_policy = {"traffic policy", "MailManagerSvc.ListTrafficPolicies",
    "TrafficPolicies", "MailManagerSvc.GetTrafficPolicy", "TrafficPolicyId", "TrafficPolicyName",
    policy_columns};
const struct cli_noun cli_noun_endpoint = {"ingress endpoint", "MailManagerSvc.ListIngressPoints",
    "IngressPoints", "MailManagerSvc.GetIngressPoint", "IngressPointId", "IngressPointName",
    endpoint_columns};

static bool
is_member(const struct json *item, const char *key, const char *text)
{
	const char *value = json_get_str(item, key);

	return value != NULL && strcmp(value, text) == 0;
}

static bool
nothing_named(
    const struct cli_noun *noun, const struct json *items, const char *text, struct err *err)
{
	const char **names = mem_calloc(NAMES_MAX + 1, sizeof *names);
	const char *near;
	size_t n = 0;

	for (size_t i = 0; i < json_count(items) && n < NAMES_MAX; i++) {
		names[n] = json_get_str(json_at(items, i), noun->name);
		n += names[n] != NULL;
	}
	near = text_suggest(text, names);
	if (near != NULL)
		(void)ERR(err, ERR_NOT_FOUND, "no %s is named %.60s (did you mean %.60s?)",
		    noun->noun, text, near);
	else
		(void)ERR(err, ERR_NOT_FOUND, "no %s is named %.60s", noun->noun, text);
	mem_free(names);
	return false;
}

char *
cli_resolve(struct cli *cli, const struct cli_noun *noun, const char *text, struct err *err)
{
	struct json *items =
	    cli_call_pages(cli, noun->list, json_new_object(), noun->list_key, err);
	const struct json *found = NULL;
	size_t named = 0;
	char *id = NULL;

	if (items == NULL)
		return NULL;
	for (size_t i = 0; i < json_count(items); i++) {
		const struct json *item = json_at(items, i);

		if (is_member(item, noun->id, text)) {
			found = item;
			named = 1;
			break;
		}
		if (is_member(item, noun->name, text)) {
			found = item;
			named++;
		}
	}
	if (named > 1)
		(void)ERR(err, ERR_USAGE, "%zu of them are named %.60s: use the id", named, text);
	else if (found == NULL)
		(void)nothing_named(noun, items, text, err);
	else
		id = mem_strdup(json_get_str(found, noun->id));
	json_free(&items);
	return id;
}

char *
cli_archive_of(struct cli *cli, struct err *err)
{
	const char *wanted = cli_args_value(&cli->args, "archive");
	struct json *items;
	size_t active = 0;
	char *id = NULL;

	if (wanted != NULL)
		return cli_resolve(cli, &cli_noun_archive, wanted, err);
	items = cli_call_pages(cli, cli_noun_archive.list, json_new_object(), "Archives", err);
	if (items == NULL)
		return NULL;
	for (size_t i = 0; i < json_count(items); i++) {
		const struct json *item = json_at(items, i);

		if (!is_member(item, "ArchiveState", "ACTIVE"))
			continue;
		active++;
		if (id == NULL)
			id = mem_strdup(json_get_str(item, "ArchiveId"));
	}
	json_free(&items);
	if (active == 1)
		return id;
	mem_free(id);
	if (active == 0)
		(void)ERR(
		    err, ERR_NOT_FOUND, "there is no archive yet: daybook archive create NAME");
	else
		(void)ERR(err, ERR_USAGE, "there are %zu archives: say --archive NAME", active);
	return NULL;
}

static int
run_list(struct cli *cli, const struct cli_noun *noun)
{
	struct err err;
	struct json *items =
	    cli_call_pages(cli, noun->list, json_new_object(), noun->list_key, &err);
	bool ok = items != NULL && cli_print_list(cli, items, noun->columns, &err);

	if (ok && json_count(items) == 0 && cli->terminal)
		cli_note("no %s", noun->noun);
	json_free(&items);
	return ok ? CLI_EXIT_DONE : cli_fail(cli, &err);
}

static int
run_show(struct cli *cli, const struct cli_noun *noun)
{
	struct json *input, *output = NULL;
	struct err err;
	char *id = cli_resolve(cli, noun, cli->args.operands[0], &err);

	if (id != NULL) {
		input = json_new_object();
		json_set_str(input, noun->id, id);
		output = cli_call(cli, noun->get, input, &err);
	}
	mem_free(id);
	return cli_finish(cli, output, &err);
}

static int
run_archive_list(struct cli *cli)
{
	return run_list(cli, &cli_noun_archive);
}

static int
run_archive_show(struct cli *cli)
{
	return run_show(cli, &cli_noun_archive);
}

static int
run_rules_list(struct cli *cli)
{
	return run_list(cli, &cli_noun_rules);
}

static int
run_rules_show(struct cli *cli)
{
	return run_show(cli, &cli_noun_rules);
}

static int
run_policy_list(struct cli *cli)
{
	return run_list(cli, &cli_noun_policy);
}

static int
run_policy_show(struct cli *cli)
{
	return run_show(cli, &cli_noun_policy);
}

static int
run_endpoint_list(struct cli *cli)
{
	return run_list(cli, &cli_noun_endpoint);
}

static int
run_endpoint_show(struct cli *cli)
{
	return run_show(cli, &cli_noun_endpoint);
}

const struct cli_verb cli_resource_verbs[] = {
    {"archive list", "list the archives", "", NULL, NULL, 0, 0, run_archive_list},
    {"archive show", "show one archive", "NAME|ID", NULL, NULL, 1, 1, run_archive_show},
    {"endpoint list", "list the ingress endpoints", "", NULL, NULL, 0, 0, run_endpoint_list},
    {"endpoint show", "show one ingress endpoint", "NAME|ID", NULL, NULL, 1, 1, run_endpoint_show},
    {"policy list", "list the traffic policies", "", NULL, NULL, 0, 0, run_policy_list},
    {"policy show", "show one traffic policy", "NAME|ID", NULL, NULL, 1, 1, run_policy_show},
    {"rules list", "list the rule sets", "", NULL, NULL, 0, 0, run_rules_list},
    {"rules show", "show one rule set with its rules", "NAME|ID", NULL, NULL, 1, 1, run_rules_show},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, NULL},
};
