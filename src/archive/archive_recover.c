/* SPDX-License-Identifier: Apache-2.0 */
/* Recovery: archives and packs. Temporary files go, directories are synced, packs are opened, twins are dropped. */
#include <stdlib.h>
#include <string.h>

#include "archive_keys_int.h"
#include "archive_proof_int.h"
#include "base_log.h"
#include "base_mem.h"

struct names {
	char **list;
	size_t count, room;
};

static bool
name_add(void *ctx, const char *name)
{
	struct names *names = ctx;

	if (names->count == names->room) {
		names->room = names->room == 0 ? 16 : names->room * 2;
		names->list = mem_realloc_array(names->list, names->room, sizeof *names->list);
	}
	names->list[names->count++] = mem_strdup(name);
	return true;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
names_free(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		mem_free(names->list[i]);
	mem_free(names->list);
}

static bool
names_list(struct archive *a, const char *dir, struct names *out, struct err *err)
{
	*out = (struct names){0};
	if (!os_fs_list(a->options.fs, dir, name_add, out, err)) {
		names_free(out);
		*out = (struct names){0};
		return false;
	}
	if (out->count > 0)
		qsort(out->list, out->count, sizeof *out->list, by_name);
	return true;
}

static bool
ends_with(const char *name, const char *end)
{
	return bytes_ends_with(bytes_of_str(name), bytes_of_str(end));
}

/* What a crash left half written. It never had a name of its own, so nobody was promised anything about it. */
static bool
temporaries_remove(
    struct archive *a, const char *dir, struct archive_recovery *out, struct err *err)
{
	struct names names;
	bool ok;

	if (!names_list(a, dir, &names, err))
		return false;
	ok = true;
	for (size_t i = 0; ok && i < names.count; i++) {
		char *path;

		if (!ends_with(names.list[i], ".tmp"))
			continue;
		path = archive_path(dir, names.list[i], "");
		ok = os_fs_unlink(a->options.fs, path, err);
		out->removed_temporary_files += ok;
		mem_free(path);
	}
	names_free(&names);
	return ok;
}

/* In doubt a pack stays. */
static bool
is_contained(struct pack *p, struct pack *q)
{
	struct err err;
	bool contained;

	return pack_is_contained(p, q, &contained, &err) && contained;
}

/* A pack of records alone, in order of its oldest one. It can hold only what is within its time. */
struct span {
	int64_t oldest_ms, newest_ms;
	int64_t newest_so_far_ms; /* of this one and all before it */
	size_t at;                /* among the packs; it is gone when that is NULL */
};

/* Who may hold what others hold: packs in order of time, and those with tombstones, whose times say little. */
struct holders {
	struct span *spans;
	size_t span_count;
	size_t *graves;
	size_t grave_count;
};

static int
by_oldest(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	return x->oldest_ms < y->oldest_ms ? -1 : x->oldest_ms > y->oldest_ms;
}

static void
holders_fill(struct holders *h, const struct archive_volume *v)
{
	*h = (struct holders){.spans = mem_calloc(v->pack_count, sizeof *h->spans),
	    .graves = mem_calloc(v->pack_count, sizeof *h->graves)};
	for (size_t i = 0; i < v->pack_count; i++) {
		struct pack_info info;

		pack_info_get(v->packs[i], &info);
		if (info.tombstones > 0)
			h->graves[h->grave_count++] = i;
		else
			h->spans[h->span_count++] = (struct span){.oldest_ms = info.oldest_ms,
			    .newest_ms = info.newest_ms,
			    .newest_so_far_ms = info.newest_ms,
			    .at = i};
	}
	if (h->span_count > 0)
		qsort(h->spans, h->span_count, sizeof *h->spans, by_oldest);
	for (size_t i = 1; i < h->span_count; i++)
		if (h->spans[i - 1].newest_so_far_ms > h->spans[i].newest_so_far_ms)
			h->spans[i].newest_so_far_ms = h->spans[i - 1].newest_so_far_ms;
}

/* So many spans begin at that time or before. */
static size_t
spans_until(const struct holders *h, int64_t ms)
{
	size_t low = 0, high = h->span_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (h->spans[middle].oldest_ms <= ms)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Does another pack hold everything of this one? */
static bool
is_held_elsewhere(const struct archive_volume *v, const struct holders *h, size_t i)
{
	struct pack_info info;
	bool held = false;

	pack_info_get(v->packs[i], &info);
	for (size_t k = 0; k < h->grave_count && !held; k++)
		held = h->graves[k] != i && v->packs[h->graves[k]] != NULL &&
		       is_contained(v->packs[i], v->packs[h->graves[k]]);
	if (info.tombstones > 0)
		return held;
	for (size_t k = spans_until(h, info.oldest_ms);
	     k-- > 0 && !held && h->spans[k].newest_so_far_ms >= info.newest_ms;)
		held = h->spans[k].at != i && h->spans[k].newest_ms >= info.newest_ms &&
		       v->packs[h->spans[k].at] != NULL &&
		       is_contained(v->packs[i], v->packs[h->spans[k].at]);
	return held;
}

/*
 * A pack whose records are all in another one, or buried there, goes: it was sealed again because its last sync failed,
 * or merged, or rewritten, and the power went before it was removed. Of two with the same records the one loaded first,
 * of the smaller name, stays.
 */
static bool
contained_drop(
    struct archive *a, struct archive_volume *v, struct archive_recovery *out, struct err *err)
{
	struct holders h;
	size_t kept = 0;
	bool ok = true;

	holders_fill(&h, v);
	for (size_t i = v->pack_count; ok && i-- > 0;) {
		if (!is_held_elsewhere(v, &h, i))
			continue;
		log_info(
		    "pack %s holds what another one holds, and is removed", pack_path(v->packs[i]));
		ok = os_fs_unlink(a->options.fs, pack_path(v->packs[i]), err);
		pack_release(&v->packs[i]);
		out->packs--;
	}
	for (size_t i = 0; i < v->pack_count; i++)
		if (v->packs[i] != NULL)
			v->packs[kept++] = v->packs[i];
	v->pack_count = kept;
	mem_free(h.spans);
	mem_free(h.graves);
	return ok;
}

static bool
pack_load(struct archive *a, struct archive_volume *v, const char *path,
    struct archive_recovery *out, struct err *err)
{
	struct pack *pack = NULL;

	if (!archive_keys_open_pack(a, v, path, &pack, err)) {
		/* One bad pack must not keep the mail out; what is about us, not about the file, does. The
		 * archive's key is what it should be: a pack that it does not open is a stranger. */
		if (err->code == ERR_LIMIT)
			return false;
		v->corrupt_packs++;
		out->corrupt_packs++;
		log_error("pack %s is set aside and not served: %s", path, err->msg);
		return true;
	}
	archive_volume_add_pack(a, v, pack);
	out->packs++;
	return true;
}

bool
archive_recover_packs(
    struct archive *a, struct archive_volume *v, struct archive_recovery *out, struct err *err)
{
	struct names names;
	bool ok = true;

	if (!temporaries_remove(a, v->packs_dir, out, err) ||
	    !names_list(a, v->packs_dir, &names, err))
		return false;
	for (size_t i = 0; ok && i < names.count; i++) {
		char *path;

		if (!ends_with(names.list[i], ".pack"))
			continue;
		path = archive_path(v->packs_dir, names.list[i], "");
		ok = pack_load(a, v, path, out, err);
		mem_free(path);
	}
	names_free(&names);
	return ok && contained_drop(a, v, out, err);
}

/* A directory without a key is the beginning of an archive that was not made; archive_create takes it up again. */
static bool
volume_recover(struct archive *a, const char *id, struct archive_recovery *out, struct err *err)
{
	char *dir = archive_path(a->archives_dir, id, "");
	struct archive_volume *v = NULL;
	struct os_stat st;
	bool ok;

	ok = os_fs_stat(a->options.fs, dir, &st, err);
	if (ok && st.kind == OS_KIND_DIR)
		ok = temporaries_remove(a, dir, out, err) && archive_volume_load(a, id, &v, err);
	if (ok && v != NULL) {
		/* Without its key, a service's, the packs wait; without keys for good, for ever. */
		if (v->key == NULL)
			archive_proof_absent(v);
		out->under_previous += archive_keys_under_previous(a, v);
		archive_volume_add(a, v);
		ok = v->key == NULL ||
		     (archive_recover_packs(a, v, out, err) && archive_proof_recover(a, v, err));
	}
	mem_free(dir);
	return ok;
}

bool
archive_recover(struct archive *a, struct archive_recovery *out, struct err *err)
{
	struct names names;
	bool ok = true;

	if (!names_list(a, a->archives_dir, &names, err))
		return false;
	for (size_t i = 0; ok && i < names.count; i++)
		ok = volume_recover(a, names.list[i], out, err);
	names_free(&names);
	/* What a killed process left visible is made durable before anything is built on it. */
	ok = ok && temporaries_remove(a, a->intake_dir, out, err) &&
	     os_fs_sync_dir(a->options.fs, a->intake_dir, err) && archive_recover_logs(a, out, err);
	if (ok && out->removed_temporary_files > 0)
		log_info("removed %llu temporary files",
		    (unsigned long long)out->removed_temporary_files);
	return ok;
}
