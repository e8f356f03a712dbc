/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every operation of the model, with input that fits its shape and with input that does not: each call leaves one
 * audit record, and nothing secret is in it. Inputs are made from the model, so a new operation is in it by itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api_audit_int.h"
#include "api_fixture.h"
#include "api_model_int.h"
#include "base_log.h"

#define SECRET                                                                                     \
	"Secret-0123456789" /* fits every sensitive pattern that has one, or is refused by it */

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

/* --- the log ----------------------------------------------------------------------------------------------- */

struct look {
	uint64_t count;      /* records so far */
	char operation[128]; /* of the newest */
	char result[128], principal[64], key[64], from[64], request[64];
	char resources[512];
	struct buf parameters; /* of all, one a line */
	uint64_t requests;     /* of the newest */
	uint32_t status, uid;
};

static void
text_copy(char *out, size_t size, struct bytes text)
{
	(void)snprintf(out, size, "%.*s", (int)text.len, (const char *)text.ptr);
}

static bool
see(void *ctx, const struct audit_record *r)
{
	struct look *l = ctx;

	if (l->count++ == 0) {
		text_copy(l->operation, sizeof l->operation, r->operation);
		text_copy(l->result, sizeof l->result, r->result);
		text_copy(l->principal, sizeof l->principal, r->principal);
		text_copy(l->key, sizeof l->key, r->key_id);
		text_copy(l->from, sizeof l->from, r->from);
		text_copy(l->request, sizeof l->request, r->request_id);
		l->resources[0] = '\0';
		for (size_t i = 0; i < r->resource_count; i++) {
			size_t at = strlen(l->resources);

			(void)snprintf(l->resources + at, sizeof l->resources - at, "%.*s ",
			    (int)r->resources[i].len, (const char *)r->resources[i].ptr);
		}
		l->requests = r->count;
		l->status = r->status;
		l->uid = r->uid;
	}
	buf_append(&l->parameters, r->parameters);
	for (size_t i = 0; i < r->resource_count; i++)
		buf_append(&l->parameters, r->resources[i]);
	buf_append_byte(&l->parameters, '\n');
	return true;
}

static void
look(struct fixture *f, struct look *l)
{
	struct err err;

	memset(l, 0, sizeof *l);
	buf_init(&l->parameters, 64 * LIMIT_MIB);
	if (!audit_list(f->audit, 0, see, l, NULL, &err))
		fail_msg("%s", err.msg);
}

static uint64_t
records(struct fixture *f)
{
	struct look l;

	look(f, &l);
	buf_fini(&l.parameters);
	return l.count;
}

/* --- inputs from shapes ------------------------------------------------------------------------------------ */

enum manner {
	MANNER_FITTING, /* kinds and lengths as the shape says; patterns as far as a word fits them */
	MANNER_REQUIRED, /* required members only */
	MANNER_KINDS,    /* every value of another kind, the secret in its place */
	MANNER_STRAY,    /* nothing but a member that nobody knows */
	MANNER_COUNT
};

static struct json *
text_for(const struct json_shape *shape)
{
	char text[80];
	size_t len;

	if (shape->enum_values != NULL)
		return json_new_str(shape->enum_values[0]);
	if (shape->sensitive)
		return json_new_str(SECRET);
	(void)snprintf(text, sizeof text, "a-word");
	len = strlen(text);
	while (shape->min > (int64_t)len && len + 1 < sizeof text)
		text[len++] = 'x';
	text[len] = '\0';
	if (shape->max < (int64_t)len)
		text[shape->max] = '\0';
	return json_new_str(text);
}

