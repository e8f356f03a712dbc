/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: finds the command, reads its options, runs it, writes what it has to say. */
#include "cli_main.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base_limits.h"
#include "base_text.h"
#include "cli_int.h"

#define OUT_BYTES_MAX     ((size_t)1024 * 1024 * 1024) /* what our own server gave us, printed */
#define CLOSING_BYTES_MAX 4096
#define NAMES_MAX         96

const struct cli_verb *const cli_verbs[] = {cli_access_key_verbs, cli_archive_verbs,
    cli_audit_verbs, cli_export_verbs, cli_hold_verbs, cli_key_verbs, cli_message_verbs,
    cli_resource_verbs, cli_retention_verbs, cli_proof_verbs, cli_scrub_verbs, cli_search_verbs,
    cli_status_verbs, NULL};

const struct cli_option cli_common_options[] = {
    {"data", "DIR", "data directory of the local server; DAYBOOK_DATA, or /var/lib/daybook", false},
    {"endpoint", "URL", "talk to this server instead, with an access key; DAYBOOK_ENDPOINT", false},
    {"profile", "NAME", "access key of that profile in ~/.aws/credentials", false},
    {"region", "NAME", "region to sign for; AWS_REGION, or us-east-1", false},
    {"format", "FORM", "table, plain, json, jsonl, csv or tsv", false},
    {"columns", "A,B", "only these columns, in this order (not in json and jsonl)", false},
    {"no-header", NULL, "without column titles", false},
    {"output", "FILE", "write there instead of standard output (-o)", false},
    {"yes", NULL, "do not ask", false},
    {"help", NULL, "this text (-h)", false},
    {NULL, NULL, NULL, false},
};

/* The tables of one run. */
struct tables {
	const struct cli_command *extra;
	size_t extra_count;
};

static const struct cli_verb *
find_verb(const char *name)
{
	for (size_t t = 0; cli_verbs[t] != NULL; t++)
		for (const struct cli_verb *v = cli_verbs[t]; v->name != NULL; v++)
			if (strcmp(v->name, name) == 0)
				return v;
	return NULL;
}

static const struct cli_command *
find_extra(const struct tables *t, const char *name)
{
	for (size_t i = 0; i < t->extra_count; i++)
		if (strcmp(t->extra[i].name, name) == 0)
			return &t->extra[i];
	return NULL;
}

static size_t
all_names(const struct tables *t, const char *names[NAMES_MAX + 1])
{
	size_t n = 0;

	for (size_t i = 0; cli_verbs[i] != NULL; i++)
		for (const struct cli_verb *v = cli_verbs[i]; v->name != NULL && n < NAMES_MAX; v++)
			names[n++] = v->name;
	for (size_t i = 0; i < t->extra_count && n < NAMES_MAX; i++)
		names[n++] = t->extra[i].name;
	names[n] = NULL;
	return n;
}

struct summary {
	const char *name, *text;
};

static int
compare_summaries(const void *a, const void *b)
{
	return strcmp(((const struct summary *)a)->name, ((const struct summary *)b)->name);
}

static void
print_summaries(FILE *to, const struct tables *t)
{
	struct summary all[NAMES_MAX] = {
	    {"completion", "a completion script for bash, zsh or fish"},
	    {"version", "the version of this program"}};
	size_t n = 2;

	for (size_t i = 0; cli_verbs[i] != NULL; i++)
		for (const struct cli_verb *v = cli_verbs[i]; v->name != NULL && n < NAMES_MAX; v++)
			all[n++] = (struct summary){v->name, v->summary};
	for (size_t i = 0; i < t->extra_count && n < NAMES_MAX; i++)
		all[n++] = (struct summary){t->extra[i].name, t->extra[i].summary};
	qsort(all, n, sizeof all[0], compare_summaries);
	for (size_t i = 0; i < n; i++)
		(void)fprintf(to, "  %-22s %s\n", all[i].name, all[i].text);
}

static void
print_overview(FILE *to, const struct tables *t)
{
	(void)fputs("daybook keeps every message of an organisation, and finds and exports it on "
		    "demand.\n\n"
		    "  daybook search --last 12h --subject invoice\n  daybook show ID\n  daybook "
		    "status\n\nCommands:\n",
	    to);
	print_summaries(to, t);
	(void)fputs(
	    "\ndaybook COMMAND --help says more. Everything the API can do: aws mailmanager "
	    "--endpoint-url URL help\n",
	    to);
}

