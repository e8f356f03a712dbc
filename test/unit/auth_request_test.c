/* SPDX-License-Identifier: Apache-2.0 */
/* Signed requests: three that real clients sent, edge cases signed here, and seeded mutations, all of them refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "auth_request.h"
#include "base_mem.h"
#include "base_rng.h"
#include "base_text.h"
#include "base_time.h"
#include "crypt_digest.h"

#define SECRET      "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define HEADERS_MAX 20
#define CREDENTIAL  "Credential=AKIDEXAMPLE/20261124/eu-central-1/ses/aws4_request"
#define JS_SIGNED                                                                                  \
	"SignedHeaders=amz-sdk-invocation-id;amz-sdk-request;content-length;content-type;host;x-"  \
	"amz-"                                                                                     \
	"content-sha256;"                                                                          \
	"x-amz-date;x-amz-target;x-amz-user-agent"

struct pair {
	const char *name, *value;
};

struct captured {
	const char *name, *date, *body;
	struct pair headers[HEADERS_MAX];
};

static const struct captured CAPTURED[] = {
    {"JavaScript, CreateArchive", "20261124T025613Z",
	"{\"ArchiveName\":\"journal-2026\",\"ClientToken\":\"433c8dd2-f7c0-4dae-bdea-"
	"680ffb8b600a\","
	"\"Retention\":"
	"{\"RetentionPeriod\":\"SEVEN_YEARS\"},\"KmsKeyArn\":\"arn:aws:kms:eu-central-1:"
	"123456789012:key/"
	"11111111-2222-3333-4444-555555555555\",\"Tags\":[{\"Key\":\"team\",\"Value\":"
	"\"l\xc3\xa9gal\"}]}",
	{{"content-type", "application/x-amz-json-1.0"},
	    {"x-amz-target", "MailManagerSvc.CreateArchive"}, {"content-length", "263"},
	    {"x-amz-user-agent", "aws-sdk-js/3.1111.0"}, {"user-agent", "aws-sdk-js/3.1111.0"},
	    {"host", "127.0.0.1:39001"},
	    {"amz-sdk-invocation-id", "7d9768ea-d81d-4964-a309-f0a7708811ef"},
	    {"amz-sdk-request", "attempt=1; max=1"}, {"x-amz-date", "20261124T025613Z"},
	    {"x-amz-content-sha256",
		"e1f7004832a839b17879358641f8d886413efb5ef56370593af0e7fe37c1b550"},
	    {"authorization",
		"AWS4-HMAC-SHA256 " CREDENTIAL ", " JS_SIGNED
		", Signature=66387787c8ea7241e5fcdea029b3a88a70a668a018397183f206540676dce74a"},
	    {"Connection", "keep-alive"}}},
    {"JavaScript, ListArchives", "20261124T025613Z", "{\"PageSize\":10}",
	{{"content-type", "application/x-amz-json-1.0"},
	    {"x-amz-target", "MailManagerSvc.ListArchives"}, {"content-length", "15"},
	    {"x-amz-user-agent", "aws-sdk-js/3.1111.0"}, {"user-agent", "aws-sdk-js/3.1111.0"},
	    {"host", "127.0.0.1:39001"},
	    {"amz-sdk-invocation-id", "c6470f54-bf30-4acc-b61c-4b4529de3329"},
	    {"amz-sdk-request", "attempt=1; max=1"}, {"x-amz-date", "20261124T025613Z"},
	    {"x-amz-content-sha256",
		"4b8783e66ff1296cadc14663ee01cf10abbf2111f2c974dcd2346d898fdec52d"},
	    {"authorization",
		"AWS4-HMAC-SHA256 " CREDENTIAL ", " JS_SIGNED
		", Signature=dce1c920e575c29b715a61a9bb8f49e764f02421d192933a81f8d6947b5dbace"},
	    {"Connection", "keep-alive"}}},
    {"Python, CreateArchive", "20261124T030823Z",
	"{\"ArchiveName\": \"journal-2026\", \"Retention\": {\"RetentionPeriod\": "
	"\"SEVEN_YEARS\"}, "
	"\"ClientToken\": \"t-1\"}",
	{{"Host", "127.0.0.1:18213"}, {"Accept-Encoding", "identity"},
	    {"X-Amz-Target", "MailManagerSvc.CreateArchive"},
	    {"Content-Type", "application/x-amz-json-1.0"},
	    {"User-Agent", "Botocore/1.43.11 ua/2.1"}, {"X-Amz-Date", "20261124T030823Z"},
	    {"Authorization",
		"AWS4-HMAC-SHA256 " CREDENTIAL
		", SignedHeaders=content-type;host;x-amz-date;x-amz-target, "
		"Signature=8414df68ca0a7a5d6b2b8f16cab91bc75802467b77138311eb6e166755a473a7"},
	    {"amz-sdk-invocation-id", "465433b2-a2cc-4382-b5c0-8a0479854c84"},
	    {"amz-sdk-request", "attempt=1"}, {"Content-Length", "102"}}},
};

/* One known key, active or not. */
struct known {
	const char *id;
	bool active;
	enum err_code trouble;
};

