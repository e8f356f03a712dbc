/* SPDX-License-Identifier: Apache-2.0 */
/* What has expired: counted for a preview, or listed as a plan. */
#include <stdio.h>
#include <string.h>

#include "base_log.h"
#include "retain_plan_int.h"

struct planned {
	struct id_record id;
	uint64_t bytes;
};

struct sift {
	struct retain_terms terms;
	struct retain_holds *holds;
	struct retain_count due, held;
	bool list_wanted;
	struct planned *list; /* newest first; the oldest RETAIN_PLAN_MAX are at its end */
	size_t count;
};

bool
retain_terms_over(const struct retain_terms *t, const struct pack_row *row)
{
	int64_t until_ms;

	if (t->deletion)
		return true;
	until_ms =
	    pack_retention_until_ms(t->period, retain_clock_received(&t->time, row->received_ms));
	return until_ms != 0 && until_ms <= t->time.high_ms;
}

/* No record received at or after this can have expired: months differ by three days in a quarter. */
static int64_t
received_bound(const struct retain_terms *t)
{
	int64_t high_ms = t->time.high_ms, until_ms;

	if (t->deletion)
		return INT64_MAX;
	until_ms = pack_retention_until_ms(t->period, high_ms);
	return until_ms == 0 ? 0 : high_ms - (until_ms - high_ms) + 4 * RETAIN_DAY_MS;
}

static void
list_add(struct sift *s, const struct pack_row *row)
{
	if (s->count == 2 * (size_t)RETAIN_PLAN_MAX) {
		memmove(s->list, &s->list[RETAIN_PLAN_MAX], RETAIN_PLAN_MAX * sizeof *s->list);
		s->count = RETAIN_PLAN_MAX;
	}
	if (s->count % 4096 == 0)
		s->list = mem_realloc_array(s->list, s->count + 4096, sizeof *s->list);
	s->list[s->count++] = (struct planned){row->id, row->size_bytes};
}

static bool
sift_visit(void *ctx, const struct pack_row *row)
{
	struct sift *s = ctx;

	if (!retain_terms_over(&s->terms, row))
		return true;
	if (retain_holds_cover(s->holds, s->terms.archive_id, row, NULL) != NULL) {
		retain_count_add(&s->held, row);
		return true;
	}
	retain_count_add(&s->due, row);
	if (s->list_wanted)
		list_add(s, row);
	return true;
}

static bool
sift_run(struct retain *r, struct sift *s, const atomic_bool *cancel, struct err *err)
{
	struct archive_search_report report;
	int64_t to_ms = received_bound(&s->terms);
	bool ok;

	if (!retain_begin(r, err))
		return false;
	ok = retain_holds_load(r, &s->holds, err);
	catalog_rollback(r->o.catalog);
	ok = ok && retain_key_search(r, s->terms.archive_id, INT64_MIN, to_ms, cancel, sift_visit,
		       s, &report, err);
	retain_holds_free(&s->holds);
	return ok;
}

bool
retain_terms_load(struct retain *r, const char *archive_id, const struct retain_time *time,
    struct retain_terms *out, struct err *err)
{
	const char *word;
	struct retain_doc d;
	struct arena arena;
	bool ok;

	arena_init(&arena);
	*out = (struct retain_terms){.time = *time, .period = PACK_RETENTION_PERMANENT};
	(void)snprintf(out->archive_id, sizeof out->archive_id, "%s", archive_id);
	ok = retain_doc_get(r, CATALOG_ARCHIVE, archive_id, &arena, &d, err);
	word = ok ? json_get_str(json_find(d.doc, "Retention"), "RetentionPeriod") : NULL;
	if (ok && (word == NULL || !pack_retention_parse(&out->period, word)))
		ok = ERR(err, ERR_CORRUPT, "archive %.66s has no period", archive_id);
	if (ok && strcmp(d.row.state, "PENDING_DELETION") == 0) {
		out->pending = true;
		out->deletion = d.row.updated_ms + RETAIN_DELETION_MS <= time->high_ms;
	}
	if (ok)
		(void)snprintf(out->archive_name, sizeof out->archive_name, "%.*s", 64,
		    json_get_str(d.doc, "ArchiveName"));
	retain_doc_fini(&d);
	arena_fini(&arena);
	return ok;
}

bool
retain_preview(struct retain *r, const char *archive_id, enum pack_retention period,
    struct retain_count *due_out, struct retain_count *held_out, struct err *err)
{
	struct sift s = {0};
	struct retain_time time;
	bool ok;

	if (!retain_clock_look(r, &time, err) || !retain_begin(r, err))
		return false;
	ok = retain_terms_load(r, archive_id, &time, &s.terms, err);
	catalog_rollback(r->o.catalog);
	s.terms.period = period;
	s.terms.deletion = false;
	ok = ok && sift_run(r, &s, NULL, err);
	*due_out = s.due;
	*held_out = s.held;
	return ok;
}

/* Is there one that is not finished, or that somebody rejected lately? */
struct open_ones {
	int64_t now_ms;
	bool any;
};

static bool
open_visit(void *ctx, struct retain_doc *d, struct err *err)
{
	struct open_ones *o = ctx;

	(void)err;
	if (strcmp(d->row.state, "REJECTED") == 0)
		o->any = o->any || d->row.updated_ms + RETAIN_REJECTED_MS > o->now_ms;
	else
		o->any = o->any || strcmp(d->row.state, "COMPLETED") != 0;
	return true;
}

