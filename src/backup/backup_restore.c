/* SPDX-License-Identifier: Apache-2.0 */
/* A backup read again: compared, and made a data directory. */
#include <stdio.h>
#include <string.h>

#include "backup_int.h"
#include "base_mem.h"

/* What is wrong with the data is told and gone past; trouble of the machine ends it. */
static bool
is_damage(const struct err *err)
{
	return err->code == ERR_NOT_FOUND || err->code == ERR_CORRUPT;
}

/* One file of the backup read, and written to to unless that is NULL. *good: it is what the manifest says. */
static bool
file_read(
    struct backup_run *r, const struct backup_file *f, const char *to, bool *good, struct err *err)
{
	char *blob = backup_blob(r->o, f->sha256);
	uint8_t digest[CRYPT_SHA256_BYTES];
	uint64_t size = 0;
	bool ok = backup_copy(r, blob, to, UINT64_MAX, &size, digest, err);

	*good = ok && size == f->size && memcmp(digest, f->sha256, sizeof digest) == 0;
	if (ok && !*good)
		backup_problem(r, "%s is damaged: %s", f->path, blob);
	if (!ok && is_damage(err)) {
		backup_problem(r, "%s is missing: %s", f->path, blob);
		ok = true;
	}
	mem_free(blob);
	r->progress.files++;
	backup_tell(r);
	return ok;
}

static bool
outcome(const struct backup_run *r, struct err *err)
{
	return r->problems == 0 ||
	       ERR(err, ERR_CORRUPT, "%llu files of the backup are damaged or missing",
		   (unsigned long long)r->problems);
}

bool
backup_verify(const struct backup_options *o, struct backup_progress *out, struct err *err)
{
	struct backup_run r = {.o = o};
	struct backup_manifest m;
	struct arena arena;
	bool ok, good;

	arena_init(&arena);
	ok = backup_manifest_read(o, &arena, &m, err);
	for (size_t i = 0; ok && i < m.count; i++)
		if (!m.files[i].dir)
			ok = file_read(&r, &m.files[i], NULL, &good, err);
	arena_fini(&arena);
	*out = r.progress;
	return ok && outcome(&r, err);
}

static bool
is_entry(void *ctx, const char *name)
{
	bool *any = ctx;

	(void)name;
	*any = true;
	return false;
}

static bool
target_free(const struct backup_options *o, struct err *err)
{
	bool any = false;

	if (!os_fs_list(o->fs, o->data, is_entry, &any, err))
		return err->code == ERR_NOT_FOUND;
	return !any || ERR(err, ERR_EXISTS, "%.100s is there already, and not empty", o->data);
}

/* Written by an earlier try, and still what it should be. */
static bool
written_before(struct backup_run *r, const struct backup_file *f, const char *to)
{
	uint8_t digest[CRYPT_SHA256_BYTES];
	struct err ignored;
	struct os_stat st;
	uint64_t size;

	if (!os_fs_stat(r->o->fs, to, &st, &ignored))
		return false;
	if (st.size_bytes == f->size &&
	    backup_copy(r, to, NULL, UINT64_MAX, &size, digest, &ignored) && size == f->size &&
	    memcmp(digest, f->sha256, sizeof digest) == 0) {
		r->progress.files++;
		return true;
	}
	backup_drop(r->o->fs, to);
	return false;
}

static bool
entry_write(struct backup_run *r, const struct backup_file *f, const char *partial, struct err *err)
{
	char *to = backup_path(partial, f->path), *dir = mem_strdup(to);
	bool ok, good = true;

	if (!f->dir)
		*strrchr(dir, '/') = '\0';
	ok = os_fs_mkdir_path(r->o->fs, dir, err);
	if (ok && !f->dir && !written_before(r, f, to)) {
		ok = file_read(r, f, to, &good, err);
		if (!ok || !good)
			backup_drop(r->o->fs, to);
		if (ok && good) {
			r->progress.copied_files++;
			r->progress.copied_bytes += f->size;
			ok = os_fs_sync_dir(r->o->fs, dir, err);
		}
	}
	mem_free(to);
	mem_free(dir);
	return ok;
}

static bool
parent_sync(const struct backup_options *o, struct err *err)
{
	char *parent = mem_strdup(o->data), *slash = strrchr(parent, '/');
	bool ok;

	if (slash == NULL || slash == parent)
		ok = os_fs_sync_dir(o->fs, slash == NULL ? "." : "/", err);
	else {
		*slash = '\0';
		ok = os_fs_sync_dir(o->fs, parent, err);
	}
	mem_free(parent);
	return ok;
}

bool
backup_restore(const struct backup_options *o, struct backup_progress *out, struct err *err)
{
	struct backup_run r = {.o = o};
	struct backup_manifest m;
	struct arena arena;
	char *partial;
	size_t size = strlen(o->data) + 16;
	bool ok;

	partial = mem_alloc(size);
	(void)snprintf(partial, size, "%s.partial", o->data);
	arena_init(&arena);
	ok = target_free(o, err) && backup_manifest_read(o, &arena, &m, err) &&
	     os_fs_mkdir_path(o->fs, partial, err);
	for (size_t i = 0; ok && i < m.count; i++)
		ok = entry_write(&r, &m.files[i], partial, err);
	ok = ok && outcome(&r, err) && os_fs_sync_dir(o->fs, partial, err) &&
	     os_fs_rename(o->fs, partial, o->data, err) && parent_sync(o, err);
	arena_fini(&arena);
	mem_free(partial);
	*out = r.progress;
	return ok;
}
