/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leaves of a log: salted commitments, so that they say nothing about a message to somebody who has not got it, and
 * openings, which let somebody who has it compute the leaf. Formats: docs/formats/proof.md §3.
 */
#ifndef PROOF_LEAF_H
#define PROOF_LEAF_H

#include <stdint.h>

#include "base_arena.h"
#include "base_bytes.h"
#include "base_id.h"
#include "crypt_secret.h"
#include "proof_tree.h"

#define PROOF_LEAF_BYTES 34
#define PROOF_SALT_BYTES 16
/* Of a record with its envelope, encoded: more than a row of an archive may have. */
#define PROOF_ENVELOPE_BYTES_MAX (8u * 1024 * 1024)

/* A leaf that is not in any log yet. */
#define PROOF_LEAF_NONE UINT64_MAX

enum proof_kind { PROOF_RECORD = 1, PROOF_REMOVAL, PROOF_AUDIT };

/* The entry as it is in a bundle: version 1, kind, commitment. */
struct proof_leaf {
	uint8_t raw[PROOF_LEAF_BYTES];
};

struct proof_record {
	struct id_record id;
	int64_t received_ms;
	uint64_t size_bytes;              /* of the stored message */
	uint8_t sha256[PROOF_HASH_BYTES]; /* of the stored message */
	struct bytes sender;              /* of the envelope */
	const struct bytes *recipients;   /* of the envelope, in the order they are stored in */
	size_t recipient_count;
};

struct proof_removal {
	struct id_record id;
	uint64_t leaf_index; /* of the record's own leaf */
	struct proof_hash leaf_hash;
	int64_t removed_ms;
	uint8_t reason;
};

/* proof_leaf_key: the key of all salts of an archive, from the archive's key. */
struct secret *proof_leaf_key(const struct secret *archive_key);
/* proof_leaf_salt: subject is the record's id, or another name that is unique among leaves of its kind. */
void proof_leaf_salt(uint8_t out[PROOF_SALT_BYTES], const struct secret *leaf_key,
    enum proof_kind kind, struct bytes subject);

void proof_leaf_of_record(struct proof_leaf *out, const uint8_t salt[PROOF_SALT_BYTES],
    const struct proof_record *record);
void proof_leaf_of_removal(struct proof_leaf *out, const uint8_t salt[PROOF_SALT_BYTES],
    const struct proof_removal *removal);
/* proof_leaf_of_bytes: any other content of a kind. */
void proof_leaf_of_bytes(struct proof_leaf *out, enum proof_kind kind,
    const uint8_t salt[PROOF_SALT_BYTES], struct bytes content);
void proof_leaf_hash(struct proof_hash *out, const struct proof_leaf *leaf);

/*
 * proof_opening_encode / _decode: what a verifier needs beside the message itself: salt, id, time, envelope.
 *
 * after   decode leaves size_bytes and sha256 zero: they are for the verifier to find out; views into opening, lists in
 *         the arena
 * fails   ERR_SYNTAX
 */
void proof_opening_encode(
    struct buf *out, const uint8_t salt[PROOF_SALT_BYTES], const struct proof_record *record);
MUST_USE bool proof_opening_decode(struct bytes opening, struct arena *arena,
    uint8_t salt_out[PROOF_SALT_BYTES], struct proof_record *record_out, struct err *err);

#endif