static bool
known_find(void *ctx, const char *id, struct arena *arena, struct auth_found *out, struct err *err)
{
	struct known *known = ctx;

	if (known->trouble != ERR_NONE)
		return ERR(err, known->trouble, "the store is away");
	if (strcmp(id, known->id) != 0)
		return ERR(err, ERR_NOT_FOUND, "no key %s", id);
	out->secret = secret_of(BYTES_LIT(SECRET));
	out->principal = arena_strdup(arena, "root");
	out->active = known->active;
	return true;
}

struct fixture {
	struct known known;
	struct auth_options options;
	struct arena arena;
	struct auth_request request;
	struct crypt_sigv4_header headers[HEADERS_MAX + 1];
	struct auth_result result;
};

static void
fixture_init(struct fixture *f, const struct captured *from)
{
	memset(f, 0, sizeof *f);
	f->known = (struct known){"AKIDEXAMPLE", true, ERR_NONE};
	f->options = auth_options_default();
	arena_init(&f->arena);
	f->request = (struct auth_request){.method = BYTES_LIT("POST"), .target = BYTES_LIT("/")};
	f->request.headers = f->headers;
	f->request.body = bytes_of_str(from->body);
	assert_true(time_amz_parse(&f->request.now_ms, bytes_of_str(from->date)));
	for (; from->headers[f->request.header_count].name != NULL; f->request.header_count++) {
		f->headers[f->request.header_count].name =
		    bytes_of_str(from->headers[f->request.header_count].name);
		f->headers[f->request.header_count].value =
		    bytes_of_str(from->headers[f->request.header_count].value);
	}
}

static enum auth_verdict
judge(struct fixture *f)
{
	struct auth_key_source keys = {known_find, &f->known};
	struct err err;

	if (!auth_request_check(&f->request, &f->options, &keys, &f->arena, &f->result, &err))
		fail_msg("%s", err.msg);
	return f->result.verdict;
}

static void
captured_requests_pass(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof CAPTURED / sizeof *CAPTURED; i++) {
		struct fixture f;

		print_message("  %s\n", CAPTURED[i].name);
		fixture_init(&f, &CAPTURED[i]);
		if (judge(&f) != AUTH_PASSED)
			fail_msg("%d: %s", (int)f.result.verdict, f.result.text);
		assert_string_equal(f.result.principal, "root");
		assert_string_equal(f.result.key_id, "AKIDEXAMPLE");
		assert_string_equal(f.result.text, "");
		arena_fini(&f.arena);
	}
}

