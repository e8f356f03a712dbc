/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit log: one record for each operation somebody asked for, sealed, appended, and chained by SHA-256, so that
 * nothing in it can be changed, removed or put in between without being found. docs/formats/audit.md.
 *
 * Thread-safe. Writing is group commit: whoever waits for a sync writes for everybody who came meanwhile.
 *
 *   phase    audit_append              audit_list, audit_get
 *   open     yes                       yes
 *   failed   refuses (ERR_IO)          yes             a sync failed: only a new process may write
 */
#ifndef AUDIT_H
#define AUDIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base_arena.h"
#include "base_bytes.h"
#include "base_clock.h"
#include "base_rng.h"
#include "crypt_key.h"
#include "os_fs.h"

struct audit;

struct audit_options {
	struct os_fs fs;
	const char *dir;         /* DATA/audit; made when it is not there */
	struct crypt_keys *keys; /* kept */
	struct clock clock;
	struct rng rng;
	bool threads; /* false: what is not durable is synced by audit_sync and audit_close only */
	uint64_t file_bytes; /* begin another file past this; 0 = AUDIT_FILE_BYTES */
};
#define AUDIT_FILE_BYTES ((uint64_t)8 * 1024 * 1024)

/* What opening found; what is not zero was logged by name as well. */
struct audit_recovery {
	uint64_t files, last_sequence;
	uint64_t torn_bytes; /* cut from the end: they were never promised */
	uint64_t damaged;    /* places that are not what was written; left as they are */
};

/*
 * audit_open: recovery of the newest file included.
 * fails  ERR_SEALED another key service made it; ERR_CORRUPT its key or head is damaged; ERR_IO, ERR_NO_SPACE
 */
MUST_USE bool audit_open(const struct audit_options *o, struct audit **out,
    struct audit_recovery *found, struct err *err);
/* audit_close: syncs what is not durable yet. */
void audit_close(struct audit **a);

/* Named limits of a record: what is longer is cut by who makes the record, and refused here (ERR_LIMIT). */
#define AUDIT_TEXT_BYTES_MAX       256u
#define AUDIT_RESOURCES_MAX        16u
#define AUDIT_PARAMETERS_BYTES_MAX 16384u
#define AUDIT_UID_NONE             UINT32_MAX

/* Who did what, from where, when, and what came of it. Texts are UTF-8; none holds a secret. */
struct audit_record {
	uint64_t sequence; /* given by the log: from 1, without gaps */
	int64_t at_ms;
	uint64_t count; /* requests that this record stands for; 1, but for refusals of strangers */
	uint32_t uid;   /* of the peer, over the local socket; AUDIT_UID_NONE otherwise */
	uint32_t status;        /* of HTTP */
	struct bytes principal; /* empty: nobody known */
	struct bytes key_id;    /* access key; when refused, the one that was claimed */
	struct bytes from;      /* address, or "local" */
	struct bytes operation; /* "MailManagerSvc.CreateArchive"; empty: none that is known */
	struct bytes result;    /* "ok", or the exception */
	struct bytes request_id;
	struct bytes parameters; /* JSON text, what is secret left out */
	size_t resource_count;
	struct bytes resources[AUDIT_RESOURCES_MAX]; /* ids and ARNs that were named or made */
};

/*
 * audit_append: keep one record; everything is copied.
 *
 * in      durable  true: returns when the record survives power loss. false: it does within AUDIT_LAZY_MS, and
 *                  survives the end of the process only from then on
 * fails   ERR_LIMIT, ERR_IO (phase failed), ERR_NO_SPACE (nothing was kept; try again)
 */
#define AUDIT_LAZY_MS 1000
MUST_USE bool audit_append(
    struct audit *a, const struct audit_record *record, bool durable, struct err *err);
/* audit_sync: everything appended so far is durable on true. */
MUST_USE bool audit_sync(struct audit *a, struct err *err);
bool audit_failed(struct audit *a);

/*
 * audit_list: the records before a sequence number (0 = all), newest first. Damaged ones are passed over and counted.
 *
 * in      visit   lent record, valid during the call; false stops, which is not a failure
 * out     damaged_out  may be NULL
 * cost    reads and opens every file down to where visit stops
 */
typedef bool (*audit_visit_fn)(void *ctx, const struct audit_record *record);
MUST_USE bool audit_list(struct audit *a, uint64_t before, audit_visit_fn visit, void *ctx,
    uint64_t *damaged_out, struct err *err);
/* audit_get: one record; memory from arena. ERR_NOT_FOUND, ERR_CORRUPT. */
MUST_USE bool audit_get(struct audit *a, uint64_t sequence, struct arena *arena,
    struct audit_record *out, struct err *err);

/*
 * audit_verify: read everything, check seals, numbers and chain; also while others append.
 * in      problem  called once for each thing that is wrong, with a sentence that names file and place
 * out     checked_out  records that are whole and in their place
 * after   true also when problems were reported; false: could not run (ERR_CANCELLED, ERR_IO)
 */
typedef void (*audit_problem_fn)(void *ctx, const char *what);
MUST_USE bool audit_verify(struct audit *a, const atomic_bool *cancel, audit_problem_fn problem,
    void *ctx, uint64_t *checked_out, struct err *err);

#endif
