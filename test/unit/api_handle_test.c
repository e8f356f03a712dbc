/* SPDX-License-Identifier: Apache-2.0 */
/* Requests as HTTP brings them: signatures, routes, broken bodies, download links, pages; and jobs on real
 * threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sched.h>

#include "api_fixture.h"
#include "auth_key.h"
#include "base_text.h"
#include "base_time.h"
#include "crypt_digest.h"
#include "crypt_sigv4.h"

static int
set_up(void **state)
{
	static struct fixture f;

	fixture_open(&f, false);
	*state = &f;
	return 0;
}

static int
tear_down(void **state)
{
	fixture_close(*state);
	return 0;
}

static struct json *
operation(struct fixture *f, int status, const char *name, const char *input)
{
	struct err err;
	struct json *in = json_parse(bytes_of_str(input), &err), *out;

	assert_non_null(in);
	assert_int_equal(fixture_call(f, name, in, false, &out), status);
	json_free(&in);
	return out;
}

static void
operation_save(
    struct fixture *f, const char *name, const char *input, const char *member, char out[64])
{
	struct json *answer = operation(f, 200, name, input);

	(void)snprintf(out, 64, "%s", json_get_str(answer, member));
	json_free(&answer);
}

/* A request without a trusted peer; the status, and whether the body names the exception. */
static int
request(struct fixture *f, const char *method, const char *target, const struct api_header *headers,
    size_t count, struct bytes body, const char *exception)
{
	struct api_request r = {.method = bytes_of_str(method),
	    .target = bytes_of_str(target),
	    .headers = headers,
	    .header_count = count,
	    .body = body};
	struct api_response response;
	int status;

	api_response_init(&response);
	api_handle(f->api, &r, &response);
	status = response.status;
	if (exception != NULL &&
	    bytes_find(buf_view(&response.body), 0, bytes_of_str(exception)) == SIZE_MAX)
		fail_msg("%s %s: %s", method, target, buf_text(&response.body));
	api_response_fini(&response);
	return status;
}

#define TARGET_OF(op)                                                                              \
	{                                                                                          \
		BYTES_LIT("X-Amz-Target"), BYTES_LIT("MailManagerSvc." op)                         \
	}

