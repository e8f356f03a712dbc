/* SPDX-License-Identifier: Apache-2.0 */
/* Did a witness see this checkpoint? */
#include "base_limits.h"
#include "proof_checkpoint.h"
#include "proof_text.h"
#include "verify_int.h"

bool
verify_cosigned(
    struct bytes text, const struct proof_key *witness, uint64_t *time_s_out, struct err *err)
{
	struct proof_text proof;
	struct proof_note note;
	struct buf extra;
	bool ok = true;

	buf_init(&extra, PROOF_TEXT_BYTES_MAX);
	if (bytes_starts_with(text, BYTES_LIT("c2sp.org/tlog-proof@"))) {
		ok = proof_text_parse(text, &proof, &extra, err);
		text = proof.checkpoint;
	}
	ok = ok && proof_note_parse(text, &note, err) &&
	     proof_note_verify(&note, witness, time_s_out, err);
	if (!ok && err->code == ERR_NOT_FOUND)
		ok = ERR(err, ERR_DENIED, "the checkpoint is not signed by %.100s", witness->name);
	buf_fini(&extra);
	return ok;
}

bool
verify_witness_key(const char *text, struct proof_key *out, struct err *err)
{
	if (proof_key_parse(bytes_of_str(text), out, err) && out->type == PROOF_KEY_WITNESS)
		return true;
	return ERR(err, ERR_USAGE, "this is no witness's key: name+id+base64 of type 4");
}

VERIFY_PUBLIC enum daybook_code
daybook_verify_cosignature(const void *text, size_t text_len, const char *witness_key,
    int64_t *signed_s_out, struct daybook_error *error)
{
	struct proof_key key;
	struct err err;
	uint64_t time_s = 0;
	bool ok = verify_witness_key(witness_key, &key, &err) &&
		  verify_cosigned(bytes_of(text, text_len), &key, &time_s, &err);

	if (ok && signed_s_out != NULL)
		*signed_s_out = (int64_t)time_s;
	return verify_code(ok, &err, error);
}
