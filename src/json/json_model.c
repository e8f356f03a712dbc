/* SPDX-License-Identifier: Apache-2.0 */
/* Model-driven validation: one walk over shape and value, collecting what is wrong in the words AWS services use. */
#include "json_model.h"

#include <inttypes.h>
#include <string.h>

#include "base_limits.h"
#include "base_text.h"
#include "json_pattern_int.h"
#include "json_value_int.h"

#define MODEL_TEXT_BYTES_MAX (256u * 1024)
#define MODEL_PATH_BYTES_MAX 2048u

/* Where the walk is: a chain of frames on the stack, printed only when something is wrong there. */
struct model_place {
	const struct model_place *parent;
	const char *member; /* NULL for an element of a list */
	size_t item;        /* from 1 */
};

struct model_walk {
	const struct json_model *model;
	struct json_model_report *report;
	struct buf violations; /* joined by "; " */
};

static void model_walk(struct model_walk *w, const struct json_shape *shape,
    const struct json *value, const struct model_place *place);

static void
model_put_path(struct buf *out, const struct model_place *place)
{
	if (place->parent != NULL) {
		model_put_path(out, place->parent);
		if (place->parent->parent != NULL)
			buf_append_byte(out, '.');
	}
	if (place->member != NULL) {
		char first = place->member[0];
		buf_append_byte(
		    out, (uint8_t)(first >= 'A' && first <= 'Z' ? first - 'A' + 'a' : first));
		buf_append_str(out, place->member + (first != '\0' ? 1 : 0));
	} else if (place->item > 0) {
		buf_printf(out, "%zu.member", place->item);
	}
}

static const char *
model_kind_name(const struct json *value)
{
	static const char *const names[] = {
	    [JSON_NULL] = "null",
	    [JSON_BOOL] = "a boolean",
	    [JSON_INTEGER] = "an integer",
	    [JSON_REAL] = "a number",
	    [JSON_STRING] = "a string",
	    [JSON_ARRAY] = "a list",
	    [JSON_OBJECT] = "a structure",
	};

	return names[json_kind(value)];
}

/* The first wrong type is the report; later ones would only be guesses about a request that was not understood. */
static void
model_wrong_type(struct model_walk *w, const char *wanted, const struct json *value,
    const struct model_place *place)
{
	struct buf path;

	if (w->report->result == JSON_MODEL_WRONG_TYPE)
		return;
	w->report->result = JSON_MODEL_WRONG_TYPE;
	buf_init(&path, MODEL_PATH_BYTES_MAX);
	model_put_path(&path, place);
	buf_printf(&w->report->text, "Wrong type at '%s': %s is needed, %s was given",
	    path.len > 0 ? buf_text(&path) : ".", wanted, model_kind_name(value));
	buf_fini(&path);
}

/* A shape whose value may not be shown, itself or in something it contains. Shapes may be recursive: when the budget of
 * visits is used up, the answer is the careful one. */
static bool
model_find_sensitive(const struct json_shape *shape, unsigned *visits_left)
{
	if (shape->sensitive || *visits_left == 0)
		return true;
	--*visits_left;
	if (shape->kind == JSON_SHAPE_LIST)
		return model_find_sensitive(shape->element, visits_left);
	if (shape->kind != JSON_SHAPE_STRUCTURE && shape->kind != JSON_SHAPE_UNION)
		return false;
	for (size_t i = 0; i < shape->member_count; i++)
		if (model_find_sensitive(shape->members[i].shape, visits_left))
			return true;
	return false;
}

static bool
model_is_sensitive(const struct json_shape *shape)
{
	unsigned visits_left = 500;

	return model_find_sensitive(shape, &visits_left);
}

/* Coral prints text bare and a list as [a, b]. */
static void
model_put_value(struct buf *out, const struct json *value)
{
	if (json_kind(value) == JSON_STRING) {
		buf_append(out, json_text(value));
		return;
	}
	if (json_kind(value) != JSON_ARRAY) {
		json_print(value, out);
		return;
	}
	buf_append_byte(out, '[');
	for (size_t i = 0; i < json_count(value) && out->len <= JSON_MODEL_ECHO_BYTES_MAX; i++) {
		if (i > 0)
			buf_append_str(out, ", ");
		model_put_value(out, json_at(value, i));
	}
	buf_append_byte(out, ']');
}

static void
model_put_echo(struct buf *out, const struct json *value)
{
	struct bytes text;
	struct buf whole;
	size_t cut;

	buf_init(&whole, 64 * LIMIT_MIB);
	model_put_value(&whole, value);
	text = buf_view(&whole);
	if (text.len > JSON_MODEL_ECHO_BYTES_MAX) {
		for (cut = JSON_MODEL_ECHO_BYTES_MAX; cut > 0 && (text.ptr[cut] & 0xc0) == 0x80;
		     cut--)
			;
		buf_append(out, bytes_slice(text, 0, cut));
		buf_append_str(out, "...");
	} else {
		buf_append(out, text);
	}
	buf_fini(&whole);
}

