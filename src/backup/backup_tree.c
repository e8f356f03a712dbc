/* SPDX-License-Identifier: Apache-2.0 */
/* What of a data directory belongs into a backup, in which order. */
#include <stdlib.h>
#include <string.h>

#include "backup_int.h"
#include "base_mem.h"

#define DEPTH_MAX 16u

/*
 * Not in a backup: what is in the clear and made again (credentials, certificates), what belongs to a process that
 * runs, what is copied another way (the catalog) or was moved into packs before (the intake log), exports, and what
 * witnesses saw, which they know better.
 */
static const char *const LEFT_OUT[] = {"catalog.db", "catalog.db-wal", "catalog.db-shm",
    "catalog.db.sum", "credentials", "export", "intake", "lock", "run", "tls", "tmp", "witness"};

/*
 * Order: what names how far something goes comes before the thing. The head and the proof log of the audit log before
 * its records; a proof log before the packs, whose leaves it may lack but must not have too many of. The keys of
 * an archive before its packs, too (backup_create.c says why).
 */
static unsigned
rank_of(const char *path)
{
	if (strcmp(path, "audit/head") == 0)
		return 0;
	if (strstr(path, "/proof/") != NULL)
		return 1;
	if (strncmp(path, "audit/", 6) == 0)
		return 2;
	if (strstr(path, "/packs/") == NULL)
		return 3;
	return 4;
}

bool
backup_tree_is_pack(const char *path)
{
	return rank_of(path) == 4;
}

static bool
is_proof(const char *path)
{
	return rank_of(path) == 1;
}

static bool
is_keys(const char *path)
{
	struct bytes b = bytes_of_str(path);

	return strncmp(path, "archives/", 9) == 0 && rank_of(path) == 3 &&
	       (bytes_ends_with(b, BYTES_LIT("/key")) || bytes_ends_with(b, BYTES_LIT("/keyring")));
}

typedef bool (*is_fn)(const char *path);

/* The next path of that kind at or behind *at, or NULL. */
static const char *
path_next(const struct backup_tree *t, size_t *at, is_fn is)
{
	for (; *at < t->count; (*at)++)
		if (is(t->files[*at].path))
			return t->files[(*at)++].path;
	return NULL;
}

static bool
same_paths(const struct backup_tree *a, const struct backup_tree *b, is_fn is)
{
	size_t i = 0, j = 0;
	const char *x, *y;

	do {
		x = path_next(a, &i, is);
		y = path_next(b, &j, is);
	} while (x != NULL && y != NULL && strcmp(x, y) == 0);
	return x == NULL && y == NULL;
}

bool
backup_tree_same_proofs(const struct backup_tree *a, const struct backup_tree *b)
{
	return same_paths(a, b, is_proof);
}

bool
backup_tree_same_keys(const struct backup_tree *a, const struct backup_tree *b)
{
	return same_paths(a, b, is_keys);
}

static int
compare_files(const void *a, const void *b)
{
	const struct backup_file *x = a, *y = b;
	unsigned p = rank_of(x->path), q = rank_of(y->path);

	return p != q ? (p < q ? -1 : 1) : strcmp(x->path, y->path);
}

struct names {
	struct arena *arena;
	const char **list;
	size_t count, room;
};

static bool
name_add(void *ctx, const char *name)
{
	struct names *n = ctx;

	if (n->count == n->room) {
		n->room = n->room == 0 ? 16 : n->room * 2;
		n->list = mem_realloc_array(n->list, n->room, sizeof *n->list);
	}
	n->list[n->count++] = arena_strdup(n->arena, name);
	return true;
}

static void
file_add(struct backup_tree *t, const char *path, bool dir)
{
	if (t->count == t->room) {
		t->room = t->room == 0 ? 64 : t->room * 2;
		t->files = mem_realloc_array(t->files, t->room, sizeof *t->files);
	}
	t->files[t->count++] = (struct backup_file){.path = path, .dir = dir};
}

static bool
wanted(const char *path)
{
	size_t len = strlen(path);

	if (len > 4 && strcmp(path + len - 4, ".tmp") == 0)
		return false;
	for (size_t i = 0; i < sizeof LEFT_OUT / sizeof LEFT_OUT[0]; i++)
		if (strcmp(path, LEFT_OUT[i]) == 0)
			return false;
	return true;
}

static bool walk(const struct backup_options *o, struct backup_tree *t, const char *dir,
    unsigned depth, struct err *err);

static bool
entry(const struct backup_options *o, struct backup_tree *t, const char *path, unsigned depth,
    struct err *err)
{
	char *whole = backup_path(o->data, path);
	struct os_stat st;
	size_t before = t->count;
	bool ok = os_fs_stat(o->fs, whole, &st, err);

	mem_free(whole);
	if (!ok) {
		t->moved =
		    true; /* what came in its place may be in a part of the tree that was read already */
		return err->code == ERR_NOT_FOUND;
	}
	if (st.kind == OS_KIND_OTHER)
		return true;
	if (!backup_manifest_path_ok(bytes_of_str(path)) || t->count >= BACKUP_FILES_MAX)
		return ERR(err, ERR_LIMIT,
		    "%.80s: a name, or a number of files, that no manifest holds", path);
	if (st.kind == OS_KIND_FILE) {
		file_add(t, path, false);
		return true;
	}
	if (!walk(o, t, path, depth + 1, err))
		return false;
	if (t->count == before)
		file_add(t, path, true);
	return true;
}

static bool
walk(const struct backup_options *o, struct backup_tree *t, const char *dir, unsigned depth,
    struct err *err)
{
	char *whole = dir[0] == '\0' ? mem_strdup(o->data) : backup_path(o->data, dir);
	struct names names = {.arena = &t->arena};
	bool ok;

	ok = depth <= DEPTH_MAX || ERR(err, ERR_LIMIT, "%.80s lies too deep", dir);
	ok = ok && os_fs_list(o->fs, whole, name_add, &names, err);
	if (!ok && err->code == ERR_NOT_FOUND && depth > 0)
		ok = true;
	for (size_t i = 0; ok && i < names.count; i++) {
		const char *path = dir[0] == '\0'
				       ? names.list[i]
				       : arena_printf(&t->arena, "%s/%s", dir, names.list[i]);

		if (wanted(path))
			ok = entry(o, t, path, depth, err);
	}
	mem_free(names.list);
	mem_free(whole);
	return ok;
}

bool
backup_tree_list(const struct backup_options *o, struct backup_tree *out, struct err *err)
{
	memset(out, 0, sizeof *out);
	arena_init(&out->arena);
	if (!walk(o, out, "", 0, err))
		return false;
	if (out->count > 0)
		qsort(out->files, out->count, sizeof *out->files, compare_files);
	return true;
}

void
backup_tree_free(struct backup_tree *t)
{
	mem_free(t->files);
	arena_fini(&t->arena);
	memset(t, 0, sizeof *t);
}
