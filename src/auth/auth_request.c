/* SPDX-License-Identifier: Apache-2.0 */
/* Judging a signed request, from the cheap questions to the dear ones. */
#include "auth_request.h"

#include <stdio.h>
#include <string.h>

#include "auth_header.h"
#include "base_limits.h"
#include "base_text.h"
#include "base_time.h"
#include "crypt_digest.h"

#define TERMINATOR          BYTES_LIT("aws4_request")
#define CANONICAL_BYTES_MAX (3 * HTTP_TARGET_BYTES_MAX + 4 * HTTP_HEADER_BYTES_MAX)
#define SIGNATURE_CHARS     64
/* Stands in for the secret of an unknown key; that it is published changes nothing, its matches are refused. */
#define DUMMY_SECRET "0000000000000000000000000000000000000000"

static const struct auth_refusal REFUSALS[] = {
    [AUTH_MISSING] = {403, "MissingAuthenticationTokenException", "Missing authentication token."},
    [AUTH_INCOMPLETE] = {400, "IncompleteSignatureException",
	"The request is not signed completely."},
    [AUTH_TARGET] = {400, "IncompleteSignatureException",
	"The request target is not in its canonical form."},
    [AUTH_UNSIGNED_HEADER] = {403, "AccessDeniedException",
	"There were headers present in the request which were not signed."},
    [AUTH_UNSIGNED_PAYLOAD] = {403, "AccessDeniedException",
	"The payload of this request must be signed."},
    [AUTH_STREAMING] = {501, "NotImplemented", "Payloads signed in chunks are not implemented."},
    [AUTH_PAYLOAD_MISMATCH] = {400, "XAmzContentSHA256Mismatch",
	"The x-amz-content-sha256 header does not match the payload."},
    [AUTH_SESSION_TOKEN] = {403, "UnrecognizedClientException",
	"The security token included in the request is invalid."},
    [AUTH_SCOPE] = {403, "InvalidSignatureException",
	"The credential scope does not fit this request."},
    [AUTH_EXPIRED] = {403, "InvalidSignatureException", "Signature expired."},
    [AUTH_NOT_YET_CURRENT] = {403, "InvalidSignatureException", "Signature not yet current."},
    [AUTH_UNKNOWN_KEY] = {403, "UnrecognizedClientException",
	"The security token included in the request is invalid."},
    [AUTH_INACTIVE_KEY] = {403, "UnrecognizedClientException",
	"The security token included in the request is invalid."},
    [AUTH_SIGNATURE] = {403, "InvalidSignatureException",
	"The signature does not match the request. Check the secret access key and how the request "
	"is "
	"signed."},
};

/* What is found out about a request on the way. */
struct judgement {
	const struct auth_request *r;
	const struct auth_options *options;
	struct auth_header header;
	struct bytes amz_date;
	int64_t signed_ms;
	char payload_hash[2 * CRYPT_SHA256_BYTES + 1];
	char text[sizeof((struct auth_result *)0)->text]; /* when better than the row's */
};

struct auth_options
auth_options_default(void)
{
	return (struct auth_options){NULL, "ses", AUTH_SKEW_MS_DEFAULT};
}

const struct auth_refusal *
auth_refusal_of(enum auth_verdict verdict)
{
	return verdict == AUTH_PASSED ? NULL : &REFUSALS[verdict];
}

static enum auth_verdict
incomplete(struct judgement *j, const char *text)
{
	(void)snprintf(j->text, sizeof j->text, "%s.", text);
	return AUTH_INCOMPLETE;
}

/* How often a header was received; *value_out is its last value. */
static size_t
header_find(const struct auth_request *r, struct bytes name, struct bytes *value_out)
{
	size_t count = 0;

	for (size_t i = 0; i < r->header_count; i++)
		if (bytes_equal_nocase(r->headers[i].name, name)) {
			*value_out = r->headers[i].value;
			count++;
		}
	return count;
}

static bool
query_is_signed(struct bytes target)
{
	size_t question = bytes_find_byte(target, 0, '?');
	struct bytes query =
	    question == SIZE_MAX ? BYTES_EMPTY : bytes_slice(target, question + 1, target.len);

	for (size_t at = 0; at + 6 <= query.len; at++)
		if ((at == 0 || query.ptr[at - 1] == '&') &&
		    bytes_starts_with_nocase(
			bytes_slice(query, at, query.len), BYTES_LIT("x-amz-")))
			return true;
	return false;
}

static enum auth_verdict
form_check(struct judgement *j)
{
	const struct auth_request *r = j->r;
	struct bytes authorization;
	size_t count = header_find(r, BYTES_LIT("authorization"), &authorization);
	struct err err;

	if (count == 0)
		return AUTH_MISSING;
	if (r->header_count > HTTP_HEADER_COUNT_MAX)
		return incomplete(j, "Too many headers");
	if (count > 1)
		return incomplete(j, "The request has more than one Authorization header");
	if (query_is_signed(r->target))
		return incomplete(j, "The request is signed both in its header and in its query");
	if (!auth_header_parse(&j->header, authorization, &err))
		return incomplete(j, err.msg);
	count = header_find(r, BYTES_LIT("x-amz-date"), &j->amz_date);
	j->amz_date = bytes_trim(j->amz_date);
	if (count != 1 || !time_amz_parse(&j->signed_ms, j->amz_date))
		return incomplete(
		    j, "Authorization requires one X-Amz-Date of the form YYYYMMDDTHHMMSSZ");
	return AUTH_PASSED;
}

