/* SPDX-License-Identifier: Apache-2.0 */
/* What destruction does on the disk: successors written, old files wiped, log files waited for; archives removed. */
#include <stdlib.h>
#include <string.h>

#include "archive_destroy_int.h"
#include "archive_keys_int.h"
#include "base_log.h"
#include "base_mem.h"

#define WIPE_BYTES 4096u /* more than any header: the wrapped key is in there */
#define WAIT_MS    50

static bool
wiped_sync(struct os_fs fs, const char *dir, struct err *err)
{
#ifdef DAYBOOK_SABOTAGE_NO_WIPE_SYNC
	(void)fs;
	(void)dir;
	(void)err;
	return true;
#else
	return os_fs_sync_dir(fs, dir, err);
#endif
}

bool
archive_destroy_wipe(struct archive *a, const char *dir, const char *path, struct err *err)
{
	static const uint8_t zeros[WIPE_BYTES];
	struct os_fs fs = a->options.fs;
	char *temporary = mem_alloc(strlen(path) + sizeof ".tmp");
	struct os_file *file = NULL;
	uint64_t size = 0;
	bool ok;

	memcpy(temporary, path, strlen(path));
	memcpy(temporary + strlen(path), ".tmp", sizeof ".tmp");
	if (!os_fs_rename(fs, path, temporary, err) && err->code != ERR_NOT_FOUND) {
		mem_free(temporary);
		return false;
	}
	/* From here on it does not come back: recovery removes temporary files. */
	ok = wiped_sync(fs, dir, err);
	if (ok && os_fs_open(fs, temporary, OS_OPEN_READ_WRITE, &file, err)) {
		ok = os_file_size(file, &size, err) &&
		     os_file_write_at(file, 0,
			 bytes_of(zeros, size < sizeof zeros ? (size_t)size : sizeof zeros), err) &&
		     os_file_sync(file, err);
		if (ok)
			ok = os_file_close(&file, err);
		else
			os_file_drop(&file);
		ok = ok && os_fs_unlink(fs, temporary, err) && wiped_sync(fs, dir, err);
	} else if (ok) {
		ok = err->code == ERR_NOT_FOUND;
	}
	mem_free(temporary);
	return ok;
}

struct burying {
	struct pack_writer *w;
	struct err *err;
	bool ok;
};

static bool
tombstone_copy(void *ctx, const struct pack_tombstone *t)
{
	struct burying *b = ctx;

	b->ok = pack_writer_tombstone(b->w, t, b->err);
	return b->ok;
}

/* Those of the old pack, and one for each record that goes. */
static bool
tombstones_write(struct archive_destroying *t, const struct archive_turn *turn, struct err *err)
{
	struct burying b = {turn->writer, err, true};

	if (!pack_tombstones(turn->pack, tombstone_copy, &b, err) || !b.ok)
		return false;
	for (size_t i = 0; i < turn->wanted_count; i++) {
		struct pack_tombstone one = {.id = turn->gone[i].id,
		    .leaf_index = turn->gone[i].leaf_index,
		    .removed_ms = clock_now_ms(&t->a->options.clock),
		    .reason = (uint8_t)t->d->reason};

		memcpy(one.leaf_hash, turn->gone[i].leaf_hash, sizeof one.leaf_hash);
		if (!pack_writer_tombstone(turn->writer, &one, err))
			return false;
	}
	return true;
}

static bool
rest_write(struct archive_destroying *t, const struct archive_turn *turn, uint64_t records,
    struct err *err)
{
	size_t next = 0;

	for (size_t i = 0; i < records; i++) {
		if (next < turn->wanted_count && turn->wanted[next].position == i) {
			next++;
			continue;
		}
		if (atomic_load(&t->a->closing) || (t->cancel != NULL && atomic_load(t->cancel)))
			return ERR(err, ERR_CANCELLED, "cancelled");
		if (!pack_writer_copy(turn->writer, turn->reader, i, err))
			return false;
	}
	return true;
}

