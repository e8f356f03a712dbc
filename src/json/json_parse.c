/* SPDX-License-Identifier: Apache-2.0 */
/* JSON text to values: a cheap scan for depth and size, then the library. */
#include <string.h>

#include "base_limits.h"
#include "json_value.h"
#include "json_value_int.h"

/* What a value's text may cost before any memory is spent on it. */
struct parse_scan {
	size_t depth, depth_max;
	size_t value_count; /* upper bound: separators and openings */
};

/*
 * The scan only has to be right for text the library will accept: it counts brackets and commas outside strings. For
 * other text it may count anything, since the library refuses that text anyway.
 */
static void
parse_scan(struct bytes text, struct parse_scan *out)
{
	bool in_string = false;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < text.len; i++) {
		uint8_t byte = text.ptr[i];
		if (in_string) {
			if (byte == '\\')
				i++;
			else if (byte == '"')
				in_string = false;
			continue;
		}
		if (byte == '"')
			in_string = true;
		else if (byte == ',')
			out->value_count++;
		else if (byte == '[' || byte == '{') {
			out->value_count++;
			if (++out->depth > out->depth_max)
				out->depth_max = out->depth;
		} else if ((byte == ']' || byte == '}') && out->depth > 0)
			out->depth--;
	}
}

/* The library's own words quote the text, which may be secret; these do not. */
static const char *
parse_reason(enum json_error_code code)
{
	switch (code) {
	case json_error_invalid_utf8:
		return "invalid UTF-8";
	case json_error_premature_end_of_input:
		return "unexpected end";
	case json_error_end_of_input_expected:
		return "something follows the value";
	case json_error_null_character:
	case json_error_null_byte_in_key:
		return "NUL in a string";
	case json_error_duplicate_key:
		return "duplicate key";
	case json_error_numeric_overflow:
		return "number out of range";
	case json_error_stack_overflow:
		return "nested too deeply";
	case json_error_unknown:
	case json_error_out_of_memory:
	case json_error_cannot_open_file:
	case json_error_invalid_argument:
	case json_error_invalid_syntax:
	case json_error_invalid_format:
	case json_error_wrong_type:
	case json_error_null_value:
	case json_error_item_not_found:
	case json_error_index_out_of_range:
		break;
	}
	return "invalid JSON";
}

struct json *
json_parse(struct bytes text, struct err *err)
{
	struct parse_scan scan;
	json_error_t error;
	json_t *node;

	parse_scan(text, &scan);
	if (scan.depth_max > JSON_DEPTH_MAX) {
		ERR(err, ERR_LIMIT, "JSON nested deeper than %u", JSON_DEPTH_MAX);
		return NULL;
	}
	if (scan.value_count >= JSON_VALUES_MAX) {
		ERR(err, ERR_LIMIT, "JSON with more than %u values", JSON_VALUES_MAX);
		return NULL;
	}
	memset(&error, 0, sizeof(error));
	node = json_loadb(text.len > 0 ? (const char *)text.ptr : "", text.len,
	    JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (node == NULL) {
		ERR(err, ERR_SYNTAX, "%s at line %d column %d (byte %d)",
		    parse_reason(json_error_code(&error)), error.line, error.column,
		    error.position);
		return NULL;
	}
	return json_lend(node);
}