static struct json *
value_for(const struct json_shape *shape, enum manner manner, unsigned depth)
{
	struct json *out;

	if (manner == MANNER_KINDS && shape->kind != JSON_SHAPE_STRUCTURE)
		return shape->kind == JSON_SHAPE_STRING ? json_new_integer(7)
							: json_new_str(SECRET);
	switch (shape->kind) {
	case JSON_SHAPE_STRING:
		return text_for(shape);
	case JSON_SHAPE_BLOB:
		return json_new_str("c2VjcmV0");
	case JSON_SHAPE_INTEGER:
	case JSON_SHAPE_DOUBLE:
	case JSON_SHAPE_TIMESTAMP:
		return json_new_integer(shape->min > 1 ? shape->min : 1);
	case JSON_SHAPE_BOOLEAN:
		return json_new_bool(true);
	case JSON_SHAPE_LIST:
		out = json_new_array();
		if (depth > 0)
			json_push(out, value_for(shape->element, manner, depth - 1));
		return out;
	case JSON_SHAPE_STRUCTURE:
	case JSON_SHAPE_UNION:
		break;
	}
	out = json_new_object();
	for (size_t i = 0; i < shape->member_count && depth > 0; i++) {
		if (manner == MANNER_REQUIRED && !shape->members[i].required)
			continue;
		json_set(out, shape->members[i].name,
		    value_for(shape->members[i].shape, manner, depth - 1));
		if (shape->kind == JSON_SHAPE_UNION)
			break;
	}
	return out;
}

static struct json *
input_for(const struct api_operation *op, enum manner manner)
{
	struct json *out;

	if (manner != MANNER_STRAY)
		return value_for(op->input, manner, 8);
	out = json_new_object();
	json_set_str(out, "NobodyKnowsThis", SECRET);
	return out;
}

/* --- tests ------------------------------------------------------------------------------------------------- */

/* Everything is asked for in every manner; the id of the request ties answer and record together. */
static void
every_operation(void **state)
{
	struct fixture *f = *state;
	uint64_t before = records(f);
	unsigned calls = 0, accepted = 0;
	struct look l;

	for (size_t i = 0; i < api_model_operation_count; i++) {
		const struct api_operation *op = &api_model_operations[i];
		char name[128], want[128];

		(void)snprintf(want, sizeof want, "%s.%s", op->service, op->name);
		(void)snprintf(name, sizeof name, "%s%s",
		    strcmp(op->service, "Daybook") == 0 ? "Daybook." : "", op->name);
		for (int manner = 0; manner < MANNER_COUNT; manner++) {
			struct json *input = input_for(op, (enum manner)manner), *answer;
			int status = fixture_call(f, name, input, manner % 2 == 1, &answer);

			calls++;
			accepted += status == 200;
			look(f, &l);
			if (l.count != before + 1)
				fail_msg("%s manner %d: %llu records", want, manner,
				    (unsigned long long)(l.count - before));
			before = l.count;
			assert_string_equal(l.operation, want);
			assert_int_equal(l.status, status);
			assert_string_equal(l.principal, "root");
			assert_string_equal(l.from, "local");
			assert_int_equal(l.uid, 1000);
			assert_int_equal(strlen(l.request), ID_UUID_TEXT_SIZE - 1);
			assert_true((status == 200) == (strcmp(l.result, "ok") == 0));
			buf_fini(&l.parameters);
			json_free(&input);
			json_free(&answer);
		}
	}
	assert_true(accepted > 0 && accepted < calls);
	look(f, &l);
	assert_int_equal(bytes_find(buf_view(&l.parameters), 0, BYTES_LIT(SECRET)), SIZE_MAX);
	assert_int_equal(bytes_find(buf_view(&l.parameters), 0, BYTES_LIT("c2VjcmV0")), SIZE_MAX);
	assert_int_equal(
	    bytes_find(buf_view(&l.parameters), 0, BYTES_LIT("NobodyKnows")), SIZE_MAX);
	buf_fini(&l.parameters);
	print_message(
	    "%zu operations, %u calls, %u accepted\n", api_model_operation_count, calls, accepted);
}

static struct json *
call(struct fixture *f, int status, const char *name, const char *input)
{
	struct err err;
	struct json *in = json_parse(bytes_of_str(input), &err), *out;

	assert_non_null(in);
	assert_int_equal(fixture_call(f, name, in, false, &out), status);
	json_free(&in);
	return out;
}

