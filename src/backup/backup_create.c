/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bringing a backup up to date.
 *
 * Why it is consistent though the server runs: a message is in a pack from before this began, and packs never change.
 * A pack that goes while we look was merged into another or rewritten, so the tree is looked at again, until
 * everything that one look found was copied. The manifest comes last.
 *
 * Keys that open every pack of it: an archive's keys are copied after the tree was listed and before its packs. What
 * was listed was sealed under a generation of that time or an earlier one, and a generation is not forgotten while
 * there is a file that needs it (docs/formats/keyring.md): so a pack that is still there after that opens with them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backup_int.h"
#include "base_log.h"
#include "base_mem.h"
#include "base_text.h"

#define ROUNDS_MAX 20

/* Sizes of the files that are there: who has one of them is hashed before he is copied. */
struct sizes {
	uint64_t *list;
	size_t count, room;
	const struct backup_options *o;
	const char *dir;
	struct err err;
	bool failed;
};

static bool
size_add(void *ctx, const char *name)
{
	struct sizes *s = ctx;
	char *path = backup_path(s->dir, name);
	struct os_stat st;
	bool ok;

	if (strlen(name) != BACKUP_HEX_SIZE - 1) {
		ok = os_fs_unlink(s->o->fs, path, &s->err);
	} else {
		ok = os_fs_stat(s->o->fs, path, &st, &s->err);
		if (ok && s->count == s->room) {
			s->room = s->room == 0 ? 64 : s->room * 2;
			s->list = mem_realloc_array(s->list, s->room, sizeof *s->list);
		}
		if (ok)
			s->list[s->count++] = st.size_bytes;
	}
	mem_free(path);
	s->failed = !ok;
	return ok;
}

