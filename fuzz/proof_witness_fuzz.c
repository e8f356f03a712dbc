/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of witnesses: no crash; a size comes back as its digits, a cosignature is taken only when the key made it. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "proof_checkpoint.h"
#include "proof_witness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
size_try(struct bytes body)
{
	struct buf out;
	struct err err;
	uint64_t n;

	if (!proof_witness_size_parse(body, &n, &err))
		return;
	buf_init(&out, 64);
	buf_printf(&out, "%llu\n", (unsigned long long)n);
	must(bytes_equal(buf_view(&out), body));
	buf_fini(&out);
}

/* Made once: signing and guarded memory are slow. */
static struct {
	struct proof_key witness;
	struct buf note;
	bool made;
} known;

static void
known_make(void)
{
	struct proof_checkpoint c = {.origin = BYTES_LIT("log"), .size = 7};
	struct secret *seed = secret_of(bytes_of("0123456789abcdef0123456789abcdef", 32));
	uint8_t public_key[CRYPT_SIGN_PUBLIC_BYTES];
	struct proof_key log;
	struct err err;

	crypt_sign_public(seed, public_key);
	must(proof_key_make(&log, PROOF_KEY_LOG, BYTES_LIT("log"), public_key, &err));
	must(proof_key_make(&known.witness, PROOF_KEY_WITNESS, BYTES_LIT("w"), public_key, &err));
	buf_init(&known.note, PROOF_NOTE_BYTES_MAX);
	proof_checkpoint_seal(&c, &log, seed, &known.note);
	secret_free(&seed);
	known.made = true;
}

static void
cosignature_try(struct bytes body)
{
	struct bytes note;
	struct buf line, twice;
	struct err err;
	uint64_t time_s;

	if (!known.made)
		known_make();
	note = buf_view(&known.note);
	buf_init(&line, PROOF_NOTE_BYTES_MAX);
	buf_init(&twice, PROOF_NOTE_BYTES_MAX);
	if (proof_witness_cosignature(note, body, &known.witness, &line, &time_s, &err)) {
		must(bytes_find(body, 0, buf_view(&line)) != SIZE_MAX);
		must(proof_witness_cosignature(
		    note, buf_view(&line), &known.witness, &twice, &time_s, &err));
		must(bytes_equal(buf_view(&line), buf_view(&twice)));
	}
	buf_fini(&line);
	buf_fini(&twice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_try(bytes_of(data, size));
	cosignature_try(bytes_of(data, size));
	return 0;
}
