/* SPDX-License-Identifier: Apache-2.0 */
/* What a log says to a witness, and what a witness answers (C2SP tlog-witness, add-checkpoint). */
#ifndef PROOF_WITNESS_H
#define PROOF_WITNESS_H

#include "proof_note.h"
#include "proof_tree.h"

#define PROOF_WITNESS_REPLY_MAX 65536u

/* proof_witness_request: the body of a POST: old size, consistency proof from there, the signed checkpoint. */
void proof_witness_request(
    uint64_t old, const struct proof_path *path, struct bytes note, struct buf *out);
/* proof_witness_size_parse: the body of a 409: how many leaves the witness saw. ERR_SYNTAX. */
MUST_USE bool proof_witness_size_parse(struct bytes body, uint64_t *out, struct err *err);
/*
 * proof_witness_cosignature: the body of a 200: signature lines, of which the one of this key counts.
 *
 * in      note  the checkpoint that was sent
 * out     line  that one line, appended, with its newline
 * fails   ERR_SYNTAX not signature lines; ERR_LIMIT; ERR_NOT_FOUND none of that key; ERR_DENIED it does not verify
 */
MUST_USE bool proof_witness_cosignature(struct bytes note, struct bytes body,
    const struct proof_key *key, struct buf *line, uint64_t *time_s_out, struct err *err);

#endif
