/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR (RFC 8949) to values and back: the subset that Smithy RPC v2 uses. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base_limits.h"
#include "base_mem.h"
#include "base_text.h"
#include "json_value.h"
#include "json_value_int.h"

/* RFC 8949 §3: major types, additional information, simple values. */
enum cbor_major {
	MAJOR_UINT,
	MAJOR_NEGATIVE,
	MAJOR_BYTES,
	MAJOR_TEXT,
	MAJOR_ARRAY,
	MAJOR_MAP,
	MAJOR_TAG,
	MAJOR_OTHER
};
#define INFO_INDEFINITE 31
#define BYTE_BREAK      0xff
#define SIMPLE_FALSE    20
#define SIMPLE_TRUE     21
#define SIMPLE_NULL     22
#define SIMPLE_UNDEF    23
#define FLOAT_HALF      25
#define FLOAT_SINGLE    26
#define FLOAT_DOUBLE    27
#define TAG_EPOCH_TIME  1

struct cbor_reader {
	struct bytes data;
	size_t at;
	size_t value_count;
	struct err *err;
};

/* One item's head: its argument is the value of additional information and the bytes after it. */
struct cbor_head {
	enum cbor_major major;
	uint8_t info;
	uint64_t argument;
};

static struct json *cbor_value(struct cbor_reader *r, unsigned depth);

static bool
cbor_fail(struct cbor_reader *r, const char *what)
{
	return ERR(r->err, ERR_SYNTAX, "CBOR: %s (byte %zu)", what, r->at);
}

static size_t
cbor_left(const struct cbor_reader *r)
{
	return r->data.len - r->at;
}

static bool
cbor_head(struct cbor_reader *r, struct cbor_head *out)
{
	uint8_t first;
	size_t width;

	if (cbor_left(r) == 0)
		return cbor_fail(r, "unexpected end");
	first = r->data.ptr[r->at];
	out->major = (enum cbor_major)(first >> 5);
	out->info = first & 31;
	out->argument = out->info < 24 ? out->info : 0;
	width = out->info >= 24 && out->info <= 27 ? (size_t)1 << (out->info - 24) : 0;
	if (out->info >= 28 && out->info <= 30)
		return cbor_fail(r, "reserved additional information");
	if (cbor_left(r) - 1 < width)
		return cbor_fail(r, "unexpected end");
	for (size_t i = 0; i < width; i++)
		out->argument = out->argument << 8 | r->data.ptr[r->at + 1 + i];
	r->at += 1 + width;
	return true;
}

/* cbor_break: takes the break byte if it is next. */
static bool
cbor_break(struct cbor_reader *r)
{
	if (cbor_left(r) == 0 || r->data.ptr[r->at] != BYTE_BREAK)
		return false;
	r->at++;
	return true;
}

static bool
cbor_chunk(struct cbor_reader *r, const struct cbor_head *head, struct buf *out)
{
	struct bytes chunk;

	if (head->argument > cbor_left(r))
		return cbor_fail(r, "string longer than the data");
	chunk = bytes_slice(r->data, r->at, (size_t)head->argument);
	/* RFC 8949 §3.2.3: no character is split between the chunks of a text string. */
	if (head->major == MAJOR_TEXT &&
	    (!text_utf8_valid(chunk) || bytes_find_byte(chunk, 0, 0) != SIZE_MAX))
		return cbor_fail(r, "text is not UTF-8 without NUL");
	buf_append(out, chunk);
	r->at += chunk.len;
	return true;
}

static bool
cbor_string(struct cbor_reader *r, const struct cbor_head *head, struct buf *out)
{
	struct cbor_head part;

	if (head->info != INFO_INDEFINITE)
		return cbor_chunk(r, head, out);
	while (!cbor_break(r)) {
		if (!cbor_head(r, &part))
			return false;
		if (part.major != head->major || part.info == INFO_INDEFINITE)
			return cbor_fail(r, "bad chunk of an indefinite string");
		if (!cbor_chunk(r, &part, out))
			return false;
	}
	return true;
}

static struct json *
cbor_string_value(struct cbor_reader *r, const struct cbor_head *head)
{
	struct json *v = NULL;
	struct buf raw, base64;

	buf_init(&raw, r->data.len);
	buf_init(&base64, r->data.len * 2 + 4);
	if (cbor_string(r, head, &raw)) {
		if (head->major == MAJOR_BYTES)
			text_base64_encode(&base64, buf_view(&raw));
		v = json_new_text(buf_view(head->major == MAJOR_BYTES ? &base64 : &raw));
	}
	buf_fini(&base64);
	buf_fini(&raw);
	return v;
}

/* cbor_more: is another item of the container to come? A definite one that runs out fails at that item. */
static bool
cbor_more(struct cbor_reader *r, const struct cbor_head *head, uint64_t done)
{
	return head->info == INFO_INDEFINITE ? !cbor_break(r) : done < head->argument;
}

