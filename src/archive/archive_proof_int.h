/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The proof log of a volume, as the rest of the archives uses it. Its own lock comes after all others of archive_int.h
 * and is never held during a call back.
 *
 * A log that does not open is left alone: its archive goes on without it, records get no leaves, and everybody who asks
 * for a proof is told why.
 */
#ifndef ARCHIVE_PROOF_INT_H
#define ARCHIVE_PROOF_INT_H

#include <pthread.h>

#include "archive_int.h"
#include "archive_destroy.h"
#include "archive_proof.h"
#include "proof_log.h"

struct archive_proof {
	pthread_mutex_t lock;
	struct proof_log *log;  /* NULL: trouble says why */
	struct secret *secrets; /* seed and leaf key, as they are wrapped */
	struct secret *seed, *leaf_key;
	bool behind; /* a pack is durable and its leaves are not */
	char trouble[192];
};

/* archive_proof_create: key and empty log of an archive that is being made. */
MUST_USE bool archive_proof_create(struct archive *a, struct archive_volume *v, struct err *err);
/*
 * archive_proof_recover: packs are loaded; the log is opened (made, for an archive from before there were logs), and
 * the leaves of packs that it does not have are appended. Fails only with what is not the log's fault:
 * ERR_IO, ERR_NO_SPACE.
 */
MUST_USE bool archive_proof_recover(struct archive *a, struct archive_volume *v, struct err *err);
/* archive_proof_absent: of an archive whose keys are away or destroyed: no log, no secrets; recover brings them
 * back. */
void archive_proof_absent(struct archive_volume *v);
void archive_proof_free(struct archive_proof **proof);

/* archive_proof_next: the index of the next leaf, PACK_LEAF_NONE when there is no log to take it; seal_lock held.
 * Catches up first when an append had failed, and fails as it does. */
MUST_USE bool archive_proof_next(
    struct archive *a, struct archive_volume *v, uint64_t *first_out, struct err *err);
/* archive_proof_pack: the leaves of a pack that is durable; seal_lock held. A failure is kept in mind and logged. */
void archive_proof_pack(struct archive *a, struct archive_volume *v, struct pack *pack);

/*
 * archive_proof_removed: leaves that say that records are gone, and what they say in the list of removals; before the
 * records go; seal_lock held. Twice does no harm. A failure stops no destruction: it is kept in mind and logged.
 */
void archive_proof_removed(struct archive *a, struct archive_volume *v,
    const struct archive_gone *gone, size_t count, uint8_t reason);

/* archive_removals_*: the list (docs/formats/proof.md §5). each: those that are whole; false stops. append: durable on
 * true. leaf: the entry that commits to one. */
struct archive_removal {
	uint64_t leaf_index; /* of the removal itself */
	struct proof_removal what;
};
typedef bool (*archive_removal_fn)(void *ctx, const struct archive_removal *removal);
MUST_USE bool archive_removals_each(struct archive *a, const struct archive_volume *v,
    archive_removal_fn visit, void *ctx, struct err *err);
MUST_USE bool archive_removals_append(struct archive *a, const struct archive_volume *v,
    const struct archive_removal *list, size_t count, struct err *err);
void archive_removals_leaf(const struct archive_proof *proof, const struct archive_removal *removal,
    struct proof_leaf *out);

/* archive_proof_names_check: key and vkey on disk are those the log was opened with; its lock held, and it is there. */
MUST_USE bool archive_proof_names_check(
    struct archive *a, struct archive_volume *v, struct err *err);
/* archive_proof_verify: the log against itself, and every record of the packs against the log. */
MUST_USE bool archive_proof_verify(struct archive *a, struct archive_volume *v,
    const atomic_bool *cancel, pack_problem_fn problem, void *ctx, struct err *err);

/* archive_proof_path: archives/ID/proof/name; the caller frees. */
char *archive_proof_path(const struct archive *a, const struct archive_volume *v, const char *name);

/* archive_proof_leaf_hash: of the leaf of a row that has one, else zeros. */
void archive_proof_leaf_hash(
    const struct archive_volume *v, const struct pack_row *row, uint8_t out[32]);

/* archive_proof_leaf: the entry that commits to a row. */
void archive_proof_leaf(
    const struct archive_proof *proof, const struct pack_row *row, struct proof_leaf *out);

#endif
