/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Witnesses: those who are shown every checkpoint of the archives' proof logs, so that none can be taken back later.
 * Some check and cosign it (C2SP tlog-witness), some only keep it: a file, a URL, a mailbox.
 *
 * What each of them saw last lies in DIR/ARCHIVE-ID/NAME, with the witness's own signature where it gives one; a
 * witness that knows better corrects it. Thread-safe.
 */
#ifndef WITNESS_H
#define WITNESS_H

#include <stdbool.h>
#include <stdint.h>

#include "archive.h"
#include "os_fs.h"
#include "proof_note.h"

#define WITNESS_NAME_SIZE 33
#define WITNESSES_MAX     16u

enum witness_kind { WITNESS_COSIGN, WITNESS_FILE, WITNESS_POST, WITNESS_MAIL };

/* Everything is lent for the life of the set; what a kind does not use is left out. */
struct witness_config {
	const char *name; /* [a-z0-9-]{1,32} */
	enum witness_kind kind;
	int64_t interval_ms; /* at most one round in this time */
	unsigned call_ms;
	const char *target; /* for people: the URL, path or address */
	/* cosign: the submission prefix; post: the URL; mail: the smarthost. smtp://, smtps://, http://, https:// */
	const char *url;
	const char *ca_file;
	struct proof_key key; /* cosign */
	const char *
	    path; /* file: {archive} and {size} stand for the archive's id and the number of leaves */
	const char *from, *to; /* mail */
	const char *hello;     /* mail: our name */
};

/* Something that goes out. */
struct witness_parcel {
	bool mail;
	const char *url, *ca_file, *from, *to, *hello;
	unsigned call_ms;
	struct bytes body;
};
/*
 * Carries it there, and brings what is answered: status and reply of a POST. Blocks; returns early with ERR_CANCELLED
 * when whoever carries is closing.
 */
typedef bool (*witness_carry_fn)(void *ctx, const struct witness_parcel *parcel, struct buf *reply,
    long *status_out, struct err *err);

struct witness_options {
	struct os_fs fs;
	const char *dir; /* what they saw; made when needed */
	struct clock clock;
	struct archive *archive; /* kept */
	const struct witness_config *list;
	size_t count; /* at most WITNESSES_MAX */
	witness_carry_fn carry;
	void *carry_ctx;
	bool threads; /* false: nothing happens but inside witness_round */
};

struct witness_set;

MUST_USE bool witness_open(
    const struct witness_options *o, struct witness_set **out, struct err *err);
/* witness_close: waits for the call under way; whoever carries must have been told before. */
void witness_close(struct witness_set **set);
/* witness_round: without threads: everything that is due. */
void witness_round(struct witness_set *set);

/* What one witness knows of one archive. */
struct witness_state {
	const struct witness_config *config;
	const char *archive_id;
	uint64_t leaves;   /* it saw; 0: nothing yet */
	int64_t seen_ms;   /* when it did */
	uint64_t signed_s; /* cosign: what its signature says */
	bool signed_head;  /* cosign: the present checkpoint carries its signature */
	bool refused;      /* it saw another log than this one: somebody has explaining to do */
	const char *error; /* of the last try, "" when that went well */
	int64_t error_ms;
	uint64_t log_leaves; /* there are now */
};
typedef void (*witness_visit_fn)(void *ctx, const struct witness_state *state);
/* witness_each: every witness with every archive (archive_id NULL) or one. */
void witness_each(
    struct witness_set *set, const char *archive_id, witness_visit_fn visit, void *ctx);

#endif
