/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After a rotation: data keys of packs wrapped by the last generation, a few hundred a round, into the keyring. What is
 * left to do follows from keyring and packs, so that a stop at any point costs nothing (docs/formats/keyring.md).
 */
#include <stdlib.h>
#include <string.h>

#include "archive_keys_int.h"
#include "base_log.h"
#include "base_mem.h"

#define ROUND_PACKS 256u

/* Which generation opens p now: the keyring's word, else the header's. */
static bool
wrapped_by(const struct archive_volume *v, const struct pack *p, const char *id)
{
	struct bytes anew = archive_keyring_pack(&v->ring, pack_id(p));
	char by[CRYPT_KEY_ID_SIZE];
	struct err ignored;

	if (anew.len == 0)
		return strcmp(pack_key_id(p), id) == 0;
	return crypt_keys_id_of(anew, by, &ignored) && strcmp(by, id) == 0;
}

static uint64_t
left_count(const struct archive_volume *v, const char *id)
{
	uint64_t left = 0;

	for (size_t i = 0; i < v->pack_count; i++)
		left += !wrapped_by(v, v->packs[i], id);
	return left;
}

uint64_t
archive_rewrap_left(const struct archive_volume *v)
{
	struct rng rng = rng_system();
	struct crypt_keys *last;
	uint64_t left;

	if (v->key == NULL || v->ring.kek_count < 2)
		return 0;
	last = crypt_keys_new(v->key, &rng);
	left = left_count(v, crypt_keys_id(last));
	crypt_keys_free(&last);
	return left;
}

struct keeping {
	const struct archive_volume *v;
	const char *id;
};

/* Entries that still say something: the pack is there, and its header names an earlier generation. */
static bool
is_needed(void *ctx, const struct id_record *pack)
{
	struct keeping *k = ctx;

	for (size_t i = 0; i < k->v->pack_count; i++)
		if (id_record_compare(pack_id(k->v->packs[i]), pack) == 0)
			return strcmp(pack_key_id(k->v->packs[i]), k->id) != 0;
	return false;
}

static bool
packs_rewrap(struct archive *a, struct archive_volume *v, struct crypt_keys *last,
    struct archive_keyring *ring, bool *whole_out, struct err *err)
{
	size_t done = 0;
	bool ok = true;

	*whole_out = true;
	for (size_t i = 0; ok && i < v->pack_count; i++) {
		struct buf wrapped;

		if (wrapped_by(v, v->packs[i], crypt_keys_id(last)))
			continue;
		if (done == ROUND_PACKS || atomic_load(&a->closing)) {
			*whole_out = false;
			break;
		}
		buf_init(&wrapped, CRYPT_WRAPPED_BYTES_MAX);
		ok = pack_rewrap(v->packs[i], v->id, last, &wrapped, err);
		if (ok)
			archive_keyring_set_pack(ring, pack_id(v->packs[i]), buf_view(&wrapped));
		buf_fini(&wrapped);
		done++;
	}
	return ok;
}

static int
by_path(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct looking {
	const struct archive_volume *v;
	const char **live; /* sorted */
	bool stranger;
};

static bool
file_look(void *ctx, const char *name)
{
	struct looking *l = ctx;
	char *path;

	if (!bytes_ends_with(bytes_of_str(name), BYTES_LIT(".pack")))
		return true;
	path = archive_path(l->v->packs_dir, name, "");
	l->stranger = l->v->pack_count == 0 ||
		      bsearch(&path, l->live, l->v->pack_count, sizeof *l->live, by_path) == NULL;
	mem_free(path);
	return !l->stranger;
}

/*
 * Durably, every pack that lies on the disk is one that is served. Others have no entry: one that was merged and that
 * somebody still reads, or that could not be removed, needs its generation if a backup takes it, or a start finds it.
 */
static bool
files_are_live(struct archive *a, const struct archive_volume *v)
{
	struct looking l = {.v = v, .live = mem_calloc(v->pack_count + 1, sizeof *l.live)};
	struct err err;
	bool ok;

	for (size_t i = 0; i < v->pack_count; i++)
		l.live[i] = pack_path(v->packs[i]);
	qsort(l.live, v->pack_count, sizeof *l.live, by_path);
	ok = os_fs_sync_dir(a->options.fs, v->packs_dir, &err) &&
	     os_fs_list(a->options.fs, v->packs_dir, file_look, &l, &err);
	mem_free(l.live);
	return ok && !l.stranger;
}

static void
generations_forget(struct archive_volume *v, size_t had)
{
	for (size_t i = 0; i + 1 < had; i++)
		secret_free(&v->keks[i]);
	v->keks[0] = v->key;
	v->keks[had - 1] = NULL;
}

static void
ring_take(struct archive *a, struct archive_volume *v, struct archive_keyring *ring, bool whole)
{
	struct archive_keyring had;

	archive_lock(&a->lock);
	had = v->ring;
	v->ring = *ring;
	*ring = had;
	if (whole)
		generations_forget(v, had.kek_count);
	archive_unlock(&a->lock);
	if (whole)
		log_info("archive %s: every pack is wrapped by the newest key; earlier ones are "
			 "forgotten",
		    v->id);
}

static bool
is_another(void *ctx, const struct id_record *pack)
{
	return id_record_compare(ctx, pack) != 0;
}

bool
archive_rewrap_forget(
    struct archive *a, struct archive_volume *v, const struct id_record *pack, struct err *err)
{
	struct id_record id = *pack;
	struct archive_keyring ring;
	bool ok;

	if (archive_keyring_pack(&v->ring, pack).len == 0)
		return true;
	archive_keyring_copy(&ring, &v->ring);
	archive_keyring_keep(&ring, is_another, &id);
	ok = archive_keys_write(a, v, &ring, err);
	if (ok)
		ring_take(a, v, &ring, false);
	archive_keyring_fini(&ring);
	return ok;
}

void
archive_rewrap_round(struct archive *a, struct archive_volume *v)
{
	struct archive_keyring ring;
	struct crypt_keys *last;
	struct err err;
	bool whole, ok;

	/* A damaged pack may be brought back by somebody: the generation it needs stays. */
	if (v->key == NULL || v->ring.kek_count < 2 || v->ring.destroyed_ms != 0)
		return;
	last = crypt_keys_new(v->key, &a->options.rng);
	archive_keyring_copy(&ring, &v->ring);
	ok = packs_rewrap(a, v, last, &ring, &whole, &err);
	whole = ok && whole && v->corrupt_packs == 0 && files_are_live(a, v);
	if (whole) {
		struct keeping k = {v, crypt_keys_id(last)};

		archive_keyring_forget(&ring);
		archive_keyring_keep(&ring, is_needed, &k);
	}
	if (ok && (whole || ring.pack_count != v->ring.pack_count ||
		      left_count(v, crypt_keys_id(last)) > 0))
		ok = archive_keys_write(a, v, &ring, &err);
	if (ok)
		ring_take(a, v, &ring, whole);
	else
		log_warn("archive %s: packs are re-wrapped later: %s", v->id, err.msg);
	archive_keyring_fini(&ring);
	crypt_keys_free(&last);
}
