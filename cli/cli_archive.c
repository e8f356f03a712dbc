/* SPDX-License-Identifier: Apache-2.0 */
/* Archives made and deleted. */
#include <stdio.h>

#include "base_mem.h"
#include "cli_int.h"

static int
run_create(struct cli *cli)
{
	const char *retention = cli_args_value(&cli->args, "retention");
	const char *key = cli_args_value(&cli->args, "kms-key");
	struct json *input = json_new_object(), *output, *period;
	struct err err;

	json_set_str(input, "ArchiveName", cli->args.operands[0]);
	if (retention != NULL) {
		period = json_new_object();
		json_set_str(period, "RetentionPeriod", retention);
		json_set(input, "Retention", period);
	}
	json_set_str(input, "KmsKeyArn", key);
	output = cli_call(cli, "MailManagerSvc.CreateArchive", input, &err);
	return cli_finish(cli, output, &err);
}

static int
run_delete(struct cli *cli)
{
	struct json *input, *output = NULL;
	char question[256];
	struct err err;
	char *id = cli_resolve(cli, &cli_noun_archive, cli->args.operands[0], &err);

	if (id == NULL)
		return cli_fail(cli, &err);
	(void)snprintf(question, sizeof question,
	    "Delete archive %.80s? It takes no mail and answers no search from now on, and is "
	    "destroyed in "
	    "30 days.",
	    cli->args.operands[0]);
	if (cli_confirm(cli, question, &err)) {
		input = json_new_object();
		json_set_str(input, "ArchiveId", id);
		output = cli_call(cli, "MailManagerSvc.DeleteArchive", input, &err);
	}
	mem_free(id);
	if (output == NULL)
		return cli_fail(cli, &err);
	json_free(&output);
	cli_note("archive %s is pending deletion", cli->args.operands[0]);
	return CLI_EXIT_DONE;
}

static int
run_undelete(struct cli *cli)
{
	struct json *input, *output = NULL;
	struct err err;
	char *id = cli_resolve(cli, &cli_noun_archive, cli->args.operands[0], &err);

	if (id != NULL) {
		input = json_new_object();
		json_set_str(input, "ArchiveId", id);
		output = cli_call(cli, "Daybook.UndeleteArchive", input, &err);
	}
	mem_free(id);
	if (output == NULL)
		return cli_fail(cli, &err);
	json_free(&output);
	cli_note("archive %s is active again", cli->args.operands[0]);
	return CLI_EXIT_DONE;
}

static const struct cli_option create_options[] = {
    {"retention", "PERIOD", "THREE_MONTHS … TEN_YEARS or PERMANENT; SIX_MONTHS when left out",
	false},
    {"kms-key", "ARN", "the key that seals it; the installation's own when left out", false},
    {NULL, NULL, NULL, false},
};

const struct cli_verb cli_archive_verbs[] = {
    {"archive create", "make an archive", "NAME", NULL, create_options, 1, 1, run_create},
    {"archive delete", "delete an archive and, after 30 days, all that is in it", "NAME|ID", NULL,
	NULL, 1, 1, run_delete},
    {"archive undelete", "bring a deleted archive back, within 30 days or while it is held",
	"NAME|ID", NULL, NULL, 1, 1, run_undelete},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, NULL},
};
