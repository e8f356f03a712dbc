/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file of the intake log: begun, filled batch by batch, read by place, freed (docs/formats/intake.md).
 *
 *   begun → commit… → (full, or after a rolled back write) no more commits → freed
 *   found by recovery: read only → freed
 */
#ifndef ARCHIVE_LOG_INT_H
#define ARCHIVE_LOG_INT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "archive_record_int.h"
#include "base_rng.h"
#include "os_fs.h"

struct archive_log_place {
	struct os_fs fs;
	const char *dir; /* DATA/intake */
	struct crypt_keys *keys;
	struct rng rng;
};

struct archive_log {
	char *path;
	uint64_t number;                  /* in the file's name */
	struct archive_log_header header; /* wrapped_key is empty here */
	/* writing: one thread at a time */
	struct os_file *file; /* NULL: no more commits */
	struct crypt_sealer *sealer;
	uint64_t end;     /* the next batch goes here */
	uint64_t size;    /* it may become this long */
	uint64_t counter; /* the last one used; never goes back, so no nonce comes twice */
	/* reading: any thread */
	pthread_mutex_t read_lock; /* guards the two below */
	struct os_file *read_file;
	struct crypt_sealer *read_sealer;
	bool previous; /* found under the key file of before */
};

/* What a failure means for the archive: fatal = a write or sync failed in a way that leaves the disk unknown. */
struct archive_log_failure {
	bool fatal;
};

/*
 * archive_log_begin: take a file into use under a new key and sequence; durable on true, its name included.
 * in     fresh       true: make it; false: it is there, and free
 *        size_bytes  it may become this long; only what archive_log_prepare made is allocated before
 * after  false: the file is removed, as far as that went; its number must not be taken again
 */
MUST_USE bool archive_log_begin(const struct archive_log_place *place, uint64_t number, bool fresh,
    uint64_t sequence, uint64_t size_bytes, struct archive_log **out,
    struct archive_log_failure *failure, struct err *err);
/* archive_log_prepare: make a free file of that size, so that begin has little to do; durable on true. */
MUST_USE bool archive_log_prepare(
    const struct archive_log_place *place, uint64_t number, uint64_t size_bytes, struct err *err);
/* archive_log_open: a file in use that an earlier process left, for reading. fails as archive_record_header_decode, or
 * ERR_SEALED; ERR_EXISTS: the file is free. sequence_out: of its header, also of a free one; 0 when there is none. */
MUST_USE bool archive_log_open(const struct archive_log_place *place, uint64_t number,
    struct archive_log **out, uint64_t *sequence_out, struct err *err);
void archive_log_close(struct archive_log **log);

/* archive_log_room: bytes of sealed records that fit behind end, the END frame set aside. */
uint64_t archive_log_room(const struct archive_log *log);
/* archive_log_append: seal one record into batch; *offset_out is where it will lie. */
void archive_log_append(
    struct archive_log *log, struct bytes plain, struct buf *batch, uint64_t *offset_out);
/*
 * archive_log_commit: end the batch, write it, sync it.
 * after  true: it survives power loss. false: nothing of it will be found by a later archive_log_scan unless
 *        failure->fatal; the file takes no more commits
 */
MUST_USE bool archive_log_commit(struct archive_log *log, struct buf *batch,
    struct archive_log_failure *failure, struct err *err);
/* archive_log_complete: no more commits. */
void archive_log_complete(struct archive_log *log);

/* archive_log_read: the record at offset, in clear, appended; len is the whole frame. ERR_CORRUPT, ERR_IO. */
MUST_USE bool archive_log_read(
    struct archive_log *log, uint64_t offset, uint32_t len, struct buf *plain, struct err *err);
/* archive_log_free: everything in it is kept elsewhere: overwrite the key and mark the file free, durably. */
MUST_USE bool archive_log_free(
    const struct archive_log_place *place, const struct archive_log *log, struct err *err);

char *archive_log_path(const char *dir, uint64_t number); /* the caller frees */
/* archive_log_parse_name: "00000012.log" → 12. */
MUST_USE bool archive_log_parse_name(const char *name, uint64_t *number_out);

struct archive_log_item {
	uint64_t offset;
	uint32_t length;  /* frame and payload, or the damaged region */
	uint64_t counter; /* a damaged region without frame: one that was free there */
	bool damaged, torn;
};
typedef bool (*archive_log_visit_fn)(void *ctx, const struct archive_log_item *item);

struct archive_log_extent {
	uint64_t end;      /* where the log ends                                  */
	uint64_t torn;     /* bytes behind end that belong to a batch without END */
	uint64_t batch_at; /* where the last batch with its END begins            */
};

/*
 * archive_log_scan: what a whole log file holds, in order. Pure.
 *
 * in      data     the file from its first byte
 *         last     true: the newest file of the log, whose last batch may be torn: without an END frame it is cut, with
 *                  one its damaged records are torn, not corrupt. false: everything in it was acknowledged
 *         visit    once per record: damaged = checksum or frame does not fit
 * after   false: visit said so
 */
bool archive_log_scan(struct bytes data, const uint8_t salt[ARCHIVE_LOG_SALT_BYTES], bool last,
    archive_log_visit_fn visit, void *ctx, struct archive_log_extent *out);

#endif
