/* SPDX-License-Identifier: Apache-2.0 */
/* Proofs by the API: head, inclusion, consistency, and the files of a log over HTTP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api_fixture.h"
#include "proof_checkpoint.h"
#include "proof_text.h"

static struct err err;

static struct json *
call(struct fixture *f, const char *operation, int status, const char *member, const char *value,
    int64_t leaves)
{
	struct json *input = json_new_object(), *out = NULL;
	int got;

	if (member != NULL)
		json_set_str(input, member, value);
	if (leaves >= 0)
		json_set_integer(input, "Leaves", leaves);
	got = fixture_call(f, operation, input, false, &out);
	json_free(&input);
	if (got != status)
		fail_msg("%s: %d: %s", operation, got, json_get_str(out, "Message"));
	return out;
}

static bool
id_visit(void *ctx, const struct pack_row *row)
{
	id_record_format(ctx, &row->id);
	return true;
}

static void
newest_id(struct fixture *f, const char *archive, char id[ID_RECORD_TEXT_SIZE])
{
	struct archive_search_report report;

	assert_true(archive_search(
	    f->archive, archive, INT64_MIN, INT64_MAX, NULL, 1, NULL, id_visit, id, &report, &err));
}

static int
get(struct fixture *f, const char *target, size_t *bytes_out)
{
	struct api_request request = {.method = BYTES_LIT("GET"), .target = bytes_of_str(target)};
	struct api_response response;
	int status;

	api_response_init(&response);
	api_handle(f->api, &request, &response);
	status = response.status;
	*bytes_out = response.body.len;
	api_response_fini(&response);
	return status;
}

static void
proofs_by_the_api(void **state)
{
	char archive[80], id[ID_RECORD_TEXT_SIZE], target[160];
	struct json *input = json_new_object(), *out;
	struct proof_checkpoint checkpoint;
	struct proof_text t;
	struct proof_key key;
	struct fixture f;
	struct buf extra;
	size_t bytes;

	(void)state;
	fixture_open(&f, false);
	json_set_str(input, "ArchiveName", "mail");
	assert_int_equal(fixture_call(&f, "CreateArchive", input, false, &out), 200);
	(void)snprintf(archive, sizeof archive, "%s", json_get_str(out, "ArchiveId"));
	json_free(&input);
	json_free(&out);
	for (int i = 0; i < 3; i++) {
		fixture_keep(&f, archive, "a subject");
		f.time.now_ms++;
	}
	newest_id(&f, archive, id);
	out = call(&f, "Daybook.GetProofHead", 200, "ArchiveId", archive, -1);
	assert_int_equal(json_get_integer(out, "Leaves", -1), 0);
	assert_int_equal(json_get_integer(out, "MessagesWaiting", -1), 3);
	json_free(&out);
	out = call(&f, "Daybook.GetInclusionProof", 409, "ArchivedMessageId", id, -1);
	json_free(&out);
	assert_true(archive_seal(f.archive, true, &err));
	out = call(&f, "Daybook.GetProofHead", 200, "ArchiveId", archive, -1);
	assert_int_equal(json_get_integer(out, "Leaves", -1), 3);
	assert_int_equal(json_get_integer(out, "MessagesWaiting", -1), 0);
	assert_true(proof_key_parse(bytes_of_str(json_get_str(out, "Key")), &key, &err));
	assert_true(proof_checkpoint_open(
	    bytes_of_str(json_get_str(out, "Checkpoint")), &key, &checkpoint, &err));
	assert_int_equal(checkpoint.size, 3);
	json_free(&out);
	buf_init(&extra, PROOF_TEXT_BYTES_MAX);
	out = call(&f, "Daybook.GetInclusionProof", 200, "ArchivedMessageId", id, -1);
	assert_true(proof_text_parse(bytes_of_str(json_get_str(out, "Proof")), &t, &extra, &err));
	assert_int_equal(t.index, 2);
	assert_int_equal(t.path.count, 1);
	json_free(&out);
	buf_fini(&extra);
	out = call(&f, "Daybook.GetConsistencyProof", 200, "ArchiveId", archive, 2);
	assert_int_equal(json_count(json_find(out, "Hashes")), 1);
	json_free(&out);
	out = call(&f, "Daybook.GetConsistencyProof", 400, "ArchiveId", archive, 4);
	json_free(&out);
	out = call(&f, "Daybook.GetConsistencyProof", 404, "ArchiveId", "a-none", 1);
	json_free(&out);
	out = call(&f, "Daybook.GetInclusionProof", 404, "ArchivedMessageId", "nothing", -1);
	json_free(&out);
	(void)snprintf(target, sizeof target, "/proof/%s/checkpoint", archive);
	assert_int_equal(get(&f, target, &bytes), 200);
	assert_true(bytes > 100);
	(void)snprintf(target, sizeof target, "/proof/%s/tile/0/000.p/3", archive);
	assert_int_equal(get(&f, target, &bytes), 200);
	assert_int_equal(bytes, 96);
	(void)snprintf(target, sizeof target, "/proof/%s/tile/0/000", archive);
	assert_int_equal(get(&f, target, &bytes), 404);
	(void)snprintf(target, sizeof target, "/proof/%s/key", archive);
	assert_int_equal(get(&f, target, &bytes), 404);
	assert_int_equal(get(&f, "/proof/a-none/checkpoint", &bytes), 404);
	assert_int_equal(get(&f, "/proof/", &bytes), 404);
	fixture_close(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(proofs_by_the_api),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
