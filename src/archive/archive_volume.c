/* SPDX-License-Identifier: Apache-2.0 */
/* One archive on disk: archives/ID/key (its key, wrapped) and archives/ID/packs/. */
#include <stdio.h>
#include <string.h>

#include "archive_keys_int.h"
#include "archive_proof_int.h"
#include "base_log.h"
#include "base_mem.h"

char *
archive_path(const char *dir, const char *name, const char *end)
{
	size_t size = strlen(dir) + 1 + strlen(name) + strlen(end) + 1;
	char *path = mem_alloc(size);

	(void)snprintf(path, size, "%s/%s%s", dir, name, end);
	return path;
}

/* A name that is one plain component of a path. */
static bool
id_check(const char *id, struct err *err)
{
	size_t len = strlen(id);

	if (len == 0 || len >= ARCHIVE_ID_SIZE || id[0] == '.')
		return ERR(err, ERR_USAGE, "not an archive id");
	for (size_t i = 0; i < len; i++)
		if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.",
			id[i]) == NULL)
			return ERR(err, ERR_USAGE, "not an archive id");
	return true;
}

struct archive_volume *
archive_volume_find(struct archive *a, const char *id)
{
	for (size_t i = 0; i < a->volume_count; i++)
		if (strcmp(a->volumes[i]->id, id) == 0 && !a->volumes[i]->removed)
			return a->volumes[i];
	return NULL;
}

void
archive_volume_add(struct archive *a, struct archive_volume *volume)
{
	archive_lock(&a->lock);
	a->volumes =
	    mem_realloc_array(a->volumes, a->volume_count + 1, sizeof(struct archive_volume *));
	a->volumes[a->volume_count++] = volume;
	archive_unlock(&a->lock);
}

struct archive_volume *
archive_volume_at(struct archive *a, size_t i, bool *removed_out)
{
	struct archive_volume *v;

	archive_lock(&a->lock);
	v = i < a->volume_count ? a->volumes[i] : NULL;
	if (removed_out != NULL)
		*removed_out = v != NULL && v->removed;
	archive_unlock(&a->lock);
	return v;
}

void
archive_volume_add_pack(struct archive *a, struct archive_volume *volume, struct pack *pack)
{
	(void)a; /* its lock is held */
	volume->packs =
	    mem_realloc_array(volume->packs, volume->pack_count + 1, sizeof(struct pack *));
	volume->packs[volume->pack_count++] = pack;
}

/* Both names: a rename that failed may have been done, or not. */
static bool
orphan_unlink(struct archive *a, const char *path, struct err *err)
{
	char *temporary = mem_alloc(strlen(path) + sizeof ".tmp");
	bool ok;

	(void)snprintf(temporary, strlen(path) + sizeof ".tmp", "%s.tmp", path);
	ok = (os_fs_unlink(a->options.fs, path, err) || err->code == ERR_NOT_FOUND) &&
	     (os_fs_unlink(a->options.fs, temporary, err) || err->code == ERR_NOT_FOUND);
	mem_free(temporary);
	return ok;
}

bool
archive_volume_orphans_remove(struct archive *a, struct archive_volume *v, struct err *err)
{
	bool ok = true;

	if (v->orphan_count == 0)
		return true;
	for (size_t i = 0; ok && i < v->orphan_count; i++)
		ok = orphan_unlink(a, v->orphans[i], err);
	if (!ok || !os_fs_sync_dir(a->options.fs, v->packs_dir, err)) {
		log_error(
		    "archive %s: packs that were not made are not removed: %s", v->id, err->msg);
		return false;
	}
	while (v->orphan_count > 0)
		mem_free(v->orphans[--v->orphan_count]);
	return true;
}

bool
archive_volume_finish(struct archive *a, struct archive_volume *v, struct pack_writer **w,
    struct pack_written *written, struct pack **out, struct err *err)
{
	char *path = mem_strdup(pack_writer_path(*w));
	struct err ignored;

