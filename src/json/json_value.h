/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON values: parse, build, look, print. Wraps jansson. RFC 8259 strict: no duplicate keys, no NaN, valid UTF-8,
 * depth at most JSON_DEPTH_MAX, no NUL inside strings.
 *
 * Ownership: a struct json * that is returned by parse/new is the caller's (json_free). json_set and json_push take
 * the value. json_get and json_at lend a view that lives as long as its parent. One thread at a time.
 */
#ifndef JSON_VALUE_H
#define JSON_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base_bytes.h"

struct json;

enum json_kind {
	JSON_NULL,
	JSON_BOOL,
	JSON_INTEGER,
	JSON_REAL,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT
};

/* json_parse: one value and nothing after it but white space; ERR_SYNTAX with position, ERR_LIMIT. */
MUST_USE struct json *json_parse(struct bytes text, struct err *err);
/* json_print: compact, keys in insertion order, times with at most three decimals. Appends. */
void json_print(const struct json *v, struct buf *out);
/* json_print_pretty: two-space indent, for people. */
void json_print_pretty(const struct json *v, struct buf *out);
/* json_print_sorted: compact with sorted keys: equal values print equal (idempotency, hashing). */
void json_print_sorted(const struct json *v, struct buf *out);
void json_free(struct json **v);
struct json *json_copy(const struct json *v); /* deep */
bool json_equal(const struct json *a, const struct json *b);

enum json_kind json_kind(const struct json *v); /* JSON_NULL for NULL */
bool json_is_number(const struct json *v);

struct json *json_new_object(void);
struct json *json_new_array(void);
struct json *json_new_null(void);
struct json *json_new_bool(bool b);
struct json *json_new_integer(int64_t n);
struct json *json_new_real(double n); /* null when n is not finite */
/* json_new_text: bytes that are not UTF-8 or hold NUL are replaced by U+FFFD. */
struct json *json_new_text(struct bytes text);
struct json *json_new_str(const char *text);
/* json_new_seconds: milliseconds as a number of seconds, an integer when there is no fraction. */
struct json *json_new_seconds(int64_t ms);

/* Objects. json_get: NULL when v is no object or has no such member; a member that is null is returned as JSON_NULL. */
const struct json *json_get(const struct json *v, const char *key);
/* json_find: like json_get, but NULL also for null. */
const struct json *json_find(const struct json *v, const char *key);
struct json *json_get_mutable(struct json *v, const char *key);
void json_set(
    struct json *object, const char *key, struct json *value); /* takes value; NULL value = no-op */
void json_set_str(struct json *object, const char *key, const char *text); /* NULL text = no-op */
void json_set_text(struct json *object, const char *key, struct bytes text);
void json_set_integer(struct json *object, const char *key, int64_t n);
void json_set_bool(struct json *object, const char *key, bool b);
void json_set_seconds(struct json *object, const char *key, int64_t ms);
void json_unset(struct json *object, const char *key);
/* json_next: walk the members in insertion order, each step O(1): *at starts as NULL and is the walk's own; false at
 * the end. The object must not change meanwhile. */
bool json_next(
    const struct json *object, void **at, const char **key_out, const struct json **value_out);
/* json_member: the i-th member in insertion order; false past the end. O(i): to see all members use json_next. */
bool json_member(
    const struct json *object, size_t i, const char **key_out, const struct json **value_out);

/* Arrays; json_count also counts an object's members; 0 for anything else. */
size_t json_count(const struct json *v);
const struct json *json_at(const struct json *array, size_t i);
struct json *json_at_mutable(struct json *array, size_t i);
void json_push(struct json *array, struct json *value); /* takes value */

/* Scalars. json_text: the string's bytes, empty for anything else; json_str: NUL-terminated or NULL. */
struct bytes json_text(const struct json *v);
const char *json_str(const struct json *v);
const char *json_get_str(
    const struct json *object, const char *key); /* NULL when absent or no string */
bool json_get_bool(const struct json *object, const char *key, bool otherwise);
int64_t json_get_integer(const struct json *object, const char *key, int64_t otherwise);
/* json_number: integer or real as double; 0 for anything else. */
double json_number(const struct json *v);
/* json_ms: a number of seconds as milliseconds, rounded; out of range is clipped to ±10^15. */
int64_t json_ms(const struct json *v);

/* CBOR (RFC 8949 subset used by Smithy RPC v2): definite and indefinite maps, arrays and text, integers, floats, bool,
 * null, tag 1 times (as numbers), byte strings (as base64 text). */
MUST_USE struct json *json_cbor_parse(struct bytes data, struct err *err);
/* json_cbor_print: is_time says for a member name whether its number is a time (tag 1). Appends. */
void json_cbor_print(const struct json *v, bool (*is_time)(const char *key), struct buf *out);

#endif
