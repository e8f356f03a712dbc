/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records leave an archive: pack after pack, each written anew without them, or dropped.
 *
 * Order: the successor is written, but for its end; the destroyer is asked for the last time and notes what goes; the
 * successor gets its end and its name, durably; it is shown and the old pack is not, in one step; when nobody reads the
 * old one, it gets a temporary name, durably, its key is overwritten, and it is removed. A crash before the successor
 * has its name leaves the old pack. From then on recovery drops the old one, because everything in it is in the
 * successor, or buried there: so the note must come first. A pack that goes whole has no successor, and goes when it
 * gets its temporary name, which recovery removes.
 */
#include "archive_destroy.h"

#include <string.h>

#include "archive_destroy_int.h"
#include "archive_keys_int.h"
#include "archive_proof_int.h"
#include "base_log.h"
#include "base_mem.h"

#define ATTEMPTS_MAX 5 /* somebody changes his mind again and again */

/* Orders received_ms, then random: as ids_find wants them. */
static size_t
ids_lower_bound(const struct archive_destroying *t, int64_t ms)
{
	size_t low = 0, high = t->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (id_record_ms(&t->ids[middle]) < ms)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Wanted, undecided records of a pack: their numbers in ids and positions in the pack. */
static size_t
wanted_in(struct archive_destroying *t, const struct pack *p, struct archive_wanted *out)
{
	struct pack_info info;
	size_t n = 0, end;

	pack_info_get(p, &info);
	if (info.records == 0)
		return 0;
	end = ids_lower_bound(t, info.newest_ms + 1);
	for (size_t i = ids_lower_bound(t, info.oldest_ms); i < end; i++) {
		size_t position = t->decided[i] ? SIZE_MAX : pack_find(p, &t->ids[i]);

		if (position == SIZE_MAX)
			continue;
		if (out != NULL)
			out[n] = (struct archive_wanted){.number = i, .position = position};
		n++;
	}
	return n;
}

/* A pack with something to do, held; NULL: none is left. seal_lock held. */
static struct pack *
pack_next(struct archive_destroying *t)
{
	struct pack *found = NULL;
	struct archive_view view;

	archive_view_take(t->a, t->v, INT64_MIN, INT64_MAX, &view);
	for (size_t i = 0; i < view.pack_count && found == NULL; i++)
		if (wanted_in(t, view.packs[i], NULL) > 0)
			found = pack_hold(view.packs[i]);
	archive_view_fini(t->a, &view);
	return found;
}

static bool
may_go(struct archive_destroying *t, struct pack_reader *reader, size_t position,
    struct archive_gone *gone, bool *yes_out, struct err *err)
{
	struct pack_row row;
	struct arena arena;
	bool ok;

	arena_init(&arena);
	*yes_out = false;
	ok = pack_reader_row(reader, position, &arena, &row, err) &&
	     t->d->may(t->d->ctx, &row, yes_out, err);
	if (ok && *yes_out && gone != NULL) {
		*gone = (struct archive_gone){
		    .id = row.id, .size_bytes = row.size_bytes, .leaf_index = row.leaf_index};
		memcpy(gone->sha256, row.sha256, sizeof gone->sha256);
		archive_proof_leaf_hash(t->v, &row, gone->leaf_hash);
	}
	arena_fini(&arena);
	return ok;
}

/* First look: who may not go is decided, and left out of the list. */
static bool
first_look(struct archive_destroying *t, struct archive_turn *turn, struct err *err)
{
	size_t kept = 0;

	for (size_t i = 0; i < turn->wanted_count; i++) {
		bool yes;

		if (t->cancel != NULL && atomic_load(t->cancel))
			return ERR(err, ERR_CANCELLED, "cancelled");
		if (!may_go(
			t, turn->reader, turn->wanted[i].position, &turn->gone[kept], &yes, err))
			return false;
		if (!yes)
			t->decided[turn->wanted[i].number] = true;
		else
			turn->wanted[kept++] = turn->wanted[i];
	}
	turn->wanted_count = kept;
	return true;
}

static bool
second_look(struct archive_destroying *t, struct archive_turn *turn, bool *all_out, struct err *err)
{
	*all_out = true;
	for (size_t i = 0; *all_out && i < turn->wanted_count; i++)
		if (!may_go(t, turn->reader, turn->wanted[i].position, NULL, all_out, err))
			return false;
	return true;
}

/* The successor is shown and the old one is not, in one step. */
static void
turn_swap(struct archive_destroying *t, struct archive_turn *turn)
{
	struct archive_volume *v = t->v;
	size_t kept = 0;

	archive_lock(&t->a->lock);
	for (size_t i = 0; i < v->pack_count; i++) {
		if (v->packs[i] == turn->pack)
			v->leaving = v->packs[i];
		else
			v->packs[kept++] = v->packs[i];
	}
	v->pack_count = kept;
	if (turn->successor != NULL)
		archive_volume_add_pack(t->a, v, turn->successor);
	turn->successor = NULL;
	archive_unlock(&t->a->lock);
}

/* From the last question to the swap. *again_out: somebody wants to keep one of them now. */
static bool
turn_commit(
    struct archive_destroying *t, struct archive_turn *turn, bool *again_out, struct err *err)
{
	bool ok, all = false;

	*again_out = false;
	if (!t->d->begin(t->d->ctx, err))
		return false;
	ok = second_look(t, turn, &all, err);
	*again_out = ok && !all;
	if (ok && all) {
		ok = t->d->commit(t->d->ctx, turn->gone, turn->wanted_count, err) &&
		     archive_destroy_finish(t, turn, err);
		if (ok) {
			archive_proof_removed(
			    t->a, t->v, turn->gone, turn->wanted_count, (uint8_t)t->d->reason);
			turn_swap(t, turn);
		}
	}
	t->d->end(t->d->ctx);
	return ok;
}

static bool
turn_try(struct archive_destroying *t, struct archive_turn *turn, bool *again_out, struct err *err)
{
	bool ok;

	*again_out = false;
	turn->wanted_count = wanted_in(t, turn->pack, turn->wanted);
	ok = first_look(t, turn, err);
	if (!ok || turn->wanted_count == 0)
		return ok;
	ok = archive_destroy_write(t, turn, err) && turn_commit(t, turn, again_out, err);
	pack_writer_drop(&turn->writer);
	return ok;
}

/* Everything about one pack, up to the swap. seal_lock held. */
static bool
turn_run(struct archive_destroying *t, struct archive_turn *turn, struct err *err)
{
	size_t most = wanted_in(t, turn->pack, NULL);
	bool again = true, ok;

	turn->wanted = mem_calloc(most, sizeof *turn->wanted);
	turn->gone = mem_calloc(most, sizeof *turn->gone);
	ok = pack_reader_new(turn->pack, &turn->reader, err);
	for (int i = 0; ok && again && i < ATTEMPTS_MAX; i++)
		ok = turn_try(t, turn, &again, err);
	pack_reader_free(&turn->reader);
	if (ok && again)
		ok = ERR(err, ERR_BUSY, "what may be destroyed changes all the time");
	for (size_t i = 0; ok && i < turn->wanted_count; i++)
		t->decided[turn->wanted[i].number] = true;
	return ok;
}

/* A damaged pack keeps what it has, and must not keep the others waiting. */
static bool
damage_pass(struct archive_destroying *t, const struct archive_turn *turn, struct err *err)
{
	size_t n = wanted_in(t, turn->pack, turn->wanted);

	if (err->code != ERR_CORRUPT)
		return false;
	for (size_t i = 0; i < n; i++)
		t->decided[turn->wanted[i].number] = true;
	if (!t->damaged)
		t->damage = *err;
	t->damaged = true;
	return true;
}

/* One pack: from finding it to its end. *more_out: there was one. */
static bool
pack_turn(struct archive_destroying *t, bool *more_out, struct err *err)
{
	struct archive_turn turn = {0};
	bool ok = true, gone = false;

	archive_lock(&t->a->seal_lock);
	turn.pack = pack_next(t);
	*more_out = turn.pack != NULL;
	if (turn.pack != NULL) {
		ok = turn_run(t, &turn, err);
		gone = ok && turn.wanted_count > 0;
		ok = ok || damage_pass(t, &turn, err);
		pack_release(&turn.pack);
	}
	archive_unlock(&t->a->seal_lock);
	ok = ok && (!gone || (archive_destroy_wait(t, err) &&
				 t->d->gone(t->d->ctx, turn.gone, turn.wanted_count, err)));
	mem_free(turn.wanted);
	mem_free(turn.gone);
	return ok;
}

bool
archive_destroy(struct archive *a, const char *archive_id, const struct id_record *ids,
    size_t count, const struct archive_destroyer *d, const atomic_bool *cancel, struct err *err)
{
	struct archive_destroying t = {
	    .a = a, .d = d, .ids = ids, .count = count, .cancel = cancel};
	bool ok, more = true;

	for (size_t i = 1; i < count; i++)
		must(id_record_compare(&ids[i - 1], &ids[i]) < 0);
	archive_lock(&a->lock);
	t.v = archive_volume_find(a, archive_id);
	archive_unlock(&a->lock);
	if (t.v == NULL)
		return ERR(err, ERR_NOT_FOUND, "no archive %.66s", archive_id);
	if (!archive_view_check(a, t.v, err))
		return t.v->ring.destroyed_ms != 0; /* then there are no records */
	t.decided = mem_calloc(count + 1, sizeof *t.decided);
	archive_lock(&a->destroy_lock);
	/* What an earlier call left half done comes first. */
	ok = archive_destroy_wait(&t, err) && archive_destroy_unsealed(&t, err);
	while (ok && more)
		ok = pack_turn(&t, &more, err);
	archive_unlock(&a->destroy_lock);
	mem_free(t.decided);
	if (ok && t.damaged)
		*err = t.damage;
	return ok && !t.damaged;
}
