/* SPDX-License-Identifier: Apache-2.0 */
/* Proofs: heads of logs, inclusion, consistency, and the files of a log as they are served (docs/formats/proof.md). */
#include "api_proof_int.h"

#include <string.h>

#include "api_model_handlers.h"
#include "archive_proof.h"
#include "base_text.h"
#include "proof_text.h"

#define PATH_BYTES_MAX (PROOF_PATH_MAX * PROOF_HASH_BYTES)
#define FILE_BYTES_MAX 65536u

static bool
fault(struct api_call *call, const struct err *err)
{
	if (err->code == ERR_NOT_FOUND)
		return api_fault_not_found(call, "%s", err->msg);
	if (err->code == ERR_USAGE)
		return api_fault_validation(call, "%s", err->msg);
	if (err->code == ERR_BUSY || err->code == ERR_UNSUPPORTED)
		return api_fault_conflict(call, "%s", err->msg);
	return api_fault_trouble(call, err);
}

static void
set_base64(struct json *out, const char *name, struct bytes data)
{
	struct buf text;

	buf_init(&text, 128);
	text_base64_encode(&text, data);
	json_set_str(out, name, buf_text(&text));
	buf_fini(&text);
}

bool
api_proof_head(struct api_call *call)
{
	struct archive_proof_head head;
	struct buf note, key;
	struct err err;
	bool ok;

	buf_init(&note, PROOF_NOTE_BYTES_MAX);
	buf_init(&key, PROOF_VKEY_BYTES_MAX);
	ok = archive_proof_head(
	    call->api->o.archive, json_get_str(call->input, "ArchiveId"), &head, &note, &key, &err);
	if (ok) {
		json_set_str(call->output, "Checkpoint", buf_text(&note));
		json_set_str(call->output, "Key", buf_text(&key));
		json_set_integer(call->output, "Leaves", (int64_t)head.size);
		json_set_integer(call->output, "MessagesWaiting", (int64_t)head.waiting);
		json_set_integer(call->output, "MessagesWithoutLeaf", (int64_t)head.without);
		set_base64(call->output, "RootHash", bytes_of(head.root, sizeof head.root));
	}
	buf_fini(&note);
	buf_fini(&key);
	return ok || fault(call, &err);
}

bool
api_proof_inclusion(struct api_call *call)
{
	struct id_record id;
	struct buf text;
	struct err err;
	bool ok;

	if (!id_record_parse(&id, bytes_of_str(json_get_str(call->input, "ArchivedMessageId"))))
		return api_fault_not_found(call, "There is no such message.");
	buf_init(&text, PROOF_TEXT_BYTES_MAX);
	ok = archive_proof_message(call->api->o.archive, &id, NULL, &text, &err);
	if (ok)
		json_set_str(call->output, "Proof", buf_text(&text));
	buf_fini(&text);
	return ok || fault(call, &err);
}

bool
api_proof_consistency(struct api_call *call)
{
	const char *archive_id = json_get_str(call->input, "ArchiveId");
	struct json *hashes = json_new_array();
	struct archive_proof_head head;
	struct buf path, note, key;
	struct err err;
	bool ok;

	json_set(call->output, "Hashes", hashes);
	buf_init(&path, PATH_BYTES_MAX);
	buf_init(&note, PROOF_NOTE_BYTES_MAX);
	buf_init(&key, PROOF_VKEY_BYTES_MAX);
	ok = archive_proof_consistency(call->api->o.archive, archive_id,
		 (uint64_t)json_get_integer(call->input, "Leaves", 0), &path, &note, &err) &&
	     archive_proof_head(call->api->o.archive, archive_id, &head, NULL, &key, &err);
	for (size_t at = 0; ok && at < path.len; at += PROOF_HASH_BYTES) {
		struct buf text;

		buf_init(&text, 128);
		text_base64_encode(&text, bytes_slice(buf_view(&path), at, PROOF_HASH_BYTES));
		json_push(hashes, json_new_str(buf_text(&text)));
		buf_fini(&text);
	}
	if (ok) {
		json_set_str(call->output, "Checkpoint", buf_text(&note));
		json_set_str(call->output, "Key", buf_text(&key));
	}
	buf_fini(&path);
	buf_fini(&note);
	buf_fini(&key);
	return ok || fault(call, &err);
}

static void
header_add(struct api_response *r, struct bytes name, struct bytes value)
{
	r->headers[r->header_count++] = (struct api_header){name, value};
}

/* A full tile never changes, and neither does what a partial one of its width holds. */
static void
headers_add(struct api_response *r, bool checkpoint)
{
	header_add(r, BYTES_LIT("content-type"),
	    checkpoint ? BYTES_LIT("text/plain; charset=utf-8")
		       : BYTES_LIT("application/octet-stream"));
	header_add(r, BYTES_LIT("x-content-type-options"), BYTES_LIT("nosniff"));
	header_add(r, BYTES_LIT("cache-control"),
	    checkpoint ? BYTES_LIT("no-cache") : BYTES_LIT("public, max-age=31536000, immutable"));
}

bool
api_proof_file_get(struct api_call *call, struct api_response *response)
{
	struct bytes target = call->request->target, id, path;
	size_t slash;
	struct err err;
	char *archive_id;

	target = bytes_slice(target, 0, bytes_find_byte(target, 0, '?'));
	target = bytes_slice(target, sizeof API_PROOF_PREFIX - 1, target.len);
	slash = bytes_find_byte(target, 0, '/');
	if (slash == SIZE_MAX || slash == 0 || slash >= ARCHIVE_ID_SIZE)
		return api_fault_set(
		    call, 404, "ResourceNotFoundException", "There is nothing here.");
	id = bytes_slice(target, 0, slash);
	path = bytes_slice(target, slash + 1, target.len);
	archive_id = arena_text(&call->arena, id);
	if (!archive_proof_file(call->api->o.archive, archive_id, path, &response->body, &err)) {
		buf_reset(&response->body);
		(void)fault(call, &err);
		if (err.code == ERR_NOT_FOUND)
			call->status = 404;
		return false;
	}
	response->status = 200;
	headers_add(response, bytes_equal(path, BYTES_LIT("checkpoint")));
	return true;
}