/* A password that is accepted, a secret that is answered, a message that is shown: none is in the log. */
static void
secrets(void **state)
{
	struct fixture *f = *state;
	struct json *archive, *out, *policy, *rules;
	char text[512], archive_id[80];
	struct look l;

	archive = call(f, 200, "CreateArchive", "{\"ArchiveName\":\"mail\"}");
	(void)snprintf(archive_id, sizeof archive_id, "%s", json_get_str(archive, "ArchiveId"));
	json_free(&archive);
	look(f, &l);
	assert_non_null(strstr(l.resources, archive_id));
	buf_fini(&l.parameters);
	rules = call(f, 200, "CreateRuleSet",
	    "{\"RuleSetName\":\"rules\",\"Rules\":[{\"Actions\":[{\"Drop\":{}}]}]}");
	policy = call(f, 200, "CreateTrafficPolicy",
	    "{\"TrafficPolicyName\":\"policy\",\"PolicyStatements\":[],\"DefaultAction\":"
	    "\"ALLOW\"}");
	(void)snprintf(text, sizeof text,
	    "{\"IngressPointName\":\"door\",\"Type\":\"AUTH\",\"RuleSetId\":\"%s\","
	    "\"TrafficPolicyId\":"
	    "\"%s\",\"IngressPointConfiguration\":{\"SmtpPassword\":\"" SECRET "\"}}",
	    json_get_str(rules, "RuleSetId"), json_get_str(policy, "TrafficPolicyId"));
	json_free(&rules);
	json_free(&policy);
	out = call(f, 200, "CreateIngressPoint", text);
	json_free(&out);
	out = call(f, 200, "Daybook.CreateAccessKey", "{}");
	(void)snprintf(text, sizeof text, "%s", json_get_str(out, "SecretAccessKey"));
	json_free(&out);
	fixture_keep(f, archive_id, "whispered");
	look(f, &l);
	assert_int_equal(bytes_find(buf_view(&l.parameters), 0, BYTES_LIT(SECRET)), SIZE_MAX);
	assert_int_equal(bytes_find(buf_view(&l.parameters), 0, bytes_of_str(text)), SIZE_MAX);
	assert_int_equal(bytes_find(buf_view(&l.parameters), 0, BYTES_LIT("whispered")), SIZE_MAX);
	assert_true(bytes_find(buf_view(&l.parameters), 0, BYTES_LIT("(not shown)")) != SIZE_MAX);
	buf_fini(&l.parameters);
}

/* A request of a stranger; what its line of authorization says is his own invention. */
static int
stranger(struct fixture *f, const char *target, const char *authorization)
{
	struct api_header headers[2] = {{BYTES_LIT("X-Amz-Target"), bytes_of_str(target)},
	    {BYTES_LIT("Authorization"), bytes_of_str(authorization)}};
	struct api_request r = {.method = BYTES_LIT("POST"),
	    .target = BYTES_LIT("/"),
	    .headers = headers,
	    .header_count = authorization == NULL ? 1 : 2,
	    .body = BYTES_LIT("{}"),
	    .peer_address = "192.0.2.7"};
	struct api_response response;
	int status;

	api_response_init(&response);
	api_handle(f->api, &r, &response);
	status = response.status;
	api_response_fini(&response);
	return status;
}

static void
strangers(void **state)
{
	struct fixture *f = *state;
	uint64_t before = records(f);
	struct look l;
	struct err err;

	assert_int_equal(stranger(f, "MailManagerSvc.ListArchives",
			     "AWS4-HMAC-SHA256 Credential=AKIAABCDEFGHIJKLMNOP/20260101/x"),
	    400);
	look(f, &l);
	assert_int_equal(l.count, before + 1);
	assert_string_equal(l.key, "AKIAABCDEFGHIJKLMNOP");
	assert_string_equal(l.principal, "");
	assert_string_equal(l.from, "192.0.2.7");
	assert_string_equal(l.operation, "MailManagerSvc.ListArchives");
	assert_int_equal(l.uid, AUDIT_UID_NONE);
	buf_fini(&l.parameters);
	for (unsigned i = 0; i < 500; i++)
		assert_true(stranger(f, "Nobody.\x01\xff knows", NULL) >= 400);
	assert_int_equal(records(f), before + API_AUDIT_STRANGERS_PER_MINUTE);
	f->time.mono_ms += 60000;
	assert_true(api_tick(f->api, &err));
	look(f, &l);
	assert_int_equal(l.count, before + API_AUDIT_STRANGERS_PER_MINUTE + 1);
	assert_string_equal(l.operation, "Daybook.RefusedRequests");
	assert_int_equal(l.requests, 501 - API_AUDIT_STRANGERS_PER_MINUTE);
	buf_fini(&l.parameters);
	assert_true(api_tick(f->api, &err));
	assert_int_equal(records(f), before + API_AUDIT_STRANGERS_PER_MINUTE + 1);
}