/* One segment, decoded: no dot segment, no control character, and text. */
static bool
segment_check(struct bytes segment)
{
	uint8_t plain[256];
	size_t len = 0;

	for (size_t i = 0; i < segment.len; i++, len++) {
		if (len == sizeof plain)
			return false;
		plain[len] = segment.ptr[i];
		if (segment.ptr[i] == '%') {
			if (!text_hex_parse(&plain[len], 1, bytes_slice(segment, i + 1, 2)))
				return false;
			i += 2;
		}
		if (plain[len] < 0x20 || plain[len] == 0x7f || plain[len] == '/' ||
		    plain[len] == '\\')
			return false;
	}
	segment = bytes_of(plain, len);
	return !bytes_equal(segment, BYTES_LIT(".")) && !bytes_equal(segment, BYTES_LIT("..")) &&
	       text_utf8_valid(segment);
}

/* Signing resolves "//" and dots, routing must not: so a path that has them is nobody's. */
static bool
path_check(struct bytes target)
{
	struct bytes path = bytes_slice(target, 0, bytes_find_byte(target, 0, '?'));

	if (path.len == 0 || path.ptr[0] != '/')
		return false;
	for (size_t at = 1, end; at < path.len; at = end + 1) {
		end = bytes_find_byte(path, at, '/');
		if (end == SIZE_MAX)
			end = path.len;
		if (end == at || !segment_check(bytes_slice(path, at, end - at)))
			return false;
	}
	return true;
}

static bool
list_has(struct bytes list, struct bytes name)
{
	for (size_t at = 0, end; at <= list.len; at = end + 1) {
		end = bytes_find_byte(list, at, ';');
		if (end == SIZE_MAX)
			end = list.len;
		if (bytes_equal_nocase(bytes_slice(list, at, end - at), name))
			return true;
	}
	return false;
}

/* A header that decides who is asked for what. */
static bool
is_decisive(struct bytes name)
{
	return bytes_starts_with_nocase(name, BYTES_LIT("x-amz-")) ||
	       bytes_equal_nocase(name, BYTES_LIT("host")) ||
	       bytes_equal_nocase(name, BYTES_LIT("content-type")) ||
	       bytes_equal_nocase(name, BYTES_LIT("smithy-protocol"));
}

static enum auth_verdict
headers_check(struct judgement *j)
{
	const struct auth_request *r = j->r;
	struct bytes list = j->header.signed_headers, value;

	if (header_find(r, BYTES_LIT("x-amz-security-token"), &value) > 0)
		return AUTH_SESSION_TOKEN;
	if (!list_has(list, BYTES_LIT("host")) || !list_has(list, BYTES_LIT("x-amz-date")))
		return AUTH_UNSIGNED_HEADER;
	for (size_t i = 0; i < r->header_count; i++) {
		struct bytes name = r->headers[i].name;
		bool is_signed = list_has(list, name);

		if (is_decisive(name) && !is_signed)
			return AUTH_UNSIGNED_HEADER;
		/* Two values sign like one with a comma, and only one of them would be believed later. */
		if (is_signed && header_find(r, name, &value) > 1)
			return incomplete(j, "A signed header was sent more than once");
	}
	return AUTH_PASSED;
}

static bool
scope_fits(const struct judgement *j)
{
	const struct auth_options *o = j->options;

	return bytes_equal(j->header.date, bytes_slice(j->amz_date, 0, 8)) &&
	       bytes_equal(j->header.service, bytes_of_str(o->service)) &&
	       bytes_equal(j->header.terminator, TERMINATOR) &&
	       (o->region == NULL || bytes_equal(j->header.region, bytes_of_str(o->region)));
}

static enum auth_verdict
time_check(struct judgement *j)
{
	int64_t now_ms = j->r->now_ms, skew_ms = j->options->skew_ms;
	bool late = now_ms - j->signed_ms > skew_ms, early = j->signed_ms - now_ms > skew_ms;
	char then[TIME_AMZ_SIZE], now[TIME_AMZ_SIZE], edge[TIME_AMZ_SIZE];

	if (!late && !early)
		return AUTH_PASSED;
	time_amz_format(then, j->signed_ms);
	time_amz_format(now, now_ms);
	time_amz_format(edge, late ? now_ms - skew_ms : now_ms + skew_ms);
	(void)snprintf(j->text, sizeof j->text, "Signature %s: %s is %s %s (%s %c %lld min.)",
	    late ? "expired" : "not yet current", then,
	    late ? "now earlier than" : "still later than", edge, now, late ? '-' : '+',
	    (long long)(skew_ms / 60000));
	return late ? AUTH_EXPIRED : AUTH_NOT_YET_CURRENT;
}

