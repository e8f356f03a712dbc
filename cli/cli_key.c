/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of archives. */
#include <string.h>

#include "base_mem.h"
#include "cli_int.h"

#define POLL_MS 500

static const struct cli_column columns[] = {{"ARCHIVE", "ArchiveName", CLI_TEXT, 40},
    {"STATE", "State", CLI_TEXT, 0}, {"SERVICE", "ServiceName", CLI_TEXT, 32},
    {"KEY", "KeyId", CLI_TEXT, 0}, {"MADE", "CreatedTimestamp", CLI_TIME, 0},
    {"PACKS", "Packs", CLI_TEXT, 0}, {"LEFT", "PacksLeft", CLI_TEXT, 0},
    {"ID", "ArchiveId", CLI_TEXT, 0}, {"REASON", "Reason", CLI_TEXT, 60},
    {NULL, NULL, CLI_TEXT, 0}};

static int
run_list(struct cli *cli)
{
	struct err err;
	struct json *output = cli_call(cli, "Daybook.ListKeys", json_new_object(), &err);
	bool ok = output != NULL;

	if (ok && cli->format.form == CLI_FORM_TABLE)
		ok = cli_print_list(cli, json_find(output, "Archives"), columns, &err);
	else if (ok)
		cli_print_object(cli, output);
	json_free(&output);
	return ok ? CLI_EXIT_DONE : cli_fail(cli, &err);
}

/* Input with the id of the archive that the operand names; NULL: err. */
static struct json *
input_make(struct cli *cli, struct err *err)
{
	char *id = cli_resolve(cli, &cli_noun_archive, cli->args.operands[0], err);
	struct json *input;

	if (id == NULL)
		return NULL;
	input = json_new_object();
	json_set_str(input, "ArchiveId", id);
	mem_free(id);
	return input;
}

static struct json *
status_get(struct cli *cli, const char *id, struct err *err)
{
	struct json *input = json_new_object();

	json_set_str(input, "ArchiveId", id);
	return cli_call(cli, "Daybook.GetKeyRotation", input, err);
}

static int
run_status(struct cli *cli)
{
	struct err err;
	struct json *input = input_make(cli, &err), *output = NULL;

	if (input != NULL)
		output = cli_call(cli, "Daybook.GetKeyRotation", input, &err);
	if (output == NULL)
		return cli_fail(cli, &err);
	cli_print_object(cli, output);
	json_free(&output);
	return CLI_EXIT_DONE;
}

/* Until one generation is left; the server goes on with it whether somebody waits or not. */
static bool
rotation_wait(struct cli *cli, struct json **output, struct err *err)
{
	while (json_get_integer(*output, "Generations", 0) > 1) {
		char *id = mem_strdup(json_get_str(*output, "ArchiveId"));

		cli_pause(POLL_MS);
		json_free(output);
		*output = status_get(cli, id, err);
		mem_free(id);
		if (*output == NULL)
			return false;
	}
	return true;
}

static int
run_rotate(struct cli *cli)
{
	struct err err;
	struct json *input = input_make(cli, &err), *output;

	if (input == NULL)
		return cli_fail(cli, &err);
	json_set_str(
	    input, "Scope", cli_args_has(&cli->args, "rewrap-only") ? "SERVICE" : "ARCHIVE");
	output = cli_call(cli, "Daybook.RotateKey", input, &err);
	if (output == NULL ||
	    (cli_args_has(&cli->args, "wait") && !rotation_wait(cli, &output, &err)))
		return cli_fail(cli, &err);
	cli_print_object(cli, output);
	json_free(&output);
	return CLI_EXIT_DONE;
}

static int
run_destroy(struct cli *cli)
{
	const char *confirm = cli_args_value(&cli->args, "confirm");
	struct err err;
	struct json *input, *output = NULL;

	if (confirm == NULL) {
		(void)ERR(&err, ERR_USAGE,
		    "nothing of the archive can be read afterwards: confirm with --confirm "
		    "ARCHIVE-ID");
		return cli_fail(cli, &err);
	}
	input = input_make(cli, &err);
	if (input != NULL) {
		json_set_str(input, "Confirm", confirm);
		output = cli_call(cli, "Daybook.DestroyKey", input, &err);
	}
	if (output == NULL)
		return cli_fail(cli, &err);
	json_free(&output);
	cli_note("the keys of archive %s are destroyed", confirm);
	return CLI_EXIT_DONE;
}

static const struct cli_option rotate_options[] = {
    {"rewrap-only", NULL, "wrap the same key anew by its key service, as after a change there",
	false},
    {"wait", NULL, "until every pack is under the new key", false},
    {NULL, NULL, NULL, false},
};
static const struct cli_option destroy_options[] = {
    {"confirm", "ARCHIVE-ID", "the id, once more", false},
    {NULL, NULL, NULL, false},
};

const struct cli_verb cli_key_verbs[] = {
    {"key destroy", "destroy the keys of a deleted archive: nothing of it can be read again",
	"NAME|ID", NULL, destroy_options, 1, 1, run_destroy},
    {"key list", "list archives with their keys and key services", "", NULL, NULL, 0, 0, run_list},
    {"key rotate", "give an archive a new key, and wrap its packs' keys by it", "NAME|ID", NULL,
	rotate_options, 1, 1, run_rotate},
    {"key status", "show an archive's key, and what a rotation has left to do", "NAME|ID", NULL,
	NULL, 1, 1, run_status},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, NULL},
};