	if (pack_writer_finish(w, written, err) && archive_keys_open_pack(a, v, path, out, err)) {
		mem_free(path);
		return true;
	}
#ifdef DAYBOOK_SABOTAGE_FAILED_PACK_STAYS
	mem_free(path);
	return false;
#endif
	v->orphans = mem_realloc_array(v->orphans, v->orphan_count + 1, sizeof(char *));
	v->orphans[v->orphan_count++] = path;
	(void)!archive_volume_orphans_remove(
	    a, v, &ignored); /* or the next time, before anything else */
	return false;
}

void
archive_volume_free(struct archive_volume **volume)
{
	struct archive_volume *v = *volume;

	if (v == NULL)
		return;
	for (size_t i = 0; i < v->pack_count; i++)
		pack_release(&v->packs[i]);
	for (size_t i = 0; i < v->old_count; i++)
		pack_release(&v->old_packs[i]);
	pack_release(&v->leaving);
	for (size_t i = 0; i < v->orphan_count; i++)
		mem_free(v->orphans[i]);
	mem_free(v->orphans);
	mem_free(v->old_packs);
	mem_free(v->packs);
	archive_proof_free(&v->proof);
	archive_keys_fini(v);
	mem_free(v->packs_dir);
	mem_free(v);
	*volume = NULL;
}

static struct archive_volume *
volume_new(struct archive *a, const char *id)
{
	struct archive_volume *v = mem_calloc(1, sizeof *v);
	char *dir = archive_path(a->archives_dir, id, "");

	(void)snprintf(v->id, sizeof v->id, "%s", id);
	v->packs_dir = archive_path(dir, "packs", "");
	mem_free(dir);
	return v;
}

/* Makes what is missing, and syncs what is there: it may be the rest of a call that was cut off. */
static bool
directories_make(struct archive *a, const struct archive_volume *v, struct err *err)
{
	return os_fs_mkdir_path(a->options.fs, v->packs_dir, err) &&
	       os_fs_sync_dir(a->options.fs, v->packs_dir, err);
}

bool
archive_volume_load(struct archive *a, const char *id, struct archive_volume **out, struct err *err)
{
	struct archive_volume *v;
	bool found, ok;

	*out = NULL;
	if (!id_check(id, err))
		return false;
	v = volume_new(a, id);
	ok = archive_keys_load(a, v, &found, err) &&
	     (!found || (archive_keys_unlock(a, v, err) && directories_make(a, v, err)));
	if (ok && found)
		*out = v;
	else
		archive_volume_free(&v);
	return ok;
}

/* Directories first, the key last: an archive without a key is none yet, and nothing refers to it. */
static bool
volume_create(struct archive *a, const char *id, struct crypt_keys *keys, struct err *err)
{
	struct archive_volume *v = volume_new(a, id);
	char *dir = archive_path(a->archives_dir, id, "");
	bool found, ok;

	ok = directories_make(a, v, err) && archive_keys_load(a, v, &found, err);
	/* A key that is there, though we do not have the archive, is left from a call that failed at its end. */
	if (ok && found)
		ok = archive_keys_unlock(a, v, err) && archive_keys_check(a, v, err) &&
		     os_fs_sync_dir(a->options.fs, dir, err);
	else if (ok)
		ok = archive_keys_make(a, v, keys, err);
	ok = ok && archive_proof_create(a, v, err);
	if (ok)
		archive_volume_add(a, v);
	else
		archive_volume_free(&v);
	mem_free(dir);
	return ok;
}

bool
archive_create_under(
    struct archive *a, const char *archive_id, struct crypt_keys *keys, struct err *err)
{
	struct archive_volume *v;
	bool ok;

	if (!id_check(archive_id, err))
		return false;
	archive_lock(&a->create_lock);
	archive_lock(&a->lock);
	v = archive_volume_find(a, archive_id);
	archive_unlock(&a->lock);
	ok = v != NULL || volume_create(a, archive_id, keys == NULL ? a->options.keys : keys, err);
	archive_unlock(&a->create_lock);
	return ok;
}

bool
archive_create(struct archive *a, const char *archive_id, struct err *err)
{
	return archive_create_under(a, archive_id, NULL, err);
}
