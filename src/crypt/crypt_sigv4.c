/* SPDX-License-Identifier: Apache-2.0 */
/* AWS Signature Version 4: what is signed, and how. The service's own form comes from the request's normalize_path. */
#include "crypt_sigv4.h"

#include <stdlib.h>
#include <string.h>

#include "base_limits.h"
#include "base_mem.h"
#include "base_text.h"
#include "crypt_digest.h"
#include "crypt_secret.h"

#define ALGORITHM     "AWS4-HMAC-SHA256"
#define TERMINATOR    "aws4_request"
#define SIGNATURE_KEY "X-Amz-Signature"
/* A percent-encoded target with what joins it, and the rest of a canonical request, in a buffer of our own. */
#define CANONICAL_BYTES_MAX (3 * HTTP_TARGET_BYTES_MAX + 4 * HTTP_HEADER_BYTES_MAX)

struct parameter {
	struct bytes name, value; /* encoded */
};

static bool
is_unreserved(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

/* RFC 9110 §5.6.2, without the capitals: the form a name has in a list of signed headers. */
static bool
is_signed_name_char(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
encode_byte(struct buf *out, uint8_t c)
{
	static const char DIGITS[] = "0123456789ABCDEF";

	if (is_unreserved(c)) {
		buf_append_byte(out, c);
		return;
	}
	buf_append_byte(out, '%');
	buf_append_byte(out, (uint8_t)DIGITS[c >> 4]);
	buf_append_byte(out, (uint8_t)DIGITS[c & 15]);
}

/* Appends text decoded once and encoded once, whatever mixture it came in; keep_slash for paths. */
static bool
recode(struct buf *out, struct bytes text, bool keep_slash, struct err *err)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];

		if (c == '%') {
			if (!text_hex_parse(&c, 1, bytes_slice(text, i + 1, 2)))
				return ERR(err, ERR_SYNTAX,
				    "the target has a '%%' without two hexadecimal digits");
			i += 2;
		} else if (c == '/' && keep_slash) {
			buf_append_byte(out, c);
			continue;
		}
		encode_byte(out, c);
	}
	return true;
}

/* Drops the last segment and the slash before it, but never what was there before the path. */
static void
segment_drop(struct buf *out, size_t start)
{
	while (out->len > start) {
		uint8_t last = out->ptr[--out->len];

		out->ptr[out->len] = '\0';
		if (last == '/')
			break;
	}
}

/* RFC 3986 §5.2.4, and runs of slashes as one; each segment is encoded again as it stands. */
static void
path_normalize(struct buf *out, struct bytes path)
{
	size_t start = out->len, end;

	for (size_t at = 1; at <= path.len; at = end + 1) {
		struct bytes segment;

		end = bytes_find_byte(path, at, '/');
		if (end == SIZE_MAX)
			end = path.len;
		segment = bytes_slice(path, at, end - at);
		if (segment.len == 0 || bytes_equal(segment, BYTES_LIT(".")))
			continue;
		if (bytes_equal(segment, BYTES_LIT(".."))) {
			segment_drop(out, start);
			continue;
		}
		buf_append_byte(out, '/');
		for (size_t i = 0; i < segment.len; i++)
			encode_byte(out, segment.ptr[i]);
	}
	if (out->len == start || path.ptr[path.len - 1] == '/')
		buf_append_byte(out, '/');
}

static bool
target_check(struct bytes target, struct err *err)
{
	if (target.len == 0 || target.ptr[0] != '/')
		return ERR(err, ERR_SYNTAX, "the target does not begin with '/'");
	if (target.len > HTTP_TARGET_BYTES_MAX)
		return ERR(err, ERR_LIMIT, "a target of %zu bytes", target.len);
	for (size_t i = 0; i < target.len; i++)
		if (target.ptr[i] < 0x20 || target.ptr[i] == 0x7f)
			return ERR(err, ERR_SYNTAX, "the target has a control character");
	return true;
}

static int
parameter_compare(const void *a, const void *b)
{
	const struct parameter *left = a, *right = b;
	int order = bytes_compare(left->name, right->name);

	return order != 0 ? order : bytes_compare(left->value, right->value);
}

/* Cuts the query into parameters, encoded into scratch, which never moves; *count_out of them, out of at most max. */
static bool
query_parse(struct bytes query, struct buf *scratch, struct parameter *list, size_t *count_out,
    struct err *err)
{
	size_t count = 0, end;

