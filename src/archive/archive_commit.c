/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Group commit: whatever came while the last batch was synced is the next batch. When that is less than three quarters
 * of what the last batch had, the others are on their way, and the writer lets them in for at most a millisecond: who
 * sends alone never waits.
 *
 * Order of one batch: sealed and written, synced, rows made visible, done functions called.
 */
#include "pack_columns.h"
#include "archive_int.h"
#include "archive_keys_int.h"
#include "base_log.h"
#include "base_mem.h"
#include "os_thread.h"

#define GATHER_MS   1   /* for more of a batch */
#define CROWD_COUNT 4   /* messages in one batch: more than one or two senders at work */
#define CROWD_MS    500 /* … and for how long that counts */
#define BRAKE_MS    100 /* for the sealer, a batch */

struct archive_pending {
	struct archive_pending *next;
	struct buf plain;
	struct archive_unsealed_row *rows; /* one a delivery; views into plain */
	size_t row_count;
	archive_done_fn done;
	void *ctx;
	bool ok;
	struct err err;
};

static uint64_t
frame_bytes(const struct archive_pending *p)
{
	return ARCHIVE_FRAME_BYTES + p->plain.len + CRYPT_TAG_BYTES;
}

static void
pending_free(struct archive_pending *p)
{
	buf_fini(&p->plain);
	mem_free(p->rows);
	mem_free(p);
}

/* A row is shown as it is kept, so what cannot be read back is refused now; and it is found by its time. */
static bool
row_check(struct bytes encoded, const struct id_record *id, int64_t received_ms,
    struct arena *arena, struct err *err)
{
	struct pack_row row;
	struct reader r;

	reader_init(&r, encoded);
	if (!pack_row_decode(&r, arena, &row, err))
		return false;
	return (id_record_compare(&row.id, id) == 0 && row.received_ms == received_ms &&
		   id_record_ms(id) == received_ms) ||
	       ERR(err, ERR_USAGE, "the id of a message was not made from its time");
}

/* The rows to show later, as views into what was encoded. */
static bool
rows_make(struct archive_pending *p, const struct archive_reception *s, struct err *err)
{
	struct archive_record record;
	struct arena arena;
	bool ok;

	arena_init(&arena);
	ok = archive_record_decode(buf_view(&p->plain), &arena, &record, err);
	p->row_count = s->delivery_count;
	p->rows = mem_calloc(p->row_count, sizeof *p->rows);
	for (size_t i = 0; ok && i < p->row_count; i++) {
		ok = row_check(
		    record.deliveries[i].row, &s->deliveries[i].id, s->received_ms, &arena, err);
		p->rows[i] = (struct archive_unsealed_row){
		    .id = s->deliveries[i].id,
		    .received_ms = s->received_ms,
		    .size_bytes = s->deliveries[i].added_headers.len + s->body.len,
		    .encoded = record.deliveries[i].row,
		    .length = (uint32_t)frame_bytes(p),
		    .delivery = (uint16_t)i,
		};
	}
	arena_fini(&arena);
	return ok;
}

/* Lock held. */
static bool
pending_push(struct archive *a, struct archive_pending *p, const struct archive_reception *s,
    struct err *err)
{
	if (a->phase == ARCHIVE_PHASE_FAILED)
		return ERR(err, ERR_IO,
		    "a write to the intake log failed: nothing more is accepted until a restart");
	if (a->phase == ARCHIVE_PHASE_CLOSING)
		return ERR(err, ERR_BUSY, "closing");
	for (size_t i = 0; i < p->row_count; i++) {
		p->rows[i].volume = archive_volume_find(a, s->deliveries[i].archive_id);
		if (p->rows[i].volume == NULL)
			return ERR(
			    err, ERR_NOT_FOUND, "no archive %.66s", s->deliveries[i].archive_id);
		if (!archive_keys_check(a, p->rows[i].volume, err))
			return false;
	}
	*a->pending_end = p;
	a->pending_end = &p->next;
	a->pending_count++;
	if (a->pending_count == 1 || a->pending_count == a->batch_wanted)
		must(pthread_cond_signal(&a->writer_wake) == 0);
	return true;
}

