/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands share: one invocation, its options, its client and its output. */
#ifndef CLI_INT_H
#define CLI_INT_H

#include <stdio.h>

#include "cli_args.h"
#include "cli_client.h"
#include "cli_format.h"
#include "cli_main.h"

/* One run of one command. */
struct cli {
	const char *command; /* "archive list"; for messages */
	struct cli_args args;
	struct cli_format format;
	bool form_given;           /* --format was written */
	bool terminal;             /* standard output is one and no -o was given */
	struct cli_client *client; /* opened by the first cli_call */
	struct buf out;            /* standard output, written at the end */
	struct buf closing;        /* talk that comes after it            */
};

/* A command of this room. */
struct cli_verb {
	const char *name; /* "archive list"                    */
	const char *summary;
	const char *operands;             /* "NAME", "ID", "" or "[NAME]"      */
	const char *about;                /* more for --help, or NULL          */
	const struct cli_option *options; /* own ones, or NULL     */
	size_t operands_min, operands_max;
	int (*run)(struct cli *cli);
};

extern const struct cli_verb
    *const cli_verbs[]; /* tables, each ended by a NULL name; NULL ends the list */
extern const struct cli_verb cli_resource_verbs[], cli_archive_verbs[], cli_search_verbs[],
    cli_message_verbs[], cli_audit_verbs[], cli_export_verbs[], cli_access_key_verbs[],
    cli_scrub_verbs[], cli_status_verbs[], cli_hold_verbs[], cli_key_verbs[], cli_retention_verbs[],
    cli_proof_verbs[];
extern const struct cli_option cli_common_options[];

/* cli_fail: prints "daybook: err.msg" and says how the command ends. */
int cli_fail(const struct cli *cli, const struct err *err);

/* cli_note: talk, to standard error. */
void cli_note(const char *format, ...) PRINTF_LIKE(1, 2);
/* cli_close_with: talk that is to stand below the results. */
void cli_close_with(struct cli *cli, const char *format, ...) PRINTF_LIKE(2, 3);

/* cli_call: one operation; input taken. NULL: err is filled. */
MUST_USE struct json *cli_call(
    struct cli *cli, const char *target, struct json *input, struct err *err);
/* cli_call_pages: every page of a list operation, as one array. key: the member that holds a page's items. */
MUST_USE struct json *cli_call_pages(
    struct cli *cli, const char *target, struct json *input, const char *key, struct err *err);
/* cli_client_of: the client, opened. */
MUST_USE bool cli_client_of(struct cli *cli, struct err *err);

/* cli_print_list: items in the wanted form; --columns picks. */
MUST_USE bool cli_print_list(
    struct cli *cli, const struct json *items, const struct cli_column *columns, struct err *err);
/* cli_print_object: one thing: lines for people, JSON otherwise. */
void cli_print_object(struct cli *cli, const struct json *object);
/* cli_finish: how most commands end: output printed and freed, or, when it is NULL, cli_fail. */
MUST_USE int cli_finish(struct cli *cli, struct json *output, const struct err *err);
/* cli_confirm: asks on the terminal; --yes answers for scripts. ERR_USAGE without a terminal and without --yes,
 * ERR_CANCELLED. */
MUST_USE bool cli_confirm(struct cli *cli, const char *question, struct err *err);
/* cli_pause: sleep between polls. */
void cli_pause(int64_t ms);
bool cli_talk_terminal(void); /* standard error is one */

/* A kind of resource that is listed and shown by name or id. */
struct cli_noun {
	const char *noun; /* "rule set" */
	const char *list, *list_key;
	const char *get;
	const char *id, *name; /* member names */
	const struct cli_column *columns;
};
extern const struct cli_noun cli_noun_archive, cli_noun_rules, cli_noun_policy, cli_noun_endpoint,
    cli_noun_hold;

/* cli_resolve: the id of the one that text names, by id or by unique name; mem_free it. ERR_NOT_FOUND with a
 * suggestion. */
MUST_USE char *cli_resolve(
    struct cli *cli, const struct cli_noun *noun, const char *text, struct err *err);
/* cli_archive_of: of --archive, or the only active archive. */
MUST_USE char *cli_archive_of(struct cli *cli, struct err *err);

/* Filters and the time range of search and export. */
#define CLI_FILTER_OPTIONS                                                                         \
	{"archive", "NAME|ID", "the archive; may be left out when there is one", false},           \
	    {"last", "12h", "received in the last 30m, 12h, 7d, 2w", false},                       \
	    {"since", "TIME", "received at or after; 2026-11-24, yesterday, 12h", false},          \
	    {"until", "TIME", "received before", false},                                           \
	    {"from", "TEXT", "From contains; repeat for or", true},                                \
	    {"to", "TEXT", "To contains", true}, {"cc", "TEXT", "Cc contains", true},              \
	    {"subject", "TEXT", "Subject contains", true},                                         \
	    {"envelope-from", "TEXT", "envelope sender contains", true},                           \
	    {"envelope-to", "TEXT", "an envelope recipient contains", true},                       \
	    {"has-attachments", NULL, "with attachments", false},                                  \
	    {"no-attachments", NULL, "without attachments", false},                                \
	    {"unless-from", "TEXT", "leave out where From contains", true},                        \
	    {"unless-to", "TEXT", "leave out where To contains", true},                            \
	    {"unless-cc", "TEXT", "leave out where Cc contains", true},                            \
	    {"unless-subject", "TEXT", "leave out where Subject contains", true},                  \
	    {"unless-envelope-from", "TEXT", "leave out by envelope sender", true},                \
	{                                                                                          \
		"unless-envelope-to", "TEXT", "leave out by envelope recipient", true              \
	}
/* cli_filter_apply: FromTimestamp, ToTimestamp and Filters into input. ERR_USAGE. */
MUST_USE bool cli_filter_apply(
    const struct cli_args *args, int64_t now_ms, struct json *input, struct err *err);

/* cli_scrub_print: how the scrub stands, for people. cli_scrub_problems: what it found. */
void cli_scrub_print(struct cli *cli, const struct json *scrub);
int64_t cli_scrub_problems(const struct json *scrub);

/* cli_completion_write: a script for bash, zsh or fish that knows these commands. ERR_USAGE. */
MUST_USE bool cli_completion_write(const char *shell, const struct cli_command *extra,
    size_t extra_count, struct buf *out, struct err *err);

#endif