/* Edge cases. The request is the Python one; what a row does not say is as there. */
#define LIST "content-type;host;x-amz-date;x-amz-target"
struct edge {
	const char *name;
	enum auth_verdict verdict;
	struct pair extra; /* one more header, received last */
	const char *list;  /* signed headers */
	const char *target;
	int late_ms;
	const char *credential;
	const char *region; /* of the options */
	bool inactive;
};
static const struct edge EDGES[] = {
    {.name = "as it is", .verdict = AUTH_PASSED},
    {.name = "host unsigned",
	.verdict = AUTH_UNSIGNED_HEADER,
	.list = "content-type;x-amz-date;x-amz-target"},
    {.name = "date unsigned",
	.verdict = AUTH_UNSIGNED_HEADER,
	.list = "content-type;host;x-amz-target"},
    {.name = "content type unsigned",
	.verdict = AUTH_UNSIGNED_HEADER,
	.list = "host;x-amz-date;x-amz-target"},
    {.name = "target unsigned",
	.verdict = AUTH_UNSIGNED_HEADER,
	.list = "content-type;host;x-amz-date"},
    {.name = "tenant unsigned",
	.verdict = AUTH_UNSIGNED_HEADER,
	.extra = {"x-amz-tenant", "other"}},
    {.name = "tenant in capitals unsigned",
	.verdict = AUTH_UNSIGNED_HEADER,
	.extra = {"X-AMZ-TENANT", "other"}},
    {.name = "tenant signed",
	.verdict = AUTH_PASSED,
	.extra = {"x-amz-tenant", "other"},
	.list = LIST ";x-amz-tenant"},
    {.name = "SDK header unsigned", .verdict = AUTH_PASSED, .extra = {"amz-sdk-retry", "1"}},
    {.name = "trace of a load balancer",
	.verdict = AUTH_PASSED,
	.extra = {"X-Amzn-Trace-Id", "Root=1"}},
    {.name = "protocol unsigned",
	.verdict = AUTH_UNSIGNED_HEADER,
	.extra = {"Smithy-Protocol", "rpc-v2-cbor"}},
    {.name = "protocol signed",
	.verdict = AUTH_PASSED,
	.extra = {"Smithy-Protocol", "rpc-v2-cbor"},
	.list = "content-type;host;smithy-protocol;x-amz-date;x-amz-target"},
    {.name = "two hosts", .verdict = AUTH_INCOMPLETE, .extra = {"host", "evil"}},
    {.name = "two dates", .verdict = AUTH_INCOMPLETE, .extra = {"x-amz-date", "20261124T030823Z"}},
    {.name = "two content types",
	.verdict = AUTH_INCOMPLETE,
	.extra = {"content-type", "application/cbor"}},
    {.name = "two targets",
	.verdict = AUTH_INCOMPLETE,
	.extra = {"x-amz-target", "MailManagerSvc.DeleteArchive"}},
    {.name = "two authorizations",
	.verdict = AUTH_INCOMPLETE,
	.extra = {"authorization", "AWS4-HMAC-SHA256 x"}},
    {.name = "session token",
	.verdict = AUTH_SESSION_TOKEN,
	.extra = {"x-amz-security-token", "t"},
	.list = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"},
    {.name = "unsigned payload",
	.verdict = AUTH_UNSIGNED_PAYLOAD,
	.extra = {"x-amz-content-sha256", "UNSIGNED-PAYLOAD"},
	.list = "content-type;host;x-amz-content-sha256;x-amz-date;x-amz-target"},
    {.name = "streaming payload",
	.verdict = AUTH_STREAMING,
	.extra = {"x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"},
	.list = "content-type;host;x-amz-content-sha256;x-amz-date;x-amz-target"},
    {.name = "payload hash unsigned",
	.verdict = AUTH_UNSIGNED_HEADER,
	.extra = {"x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}},
    {.name = "payload hash of nothing",
	.verdict = AUTH_PAYLOAD_MISMATCH,
	.extra = {"x-amz-content-sha256",
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	.list = "content-type;host;x-amz-content-sha256;x-amz-date;x-amz-target"},
    {.name = "payload hash empty",
	.verdict = AUTH_PAYLOAD_MISMATCH,
	.extra = {"x-amz-content-sha256", ""},
	.list = "content-type;host;x-amz-content-sha256;x-amz-date;x-amz-target"},
    {.name = "list unsorted",
	.verdict = AUTH_INCOMPLETE,
	.list = "host;content-type;x-amz-date;x-amz-target"},
    {.name = "list in capitals",
	.verdict = AUTH_INCOMPLETE,
	.list = "Content-Type;Host;X-Amz-Date;X-Amz-Target"},
    {.name = "name twice in the list",
	.verdict = AUTH_INCOMPLETE,
	.list = "content-type;host;host;x-amz-date;x-amz-target"},
    {.name = "absent header in the list", .verdict = AUTH_INCOMPLETE, .list = LIST ";x-z"},
    {.name = "signed twice", .verdict = AUTH_INCOMPLETE, .target = "/?a=1&X-Amz-Signature=0"},
    {.name = "a query", .verdict = AUTH_PASSED, .target = "/?b=1&a=x%20y"},
    {.name = "a base path", .verdict = AUTH_PASSED, .target = "/base/"},
    {.name = "an escaped path", .verdict = AUTH_PASSED, .target = "/b%C3%A4se/%20"},
    {.name = "two slashes", .verdict = AUTH_TARGET, .target = "//"},
    {.name = "slashes inside", .verdict = AUTH_TARGET, .target = "/a//b"},
    {.name = "dot segment", .verdict = AUTH_TARGET, .target = "/a/./b"},
    {.name = "dot dot segment", .verdict = AUTH_TARGET, .target = "/a/.."},
    {.name = "escaped dot dot segment", .verdict = AUTH_TARGET, .target = "/v1/%2e%2e/admin"},
    {.name = "half escaped dot dot segment", .verdict = AUTH_TARGET, .target = "/v1/.%2E"},
    {.name = "escaped slash", .verdict = AUTH_TARGET, .target = "/a%2Fb"},
    {.name = "backslash", .verdict = AUTH_TARGET, .target = "/a\\b"},
    {.name = "escaped NUL", .verdict = AUTH_TARGET, .target = "/%00"},
    {.name = "overlong slash", .verdict = AUTH_TARGET, .target = "/%c0%af"},
    {.name = "bad escape", .verdict = AUTH_TARGET, .target = "/%4"},
    {.name = "no slash", .verdict = AUTH_TARGET, .target = "*"},
    {.name = "bad escape in the query", .verdict = AUTH_INCOMPLETE, .target = "/?a=%zz"},
    {.name = "five minutes late", .verdict = AUTH_PASSED, .late_ms = 300000},
    {.name = "more than five minutes late", .verdict = AUTH_EXPIRED, .late_ms = 300001},
    {.name = "five minutes early", .verdict = AUTH_PASSED, .late_ms = -300000},
    {.name = "more than five minutes early", .verdict = AUTH_NOT_YET_CURRENT, .late_ms = -300001},
    {.name = "another day",
	.verdict = AUTH_SCOPE,
	.credential = "AKIDEXAMPLE/20261123/eu-central-1/ses/aws4_request"},
    {.name = "another service",
	.verdict = AUTH_SCOPE,
	.credential = "AKIDEXAMPLE/20261124/eu-central-1/s3/aws4_request"},
    {.name = "another terminator",
	.verdict = AUTH_SCOPE,
	.credential = "AKIDEXAMPLE/20261124/eu-central-1/ses/aws4_requesu"},
    {.name = "any region",
	.verdict = AUTH_PASSED,
	.credential = "AKIDEXAMPLE/20261124/mars-1/ses/aws4_request"},
    {.name = "the region", .verdict = AUTH_PASSED, .region = "eu-central-1"},
    {.name = "another region", .verdict = AUTH_SCOPE, .region = "us-east-1"},
    {.name = "unknown key",
	.verdict = AUTH_UNKNOWN_KEY,
	.credential = "AKIDEXAMPLF/20261124/eu-central-1/ses/aws4_request"},
    {.name = "inactive key", .verdict = AUTH_INACTIVE_KEY, .inactive = true},
    {.name = "credential of one part", .verdict = AUTH_INCOMPLETE, .credential = "AKIDEXAMPLE"},
};

static struct bytes
piece(const char *text, int at)
{
	struct bytes all = bytes_of_str(text);
	size_t from = 0;

	for (; at > 0; at--)
		from = bytes_find_byte(all, from, '/') + 1;
	return bytes_slice(all, from, bytes_find_byte(all, from, '/') - from);
}

/* Signs what the fixture holds over list, under credential, as an honest client would. */
static void
fixture_sign(struct fixture *f, const char *credential, const char *list)
{
	struct crypt_sigv4_scope scope = {
	    piece(credential, 1), piece(credential, 2), piece(credential, 3)};
	struct crypt_sigv4_request r = {f->request.method, f->request.target, f->headers,
	    f->request.header_count, BYTES_EMPTY, true};
	uint8_t digest[CRYPT_SHA256_BYTES];
	char hex[65],
	    signature[65] = "0000000000000000000000000000000000000000000000000000000000000000";
	struct buf canonical, to_sign;
	struct err err;

	crypt_sha256(digest, f->request.body);
	text_hex_format(hex, bytes_of(digest, sizeof digest));
	r.payload_hash = bytes_of_str(hex);
	buf_init(&canonical, 65536);
	buf_init(&to_sign, 65536);
	if (crypt_sigv4_canonical(&r, bytes_of_str(list), false, &canonical, &err)) {
		crypt_sigv4_string_to_sign(
		    buf_view(&canonical), BYTES_LIT("20261124T030823Z"), &scope, &to_sign);
		crypt_sigv4_signature(signature, BYTES_LIT(SECRET), &scope, buf_view(&to_sign));
	}
	for (size_t i = 0; i < f->request.header_count; i++)
		if (bytes_equal(f->headers[i].name, BYTES_LIT("Authorization")))
			f->headers[i].value = bytes_of_str(arena_printf(&f->arena,
			    "AWS4-HMAC-SHA256 Credential=%s, SignedHeaders=%s, Signature=%s",
			    credential, list, signature));
	buf_fini(&canonical);
	buf_fini(&to_sign);
}

static void
edge_run(const struct edge *e)
{
	struct fixture f;

	fixture_init(&f, &CAPTURED[2]);
	if (e->extra.name != NULL) {
		f.headers[f.request.header_count].name = bytes_of_str(e->extra.name);
		f.headers[f.request.header_count++].value = bytes_of_str(e->extra.value);
	}
	if (e->target != NULL)
		f.request.target = bytes_of_str(e->target);
	f.request.now_ms += e->late_ms;
	f.options.region = e->region;
	f.known.active = !e->inactive;
	fixture_sign(&f,
	    e->credential != NULL ? e->credential
				  : "AKIDEXAMPLE/20261124/eu-central-1/ses/aws4_request",
	    e->list != NULL ? e->list : LIST);
	if (judge(&f) != e->verdict)
		fail_msg("%s: %d: %s", e->name, (int)f.result.verdict, f.result.text);
	if (e->verdict != AUTH_PASSED) {
		assert_int_not_equal(f.result.text[0], '\0');
		assert_null(f.result.principal);
	}
	arena_fini(&f.arena);
}

static void
edges_are_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof EDGES / sizeof *EDGES; i++) {
		print_message("  %s\n", EDGES[i].name);
		edge_run(&EDGES[i]);
	}
}

static void
inactive_key_with_wrong_signature_is_a_wrong_signature(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, &CAPTURED[2]);
	f.known.active = false;
	f.request.method = BYTES_LIT("PUT");
	assert_int_equal(judge(&f), AUTH_SIGNATURE);
	arena_fini(&f.arena);
}

static void
request_without_anything_is_missing_its_token(void **state)
{
	static const struct captured BARE = {"bare", "20261124T030823Z", "{}", {{"host", "h"}}};
	struct fixture f;

	(void)state;
	fixture_init(&f, &BARE);
	assert_int_equal(judge(&f), AUTH_MISSING);
	f.request.target = BYTES_LIT("/?X-Amz-Signature=0"); /* presigned: authenticates nothing */
	assert_int_equal(judge(&f), AUTH_MISSING);
	arena_fini(&f.arena);
}

static void
texts_of_time_say_both_times(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, &CAPTURED[2]);
	f.request.now_ms += 360000;
	assert_int_equal(judge(&f), AUTH_EXPIRED);
	assert_string_equal(f.result.text,
	    "Signature expired: 20261124T030823Z is now earlier than "
	    "20261124T030923Z (20261124T031423Z - 5 min.)");
	f.request.now_ms -= 720000;
	assert_int_equal(judge(&f), AUTH_NOT_YET_CURRENT);
	assert_string_equal(f.result.text,
	    "Signature not yet current: 20261124T030823Z is still later than "
	    "20261124T030723Z (20261124T030223Z + 5 min.)");
	arena_fini(&f.arena);
}