bool
archive_append(struct archive *a, const struct archive_reception *s, archive_done_fn done,
    void *ctx, struct err *err)
{
	struct archive_pending *p;
	bool ok;

	if (s->body.len > SMTP_MESSAGE_BYTES_CEIL)
		return ERR(err, ERR_LIMIT, "larger than any message may be");
	if (archive_space_low(a))
		return ERR(err, ERR_NO_SPACE, "less space than the reserve is free");
	p = mem_calloc(1, sizeof *p);
	buf_init(&p->plain, ARCHIVE_RECORD_BYTES_MAX);
	p->done = done;
	p->ctx = ctx;
	ok = archive_record_encode(s, &p->plain, err) && rows_make(p, s, err);
	if (ok) {
		archive_lock(&a->lock);
		ok = pending_push(a, p, s, err);
		archive_unlock(&a->lock);
	}
	if (!ok)
		pending_free(p);
	return ok;
}

/* The oldest of what is pending, at least one and up to a batch. */
static struct archive_pending *
pending_take(struct archive *a)
{
	struct archive_pending *first, **end = &first;
	uint64_t bytes = 0;
	size_t count = 0;

	archive_lock(&a->lock);
	first = a->pending;
	while (*end != NULL && (bytes == 0 || bytes + frame_bytes(*end) <= ARCHIVE_BATCH_BYTES)) {
		bytes += frame_bytes(*end);
		end = &(*end)->next;
		count++;
	}
	a->pending_count -= count;
	a->batch_wanted = (3 * count + 3) / 4;
	if (count >= CROWD_COUNT)
		a->busy_until_ms = clock_mono_ms(&a->options.clock) + CROWD_MS;
	a->pending = *end;
	*end = NULL;
	if (a->pending == NULL)
		a->pending_end = &a->pending;
	archive_unlock(&a->lock);
	return first;
}

static void
phase_fail(struct archive *a, const struct err *err)
{
	bool first;

	archive_lock(&a->lock);
	first = a->phase == ARCHIVE_PHASE_OPEN;
	if (first)
		a->phase = ARCHIVE_PHASE_FAILED;
	archive_unlock(&a->lock);
	if (first)
		log_error(
		    "intake log failed, nothing more is accepted until a restart: %s", err->msg);
}

/* Write lock held. */
static void
current_complete(struct archive *a)
{
	if (a->current == NULL)
		return;
	archive_log_complete(a->current->log);
	archive_lock(&a->lock);
	a->current->complete = true;
	must(pthread_cond_signal(&a->sealer_wake) == 0);
	archive_unlock(&a->lock);
	a->current = NULL;
}

void
archive_commit_complete(struct archive *a)
{
	archive_lock(&a->write_lock);
	if (a->current != NULL && a->current->row_count > 0)
		current_complete(a);
	archive_unlock(&a->write_lock);
}

static bool
current_begin(struct archive *a, uint64_t need, struct err *err)
{
	uint64_t size = a->options.log_file_bytes, number, sequence;
	struct archive_log_failure failure;
	struct archive_log *log = NULL;
	bool fresh;

	if (size < ARCHIVE_LOG_START + need + ARCHIVE_FRAME_BYTES)
		size = ARCHIVE_LOG_START + need + ARCHIVE_FRAME_BYTES;
	archive_lock(&a->lock);
	fresh = a->free_count == 0;
	number = fresh ? a->next_number++ : a->free_numbers[--a->free_count];
	sequence = a->next_sequence++;
	archive_unlock(&a->lock);
	if (!archive_log_begin(&a->place, number, fresh, sequence, size, &log, &failure, err)) {
		if (failure.fatal)
			phase_fail(a, err);
		return false;
	}
	a->current = archive_unsealed_new(log);
	archive_lock(&a->lock);
	archive_files_add(a, a->current);
	archive_unlock(&a->lock);
	return true;
}

static bool
current_ready(struct archive *a, uint64_t need, struct err *err)
{
	if (a->current != NULL && archive_log_room(a->current->log) >= need)
		return true;
	current_complete(a);
	return current_begin(a, need, err);
}

static void
publish(struct archive *a, struct archive_pending *first, const struct archive_pending *end)
{
	struct archive_unsealed *u = a->current;
	int64_t now_ms = clock_now_ms(&a->options.clock);

	archive_lock(&a->lock);
	if (u->row_count == 0)
		u->first_ms = now_ms;
	for (struct archive_pending *p = first; p != end; p = p->next) {
		for (size_t i = 0; i < p->row_count; i++)
			archive_unsealed_add(u, &p->rows[i]);
		p->ok = true;
	}
	archive_unlock(&a->lock);
}