bool
archive_destroy_write(struct archive_destroying *t, struct archive_turn *turn, struct err *err)
{
	struct archive_volume *v = t->v;
	struct pack_info info;

	pack_info_get(turn->pack, &info);
	if (info.records == turn->wanted_count && t->d->reason != ARCHIVE_REASON_ERASURE)
		return true; /* goes whole */
	return pack_writer_new(t->a->options.fs, v->packs_dir, v->id, v->key, &t->a->options.rng,
		   clock_now_ms(&t->a->options.clock), &turn->writer, err) &&
	       rest_write(t, turn, info.records, err) && tombstones_write(t, turn, err);
}

bool
archive_destroy_finish(struct archive_destroying *t, struct archive_turn *turn, struct err *err)
{
	struct pack_written written;

	/* What failed would stand for its predecessor at the next start. */
	return turn->writer == NULL ||
	       archive_volume_finish(t->a, t->v, &turn->writer, &written, &turn->successor, err);
}

static bool
pause_or_stop(struct archive_destroying *t, struct err *err)
{
	archive_seal_pause(t->a, WAIT_MS);
	return (!atomic_load(&t->a->closing) && (t->cancel == NULL || !atomic_load(t->cancel))) ||
	       ERR(err, ERR_CANCELLED, "cancelled");
}

bool
archive_destroy_wait(struct archive_destroying *t, struct err *err)
{
	struct archive_volume *v = t->v;
	bool ok = true, waits = true;

	while (ok && waits) {
		archive_lock(&t->a->seal_lock);
		ok = archive_volume_orphans_remove(t->a, v, err);
		waits = v->leaving != NULL && pack_is_shared(v->leaving);
		if (ok && v->leaving != NULL && !waits) {
			ok = archive_destroy_wipe(t->a, v->packs_dir, pack_path(v->leaving), err) &&
			     archive_rewrap_forget(t->a, v, pack_id(v->leaving), err);
			if (ok)
				pack_release(&v->leaving);
		}
		archive_unlock(&t->a->seal_lock);
		if (ok && waits)
			ok = pause_or_stop(t, err);
	}
	return ok;
}

static int
by_id(const void *a, const void *b)
{
	return id_record_compare(a, b);
}

static bool
file_holds(const struct archive_destroying *t, const struct archive_unsealed *u)
{
	for (size_t i = 0; i < u->row_count; i++)
		if (u->rows[i]->volume == t->v &&
		    bsearch(&u->rows[i]->id, t->ids, t->count, sizeof *t->ids, by_id) != NULL)
			return true;
	return false;
}

/* A damaged file is never freed, and what is in it is known only until a restart: then it would come back. */
static bool
files_look(struct archive_destroying *t, bool *held_out, struct err *err)
{
	struct archive *a = t->a;
	bool ok = true;

	*held_out = false;
	archive_lock(&a->lock);
	for (size_t i = 0; ok && i < a->file_count; i++) {
		if (a->files[i]->pinned)
			ok = ERR(err, ERR_BUSY,
			    "%s is damaged and may hold copies: nothing is destroyed before "
			    "somebody took it away",
			    a->files[i]->log->path);
		*held_out = *held_out || file_holds(t, a->files[i]);
	}
	for (size_t i = 0; i < a->retired_count; i++)
		*held_out = *held_out || file_holds(t, a->retired[i]);
	archive_unlock(&a->lock);
	return ok;
}

bool
archive_destroy_unsealed(struct archive_destroying *t, struct err *err)
{
	bool held = false, ok;

	if (t->count == 0)
		return true;
	ok = files_look(t, &held, err) && (!held || archive_seal(t->a, true, err)) &&
	     files_look(t, &held, err);
	while (ok && held)
		ok = pause_or_stop(t, err) && archive_seal(t->a, false, err) &&
		     files_look(t, &held, err);
	return ok;
}