static void
test_routes(void **state)
{
	const struct {
		const char *name, *method, *target;
		struct api_header headers[3];
		size_t count;
		int status;
		const char *exception;
	} rows[] = {
	    {"root", "GET", "/", {{{NULL, 0}, {NULL, 0}}}, 0, 404, "UnknownOperationException"},
	    {"no target", "POST", "/", {{{NULL, 0}, {NULL, 0}}}, 0, 404,
		"UnknownOperationException"},
	    {"other method", "DELETE", "/", {TARGET_OF("ListArchives")}, 1, 404,
		"UnknownOperationException"},
	    {"target without dot", "POST", "/",
		{{BYTES_LIT("x-amz-target"), BYTES_LIT("ListArchives")}}, 1, 404, "Unknown"},
	    {"unsigned", "POST", "/", {TARGET_OF("ListArchives")}, 1, 403,
		"MissingAuthenticationToken"},
	    {"unsigned unknown", "POST", "/", {TARGET_OF("Nothing")}, 1, 403,
		"MissingAuthenticationToken"},
	    {"two targets", "POST", "/", {TARGET_OF("ListArchives"), TARGET_OF("DeleteArchive")}, 2,
		400, "Serialization"},
	    {"link without signature", "GET", "/message/abc", {{{NULL, 0}, {NULL, 0}}}, 0, 403,
		"AccessDeniedException"},
	    {"link with a false signature", "GET", "/message/abc?Expires=9999999999&Signature=00",
		{{{NULL, 0}, {NULL, 0}}}, 0, 403, "AccessDeniedException"},
	    {"link with odd time", "GET", "/message/abc?Expires=-1&Signature=00",
		{{{NULL, 0}, {NULL, 0}}}, 0, 403, "AccessDenied"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int status = request(*state, rows[i].method, rows[i].target, rows[i].headers,
		    rows[i].count, BYTES_LIT("{}"), rows[i].exception);

		if (status != rows[i].status)
			fail_msg("%s: %d", rows[i].name, status);
	}
}

static int
trusted(struct fixture *f, const char *target, struct bytes body, bool cbor, struct buf *answer)
{
	struct api_header json = {BYTES_LIT("x-amz-target"), bytes_of_str(target)};
	struct api_header smithy = {BYTES_LIT("Smithy-Protocol"), BYTES_LIT("rpc-v2-cbor")};
	struct api_request r = {.method = BYTES_LIT("POST"),
	    .target = cbor ? bytes_of_str(target) : BYTES_LIT("/x/?y"),
	    .headers = cbor ? &smithy : &json,
	    .header_count = 1,
	    .body = body,
	    .local_trusted = true};
	struct api_response response;
	int status;

	api_response_init(&response);
	api_handle(f->api, &r, &response);
	status = response.status;
	if (answer != NULL)
		buf_append(answer, buf_view(&response.body));
	api_response_fini(&response);
	return status;
}

static void
test_bodies(void **state)
{
	static const struct {
		const char *name, *body;
		int status;
	} rows[] = {{"empty", "", 200}, {"braces", "{}", 200}, {"blank", " {} ", 200},
	    {"unknown member", "{\"X\":1}", 200}, {"null member", "{\"PageSize\":null}", 200},
	    {"array", "[]", 400}, {"text", "\"x\"", 400}, {"cut", "{", 400},
	    {"twice", "{} {}", 400}, {"duplicate", "{\"PageSize\":1,\"PageSize\":2}", 400},
	    {"wrong type", "{\"PageSize\":\"1\"}", 400},
	    {"not utf-8", "{\"NextToken\":\"\xff\"}", 400},
	    {"out of bounds", "{\"PageSize\":51}", 400}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int status = trusted(
		    *state, "MailManagerSvc.ListArchives", bytes_of_str(rows[i].body), false, NULL);

		if (status != rows[i].status)
			fail_msg("%s: %d", rows[i].name, status);
	}
	assert_int_equal(trusted(*state, "/service/MailManagerSvc/operation/ListArchives",
			     BYTES_EMPTY, true, NULL),
	    200);
	assert_int_equal(trusted(*state, "/service/MailManagerSvc/operation/ListArchives",
			     BYTES_LIT("\xff"), true, NULL),
	    400);
	assert_int_equal(
	    trusted(*state, "/service/Other/operation/ListArchives", BYTES_EMPTY, true, NULL), 404);
	assert_int_equal(trusted(*state, "/service/MailManagerSvc/operation/ListArchives/x",
			     BYTES_EMPTY, true, NULL),
	    404);
}

static void
key_make(struct fixture *f, struct auth_key *key)
{
	struct err err;

	assert_true(catalog_begin(f->catalog, &err));
	assert_true(
	    auth_key_create(f->catalog, AUTH_PRINCIPAL_ROOT, &f->rng, f->time.now_ms, key, &err));
	assert_true(catalog_commit(f->catalog, &err));
}

/* Signs ListArchives at the fixture's time plus an offset, with a body that may differ from the one sent. */
static int
signed_call(struct fixture *f, const struct auth_key *key, int64_t offset_ms,
    const char *signed_body, const char *sent_body, const char *exception)
{
	struct crypt_sigv4_header h[4];
	struct api_header sent[5];
	struct crypt_sigv4_scope scope;
	struct crypt_sigv4_request r;
	uint8_t digest[CRYPT_SHA256_BYTES];
	char date[TIME_AMZ_SIZE], hash[65];
	struct buf authorization;
	struct err err;
	int status;

	time_amz_format(date, f->time.now_ms + offset_ms);
	crypt_sha256(digest, bytes_of_str(signed_body));
	text_hex_format(hash, bytes_of(digest, sizeof(digest)));
	h[0] = (struct crypt_sigv4_header){BYTES_LIT("host"), BYTES_LIT("localhost:8080")};
	h[1] = (struct crypt_sigv4_header){BYTES_LIT("x-amz-date"), bytes_of_str(date)};
	h[2] = (struct crypt_sigv4_header){
	    BYTES_LIT("x-amz-target"), BYTES_LIT("MailManagerSvc.ListArchives")};
	h[3] = (struct crypt_sigv4_header){
	    BYTES_LIT("content-type"), BYTES_LIT("application/x-amz-json-1.0")};
	scope = (struct crypt_sigv4_scope){
	    bytes_of(date, 8), BYTES_LIT("eu-central-1"), BYTES_LIT("ses")};
	r = (struct crypt_sigv4_request){
	    BYTES_LIT("POST"), BYTES_LIT("/"), h, 4, bytes_of_str(hash), true};
	buf_init(&authorization, 2048);
	assert_true(crypt_sigv4_sign_header(&r, bytes_of_str(key->id), bytes_of_str(key->secret),
	    bytes_of_str(date), &scope, &authorization, &err));
	for (size_t i = 0; i < 4; i++)
		sent[i] = (struct api_header){h[i].name, h[i].value};
	sent[4] = (struct api_header){BYTES_LIT("Authorization"), buf_view(&authorization)};
	status = request(f, "POST", "/", sent, 5, bytes_of_str(sent_body), exception);
	buf_fini(&authorization);
	return status;
}

static void
test_signatures(void **state)
{
	struct fixture *f = *state;
	struct auth_key key, other;

	key_make(f, &key);
	other = key;
	other.secret[0] = other.secret[0] == 'x' ? 'y' : 'x';
	assert_int_equal(signed_call(f, &key, 0, "{}", "{}", "\"Archives\":[]"), 200);
	assert_int_equal(signed_call(f, &key, 299000, "{}", "{}", NULL), 200);
	assert_int_equal(signed_call(f, &key, 360000, "{}", "{}", "Exception"), 403);
	assert_int_equal(signed_call(f, &key, -360000, "{}", "{}", "Exception"), 403);
	assert_int_equal(signed_call(f, &key, 0, "{}", "{ }", "Exception"), 403);
	assert_int_equal(signed_call(f, &other, 0, "{}", "{}", "Exception"), 403);
}

static void
test_link(void **state)
{
	struct fixture *f = *state;
	char archive[64], search[64], id[64], input[256], link[512];
	struct json *answer;
	size_t len;

	operation_save(f, "CreateArchive", "{\"ArchiveName\":\"one\"}", "ArchiveId", archive);
	fixture_keep(f, archive, "alpha");
	(void)snprintf(input, sizeof(input),
	    "{\"ArchiveId\":\"%s\",\"FromTimestamp\":1,\"ToTimestamp\":9000000000,\"MaxResults\":"
	    "1}",
	    archive);
	operation_save(f, "StartArchiveSearch", input, "SearchId", search);
	api_run_jobs(f->api);
	(void)snprintf(input, sizeof(input), "{\"SearchId\":\"%s\"}", search);
	answer = operation(f, 200, "GetArchiveSearchResults", input);
	(void)snprintf(id, sizeof(id), "%s",
	    json_get_str(json_at(json_find(answer, "Rows"), 0), "ArchivedMessageId"));
	json_free(&answer);
	(void)snprintf(input, sizeof(input), "{\"ArchivedMessageId\":\"%s\"}", id);
	answer = operation(f, 200, "GetArchiveMessageContent", input);
	assert_string_equal(json_get_str(json_find(answer, "Body"), "Text"), "Hello, alpha.\r\n");
	assert_false(json_get_bool(json_find(answer, "Body"), "MessageMalformed", true));
	json_free(&answer);
	answer = operation(f, 200, "GetArchiveMessage", input);
	assert_string_equal(json_get_str(json_find(answer, "Envelope"), "From"), "ann@example.net");
	(void)snprintf(link, sizeof(link), "%s", json_get_str(answer, "MessageDownloadLink"));
	json_free(&answer);
	len = strlen("http://api.example:8080");
	assert_int_equal(strncmp(link, "http://api.example:8080/message/", len + 9), 0);
	assert_int_equal(request(f, "GET", link + len, NULL, 0, BYTES_EMPTY,
			     "Subject: alpha\r\n\r\nHello, alpha.\r\n"),
	    200);
	link[strlen(link) - 1] ^= 1;
	assert_int_equal(
	    request(f, "GET", link + len, NULL, 0, BYTES_EMPTY, "AccessDeniedException"), 403);
	link[strlen(link) - 1] ^= 1;
	f->time.now_ms += 15 * 60 * 1000;
	assert_int_equal(request(f, "GET", link + len, NULL, 0, BYTES_EMPTY, "expired"), 403);
	f->time.now_ms -= 15 * 60 * 1000;
	(void)snprintf(input, sizeof(input), "{\"ArchiveId\":\"%s\"}", archive);
	answer = operation(f, 200, "DeleteArchive", input);
	json_free(&answer);
	assert_int_equal(
	    request(f, "GET", link + len, NULL, 0, BYTES_EMPTY, "pending deletion"), 404);
	(void)snprintf(input, sizeof(input), "{\"SearchId\":\"%s\"}", search);
	answer = operation(f, 409, "GetArchiveSearchResults", input);
	json_free(&answer);
	answer = operation(f, 400, "GetArchiveMessage", "{\"ArchivedMessageId\":\"none\"}");
	assert_non_null(strstr(json_get_str(answer, "Message"), "not found"));
	json_free(&answer);
}

static void
test_pages(void **state)
{
	struct fixture *f = *state;
	char input[512], names[128] = "", token[400] = "";
	struct json *refused;
	size_t pages = 0;

	for (int i = 0; i < 5; i++) {
		struct json *answer;

		(void)snprintf(input, sizeof(input),
		    "{\"RelayName\":\"r%d\",\"ServerName\":\"x\",\"ServerPort\":25,"
		    "\"Authentication\":{\"NoAuthentication\":{}}}",
		    i);
		answer = operation(f, 200, "CreateRelay", input);
		json_free(&answer);
		f->time.now_ms += i == 2 ? 0 : 1; /* two of the same millisecond */
	}
	do {
		struct json *answer;
		const struct json *relays;

		(void)snprintf(input, sizeof(input), "{\"PageSize\":2%s%s%s}",
		    token[0] == '\0' ? "" : ",\"NextToken\":\"", token,
		    token[0] == '\0' ? "" : "\"");
		answer = operation(f, 200, "ListRelays", input);
		relays = json_find(answer, "Relays");
		for (size_t i = 0; i < json_count(relays); i++)
			(void)snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s ",
			    json_get_str(json_at(relays, i), "RelayName"));
		(void)snprintf(token, sizeof(token), "%s",
		    json_get_str(answer, "NextToken") == NULL ? ""
							      : json_get_str(answer, "NextToken"));
		json_free(&answer);
		pages++;
	} while (token[0] != '\0');
	assert_int_equal(pages, 3);
	assert_int_equal(strlen(names), 15);
	assert_int_equal(strncmp(names, "r4 ", 3), 0);
	assert_int_equal(strncmp(names + 9, "r1 r0 ", 6), 0);
	refused = operation(f, 400, "ListRelays", "{\"NextToken\":\"x\"}");
	json_free(&refused);
}

