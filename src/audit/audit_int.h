/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the audit log: its bytes, one file of it, and struct audit. */
#ifndef AUDIT_INT_H
#define AUDIT_INT_H

#include <pthread.h>

#include "audit.h"
#include "crypt_digest.h"
#include "crypt_seal.h"

/* --- bytes: audit_format.c, pure ------------------------------------------------------------------------------- */

#define AUDIT_SALT_BYTES   16u
#define AUDIT_HEADER_BYTES 88u
#define AUDIT_FRAME_BYTES  72u
#define AUDIT_HEAD_BYTES   96u
#define AUDIT_PLAIN_MAX    (32u * 1024)                 /* an encoded record */
#define AUDIT_FILE_MAX     ((size_t)1024 * 1024 * 1024) /* ERR_CORRUPT past it */

struct audit_header {
	uint64_t number, first_sequence;
	int64_t created_ms;
	uint8_t salt[AUDIT_SALT_BYTES];
	uint8_t
	    previous[CRYPT_SHA256_BYTES]; /* the last frame before this file; zero in the first */
};
void audit_header_encode(const struct audit_header *h, uint8_t out[AUDIT_HEADER_BYTES]);
/* audit_header_decode: ERR_CORRUPT, ERR_UNSUPPORTED a later version. */
MUST_USE bool audit_header_decode(struct bytes data, struct audit_header *out, struct err *err);

struct audit_frame {
	uint32_t length; /* of the sealed record behind it */
	uint64_t sequence;
	uint64_t durable; /* everything up to this was promised when it was written */
	uint8_t previous[CRYPT_SHA256_BYTES];
	uint8_t nonce[CRYPT_NONCE_BYTES];
};
void audit_frame_encode(const struct audit_frame *f, const uint8_t salt[AUDIT_SALT_BYTES],
    uint8_t out[AUDIT_FRAME_BYTES]);
MUST_USE bool audit_frame_decode(
    struct bytes data, const uint8_t salt[AUDIT_SALT_BYTES], struct audit_frame *out);

/* The head: how far the log is known to go. */
struct audit_head {
	uint64_t number, sequence;
	uint8_t hash[CRYPT_SHA256_BYTES]; /* of the frame of that sequence */
};
void audit_head_seal(const struct audit_head *h, struct crypt_sealer *sealer, const struct rng *rng,
    struct buf *out);
MUST_USE bool audit_head_open(
    struct bytes data, struct crypt_sealer *sealer, struct audit_head *out, struct err *err);

/*
 * audit_scan: walk the frames of a file, header included in data; over what is damaged, to the end. Pure.
 * An item without a frame (damaged) is a region in which none was found.
 */
struct audit_item {
	uint64_t offset;
	uint64_t length; /* frame and payload, or the region */
	bool damaged;
	struct audit_frame frame; /* unless damaged */
};
typedef bool (*audit_item_fn)(void *ctx, const struct audit_item *item);
void audit_scan(struct bytes data, const uint8_t salt[AUDIT_SALT_BYTES], uint64_t first_sequence,
    audit_item_fn visit, void *ctx);

/* --- records: audit_record.c ----------------------------------------------------------------------------------- */

/* audit_record_encode: ERR_LIMIT. audit_record_decode: views into data; ERR_CORRUPT, ERR_UNSUPPORTED. */
MUST_USE bool audit_record_encode(const struct audit_record *r, struct buf *out, struct err *err);
MUST_USE bool audit_record_decode(struct bytes data, struct audit_record *out, struct err *err);

/* --- one file, read whole: audit_file.c ------------------------------------------------------------------------ */

struct audit_file {
	struct buf data;
	struct audit_header header;
	struct crypt_sealer *sealer;
	struct audit_item *items;
	size_t item_count;
	uint8_t header_hash[CRYPT_SHA256_BYTES];
};
/* audit_file_load: bytes past end are not looked at (UINT64_MAX = all). audit_file_free also after a failure. */
MUST_USE bool audit_file_load(const struct audit_options *o, const struct secret *key,
    uint64_t number, uint64_t end, struct audit_file *out, struct err *err);
