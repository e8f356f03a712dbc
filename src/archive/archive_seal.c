/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From complete log files into packs, one pack for each archive, file and calendar month; then the file is freed.
 *
 * Order: the pack is whole, verified and named on disk; then, under the lock, it is shown and its rows are not, so that
 * every view has each record once; when no view holds the file any more, it is marked free, durably.
 */
#include <errno.h>
#include <string.h>

#include "pack_columns.h"
#include "archive_proof_int.h"
#include "base_log.h"
#include "base_mem.h"
#include "os_thread.h"

#define RETRY_MS 30000
#define ROUND_MS 1000

/* One row into the pack. A record that cannot be read any more stays in the log, named. */
static bool
row_add(struct archive_unsealed *u, struct archive_unsealed_row *row, struct pack_writer *w,
    struct err *err)
{
	struct archive_record record;
	struct pack_row columns;
	struct arena arena;
	struct reader r;
	struct buf plain;
	bool readable, ok = true;

	arena_init(&arena);
	buf_init(&plain, ARCHIVE_RECORD_BYTES_MAX);
	reader_init(&r, row->encoded);
	readable = archive_log_read(u->log, row->offset, row->length, &plain, err) &&
		   archive_record_decode(buf_view(&plain), &arena, &record, err) &&
		   pack_row_decode(&r, &arena, &columns, err) &&
		   (row->delivery < record.delivery_count ||
		       ERR(err, ERR_CORRUPT, "a record lost a delivery"));
	if (readable)
		ok = pack_writer_add(
		    w, &columns, record.deliveries[row->delivery].added_headers, record.body, err);
	else if (err->code == ERR_CORRUPT)
		row->damaged = u->pinned = true;
	else
		ok = false;
	if (!readable && ok)
		log_error("a kept message is damaged and stays in the intake log: %s", err->msg);
	buf_fini(&plain);
	arena_fini(&arena);
	return ok;
}

/* Is this row one of those that go into a pack of this month? */
static bool
is_due(const struct archive_unsealed_row *row, const struct archive_volume *v, int32_t month)
{
	return row->volume == v && !row->sealed && !row->damaged &&
	       pack_month_of(row->received_ms) == month;
}

static bool
rows_add(struct archive *a, struct archive_unsealed *u, const struct archive_volume *v,
    int32_t month, struct pack_writer *w, size_t *added_out, struct err *err)
{
	*added_out = 0;
	for (size_t i = 0; i < u->row_count; i++) {
		struct archive_unsealed_row *row = u->rows[i];

		if (!is_due(row, v, month))
			continue;
		if (atomic_load(&a->closing))
			return ERR(err, ERR_CANCELLED, "closing");
		if (!row_add(u, row, w, err))
			return false;
		*added_out += !row->damaged;
	}
	return true;
}

/* The pack is shown and its rows are not, in one step. */
static void
swap(struct archive *a, struct archive_unsealed *u, struct archive_volume *v, int32_t month,
    struct pack *pack)
{
	archive_lock(&a->lock);
	archive_volume_add_pack(a, v, pack);
	for (size_t i = 0; i < u->row_count; i++)
		if (is_due(u->rows[i], v, month))
			u->rows[i]->sealed = true;
	archive_unlock(&a->lock);
}

static void
written_tell(const struct archive_volume *v, const struct pack_written *written)
{
	if (written->raw_messages > 0)
		log_warn("archive %s: pack %s: %llu messages could not be made again from their "
			 "parts and are kept "
			 "as they came",
		    v->id, written->name, (unsigned long long)written->raw_messages);
}

static bool
volume_seal(struct archive *a, struct archive_unsealed *u, struct archive_volume *v, int32_t month,
    struct err *err)
{
	struct pack_writer *w = NULL;
	struct pack *pack = NULL;
	struct pack_written written;
	uint64_t first_leaf;
	size_t added;
	bool ok;

	if (!archive_volume_orphans_remove(a, v, err) ||
	    !pack_writer_new(a->options.fs, v->packs_dir, v->id, v->key, &a->options.rng,
		clock_now_ms(&a->options.clock), &w, err))
		return false;
	ok = rows_add(a, u, v, month, w, &added, err);
	if (!ok || added == 0 || !archive_proof_next(a, v, &first_leaf, err)) {
		pack_writer_drop(&w);
		return ok && added == 0;
	}
	if (first_leaf != PACK_LEAF_NONE)
		pack_writer_leaves(w, first_leaf);
	if (!archive_volume_finish(a, v, &w, &written, &pack, err))
		return false;
	archive_proof_pack(a, v, pack);
	swap(a, u, v, month, pack);
	written_tell(v, &written);
	return true;
}

