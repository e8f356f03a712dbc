/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From complete log files into packs; then the files are freed. Files that wait together are sealed together, so that
 * what was sent again lies in one pack, once: one pack for each archive and calendar month, unless that is too much.
 *
 * Order: the pack is whole, verified and named on disk; then, under the lock, it is shown and its rows are not, so that
 * every view has each record once; when no view holds the file any more, it is marked free, durably.
 */
#include <errno.h>
#include <string.h>

#include "pack_columns.h"
#include "archive_keys_int.h"
#include "archive_proof_int.h"
#include "base_log.h"
#include "base_mem.h"
#include "os_thread.h"

#define RETRY_MS 30000
#define ROUND_MS 1000
/* Files are sealed together up to here; and when so much waits, or something old enough, it is time to. */
#define JOIN_FILES 4u
#define JOIN_ROWS  65536u
/* Smaller files wait for no others: who made them small wants his room back. */
#define WAIT_BYTES (16 * LIMIT_MIB)
#define PACK_BYTES (256 * LIMIT_MIB)       /* of pack_writer_raw_bytes */
#define KEEP_BYTES ((size_t)4 * LIMIT_MIB) /* of memory for one record, to the next */

/* Complete log files, oldest first, and one volume's pack that is made of them. */
struct sealing {
	struct archive_unsealed *files[JOIN_FILES];
	size_t count;
	struct archive_volume *v;
	struct pack_writer *w;
	struct buf plain; /* the record at hand */
};

/* One row into the pack. A record that cannot be read any more stays in the log, named. */
static bool
row_add(struct sealing *s, struct archive_unsealed *u, struct archive_unsealed_row *row,
    struct err *err)
{
	struct archive_record record;
	struct pack_row columns;
	struct arena arena;
	struct reader r;
	bool readable, ok = true;

