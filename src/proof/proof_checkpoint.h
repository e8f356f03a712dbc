/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints: the signed head of a log (C2SP tlog-checkpoint). */
#ifndef PROOF_CHECKPOINT_H
#define PROOF_CHECKPOINT_H

#include "proof_note.h"
#include "proof_tree.h"

struct proof_checkpoint {
	struct bytes origin; /* view */
	uint64_t size;
	struct proof_hash root;
};

/* proof_checkpoint_format: the text of the note; no extension lines. */
void proof_checkpoint_format(const struct proof_checkpoint *c, struct buf *out);
/* proof_checkpoint_parse: the text of a note; extension lines are allowed and ignored. fails ERR_SYNTAX. */
MUST_USE bool proof_checkpoint_parse(
    struct bytes text, struct proof_checkpoint *out, struct err *err);

/*
 * proof_checkpoint_open: a whole note, verified with the log's key, whose name is the origin.
 * fails   ERR_SYNTAX, ERR_LIMIT, ERR_NOT_FOUND not signed by that key, ERR_DENIED a wrong signature, or another log's
 */
MUST_USE bool proof_checkpoint_open(
    struct bytes note, const struct proof_key *key, struct proof_checkpoint *out, struct err *err);
/* proof_checkpoint_seal: the whole note with the log's own signature. */
void proof_checkpoint_seal(const struct proof_checkpoint *c, const struct proof_key *key,
    const struct secret *seed, struct buf *out);

#endif