static void
print_options(FILE *to, const struct cli_option *o)
{
	char left[64];

	for (; o != NULL && o->name != NULL; o++) {
		(void)snprintf(left, sizeof left, "--%s%s%s", o->name, o->value != NULL ? " " : "",
		    o->value != NULL ? o->value : "");
		(void)fprintf(to, "  %-28s %s\n", left, o->help);
	}
}

static void
print_help(FILE *to, const struct cli_verb *v)
{
	(void)fprintf(to, "daybook %s%s%s: %s\n\n", v->name, v->operands[0] != '\0' ? " " : "",
	    v->operands, v->summary);
	if (v->about != NULL)
		(void)fprintf(to, "%s\n", v->about);
	print_options(to, v->options);
	if (v->options != NULL)
		(void)fputc('\n', to);
	print_options(to, cli_common_options);
}

/* What a noun without a (known) verb can do, or how the nearest command is called. */
static int
unknown_command(const struct tables *t, const char *first, const char *name)
{
	const char *names[NAMES_MAX + 1], *near;
	size_t n = all_names(t, names), len = strlen(first), shown = 0;

	for (size_t i = 0; i < n; i++) {
		if (strncmp(names[i], first, len) == 0 && names[i][len] == ' ') {
			if (shown++ == 0)
				cli_note("daybook: %s wants one of:", first);
			cli_note("  daybook %s", names[i]);
		}
	}
	if (shown > 0)
		return CLI_EXIT_USAGE;
	near = text_suggest(name, names);
	if (near == NULL)
		near = text_suggest(first, names);
	if (near != NULL)
		cli_note("daybook: there is no command %s (did you mean %s?)", first, near);
	else
		cli_note("daybook: there is no command %s; daybook help lists them", first);
	return CLI_EXIT_USAGE;
}

static bool
write_all(FILE *to, const struct buf *out)
{
	return (out->len == 0 || fwrite(out->ptr, 1, out->len, to) == out->len) && fflush(to) == 0;
}

/* Output is written when the command is done, so that a failure leaves no half of it. */
static bool
write_output(const struct cli *cli, struct err *err)
{
	const char *path = cli_args_value(&cli->args, "output");
	FILE *file;
	bool ok;

	if (!buf_ok(&cli->out, err))
		return false;
	if (path == NULL)
		return write_all(stdout, &cli->out) ||
		       ERR_SYS(err, ERR_IO, "writing to standard output");
	file = fopen(path, "w");
	if (file == NULL)
		return ERR_SYS(err, ERR_IO, "%.100s", path);
	ok = write_all(file, &cli->out);
	if (fclose(file) != 0)
		ok = false;
	return ok || ERR_SYS(err, ERR_IO, "writing %.100s", path);
}

static bool
read_format(struct cli *cli, struct err *err)
{
	const char *form = cli_args_value(&cli->args, "format");

	cli->format.header = !cli_args_has(&cli->args, "no-header");
	cli->format.form = CLI_FORM_TABLE;
	cli->form_given = form != NULL;
	cli->terminal = isatty(STDOUT_FILENO) != 0 && !cli_args_has(&cli->args, "output");
	return form == NULL || cli_form_parse(form, &cli->format.form, err);
}

static bool
check_operands(const struct cli *cli, const struct cli_verb *v, struct err *err)
{
	if (cli->args.operand_count < v->operands_min)
		return ERR(
		    err, ERR_USAGE, "a word is missing: daybook %s %s", v->name, v->operands);
	if (cli->args.operand_count > v->operands_max)
		return ERR(err, ERR_USAGE, "%.60s is one word too many",
		    cli->args.operands[v->operands_max]);
	return true;
}