static enum auth_verdict
payload_check(struct judgement *j)
{
	uint8_t digest[CRYPT_SHA256_BYTES];
	struct bytes declared;
	bool has = header_find(j->r, BYTES_LIT("x-amz-content-sha256"), &declared) > 0;

	declared = has ? bytes_trim(declared) : BYTES_EMPTY;
	if (has && bytes_equal(declared, BYTES_LIT("UNSIGNED-PAYLOAD")))
		return AUTH_UNSIGNED_PAYLOAD;
	if (has && bytes_starts_with(declared, BYTES_LIT("STREAMING-")))
		return AUTH_STREAMING;
	crypt_sha256(digest, j->r->body);
	text_hex_format(j->payload_hash, bytes_of(digest, sizeof digest));
	if (has && !bytes_equal(declared, bytes_of_str(j->payload_hash)))
		return AUTH_PAYLOAD_MISMATCH;
	return AUTH_PASSED;
}

/* Everything that can be asked without a key. */
static enum auth_verdict
form_judge(struct judgement *j)
{
	enum auth_verdict verdict = form_check(j);

	if (verdict == AUTH_PASSED && !path_check(j->r->target))
		verdict = AUTH_TARGET;
	if (verdict == AUTH_PASSED)
		verdict = headers_check(j);
	if (verdict == AUTH_PASSED && !scope_fits(j))
		verdict = AUTH_SCOPE;
	if (verdict == AUTH_PASSED)
		verdict = time_check(j);
	if (verdict == AUTH_PASSED)
		verdict = payload_check(j);
	return verdict;
}

/* The signature that secret would have made. False: the request cannot be brought into canonical form. */
static bool
signature_compute(
    const struct judgement *j, struct bytes secret, char out[SIGNATURE_CHARS + 1], struct err *err)
{
	const struct crypt_sigv4_request request = {j->r->method, j->r->target, j->r->headers,
	    j->r->header_count, bytes_of_str(j->payload_hash), true};
	const struct crypt_sigv4_scope scope = {
	    j->header.date, j->header.region, j->header.service};
	struct buf canonical, to_sign;
	bool ok;

	buf_init(&canonical, CANONICAL_BYTES_MAX);
	buf_init(&to_sign, HTTP_HEADER_BYTES_MAX + 256);
	ok = crypt_sigv4_canonical(&request, j->header.signed_headers, false, &canonical, err);
	if (ok) {
		crypt_sigv4_string_to_sign(buf_view(&canonical), j->amz_date, &scope, &to_sign);
		ok = buf_ok(&to_sign, err);
	}
	if (ok)
		crypt_sigv4_signature(out, secret, &scope, buf_view(&to_sign));
	buf_fini(&canonical);
	buf_fini(&to_sign);
	return ok;
}

static enum auth_verdict
signature_judge(struct judgement *j, const struct auth_found *found)
{
	struct bytes secret =
	    found->secret != NULL ? secret_view(found->secret) : BYTES_LIT(DUMMY_SECRET);
	char expected[SIGNATURE_CHARS + 1];
	struct err err;
	bool same;

	if (!signature_compute(j, secret, expected, &err))
		return incomplete(j, err.msg);
	same = bytes_equal_secret(j->header.signature, bytes_of(expected, SIGNATURE_CHARS));
	secret_wipe(expected, sizeof expected); /* a valid signature of somebody else's request */
	if (found->secret == NULL)
		return AUTH_UNKNOWN_KEY;
	if (!same)
		return AUTH_SIGNATURE;
	return found->active ? AUTH_PASSED : AUTH_INACTIVE_KEY;
}

static void
result_fill(struct auth_result *out, const struct judgement *j, enum auth_verdict verdict)
{
	memset(out, 0, sizeof *out);
	out->verdict = verdict;
	if (verdict != AUTH_PASSED)
		(void)snprintf(out->text, sizeof out->text, "%s",
		    j->text[0] != '\0' ? j->text : REFUSALS[verdict].text);
}

bool
auth_request_check(const struct auth_request *r, const struct auth_options *options,
    const struct auth_key_source *keys, struct arena *arena, struct auth_result *out,
    struct err *err)
{
	struct judgement j = {.r = r, .options = options};
	struct auth_found found = {NULL, NULL, false};
	enum auth_verdict verdict = form_judge(&j);
	struct err find_err;
	const char *id;

	if (verdict != AUTH_PASSED) {
		result_fill(out, &j, verdict);
		return true;
	}
	id = arena_text(arena, j.header.key_id);
	if (!keys->find(keys->ctx, id, arena, &found, &find_err) &&
	    find_err.code != ERR_NOT_FOUND) {
		*err = find_err;
		return false;
	}
	verdict = signature_judge(&j, &found);
	result_fill(out, &j, verdict);
	if (verdict == AUTH_PASSED) {
		out->principal = found.principal;
		out->key_id = id;
	}
	secret_free(&found.secret);
	return true;
}