/* model_violation: what starts a violation; the phrase after "Member must " is appended by the caller. */
static struct buf *
model_violation(struct model_walk *w, const struct json_shape *shape, const struct json *value,
    const struct model_place *place)
{
	struct buf *out = &w->violations;

	if (w->report->error_count++ >= JSON_MODEL_ERRORS_MAX)
		return NULL;
	if (out->len > 0)
		buf_append_str(out, "; ");
	if (json_kind(value) == JSON_NULL) {
		buf_append_str(out, "Value null at '");
	} else if (model_is_sensitive(shape)) {
		buf_append_str(out, "Value at '");
	} else {
		buf_append_str(out, "Value '");
		model_put_echo(out, value);
		buf_append_str(out, "' at '");
	}
	model_put_path(out, place);
	buf_append_str(out, "' failed to satisfy constraint: Member must ");
	return out;
}

static void
model_say(struct model_walk *w, const struct json_shape *shape, const struct json *value,
    const struct model_place *place, const char *phrase)
{
	struct buf *out = model_violation(w, shape, value, place);

	if (out != NULL)
		buf_append_str(out, phrase);
}

static void
model_say_bound(struct model_walk *w, const struct json_shape *shape, const struct json *value,
    const struct model_place *place, const char *phrase, int64_t bound)
{
	struct buf *out = model_violation(w, shape, value, place);

	if (out != NULL)
		buf_printf(out, "%s %" PRId64, phrase, bound);
}

static void
model_check_length(struct model_walk *w, const struct json_shape *shape, const struct json *value,
    const struct model_place *place, size_t length)
{
	if (shape->min > 0 && length < (uint64_t)shape->min)
		model_say_bound(
		    w, shape, value, place, "have length greater than or equal to", shape->min);
	if (shape->max >= 0 && length > (uint64_t)shape->max)
		model_say_bound(
		    w, shape, value, place, "have length less than or equal to", shape->max);
}

static void
model_check_enum(struct model_walk *w, const struct json_shape *shape, const struct json *value,
    const struct model_place *place)
{
	struct buf *out;
	size_t i;

	for (i = 0; shape->enum_values[i] != NULL; i++)
		if (bytes_equal(json_text(value), bytes_of_str(shape->enum_values[i])))
			return;
	out = model_violation(w, shape, value, place);
	if (out == NULL)
		return;
	buf_append_str(out, "satisfy enum value set: [");
	for (i = 0; shape->enum_values[i] != NULL; i++) {
		buf_append_str(out, i > 0 ? ", " : "");
		buf_append_str(out, shape->enum_values[i]);
	}
	buf_append_byte(out, ']');
}

static void
model_check_string(struct model_walk *w, const struct json_shape *shape, const struct json *value,
    const struct model_place *place)
{
	struct buf *out;

	if (json_kind(value) != JSON_STRING) {
		model_wrong_type(w, "a string", value, place);
		return;
	}
	model_check_length(w, shape, value, place, text_utf8_count(json_text(value)));
	if (shape->pattern != NULL &&
	    !json_pattern_match(w->model, shape->pattern, json_text(value))) {
		out = model_violation(w, shape, value, place);
		if (out != NULL) {
			buf_append_str(out, "satisfy regular expression pattern: ");
			buf_append_str(out, shape->pattern);
		}
	}
	if (shape->enum_values != NULL)
		model_check_enum(w, shape, value, place);
}

static void
model_check_integer(struct model_walk *w, const struct json_shape *shape, const struct json *value,
    const struct model_place *place)
{
	int64_t n;

	if (json_kind(value) != JSON_INTEGER) {
		model_wrong_type(w, "an integer", value, place);
		return;
	}
	n = json_integer_value(json_node(value));
	if (shape->min != JSON_SHAPE_NO_MIN && n < shape->min)
		model_say_bound(
		    w, shape, value, place, "have value greater than or equal to", shape->min);
	if (shape->max != JSON_SHAPE_NO_MAX && n > shape->max)
		model_say_bound(
		    w, shape, value, place, "have value less than or equal to", shape->max);
}

static void
model_check_double(struct model_walk *w, const struct json_shape *shape, const struct json *value,
    const struct model_place *place)
{
	double n = json_number(value);

	if (!json_is_number(value)) {
		model_wrong_type(w, "a number", value, place);
		return;
	}
	if (shape->kind != JSON_SHAPE_DOUBLE)
		return;
	if (shape->min != JSON_SHAPE_NO_MIN && n < (double)shape->min)
		model_say_bound(
		    w, shape, value, place, "have value greater than or equal to", shape->min);
	if (shape->max != JSON_SHAPE_NO_MAX && n > (double)shape->max)
		model_say_bound(
		    w, shape, value, place, "have value less than or equal to", shape->max);
}