static int
run_verb(const struct cli_verb *v, int argc, char **argv)
{
	struct cli cli = {.command = v->name};
	struct err err;
	int code;

	if (!cli_args_parse(v->options, cli_common_options, argc, argv, &cli.args, &err))
		return cli_fail(&cli, &err);
	if (cli_args_has(&cli.args, "help")) {
		print_help(stdout, v);
		return CLI_EXIT_DONE;
	}
	if (!read_format(&cli, &err) || !check_operands(&cli, v, &err))
		return cli_fail(&cli, &err);
	buf_init(&cli.out, OUT_BYTES_MAX);
	buf_init(&cli.closing, CLOSING_BYTES_MAX);
	code = v->run(&cli);
	if (!write_output(&cli, &err) && code == CLI_EXIT_DONE)
		code = cli_fail(&cli, &err);
	if (cli.closing.len > 0)
		cli_note("%s", buf_text(&cli.closing));
	buf_fini(&cli.out);
	buf_fini(&cli.closing);
	cli_client_close(&cli.client);
	return code;
}

static int
run_extra(const struct cli_command *c, int argc, char **argv)
{
	for (int i = 1; i < argc && c->usage != NULL; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			(void)fputs(c->usage, stdout);
			return CLI_EXIT_DONE;
		}
	}
	return c->run(argc, argv);
}

static int
run_completion(const struct tables *t, int argc, char **argv)
{
	struct cli cli = {.command = "completion"};
	struct buf out;
	struct err err;
	bool ok;

	if (argc != 2 || strcmp(argv[1], "--help") == 0) {
		(void)fputs("daybook completion bash|zsh|fish: print a completion script\n\n"
			    "  source <(daybook completion bash)\n",
		    argc == 2 ? stdout : stderr);
		return argc == 2 ? CLI_EXIT_DONE : CLI_EXIT_USAGE;
	}
	buf_init(&out, LIMIT_MIB);
	ok = cli_completion_write(argv[1], t->extra, t->extra_count, &out, &err);
	if (ok && !write_all(stdout, &out))
		ok = ERR_SYS(&err, ERR_IO, "writing to standard output");
	buf_fini(&out);
	return ok ? CLI_EXIT_DONE : cli_fail(&cli, &err);
}

/* One name, one or two words; words is how many of argv it took. -1 = there is no such command. */
static int
run_named(const struct tables *t, const char *name, int words, int argc, char **argv)
{
	const struct cli_verb *v = find_verb(name);
	const struct cli_command *c = find_extra(t, name);

	if (v != NULL)
		return run_verb(v, argc - words, argv + words);
	if (c != NULL)
		return run_extra(c, argc - words, argv + words);
	if (strcmp(name, "completion") == 0)
		return run_completion(t, argc - words, argv + words);
	return -1;
}

static int
run_help(const struct tables *t, int argc, char **argv)
{
	char name[64];
	const struct cli_verb *v;
	const struct cli_command *c;

	if (argc < 2) {
		print_overview(stdout, t);
		return CLI_EXIT_DONE;
	}
	(void)snprintf(
	    name, sizeof name, "%s%s%s", argv[1], argc > 2 ? " " : "", argc > 2 ? argv[2] : "");
	v = find_verb(name);
	c = find_extra(t, name);
	if (v != NULL)
		print_help(stdout, v);
	else if (c != NULL)
		(void)fputs(c->usage != NULL ? c->usage : c->summary, stdout);
	else
		return unknown_command(t, argv[1], name);
	return CLI_EXIT_DONE;
}

static bool
is_one_of(const char *word, const char *a, const char *b)
{
	return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

int
cli_main(int argc, char **argv, const struct cli_command *extra, size_t extra_count)
{
	struct tables t = {.extra = extra, .extra_count = extra_count};
	char name[64] = "";
	int code = -1;

	if (argc < 2) {
		print_overview(stderr, &t);
		return CLI_EXIT_USAGE;
	}
	if (is_one_of(argv[1], "help", "--help") || strcmp(argv[1], "-h") == 0)
		return run_help(&t, argc - 1, argv + 1);
	if (is_one_of(argv[1], "version", "--version")) {
		(void)puts("daybook " DB_VERSION);
		return CLI_EXIT_DONE;
	}
	if (argc > 2 && argv[2][0] != '-') {
		(void)snprintf(name, sizeof name, "%s %s", argv[1], argv[2]);
		code = run_named(&t, name, 2, argc, argv);
	}
	if (code < 0)
		code = run_named(&t, argv[1], 1, argc, argv);
	return code >= 0 ? code : unknown_command(&t, argv[1], name[0] != '\0' ? name : argv[1]);
}
