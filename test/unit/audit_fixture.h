/* SPDX-License-Identifier: Apache-2.0 */
/* An audit log on a disk in memory, with a clock and random numbers that repeat. */
#ifndef AUDIT_FIXTURE_H
#define AUDIT_FIXTURE_H

#include "audit.h"
#include "os_fs_memory.h"

#define AUDIT_FIXTURE_MS INT64_C(1790000000000)

struct audit_fixture {
	struct os_fs_memory *disk;
	struct clock_fixed time;
	struct rng_seeded seed;
	struct rng rng;
	struct crypt_keys *keys;
	struct audit *audit;
	struct audit_recovery found;
	uint64_t file_bytes;
};

void audit_fixture_begin(struct audit_fixture *f);
/* audit_fixture_open: over the disk as it is; false with err. */
MUST_USE bool audit_fixture_open(struct audit_fixture *f, struct os_fs fs, struct err *err);
void audit_fixture_end(struct audit_fixture *f);
/* audit_fixture_append: record number n, whose texts follow from n. */
MUST_USE bool audit_fixture_append(
    struct audit_fixture *f, unsigned n, bool durable, struct err *err);
/* audit_fixture_is: r is what audit_fixture_append made of n. */
bool audit_fixture_is(const struct audit_record *r, unsigned n);

#endif
