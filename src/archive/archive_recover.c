/* SPDX-License-Identifier: Apache-2.0 */
/* Recovery: archives and packs. Temporary files go, directories are synced, packs are opened, twins are dropped. */
#include <stdlib.h>
#include <string.h>

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

/*
 * A pack whose records are all in another one, or buried there, goes: it was sealed again because its last sync failed,
 * or merged, or rewritten, and the power went before it was removed. Of two with the same records the one loaded first,
 * of the smaller name, stays.
 */
static bool
contained_drop(
    struct archive *a, struct archive_volume *v, struct archive_recovery *out, struct err *err)
{
	bool ok = true;

	for (size_t i = v->pack_count; ok && i-- > 0;) {
		bool contained = false;

		for (size_t k = 0; k < v->pack_count && !contained; k++)
			contained = k != i && is_contained(v->packs[i], v->packs[k]);
		if (!contained)
			continue;
		log_info(
		    "pack %s holds what another one holds, and is removed", pack_path(v->packs[i]));
		ok = os_fs_unlink(a->options.fs, pack_path(v->packs[i]), err);
		pack_release(&v->packs[i]);
		v->pack_count--;
		memmove(
		    &v->packs[i], &v->packs[i + 1], (v->pack_count - i) * sizeof(struct pack *));
		out->packs--;
	}
	return ok;
}

static bool
pack_load(struct archive *a, struct archive_volume *v, const char *path,
    struct archive_recovery *out, struct err *err)
{
	struct pack *pack = NULL;

	if (!pack_open(a->options.fs, path, v->id, v->key, &pack, err)) {
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

static bool
packs_load(
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
	char *dir = archive_path(a->archives_dir, id, ""), *key = archive_path(dir, "key", "");
	struct archive_volume *v = NULL;
	struct os_stat st;
	bool ok;

	ok = os_fs_stat(a->options.fs, dir, &st, err);
	if (ok && st.kind != OS_KIND_DIR)
		goto out; /* not ours */
	ok = ok && temporaries_remove(a, dir, out, err);
	if (ok && !os_fs_stat(a->options.fs, key, &st, err)) {
		ok = err->code == ERR_NOT_FOUND;
	} else if (ok) {
		ok = archive_volume_load(a, id, &v, err);
		if (ok) {
			archive_volume_add(a, v);
			ok = packs_load(a, v, out, err) && archive_proof_recover(a, v, err);
		}
	}
out:
	mem_free(dir);
	mem_free(key);
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
