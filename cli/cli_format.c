/* SPDX-License-Identifier: Apache-2.0 */
/* Lists for people and for programs. */
#include "cli_format.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base_limits.h"
#include "base_mem.h"
#include "base_time.h"
#include "cli_width.h"

#define CELL_BYTES_MAX (8 * LIMIT_MIB)
#define PATH_MAX_BYTES 64
#define COLUMNS_MAX    16

bool
cli_form_parse(const char *text, enum cli_form *out, struct err *err)
{
	static const char *const names[] = {"table", "plain", "json", "jsonl", "csv", "tsv"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strcmp(text, names[i]) == 0) {
			*out = (enum cli_form)i;
			return true;
		}
	}
	return ERR(
	    err, ERR_USAGE, "%.40s is not a format: table, plain, json, jsonl, csv or tsv", text);
}

bool
cli_columns_pick(const struct cli_column *all, const char *list, struct cli_column *out,
    size_t out_max, struct err *err)
{
	size_t n = 0, len;

	for (;; list += len + 1) {
		const struct cli_column *c = all;

		len = strcspn(list, ",");
		while (c->title != NULL &&
		       (strlen(c->title) != len || strncasecmp(c->title, list, len) != 0))
			c++;
		if (c->title == NULL)
			return ERR(err, ERR_USAGE, "no column is named %.*s",
			    (int)(len > 40 ? 40 : len), list);
		if (n + 1 >= out_max)
			return ERR(err, ERR_USAGE, "too many columns");
		out[n++] = *c;
		if (list[len] == '\0')
			break;
	}
	memset(&out[n], 0, sizeof out[n]);
	return true;
}

void
cli_format_bytes(struct buf *out, int64_t bytes)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
	double value = (double)bytes;
	size_t unit = 0;

	for (; value >= 1000 && unit + 1 < sizeof units / sizeof units[0]; unit++)
		value /= 1000;
	buf_printf(out, unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

void
cli_format_count(struct buf *out, int64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof digits, "%lld", (long long)n);

	for (int i = 0; i < len; i++) {
		if (i > 0 && digits[i - 1] != '-' && (len - i) % 3 == 0)
			buf_append_byte(out, ',');
		buf_append_byte(out, (uint8_t)digits[i]);
	}
}

static const struct json *
look(const struct json *item, const char *path)
{
	char key[PATH_MAX_BYTES];

	while (item != NULL && path != NULL) {
		const char *dot = strchr(path, '.');
		size_t len = dot != NULL ? (size_t)(dot - path) : strlen(path);

		must(len < sizeof key);
		memcpy(key, path, len);
		key[len] = '\0';
		item = json_find(item, key);
		path = dot != NULL ? dot + 1 : NULL;
	}
	return item;
}

static void
append_time(struct buf *out, const struct json *v, bool for_people)
{
	char text[TIME_ISO_SIZE];

	time_iso_format(text, json_ms(v));
	if (!for_people) {
		buf_append_str(out, text);
		return;
	}
	text[10] = ' ';
	buf_append_mem(out, text, 19);
}

static void
append_number(struct buf *out, const struct json *v, enum cli_kind kind, bool for_people)
{
	int64_t n = (int64_t)json_number(v);

	if (kind == CLI_BYTES && for_people)
		cli_format_bytes(out, n);
	else if (for_people)
		cli_format_count(out, n);
	else
		buf_printf(out, "%lld", (long long)n);
}

static void
append_value(struct buf *out, const struct json *v, enum cli_kind kind, bool for_people)
{
	switch (json_kind(v)) {
	case JSON_NULL:
	case JSON_BOOL: /* append_cell knows */
		break;
	case JSON_INTEGER:
	case JSON_REAL:
		if (kind == CLI_TIME)
			append_time(out, v, for_people);
		else
			append_number(out, v, kind, for_people);
		break;
	case JSON_STRING:
		buf_append(out, json_text(v));
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		json_print(v, out);
		break;
	}
}

