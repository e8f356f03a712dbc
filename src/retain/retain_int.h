/* SPDX-License-Identifier: Apache-2.0 */
/* The inside: the object, its lock, and rows with their documents. */
#ifndef RETAIN_INT_H
#define RETAIN_INT_H

#include <pthread.h>

#include "archive_destroy.h"
#include "base_limits.h"
#include "base_mem.h"
#include "retain.h"

#define RETAIN_BEHIND_MAX 16u

/* Reception times [from, to] that the machine gave while its clock was behind; such messages count as received at
 * until_ms, when it was right again. */
struct retain_behind {
	int64_t from_ms, to_ms, until_ms; /* until_ms 0: it still is */
};

/* The clock's state: kept in the catalog (RETAIN_CLOCK_SETTING) but for the anchor, which is of this process. */
struct retain_time {
	int64_t high_ms; /* trusted */
	bool stopped;
	bool
	    fresh; /* begun beside an archive that was not empty: holds may have been lost with a catalog */
	int64_t confirmed_ms;
	char confirmed_by[64];
	struct retain_behind behind[RETAIN_BEHIND_MAX];
	size_t behind_count;
};

/*
 * keep_lock: held while a hold is made, and while a destruction asks for the last time and becomes irrevocable; so a
 * hold either is asked, or finds the message gone. Order: keep_lock, then the catalog's transaction, or that alone.
 * clock_lock: inside either.
 */
struct retain {
	struct retain_options o;
	pthread_mutex_t keep_lock, clock_lock;
	/* clock_lock */
	struct retain_time time;
	int64_t anchor_ms,
	    anchor_mono_ms; /* the machine's two clocks when the first was last right */
	bool anchored;
	int64_t stored_high_ms;
};

static inline void
retain_lock(pthread_mutex_t *lock)
{
	must(pthread_mutex_lock(lock) == 0);
}

static inline void
retain_unlock(pthread_mutex_t *lock)
{
	must(pthread_mutex_unlock(lock) == 0);
}

/* A row with its document; fini frees the latter. */
struct retain_doc {
	struct catalog_row row; /* in the arena */
	struct json *doc;
};
/* retain_doc_*: inside a transaction. get: ERR_NOT_FOUND "no WHAT ID". save stamps updated_ms; amend does not: the 30
 * days of a deleted archive count from it. */
MUST_USE bool retain_doc_get(struct retain *r, enum catalog_kind kind, const char *id,
    struct arena *arena, struct retain_doc *out, struct err *err);
MUST_USE bool retain_doc_find(struct retain *r, enum catalog_kind kind, const char *name,
    struct arena *arena, struct retain_doc *out, struct err *err);
MUST_USE bool retain_doc_insert(struct retain *r, struct retain_doc *d, struct err *err);
MUST_USE bool retain_doc_save(struct retain *r, struct retain_doc *d, struct err *err);
MUST_USE bool retain_doc_amend(struct retain *r, struct retain_doc *d, struct err *err);
void retain_doc_fini(struct retain_doc *d);
/* retain_doc_each: every row of a kind, newest first; visit may save or delete it. state, owner: NULL = any. */
typedef bool (*retain_visit_fn)(void *ctx, struct retain_doc *d, struct err *err);
MUST_USE bool retain_doc_each(struct retain *r, enum catalog_kind kind, const char *owner,
    const char *state, retain_visit_fn visit, void *ctx, struct err *err);
/* retain_doc_leaf: LeafIndex and LeafHash of a destroyed record, when it has a leaf. */
void retain_doc_leaf(struct json *doc, const struct archive_gone *gone);
/* retain_doc_ids: ids of the rows of a kind in a state, in a transaction of its own; arena. */
MUST_USE bool retain_doc_ids(struct retain *r, enum catalog_kind kind, const char *state,
    struct arena *arena, const char ***ids_out, size_t *count_out, struct err *err);

/* retain_begin / retain_end: a transaction; end commits when ok, else rolls back and is false. */
MUST_USE bool retain_begin(struct retain *r, struct err *err);
MUST_USE bool retain_end(struct retain *r, bool ok, struct err *err);

