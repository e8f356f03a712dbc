/* SPDX-License-Identifier: Apache-2.0 */
/* Proofs: the head of an archive's log, that a message is in it, that it has only grown. */
#include "base_mem.h"
#include "base_text.h"
#include "cli_int.h"
#include "os_fs.h"

#define FILE_BYTES_MAX 65536u

static struct json *
archive_input(struct cli *cli, struct err *err)
{
	char *id = cli_archive_of(cli, err);
	struct json *input;

	if (id == NULL)
		return NULL;
	input = json_new_object();
	json_set_str(input, "ArchiveId", id);
	mem_free(id);
	return input;
}

/* --key and --checkpoint print that alone, for files and pipes. */
static int
run_head(struct cli *cli)
{
	struct json *input, *head = NULL;
	const char *only = cli_args_has(&cli->args, "key")          ? "Key"
			   : cli_args_has(&cli->args, "checkpoint") ? "Checkpoint"
								    : NULL;
	struct err err;

	input = archive_input(cli, &err);
	if (input != NULL)
		head = cli_call(cli, "Daybook.GetProofHead", input, &err);
	if (head == NULL)
		return cli_fail(cli, &err);
	if (only != NULL) {
		buf_append_str(&cli->out, json_get_str(head, only));
		if (cli->out.len > 0 && cli->out.ptr[cli->out.len - 1] != '\n')
			buf_append_byte(&cli->out, '\n');
	} else {
		cli_print_object(cli, head);
	}
	json_free(&head);
	return CLI_EXIT_DONE;
}

static int
run_inclusion(struct cli *cli)
{
	struct json *input = json_new_object(), *output;
	struct err err;

	json_set_str(input, "ArchivedMessageId", cli->args.operands[0]);
	output = cli_call(cli, "Daybook.GetInclusionProof", input, &err);
	if (output == NULL)
		return cli_fail(cli, &err);
	buf_append_str(&cli->out, json_get_str(output, "Proof"));
	json_free(&output);
	return CLI_EXIT_DONE;
}

/* The number of leaves: an operand, or the second line of a checkpoint in a file. */
static bool
leaves_of(const char *operand, uint64_t *out, struct err *err)
{
	struct bytes text;
	struct buf file;
	size_t first, second;
	bool ok;

	if (text_u64_parse(out, bytes_of_str(operand)))
		return true;
	buf_init(&file, FILE_BYTES_MAX);
	ok = os_fs_read_file(os_fs_real(), operand, FILE_BYTES_MAX, &file, err);
	text = buf_view(&file);
	first = ok ? bytes_find_byte(text, 0, '\n') : SIZE_MAX;
	second = first == SIZE_MAX ? SIZE_MAX : bytes_find_byte(text, first + 1, '\n');
	if (ok && (second == SIZE_MAX ||
		      !text_u64_parse(out, bytes_slice(text, first + 1, second - first - 1))))
		ok = ERR(err, ERR_USAGE,
		    "%.100s is neither a number of leaves nor a file with a checkpoint", operand);
	buf_fini(&file);
	return ok;
}

static int
run_consistency(struct cli *cli)
{
	struct json *input = NULL, *output = NULL;
	const struct json *hashes;
	struct err err;
	uint64_t leaves;

	if (leaves_of(cli->args.operands[0], &leaves, &err))
		input = archive_input(cli, &err);
	if (input != NULL) {
		json_set_integer(input, "Leaves", (int64_t)leaves);
		output = cli_call(cli, "Daybook.GetConsistencyProof", input, &err);
	}
	if (output == NULL)
		return cli_fail(cli, &err);
	if (cli->form_given) {
		cli_print_object(cli, output);
	} else {
		/* As witnesses take it: hashes, an empty line, the checkpoint (C2SP tlog-witness). */
		hashes = json_find(output, "Hashes");
		buf_printf(&cli->out, "old %llu\n", (unsigned long long)leaves);
		for (size_t i = 0; i < json_count(hashes); i++)
			buf_printf(&cli->out, "%s\n", json_str(json_at(hashes, i)));
		buf_printf(&cli->out, "\n%s", json_get_str(output, "Checkpoint"));
	}
	json_free(&output);
	return CLI_EXIT_DONE;
}

