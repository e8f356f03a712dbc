/* SPDX-License-Identifier: Apache-2.0 */
/* A workload over the archives, what it was promised, and the check of a disk against those promises. */
#include "crash_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base_log.h"

#define START_MS 1700000000000

static const char *const ARCHIVES[] = {"a-one", "a-two"};

static void
silent(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	(void)line;
}

void
crash_world_init(struct crash_world *w, uint64_t seed)
{
	log_set_sink(silent, NULL);
	*w = (struct crash_world){.seed = seed, .message_bytes_max = 2500};
	archive_fixture_init(&w->f, NULL, seed);
	w->f.log_file_bytes = 20 * 1024;
	w->f.merge_packs = 2;
}

void
crash_world_fini(struct crash_world *w)
{
	archive_fixture_fini(&w->f);
}

static bool PRINTF_LIKE(2, 3) wrong(struct crash_world *w, const char *format, ...)
{
	va_list ap;

	if (w->wrong[0] == '\0') {
		va_start(ap, format);
		(void)vsnprintf(w->wrong, sizeof w->wrong, format, ap);
		va_end(ap);
	}
	return false;
}

static void
answered(void *ctx, bool ok, const struct err *err)
{
	struct crash_message *message = ctx;

	must(!message->answered);
	message->answered = true;
	if (ok)
		message->fate = CRASH_ACKNOWLEDGED;
	else
		message->fate = err->code == ERR_NO_SPACE ? CRASH_NO_SPACE : CRASH_FAILED;
}

static void
append_some(struct crash_world *w, const struct rng *rng)
{
	uint64_t count = 1 + rng_below(rng, 4);
	struct err err;

	while (count-- > 0 && w->count < CRASH_MESSAGES_MAX) {
		struct crash_message *message = &w->messages[w->count];

		*message = (struct crash_message){
		    .m = {.number = (uint32_t)w->count,
			.received_ms = w->f.now.now_ms - (int64_t)rng_below(rng, 20),
			.body_bytes = (uint32_t)rng_below(rng, w->message_bytes_max),
			.archive_ids = {ARCHIVES[rng_below(rng, 2)]}}};
		if (rng_below(rng, 12) == 0)
			message->m.body_bytes = 30000; /* larger than a log file */
		if (rng_below(rng, 4) == 0) {
			message->m.archive_ids[0] = ARCHIVES[0];
			message->m.archive_ids[1] = ARCHIVES[1];
		}
		w->count++;
		if (!archive_fixture_append(&w->f, &message->m, answered, message, &err))
			w->count--; /* refused before anything was written */
	}
	archive_commit(w->f.archive);
}

/* Open until it works; a fault is hit once, or the disk is lost. */
static bool
start(struct crash_world *w)
{
	struct err err;

	for (int tries = 0; tries < 3; tries++) {
		bool ok = archive_fixture_open(&w->f, &err);

		for (size_t i = 0; ok && i < 2; i++)
			ok = archive_create(w->f.archive, ARCHIVES[i], &err);
		w->created = w->created || ok;
		if (ok)
			return true;
		archive_close(&w->f.archive);
		if (w->retry != NULL)
			w->retry(w->retry_ctx);
	}
	return wrong(w, "cannot open: %s", err.msg);
}

static const char *
step(struct crash_world *w, const struct rng *rng)
{
	uint64_t what = rng_below(rng, 16);
	struct err err;

	w->f.now.now_ms += 7;
	w->f.now.mono_ms += 2000;
	if (archive_failed(w->f.archive) || what == 15) {
		archive_close(&w->f.archive);
		(void)start(w);
		return "open";
	}
	if (what >= 13) {
		/* What could not be sealed stays in the log: nothing is promised about this. */
		if (!archive_seal(w->f.archive, what == 13, &err))
			return "seal failed";
		return "seal";
	}
	append_some(w, rng);
	return "commit";
}

void
crash_world_run(struct crash_world *w, size_t steps, crash_after_fn after, void *ctx)
{
	struct rng_seeded seeded = {.state = w->seed};
	struct rng rng = rng_seeded(&seeded);

	w->f.now.now_ms = START_MS;
	if (!start(w))
		return;
	if (after != NULL)
		after(ctx, w, "start");
	for (size_t i = 0; i < steps && w->wrong[0] == '\0'; i++) {
		const char *name = step(w, &rng);

		if (after != NULL)
			after(ctx, w, name);
	}
	archive_close(&w->f.archive);
}

size_t
crash_world_acknowledged(const struct crash_world *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->count; i++)
		n += w->messages[i].fate == CRASH_ACKNOWLEDGED;
	return n;
}

/* A search of one archive, against what may be in it. */
struct sweep {
	struct crash_world *w;
	struct archive_fixture *f;
	size_t archive;
	bool seen[CRASH_MESSAGES_MAX];
	struct id_record newest; /* of the row before */
	size_t rows;
	bool extra; /* the row of crash_world_check's own message */
};

static struct archive_fixture_message
own_message(void)
{
	return (struct archive_fixture_message){.number = 100000,
	    .received_ms = START_MS + 1000000,
	    .body_bytes = 500,
	    .archive_ids = {ARCHIVES[0]}};
}

/* Which delivery of which message this row is; SIZE_MAX: none. */
static size_t
message_of(
    const struct crash_world *w, const struct pack_row *row, size_t archive, size_t *delivery_out)
{
	for (size_t i = 0; i < w->count; i++)
		for (size_t d = 0; d < 2 && w->messages[i].m.archive_ids[d] != NULL; d++) {
			struct id_record id;

			archive_fixture_id(&id, &w->messages[i].m, d);
			*delivery_out = d;
			if (id_record_compare(&id, &row->id) == 0)
				return w->messages[i].m.archive_ids[d] == ARCHIVES[archive]
					   ? i
					   : SIZE_MAX;
		}
	return SIZE_MAX;
}