/* The raw text of one cell; not yet made safe for where it goes. */
static void
append_cell(struct buf *out, const struct json *item, const struct cli_column *c, bool for_people)
{
	const struct json *v = look(item, c->key);

	/* No column looks at a bool inside another member. */
	if (json_kind(v) == JSON_BOOL)
		buf_append_str(out, json_get_bool(item, c->key, false) ? "yes" : "no");
	else
		append_value(out, v, c->kind, for_people);
}

static size_t
column_count(const struct cli_column *columns)
{
	size_t n = 0;

	while (columns[n].title != NULL)
		n++;
	must(n <= COLUMNS_MAX);
	return n;
}

/* A cell of a table, safe and cut. */
static void
safe_cell(struct buf *cell, const struct json *item, const struct cli_column *c)
{
	struct buf raw;

	buf_init(&raw, CELL_BYTES_MAX);
	buf_reset(cell);
	append_cell(&raw, item, c, true);
	cli_width_append_safe(
	    cell, buf_view(&raw), c->width_max > 0 ? c->width_max : SIZE_MAX, false);
	buf_fini(&raw);
}

static bool
right_aligned(enum cli_kind kind)
{
	return kind == CLI_COUNT || kind == CLI_BYTES;
}

static void
pad(struct buf *out, size_t width, size_t wanted)
{
	for (; width < wanted; width++)
		buf_append_byte(out, ' ');
}

static void
append_padded(struct buf *out, struct bytes cell, size_t wanted, bool right, bool last)
{
	size_t width = cli_width(cell);

	if (right)
		pad(out, width, wanted);
	buf_append(out, cell);
	if (!right && !last)
		pad(out, width, wanted);
	if (!last)
		buf_append_str(out, "  ");
}

static void
format_table(
    const struct json *items, const struct cli_column *columns, bool header, struct buf *out)
{
	size_t widths[COLUMNS_MAX] = {0}, n = column_count(columns), rows = json_count(items);
	struct buf cell;

	buf_init(&cell, CELL_BYTES_MAX);
	for (size_t c = 0; c < n; c++) {
		widths[c] = header ? strlen(columns[c].title) : 0;
		for (size_t r = 0; r < rows; r++) {
			safe_cell(&cell, json_at(items, r), &columns[c]);
			if (cli_width(buf_view(&cell)) > widths[c])
				widths[c] = cli_width(buf_view(&cell));
		}
	}
	for (size_t c = 0; header && c < n; c++)
		append_padded(out, bytes_of_str(columns[c].title), widths[c],
		    right_aligned(columns[c].kind), c + 1 == n);
	if (header)
		buf_append_byte(out, '\n');
	for (size_t r = 0; r < rows; r++) {
		for (size_t c = 0; c < n; c++) {
			safe_cell(&cell, json_at(items, r), &columns[c]);
			append_padded(out, buf_view(&cell), widths[c],
			    right_aligned(columns[c].kind), c + 1 == n);
		}
		buf_append_byte(out, '\n');
	}
	buf_fini(&cell);
}

static void
append_csv(struct buf *out, struct bytes cell)
{
	bool quote = false,
	     run = cell.len > 0 && strchr("=+-@\t\r", cell.ptr[0]) != NULL && cell.ptr[0] != 0;

	for (size_t i = 0; i < cell.len; i++)
		quote = quote || cell.ptr[i] == '"' || cell.ptr[i] == ',' || cell.ptr[i] == '\n' ||
			cell.ptr[i] == '\r';
	if (quote)
		buf_append_byte(out, '"');
	if (run)
		buf_append_byte(out, '\'');
	for (size_t i = 0; i < cell.len; i++) {
		uint8_t c = cell.ptr[i];
		bool line = c == '\n' || c == '\r' || c == '\t';

		if (c == '"')
			buf_append_byte(out, '"');
		buf_append_byte(out, !line && (c < 0x20 || c == 0x7f) ? ' ' : c);
	}
	if (quote)
		buf_append_byte(out, '"');
}