/* The month of the first row that is in no pack yet; a pack is of one month. */
static bool
has_work(const struct archive_unsealed *u, const struct archive_volume *v, int32_t *month_out)
{
	for (size_t i = 0; i < u->row_count; i++)
		if (u->rows[i]->volume == v && !u->rows[i]->sealed && !u->rows[i]->damaged) {
			*month_out = pack_month_of(u->rows[i]->received_ms);
			return true;
		}
	return false;
}

static bool
all_sealed(const struct archive_unsealed *u)
{
	for (size_t i = 0; i < u->row_count; i++)
		if (!u->rows[i]->sealed)
			return false;
	return !u->pinned;
}

/* From the files to the retired. */
static void
retire(struct archive *a, struct archive_unsealed *u)
{
	size_t i = 0;

	archive_lock(&a->lock);
	while (a->files[i] != u)
		i++;
	memmove(&a->files[i], &a->files[i + 1],
	    (a->file_count - i - 1) * sizeof(struct archive_unsealed *));
	a->file_count--;
	archive_retired_add(a, u);
	must(pthread_cond_signal(&a->writer_wake) == 0); /* it may have been far ahead */
	archive_unlock(&a->lock);
}

/* A retired file that nobody reads, out of the list; NULL when there is none. from: do not look before. */
static struct archive_unsealed *
retired_take(struct archive *a, size_t from)
{
	struct archive_unsealed *u = NULL;

	archive_lock(&a->lock);
	for (size_t i = from; i < a->retired_count && u == NULL; i++)
		if (a->retired[i]->refs == 1) {
			u = a->retired[i];
			a->retired[i] = a->retired[--a->retired_count];
		}
	archive_unlock(&a->lock);
	return u;
}

/* Freed first in every case: a file that was only removed could come back with records that were erased since. */
static bool
file_free(struct archive *a, struct archive_unsealed *u)
{
	bool keep = u->log->size <= a->options.log_file_bytes;
	struct err err;

	if (!archive_log_free(&a->place, u->log, &err)) {
		if (!u->warned)
			log_warn(
			    "a log file with nothing left in it is not freed yet: %s", err.msg);
		u->warned = true;
		return false;
	}
	archive_lock(&a->lock);
	keep = keep && a->free_count < ARCHIVE_FREE_FILES_MAX;
	if (keep) {
		a->free_numbers =
		    mem_realloc_array(a->free_numbers, a->free_count + 1, sizeof *a->free_numbers);
		a->free_numbers[a->free_count++] = u->log->number;
	}
	archive_unlock(&a->lock);
	if (!keep && !os_fs_unlink(a->options.fs, u->log->path, &err))
		log_warn("%s: not removed: %s", u->log->path, err.msg);
	return true;
}

/* What cannot be freed goes to the front, and is tried again the next time: the header is written anew then. */
void
archive_seal_retire(struct archive *a)
{
	struct archive_unsealed *u;
	size_t failed = 0;

	while ((u = retired_take(a, failed)) != NULL) {
		if (file_free(a, u)) {
			archive_unsealed_free(&u);
			continue;
		}
		archive_lock(&a->lock);
		archive_retired_add(a, u);
		a->retired[a->retired_count - 1] = a->retired[failed];
		a->retired[failed++] = u;
		archive_unlock(&a->lock);
	}
}

static struct archive_volume *
volume_at(struct archive *a, size_t i)
{
	struct archive_volume *v;

	archive_lock(&a->lock);
	v = i < a->volume_count ? a->volumes[i] : NULL;
	archive_unlock(&a->lock);
	return v;
}

static bool
file_seal(struct archive *a, struct archive_unsealed *u, struct err *err)
{
	struct archive_volume *v;
	int32_t month;

	for (size_t i = 0; (v = volume_at(a, i)) != NULL; i++)
		while (has_work(u, v, &month))
			if (!volume_seal(a, u, v, month, err))
				return false;
	if (all_sealed(u)) {
		retire(a, u);
		mem_trim(); /* the rows of a whole file and the buffers of its packs */
	}
	return true;
}

/* The first complete file from at on that still has something to do. */
static struct archive_unsealed *
complete_file(struct archive *a, uint64_t *sequence)
{
	struct archive_unsealed *u = NULL;

	archive_lock(&a->lock);
	for (size_t i = 0; i < a->file_count && u == NULL; i++)
		if (a->files[i]->complete && a->files[i]->log->header.sequence > *sequence)
			u = a->files[i];
	if (u != NULL)
		*sequence = u->log->header.sequence;
	archive_unlock(&a->lock);
	return u;
}

static bool
may_seal(struct archive *a, struct err *err)
{
	if (atomic_load(&a->closing))
		return ERR(err, ERR_CANCELLED, "closing");
	return !archive_failed(a) ||
	       ERR(err, ERR_IO,
		   "a write to the intake log failed: nothing is sealed until a restart");
}