static void
refuse(struct archive_pending *first, const struct archive_pending *end, const struct err *err)
{
	for (struct archive_pending *p = first; p != end; p = p->next)
		p->err = *err;
}

/* As many as fit into the file; returns the first that was not looked at. */
static struct archive_pending *
batch_commit(struct archive *a, struct archive_pending *first)
{
	struct archive_pending *end = first;
	struct archive_log_failure failure;
	struct archive_log *log = a->current->log;
	struct err err;

	buf_reset(&a->batch);
	for (; end != NULL && a->batch.len + frame_bytes(end) <= archive_log_room(log);
	     end = end->next) {
		uint64_t offset;

		archive_log_append(log, buf_view(&end->plain), &a->batch, &offset);
		for (size_t i = 0; i < end->row_count; i++)
			end->rows[i].offset = offset;
	}
	if (archive_log_commit(log, &a->batch, &failure, &err)) {
		publish(a, first, end);
	} else {
		refuse(first, end, &err);
		if (failure.fatal)
			phase_fail(a, &err);
		else
			log_warn("intake log: %s", err.msg);
		current_complete(a);
	}
	if (a->batch.cap > 2 * ARCHIVE_BATCH_BYTES)
		buf_release(&a->batch);
	return end;
}

static void
commit_all(struct archive *a, struct archive_pending *list)
{
	struct err err;

	while (list != NULL) {
		if (archive_failed(a)) {
			(void)ERR(&err, ERR_IO, "a write to the intake log failed");
			refuse(list, NULL, &err);
			return;
		}
		if (!current_ready(a, frame_bytes(list), &err)) {
			log_warn("intake log: %s", err.msg);
			refuse(list, NULL, &err);
			return;
		}
		list = batch_commit(a, list);
	}
}

static void
finish_all(struct archive_pending *list, bool answer)
{
	while (list != NULL) {
		struct archive_pending *next = list->next;

		if (answer)
			list->done(list->ctx, list->ok, list->ok ? NULL : &list->err);
		pending_free(list);
		list = next;
	}
}

/* One round; false when nothing was pending. */
static bool
step(struct archive *a)
{
	struct archive_pending *list;
	bool answer = true;

	archive_lock(&a->write_lock);
	list = pending_take(a);
#ifdef DAYBOOK_SABOTAGE_ACK_EARLY
	for (struct archive_pending *p = list; p != NULL; p = p->next)
		p->done(p->ctx, true, NULL);
	answer = false;
	/* The reply passes through another process: it shall be out before the write, whoever is busy meanwhile. */
	(void)nanosleep(&(struct timespec){.tv_nsec = 5 * 1000 * 1000}, NULL);
#endif
	commit_all(a, list);
	archive_unlock(&a->write_lock);
	if (list == NULL)
		return false;
	finish_all(list, answer);
	return true;
}

void
archive_commit_finish(struct archive *a)
{
	while (step(a))
		;
}

void
archive_commit(struct archive *a)
{
	if (!a->options.threads)
		archive_commit_finish(a);
}

static bool
is_closing(struct archive *a)
{
	return a->phase == ARCHIVE_PHASE_CLOSING || atomic_load(&a->closing);
}

static bool
is_far_ahead(const struct archive *a)
{
	return a->sealing && a->file_count > ARCHIVE_FILES_AHEAD;
}

static bool
is_small(const struct archive *a)
{
	return a->pending_count < a->batch_wanted;
}

/* Lock held. Waits while it is so, at most that long. */
static void
wait_while(struct archive *a, bool (*is_so)(const struct archive *), int64_t ms)
{
	struct timespec until;
	int rc = 0;

	if (!is_so(a))
		return;
	until = os_deadline(ms);
	while (rc == 0 && is_so(a) && !is_closing(a))
		rc = pthread_cond_timedwait(&a->writer_wake, &a->lock, &until);
}

void *
archive_commit_run(void *archive)
{
	struct archive *a = archive;
	bool more = true;

	while (more) {
		archive_lock(&a->lock);
		while (a->pending == NULL && !is_closing(a))
			must(pthread_cond_wait(&a->writer_wake, &a->lock) == 0);
		wait_while(a, is_far_ahead, BRAKE_MS);
		wait_while(a, is_small, GATHER_MS);
		more = a->pending != NULL;
		archive_unlock(&a->lock);
		if (more)
			(void)step(a);
	}
	return NULL;
}
