/* SPDX-License-Identifier: Apache-2.0 */
/* The patterns of a model, compiled once and shared by all threads; nothing in them changes afterwards. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "base_mem.h"
#include "json_pattern_int.h"

/* Steps and kilobytes one match may use: enough for the longest values of the model (500,000 characters) with a simple
 * pattern, little enough that no value keeps a thread busy. */
#define PATTERN_STEPS_MAX    2000000u
#define PATTERN_DEPTH_MAX    10000u
#define PATTERN_HEAP_KIB_MAX 20000u

struct pattern {
	const char *source; /* lent by a shape */
	pcre2_code *code;
};

struct json_model {
	struct pattern *patterns; /* sorted by source */
	size_t pattern_count;
	pcre2_match_context *limits;
};

struct pattern_visit {
	const struct json_shape **seen;
	size_t seen_count;
};

static int
pattern_compare(const void *a, const void *b)
{
	const struct pattern *left = a, *right = b;

	return strcmp(left->source, right->source);
}

static bool
pattern_add(struct json_model *model, const char *source, struct err *err)
{
	PCRE2_UCHAR why[120];
	PCRE2_SIZE at = 0;
	pcre2_code *code;
	int error = 0;

	for (size_t i = 0; i < model->pattern_count; i++)
		if (strcmp(model->patterns[i].source, source) == 0)
			return true;
	code = pcre2_compile((PCRE2_SPTR)source, PCRE2_ZERO_TERMINATED,
	    PCRE2_UTF | PCRE2_NO_AUTO_CAPTURE | PCRE2_DOLLAR_ENDONLY | PCRE2_ANCHORED |
		PCRE2_ENDANCHORED,
	    &error, &at, NULL);
	if (code == NULL) {
		(void)pcre2_get_error_message(error, why, sizeof(why));
		return ERR(err, ERR_USAGE, "pattern \"%.60s\": %s (byte %zu)", source,
		    (const char *)why, (size_t)at);
	}
	model->patterns =
	    mem_realloc_array(model->patterns, model->pattern_count + 1, sizeof(*model->patterns));
	model->patterns[model->pattern_count++] = (struct pattern){source, code};
	return true;
}

static bool
pattern_seen(struct pattern_visit *visit, const struct json_shape *shape)
{
	for (size_t i = 0; i < visit->seen_count; i++)
		if (visit->seen[i] == shape)
			return true;
	visit->seen = mem_realloc_array(
	    visit->seen, visit->seen_count + 1, sizeof(const struct json_shape *));
	visit->seen[visit->seen_count++] = shape;
	return false;
}

static bool
pattern_collect(struct json_model *model, struct pattern_visit *visit,
    const struct json_shape *shape, struct err *err)
{
	if (pattern_seen(visit, shape))
		return true;
	if (shape->kind == JSON_SHAPE_STRING && shape->pattern != NULL)
		return pattern_add(model, shape->pattern, err);
	if (shape->kind == JSON_SHAPE_LIST)
		return pattern_collect(model, visit, shape->element, err);
	if (shape->kind != JSON_SHAPE_STRUCTURE && shape->kind != JSON_SHAPE_UNION)
		return true;
	for (size_t i = 0; i < shape->member_count; i++)
		if (!pattern_collect(model, visit, shape->members[i].shape, err))
			return false;
	return true;
}

bool
json_model_new(const struct json_shape *const *roots, size_t root_count, struct json_model **out,
    struct err *err)
{
	struct json_model *model = mem_calloc(1, sizeof(*model));
	struct pattern_visit visit = {NULL, 0};
	bool done = true;

	model->limits = pcre2_match_context_create(NULL);
	must(model->limits != NULL);
	(void)pcre2_set_match_limit(model->limits, PATTERN_STEPS_MAX);
	(void)pcre2_set_depth_limit(model->limits, PATTERN_DEPTH_MAX);
	(void)pcre2_set_heap_limit(model->limits, PATTERN_HEAP_KIB_MAX);
	for (size_t i = 0; i < root_count && done; i++)
		done = pattern_collect(model, &visit, roots[i], err);
	mem_free(visit.seen);
	if (!done) {
		json_model_free(&model);
		return false;
	}
	if (model->pattern_count > 0)
		qsort(model->patterns, model->pattern_count, sizeof(*model->patterns),
		    pattern_compare);
	*out = model;
	return true;
}

void
json_model_free(struct json_model **model)
{
	if (model == NULL || *model == NULL)
		return;
	for (size_t i = 0; i < (*model)->pattern_count; i++)
		pcre2_code_free((*model)->patterns[i].code);
	mem_free((*model)->patterns);
	pcre2_match_context_free((*model)->limits);
	mem_free(*model);
	*model = NULL;
}

bool
json_pattern_match(const struct json_model *model, const char *pattern, struct bytes text)
{
	const struct pattern key = {pattern, NULL}, *found = NULL;
	pcre2_match_data *match;
	int result;

	if (model->pattern_count > 0)
		found = bsearch(
		    &key, model->patterns, model->pattern_count, sizeof(key), pattern_compare);
	must(found != NULL);
	match = pcre2_match_data_create(1, NULL);
	must(match != NULL);
	result = pcre2_match(found->code, text.len > 0 ? text.ptr : (PCRE2_SPTR) "", text.len, 0,
	    PCRE2_NO_UTF_CHECK, match, model->limits);
	pcre2_match_data_free(match);
	return result >= 0;
}
