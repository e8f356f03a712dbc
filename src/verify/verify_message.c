/* SPDX-License-Identifier: Apache-2.0 */
/* One message against its proof: the leaf is computed from the message itself and the opening in the proof. */
#include <stdio.h>
#include <string.h>

#include "base_arena.h"
#include "crypt_digest.h"
#include "proof_checkpoint.h"
#include "proof_leaf.h"
#include "proof_text.h"
#include "verify_int.h"

static bool
leaf_of(struct bytes message, struct bytes opening, struct arena *arena,
    struct proof_record *record, struct proof_hash *out, struct err *err)
{
	uint8_t salt[PROOF_SALT_BYTES];
	struct proof_leaf leaf;

	if (!proof_opening_decode(opening, arena, salt, record, err))
		return false;
	record->size_bytes = message.len;
	crypt_sha256(record->sha256, message);
	proof_leaf_of_record(&leaf, salt, record);
	proof_leaf_hash(out, &leaf);
	return true;
}

static void
proved_fill(struct daybook_proved *out, const struct proof_text *text,
    const struct proof_record *record, const struct proof_checkpoint *checkpoint)
{
	char id[ID_RECORD_TEXT_SIZE];

	memset(out, 0, sizeof *out);
	id_record_format(id, &record->id);
	(void)snprintf(out->id, sizeof out->id, "%s", id);
	(void)snprintf(out->log, sizeof out->log, "%.*s", (int)checkpoint->origin.len,
	    (const char *)checkpoint->origin.ptr);
	out->received_ms = record->received_ms;
	out->index = text->index;
	out->size = checkpoint->size;
}

bool
verify_message(struct bytes message, struct bytes proof, const struct proof_key *key,
    struct daybook_proved *out, struct err *err)
{
	struct proof_checkpoint checkpoint;
	struct proof_record record;
	struct proof_text text;
	struct proof_hash leaf;
	struct arena arena;
	struct buf opening;
	bool ok;

	arena_init(&arena);
	buf_init(&opening, PROOF_TEXT_BYTES_MAX);
	ok = proof_text_parse(proof, &text, &opening, err);
	if (ok && !text.has_extra)
		ok = ERR(
		    err, ERR_SYNTAX, "the proof has no opening: it is of a log of something else");
	ok = ok && leaf_of(message, buf_view(&opening), &arena, &record, &leaf, err) &&
	     proof_text_check(&text, key, &leaf, &checkpoint, err);
	if (!ok && err->code == ERR_NOT_FOUND)
		ok = ERR(err, ERR_DENIED, "the checkpoint is not signed by that key");
	if (ok && out != NULL)
		proved_fill(out, &text, &record, &checkpoint);
	buf_fini(&opening);
	arena_fini(&arena);
	return ok;
}

VERIFY_PUBLIC enum daybook_code
daybook_verify_message(const void *message, size_t message_len, const void *proof, size_t proof_len,
    const char *log_key, struct daybook_proved *out, struct daybook_error *error)
{
	struct proof_key key;
	struct err err;
	bool ok = proof_key_parse(bytes_of_str(log_key), &key, &err);

	if (!ok)
		ok = ERR(&err, ERR_USAGE,
		    "this is no log's key: name+id+base64, as 'daybook proof head --key' prints "
		    "it");
	else
		ok = verify_message(
		    bytes_of(message, message_len), bytes_of(proof, proof_len), &key, out, &err);
	return verify_code(ok, &err, error);
}
