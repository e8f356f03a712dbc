/* SPDX-License-Identifier: Apache-2.0 */
/* JSON values: building and looking, over jansson. */
#include "json_value.h"

#include <math.h>
#include <string.h>

#include "base_mem.h"
#include "base_text.h"
#include "json_value_int.h"

#define MS_MAX INT64_C(1000000000000000)

enum json_kind
json_kind(const struct json *v)
{
	if (v == NULL)
		return JSON_NULL;
	switch (json_typeof(json_node(v))) {
	case JANSSON_OBJECT:
		return JSON_OBJECT;
	case JANSSON_ARRAY:
		return JSON_ARRAY;
	case JANSSON_STRING:
		return JSON_STRING;
	case JANSSON_INTEGER:
		return JSON_INTEGER;
	case JANSSON_REAL:
		return JSON_REAL;
	case JANSSON_TRUE:
	case JANSSON_FALSE:
		return JSON_BOOL;
	case JANSSON_NULL:
		break;
	}
	return JSON_NULL;
}

bool
json_is_number(const struct json *v)
{
	enum json_kind kind = json_kind(v);

	return kind == JSON_INTEGER || kind == JSON_REAL;
}

void
json_free(struct json **v)
{
	if (v == NULL || *v == NULL)
		return;
	json_decref(json_node(*v));
	*v = NULL;
}

struct json *
json_copy(const struct json *v)
{
	return v == NULL ? NULL : json_wrap(json_deep_copy(json_node(v)));
}

static bool
value_equal_object(const struct json *a, const struct json *b)
{
	const struct json *left;
	const char *key;
	void *at = NULL;

	while (json_next(a, &at, &key, &left)) {
		const struct json *right = json_get(b, key);
		if (right == NULL || !json_equal(left, right))
			return false;
	}
	return true;
}

bool
json_equal(const struct json *a, const struct json *b)
{
	enum json_kind kind = json_kind(a);

	if (a == b)
		return true;
	if (kind != json_kind(b) || json_count(a) != json_count(b))
		return false;
	switch (kind) {
	case JSON_NULL:
		return true;
	case JSON_BOOL:
		return json_typeof(json_node(a)) == json_typeof(json_node(b));
	case JSON_INTEGER:
		return json_integer_value(json_node(a)) == json_integer_value(json_node(b));
	case JSON_REAL: {
		double x = json_real_value(json_node(a)), y = json_real_value(json_node(b));
		return !(x < y) && !(x > y);
	}
	case JSON_STRING:
		return bytes_equal(json_text(a), json_text(b));
	case JSON_ARRAY:
		for (size_t i = 0; i < json_count(a); i++)
			if (!json_equal(json_at(a, i), json_at(b, i)))
				return false;
		return true;
	case JSON_OBJECT:
		return value_equal_object(a, b);
	}
	return false;
}

struct json *
json_new_object(void)
{
	return json_wrap(json_object());
}

struct json *
json_new_array(void)
{
	return json_wrap(json_array());
}

struct json *
json_new_null(void)
{
	return json_wrap(json_null());
}

struct json *
json_new_bool(bool b)
{
	return json_wrap(json_boolean(b));
}

struct json *
json_new_integer(int64_t n)
{
	return json_wrap(json_integer(n));
}

struct json *
json_new_real(double n)
{
	return isfinite(n) ? json_wrap(json_real(n)) : json_new_null();
}

/* value_clean: text with every bad byte and every NUL as U+FFFD, which takes at most three bytes. */
static void
value_clean(struct buf *out, struct bytes text)
{
	size_t at = 0;

	must(text.len <= SIZE_MAX / 4);
	buf_init(out, text.len * 3 + 1);
	while (at < text.len) {
		uint32_t character = text_utf8_next(text, &at);
		text_utf8_append(out, character == 0 ? 0xfffd : character);
	}
	must(!out->failed);
}

static bool
value_is_clean(struct bytes text)
{
	return text_utf8_valid(text) && bytes_find_byte(text, 0, 0) == SIZE_MAX;
}

struct json *
json_new_text(struct bytes text)
{
	struct json *v;
	struct buf clean;

	if (value_is_clean(text))
		return json_wrap(
		    json_stringn_nocheck(text.len > 0 ? (const char *)text.ptr : "", text.len));
	value_clean(&clean, text);
	v = json_wrap(json_stringn_nocheck(buf_text(&clean), clean.len));
	buf_fini(&clean);
	return v;
}

struct json *
json_new_str(const char *text)
{
	return json_new_text(bytes_of_str(text));
}

struct json *
json_new_seconds(int64_t ms)
{
	return ms % 1000 == 0 ? json_new_integer(ms / 1000) : json_new_real((double)ms / 1000.0);
}

const struct json *
json_get(const struct json *v, const char *key)
{
	return json_lend(json_object_get(json_node(v), key));
}