/* retain_clock_*: retain_clock.c. load and store: inside a transaction. */
MUST_USE bool retain_clock_load(struct retain *r, struct err *err);
/* retain_clock_step: pure: one look at the machine's clocks. */
void retain_clock_step(struct retain *r, int64_t now_ms, int64_t mono_ms);
/* retain_clock_received: when a message with that reception time counts as received. */
int64_t retain_clock_received(const struct retain_time *t, int64_t received_ms);
/* retain_clock_look: one look, kept when it changed something that a restart must know; a copy of the state. */
MUST_USE bool retain_clock_look(struct retain *r, struct retain_time *out, struct err *err);
/* retain_clock_trusted: a copy of the state after a tick; ERR_REFUSED stopped. */
MUST_USE bool retain_clock_trusted(struct retain *r, struct retain_time *out, struct err *err);

/* Ids as bytes, ID_RECORD_BYTES each, sorted: of static holds and plans; in parts of a row. */
#define RETAIN_IDS_PER_PART 65536u
struct retain_ids {
	struct id_record *list;
	size_t count, room;
};
void retain_ids_add(struct retain_ids *ids, const struct id_record *id);
void retain_ids_sort(struct retain_ids *ids);
bool retain_ids_have(const struct retain_ids *ids, const struct id_record *id);
void retain_ids_free(struct retain_ids *ids);
/* retain_ids_put / _get: parts first, first + 1, … of a row; inside a transaction. */
MUST_USE bool retain_ids_put(struct retain *r, const char *id, uint32_t first,
    const struct retain_ids *ids, struct err *err);
MUST_USE bool retain_ids_get(
    struct retain *r, const char *id, uint32_t first, struct retain_ids *out, struct err *err);

void retain_count_add(struct retain_count *c, const struct pack_row *row);

/* retain_rule: one hold, compiled from its document. */
struct retain_rule;
MUST_USE bool retain_rule_new(
    const struct json *spec, struct retain_ids *frozen, struct retain_rule **out, struct err *err);
bool retain_rule_covers(
    struct retain_rule *rule, const char *archive_id, const struct pack_row *row);
bool retain_rule_concerns(
    const struct retain_rule *rule, const char *archive_id); /* that archive, or all */
void retain_rule_before(
    struct retain_rule *rule, int64_t before_ms); /* what came later is not covered */
/* retain_rule_search: every message the rule covers now. */
typedef void (*retain_row_fn)(void *ctx, const struct pack_row *row);
MUST_USE bool retain_rule_search(struct retain *r, struct retain_rule *rule,
    const atomic_bool *cancel, retain_row_fn visit, void *ctx, uint64_t *damaged_out,
    struct err *err);
void retain_rule_free(struct retain_rule **rule);

/* retain_key_*: retain_key.c. An archive's document says KeyDestroyedTimestamp from the decision on.
 * check: ERR_REFUSED the archive of that document has no keys any more.
 * search: archive_search; whose keys are destroyed has no messages. */
MUST_USE bool retain_key_check(const struct retain_doc *archive, struct err *err);
MUST_USE bool retain_key_search(struct retain *r, const char *archive_id, int64_t from_ms,
    int64_t to_ms, const atomic_bool *cancel, pack_visit_fn visit, void *ctx,
    struct archive_search_report *report, struct err *err);

/* The parts of retain_run. */
MUST_USE bool retain_key_run(struct retain *r, const atomic_bool *cancel, struct err *err);
MUST_USE bool retain_hold_freeze(struct retain *r, const atomic_bool *cancel, struct err *err);
MUST_USE bool retain_plan_run(struct retain *r, const atomic_bool *cancel, struct err *err);
MUST_USE bool retain_disposition_run(struct retain *r, const atomic_bool *cancel, struct err *err);
MUST_USE bool retain_erasure_run(struct retain *r, const atomic_bool *cancel, struct err *err);

#endif
