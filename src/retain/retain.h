/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept, how long, and how it goes: legal holds, retention, the trusted clock, dispositions, erasures.
 *
 * Everything is a row of the catalog; work is done by retain_run, on one thread, and begins again where a crash left
 * it. No transaction may be open when one of these functions is called, unless it says so. Thread-safe.
 * docs/formats/retention.md has the rows, the certificate and the invariants.
 *
 * Below, every failure of disk and catalog is left out. ERR_REFUSED means a hold, a period or an approval is in the
 * way; its text names which.
 */
#ifndef RETAIN_H
#define RETAIN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "archive.h"
#include "base_clock.h"
#include "base_rng.h"
#include "catalog.h"
#include "json_value.h"

#define RETAIN_DAY_MS            ((int64_t)24 * 3600 * 1000)
#define RETAIN_HOLDS_MAX         1000u  /* not released; ERR_LIMIT */
#define RETAIN_HOLD_MESSAGES_MAX 10000u /* named one by one in one hold; ERR_LIMIT */
#define RETAIN_HOLD_FROZEN_MAX                                                                     \
	2000000u /* of a static hold; above, it stays in FREEZING and protects all the same */
#define RETAIN_PLAN_MAX     200000u /* messages of one disposition; the rest goes into the next */
#define RETAIN_ERASURES_MAX 1000u   /* not finished; ERR_LIMIT */
#define RETAIN_DELETION_MS  (30 * RETAIN_DAY_MS) /* from DeleteArchive to destruction */
#define RETAIN_REJECTED_MS                                                                         \
	(7 * RETAIN_DAY_MS) /* what was rejected is not proposed again for so long */
#define RETAIN_WEEK_MS (7 * RETAIN_DAY_MS)

struct retain;

struct retain_options {
	struct catalog *catalog; /* kept; so is the archive */
	struct archive *archive;
	struct clock clock;
	struct rng rng;
	bool manual;    /* dispositions wait for somebody's approval */
	bool four_eyes; /* an erasure is approved by another principal than asked for it */
};

/* retain_open: looks at the clock once. */
MUST_USE bool retain_open(
    const struct retain_options *options, struct retain **out, struct err *err);
void retain_close(struct retain **r);

/*
 * retain_run: everything that is due: static holds are frozen, approved erasures and dispositions carried out; plan:
 * new dispositions are proposed, too. One thread.
 * after   false: some of it failed, was logged, and is tried again the next time; err is the first failure
 * fails   ERR_CANCELLED
 */
bool retain_run(struct retain *r, bool plan, const atomic_bool *cancel, struct err *err);

/* Counts of messages. */
struct retain_count {
	uint64_t messages, bytes;
	int64_t oldest_ms, newest_ms; /* of reception; 0 when there is none */
};

/*
 * The trusted clock. It never runs backwards. It stops, and with it every destruction, when the machine's clock is
 * more than a day ahead of where it should be: within one life of the process by the monotonic clock, over a restart
 * by the time that was seen last. A machine that was off for more than a day cannot be told from one whose clock was
 * turned, so it stops too. Somebody who knows the date lets it go on.
 */
struct retain_clock {
	int64_t trusted_ms;   /* what destruction goes by */
	int64_t machine_ms;   /* what the machine says */
	bool stopped;         /* machine_ms is too far ahead, and nobody confirmed it */
	int64_t confirmed_ms; /* when somebody last did; 0 = never */
	char confirmed_by[64];
};
/* retain_clock_tick: call about once a minute. retain_clock_get: the same, and says what is. */
MUST_USE bool retain_clock_tick(struct retain *r, struct err *err);
MUST_USE bool retain_clock_get(struct retain *r, struct retain_clock *out, struct err *err);
/*
 * retain_clock_confirm: the machine's clock is right. known_ms: the time as somebody knows it, from elsewhere.
 * fails   ERR_USAGE it differs by more than a day from what the machine says
 */
MUST_USE bool retain_clock_confirm(
    struct retain *r, int64_t known_ms, const char *principal, struct err *err);

/*
 * Holds. A spec is an object in the shape of the API's CreateHold: HoldName, Reason, Mode ("DYNAMIC", "STATIC"),
 * ArchiveIds (absent: all), Scope with one of Query {Filters, FromTimestamp, ToTimestamp}, MessageIds, Address.
 *
 * An address ("ann@example.net", or "@example.net" for a domain) is looked for in envelope sender, recipients, From, To
 * and Cc, whole and without regard to case. A message whose header was too long to be kept whole in its row
 * (PACK_PARSE_LIMITED) is taken to match an address or query that only the missing part could have told.
 */
/* retain_hold_count: how many messages the spec would hold now; damaged_out: packs that could not be looked at. */
MUST_USE bool retain_hold_count(struct retain *r, const struct json *spec, struct retain_count *out,
    uint64_t *damaged_out, struct err *err);
/* retain_hold_create: from true on, nothing it covers is destroyed. fails ERR_USAGE, ERR_EXISTS the name is in use,
 * ERR_LIMIT, ERR_NOT_FOUND an archive or a message is not there. */