/* A free file ahead of need: making one takes as long as writing all of it. */
static void
spare_make(struct archive *a)
{
	uint64_t number = 0, left;
	struct err err;
	bool wanted;

	/* Never at the cost of the reserve: without it, mail is refused. */
	if (!os_fs_space(a->options.fs, a->intake_dir, &left, &err) ||
	    left / 2 < a->options.reserve_bytes + a->options.log_file_bytes)
		return;
	archive_lock(&a->lock);
	wanted = a->free_count == 0 && a->phase == ARCHIVE_PHASE_OPEN;
	if (wanted)
		number = a->next_number++;
	archive_unlock(&a->lock);
	if (!wanted)
		return;
	if (!archive_log_prepare(&a->place, number, a->options.log_file_bytes, &err)) {
		log_warn("no spare log file: %s", err.msg);
		return;
	}
	archive_lock(&a->lock);
	a->free_numbers =
	    mem_realloc_array(a->free_numbers, a->free_count + 1, sizeof *a->free_numbers);
	a->free_numbers[a->free_count++] = number;
	archive_unlock(&a->lock);
}

/* Mail comes faster than one sender sends: a pack may wait, until too much waits for the sealer. */
static bool
is_put_off(struct archive *a)
{
	int64_t now_ms = clock_mono_ms(&a->options.clock);
	bool put_off;

	archive_lock(&a->lock);
	put_off = now_ms < a->busy_until_ms && a->file_count <= ARCHIVE_FILES_PUT_OFF;
	archive_unlock(&a->lock);
	return put_off;
}

/* patient: no file while mail comes in crowds. */
static bool
seal_files(struct archive *a, bool patient, struct err *err)
{
	struct archive_unsealed *u;
	struct archive_volume *v;
	uint64_t sequence = 0;
	struct err trouble;
	bool ok = true;

	archive_lock(&a->seal_lock);
	while (!(patient && is_put_off(a)) && (u = complete_file(a, &sequence)) != NULL) {
		bool sealed = may_seal(a, &trouble) && file_seal(a, u, &trouble);

		archive_seal_retire(a); /* for the next use, even when there is much to do */
		if (!sealed && ok)
			*err = trouble; /* the first one counts */
		ok = ok && sealed;
		/* A file that cannot be sealed must not keep the others waiting, unless they would fare no better. */
		if (!sealed && (trouble.code == ERR_CANCELLED || trouble.code == ERR_NO_SPACE ||
				   archive_failed(a)))
			break;
	}
	archive_seal_retire(a);
	for (size_t i = 0; ok && !(patient && is_put_off(a)) && (v = volume_at(a, i)) != NULL; i++)
		archive_merge(a, v);
	if (!a->options.threads)
		spare_make(a);
	archive_unlock(&a->seal_lock);
	return ok;
}

bool
archive_seal(struct archive *a, bool force, struct err *err)
{
	if (force)
		archive_commit_complete(a);
	return seal_files(a, false, err);
}

/* The file being written holds something old enough. */
static bool
is_aged(struct archive *a)
{
	int64_t now_ms = clock_now_ms(&a->options.clock);
	bool aged = false;

	archive_lock(&a->lock);
	for (size_t i = 0; i < a->file_count; i++)
		aged = aged || (!a->files[i]->complete && a->files[i]->row_count > 0 &&
				   now_ms - a->files[i]->first_ms >= a->options.seal_age_ms);
	archive_unlock(&a->lock);
	return aged;
}

/* While there is progress, a writer that is far ahead waits for it. */
static bool
seal_round(struct archive *a, struct err *err)
{
	bool ok;

	archive_lock(&a->lock);
	a->sealing = true;
	archive_unlock(&a->lock);
	ok = seal_files(a, true, err);
	archive_lock(&a->lock);
	a->sealing = false;
	must(pthread_cond_signal(&a->writer_wake) == 0);
	archive_unlock(&a->lock);
	return ok;
}

void
archive_seal_pause(struct archive *a, int64_t ms)
{
	struct timespec until = os_deadline(ms);

	archive_lock(&a->lock);
	if (!atomic_load(&a->closing)) {
		int rc = pthread_cond_timedwait(&a->sealer_wake, &a->lock, &until);

		must(rc == 0 || rc == ETIMEDOUT);
	}
	archive_unlock(&a->lock);
}

void *
archive_seal_run(void *archive)
{
	struct archive *a = archive;
	int64_t retry_ms = 0;
	struct err err;

	os_thread_yield_to_others(); /* who sends mail waits for the writer, nobody for a pack */
	while (!atomic_load(&a->closing)) {
		spare_make(a);
		if (is_aged(a))
			archive_commit_complete(a);
		if (!archive_failed(a) && clock_mono_ms(&a->options.clock) >= retry_ms &&
		    !seal_round(a, &err) && err.code != ERR_CANCELLED) {
			log_error("sealing failed, trying again later: %s", err.msg);
			retry_ms = clock_mono_ms(&a->options.clock) + RETRY_MS;
		}
		archive_seal_pause(a, ROUND_MS);
	}
	return NULL;
}