const struct json *
json_find(const struct json *v, const char *key)
{
	const struct json *member = json_get(v, key);

	return json_kind(member) == JSON_NULL ? NULL : member;
}

struct json *
json_get_mutable(struct json *v, const char *key)
{
	return json_lend(json_object_get(json_node(v), key));
}

void
json_set(struct json *object, const char *key, struct json *value)
{
	struct buf clean;

	must(json_kind(object) == JSON_OBJECT);
	if (value == NULL)
		return;
	if (text_utf8_valid(bytes_of_str(key))) {
		must(json_object_set_new_nocheck(json_node(object), key, json_node(value)) == 0);
		return;
	}
	value_clean(&clean, bytes_of_str(key));
	must(json_object_set_new_nocheck(json_node(object), buf_text(&clean), json_node(value)) ==
	     0);
	buf_fini(&clean);
}

void
json_set_str(struct json *object, const char *key, const char *text)
{
	if (text != NULL)
		json_set(object, key, json_new_str(text));
}

void
json_set_text(struct json *object, const char *key, struct bytes text)
{
	json_set(object, key, json_new_text(text));
}

void
json_set_integer(struct json *object, const char *key, int64_t n)
{
	json_set(object, key, json_new_integer(n));
}

void
json_set_bool(struct json *object, const char *key, bool b)
{
	json_set(object, key, json_new_bool(b));
}

void
json_set_seconds(struct json *object, const char *key, int64_t ms)
{
	json_set(object, key, json_new_seconds(ms));
}

void
json_unset(struct json *object, const char *key)
{
	(void)json_object_del(json_node(object), key); /* an absent member is no failure */
}

bool
json_next(const struct json *object, void **at, const char **key_out, const struct json **value_out)
{
	if (json_kind(object) != JSON_OBJECT)
		return false;
	*at = *at == NULL ? json_object_iter(json_node(object))
			  : json_object_iter_next(json_node(object), *at);
	if (*at == NULL)
		return false;
	*key_out = json_object_iter_key(*at);
	*value_out = json_lend(json_object_iter_value(*at));
	return true;
}

bool
json_member(
    const struct json *object, size_t i, const char **key_out, const struct json **value_out)
{
	void *at = NULL;

	for (size_t n = 0; n <= i; n++)
		if (!json_next(object, &at, key_out, value_out))
			return false;
	return true;
}

size_t
json_count(const struct json *v)
{
	switch (json_kind(v)) {
	case JSON_ARRAY:
		return json_array_size(json_node(v));
	case JSON_OBJECT:
		return json_object_size(json_node(v));
	case JSON_NULL:
	case JSON_BOOL:
	case JSON_INTEGER:
	case JSON_REAL:
	case JSON_STRING:
		break;
	}
	return 0;
}

const struct json *
json_at(const struct json *array, size_t i)
{
	return json_lend(json_array_get(json_node(array), i));
}

struct json *
json_at_mutable(struct json *array, size_t i)
{
	return json_lend(json_array_get(json_node(array), i));
}

void
json_push(struct json *array, struct json *value)
{
	must(json_kind(array) == JSON_ARRAY && value != NULL);
	must(json_array_append_new(json_node(array), json_node(value)) == 0);
}

struct bytes
json_text(const struct json *v)
{
	if (json_kind(v) != JSON_STRING)
		return BYTES_EMPTY;
	return bytes_of(json_string_value(json_node(v)), json_string_length(json_node(v)));
}

const char *
json_str(const struct json *v)
{
	return json_kind(v) == JSON_STRING ? json_string_value(json_node(v)) : NULL;
}

const char *
json_get_str(const struct json *object, const char *key)
{
	return json_str(json_get(object, key));
}

bool
json_get_bool(const struct json *object, const char *key, bool otherwise)
{
	const struct json *v = json_get(object, key);

	return json_kind(v) == JSON_BOOL ? json_typeof(json_node(v)) == JANSSON_TRUE : otherwise;
}

int64_t
json_get_integer(const struct json *object, const char *key, int64_t otherwise)
{
	const struct json *v = json_get(object, key);

	return json_kind(v) == JSON_INTEGER ? json_integer_value(json_node(v)) : otherwise;
}

double
json_number(const struct json *v)
{
	return json_is_number(v) ? json_number_value(json_node(v)) : 0;
}

int64_t
json_ms(const struct json *v)
{
	double ms;

	if (json_kind(v) == JSON_INTEGER) {
		int64_t seconds = json_integer_value(json_node(v));
		if (seconds > MS_MAX / 1000)
			return MS_MAX;
		return seconds < -MS_MAX / 1000 ? -MS_MAX : seconds * 1000;
	}
	ms = json_number(v) * 1000.0;
	if (!(ms < (double)MS_MAX))
		return MS_MAX;
	return ms > -(double)MS_MAX ? (int64_t)llround(ms) : -MS_MAX;
}
