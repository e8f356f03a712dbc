/* SPDX-License-Identifier: Apache-2.0 */
/* Notes, checkpoints and keys from strangers: no crash, and what is taken comes back as the same bytes. */
#include <stddef.h>
#include <stdint.h>

#include "proof_checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
key_try(struct bytes text)
{
	struct proof_key key, again;
	struct proof_checkpoint c;
	struct buf out;
	struct err err;

	if (!proof_key_parse(text, &key, &err))
		return;
	buf_init(&out, PROOF_VKEY_BYTES_MAX);
	proof_key_format(&key, &out);
	must(proof_key_parse(buf_view(&out), &again, &err) && again.id == key.id);
	must(!proof_checkpoint_open(text, &key, &c, &err)); /* a key has no newline, a note has */
	buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes text = bytes_of(data, size);
	struct proof_checkpoint c;
	struct proof_note note;
	struct err err;

	key_try(text);
	if (proof_note_parse(text, &note, &err)) {
		must(note.text.len + 1 + note.signatures.len == size && note.signature_count > 0);
		if (proof_checkpoint_parse(note.text, &c, &err))
			must(c.origin.len > 0);
	}
	if (proof_checkpoint_parse(text, &c, &err)) {
		struct buf out;

		buf_init(&out, size + 128);
		proof_checkpoint_format(&c, &out);
		must(bytes_starts_with(text, buf_view(&out)));
		buf_fini(&out);
	}
	return 0;
}
