/* SPDX-License-Identifier: Apache-2.0 */
/* Tier T1: a recording, and what must hold of the disk at every moment of it. */
#ifndef REPLAY_H
#define REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "os_fs_memory.h"
#include "record_log.h"

/* What the senders know. */
struct replay_promise {
	char id[32], digest[65];
	bool acknowledged; /* false: only sent; id is "" */
};

struct replay_event {
	const struct record_entry *entry;
	uint64_t at;  /* its place in the log: where it began */
	uint64_t key; /* where it takes effect */
	size_t order; /* among equal keys */
	bool mark;    /* a sync begins: what was done by now is what it will cover */
	size_t sync;  /* of a sync: its number */
};

struct replay {
	struct replay_event *events; /* in order */
	size_t event_count, points, ack_count, sync_count;
	struct replay_promise *promises;
	size_t promise_count;
	const char *root;    /* that was recorded */
	const char *program; /* the real one, or NULL */
	unsigned every;      /* of so many states the program verifies one */
};

const char *replay_path(const struct record_entry *e);
const uint8_t *replay_data(const struct record_entry *e);

/* replay_load: the recording at path, ordered. Prints why it is none. */
bool replay_load(struct replay *r, const char *path);
/* replay_is_change: can the disk be another one after this event? */
bool replay_is_change(const struct replay_event *e);

/* replay_export: writes a disk in memory beneath dir, which must not be there. replay_remove: and all beneath it. */
bool replay_export(struct os_fs_memory *m, const char *dir);
void replay_remove(const char *dir);

/*
 * replay_check: a state of the disk found after power loss; acks = acknowledged before it.
 * out     false: wrong says which promise is broken
 */
bool replay_check(const struct replay *r, struct os_fs_memory *state, const char *dir, size_t acks,
    bool with_program, char *wrong, size_t wrong_size);

#endif