static bool
open_look(struct retain *r, const char *archive_id, bool *any_out, struct err *err)
{
	struct open_ones o = {.now_ms = clock_now_ms(&r->o.clock)};
	bool ok = retain_doc_each(r, CATALOG_DISPOSITION, archive_id, NULL, open_visit, &o, err);

	*any_out = o.any;
	return ok;
}

static void
count_show(struct json *doc, const struct retain_count *c)
{
	json_set_integer(doc, "Messages", (int64_t)c->messages);
	json_set_integer(doc, "Bytes", (int64_t)c->bytes);
	if (c->messages == 0)
		return;
	json_set_seconds(doc, "OldestTimestamp", c->oldest_ms);
	json_set_seconds(doc, "NewestTimestamp", c->newest_ms);
}

/* The oldest ones, as many as fit, and what they come to. */
static struct retain_count
plan_take(const struct sift *s, struct retain_ids *ids)
{
	size_t first = s->count > RETAIN_PLAN_MAX ? s->count - RETAIN_PLAN_MAX : 0;
	struct retain_count count = {0};

	for (size_t i = first; i < s->count; i++) {
		struct pack_row row = {
		    .received_ms = id_record_ms(&s->list[i].id), .size_bytes = s->list[i].bytes};

		retain_count_add(&count, &row);
		retain_ids_add(ids, &s->list[i].id);
	}
	retain_ids_sort(ids);
	return count;
}

static bool
plan_insert(struct retain *r, const struct sift *s, struct err *err)
{
	struct retain_doc d = {.row = {.kind = CATALOG_DISPOSITION,
				   .owner = s->terms.archive_id,
				   .state = r->o.manual ? "PLANNED" : "APPROVED"}};
	struct retain_ids ids = {0};
	struct retain_count count = plan_take(s, &ids);
	char id[ID_TEXT_SIZE];
	bool ok, any = false;

	id_new(id, "d-", &r->o.rng);
	d.row.id = id;
	d.doc = json_new_object();
	json_set_str(d.doc, "ArchiveId", s->terms.archive_id);
	json_set_str(d.doc, "ArchiveName", s->terms.archive_name);
	json_set_str(d.doc, "Reason", s->terms.deletion ? "ARCHIVE_DELETION" : "RETENTION");
	json_set_str(d.doc, "RetentionPeriod", pack_retention_name(s->terms.period));
	json_set_seconds(d.doc, "TrustedTimestamp", s->terms.time.high_ms);
	count_show(d.doc, &count);
	json_set_integer(d.doc, "HeldMessages", (int64_t)s->held.messages);
	json_set_integer(d.doc, "DestroyedMessages", 0);
	json_set_integer(d.doc, "DestroyedBytes", 0);
	json_set_integer(d.doc, "Parts", 0);
	if (!r->o.manual)
		json_set_str(d.doc, "DecidedBy", "automatic");
	ok = retain_begin(r, err);
	if (ok) {
		ok = open_look(r, s->terms.archive_id, &any, err) &&
		     (any || (retain_doc_insert(r, &d, err) &&
				 retain_ids_put(r, id, RETAIN_PLAN_PART, &ids, err)));
		ok = retain_end(r, ok, err);
	}
	if (ok && !any)
		log_info("disposition %s: %llu messages of archive %s have expired", id,
		    (unsigned long long)count.messages, s->terms.archive_id);
	retain_ids_free(&ids);
	retain_doc_fini(&d);
	return ok;
}

static bool
archive_plan(struct retain *r, const char *archive_id, const struct retain_time *time,
    const atomic_bool *cancel, struct err *err)
{
	struct sift s = {.list_wanted = true};
	struct archive_stats stats;
	bool ok, any = false, gone;

	if (!retain_begin(r, err))
		return false;
	ok = retain_terms_load(r, archive_id, time, &s.terms, err) &&
	     open_look(r, archive_id, &any, err);
	gone = !ok && err->code == ERR_NOT_FOUND;
	catalog_rollback(r->o.catalog);
	if (!ok || any || (s.terms.pending && !s.terms.deletion))
		return ok || gone;
	ok = sift_run(r, &s, cancel, err) &&
	     archive_stats_get(r->o.archive, archive_id, &stats, err);
	if (ok && (s.due.messages > 0 || (s.terms.deletion && stats.messages == 0)))
		ok = plan_insert(r, &s, err);
	mem_free(s.list);
	return ok;
}

bool
retain_plan_run(struct retain *r, const atomic_bool *cancel, struct err *err)
{
	struct retain_time time;
	struct arena arena;
	const char **archives;
	size_t count = 0;
	bool ok;

	arena_init(&arena);
	ok = retain_clock_trusted(r, &time, err) &&
	     retain_doc_ids(r, CATALOG_ARCHIVE, NULL, &arena, &archives, &count, err);
	for (size_t i = 0; i < count; i++) {
		struct err trouble;

		/* One whose key is away, say, must not keep the others waiting. */
		if (cancel != NULL && atomic_load(cancel))
			break;
		if (archive_plan(r, archives[i], &time, cancel, &trouble))
			continue;
		if (ok)
			*err = trouble;
		ok = false;
	}
	if (ok && cancel != NULL && atomic_load(cancel))
		ok = ERR(err, ERR_CANCELLED, "cancelled");
	arena_fini(&arena);
	return ok;
}
