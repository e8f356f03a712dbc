/* SPDX-License-Identifier: Apache-2.0 */
/* Packs for tests: random messages, written and kept to compare with. */
#ifndef PACK_FIXTURE_H
#define PACK_FIXTURE_H

#include "pack.h"
#include "os_fs_memory.h"

#define FIXTURE_T0      1795510800000 /* 2026-11-24T09:00:00Z */
#define FIXTURE_ARCHIVE "a-aaaaaaaaaaaaaaaaaaaaaaaa"
#define FIXTURE_DIR     "/packs"

struct pack_fixture {
	struct os_fs_memory *memory;
	struct os_fs fs;
	struct rng_seeded seeded;
	struct rng rng;
	struct secret *key;
	struct arena arena;
	/* what was written, sorted by id after pack_fixture_write */
	struct pack_row *rows;
	struct bytes *bodies;
	size_t count, cap;
	char path[128];
};

/* fs: NULL = a disk in memory. */
void pack_fixture_init(struct pack_fixture *f, const struct os_fs *fs);
void pack_fixture_fini(struct pack_fixture *f);
/* pack_fixture_add: a random row with that body (lent), received at T0 + at_ms. */
void pack_fixture_add(struct pack_fixture *f, int64_t at_ms, struct bytes body);
/* pack_fixture_text: len bytes that look like mail; in the arena. */
struct bytes pack_fixture_text(struct pack_fixture *f, size_t len);
/* pack_fixture_write: all that was added into one pack in dir; f->path names it. */
void pack_fixture_write(struct pack_fixture *f, const char *dir);
/* pack_fixture_open: fails the test when the pack does not open. */
struct pack *pack_fixture_open(struct pack_fixture *f);
/* pack_fixture_check: every row and every body of the pack, against what was added, and the verification. */
void pack_fixture_check(struct pack_fixture *f, struct pack *p);

/* Counts problems and keeps the last sentence. */
struct pack_problems {
	size_t count;
	char last[512];
};
void pack_problem_count(void *ctx, const char *what);

#endif
