/* SPDX-License-Identifier: Apache-2.0 */
/* Values to JSON text: compact, for people, or canonical. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base_mem.h"
#include "json_value.h"
#include "json_value_int.h"

enum print_style { PRINT_COMPACT, PRINT_PRETTY, PRINT_SORTED };

struct printer {
	struct buf *out;
	enum print_style style;
	unsigned depth;
};

static void print_value(struct printer *p, const struct json *v);

/* RFC 8259 §7: only quote, backslash and controls need an escape. DEL and U+2028 stay as they are. */
static void
print_string(struct buf *out, struct bytes text)
{
	static const char short_escape[32] = {
	    ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
	size_t from = 0;

	buf_append_byte(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		uint8_t byte = text.ptr[i];
		if (byte >= 0x20 && byte != '"' && byte != '\\')
			continue;
		buf_append(out, bytes_slice(text, from, i - from));
		from = i + 1;
		buf_append_byte(out, '\\');
		if (byte >= 0x20)
			buf_append_byte(out, byte);
		else if (short_escape[byte] != 0)
			buf_append_byte(out, (uint8_t)short_escape[byte]);
		else
			buf_printf(out, "u%04x", byte);
	}
	buf_append(out, bytes_slice(text, from, text.len - from));
	buf_append_byte(out, '"');
}

/*
 * A number that is whole milliseconds prints with at most three decimals (1700000000.123), because a time printed
 * with all 17 digits does not read as the time it was. Any other real prints with the fewest digits that read back
 * as the same number.
 */
static void
print_real(struct buf *out, double n)
{
	char text[40];
	double ms = round(n * 1000.0);

	if (fabs(n) < 1e12 && fabs(ms / 1000.0 - n) <= 0.0) {
		int64_t whole = (int64_t)fabs(ms);
		int length = snprintf(text, sizeof(text), "%s%" PRId64 ".%03d", ms < 0 ? "-" : "",
		    whole / 1000, (int)(whole % 1000));
		while (text[length - 1] == '0' && text[length - 2] != '.')
			length--;
		buf_append_mem(out, text, (size_t)length);
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		(void)snprintf(text, sizeof(text), "%.*g", digits, n);
		if (fabs(strtod(text, NULL) - n) <= 0.0)
			break;
	}
	for (char *c = text; *c != '\0'; c++)
		if (*c == ',')
			*c = '.'; /* whatever the process's locale says */
	buf_append_str(out, text);
	if (strpbrk(text, ".e") == NULL)
		buf_append_str(out, ".0");
}

static void
print_break(struct printer *p)
{
	if (p->style != PRINT_PRETTY)
		return;
	buf_append_byte(p->out, '\n');
	for (unsigned i = 0; i < p->depth; i++)
		buf_append_str(p->out, "  ");
}

static void
print_member(struct printer *p, bool first, const char *key, const struct json *value)
{
	if (!first)
		buf_append_byte(p->out, ',');
	print_break(p);
	print_string(p->out, bytes_of_str(key));
	buf_append_str(p->out, p->style == PRINT_PRETTY ? ": " : ":");
	print_value(p, value);
}

static int
print_compare_keys(const void *a, const void *b)
{
	const char *const *left = a;
	const char *const *right = b;

	return strcmp(*left, *right);
}

static void
print_sorted_members(struct printer *p, const struct json *v)
{
	const char **keys = mem_calloc(json_count(v), sizeof(*keys));
	const struct json *value;
	size_t count = 0;
	void *at = NULL;

	while (json_next(v, &at, &keys[count], &value))
		if (++count == json_count(v))
			break;
	qsort(keys, count, sizeof(*keys), print_compare_keys);
	for (size_t i = 0; i < count; i++)
		print_member(p, i == 0, keys[i], json_get(v, keys[i]));
	mem_free(keys);
}

static void
print_object(struct printer *p, const struct json *v)
{
	const struct json *value;
	const char *key;
	bool first = true;
	void *at = NULL;

	if (json_count(v) == 0) {
		buf_append_str(p->out, "{}");
		return;
	}
	buf_append_byte(p->out, '{');
	p->depth++;
	if (p->style == PRINT_SORTED) {
		print_sorted_members(p, v);
	} else {
		for (; json_next(v, &at, &key, &value); first = false)
			print_member(p, first, key, value);
	}
	p->depth--;
	print_break(p);
	buf_append_byte(p->out, '}');
}

static void
print_array(struct printer *p, const struct json *v)
{
	if (json_count(v) == 0) {
		buf_append_str(p->out, "[]");
		return;
	}
	buf_append_byte(p->out, '[');
	p->depth++;
	for (size_t i = 0; i < json_count(v); i++) {
		if (i > 0)
			buf_append_byte(p->out, ',');
		print_break(p);
		print_value(p, json_at(v, i));
	}
	p->depth--;
	print_break(p);
	buf_append_byte(p->out, ']');
}

static void
print_value(struct printer *p, const struct json *v)
{
	switch (json_kind(v)) {
	case JSON_NULL:
		buf_append_str(p->out, "null");
		break;
	case JSON_BOOL:
		buf_append_str(
		    p->out, json_typeof(json_node(v)) == JANSSON_TRUE ? "true" : "false");
		break;
	case JSON_INTEGER:
		buf_printf(p->out, "%" PRId64, (int64_t)json_integer_value(json_node(v)));
		break;
	case JSON_REAL:
		print_real(p->out, json_real_value(json_node(v)));
		break;
	case JSON_STRING:
		print_string(p->out, json_text(v));
		break;
	case JSON_ARRAY:
		print_array(p, v);
		break;
	case JSON_OBJECT:
		print_object(p, v);
		break;
	}
}

void
json_print(const struct json *v, struct buf *out)
{
	struct printer p = {out, PRINT_COMPACT, 0};

	print_value(&p, v);
}

void
json_print_pretty(const struct json *v, struct buf *out)
{
	struct printer p = {out, PRINT_PRETTY, 0};

	print_value(&p, v);
}

void
json_print_sorted(const struct json *v, struct buf *out)
{
	struct printer p = {out, PRINT_SORTED, 0};

	print_value(&p, v);
}
