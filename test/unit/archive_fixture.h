/* SPDX-License-Identifier: Apache-2.0 */
/* Archives over a disk in memory, and messages that are known by a number. */
#ifndef ARCHIVE_FIXTURE_H
#define ARCHIVE_FIXTURE_H

#include "archive.h"
#include "os_fs_memory.h"

#define ARCHIVE_FIXTURE_LOG_BYTES (32 * 1024)

struct archive_fixture {
	struct os_fs_memory *disk; /* owned */
	struct os_fs fs;           /* over disk; a test may put a driver of its own in between */
	struct secret *kek;
	struct crypt_keys *keys;
	struct rng_seeded seeded;
	struct rng rng;
	struct clock_fixed now;
	struct archive *archive; /* NULL: not open */
	struct archive_recovery recovery;
	uint64_t log_file_bytes;
	unsigned merge_packs; /* 0: as the archives have it */
	bool threads;
	struct crypt_keys *services[2]; /* beside keys; NULL = not there; the test's */
	int64_t key_cache_ms;
};

/* archive_fixture_init: a new disk unless one is given, which is taken. Nothing is opened yet. */
void archive_fixture_init(struct archive_fixture *f, struct os_fs_memory *disk, uint64_t seed);
bool archive_fixture_open(struct archive_fixture *f, struct err *err);
/* archive_fixture_fini: closes what is open; the disk goes, too. */
void archive_fixture_fini(struct archive_fixture *f);

/* A message made from its number: id, time and body follow from it, so that a checker needs no memory of it. */
struct archive_fixture_message {
	uint32_t number;
	int64_t received_ms;
	uint32_t body_bytes;
	const char *archive_ids[2]; /* the second may be NULL */
};
void archive_fixture_id(
    struct id_record *out, const struct archive_fixture_message *m, size_t delivery);
/* archive_fixture_body: appends what is to be read back, with the added header of the second delivery. */
void archive_fixture_body(
    struct buf *out, const struct archive_fixture_message *m, size_t delivery);
bool archive_fixture_append(struct archive_fixture *f, const struct archive_fixture_message *m,
    archive_done_fn done, void *ctx, struct err *err);
/* archive_fixture_keep: append and commit; true when done said so. Without threads only. */
bool archive_fixture_keep(
    struct archive_fixture *f, const struct archive_fixture_message *m, struct err *err);
/* archive_fixture_check: reads every delivery and compares: NULL, or what is wrong. */
const char *archive_fixture_check(
    struct archive_fixture *f, const struct archive_fixture_message *m);

#endif
