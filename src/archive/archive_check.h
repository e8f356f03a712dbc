/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An archive read again in steps, all of it or a sample, so that whoever asks can show how far it is, stop, and go on
 * from there. What is wrong is told to problem, and the check goes on.
 */
#ifndef ARCHIVE_CHECK_H
#define ARCHIVE_CHECK_H

#include "archive.h"

#define ARCHIVE_CHECK_ALL 1000000u

struct archive_check {
	const char *archive_id;
	/* ARCHIVE_CHECK_ALL: every message; less: each with this chance. A sampled message is read, hashed, and proved
	 * from its bytes up to the signed root. Which messages are in a sample depends on their ids and seed alone. */
	uint32_t per_million;
	uint64_t seed;
	const atomic_bool *cancel;
	pack_problem_fn problem;
	void *ctx;
};
struct archive_check_step {
	bool none;                /* no pack is behind place */
	uint64_t pack_bytes;      /* of the pack */
	uint64_t messages, bytes; /* read and right */
	uint64_t proved;          /* of a sample, and in the log */
	uint64_t waiting,
	    without; /* of a sample, and not in the log: not yet; from before there was one */
	uint64_t total_bytes, total_packs; /* of the archive */
};

/* archive_check_next: the pack behind place, in the order of names; "" at the beginning. Fails ERR_CANCELLED,
 * ERR_NOT_FOUND no such archive. */
MUST_USE bool archive_check_next(struct archive *a, const struct archive_check *c,
    char place[ARCHIVE_SCRUB_PLACE_SIZE], struct archive_check_step *step, struct err *err);
/* archive_check_rest: what is in no pack yet; and, when everything is checked, the proof log against itself and every
 * record against it. */
MUST_USE bool archive_check_rest(struct archive *a, const struct archive_check *c,
    struct archive_check_step *step, struct err *err);
/* archive_check_logs: the proof logs alone, of one archive or all (NULL), as archive_check_rest does. */
MUST_USE bool archive_check_logs(struct archive *a, const char *archive_id,
    const atomic_bool *cancel, pack_problem_fn problem, void *ctx, struct err *err);

#endif
