/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The archives of one data directory: intake log, packs, and search and reading over both.
 *
 * A reception is appended once to the intake log, whatever number of archives keep it; the sealer later moves it into
 * one pack per archive. Readers see it from the moment its append was reported done. Thread-safe throughout.
 *
 *   phase      archive_append        archive_search/read      archive_seal
 *   open       yes                   yes                      yes
 *   failed     refuses (ERR_IO)      yes                      refuses       a sync failed: only a new process may write
 *   closing    refuses (ERR_BUSY)    no                       no
 *
 * Formats: docs/formats/intake.md, docs/formats/pack.md.
 */
#ifndef ARCHIVE_H
#define ARCHIVE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base_arena.h"
#include "base_bytes.h"
#include "base_clock.h"
#include "base_id.h"
#include "base_rng.h"
#include "crypt_key.h"
#include "os_fs.h"
#include "pack_row.h"

#define ARCHIVE_ID_SIZE 67 /* "a-" and up to 64, NUL */

/* One archive's copy of a reception. */
struct archive_delivery {
	const char *archive_id;
	struct id_record id; /* made from received_ms */
	struct bytes
	    added_headers; /* header lines a rule added before the Archive action, each with CRLF; the stored
	                              * message is these bytes and then the received ones */
	const struct bytes *recipients; /* envelope recipients this copy stands for */
	size_t recipient_count;
	enum pack_retention retention; /* the archive's period when the message came */
};

struct archive_reception {
	int64_t received_ms;
	struct pack_columns columns;
	struct bytes body; /* as received */
	const struct archive_delivery *deliveries;
	size_t delivery_count; /* at least 1 */
};

struct archive;

struct archive_options {
	struct os_fs fs;
	const char *dir;         /* the data directory; intake/ and archives/ are made beneath */
	struct crypt_keys *keys; /* kept: the installation's own key service */
	const char *
	    installation; /* names the proof logs that are made (docs/formats/proof.md); NULL = "daybook" */
	struct crypt_keys *const *services; /* kept: key services for archives made under them */
	size_t service_count;
	int64_t
	    key_cache_ms; /* how long a key of theirs is used without asking again; 0 = 1 hour */
	struct clock clock;
	struct rng rng;
	bool
	    threads; /* false: nothing happens but inside archive_commit and archive_seal (tests) */
	uint64_t log_file_bytes; /* size of one intake log file; 0 = 64 MiB */
	int64_t seal_age_ms;     /* seal a log file that holds something this old; 0 = 10 minutes */
	unsigned merge_packs;    /* so many small packs become one; 0 = 8, else at least 2 */
	uint64_t reserve_bytes;  /* refuse to accept below this much free space; 0 = 64 MiB */
};

/* What recovery found; counts that are not zero are logged by name as well. */
struct archive_recovery {
	uint64_t log_files, log_records; /* whole records found in the intake log */
	uint64_t torn_tail_bytes;        /* cut: they were never acknowledged */
	uint64_t corrupt_records;        /* damaged inside the log: skipped and named */
	uint64_t packs, corrupt_packs;   /* damaged packs are set aside, named, and not served */
	uint64_t removed_temporary_files;
	uint64_t
	    under_previous; /* log files and archives that hang on the key file of before (crypt_keys_pair) */
};

/* archive_open: recovery included. fails ERR_SEALED key service refuses, ERR_CORRUPT, ERR_IO, ERR_NO_SPACE. */
MUST_USE bool archive_open(const struct archive_options *o, struct archive **out,
    struct archive_recovery *recovery_out, struct err *err);
/* archive_close: finishes what was appended; seals nothing. */
void archive_close(struct archive **a);

/* archive_create: the directory and wrapped key of a new archive; true when it is there already. Durable on true. */
MUST_USE bool archive_create(struct archive *a, const char *archive_id, struct err *err);

/* archive_create_under: the same with the archive's key wrapped by one of options.services; NULL = options.keys.
 * cost  one call of the key service; fails also as crypt_keys_wrap. An archive that is there keeps its service. */
MUST_USE bool archive_create_under(
    struct archive *a, const char *archive_id, struct crypt_keys *keys, struct err *err);

/*
 * The keys of an archive: archive_keys.h. While the key service of an archive is away, what needs its key works on for
 * options.key_cache_ms after the service last gave the key, and then fails with ERR_TIMEOUT: append, search, read,
 * verify. Sealing waits. An archive whose keys were destroyed fails with ERR_SEALED.
 */

/*
 * archive_append: keep one reception. Everything is copied before the call returns.
 *
 * in      s      lent; s->deliveries name archives made with archive_create; ids are made by the caller
 *         done   called once, on another thread (or inside archive_commit): ok means the bytes survive power loss
 * fails   ERR_LIMIT larger than SMTP_MESSAGE_BYTES_CEIL, ERR_USAGE an id was not made from received_ms,
 *         ERR_NOT_FOUND an archive is not there, ERR_IO failed before,
 *         ERR_NO_SPACE below the reserve, ERR_BUSY closing, ERR_TIMEOUT an archive's key service is away;
 *         then done is not called and nothing was kept
 * done    ok = false: ERR_NO_SPACE (try again later) or ERR_IO (a sync failed; the archive is in phase failed);
 *         the reception is not visible and will not become so, except that after a failed sync a later recovery may
 *         find it (as any crash between keeping and acknowledging may)
 */