	for (size_t at = 0; at < query.len; at = end + 1) {
		struct bytes piece;
		size_t equals, name_at = scratch->len, value_at;

		end = bytes_find_byte(query, at, '&');
		if (end == SIZE_MAX)
			end = query.len;
		piece = bytes_slice(query, at, end - at);
		if (piece.len == 0)
			continue;
		equals = bytes_find_byte(piece, 0, '=');
		if (equals == SIZE_MAX)
			equals = piece.len;
		if (!recode(scratch, bytes_slice(piece, 0, equals), false, err))
			return false;
		value_at = scratch->len;
		if (!recode(scratch, bytes_slice(piece, equals + 1, piece.len), false, err))
			return false;
		list[count].name = bytes_of(scratch->ptr + name_at, value_at - name_at);
		list[count++].value = bytes_of(scratch->ptr + value_at, scratch->len - value_at);
	}
	*count_out = count;
	return true;
}

static bool
query_append(struct buf *out, struct bytes query, bool presigned, struct err *err)
{
	struct parameter *list = mem_calloc(query.len / 2 + 1, sizeof *list);
	struct buf scratch;
	size_t count = 0, signatures = 0, written = 0;
	bool ok;

	buf_init(&scratch, 3 * HTTP_TARGET_BYTES_MAX);
	(void)buf_reserve(
	    &scratch, 3 * query.len + 1); /* the most it can become: views into it stay good */
	ok = query_parse(query, &scratch, list, &count, err);
	if (!ok)
		goto out;
	qsort(list, count, sizeof *list, parameter_compare);
	for (size_t i = 0; i < count; i++) {
		if (presigned && bytes_equal(list[i].name, BYTES_LIT(SIGNATURE_KEY))) {
			signatures++;
			continue;
		}
		if (written++ > 0)
			buf_append_byte(out, '&');
		buf_append(out, list[i].name);
		buf_append_byte(out, '=');
		buf_append(out, list[i].value);
	}
	if (presigned && signatures != 1)
		ok = ERR(err, ERR_SYNTAX, "the query has %zu signatures", signatures);
out:
	buf_fini(&scratch);
	mem_free(list);
	return ok;
}

/* Without blanks at the ends, and with one space for each run of them inside. */
static void
value_append(struct buf *out, struct bytes value)
{
	bool blank = false, begun = false;

	for (size_t i = 0; i < value.len; i++) {
		if (is_blank(value.ptr[i])) {
			blank = true;
			continue;
		}
		if (blank && begun)
			buf_append_byte(out, ' ');
		buf_append_byte(out, value.ptr[i]);
		blank = false;
		begun = true;
	}
}

/* One line "name:value,value"; the values of equal names in the order received. */
static bool
header_append(
    struct buf *out, const struct crypt_sigv4_request *r, struct bytes name, struct err *err)
{
	size_t found = 0;

	buf_append(out, name);
	buf_append_byte(out, ':');
	for (size_t i = 0; i < r->header_count; i++) {
		if (!bytes_equal_nocase(r->headers[i].name, name))
			continue;
		if (found++ > 0)
			buf_append_byte(out, ',');
		value_append(out, r->headers[i].value);
	}
	buf_append_byte(out, '\n');
	if (found == 0)
		return ERR(err, ERR_SYNTAX, "a signed header is absent");
	return true;
}

static bool
name_check(struct bytes name, struct bytes previous, struct err *err)
{
	if (name.len == 0)
		return ERR(err, ERR_SYNTAX, "the list of signed headers has an empty name");
	for (size_t i = 0; i < name.len; i++)
		if (!is_signed_name_char(name.ptr[i]))
			return ERR(
			    err, ERR_SYNTAX, "the list of signed headers is not in lower case");
	if (bytes_compare(previous, name) >= 0)
		return ERR(err, ERR_SYNTAX,
		    "the list of signed headers is not sorted, or names one twice");
	return true;
}

static bool
headers_append(struct buf *out, const struct crypt_sigv4_request *r, struct bytes signed_headers,
    struct err *err)
{
	struct bytes previous = BYTES_EMPTY;
	size_t end;

	for (size_t at = 0; at <= signed_headers.len; at = end + 1) {
		struct bytes name;

		end = bytes_find_byte(signed_headers, at, ';');
		if (end == SIZE_MAX)
			end = signed_headers.len;
		name = bytes_slice(signed_headers, at, end - at);
		if (!name_check(name, previous, err) || !header_append(out, r, name, err))
			return false;
		previous = name;
	}
	return true;
}

bool
crypt_sigv4_canonical(const struct crypt_sigv4_request *r, struct bytes signed_headers,
    bool presigned, struct buf *out, struct err *err)
{
	size_t question;
	struct bytes path, query;

	if (!target_check(r->target, err))
		return false;
	question = bytes_find_byte(r->target, 0, '?');
	path = bytes_slice(r->target, 0, question);
	query = question == SIZE_MAX ? BYTES_EMPTY
				     : bytes_slice(r->target, question + 1, r->target.len);
	buf_append(out, r->method);
	buf_append_byte(out, '\n');
	if (r->normalize_path)
		path_normalize(out, path);
	else if (!recode(out, path, true, err))
		return false;
	buf_append_byte(out, '\n');
	if (!query_append(out, query, presigned, err))
		return false;
	buf_append_byte(out, '\n');
	if (!headers_append(out, r, signed_headers, err))
		return false;
	buf_append_byte(out, '\n');
	buf_append(out, signed_headers);
	buf_append_byte(out, '\n');
	buf_append(out, r->payload_hash);
	return buf_ok(out, err);
}