static struct json *
cbor_array(struct cbor_reader *r, const struct cbor_head *head, unsigned depth)
{
	struct json *array = json_new_array();

	for (uint64_t done = 0; cbor_more(r, head, done); done++) {
		struct json *item = cbor_value(r, depth + 1);
		if (item == NULL) {
			json_free(&array);
			break;
		}
		json_push(array, item);
	}
	return array;
}

static bool
cbor_member(struct cbor_reader *r, struct json *map, unsigned depth)
{
	struct cbor_head head;
	struct json *value;
	struct buf key;
	bool done = false;

	buf_init(&key, r->data.len);
	if (!cbor_head(r, &head))
		goto out;
	if (head.major != MAJOR_TEXT) {
		cbor_fail(r, "a map key is no text");
		goto out;
	}
	if (!cbor_string(r, &head, &key))
		goto out;
	if (json_get(map, buf_text(&key)) != NULL) {
		cbor_fail(r, "duplicate key");
		goto out;
	}
	value = cbor_value(r, depth + 1);
	if (value == NULL)
		goto out;
	json_set(map, buf_text(&key), value);
	done = true;
out:
	buf_fini(&key);
	return done;
}

static struct json *
cbor_map(struct cbor_reader *r, const struct cbor_head *head, unsigned depth)
{
	struct json *map = json_new_object();

	for (uint64_t done = 0; cbor_more(r, head, done); done++) {
		if (!cbor_member(r, map, depth)) {
			json_free(&map);
			break;
		}
	}
	return map;
}

/* RFC 8949 appendix D. */
static double
cbor_half(uint64_t bits)
{
	int exponent = (int)(bits >> 10 & 31);
	double mantissa = (double)(bits & 1023), n;

	if (exponent == 0)
		n = ldexp(mantissa, -24);
	else if (exponent != 31)
		n = ldexp(mantissa + 1024, exponent - 25);
	else
		n = mantissa > 0 ? NAN : INFINITY;
	return (bits & 0x8000) != 0 ? -n : n;
}

static struct json *
cbor_float(struct cbor_reader *r, const struct cbor_head *head)
{
	uint32_t bits32 = (uint32_t)head->argument;
	float single;
	double n;

	if (head->info == FLOAT_HALF) {
		n = cbor_half(head->argument);
	} else if (head->info == FLOAT_SINGLE) {
		memcpy(&single, &bits32, sizeof(single));
		n = (double)single;
	} else {
		memcpy(&n, &head->argument, sizeof(n));
	}
	if (!isfinite(n)) {
		cbor_fail(r, "a number that is not finite");
		return NULL;
	}
	return json_new_real(n);
}

static struct json *
cbor_other(struct cbor_reader *r, const struct cbor_head *head)
{
	switch (head->info) {
	case SIMPLE_FALSE:
	case SIMPLE_TRUE:
		return json_new_bool(head->info == SIMPLE_TRUE);
	case SIMPLE_NULL:
	case SIMPLE_UNDEF:
		return json_new_null();
	case FLOAT_HALF:
	case FLOAT_SINGLE:
	case FLOAT_DOUBLE:
		return cbor_float(r, head);
	default:
		cbor_fail(r, "a simple value that is not used here");
		return NULL;
	}
}

static struct json *
cbor_tagged(struct cbor_reader *r, const struct cbor_head *head, unsigned depth)
{
	struct json *v;

	if (head->argument != TAG_EPOCH_TIME) {
		cbor_fail(r, "a tag that is not used here");
		return NULL;
	}
	v = cbor_value(r, depth + 1);
	if (v != NULL && !json_is_number(v)) {
		json_free(&v);
		cbor_fail(r, "a time that is no number");
	}
	return v;
}

static struct json *
cbor_integer(struct cbor_reader *r, const struct cbor_head *head)
{
	if (head->argument > INT64_MAX) {
		cbor_fail(r, "an integer past 64 bits");
		return NULL;
	}
	return json_new_integer(
	    head->major == MAJOR_UINT ? (int64_t)head->argument : -1 - (int64_t)head->argument);
}

static struct json *
cbor_value(struct cbor_reader *r, unsigned depth)
{
	struct cbor_head head;

	if (depth > JSON_DEPTH_MAX || ++r->value_count > JSON_VALUES_MAX) {
		ERR(r->err, ERR_LIMIT, "CBOR nested deeper than %u or with more than %u values",
		    JSON_DEPTH_MAX, JSON_VALUES_MAX);
		return NULL;
	}
	if (!cbor_head(r, &head))
		return NULL;
	if (depth == JSON_DEPTH_MAX && (head.major == MAJOR_ARRAY || head.major == MAJOR_MAP)) {
		ERR(r->err, ERR_LIMIT, "CBOR nested deeper than %u", JSON_DEPTH_MAX);
		return NULL;
	}
	if (head.info == INFO_INDEFINITE &&
	    (head.major == MAJOR_UINT || head.major == MAJOR_NEGATIVE || head.major == MAJOR_TAG)) {
		cbor_fail(r, "indefinite length where none is allowed");
		return NULL;
	}
	switch (head.major) {
	case MAJOR_UINT:
	case MAJOR_NEGATIVE:
		return cbor_integer(r, &head);
	case MAJOR_BYTES:
	case MAJOR_TEXT:
		return cbor_string_value(r, &head);
	case MAJOR_ARRAY:
		return cbor_array(r, &head, depth);
	case MAJOR_MAP:
		return cbor_map(r, &head, depth);
	case MAJOR_TAG:
		return cbor_tagged(r, &head, depth);
	case MAJOR_OTHER:
		return cbor_other(r, &head);
	}
	return NULL;
}

