/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small packs become larger ones: a quiet archive is sealed every few minutes, and each pack costs memory, a key and a
 * look at every search.
 *
 * Packs are in classes of size, each eight times the one before. As many of one class as make a merge become one pack
 * of the next, so that a message is written anew four times at most. They are of one calendar month.
 *
 * Order: the new pack is whole, verified and named on disk; then it takes the place of the old ones, in one step; the
 * old files are removed when nobody reads them. Recovery drops a pack all of whose records are in another one, which is
 * what a crash in between leaves.
 */
#include <stdlib.h>
#include <string.h>

#include "archive_keys_int.h"
#include "archive_proof_int.h"
#include "base_log.h"
#include "base_mem.h"

#define CLASS_BYTES_MIN ((uint64_t)64 * 1024)
#define CLASS_BYTES_MAX ((uint64_t)32 * LIMIT_MIB) /* from here on a pack stays as it is */
#define CLASS_FACTOR    8u
#define CLASSES         4u

static unsigned
class_of(const struct pack *p)
{
	struct pack_info info;
	unsigned class = 0;

	pack_info_get(p, &info);
	for (uint64_t limit = CLASS_BYTES_MIN; class < CLASSES && info.message_bytes >= limit;
	     limit *= CLASS_FACTOR)
		class ++;
	return class; /* CLASSES: too large */
}

static int
oldest_first(const void *a, const void *b)
{
	struct pack_info left, right;

	pack_info_get(*(struct pack *const *)a, &left);
	pack_info_get(*(struct pack *const *)b, &right);
	return left.oldest_ms < right.oldest_ms ? -1 : left.oldest_ms > right.oldest_ms;
}

/* They are in order of time: the first and the last say it for all. */
static bool
within_month(struct pack *const *packs, size_t count)
{
	struct pack_info first, last;

	pack_info_get(packs[0], &first);
	pack_info_get(packs[count - 1], &last);
	return pack_month_of(first.oldest_ms) == pack_month_of(last.oldest_ms);
}

/* Packs of one class to be merged, held, oldest first; false when there are none. */
static bool
group_take(struct archive *a, struct archive_volume *v, unsigned class, struct pack **out)
{
	size_t need = a->options.merge_packs, count = 0;
	struct pack **list;
	bool found = false;

	archive_lock(&a->lock);
	list = mem_calloc(v->pack_count + 1, sizeof(struct pack *));
	for (size_t i = 0; i < v->pack_count; i++)
		if (class_of(v->packs[i]) == class)
			list[count++] = v->packs[i];
	if (count >= need)
		qsort(list, count, sizeof(struct pack *), oldest_first);
	for (size_t i = 0; i + need <= count && !found; i++) {
		found = within_month(&list[i], need);
		for (size_t k = 0; found && k < need; k++)
			out[k] = pack_hold(list[i + k]);
	}
	archive_unlock(&a->lock);
	mem_free(list);
	return found;
}

struct burying {
	struct pack_writer *w;
	struct err *err;
	bool ok;
};

static bool
tombstone_add(void *ctx, const struct pack_tombstone *t)
{
	struct burying *b = ctx;

	b->ok = pack_writer_tombstone(b->w, t, b->err);
	return b->ok;
}

static bool
pack_add(struct archive *a, struct pack *p, struct pack_writer *w, struct err *err)
{
	struct burying burying = {w, err, true};
	struct pack_reader *reader = NULL;
	struct pack_info info;
	bool ok;

	pack_info_get(p, &info);
	ok = pack_reader_new(p, &reader, err);
	for (size_t i = 0; ok && i < info.records; i++)
		ok = (!atomic_load(&a->closing) || ERR(err, ERR_CANCELLED, "closing")) &&
		     pack_writer_copy(w, reader, i, err);
	pack_reader_free(&reader);
	return ok && pack_tombstones(p, tombstone_add, &burying, err) && burying.ok;
}

static bool
group_write(struct archive *a, struct archive_volume *v, struct pack **group, struct pack **out,
    struct err *err)
{
	struct pack_writer *w = NULL;
	struct pack_written written;
	uint64_t first_leaf;
	bool ok;

	ok = archive_volume_orphans_remove(a, v, err) &&
	     pack_writer_new(a->options.fs, v->packs_dir, v->id, v->key, &a->options.rng,
		 clock_now_ms(&a->options.clock), &w, err);
	for (size_t i = 0; ok && i < a->options.merge_packs; i++)
		ok = pack_add(a, group[i], w, err);
	ok = ok && archive_proof_next(a, v, &first_leaf, err);
	if (!ok) {
		pack_writer_drop(&w);
		return false;
	}
	/* Records from before there was a log, or from while it was damaged, get their leaves now. */
	if (first_leaf != PACK_LEAF_NONE)
		pack_writer_leaves(w, first_leaf);
	if (!archive_volume_finish(a, v, &w, &written, out, err))
		return false;
	archive_proof_pack(a, v, *out);
	return true;
}

/* The new pack is shown and the old ones are not, in one step; those wait to be removed. */
static void
group_swap(struct archive *a, struct archive_volume *v, struct pack **group, struct pack *merged)
{
	size_t kept = 0, count = a->options.merge_packs;

	archive_lock(&a->lock);
	v->old_packs = mem_realloc_array(v->old_packs, v->old_count + count, sizeof(struct pack *));
	for (size_t i = 0; i < v->pack_count; i++) {
		bool old = false;

		for (size_t k = 0; k < count; k++)
			old = old || v->packs[i] == group[k];
		if (old)
			v->old_packs[v->old_count++] = v->packs[i];
		else
			v->packs[kept++] = v->packs[i];
	}
	v->pack_count = kept;
	archive_volume_add_pack(a, v, merged);
	archive_unlock(&a->lock);
}

static bool
group_merge(struct archive *a, struct archive_volume *v, struct pack **group, struct err *err)
{
	struct pack *merged = NULL;
	bool ok = group_write(a, v, group, &merged, err);

	if (ok)
		group_swap(a, v, group, merged);
	for (size_t i = 0; i < a->options.merge_packs; i++)
		pack_release(&group[i]);
	return ok;
}

/* Packs that were merged and that nobody reads any more. One that stays is dropped by the next recovery. */
static void
old_packs_remove(struct archive *a, struct archive_volume *v)
{
	size_t kept = 0;
	struct err err;

	for (size_t i = 0; i < v->old_count; i++) {
		if (pack_is_shared(v->old_packs[i])) {
			v->old_packs[kept++] = v->old_packs[i];
			continue;
		}
		if (!os_fs_unlink(a->options.fs, pack_path(v->old_packs[i]), &err))
			log_warn("a merged pack is not removed: %s", err.msg);
		pack_release(&v->old_packs[i]);
	}
	v->old_count = kept;
}

void
archive_merge(struct archive *a, struct archive_volume *v)
{
	struct pack **group = mem_calloc(a->options.merge_packs, sizeof(struct pack *));
	struct err err;

	/* While a pack is leaving, recovery must be able to tell its successor. */
	for (unsigned class = 0;
	     class < CLASSES && v->leaving == NULL && !v->merge_failed && !atomic_load(&a->closing);
	     class ++)
		while (!v->merge_failed && group_take(a, v, class, group)) {
			if (group_merge(a, v, group, &err)) {
				mem_trim();
				continue;
			}
			/* Everything stays as it was; a start tries again. */
			v->merge_failed = true;
			if (err.code != ERR_CANCELLED)
				log_error(
				    "archive %s: small packs are not merged: %s", v->id, err.msg);
		}
	old_packs_remove(a, v);
	mem_free(group);
}