/* As many as the limit says, and then ServiceQuotaExceededException. */
static void
test_quotas(void **state)
{
	static const struct {
		const char *name, *operation, *before, *after; /* a number goes between */
		int limit;
	} rows[] = {
	    {"relays", "CreateRelay",
		"{\"ServerName\":\"x\",\"ServerPort\":25,\"Authentication\":{\"NoAuthentication\":{"
		"}},"
		"\"RelayName\":\"n",
		"\"}", 40},
	    {"rule sets", "CreateRuleSet", "{\"Rules\":[],\"RuleSetName\":\"n", "\"}", 40},
	    {"traffic policies", "CreateTrafficPolicy",
		"{\"PolicyStatements\":[],\"DefaultAction\":\"DENY\",\"TrafficPolicyName\":\"name",
		"\"}", 100},
	    {"access keys", "Daybook.CreateAccessKey", "{\"X\":", "}", 100},
	};
	char input[512];

	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		for (int i = 0; i <= rows[r].limit; i++) {
			struct json *answer;

			(void)snprintf(
			    input, sizeof(input), "%s%d%s", rows[r].before, i, rows[r].after);
			answer = operation(
			    *state, i < rows[r].limit ? 200 : 402, rows[r].operation, input);
			json_free(&answer);
		}
	}
}

