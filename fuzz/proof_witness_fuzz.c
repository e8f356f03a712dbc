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

static void
cosignature_try(struct bytes body)
{
	struct proof_checkpoint c = {.origin = BYTES_LIT("log"), .size = 7};
	struct secret *seed = secret_of(bytes_of("0123456789abcdef0123456789abcdef", 32));
	struct proof_key log, witness;
	uint8_t public_key[CRYPT_SIGN_PUBLIC_BYTES];
	struct buf note, line, twice;
	struct err err;
	uint64_t time_s;

	crypt_sign_public(seed, public_key);
	must(proof_key_make(&log, PROOF_KEY_LOG, BYTES_LIT("log"), public_key, &err));
	must(proof_key_make(&witness, PROOF_KEY_WITNESS, BYTES_LIT("w"), public_key, &err));
	buf_init(&note, PROOF_NOTE_BYTES_MAX);
	buf_init(&line, PROOF_NOTE_BYTES_MAX);
	buf_init(&twice, PROOF_NOTE_BYTES_MAX);
	proof_checkpoint_seal(&c, &log, seed, &note);
	if (proof_witness_cosignature(buf_view(&note), body, &witness, &line, &time_s, &err)) {
		must(bytes_find(body, 0, buf_view(&line)) != SIZE_MAX);
		must(proof_witness_cosignature(
		    buf_view(&note), buf_view(&line), &witness, &twice, &time_s, &err));
		must(bytes_equal(buf_view(&line), buf_view(&twice)));
	}
	buf_fini(&note);
	buf_fini(&line);
	buf_fini(&twice);
	secret_free(&seed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_try(bytes_of(data, size));
	cosignature_try(bytes_of(data, size));
	return 0;
}