static void
append_tsv(struct buf *out, struct bytes cell)
{
	for (size_t i = 0; i < cell.len; i++)
		buf_append_byte(out, cell.ptr[i] < 0x20 || cell.ptr[i] == 0x7f ? ' ' : cell.ptr[i]);
}

static void
append_title(struct buf *out, const char *title)
{
	for (; *title != '\0'; title++)
		buf_append_byte(
		    out, (uint8_t)(*title >= 'A' && *title <= 'Z' ? *title - 'A' + 'a' : *title));
}

static void
format_separated(const struct json *items, const struct cli_column *columns,
    const struct cli_format *format, struct buf *out)
{
	bool csv = format->form == CLI_FORM_CSV;
	size_t n = column_count(columns);
	struct buf cell;

	buf_init(&cell, CELL_BYTES_MAX);
	for (size_t c = 0; format->header && c < n; c++) {
		append_title(out, columns[c].title);
		buf_append_str(out, c + 1 < n ? (csv ? "," : "\t") : csv ? "\r\n" : "\n");
	}
	for (size_t r = 0; r < json_count(items); r++) {
		for (size_t c = 0; c < n; c++) {
			buf_reset(&cell);
			append_cell(&cell, json_at(items, r), &columns[c], false);
			if (csv)
				append_csv(out, buf_view(&cell));
			else
				append_tsv(out, buf_view(&cell));
			buf_append_str(out, c + 1 < n ? (csv ? "," : "\t") : csv ? "\r\n" : "\n");
		}
	}
	buf_fini(&cell);
}

static void
format_plain(const struct json *items, const struct cli_column *columns, struct buf *out)
{
	struct buf cell;

	buf_init(&cell, CELL_BYTES_MAX);
	for (size_t r = 0; r < json_count(items); r++) {
		buf_reset(&cell);
		append_cell(&cell, json_at(items, r), &columns[0], false);
		append_tsv(out, buf_view(&cell));
		buf_append_byte(out, '\n');
	}
	buf_fini(&cell);
}

void
cli_format_list(const struct json *items, const struct cli_column *columns,
    const struct cli_format *format, struct buf *out)
{
	switch (format->form) {
	case CLI_FORM_TABLE:
		format_table(items, columns, format->header, out);
		break;
	case CLI_FORM_PLAIN:
		format_plain(items, columns, out);
		break;
	case CLI_FORM_JSON:
		json_print_pretty(items, out);
		buf_append_byte(out, '\n');
		break;
	case CLI_FORM_JSONL:
		for (size_t i = 0; i < json_count(items); i++) {
			json_print(json_at(items, i), out);
			buf_append_byte(out, '\n');
		}
		break;
	case CLI_FORM_CSV:
	case CLI_FORM_TSV:
		format_separated(items, columns, format, out);
		break;
	}
}

static bool
is_time_key(const char *key)
{
	struct bytes k = bytes_of_str(key);

	return bytes_ends_with(k, BYTES_LIT("Timestamp")) || bytes_ends_with(k, BYTES_LIT("Date"));
}

void
cli_format_object(const struct json *object, struct buf *out)
{
	const struct json *value;
	const char *key;
	struct buf raw;

	buf_init(&raw, CELL_BYTES_MAX);
	for (size_t i = 0; json_member(object, i, &key, &value); i++) {
		enum json_kind kind = json_kind(value);
		struct cli_column c = {.key = key, .kind = is_time_key(key) ? CLI_TIME : CLI_COUNT};

		buf_reset(&raw);
		buf_printf(
		    out, "%s:%s", key, kind == JSON_ARRAY || kind == JSON_OBJECT ? "\n" : " ");
		if (kind == JSON_ARRAY || kind == JSON_OBJECT)
			json_print_pretty(value, &raw);
		else
			append_cell(&raw, object, &c, true);
		cli_width_append_safe(out, buf_view(&raw), SIZE_MAX, true);
		buf_append_byte(out, '\n');
	}
	buf_fini(&raw);
}