/* Bounds inside one document. */
static void
test_statement_quotas(void **state)
{
	static const char condition[] =
	    "{\"StringExpression\":{\"Evaluate\":{\"Attribute\":\"RECIPIENT\"},\"Operator\":"
	    "\"EQUALS\",\"Values\":[\"a@b\"]}}";
	static const struct {
		int statements, conditions, status;
	} rows[] = {{20, 10, 200}, {21, 1, 402}, {1, 11, 402}};

	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		struct json *answer;
		struct buf input;

		buf_init(&input, LIMIT_MIB);
		buf_printf(&input,
		    "{\"TrafficPolicyName\":\"name%zu\",\"DefaultAction\":\"DENY\","
		    "\"PolicyStatements\":[",
		    r);
		for (int i = 0; i < rows[r].statements; i++) {
			buf_printf(
			    &input, "%s{\"Action\":\"ALLOW\",\"Conditions\":[", i == 0 ? "" : ",");
			for (int j = 0; j < rows[r].conditions; j++)
				buf_printf(&input, "%s%s", j == 0 ? "" : ",", condition);
			buf_append_str(&input, "]}");
		}
		buf_append_str(&input, "]}");
		answer = operation(*state, rows[r].status, "CreateTrafficPolicy", buf_text(&input));
		json_free(&answer);
		buf_fini(&input);
	}
}

