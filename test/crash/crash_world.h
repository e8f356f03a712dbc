/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A workload over the archives, what it was promised, and the check of a disk against those promises.
 *
 * The promises: an acknowledged message is there, bit-exact, once, and found by a search. A message refused for lack of
 * space is not there. One that was under way, or failed with the disk, may be there, but then whole and once.
 */
#ifndef CRASH_WORLD_H
#define CRASH_WORLD_H

#include "archive_fixture.h"

#define CRASH_MESSAGES_MAX 96u

enum crash_fate { CRASH_UNDER_WAY, CRASH_ACKNOWLEDGED, CRASH_NO_SPACE, CRASH_FAILED };

struct crash_message {
	struct archive_fixture_message m;
	enum crash_fate fate;
	bool answered;
};

struct crash_world {
	struct crash_message messages[CRASH_MESSAGES_MAX];
	size_t count;
	struct archive_fixture f;
	uint64_t seed;
	size_t message_bytes_max;
	bool created;             /* both archives were */
	void (*retry)(void *ctx); /* NULL, or called before an open that failed is tried again */
	void *retry_ctx;
	char wrong[256]; /* the first broken promise; "" = none */
};

/* crash_world_init: nothing is opened yet; disk as in archive_fixture_init. */
void crash_world_init(struct crash_world *w, uint64_t seed);
void crash_world_fini(struct crash_world *w);

/*
 * crash_world_run: open, create two archives, then steps of appending, committing, sealing and opening again, drawn
 * from seed. Failures on the way are borne as a server would bear them; trouble is called after each step with the
 * step's
 * name, and may set w->wrong.
 */
typedef void (*crash_after_fn)(void *ctx, struct crash_world *w, const char *step);
void crash_world_run(struct crash_world *w, size_t steps, crash_after_fn after, void *ctx);

size_t crash_world_acknowledged(const struct crash_world *w);

/* crash_world_look: compare what the open archives show now. */
bool crash_world_look(struct crash_world *w);
/* crash_world_check: recover from disk (taken) and compare; false: w->wrong says what promise was broken. deep: also
 * verifies, appends and seals there, loses power once more, and looks again. */
bool crash_world_check(struct crash_world *w, struct os_fs_memory *disk, bool deep, uint64_t seed);

#endif
