/* SPDX-License-Identifier: Apache-2.0 */
/* One call of archive_destroy, and its turn with one pack. */
#ifndef ARCHIVE_DESTROY_INT_H
#define ARCHIVE_DESTROY_INT_H

#include "archive_destroy.h"
#include "archive_int.h"

struct archive_destroying {
	struct archive *a;
	struct archive_volume *v;
	const struct archive_destroyer *d;
	const struct id_record *ids; /* sorted */
	size_t count;
	bool *decided; /* of each id: destroyed, or to be kept */
	const atomic_bool *cancel;
	bool damaged; /* a pack was passed over */
	struct err damage;
};

struct archive_wanted {
	size_t number; /* in ids */
	size_t position;
};

struct archive_turn {
	struct pack *pack; /* held */
	struct pack_reader *reader;
	struct archive_wanted *wanted; /* what goes, in order of position */
	struct archive_gone *gone;     /* the same */
	size_t wanted_count;
	struct pack_writer *writer; /* of the successor; NULL: the pack goes whole */
	struct pack *successor;
};

/* archive_destroy_write: the successor, but for its end. archive_destroy_finish: that; durable on true, and without a
 * trace on false, as far as that goes. seal_lock held. */
MUST_USE bool archive_destroy_write(
    struct archive_destroying *t, struct archive_turn *turn, struct err *err);
MUST_USE bool archive_destroy_finish(
    struct archive_destroying *t, struct archive_turn *turn, struct err *err);
/* archive_destroy_wait: until the volume's leaving pack is read by nobody and gone, durably. */
MUST_USE bool archive_destroy_wait(struct archive_destroying *t, struct err *err);
/* archive_destroy_unsealed: until no log file holds any of the ids. */
MUST_USE bool archive_destroy_unsealed(struct archive_destroying *t, struct err *err);
/* archive_destroy_wipe: a file gets a temporary name, durably; its first bytes, the key among them, are overwritten; it
 * is removed. Not there: true. */
MUST_USE bool archive_destroy_wipe(
    struct archive *a, const char *dir, const char *path, struct err *err);

#endif