static bool
sweep_row(void *ctx, const struct pack_row *row)
{
	struct sweep *s = ctx;
	struct archive_fixture_message own = own_message();
	struct id_record own_id;
	size_t delivery, i;

	if (s->rows++ > 0 && id_record_compare(&s->newest, &row->id) <= 0)
		return wrong(s->w, "twice or out of order");
	s->newest = row->id;
	archive_fixture_id(&own_id, &own, 0);
	if (id_record_compare(&own_id, &row->id) == 0) {
		s->extra = true;
		return true;
	}
	i = message_of(s->w, row, s->archive, &delivery);
	if (i == SIZE_MAX)
		return wrong(s->w, "a row that nobody sent");
	s->seen[i] = true;
	if (s->w->messages[i].fate == CRASH_NO_SPACE)
		return wrong(s->w, "message %zu was refused for lack of space and is there", i);
	return true;
}

static bool
sweep_archive(struct crash_world *w, struct archive_fixture *f, size_t archive, bool own)
{
	struct sweep s = {.w = w, .f = f, .archive = archive};
	struct archive_search_report report;
	struct err err;

	if (!archive_search(f->archive, ARCHIVES[archive], 0, INT64_MAX, NULL, UINT64_MAX, NULL,
		sweep_row, &s, &report, &err))
		return wrong(w, "search: %s", err.msg);
	if (w->wrong[0] != '\0')
		return false;
	if (own && archive == 0 && !s.extra)
		return wrong(w, "the message kept after recovery is lost");
	for (size_t i = 0; i < w->count; i++) {
		const struct archive_fixture_message *m = &w->messages[i].m;

		for (size_t d = 0; d < 2 && m->archive_ids[d] != NULL; d++)
			if (m->archive_ids[d] == ARCHIVES[archive] && !s.seen[i] &&
			    w->messages[i].fate == CRASH_ACKNOWLEDGED)
				return wrong(w, "message %zu was acknowledged and is not found", i);
	}
	return true;
}

static void
problem(void *ctx, const char *what)
{
	(void)wrong(ctx, "verify: %s", what);
}

/* Also a message that was only under way is whole if it is there at all. */
static bool
content_check(struct crash_world *w, struct archive_fixture *f, bool verify)
{
	uint64_t checked;
	struct err err;

	for (size_t i = 0; i < w->count; i++) {
		const char *trouble = archive_fixture_check(f, &w->messages[i].m);
		bool absent = trouble != NULL && strcmp(trouble, "not there") == 0;

		if (trouble != NULL && (w->messages[i].fate == CRASH_ACKNOWLEDGED || !absent))
			return wrong(w, "message %zu: %s", i, trouble);
		if (trouble == NULL && w->messages[i].fate == CRASH_NO_SPACE)
			return wrong(w, "message %zu was refused for lack of space and is read", i);
	}
	if (verify && !archive_verify(f->archive, NULL, NULL, problem, w, &checked, &err))
		return wrong(w, "verify: %s", err.msg);
	return w->wrong[0] == '\0';
}

bool
crash_world_look(struct crash_world *w)
{
	bool ok = content_check(w, &w->f, true);

	for (size_t i = 0; ok && i < 2; i++)
		ok = sweep_archive(w, &w->f, i, false);
	return ok;
}

static bool
look(struct crash_world *w, struct archive_fixture *f, bool deep, bool own)
{
	struct err err;
	bool ok;

	if (!archive_fixture_open(f, &err))
		return wrong(w, "recovery: %s", err.msg);
	if (f->recovery.corrupt_records > 0 || f->recovery.corrupt_packs > 0)
		return wrong(w, "recovery speaks of damage where there was a crash only");
	if (!w->created)
		return true;
	ok = content_check(w, f, deep);
	for (size_t i = 0; ok && i < 2; i++)
		ok = sweep_archive(w, f, i, own);
	return ok;
}

/* Life goes on: one more message, sealed; then the power goes again. */
static bool
live_on(struct crash_world *w, struct archive_fixture *f, uint64_t seed)
{
	struct archive_fixture_message own = own_message();
	struct archive_fixture again;
	struct err err;
	bool ok;

	for (size_t i = 0; i < 2; i++)
		if (!archive_create(f->archive, ARCHIVES[i], &err))
			return wrong(w, "after recovery, create: %s", err.msg);
	if (!archive_fixture_keep(f, &own, &err))
		return wrong(w, "after recovery, append: %s", err.msg);
	if ((seed & 1) != 0 && !archive_seal(f->archive, true, &err))
		return wrong(w, "after recovery, seal: %s", err.msg);
	archive_fixture_init(&again,
	    os_fs_memory_crash(f->disk, (enum os_crash)(seed % OS_CRASH_MODES), seed), seed + 17);
	again.log_file_bytes = f->log_file_bytes;
	again.merge_packs = f->merge_packs;
	ok = look(w, &again, true, true);
	archive_fixture_fini(&again);
	return ok;
}

bool
crash_world_check(struct crash_world *w, struct os_fs_memory *disk, bool deep, uint64_t seed)
{
	struct archive_fixture f;
	bool ok;

	archive_fixture_init(&f, disk, seed ^ 0xc0ffee);
	f.log_file_bytes = w->f.log_file_bytes;
	f.merge_packs = w->f.merge_packs;
	f.now.now_ms = START_MS + 100000;
	ok = look(w, &f, deep, false) && (!deep || live_on(w, &f, seed));
	archive_fixture_fini(&f);
	return ok;
}
