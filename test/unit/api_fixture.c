/* SPDX-License-Identifier: Apache-2.0 */
/* An api over a real catalog and archive in a temporary place. */
#include "api_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api_model_int.h"
#include "crypt_seal.h"

static void
on_endpoints(void *ctx)
{
	struct fixture *f = ctx;

	f->endpoint_hooks++;
}

static void
on_config(void *ctx)
{
	struct fixture *f = ctx;

	f->config_hooks++;
}

static void
api_start(struct fixture *f)
{
	static const struct api_bucket buckets[] = {{"mapped-bucket", "/mapped"}};
	struct api_options o = {.catalog = f->catalog,
	    .archive = f->archive,
	    .audit = f->audit,
	    .fs = os_fs_memory(f->disk),
	    .clock = clock_fixed(&f->time),
	    .rng = f->rng,
	    .ingress_domain = "mail.example",
	    .version = "1.2.3",
	    .export_dir = "/export",
	    .buckets = buckets,
	    .bucket_count = 1,
	    .aws_strict = f->strict,
	    .endpoints_changed = on_endpoints,
	    .config_changed = on_config,
	    .hook_ctx = f};
	struct err err;

	if (!api_open(&o, &f->api, &err))
		fail_msg("%s", err.msg);
}

void
fixture_open(struct fixture *f, bool strict)
{
	struct archive_recovery recovery;
	struct archive_options o;
	struct audit_options audit;
	struct audit_recovery audit_found;
	struct secret *key;
	struct err err;

	memset(f, 0, sizeof(*f));
	f->strict = strict;
	f->time = (struct clock_fixed){FIXTURE_START_MS, 1000};
	f->seed.state = 42;
	f->rng = rng_seeded(&f->seed);
	(void)snprintf(f->folder, sizeof(f->folder), "/tmp/daybook-api-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	(void)snprintf(f->path, sizeof(f->path), "%s/catalog.db", f->folder);
	key = secret_random(CRYPT_KEY_BYTES, &f->rng);
	f->keys = crypt_keys_new(key, &f->rng);
	secret_free(&key);
	if (!catalog_open(f->path, f->keys, &f->rng, &f->catalog, &err))
		fail_msg("%s", err.msg);
	f->disk = os_fs_memory_new();
	o = (struct archive_options){.fs = os_fs_memory(f->disk),
	    .dir = "/data",
	    .keys = f->keys,
	    .clock = clock_fixed(&f->time),
	    .rng = f->rng,
	    .log_file_bytes = LIMIT_MIB};
	if (!archive_open(&o, &f->archive, &recovery, &err))
		fail_msg("%s", err.msg);
	audit = (struct audit_options){.fs = os_fs_memory(f->disk),
	    .dir = "/data/audit",
	    .keys = f->keys,
	    .clock = clock_fixed(&f->time),
	    .rng = f->rng};
	if (!audit_open(&audit, &f->audit, &audit_found, &err))
		fail_msg("%s", err.msg);
	api_start(f);
}

void
fixture_reopen(struct fixture *f)
{
	api_close(&f->api);
	api_start(f);
}

void
fixture_close(struct fixture *f)
{
	char command[96];

	api_close(&f->api);
	audit_close(&f->audit);
	archive_close(&f->archive);
	os_fs_memory_free(&f->disk);
	catalog_close(&f->catalog);
	crypt_keys_free(&f->keys);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", f->folder);
	assert_int_equal(system(command), 0);
}

static void
kept(void *ctx, bool ok, const struct err *err)
{
	bool *done = ctx;

	(void)err;
	*done = ok;
}

void
fixture_keep(struct fixture *f, const char *archive_id, const char *subject)
{
	struct bytes recipient = BYTES_LIT("journal@example.org");
	struct archive_delivery delivery = {.archive_id = archive_id,
	    .recipients = &recipient,
	    .recipient_count = 1,
	    .retention = PACK_RETENTION_PERMANENT};
	struct archive_reception reception = {
	    .received_ms = f->time.now_ms, .deliveries = &delivery, .delivery_count = 1};
	bool done = false;
	struct err err;
	struct buf body;

	buf_init(&body, 4096);
	buf_printf(&body, "Subject: %s\r\n\r\nHello, %s.\r\n", subject, subject);
	id_record_new(&delivery.id, f->time.now_ms, &f->rng);
	reception.body = buf_view(&body);
	reception.columns.subject = bytes_of_str(subject);
	reception.columns.from = BYTES_LIT("Ann <ann@example.net>");
	reception.columns.envelope_from = BYTES_LIT("ann@example.net");
	reception.columns.helo = BYTES_LIT("mx.example.net");
	if (!archive_append(f->archive, &reception, kept, &done, &err))
		fail_msg("%s", err.msg);
	archive_commit(f->archive);
	assert_true(done);
	buf_fini(&body);
}

static bool
client_is_time(const char *member)
{
	size_t len = strlen(member);

	return len > 9 && strcmp(member + len - 9, "Timestamp") == 0;
}

static void
body_check(const struct api_response *r, bool cbor)
{
	struct bytes type = BYTES_EMPTY;
	bool id = false;

	for (size_t i = 0; i < r->header_count; i++) {
		if (bytes_equal(r->headers[i].name, BYTES_LIT("content-type")))
			type = r->headers[i].value;
		id = id || bytes_equal(r->headers[i].name, BYTES_LIT("x-amzn-requestid"));
	}
	assert_true(id);
	assert_true(bytes_equal(
	    type, cbor ? BYTES_LIT("application/cbor") : BYTES_LIT("application/x-amz-json-1.0")));
}

/* No member that the model does not know. */
static void
members_check(const char *operation, const struct json_shape *shape, const struct json *value)
{
	const struct json *member;
	const char *key;
	size_t known;

	for (size_t i = 0; shape->kind == JSON_SHAPE_LIST && i < json_count(value); i++)
		members_check(operation, shape->element, json_at(value, i));
	if (shape->kind != JSON_SHAPE_STRUCTURE && shape->kind != JSON_SHAPE_UNION)
		return;
	for (size_t i = 0; json_member(value, i, &key, &member); i++) {
		for (known = 0;
		     known < shape->member_count && strcmp(shape->members[known].name, key) != 0;)
			known++;
		if (known == shape->member_count)
			fail_msg(
			    "%s answers a member that the model does not know: %s", operation, key);
		members_check(operation, shape->members[known].shape, member);
	}
}

/* Every answer has the shape that the model promises. */
static void
output_check(const char *service, const char *name, const struct json *answer)
{
	struct json_model_report report;
	struct json_model *model;
	struct err err;

	assert_true(json_model_new(api_model_roots, api_model_root_count, &model, &err));
	for (size_t i = 0; i < api_model_operation_count; i++) {
		const struct api_operation *op = &api_model_operations[i];

		if (strcmp(op->service, service) != 0 || strcmp(op->name, name) != 0)
			continue;
		if (!json_model_check(model, op->output, answer, &report))
			fail_msg("%s: %s", name, buf_text(&report.text));
		json_model_report_fini(&report);
		members_check(name, op->output, answer);
	}
	json_model_free(&model);
}

int
fixture_call(struct fixture *f, const char *operation, const struct json *input, bool cbor,
    struct json **out)
{
	bool native = strncmp(operation, "Daybook.", 8) == 0;
	const char *service = native ? "Daybook" : "MailManagerSvc",
		   *name = native ? operation + 8 : operation;
	struct api_header headers[2] = {{BYTES_LIT("Host"), BYTES_LIT("api.example:8080")}};
	struct api_request request = {.method = BYTES_LIT("POST"),
	    .headers = headers,
	    .header_count = 2,
	    .local_trusted = true,
	    .local = true,
	    .peer_uid = 1000};
	struct api_response response;
	struct buf target, body;
	struct err err;
	int status;

	buf_init(&target, 300);
	buf_init(&body, 4 * LIMIT_MIB);
	if (cbor)
		buf_printf(&target, "/base/service/%s/operation/%s", service, name);
	else
		buf_printf(&target, "%s.%s", service, name);
	headers[1] =
	    cbor ? (struct api_header){BYTES_LIT("smithy-protocol"), BYTES_LIT("rpc-v2-cbor")}
		 : (struct api_header){BYTES_LIT("X-Amz-Target"), buf_view(&target)};
	request.target = cbor ? buf_view(&target) : BYTES_LIT("/");
	if (cbor)
		json_cbor_print(input, client_is_time, &body);
	else
		json_print(input, &body);
	request.body = buf_view(&body);
	api_response_init(&response);
	api_handle(f->api, &request, &response);
	body_check(&response, cbor);
	*out = cbor ? json_cbor_parse(buf_view(&response.body), &err)
		    : json_parse(buf_view(&response.body), &err);
	if (*out == NULL)
		fail_msg("%s: %s", operation, err.msg);
	status = response.status;
	if (status == 200)
		output_check(service, name, *out);
	api_response_fini(&response);
	buf_fini(&target);
	buf_fini(&body);
	return status;
}