MUST_USE bool retain_hold_create(struct retain *r, const struct json *spec, const char *principal,
    char id_out[ID_TEXT_SIZE], struct err *err);
/* retain_hold_current: what an existing hold holds now. ERR_NOT_FOUND; ERR_BUSY released. */
MUST_USE bool retain_hold_current(
    struct retain *r, const char *id, struct retain_count *out, struct err *err);
/* retain_hold_release: the row stays, with who, when and why. ERR_NOT_FOUND; released before: true, and unchanged. */
MUST_USE bool retain_hold_release(
    struct retain *r, const char *id, const char *reason, const char *principal, struct err *err);

/*
 * retain_explain: why is this message still here, and how long: ArchiveId, ReceivedTimestamp, RetentionPeriod,
 * ExpiryTimestamp (absent: never) and Holds into out. fails ERR_NOT_FOUND
 */
MUST_USE bool retain_explain(
    struct retain *r, const char *message_id, struct json *out, struct err *err);

/*
 * The holds of one moment, ready to be asked. One thread at a time.
 * retain_holds_load: inside a transaction of the caller's.
 * retain_holds_cover: a hold on the record, or NULL; from = NULL, or the one found before, to see all of them.
 */
struct retain_holds;
struct retain_hold {
	const char *id, *name, *reason;
};
MUST_USE bool retain_holds_load(struct retain *r, struct retain_holds **out, struct err *err);
const struct retain_hold *retain_holds_cover(struct retain_holds *h, const char *archive_id,
    const struct pack_row *row, const struct retain_hold *from);
/* retain_holds_concern: is there a hold on this archive, or on all? Then what cannot be read there is not destroyed. */
bool retain_holds_concern(const struct retain_holds *h, const char *archive_id);
void retain_holds_free(struct retain_holds **h);

/*
 * retain_preview: what would go now if the archive's period were this one.
 * out     due: expired and not held; held: expired, and stays because somebody holds it
 * fails   ERR_NOT_FOUND no such archive
 */
MUST_USE bool retain_preview(struct retain *r, const char *archive_id, enum pack_retention period,
    struct retain_count *due_out, struct retain_count *held_out, struct err *err);

/*
 * retain_archive_undelete: an archive in PENDING_DELETION is ACTIVE again, with what is still in it.
 * fails   ERR_NOT_FOUND; ERR_BUSY it is not deleted; ERR_EXISTS its name was taken meanwhile; ERR_LIMIT;
 *         ERR_REFUSED its keys were destroyed
 */
MUST_USE bool retain_archive_undelete(
    struct retain *r, const char *id, uint64_t active_max, struct err *err);

/*
 * retain_key_destroy: the keys of an archive in PENDING_DELETION go for good, and with them all that is in it. Decided
 * in one transaction: a hold that was made before, on this archive or on all, forbids it; one that is made afterwards
 * finds an archive without keys, and is refused when it names it. What a crash leaves of it is done by retain_run.
 * fails   ERR_NOT_FOUND; ERR_BUSY it is active; ERR_REFUSED a hold
 */
MUST_USE bool retain_key_destroy(
    struct retain *r, const char *id, const char *principal, struct err *err);

/* retain_disposition_decide: a planned one is approved, or rejected. ERR_NOT_FOUND; ERR_BUSY it is not waiting. */
MUST_USE bool retain_disposition_decide(
    struct retain *r, const char *id, bool approve, const char *principal, struct err *err);
/*
 * retain_certificate: one page of what a disposition destroyed: Records, pushed to the array.
 * in      page      from 0 on
 * out     more_out  there is another page
 */
MUST_USE bool retain_certificate(struct retain *r, const char *id, uint32_t page,
    struct json *records, bool *more_out, struct err *err);

/*
 * Erasure of single messages.
 * _request: ERR_NOT_FOUND; ERR_REFUSED held, by whom; ERR_EXISTS asked for already; ERR_LIMIT.
 * _decide:  ERR_NOT_FOUND; ERR_BUSY not waiting; ERR_REFUSED held, or the approver asked for it himself.
 */
MUST_USE bool retain_erasure_request(struct retain *r, const char *message_id, const char *reason,
    const char *principal, char id_out[ID_TEXT_SIZE], struct err *err);
MUST_USE bool retain_erasure_decide(
    struct retain *r, const char *id, bool approve, const char *principal, struct err *err);
/*
 * retain_erased: was this message erased? false: no, or err is filled (ERR_NONE: no).
 * out     erasure_id_out, by_out (who approved): arena
 */
bool retain_erased(struct retain *r, const char *message_id, struct arena *arena,
    int64_t *when_ms_out, const char **erasure_id_out, const char **by_out, struct err *err);

/* retain_filter_build: ArchiveFilters (valid by the model; NULL = everything) as packs take them. Values are lent by
 * filters, the rest lives in the arena. */
void retain_filter_build(struct arena *arena, const struct json *filters, struct pack_filter *out);

#endif
