/* SPDX-License-Identifier: Apache-2.0 */
/* Access keys for AWS SDKs and tools. */
#include "cli_int.h"

static const struct cli_column columns[] = {{"ID", "AccessKeyId", CLI_TEXT, 0},
    {"PRINCIPAL", "Principal", CLI_TEXT, 0}, {"STATUS", "Status", CLI_TEXT, 0},
    {"CREATED", "CreatedTimestamp", CLI_TIME, 0}, {NULL, NULL, CLI_TEXT, 0}};

static int
run_list(struct cli *cli)
{
	struct err err;
	struct json *items =
	    cli_call_pages(cli, "Daybook.ListAccessKeys", json_new_object(), "AccessKeys", &err);
	bool ok = items != NULL && cli_print_list(cli, items, columns, &err);

	json_free(&items);
	return ok ? CLI_EXIT_DONE : cli_fail(cli, &err);
}

static int
run_create(struct cli *cli)
{
	struct err err;
	struct json *output = cli_call(cli, "Daybook.CreateAccessKey", json_new_object(), &err);
	const char *id = json_get_str(output, "AccessKeyId"),
		   *secret = json_get_str(output, "SecretAccessKey");

	if (output == NULL)
		return cli_fail(cli, &err);
	/* For people: what ~/.aws/credentials wants, ready to be pasted. */
	if (cli->format.form == CLI_FORM_TABLE && id != NULL && secret != NULL)
		buf_printf(&cli->out,
		    "[daybook]\naws_access_key_id = %s\naws_secret_access_key = %s\n", id, secret);
	else
		cli_print_object(cli, output);
	cli_note("the secret is shown this once; these lines belong into ~/.aws/credentials");
	json_free(&output);
	return CLI_EXIT_DONE;
}

static int
change(struct cli *cli, const char *target, const char *status, const char *done)
{
	struct json *input = json_new_object(), *output;
	struct err err;

	json_set_str(input, "AccessKeyId", cli->args.operands[0]);
	json_set_str(input, "Status", status);
	output = cli_call(cli, target, input, &err);
	if (output == NULL)
		return cli_fail(cli, &err);
	json_free(&output);
	cli_note("access key %s is %s", cli->args.operands[0], done);
	return CLI_EXIT_DONE;
}

static int
run_activate(struct cli *cli)
{
	return change(cli, "Daybook.UpdateAccessKey", "Active", "active");
}

static int
run_deactivate(struct cli *cli)
{
	return change(cli, "Daybook.UpdateAccessKey", "Inactive", "inactive");
}

static int
run_delete(struct cli *cli)
{
	struct err err;

	if (!cli_confirm(cli, "Delete the access key? Whoever uses it is locked out.", &err))
		return cli_fail(cli, &err);
	return change(cli, "Daybook.DeleteAccessKey", NULL, "deleted");
}

const struct cli_verb cli_access_key_verbs[] = {
    {"access-key activate", "let an access key in again", "ID", NULL, NULL, 1, 1, run_activate},
    {"access-key create", "make an access key and show its secret once", "", NULL, NULL, 0, 0,
	run_create},
    {"access-key deactivate", "shut an access key out", "ID", NULL, NULL, 1, 1, run_deactivate},
    {"access-key delete", "delete an access key", "ID", NULL, NULL, 1, 1, run_delete},
    {"access-key list", "list the access keys", "", NULL, NULL, 0, 0, run_list},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, NULL},
};