static void
trouble_of_the_store_is_no_refusal(void **state)
{
	struct fixture f;
	struct auth_key_source keys;
	struct err err;

	(void)state;
	fixture_init(&f, &CAPTURED[2]);
	f.known.trouble = ERR_IO;
	keys = (struct auth_key_source){known_find, &f.known};
	assert_false(auth_request_check(&f.request, &f.options, &keys, &f.arena, &f.result, &err));
	assert_int_equal(err.code, ERR_IO);
	arena_fini(&f.arena);
}

static void
refusals_have_a_row_each(void **state)
{
	(void)state;
	assert_null(auth_refusal_of(AUTH_PASSED));
	for (enum auth_verdict v = AUTH_MISSING; v <= AUTH_SIGNATURE; v++) {
		assert_in_range(auth_refusal_of(v)->http_status, 400, 501);
		assert_non_null(auth_refusal_of(v)->exception);
		assert_non_null(auth_refusal_of(v)->text);
	}
	assert_int_equal(auth_refusal_of(AUTH_MISSING)->http_status, 403);
	assert_string_equal(
	    auth_refusal_of(AUTH_MISSING)->exception, "MissingAuthenticationTokenException");
	assert_string_equal(
	    auth_refusal_of(AUTH_SIGNATURE)->exception, "InvalidSignatureException");
	assert_string_equal(auth_refusal_of(AUTH_EXPIRED)->exception, "InvalidSignatureException");
	assert_int_equal(auth_refusal_of(AUTH_STREAMING)->http_status, 501);
	assert_int_equal(auth_refusal_of(AUTH_PAYLOAD_MISMATCH)->http_status, 400);
	assert_string_equal(
	    auth_refusal_of(AUTH_UNKNOWN_KEY)->text, auth_refusal_of(AUTH_INACTIVE_KEY)->text);
}

