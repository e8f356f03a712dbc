/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of struct archive: volumes (one per archive), log files with their rows, and the two threads.
 *
 * Locks, in the order they are taken: destroy_lock (one destruction), seal_lock (one sealer), write_lock (the file
 * being written), lock (everything shared). lock is never held during a file operation or a call of the user's.
 */
#ifndef ARCHIVE_INT_H
#define ARCHIVE_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "archive.h"
#include "archive_keyring_int.h"
#include "archive_log_int.h"
#include "pack.h"

#define ARCHIVE_BATCH_BYTES (8 * LIMIT_MIB) /* one write and sync */
/* Log files that are not sealed yet: so many may wait while mail comes in crowds; from so many on the writer waits. */
#define ARCHIVE_FILES_PUT_OFF  8u
#define ARCHIVE_ROWS_PUT_OFF   131072u /* they are in memory */
#define ARCHIVE_FILES_AHEAD    16u
#define ARCHIVE_FREE_FILES_MAX 4u /* log files kept for the next use; more are removed */

struct archive_proof;

/* One archive. Never removed while the archives are open, so pointers to it stay good. */
struct archive_volume {
	char id[ARCHIVE_ID_SIZE];
	struct secret *
	    key; /* the last of keks, or NULL: away or destroyed. Changes with seal_lock and lock */
	struct secret *keks[ARCHIVE_KEKS_MAX]; /* as ring.keks */
	struct secret
	    *proof_key; /* wraps the proof log's secrets: does not change when the key does */
	struct archive_keyring ring; /* seal_lock and lock */
	bool ring_written;           /* keyring is the file; else key is */
	bool outside;                /* keys come from one of options.services */
	int64_t given_ms,
	    valid_until_ms; /* lock; mono: when the service last gave the key, until when it is used */
	int64_t ask_ms;     /* lock; mono: not asked again before */
	unsigned asked;     /* lock; how often in vain */
	char away[128];     /* lock; why */
	bool away_sealed; /* lock; it answers, and the key is not one */
	char *packs_dir;
	struct pack **packs; /* lock; held */
	size_t pack_count;
	uint64_t corrupt_packs;
	/* seal_lock */
	struct pack **old_packs; /* merged into others, and still read by somebody */
	size_t old_count;
	bool merge_failed; /* not tried again before a start */
	char **orphans;    /* packs that failed to be made and may be there all the same */
	size_t orphan_count;
	struct pack *leaving; /* its successor is shown; goes when nobody reads it any more */
	bool removed;         /* lock, too: the archive is destroyed, and not found any more */
	struct archive_proof *proof; /* its own lock; there from before the volume is used */
};

/* One delivery that is in the log and in no pack. Lives in its file's arena. */
struct archive_unsealed_row {
	struct archive_volume *volume;
	struct id_record id;
	int64_t received_ms;
	uint64_t size_bytes;
	struct bytes encoded; /* of pack_row_encode */
	uint64_t offset;      /* of the record in the log file */
	uint32_t length;
	uint16_t delivery; /* which one of the record */
	bool sealed;       /* lock: is in a pack now */
	bool damaged;      /* seal_lock: the record cannot be read any more */
	bool chosen;       /* seal_lock: for the pack that is being made */
};

/* A log file and what is in it. */
struct archive_unsealed {
	struct archive_log *log;
	size_t refs;                        /* lock */
	struct archive_unsealed_row **rows; /* lock; they only become more */
	size_t row_count, row_room;
	struct arena arena;
	int64_t first_ms;         /* by the clock: when the first row came */
	bool complete;            /* lock: no more rows will come */
	bool pinned;              /* holds something that no pack will: never freed */
	bool warned;              /* seal_lock: that it could not be freed was said */
	uint64_t damaged_records; /* found so by recovery; they have no rows */
};

enum archive_phase { ARCHIVE_PHASE_OPEN, ARCHIVE_PHASE_FAILED, ARCHIVE_PHASE_CLOSING };

struct archive_pending;

struct archive {
	struct archive_options options; /* its dir is ours */
	char *dir, *intake_dir, *archives_dir;
	struct archive_log_place place;
	pthread_mutex_t lock;
	pthread_cond_t writer_wake, sealer_wake;
	/* lock */
	enum archive_phase phase;
	struct archive_volume **volumes;
	size_t volume_count;
	struct archive_unsealed **files; /* oldest first */
	size_t file_count;
	struct archive_unsealed **retired; /* all sealed; freed when nobody reads them any more */
	size_t retired_count;
	uint64_t *free_numbers;
	size_t free_count;
	uint64_t next_number, next_sequence;
	struct archive_pending *pending, **pending_end;
	size_t pending_count;
	size_t batch_wanted;   /* three quarters of what the last batch had */
	int64_t busy_until_ms; /* monotonic: mail comes in crowds */
	bool sealing;          /* the sealer's thread is at work */
	int64_t space_checked_ms;
	bool space_checked, space_low;
	/* write_lock */
	pthread_mutex_t write_lock;
	struct archive_unsealed *current; /* NULL: the next batch begins a file */
	struct buf batch;
	pthread_mutex_t
	    create_lock; /* one archive_create at a time; taken with no other lock held */
	/* seal_lock */
	pthread_mutex_t seal_lock;
	pthread_mutex_t destroy_lock; /* one destruction at a time; before all others */
	pthread_mutex_t keys_lock;    /* archive_keys_int.h */
	pthread_cond_t keys_wake;     /* with lock */
	atomic_bool closing;
	pthread_t writer, sealer, keeper;
};