static void
scope_append(struct buf *out, const struct crypt_sigv4_scope *scope)
{
	buf_append(out, scope->date);
	buf_append_byte(out, '/');
	buf_append(out, scope->region);
	buf_append_byte(out, '/');
	buf_append(out, scope->service);
	buf_append_str(out, "/" TERMINATOR);
}

void
crypt_sigv4_string_to_sign(struct bytes canonical, struct bytes amz_date,
    const struct crypt_sigv4_scope *scope, struct buf *out)
{
	uint8_t digest[CRYPT_SHA256_BYTES];
	char hex[2 * CRYPT_SHA256_BYTES + 1];

	crypt_sha256(digest, canonical);
	text_hex_format(hex, bytes_of(digest, sizeof digest));
	buf_append_str(out, ALGORITHM "\n");
	buf_append(out, amz_date);
	buf_append_byte(out, '\n');
	scope_append(out, scope);
	buf_append_byte(out, '\n');
	buf_append_str(out, hex);
}

void
crypt_sigv4_signature(char out[65], struct bytes secret_key, const struct crypt_sigv4_scope *scope,
    struct bytes string_to_sign)
{
	uint8_t first[4 + CRYPT_SIGV4_SECRET_BYTES_MAX], key[CRYPT_SHA256_BYTES],
	    next[CRYPT_SHA256_BYTES];
	const struct bytes steps[] = {
	    scope->region, scope->service, BYTES_LIT(TERMINATOR), string_to_sign};

	must(secret_key.len <= CRYPT_SIGV4_SECRET_BYTES_MAX);
	memcpy(first, "AWS4", 4);
	if (secret_key.len > 0)
		memcpy(first + 4, secret_key.ptr, secret_key.len);
	crypt_hmac_sha256(key, bytes_of(first, 4 + secret_key.len), scope->date);
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		crypt_hmac_sha256(next, bytes_of(key, sizeof key), steps[i]);
		memcpy(key, next, sizeof key);
	}
	text_hex_format(out, bytes_of(key, sizeof key));
	secret_wipe(first, sizeof first);
	secret_wipe(key, sizeof key);
	secret_wipe(next, sizeof next);
}

static int
name_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "a;b;c" of every header of r, each once. */
static char *
signed_headers_of(const struct crypt_sigv4_request *r, struct arena *arena)
{
	char **names = arena_calloc(arena, r->header_count + 1, sizeof *names);
	char *list, *at;
	size_t len = 1;

	for (size_t i = 0; i < r->header_count; i++) {
		names[i] = arena_text(arena, r->headers[i].name);
		for (char *c = names[i]; *c != '\0'; c++)
			*c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
		len += strlen(names[i]) + 1;
	}
	qsort(names, r->header_count, sizeof *names, name_compare);
	at = list = arena_alloc(arena, len);
	for (size_t i = 0; i < r->header_count; i++) {
		if (i > 0 && strcmp(names[i], names[i - 1]) == 0)
			continue;
		if (at != list)
			*at++ = ';';
		memcpy(at, names[i], strlen(names[i]));
		at += strlen(names[i]);
	}
	return list;
}

bool
crypt_sigv4_sign_header(const struct crypt_sigv4_request *r, struct bytes access_key,
    struct bytes secret_key, struct bytes amz_date, const struct crypt_sigv4_scope *scope,
    struct buf *out, struct err *err)
{
	struct arena arena;
	struct buf canonical, to_sign;
	const char *signed_headers;
	char signature[65];
	bool ok;

	arena_init(&arena);
	buf_init(&canonical, CANONICAL_BYTES_MAX);
	buf_init(&to_sign, CANONICAL_BYTES_MAX);
	signed_headers = signed_headers_of(r, &arena);
	ok = crypt_sigv4_canonical(r, bytes_of_str(signed_headers), false, &canonical, err);
	if (!ok)
		goto out;
	crypt_sigv4_string_to_sign(buf_view(&canonical), amz_date, scope, &to_sign);
	crypt_sigv4_signature(signature, secret_key, scope, buf_view(&to_sign));
	buf_append_str(out, ALGORITHM " Credential=");
	buf_append(out, access_key);
	buf_append_byte(out, '/');
	scope_append(out, scope);
	buf_printf(out, ", SignedHeaders=%s, Signature=%s", signed_headers, signature);
	ok = buf_ok(out, err);
out:
	buf_fini(&canonical);
	buf_fini(&to_sign);
	arena_fini(&arena);
	return ok;
}
