/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to and answers of witnesses. */
#include "proof_witness.h"

#include "base_text.h"

void
proof_witness_request(
    uint64_t old, const struct proof_path *path, struct bytes note, struct buf *out)
{
	buf_printf(out, "old %llu\n", (unsigned long long)old);
	for (size_t i = 0; i < path->count; i++) {
		text_base64_encode(out, bytes_of(path->hashes[i].raw, PROOF_HASH_BYTES));
		buf_append_byte(out, '\n');
	}
	buf_append_byte(out, '\n');
	buf_append(out, note);
}

bool
proof_witness_size_parse(struct bytes body, uint64_t *out, struct err *err)
{
	struct bytes digits = bytes_slice(body, 0, body.len > 0 ? body.len - 1 : 0);

	if (body.len < 2 || body.ptr[body.len - 1] != '\n' ||
	    (digits.len > 1 && digits.ptr[0] == '0') || !text_u64_parse(out, digits))
		return ERR(err, ERR_SYNTAX, "the witness names no size");
	return true;
}

/* The first line of body that the key signed; the lines are well-formed. */
static bool
line_of(struct bytes text, struct bytes body, const struct proof_key *key, struct buf *line,
    uint64_t *time_s_out, struct err *err)
{
	struct proof_note one = {.text = text, .signature_count = 1};

	for (struct bytes left = body; left.len > 0;) {
		size_t end = bytes_find_byte(left, 0, '\n');

		one.signatures = bytes_slice(left, 0, end + 1);
		if (proof_note_verify(&one, key, time_s_out, err)) {
			buf_append(line, one.signatures);
			return buf_ok(line, err);
		}
		if (err->code != ERR_NOT_FOUND)
			return false;
		left = bytes_slice(left, end + 1, left.len);
	}
	return ERR(err, ERR_NOT_FOUND, "the answer has no signature of %.100s", key->name);
}

bool
proof_witness_cosignature(struct bytes note, struct bytes body, const struct proof_key *key,
    struct buf *line, uint64_t *time_s_out, struct err *err)
{
	struct proof_note ours, both;
	struct buf joined;
	bool ok;

	if (key->type != PROOF_KEY_WITNESS)
		return ERR(err, ERR_UNSUPPORTED, "that is not the key of a witness");
	if (!proof_note_parse(note, &ours, err))
		return false;
	buf_init(&joined, PROOF_NOTE_BYTES_MAX);
	buf_append(&joined, ours.text);
	buf_append_byte(&joined, '\n');
	buf_append(&joined, body);
	ok = buf_ok(&joined, err) && proof_note_parse(buf_view(&joined), &both, err) &&
	     (bytes_equal(both.text, ours.text) ||
		 ERR(err, ERR_SYNTAX, "the answer is not signature lines")) &&
	     line_of(ours.text, body, key, line, time_s_out, err);
	buf_fini(&joined);
	return ok;
}
