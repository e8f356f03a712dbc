/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed notes (C2SP signed-note) with Ed25519 keys, and the timestamped cosignatures of witnesses (C2SP
 * tlog-cosignature, cosignature/v1).
 */
#ifndef PROOF_NOTE_H
#define PROOF_NOTE_H

#include <stdint.h>

#include "base_bytes.h"
#include "crypt_secret.h"
#include "crypt_sign.h"

#define PROOF_NAME_SIZE      256 /* of a key, with NUL */
#define PROOF_NOTE_BYTES_MAX 65536u
#define PROOF_SIGNATURES_MAX 64u
#define PROOF_VKEY_BYTES_MAX 512u

enum proof_key_type { PROOF_KEY_LOG = 0x01, PROOF_KEY_WITNESS = 0x04 };

/* A verifier's key. */
struct proof_key {
	char name[PROOF_NAME_SIZE];
	enum proof_key_type type;
	uint32_t id; /* the first four bytes of SHA-256(name || LF || type || public key) */
	uint8_t public_key[CRYPT_SIGN_PUBLIC_BYTES];
};

/* proof_key_make: fails ERR_SYNTAX a name that is empty, too long, not UTF-8, or has spaces, controls or a plus. */
MUST_USE bool proof_key_make(struct proof_key *out, enum proof_key_type type, struct bytes name,
    const uint8_t public_key[CRYPT_SIGN_PUBLIC_BYTES], struct err *err);
/* proof_key_format / _parse: "name+0123abcd+base64(type || public key)", nothing behind it. fails ERR_SYNTAX, also when
 * the id is not that of the key; ERR_UNSUPPORTED another type of key */
void proof_key_format(const struct proof_key *key, struct buf *out);
MUST_USE bool proof_key_parse(struct bytes vkey, struct proof_key *out, struct err *err);

/* A note taken apart; views. */
struct proof_note {
	struct bytes text;       /* what is signed, with its last newline */
	struct bytes signatures; /* whole lines */
	size_t signature_count;
};

/* proof_note_parse: fails ERR_SYNTAX, ERR_LIMIT (PROOF_NOTE_BYTES_MAX, PROOF_SIGNATURES_MAX). */
MUST_USE bool proof_note_parse(struct bytes note, struct proof_note *out, struct err *err);

/*
 * proof_note_verify: the signature of one known key.
 *
 * out     time_s_out  when a witness signed, 0 for a log; may be NULL
 * fails   ERR_NOT_FOUND no line of that key, ERR_DENIED a line of that key does not verify
 */
MUST_USE bool proof_note_verify(const struct proof_note *note, const struct proof_key *key,
    uint64_t *time_s_out, struct err *err);

/* proof_note_sign / _cosign: appends one signature line over text; key belongs to seed and has that type. */
void proof_note_sign(
    struct bytes text, const struct proof_key *key, const struct secret *seed, struct buf *out);
void proof_note_cosign(struct bytes text, const struct proof_key *key, const struct secret *seed,
    uint64_t time_s, struct buf *out);

#endif