static void
model_check_boolean(struct model_walk *w, const struct json_shape *shape, const struct json *value,
    const struct model_place *place)
{
	(void)shape;
	if (json_kind(value) != JSON_BOOL)
		model_wrong_type(w, "a boolean", value, place);
}

static void
model_check_blob(struct model_walk *w, const struct json_shape *shape, const struct json *value,
    const struct model_place *place)
{
	struct bytes text = json_text(value);
	struct buf raw;

	buf_init(&raw, text.len + 3);
	if (json_kind(value) != JSON_STRING || !text_base64_decode(&raw, text))
		model_wrong_type(w, "base64 text", value, place);
	else
		model_check_length(w, shape, value, place, raw.len);
	buf_fini(&raw);
}

static void
model_check_list(struct model_walk *w, const struct json_shape *shape, const struct json *value,
    const struct model_place *place)
{
	if (json_kind(value) != JSON_ARRAY) {
		model_wrong_type(w, "a list", value, place);
		return;
	}
	model_check_length(w, shape, value, place, json_count(value));
	for (size_t i = 0; i < json_count(value); i++) {
		const struct model_place item = {place, NULL, i + 1};
		if (json_kind(json_at(value, i)) == JSON_NULL)
			model_say(w, shape->element, NULL, &item, "not be null");
		else
			model_walk(w, shape->element, json_at(value, i), &item);
	}
}

/* Structures and unions. */
static void
model_check_members(struct model_walk *w, const struct json_shape *shape, const struct json *value,
    const struct model_place *place)
{
	size_t set_count = 0;

	if (json_kind(value) != JSON_OBJECT) {
		model_wrong_type(w, "a structure", value, place);
		return;
	}
	for (size_t i = 0; i < shape->member_count; i++) {
		const struct json_member *member = &shape->members[i];
		const struct model_place below = {place, member->name, 0};
		const struct json *v = json_find(value, member->name);
		set_count += v != NULL;
		if (v != NULL)
			model_walk(w, member->shape, v, &below);
		else if (member->required && shape->kind == JSON_SHAPE_STRUCTURE)
			model_say(w, member->shape, NULL, &below, "not be null");
	}
	if (shape->kind == JSON_SHAPE_UNION && set_count != 1)
		model_say(w, shape, value, place, "have exactly one value set");
}

typedef void (*model_check_fn)(struct model_walk *w, const struct json_shape *shape,
    const struct json *value, const struct model_place *place);

static void
model_walk(struct model_walk *w, const struct json_shape *shape, const struct json *value,
    const struct model_place *place)
{
	static const model_check_fn checks[] = {
	    [JSON_SHAPE_STRING] = model_check_string,
	    [JSON_SHAPE_INTEGER] = model_check_integer,
	    [JSON_SHAPE_DOUBLE] = model_check_double,
	    [JSON_SHAPE_BOOLEAN] = model_check_boolean,
	    [JSON_SHAPE_TIMESTAMP] = model_check_double,
	    [JSON_SHAPE_BLOB] = model_check_blob,
	    [JSON_SHAPE_LIST] = model_check_list,
	    [JSON_SHAPE_STRUCTURE] = model_check_members,
	    [JSON_SHAPE_UNION] = model_check_members,
	};

	checks[shape->kind](w, shape, value, place);
}

static void
model_finish(struct model_walk *w)
{
	struct json_model_report *report = w->report;

	if (report->result == JSON_MODEL_WRONG_TYPE) {
		report->error_count = 1;
	} else if (report->error_count > 0) {
		report->result = JSON_MODEL_INVALID;
		buf_printf(&report->text, "%zu validation error%s detected: ", report->error_count,
		    report->error_count == 1 ? "" : "s");
		buf_append(&report->text, buf_view(&w->violations));
	}
}

bool
json_model_check(const struct json_model *model, const struct json_shape *shape,
    const struct json *value, struct json_model_report *report)
{
	const struct model_place root = {NULL, NULL, 0};
	struct model_walk w = {model, report, {0}};

	report->result = JSON_MODEL_VALID;
	report->error_count = 0;
	buf_init(&report->text, MODEL_TEXT_BYTES_MAX + 64);
	buf_init(&w.violations, MODEL_TEXT_BYTES_MAX);
	model_walk(&w, shape, value, &root);
	model_finish(&w);
	buf_fini(&w.violations);
	return report->result == JSON_MODEL_VALID;
}

void
json_model_report_fini(struct json_model_report *report)
{
	buf_fini(&report->text);
}