/* One letter or digit replaced by another, put in, or taken out: never a blank, whose runs sign alike. */
static struct bytes
mutate(struct arena *arena, const struct rng *rng, struct bytes from)
{
	static const char LETTERS[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	uint8_t *to = arena_alloc(arena, from.len + 1);
	uint64_t how = from.len == 0 ? 1 : rng_below(rng, 3);
	size_t at = (size_t)rng_below(rng, from.len + (how == 1)), tail = from.len - at;
	uint8_t letter = (uint8_t)LETTERS[rng_below(rng, sizeof LETTERS - 1)];

	memcpy(to, from.ptr, at);
	switch (how) {
	case 0:
		to[at] = letter;
		memcpy(to + at + 1, from.ptr + at + 1, tail - 1);
		return bytes_of(to, from.len);
	case 1:
		to[at] = letter;
		if (tail > 0)
			memcpy(to + at + 1, from.ptr + at, tail);
		return bytes_of(to, from.len + 1);
	default:
		memcpy(to + at, from.ptr + at + 1, tail - 1);
		return bytes_of(to, from.len - 1);
	}
}

/* The part of the Authorization value between two marks, mutated in place. */
static struct bytes
mutate_part(struct arena *arena, const struct rng *rng, struct bytes value, const char *from,
    const char *to)
{
	size_t start = bytes_find(value, 0, bytes_of_str(from)) + strlen(from), end = value.len;
	struct bytes part;

	if (to != NULL)
		end = bytes_find(value, start, bytes_of_str(to));
	part = mutate(arena, rng, bytes_slice(value, start, end - start));
	return bytes_of_str(
	    arena_printf(arena, "%.*s%.*s%.*s", (int)start, (const char *)value.ptr, (int)part.len,
		(const char *)part.ptr, (int)(value.len - end), (const char *)value.ptr + end));
}

static const struct {
	const char *name, *from, *to;
} PARTS[] = {
    {"key id", "Credential=", "/2026"},
    {"scope date", "AKIDEXAMPLE/", "/eu"},
    {"region", "20261124/", "/ses"},
    {"service", "eu-central-1/", "/aws4"},
    {"terminator", "ses/", ", Signed"},
    {"signed headers", "SignedHeaders=", ", Signature"},
    {"signature", "Signature=", NULL},
};
#define PART_COUNT   (sizeof PARTS / sizeof *PARTS)
#define MUTANTS_EACH 60

/* Mutates what place names: method, target, body, a part of Authorization, a header. False: no such place. */
static bool
mutate_place(struct fixture *f, const struct rng *rng, size_t place, struct bytes *was_out,
    struct bytes **at_out)
{
	struct bytes *const fixed[] = {&f->request.method, &f->request.target, &f->request.body};
	bool is_part = place >= 3 && place < 3 + PART_COUNT;
	size_t header = place - 3 - PART_COUNT;

	if (place < 3) {
		*at_out = fixed[place];
	} else if (is_part) {
		for (header = 0;
		     !bytes_equal_nocase(f->headers[header].name, BYTES_LIT("authorization"));
		     header++)
			;
		*at_out = &f->headers[header].value;
	} else if (header < f->request.header_count) {
		*at_out = &f->headers[header].value;
	} else {
		return false;
	}
	*was_out = **at_out;
	**at_out = is_part ? mutate_part(&f->arena, rng, *was_out, PARTS[place - 3].from,
				 PARTS[place - 3].to)
			   : mutate(&f->arena, rng, *was_out);
	return true;
}

/* Of the headers, those that the JavaScript client signs: all but these. */
static bool
is_unsigned(struct bytes name)
{
	return bytes_equal(name, BYTES_LIT("user-agent")) ||
	       bytes_equal(name, BYTES_LIT("Connection")) ||
	       bytes_equal(name, BYTES_LIT("authorization"));
}

static void
mutants_are_refused(void **state)
{
	struct rng_seeded seeded = {20261124};
	struct rng rng = rng_seeded(&seeded);
	size_t refused = 0, same = 0, control = 0;

	(void)state;
	for (size_t place = 0; place < 3 + PART_COUNT + HEADERS_MAX; place++) {
		for (size_t i = 0; i < MUTANTS_EACH; i++) {
			struct fixture f;
			struct bytes was, *at;
			bool counts;

			fixture_init(&f, &CAPTURED[0]);
			counts = mutate_place(&f, &rng, place, &was, &at);
			if (counts && bytes_equal(was, *at)) {
				same++; /* a letter replaced by itself */
				assert_int_equal(judge(&f), AUTH_PASSED);
			} else if (counts && place >= 3 + PART_COUNT &&
				   is_unsigned(f.headers[place - 3 - PART_COUNT].name)) {
				enum auth_verdict verdict = judge(&f);

				/* the control: what is not signed may change, and the judgement stays */
				control += verdict == AUTH_PASSED;
			} else if (counts) {
				if (judge(&f) == AUTH_PASSED)
					fail_msg("passed: place %zu: '%.*s' instead of '%.*s'",
					    place, (int)at->len, (const char *)at->ptr,
					    (int)was.len, (const char *)was.ptr);
				refused++;
			}
			arena_fini(&f.arena);
		}
	}
	print_message("  %zu mutants refused, %zu unchanged, %zu passed where nothing is signed\n",
	    refused, same, control);
	assert_true(refused >= 1000);
	assert_true(control >= 2 * MUTANTS_EACH - 10);
}

static void
renamed_and_removed_headers_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < 12; i++) {
		struct fixture f;
		bool matters;

		fixture_init(&f, &CAPTURED[0]);
		matters = !is_unsigned(f.headers[i].name);
		f.headers[i].name = BYTES_LIT("x-renamed");
		if (matters)
			assert_int_not_equal(judge(&f), AUTH_PASSED);
		f.headers[i] = f.headers[--f.request.header_count];
		if (matters)
			assert_int_not_equal(judge(&f), AUTH_PASSED);
		arena_fini(&f.arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(captured_requests_pass),
	    cmocka_unit_test(edges_are_judged),
	    cmocka_unit_test(inactive_key_with_wrong_signature_is_a_wrong_signature),
	    cmocka_unit_test(request_without_anything_is_missing_its_token),
	    cmocka_unit_test(texts_of_time_say_both_times),
	    cmocka_unit_test(trouble_of_the_store_is_no_refusal),
	    cmocka_unit_test(refusals_have_a_row_each),
	    cmocka_unit_test(mutants_are_refused),
	    cmocka_unit_test(renamed_and_removed_headers_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
