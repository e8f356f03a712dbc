/* SPDX-License-Identifier: Apache-2.0 */
/* ArchiveFilters as the archive takes them. */
#include <string.h>

#include "retain.h"
#include "base_err.h"

static enum pack_attribute
attribute_of(const char *word)
{
	static const struct {
		const char *word;
		enum pack_attribute attribute;
	} words[] = {{"TO", PACK_ATTRIBUTE_TO}, {"FROM", PACK_ATTRIBUTE_FROM},
	    {"CC", PACK_ATTRIBUTE_CC}, {"SUBJECT", PACK_ATTRIBUTE_SUBJECT},
	    {"ENVELOPE_TO", PACK_ATTRIBUTE_ENVELOPE_TO},
	    {"ENVELOPE_FROM", PACK_ATTRIBUTE_ENVELOPE_FROM},
	    {"HAS_ATTACHMENTS", PACK_ATTRIBUTE_HAS_ATTACHMENTS}};
	size_t i = 0;

	while (strcmp(words[i].word, word) != 0)
		must(++i < sizeof(words) / sizeof(words[0])); /* the model has no other words */
	return words[i].attribute;
}

static const struct pack_condition *
conditions_build(struct arena *arena, const struct json *list, size_t *count_out)
{
	struct pack_condition *out = arena_calloc(arena, json_count(list) + 1, sizeof(*out));

	*count_out = json_count(list);
	for (size_t i = 0; i < *count_out; i++) {
		const struct json *text = json_find(json_at(list, i), "StringExpression");
		const struct json *flag = json_find(json_at(list, i), "BooleanExpression");
		const struct json *values = json_find(text, "Values");
		struct bytes *views = arena_calloc(arena, json_count(values) + 1, sizeof(*views));

		out[i].attribute = attribute_of(
		    json_get_str(json_find(text != NULL ? text : flag, "Evaluate"), "Attribute"));
		out[i].expected =
		    flag != NULL && strcmp(json_get_str(flag, "Operator"), "IS_TRUE") == 0;
		for (size_t j = 0; j < json_count(values); j++)
			views[j] = json_text(json_at(values, j));
		out[i].values = views;
		out[i].value_count = json_count(values);
	}
	return out;
}

void
retain_filter_build(struct arena *arena, const struct json *filters, struct pack_filter *out)
{
	out->include = conditions_build(arena, json_find(filters, "Include"), &out->include_count);
	out->unless = conditions_build(arena, json_find(filters, "Unless"), &out->unless_count);
}