static const struct cli_column witness_columns[] = {{"WITNESS", "Name", CLI_TEXT, 32},
    {"KIND", "Kind", CLI_TEXT, 0}, {"ARCHIVE", "ArchiveId", CLI_TEXT, 40},
    {"LEAVES", "Leaves", CLI_COUNT, 0}, {"BEHIND", "BehindLeaves", CLI_COUNT, 0},
    {"SEEN", "SeenTimestamp", CLI_TIME, 0}, {"SIGNED", "SignedTimestamp", CLI_TIME, 0},
    {"HEAD", "SignedHead", CLI_YES, 0}, {"ERROR", "LastError", CLI_TEXT, 120},
    {NULL, NULL, CLI_TEXT, 0}};

static int
witness_exit(const struct json *list)
{
	int code = CLI_EXIT_DONE;

	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *w = json_at(list, i);

		if (json_get_bool(w, "Refused", false))
			return CLI_EXIT_INTEGRITY;
		if (json_get_str(w, "LastError") != NULL)
			code = CLI_EXIT_FAILED;
	}
	return code;
}

static int
run_witness(struct cli *cli)
{
	struct json *input = json_new_object(), *output = NULL;
	int code = CLI_EXIT_DONE;
	struct err err;
	char *id = NULL;
	bool ok = true;

	if (cli->args.operand_count > 0) {
		id = cli_resolve(cli, &cli_noun_archive, cli->args.operands[0], &err);
		ok = id != NULL;
		json_set_str(input, "ArchiveId", id);
		mem_free(id);
	}
	if (ok)
		output = cli_call(cli, "Daybook.ListWitnesses", input, &err);
	else
		json_free(&input);
	if (output == NULL)
		return cli_fail(cli, &err);
	if (!cli_print_list(cli, json_find(output, "Witnesses"), witness_columns, &err))
		code = cli_fail(cli, &err);
	else
		code = witness_exit(json_find(output, "Witnesses"));
	json_free(&output);
	return code;
}

static const struct cli_option head_options[] = {
    {"archive", "NAME|ID", "the archive; may be left out when there is one", false},
    {"key", NULL, "print the key that verifies it, and nothing else", false},
    {"checkpoint", NULL, "print the signed checkpoint, and nothing else", false},
    {NULL, NULL, NULL, false},
};

static const struct cli_option consistency_options[] = {
    {"archive", "NAME|ID", "the archive; may be left out when there is one", false},
    {NULL, NULL, NULL, false},
};

const struct cli_verb cli_proof_verbs[] = {
    {"proof head", "show the signed head of an archive's proof log", "",
	"Keep a checkpoint and the key where the server cannot change them: they show later that "
	"the "
	"log has only grown.\nMessages that wait are in no pack yet.",
	head_options, 0, 0, run_head},
    {"proof inclusion", "print the proof that a message is in the log", "ID",
	"For daybook verify FILE.eml --proof FILE --log-key KEY. It holds the envelope: give it to "
	"those "
	"who may see the message.",
	NULL, 1, 1, run_inclusion},
    {"proof consistency", "print the proof that the log has only grown", "LEAVES|CHECKPOINT",
	"Since it had that many leaves, or since the checkpoint in that file.", consistency_options,
	1, 1, run_consistency},
    {"proof witness", "show what witnesses saw of the logs", "[ARCHIVE]",
	"Leaves that each witness of the configuration saw, when, what its signature says, whether "
	"the\npresent checkpoint carries it, and what went wrong last. Ends with 8 when a witness "
	"saw another\nlog than this one, with 1 when the last try failed.",
	NULL, 0, 1, run_witness},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, NULL},
};
