/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the witnesses: what is remembered of each, and how one checkpoint goes out. */
#ifndef WITNESS_INT_H
#define WITNESS_INT_H

#include "witness.h"

/* One witness and one archive. Written by whoever runs the rounds, under the set's lock. */
struct witness_seen {
	const struct witness_config *config;
	char archive_id[ARCHIVE_ID_SIZE];
	uint64_t leaves;
	struct buf line; /* cosign: the witness's signature of that checkpoint */
	int64_t seen_ms, error_ms;
	uint64_t signed_s;
	bool refused;
	char error[192];
};

/* The head that is to be shown. */
struct witness_head {
	uint64_t size;
	struct buf note, vkey;
};

/* What a round came to, before it is remembered. */
struct witness_outcome {
	uint64_t leaves, signed_s;
	struct buf
	    note; /* cosign: the checkpoint with this witness's signature alone; else as it was shown */
	struct buf line;
	bool refused;
};
void witness_outcome_init(struct witness_outcome *out);
void witness_outcome_fini(struct witness_outcome *out);

/* witness_cosign: ask until it signs or refuses; saw is what we believe it saw. ERR_REFUSED and refused set: another
 * log; else as carrying fails, ERR_DENIED, ERR_SYNTAX. */
MUST_USE bool witness_cosign(const struct witness_options *o, const struct witness_config *w,
    const char *archive_id, uint64_t saw, struct witness_outcome *out, struct err *err);
/* witness_hand: to those who keep. */
MUST_USE bool witness_hand(const struct witness_options *o, const struct witness_config *w,
    const char *archive_id, const struct witness_head *head, struct err *err);
/* witness_mail: the message for a mailbox. */
void witness_mail(const struct witness_config *w, const char *archive_id,
    const struct witness_head *head, int64_t now_ms, struct buf *out);
/* witness_path: {archive} and {size} filled in. */
void witness_path(const char *pattern, const char *archive_id, uint64_t size, struct buf *out);

#endif
