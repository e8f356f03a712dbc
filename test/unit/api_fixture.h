/* SPDX-License-Identifier: Apache-2.0 */
/* An api over a real catalog and archive in a temporary place, with a clock and random numbers that repeat.
 */
#ifndef API_FIXTURE_H
#define API_FIXTURE_H

#include "api.h"
#include "os_fs_memory.h"

#define FIXTURE_START_MS INT64_C(1790000000000)

struct fixture {
	char folder[64], path[96];
	struct clock_fixed time;
	struct rng_seeded seed;
	struct rng rng;
	struct crypt_keys *keys;
	struct catalog *catalog;
	struct os_fs_memory *disk;
	struct archive *archive;
	struct audit *audit;
	struct api *api;
	bool strict;
	unsigned endpoint_hooks, config_hooks;
};

void fixture_open(struct fixture *f, bool strict);
/* fixture_reopen: the api alone, as after a restart. */
void fixture_reopen(struct fixture *f);
void fixture_close(struct fixture *f);

/* fixture_keep: append a message "Subject: <subject>" with one recipient to the archive, received now. */
void fixture_keep(struct fixture *f, const char *archive_id, const char *subject);

/* fixture_call: one operation ("CreateArchive", "Daybook.GetStatus") over the trusted local socket; the
 * status, and the body as a value, the caller's. */
int fixture_call(struct fixture *f, const char *operation, const struct json *input, bool cbor,
    struct json **out);

#endif