struct json *
json_cbor_parse(struct bytes data, struct err *err)
{
	struct cbor_reader r = {data, 0, 0, err};
	struct json *v = cbor_value(&r, 0);

	if (v != NULL && cbor_left(&r) > 0) {
		json_free(&v);
		cbor_fail(&r, "something follows the value");
	}
	return v;
}

/* RFC 8949 §4.2.1: the shortest head. */
static void
cbor_put_head(struct buf *out, enum cbor_major major, uint64_t argument)
{
	uint8_t first = (uint8_t)((unsigned)major << 5);
	unsigned log2_width = argument > UINT32_MAX   ? 3
			      : argument > UINT16_MAX ? 2
			      : argument > UINT8_MAX  ? 1
						      : 0;

	if (argument < 24) {
		buf_append_byte(out, (uint8_t)(first | argument));
		return;
	}
	buf_append_byte(out, (uint8_t)(first | (24 + log2_width)));
	for (int shift = (8 << log2_width) - 8; shift >= 0; shift -= 8)
		buf_append_byte(out, (uint8_t)(argument >> shift));
}

/* A single when it says the same, else a double. */
static void
cbor_put_real(struct buf *out, double n)
{
	float single;
	uint64_t bits;
	uint32_t bits32;

	if (fabs(n) <= (double)FLT_MAX) {
		single = (float)n;
		if (fabs((double)single - n) <= 0.0) {
			memcpy(&bits32, &single, sizeof(bits32));
			buf_append_byte(out, MAJOR_OTHER << 5 | FLOAT_SINGLE);
			for (int shift = 24; shift >= 0; shift -= 8)
				buf_append_byte(out, (uint8_t)(bits32 >> shift));
			return;
		}
	}
	memcpy(&bits, &n, sizeof(bits));
	buf_append_byte(out, MAJOR_OTHER << 5 | FLOAT_DOUBLE);
	for (int shift = 56; shift >= 0; shift -= 8)
		buf_append_byte(out, (uint8_t)(bits >> shift));
}

static void
cbor_put_text(struct buf *out, struct bytes text)
{
	cbor_put_head(out, MAJOR_TEXT, text.len);
	buf_append(out, text);
}

static void
cbor_put_integer(struct buf *out, int64_t n)
{
	cbor_put_head(
	    out, n < 0 ? MAJOR_NEGATIVE : MAJOR_UINT, n < 0 ? (uint64_t)(-1 - n) : (uint64_t)n);
}

static void
cbor_put_map(struct buf *out, const struct json *v, bool (*is_time)(const char *key))
{
	const struct json *value;
	const char *key;
	void *at = NULL;

	cbor_put_head(out, MAJOR_MAP, json_count(v));
	while (json_next(v, &at, &key, &value)) {
		cbor_put_text(out, bytes_of_str(key));
		if (is_time != NULL && json_is_number(value) && is_time(key))
			cbor_put_head(out, MAJOR_TAG, TAG_EPOCH_TIME);
		json_cbor_print(value, is_time, out);
	}
}

void
json_cbor_print(const struct json *v, bool (*is_time)(const char *key), struct buf *out)
{
	switch (json_kind(v)) {
	case JSON_NULL:
		buf_append_byte(out, MAJOR_OTHER << 5 | SIMPLE_NULL);
		break;
	case JSON_BOOL:
		buf_append_byte(out, json_typeof(json_node(v)) == JANSSON_TRUE
					 ? MAJOR_OTHER << 5 | SIMPLE_TRUE
					 : MAJOR_OTHER << 5 | SIMPLE_FALSE);
		break;
	case JSON_INTEGER:
		cbor_put_integer(out, json_integer_value(json_node(v)));
		break;
	case JSON_REAL:
		cbor_put_real(out, json_real_value(json_node(v)));
		break;
	case JSON_STRING:
		cbor_put_text(out, json_text(v));
		break;
	case JSON_ARRAY:
		cbor_put_head(out, MAJOR_ARRAY, json_count(v));
		for (size_t i = 0; i < json_count(v); i++)
			json_cbor_print(json_at(v, i), is_time, out);
		break;
	case JSON_OBJECT:
		cbor_put_map(out, v, is_time);
		break;
	}
}
