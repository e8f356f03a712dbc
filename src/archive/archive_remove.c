/* SPDX-License-Identifier: Apache-2.0 */
/* An archive without records goes: key first, so that nothing that is left can be read. */
#include <string.h>

#include "archive_destroy_int.h"
#include "archive_keys_int.h"
#include "base_mem.h"

#define FILES_AT_ONCE 64

/* From then on nobody finds it. seal_lock held. */
static bool
volume_close(struct archive *a, struct archive_volume *v, bool damaged_too, struct err *err)
{
	bool empty = v->leaving == NULL && (damaged_too || v->corrupt_packs == 0);

	archive_lock(&a->lock);
	/* Nobody knows what an archive holds whose key is away; one whose keys were destroyed holds nothing. */
	if (v->ring.destroyed_ms == 0 && !archive_keys_check(a, v, err)) {
		archive_unlock(&a->lock);
		return false;
	}
	for (size_t i = 0; i < v->pack_count; i++) {
		struct pack_info info;

		pack_info_get(v->packs[i], &info);
		empty = empty && info.records == 0;
	}
	for (size_t i = 0; i < a->file_count; i++)
		for (size_t k = 0; k < a->files[i]->row_count; k++)
			empty = empty &&
				(a->files[i]->rows[k]->volume != v || a->files[i]->rows[k]->sealed);
	if (empty) {
		v->removed = true;
		for (size_t i = 0; i < v->pack_count; i++)
			pack_release(&v->packs[i]);
		v->pack_count = 0;
		v->corrupt_packs = 0;
	}
	archive_unlock(&a->lock);
	return empty || ERR(err, ERR_BUSY, "archive %s is not empty", v->id);
}

struct listing {
	char *names[FILES_AT_ONCE];
	size_t count;
};

static bool
name_take(void *ctx, const char *name)
{
	struct listing *l = ctx;

	if (bytes_ends_with(bytes_of_str(name), BYTES_LIT(".pack")) ||
	    bytes_ends_with(bytes_of_str(name), BYTES_LIT(".tmp")))
		l->names[l->count++] = mem_strdup(name);
	return l->count < FILES_AT_ONCE;
}

static bool
files_wipe(struct archive *a, const char *dir, struct err *err)
{
	struct listing l;
	bool ok = true;

	do {
		l.count = 0;
		if (!os_fs_list(a->options.fs, dir, name_take, &l, err))
			return l.count == 0 && err->code == ERR_NOT_FOUND;
		for (size_t i = 0; i < l.count; i++) {
			char *path = archive_path(dir, l.names[i], "");

			ok = ok && archive_destroy_wipe(a, dir, path, err);
			mem_free(path);
			mem_free(l.names[i]);
		}
	} while (ok && l.count > 0);
	return ok;
}

bool
archive_remove(struct archive *a, const char *archive_id, bool damaged_too, struct err *err)
{
	char *dir = archive_path(a->archives_dir, archive_id, ""),
	     *key = archive_path(dir, "key", ""), *ring = archive_path(dir, "keyring", ""),
	     *packs = archive_path(dir, "packs", "");
	struct archive_volume *v;
	struct os_stat st;
	bool ok = true;

	archive_lock(&a->destroy_lock);
	archive_lock(&a->keys_lock);
	archive_lock(&a->seal_lock);
	archive_lock(&a->lock);
	v = archive_volume_find(a, archive_id);
	archive_unlock(&a->lock);
	if (v != NULL)
		ok = volume_close(a, v, damaged_too, err);
	if (ok && os_fs_stat(a->options.fs, dir, &st, err))
		ok = archive_destroy_wipe(a, dir, ring, err) &&
		     archive_destroy_wipe(a, dir, key, err) && files_wipe(a, packs, err);
	else if (ok)
		ok = err->code == ERR_NOT_FOUND;
	if (ok && v != NULL)
		archive_keys_fini(v);
	archive_unlock(&a->seal_lock);
	archive_unlock(&a->keys_lock);
	archive_unlock(&a->destroy_lock);
	mem_free(dir);
	mem_free(key);
	mem_free(ring);
	mem_free(packs);
	return ok;
}