static int
compare_sizes(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static bool
size_known(const struct sizes *s, uint64_t size)
{
	return s->count > 0 &&
	       bsearch(&size, s->list, s->count, sizeof *s->list, compare_sizes) != NULL;
}

struct create {
	struct backup_run run;
	struct sizes sizes;
	char *files_dir, *incoming;
};

static bool
blob_there(struct create *c, const struct backup_file *f)
{
	char *path = backup_blob(c->run.o, f->sha256);
	struct os_stat st;
	struct err ignored;
	bool there = os_fs_stat(c->run.o->fs, path, &st, &ignored) && st.size_bytes == f->size;

	mem_free(path);
	return there;
}

/* The file at from, as f, in the backup. */
static bool
file_take(struct create *c, const char *from, struct backup_file *f, struct err *err)
{
	struct os_fs fs = c->run.o->fs;
	struct os_stat st;
	char *blob;
	bool ok;

	if (!os_fs_stat(fs, from, &st, err))
		return false;
	if (size_known(&c->sizes, st.size_bytes)) {
		if (!backup_copy(&c->run, from, NULL, st.size_bytes, &f->size, f->sha256, err))
			return false;
		if (blob_there(c, f))
			return true;
	}
	ok = backup_copy(&c->run, from, c->incoming, st.size_bytes, &f->size, f->sha256, err);
	if (ok) {
		blob = backup_blob(c->run.o, f->sha256);
		ok = os_fs_rename(fs, c->incoming, blob, err);
		mem_free(blob);
		c->run.progress.copied_files++;
		c->run.progress.copied_bytes += f->size;
	} else {
		backup_drop(fs, c->incoming);
	}
	return ok;
}

/* Checkpoint and tiles of a proof log belong together: it must not have grown while they were copied. And no archive
 * has got a keyring since. */
static bool
proofs_settled(struct create *c, const struct backup_tree *t, bool *settled, struct err *err)
{
	struct backup_tree now;
	bool ok = backup_tree_list(c->run.o, &now, err);

	*settled = ok && backup_tree_same_proofs(t, &now) && backup_tree_same_keys(t, &now);
	backup_tree_free(&now);
	return ok;
}

/* One look at the tree. *again: something went while we looked. */
static bool
look(struct create *c, struct backup_tree *t, bool *again, struct err *err)
{
	struct backup_file catalog = {.path = "catalog.db"};
	bool settled = false;

	*again = false;
	if (!backup_tree_list(c->run.o, t, err))
		return false;
	if (t->moved) {
		*again = true;
		return true;
	}
	for (size_t i = 0; i < t->count; i++) {
		struct backup_file *f = &t->files[i];
		char *from;
		bool ok;

		if (f->dir)
			continue;
		if (!settled && backup_tree_is_pack(f->path)) {
			if (!proofs_settled(c, t, &settled, err))
				return false;
			if (!settled)
				break;
		}
		from = backup_path(c->run.o->data, f->path);
		ok = file_take(c, from, f, err) || err_prefix(err, "%.80s", f->path);
		mem_free(from);
		if (!ok && err->code != ERR_NOT_FOUND)
			return false;
		*again = *again || !ok;
		c->run.progress.files++;
		backup_tell(&c->run);
	}
	if (!settled && !*again && !proofs_settled(c, t, &settled, err))
		return false;
	*again = *again || !settled;
	if (*again)
		return true;
	if (!file_take(c, c->run.o->catalog, &catalog, err))
		return err_prefix(err, "catalog");
	t->files = mem_realloc_array(t->files, t->count + 1, sizeof *t->files);
	t->files[t->count++] = catalog;
	return true;
}

static int
compare_paths(const void *a, const void *b)
{
	return strcmp(((const struct backup_file *)a)->path, ((const struct backup_file *)b)->path);
}

static bool
manifest_write(struct create *c, struct backup_tree *t, struct err *err)
{
	const struct backup_options *o = c->run.o;
	struct backup_manifest m = {.created_ms = o->now_ms,
	    .program = o->program,
	    .key_id = o->key_id != NULL ? o->key_id : "-",
	    .files = t->files,
	    .count = t->count};
	char *path = backup_path(o->backup, "manifest");
	struct buf text;
	bool ok;

	qsort(t->files, t->count, sizeof *t->files, compare_paths);
	buf_init(&text, BACKUP_MANIFEST_BYTES_MAX);
	backup_manifest_print(&m, &text);
	ok = buf_ok(&text, err) && os_fs_sync_dir(o->fs, c->files_dir, err) &&
	     os_fs_write_file(o->fs, path, buf_view(&text), err);
	buf_fini(&text);
	mem_free(path);
	return ok;
}

static int
compare_digests(const void *a, const void *b)
{
	return memcmp(((const struct backup_file *)a)->sha256,
	    ((const struct backup_file *)b)->sha256, CRYPT_SHA256_BYTES);
}

struct sweep {
	struct create *c;
	struct backup_tree *t; /* sorted by digest */
};

static bool
sweep_one(void *ctx, const char *name)
{
	struct sweep *s = ctx;
	struct backup_file want = {.path = NULL};
	struct err ignored;
	char *path;

	if (text_hex_parse(want.sha256, sizeof want.sha256, bytes_of_str(name)) &&
	    bsearch(&want, s->t->files, s->t->count, sizeof want, compare_digests) != NULL)
		return true;
	path = backup_path(s->c->files_dir, name);
	s->c->run.progress.removed_files += os_fs_unlink(s->c->run.o->fs, path, &ignored);
	mem_free(path);
	return true;
}

/* What only the backup before needed goes, now that this one is durable. What cannot be removed now goes next time. */
static void
sweep(struct create *c, struct backup_tree *t)
{
	struct sweep s = {c, t};
	struct err why;

	qsort(t->files, t->count, sizeof *t->files, compare_digests);
	if (!os_fs_list(c->run.o->fs, c->files_dir, sweep_one, &s, &why) ||
	    !os_fs_sync_dir(c->run.o->fs, c->files_dir, &why))
		log_warn("%s: %s", c->files_dir, why.msg);
}

static bool
rounds(struct create *c, struct backup_tree *t, struct err *err)
{
	bool again = true;

	for (int i = 0; i < ROUNDS_MAX; i++) {
		if (!look(c, t, &again, err))
			return false;
		if (!again)
			return true;
		backup_tree_free(t);
		arena_init(&t->arena);
	}
	return ERR(err, ERR_BUSY, "packs go faster than they are copied; try again");
}

bool
backup_create(const struct backup_options *o, struct backup_progress *out, struct err *err)
{
	struct create c = {.run = {.o = o}, .sizes = {.o = o}};
	struct backup_tree t = {.files = NULL};
	bool ok;

	c.files_dir = backup_path(o->backup, "files");
	c.incoming = backup_path(c.files_dir, "incoming");
	c.sizes.dir = c.files_dir;
	arena_init(&t.arena);
	ok = os_fs_mkdir_path(o->fs, c.files_dir, err) &&
	     os_fs_list(o->fs, c.files_dir, size_add, &c.sizes, err);
	if (ok && c.sizes.failed) {
		*err = c.sizes.err;
		ok = false;
	}
	if (ok && c.sizes.count > 0)
		qsort(c.sizes.list, c.sizes.count, sizeof *c.sizes.list, compare_sizes);
	ok = ok && rounds(&c, &t, err) && manifest_write(&c, &t, err);
	if (ok)
		sweep(&c, &t);
	backup_tree_free(&t);
	mem_free(c.sizes.list);
	mem_free(c.incoming);
	mem_free(c.files_dir);
	*out = c.run.progress;
	return ok;
}
