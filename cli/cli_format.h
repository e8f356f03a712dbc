/* SPDX-License-Identifier: Apache-2.0 */
/* Lists for people and for programs: one array of JSON objects, one table of columns, six forms. */
#ifndef CLI_FORMAT_H
#define CLI_FORMAT_H

#include <stdio.h>

#include "base_bytes.h"
#include "json_value.h"

enum cli_form {
	CLI_FORM_TABLE,
	CLI_FORM_PLAIN,
	CLI_FORM_JSON,
	CLI_FORM_JSONL,
	CLI_FORM_CSV,
	CLI_FORM_TSV
};

enum cli_kind { CLI_TEXT, CLI_TIME, CLI_COUNT, CLI_BYTES, CLI_YES };

struct cli_column {
	const char *title; /* upper case in a table, lower case in CSV and TSV; NULL ends a table */
	const char *key;   /* member, or a path of members with dots: "Status.State"              */
	enum cli_kind kind;
	size_t width_max; /* of a table's cell; 0 = all of it */
};

struct cli_format {
	enum cli_form form;
	bool header; /* titles first, in table, CSV and TSV */
};

/* cli_form_parse: "table", "plain", "json", "jsonl", "csv", "tsv". ERR_USAGE. */
MUST_USE bool cli_form_parse(const char *text, enum cli_form *out, struct err *err);
/* cli_columns_pick: the columns named in a comma-separated list (titles, any case) in that order; out holds count + 1.
 * ERR_USAGE. */
MUST_USE bool cli_columns_pick(const struct cli_column *all, const char *list,
    struct cli_column *out, size_t out_max, struct err *err);

/*
 * cli_format_list: append items in one of the forms.
 *
 * table  aligned columns, cells cut to width_max; text is made harmless
 * plain  the first column, one per line
 * json, jsonl  the items themselves, whatever the columns
 * csv    RFC 4180 with CR LF; a cell that a spreadsheet would run (=, +, -, @, tab, CR first) gets a ' before it
 * tsv    tabs and line ends inside cells become spaces
 * Times are ISO 8601 UTC with Z; in a table without the letters.
 */
void cli_format_list(const struct json *items, const struct cli_column *columns,
    const struct cli_format *format, struct buf *out);
/* cli_format_object: "Name: value" lines for people; nested values as indented JSON. */
void cli_format_object(const struct json *object, struct buf *out);
/* cli_format_bytes: "48 kB"; cli_format_count: "9,204,118". */
void cli_format_bytes(struct buf *out, int64_t bytes);
void cli_format_count(struct buf *out, int64_t n);

#endif