static inline void
archive_lock(pthread_mutex_t *lock)
{
	must(pthread_mutex_lock(lock) == 0);
}

static inline void
archive_unlock(pthread_mutex_t *lock)
{
	must(pthread_mutex_unlock(lock) == 0);
}

/* archive_volume_*: archive_volume.c. find: lock held; NULL when there is none. */
struct archive_volume *archive_volume_find(struct archive *a, const char *id);
MUST_USE bool archive_volume_load(
    struct archive *a, const char *id, struct archive_volume **out, struct err *err);
/* archive_volume_at: those there are, from 0 on; NULL: no more. A volume stays until the archive is closed; takes the
 * lock. removed_out: its archive is destroyed; may be NULL. */
struct archive_volume *archive_volume_at(struct archive *a, size_t i, bool *removed_out);
/* archive_volume_add takes the lock; archive_volume_add_pack wants it held. */
void archive_volume_add(struct archive *a, struct archive_volume *volume);
void archive_volume_add_pack(struct archive *a, struct archive_volume *volume, struct pack *pack);
/*
 * archive_volume_finish: the pack, durable and opened; frees the writer in every case; seal_lock held. After false it
 * is not there, or it is an orphan: a name that was given though the call said it was not. At the next start that one
 * would count, with leaf indices that others have by then, or with records that are erased by then.
 * archive_volume_orphans_remove: before another pack is made; durable on true; seal_lock held.
 */
MUST_USE bool archive_volume_finish(struct archive *a, struct archive_volume *v,
    struct pack_writer **w, struct pack_written *written, struct pack **out, struct err *err);
MUST_USE bool archive_volume_orphans_remove(
    struct archive *a, struct archive_volume *v, struct err *err);
void archive_volume_free(struct archive_volume **volume);
char *archive_path(
    const char *dir, const char *name, const char *end); /* "dir/nameend"; the caller frees */

/* archive_unsealed_*: archive_unsealed.c. All but new want the lock held. add copies the row, its encoded bytes too. */
struct archive_unsealed *archive_unsealed_new(struct archive_log *log);
void archive_unsealed_add(struct archive_unsealed *u, const struct archive_unsealed_row *row);
struct archive_unsealed *archive_unsealed_hold(struct archive_unsealed *u);
void archive_unsealed_release(struct archive_unsealed *u);
void archive_unsealed_free(struct archive_unsealed **u); /* the last reference */
void archive_files_add(struct archive *a, struct archive_unsealed *u);
void archive_retired_add(struct archive *a, struct archive_unsealed *u);
/* archive_unsealed_body: the message, added headers and body, appended. No lock. ERR_CORRUPT, ERR_IO. */
MUST_USE bool archive_unsealed_body(struct archive_unsealed *u,
    const struct archive_unsealed_row *row, struct buf *body, struct err *err);

/* archive_commit.c */
void *archive_commit_run(void *archive);         /* the writer's thread */
void archive_commit_finish(struct archive *a);   /* everything pending is written */
void archive_commit_complete(struct archive *a); /* the file being written takes no more */

/* archive_seal.c */
void *archive_seal_run(void *archive);                  /* the sealer's thread */
void archive_seal_retire(struct archive *a);            /* frees what is retired; seal_lock held */
void archive_seal_pause(struct archive *a, int64_t ms); /* until woken, or closing; no lock held */

/* archive_merge.c: small packs of a volume into larger ones, as many as there are to do; seal_lock held. */
void archive_merge(struct archive *a, struct archive_volume *v);

/* archive_read_holder: the pack that has a record, held, and its archive; NULL when none has. */
struct pack *archive_read_holder(struct archive *a, const struct id_record *id,
    size_t *position_out, char archive_id[ARCHIVE_ID_SIZE]);
/* archive_recover_packs: opens the packs of a volume that has none; nobody else sees it. in_a_pack: is a record in
 * one? */
MUST_USE bool archive_recover_packs(
    struct archive *a, struct archive_volume *v, struct archive_recovery *out, struct err *err);
bool archive_recover_in_a_pack(
    const struct archive_volume *v, const struct id_record *id, int64_t received_ms);

/* archive_recover.c: fills a from the disk. */
MUST_USE bool archive_recover(struct archive *a, struct archive_recovery *out, struct err *err);
MUST_USE bool archive_recover_logs(
    struct archive *a, struct archive_recovery *out, struct err *err);

/*
 * archive_view: what one moment shows of a volume (NULL = of all): its packs and unsealed rows of a time range. Every
 * record is in it exactly once. Rows come newest first. Archives whose key may not be used now are left out.
 */
struct archive_view_row {
	struct archive_unsealed *file; /* held */
	const struct archive_unsealed_row *row;
};
struct archive_view {
	struct pack **packs; /* held */
	size_t pack_count;
	struct archive_view_row *rows;
	size_t row_count;
	uint64_t corrupt_packs;
	uint64_t damaged_records; /* of the log: nobody knows whose */
	uint64_t away;            /* archives left out because their key service is away … */
	struct err away_why;      /* … and what one of them says */
};
void archive_view_take(struct archive *a, const struct archive_volume *volume, int64_t from_ms,
    int64_t to_ms, struct archive_view *out);
void archive_view_fini(struct archive *a, struct archive_view *view);
/* archive_view_check: whether the key of a volume may be used now. ERR_TIMEOUT, ERR_SEALED. */
MUST_USE bool archive_view_check(
    struct archive *a, const struct archive_volume *volume, struct err *err);

#endif