/* Whoever asks again and again gets a round of its own that saw everything. */
static void
scrub_while_asked(struct fixture *f)
{
	bool running = true;

	for (int i = 0; i < 300; i++) {
		struct json *answer = operation(f, 200, "Daybook.StartScrub", "{}");

		json_free(&answer);
		(void)sched_yield();
	}
	for (int i = 0; running && i < 1000000; i++) {
		struct json *answer = operation(f, 200, "Daybook.GetScrub", "{}");
		const struct json *last = json_find(answer, "LastRound");

		running = json_get_bool(answer, "Asked", true);
		if (!running) {
			assert_non_null(last);
			assert_int_equal(json_get_integer(last, "Packs", -1), 1);
			assert_int_equal(json_get_integer(last, "CheckedMessages", -1), 1);
			assert_int_equal(json_get_integer(last, "ProblemCount", -1), 0);
		}
		json_free(&answer);
		(void)sched_yield();
	}
	assert_false(running);
}

/* The same over real threads: nothing is timed, the loop ends when the job has. */
static void
test_threads(void **state)
{
	struct fixture *f = *state;
	struct api_options o = {.catalog = f->catalog,
	    .archive = f->archive,
	    .fs = os_fs_memory(f->disk),
	    .clock = clock_system(),
	    .rng = rng_system(),
	    .export_dir = "/export",
	    .job_threads = true};
	/* The fixture's numbers are not for several threads. */
	struct audit_options audit = {.fs = o.fs,
	    .dir = "/data/audit-threads",
	    .keys = f->keys,
	    .clock = o.clock,
	    .rng = o.rng,
	    .threads = true};
	struct audit_recovery found;
	char archive[64], id[64], input[400];
	const char *kinds[][3] = {{"StartArchiveSearch", "SearchId", "GetArchiveSearch"},
	    {"StartArchiveExport", "ExportId", "GetArchiveExport"}};
	struct err err;

	operation_save(f, "CreateArchive", "{\"ArchiveName\":\"one\"}", "ArchiveId", archive);
	fixture_keep(f, archive, "alpha");
	assert_true(archive_seal(f->archive, true, &err)); /* a pack to read again */
	api_close(&f->api);
	audit_close(&f->audit);
	assert_true(audit_open(&audit, &f->audit, &found, &err));
	o.audit = f->audit;
	assert_true(api_open(&o, &f->api, &err));
	for (size_t k = 0; k < 2; k++) {
		bool done = false;

		(void)snprintf(input, sizeof(input),
		    "{\"ArchiveId\":\"%s\",\"FromTimestamp\":1,\"ToTimestamp\":9000000000,"
		    "\"MaxResults\":1,"
		    "\"ExportDestinationConfiguration\":{\"S3\":{\"S3Location\":\"s3://bucket\"}}}",
		    archive);
		operation_save(f, kinds[k][0], input, kinds[k][1], id);
		(void)snprintf(input, sizeof(input), "{\"%s\":\"%s\"}", kinds[k][1], id);
		for (int i = 0; !done && i < 1000000; i++) {
			struct json *answer = operation(f, 200, kinds[k][2], input);

			done = strcmp(json_get_str(json_find(answer, "Status"), "State"),
				   "COMPLETED") == 0;
			json_free(&answer);
			(void)sched_yield();
		}
		assert_true(done);
	}
	scrub_while_asked(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_routes), TEST(test_bodies),
	    TEST(test_signatures), TEST(test_link), TEST(test_pages), TEST(test_quotas),
	    TEST(test_statement_quotas), TEST(test_threads)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