static void
get(struct fixture *f, const char *target, int want)
{
	struct api_request r = {.method = BYTES_LIT("GET"),
	    .target = bytes_of_str(target),
	    .peer_address = "192.0.2.8"};
	struct api_response response;

	api_response_init(&response);
	api_handle(f->api, &r, &response);
	assert_int_equal(response.status, want);
	api_response_fini(&response);
}

static void
links(void **state)
{
	struct fixture *f = *state;
	struct json *out, *rows;
	char archive_id[80], id[64], text[512];
	const char *path;
	uint64_t before;
	struct look l;

	out = call(f, 200, "CreateArchive", "{\"ArchiveName\":\"mail\"}");
	(void)snprintf(archive_id, sizeof archive_id, "%s", json_get_str(out, "ArchiveId"));
	json_free(&out);
	fixture_keep(f, archive_id, "linked");
	f->time.now_ms += 1000;
	(void)snprintf(text, sizeof text,
	    "{\"ArchiveId\":\"%s\",\"FromTimestamp\":1,\"ToTimestamp\":4000000000,\"MaxResults\":"
	    "5}",
	    archive_id);
	out = call(f, 200, "StartArchiveSearch", text);
	api_run_jobs(f->api);
	(void)snprintf(text, sizeof text, "{\"SearchId\":\"%s\"}", json_get_str(out, "SearchId"));
	json_free(&out);
	rows = call(f, 200, "GetArchiveSearchResults", text);
	(void)snprintf(id, sizeof id, "%s",
	    json_get_str(json_at(json_find(rows, "Rows"), 0), "ArchivedMessageId"));
	json_free(&rows);
	(void)snprintf(text, sizeof text, "{\"ArchivedMessageId\":\"%s\"}", id);
	out = call(f, 200, "GetArchiveMessage", text);
	path = strstr(json_get_str(out, "MessageDownloadLink"), "/message/");
	before = records(f);
	get(f, path, 200);
	look(f, &l);
	assert_int_equal(l.count, before + 1);
	assert_string_equal(l.operation, "Daybook.DownloadMessage");
	assert_string_equal(l.result, "ok");
	assert_string_equal(l.from, "192.0.2.8");
	assert_non_null(strstr(l.resources, id));
	assert_int_equal(bytes_find(buf_view(&l.parameters), 0, BYTES_LIT("linked")), SIZE_MAX);
	buf_fini(&l.parameters);
	get(f, "/message/x?Expires=1&Signature=2", 403);
	look(f, &l);
	assert_int_equal(l.count, before + 2);
	assert_string_equal(l.result, "AccessDeniedException");
	buf_fini(&l.parameters);
	f->time.now_ms += 8 * API_DAY_MS;
	get(f, path, 403);
	assert_int_equal(records(f), before + 3);
	json_free(&out);
}