void audit_file_free(struct audit_file *f);
/* audit_file_record: the record of an item; plain is reset and holds what out points to. ERR_CORRUPT. */
MUST_USE bool audit_file_record(const struct audit_file *f, const struct audit_item *item,
    struct buf *plain, struct audit_record *out, struct err *err);
void audit_file_hash(
    const struct audit_file *f, const struct audit_item *item, uint8_t out[CRYPT_SHA256_BYTES]);
/* audit_file_path: "DIR/NNNNNNNN.log"; the caller frees. */
char *audit_file_path(const char *dir, uint64_t number);
MUST_USE bool audit_file_parse_name(const char *name, uint64_t *number_out);
/* audit_file_sealer: of the file with that salt. audit_head_sealer: of the head. */
struct crypt_sealer *audit_file_sealer(
    const struct secret *key, const uint8_t salt[AUDIT_SALT_BYTES]);
struct crypt_sealer *audit_head_sealer(const struct secret *key);
/* audit_head_read: ERR_NOT_FOUND, ERR_CORRUPT. */
MUST_USE bool audit_head_read(const struct audit_options *o, const struct secret *key,
    struct audit_head *out, struct err *err);

/* --- the whole ------------------------------------------------------------------------------------------------- */

struct audit_pending;
struct audit_proof;

struct audit {
	struct audit_options o; /* its dir is ours */
	char *dir, *head_path;
	struct secret *key;
	struct crypt_sealer *head_sealer; /* busy */
	pthread_mutex_t lock;
	pthread_cond_t changed; /* a batch is over; closing; something lazy waits */
	/* lock */
	bool failed, closing, busy; /* busy: one thread writes, and owns what follows below it */
	struct audit_pending *queue, **queue_end;
	size_t queue_bytes;
	/* written with busy and lock, read with either */
	uint64_t number;                   /* of the newest file; 0 = none */
	uint64_t end;                      /* where its next frame goes */
	uint64_t sequence;                 /* the last durable one */
	uint8_t chain[CRYPT_SHA256_BYTES]; /* what the next frame or header chains to */
	/* busy */
	struct os_file *file; /* NULL: the next batch begins one */
	struct crypt_sealer *sealer;
	uint8_t salt[AUDIT_SALT_BYTES];
	uint64_t head_sequence;    /* as written */
	int64_t head_ms;           /* monotonic */
	struct audit_proof *proof; /* has a lock of its own, taken with no other held */
	pthread_t thread;
	bool thread_started;
};

/* audit_recover: audit_recover.c: key, head, newest file. */
MUST_USE bool audit_recover(struct audit *a, struct audit_recovery *found, struct err *err);
/* audit_numbers: file numbers in the directory, ascending; the caller frees. */
MUST_USE bool audit_numbers(
    const struct audit_options *o, uint64_t **out, size_t *count_out, struct err *err);
/* audit_head_write: busy, or nobody else is there. */
MUST_USE bool audit_head_write(struct audit *a, struct err *err);

/*
 * The proof log: audit_proof.c. open: after recovery; expected: records were promised, so it must be there; damage is
 * counted and no failure. advance: leaves of everything durable. Between hold and release: trouble says why there is
 * none (NULL: there is); fits compares a record with its leaf; check reads the log itself.
 */
MUST_USE bool audit_proof_open(
    struct audit *a, bool expected, struct audit_recovery *found, struct err *err);
void audit_proof_close(struct audit *a);
MUST_USE bool audit_proof_advance(struct audit *a, struct err *err);
void audit_proof_hold(struct audit *a);
void audit_proof_release(struct audit *a);
const char *audit_proof_trouble(const struct audit *a);
uint64_t audit_proof_size(const struct audit *a);
MUST_USE bool audit_proof_fits(
    struct audit *a, uint64_t sequence, struct bytes record, struct err *err);
MUST_USE bool audit_proof_check(struct audit *a, const atomic_bool *cancel,
    audit_problem_fn problem, void *ctx, struct err *err);

/* How far a reader may look. */
struct audit_extent {
	uint64_t number, end, sequence;
};
struct audit_extent audit_extent_of(struct audit *a);

static inline void
audit_lock(struct audit *a)
{
	must(pthread_mutex_lock(&a->lock) == 0);
}

static inline void
audit_unlock(struct audit *a)
{
	must(pthread_mutex_unlock(&a->lock) == 0);
}

#endif