typedef void (*archive_done_fn)(void *ctx, bool ok, const struct err *err);
MUST_USE bool archive_append(struct archive *a, const struct archive_reception *s,
    archive_done_fn done, void *ctx, struct err *err);

/* archive_commit: without threads: write and sync what was appended, call the done functions. */
void archive_commit(struct archive *a);
/* archive_seal: move every record of every complete log file (force: of the open one too) into packs; returns when
 * done. ERR_CANCELLED when closing; ERR_TIMEOUT, ERR_SEALED force, and messages of an archive wait for its key. */
MUST_USE bool archive_seal(struct archive *a, bool force, struct err *err);

/* archive_failed: phase failed. archive_space_low: below the reserve (checked at most once a second). */
bool archive_failed(struct archive *a);
bool archive_space_low(struct archive *a);

struct archive_stats {
	uint64_t messages, message_bytes; /* as received */
	uint64_t stored_bytes;            /* packs; what is still in the log is not counted */
	uint64_t unsealed_messages;
	int64_t oldest_ms, newest_ms; /* 0 when empty */
	uint64_t corrupt_packs;
	uint64_t without_leaf; /* in packs, and in no proof log */
	uint64_t away; /* archives of which nobody can say, because their key is not there */
};
/* archive_stats_get: archive_id NULL = all archives together. ERR_NOT_FOUND. */
MUST_USE bool archive_stats_get(
    struct archive *a, const char *archive_id, struct archive_stats *out, struct err *err);

/* archive_oldest_unsealed_ms: reception time of the oldest record not yet in a pack; 0 = none. */
int64_t archive_oldest_unsealed_ms(struct archive *a);

/*
 * archive_search: every record of one archive received in [from_ms, to_ms) that the filter accepts, newest first
 * (equal times: larger id first), at most limit of them.
 *
 * in      visit   lent row, valid during the call; false stops the search, which is not a failure
 *         cancel  may be NULL; polled
 * out     report  what was looked at and what could not be
 * fails   ERR_NOT_FOUND no such archive, ERR_CANCELLED, ERR_SEALED
 * source  SES Mail Manager StartArchiveSearch
 */
struct archive_search_report {
	uint64_t records_scanned, packs_scanned;
	uint64_t packs_skipped; /* damaged: their records are missing from the answer */
};
MUST_USE bool archive_search(struct archive *a, const char *archive_id, int64_t from_ms,
    int64_t to_ms, const struct pack_filter *filter, uint64_t limit, const atomic_bool *cancel,
    pack_visit_fn visit, void *ctx, struct archive_search_report *report, struct err *err);

/*
 * archive_read: one message, bit-exact, its SHA-256 checked.
 *
 * out     archive_id_out  arena; which archive holds it
 *         row_out         arena
 *         body            appended; must be empty with max >= SMTP_MESSAGE_BYTES_CEIL + headers; NULL = row only
 * fails   ERR_NOT_FOUND, ERR_CORRUPT (named), ERR_SEALED, ERR_IO
 */
MUST_USE bool archive_read(struct archive *a, const struct id_record *id, struct arena *arena,
    const char **archive_id_out, struct pack_row *row_out, struct buf *body, struct err *err);

/*
 * Many messages one after another, each as archive_read gives it. The pack that was read last stays open, so that
 * messages that were kept together, in any order of time, come fast. One thread at a time; free it soon: what it reads
 * from waits with being removed.
 */
struct archive_reader;
struct archive_reader *archive_reader_new(struct archive *a);
void archive_reader_free(struct archive_reader **r);
MUST_USE bool archive_reader_read(struct archive_reader *r, const struct id_record *id,
    struct arena *arena, const char **archive_id_out, struct pack_row *row_out, struct buf *body,
    struct err *err);

/*
 * archive_verify: read everything of one archive (NULL = all) and check it: digests, tags, directory against
 * content. problem is called once for each thing that is wrong, with a sentence that names it.
 * out     checked_out  messages whose bytes were rebuilt and hashed
 * after   true also when problems were reported; false = could not run (ERR_CANCELLED, ERR_NOT_FOUND)
 */
MUST_USE bool archive_verify(struct archive *a, const char *archive_id, const atomic_bool *cancel,
    pack_problem_fn problem, void *ctx, uint64_t *checked_out, struct err *err);

/*
 * archive_scrub_next: check the pack behind place, in the order of names; one step of a walk over all of them that may
 * take weeks and survive restarts.
 *
 * in      place    where the last step ended; "" at the beginning
 * out     place    this pack; "" when there was none behind it
 * fails   ERR_CANCELLED; what is wrong with a pack is told to problem
 */
#define ARCHIVE_SCRUB_PLACE_SIZE 160
struct archive_scrub_step {
	bool none;                         /* nothing is behind place */
	uint64_t bytes, messages;          /* of the pack */
	uint64_t total_bytes, total_packs; /* of all */
};
MUST_USE bool archive_scrub_next(struct archive *a, char place[ARCHIVE_SCRUB_PLACE_SIZE],
    const atomic_bool *cancel, pack_problem_fn problem, void *ctx, struct archive_scrub_step *step,
    struct err *err);

#endif