/* Filters and pages. */
static void
listing(void **state)
{
	struct fixture *f = *state;
	struct json *out, *next;
	char text[512], archive_id[80];

	out = call(f, 200, "CreateArchive", "{\"ArchiveName\":\"mail\"}");
	(void)snprintf(archive_id, sizeof archive_id, "%s", json_get_str(out, "ArchiveId"));
	json_free(&out);
	for (unsigned i = 0; i < 5; i++) {
		f->time.now_ms += 1000;
		out = call(f, 200, "ListArchives", "{}");
		json_free(&out);
	}
	out = call(f, 400, "GetArchive", "{}");
	json_free(&out);
	out = call(
	    f, 200, "Daybook.ListAuditEvents", "{\"Operation\":\"ListArchives\",\"PageSize\":2}");
	assert_int_equal(json_count(json_find(out, "AuditEvents")), 2);
	assert_int_equal(
	    json_get_integer(json_at(json_find(out, "AuditEvents"), 0), "Sequence", 0), 6);
	(void)snprintf(text, sizeof text,
	    "{\"Operation\":\"ListArchives\",\"PageSize\":3,\"NextToken\":\"%s\"}",
	    json_get_str(out, "NextToken"));
	next = call(f, 200, "Daybook.ListAuditEvents", text);
	assert_int_equal(json_count(json_find(next, "AuditEvents")), 3);
	assert_null(json_find(next, "NextToken"));
	json_free(&next);
	/* a token belongs to its filters */
	(void)snprintf(text, sizeof text, "{\"PageSize\":3,\"NextToken\":\"%s\"}",
	    json_get_str(out, "NextToken"));
	json_free(&out);
	out = call(f, 400, "Daybook.ListAuditEvents", text);
	json_free(&out);
	(void)snprintf(text, sizeof text, "{\"Resource\":\"%s\",\"Result\":\"ok\"}", archive_id);
	out = call(f, 200, "Daybook.ListAuditEvents", text);
	assert_int_equal(json_count(json_find(out, "AuditEvents")), 1);
	json_free(&out);
	/* GetArchive, and the page with the wrong token */
	out = call(f, 200, "Daybook.ListAuditEvents", "{\"Result\":\"refused\"}");
	assert_int_equal(json_count(json_find(out, "AuditEvents")), 2);
	json_free(&out);
	out = call(f, 200, "Daybook.ListAuditEvents", "{\"Principal\":\"nobody\"}");
	assert_int_equal(json_count(json_find(out, "AuditEvents")), 0);
	json_free(&out);
	(void)snprintf(text, sizeof text, "{\"FromTimestamp\":%lld,\"ToTimestamp\":%lld}",
	    (long long)(FIXTURE_START_MS / 1000 + 2), (long long)(FIXTURE_START_MS / 1000 + 4));
	out = call(f, 200, "Daybook.ListAuditEvents", text);
	assert_int_equal(json_count(json_find(out, "AuditEvents")), 2);
	json_free(&out);
	out = call(f, 200, "Daybook.GetAuditEvent", "{\"Sequence\":1}");
	assert_string_equal(json_get_str(json_find(out, "AuditEvent"), "Operation"),
	    "MailManagerSvc.CreateArchive");
	json_free(&out);
	out = call(f, 404, "Daybook.GetAuditEvent", "{\"Sequence\":1000}");
	json_free(&out);
	out = call(f, 200, "Daybook.VerifyAuditLog", "{}");
	assert_int_equal(json_get_integer(out, "ProblemCount", -1), 0);
	assert_true(json_get_integer(out, "RecordCount", 0) > 10);
	json_free(&out);
}

/* What cannot be recorded is not answered. */
static void
full_disk(void **state)
{
	struct fixture *f = *state;
	struct json *out;
	uint64_t before;

	out = call(f, 200, "CreateArchive", "{\"ArchiveName\":\"one\"}");
	json_free(&out);
	before = records(f);
	os_fs_memory_set_capacity(f->disk, 1);
	out = call(f, 503, "CreateTrafficPolicy",
	    "{\"TrafficPolicyName\":\"policy\",\"PolicyStatements\":[],\"DefaultAction\":"
	    "\"ALLOW\"}");
	json_free(&out);
	os_fs_memory_set_capacity(f->disk, 0);
	assert_int_equal(records(f), before);
	out = call(f, 200, "ListTrafficPolicies", "{}");
	json_free(&out);
	assert_int_equal(records(f), before + 1);
}

static void
quiet(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	(void)line;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(every_operation, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(secrets, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(strangers, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(links, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(listing, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(full_disk, set_up, tear_down),
	};

	log_set_sink(quiet, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