	arena_init(&arena);
	buf_reset(&s->plain);
	if (s->plain.cap > KEEP_BYTES)
		buf_release(&s->plain);
	reader_init(&r, row->encoded);
	readable = archive_log_read(u->log, row->offset, row->length, &s->plain, err) &&
		   archive_record_decode(buf_view(&s->plain), &arena, &record, err) &&
		   pack_row_decode(&r, &arena, &columns, err) &&
		   (row->delivery < record.delivery_count ||
		       ERR(err, ERR_CORRUPT, "a record lost a delivery"));
	if (readable)
		ok = pack_writer_add(s->w, &columns, record.deliveries[row->delivery].added_headers,
		    record.body, err);
	else if (err->code == ERR_CORRUPT)
		row->damaged = u->pinned = true;
	else
		ok = false;
	if (!readable && ok)
		log_error("a kept message is damaged and stays in the intake log: %s", err->msg);
	row->chosen = readable;
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

/* Those of the month, until the pack is full; what is left is for the next one. */
static bool
rows_add(struct archive *a, struct sealing *s, int32_t month, size_t *added_out, struct err *err)
{
	*added_out = 0;
	for (size_t f = 0; f < s->count; f++)
		for (size_t i = 0; i < s->files[f]->row_count; i++) {
			struct archive_unsealed_row *row = s->files[f]->rows[i];

			if (!is_due(row, s->v, month))
				continue;
			if (pack_writer_raw_bytes(s->w) >= PACK_BYTES)
				return true;
			if (atomic_load(&a->closing))
				return ERR(err, ERR_CANCELLED, "closing");
			if (!row_add(s, s->files[f], row, err))
				return false;
			*added_out += row->chosen;
		}
	return true;
}

/* The pack is shown and its rows are not, in one step; NULL: there is none. */
static void
swap(struct archive *a, struct sealing *s, struct pack *pack)
{
	archive_lock(&a->lock);
	if (pack != NULL)
		archive_volume_add_pack(a, s->v, pack);
	for (size_t f = 0; f < s->count; f++)
		for (size_t i = 0; i < s->files[f]->row_count; i++) {
			struct archive_unsealed_row *row = s->files[f]->rows[i];

			if (row->volume != s->v)
				continue;
			row->sealed = row->sealed || (row->chosen && pack != NULL);
			row->chosen = false;
		}
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
pack_seal(struct archive *a, struct sealing *s, int32_t month, struct err *err)
{
	struct archive_volume *v = s->v;
	struct pack *pack = NULL;
	struct pack_written written;
	uint64_t first_leaf;
	size_t added;
	bool ok;

	if (!archive_volume_orphans_remove(a, v, err) ||
	    !pack_writer_new(a->options.fs, v->packs_dir, v->id, v->key, &a->options.rng,
		clock_now_ms(&a->options.clock), &s->w, err))
		return false;
	ok = rows_add(a, s, month, &added, err);
	if (!ok || added == 0 || !archive_proof_next(a, v, &first_leaf, err)) {
		pack_writer_drop(&s->w);
		return ok && added == 0;
	}
	if (first_leaf != PACK_LEAF_NONE)
		pack_writer_leaves(s->w, first_leaf);
	if (!archive_volume_finish(a, v, &s->w, &written, &pack, err))
		return false;
	archive_proof_pack(a, v, pack);
	swap(a, s, pack);
	written_tell(v, &written);
	return true;
}

/* The month of the first row that is in no pack yet; a pack is of one month. */
static bool
has_work(const struct sealing *s, int32_t *month_out)
{
	for (size_t f = 0; f < s->count; f++)
		for (size_t i = 0; i < s->files[f]->row_count; i++) {
			const struct archive_unsealed_row *row = s->files[f]->rows[i];

			if (row->volume == s->v && !row->sealed && !row->damaged) {
				*month_out = pack_month_of(row->received_ms);
				return true;
			}
		}
	return false;
}

static bool
volume_seal(struct archive *a, struct sealing *s, struct err *err)
{
	int32_t month;

	while (has_work(s, &month))
		if (!pack_seal(a, s, month, err)) {
			swap(a, s, NULL);
			return false;
		}
	return true;
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

static bool
files_seal(struct archive *a, struct sealing *s, struct err *err)
{
	bool retired = false, ok = true;

	for (size_t i = 0; ok && (s->v = archive_volume_at(a, i, NULL)) != NULL; i++)
		ok = s->v->key == NULL || volume_seal(a, s, err); /* away: its records wait */
	for (size_t i = 0; i < s->count; i++)
		if (all_sealed(s->files[i])) {
			retire(a, s->files[i]);
			retired = true;
		}
	if (retired)
		mem_trim(); /* the rows of whole files and the buffers of their packs */
	return ok;
}

/* Complete files behind a sequence, oldest first, as many as are sealed together; the first one in any case. */
static bool
files_take(struct archive *a, uint64_t *sequence, size_t count_max, struct sealing *s)
{
	size_t rows = 0;

	s->count = 0;
	archive_lock(&a->lock);
	for (size_t i = 0; i < a->file_count && s->count < count_max; i++) {
		struct archive_unsealed *u = a->files[i];

		if (!u->complete || u->log->header.sequence <= *sequence)
			continue;
		if (s->count > 0 && rows + u->row_count > JOIN_ROWS)
			break;
		rows += u->row_count;
		s->files[s->count++] = u;
		*sequence = u->log->header.sequence;
	}
	archive_unlock(&a->lock);
	return s->count > 0;
}

/* A file that is kept for its damage has nothing for a pack once the rest of it is sealed. */
static bool
is_done_with(const struct archive_unsealed *u)
{
	for (size_t i = 0; u->pinned && i < u->row_count; i++)
		if (!u->rows[i]->sealed && !u->rows[i]->damaged)
			return false;
	return u->pinned;
}

/* Enough waits to make a large pack of it, or something has waited for long. */
static bool
is_worth_it(struct archive *a)
{
	int64_t now_ms = clock_now_ms(&a->options.clock);
	size_t files = 0, rows = 0;
	bool aged = false;

	archive_lock(&a->lock);
	for (size_t i = 0; i < a->file_count; i++) {
		const struct archive_unsealed *u = a->files[i];

		if (!u->complete || is_done_with(u))
			continue;
		files++;
		rows += u->row_count;
		aged = aged || now_ms - u->first_ms >= a->options.seal_age_ms;
	}
	archive_unlock(&a->lock);
	return files > 0 && (files >= JOIN_FILES || rows >= JOIN_ROWS || aged ||
				a->options.log_file_bytes < WAIT_BYTES);
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
	size_t rows = 0;
	bool put_off;

	archive_lock(&a->lock);
	for (size_t i = 0; i < a->file_count; i++)
		rows += a->files[i]->row_count;
	put_off = now_ms < a->busy_until_ms && a->file_count <= ARCHIVE_FILES_PUT_OFF &&
		  rows <= ARCHIVE_ROWS_PUT_OFF;
	archive_unlock(&a->lock);
	return put_off;
}

/*
 * patient: not while mail comes in crowds, and not few files alone. A file that cannot be sealed must not keep the
 * others waiting, unless they would fare no better: after a failure each is tried alone, up to the last one.
 */
static bool
seal_files(struct archive *a, bool patient, struct err *err)
{
	struct sealing s = {.count = 0};
	struct archive_volume *v;
	size_t together = JOIN_FILES;
	uint64_t sequence = 0, again;
	struct err trouble;
	bool ok = true;

	buf_init(&s.plain, ARCHIVE_RECORD_BYTES_MAX);
	archive_lock(&a->seal_lock);
	for (again = 0; !(patient && (is_put_off(a) || !is_worth_it(a))) &&
			files_take(a, &sequence, together, &s);
	     again = sequence) {
		bool sealed = may_seal(a, &trouble) && files_seal(a, &s, &trouble);

		archive_seal_retire(a); /* for the next use, even when there is much to do */
		if (!sealed && ok)
			*err = trouble; /* the first one counts */
		ok = ok && sealed;
		if (!sealed && (trouble.code == ERR_CANCELLED || trouble.code == ERR_NO_SPACE ||
				   archive_failed(a)))
			break;
		if (!sealed && s.count > 1)
			sequence = again;
		together = sealed ? JOIN_FILES : 1;
	}
	buf_fini(&s.plain);
	archive_seal_retire(a);
	for (size_t i = 0;
	     ok && !(patient && is_put_off(a)) && (v = archive_volume_at(a, i, NULL)) != NULL; i++)
		archive_merge(a, v);
	for (size_t i = 0; ok && (v = archive_volume_at(a, i, NULL)) != NULL; i++)
		archive_rewrap_round(a, v);
	if (!a->options.threads)
		spare_make(a);
	archive_unlock(&a->seal_lock);
	return ok;
}

/* Who asked for everything hears of an archive whose messages have to wait for its key. */
static bool
all_had_keys(struct archive *a, struct err *err)
{
	const struct archive_volume *waits = NULL;
	bool ok;

	archive_lock(&a->lock);
	for (size_t i = 0; i < a->file_count; i++)
		for (size_t k = 0; k < a->files[i]->row_count; k++)
			if (!a->files[i]->rows[k]->sealed &&
			    a->files[i]->rows[k]->volume->key == NULL)
				waits = a->files[i]->rows[k]->volume;
	ok = waits == NULL || archive_keys_check(a, waits, err);
	archive_unlock(&a->lock);
	return ok;
}

bool
archive_seal(struct archive *a, bool force, struct err *err)
{
	if (force)
		archive_commit_complete(a);
	return seal_files(a, false, err) && (!force || all_had_keys(a, err));
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
