/* SPDX-License-Identifier: Apache-2.0 */
/* A proof in a file of its own (C2SP tlog-proof): index, inclusion proof, checkpoint, and the opening as extra data. */
#ifndef PROOF_TEXT_H
#define PROOF_TEXT_H

#include "proof_checkpoint.h"
#include "proof_tree.h"

#define PROOF_TEXT_BYTES_MAX (12u * 1024 * 1024) /* the opening of a leaf holds all recipients */

struct proof_text {
	bool has_extra;
	uint64_t index;
	struct proof_path path;
	struct bytes checkpoint; /* a whole signed note; view */
};

void proof_text_format(const struct proof_text *t, struct bytes extra, struct buf *out);
/* proof_text_parse: extra is decoded and appended, which needs max >= PROOF_TEXT_BYTES_MAX; the note is not looked
 * into. fails ERR_SYNTAX, ERR_LIMIT */
MUST_USE bool proof_text_parse(
    struct bytes text, struct proof_text *out, struct buf *extra, struct err *err);

/*
 * proof_text_check: everything a proof says about one entry: signature, size, inclusion.
 *
 * in      leaf  hash of the entry
 * out     checkpoint_out  may be NULL; views into t
 * fails   ERR_SYNTAX, ERR_LIMIT, ERR_NOT_FOUND not signed by that key, ERR_DENIED a wrong signature or another log,
 *         ERR_CORRUPT the entry is not in the log where the proof says
 */
MUST_USE bool proof_text_check(const struct proof_text *t, const struct proof_key *key,
    const struct proof_hash *leaf, struct proof_checkpoint *checkpoint_out, struct err *err);

#endif
