/* SPDX-License-Identifier: Apache-2.0 */
/* What changes an archive's keys: wrapped by another, a new generation, destruction; and what is to be said of them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "archive_keys_int.h"
#include "archive_proof_int.h"
#include "base_log.h"
#include "base_mem.h"

#define ROUND_MS_MAX 1000
#define ROUND_MS_MIN 100

static char *
path_of(struct archive *a, const struct archive_volume *v, const char *name)
{
	char *dir = archive_path(a->archives_dir, v->id, ""), *path = archive_path(dir, name, "");

	mem_free(dir);
	return path;
}

/* Volumes stay while the archives are open. */
static struct archive_volume *
volume_find(struct archive *a, const char *id, struct err *err)
{
	struct archive_volume *v;

	archive_lock(&a->lock);
	v = archive_volume_find(a, id);
	archive_unlock(&a->lock);
	if (v == NULL)
		(void)ERR(err, ERR_NOT_FOUND, "no archive %.66s", id);
	return v;
}

static bool
usable(struct archive *a, const struct archive_volume *v, struct err *err)
{
	bool ok;

	archive_lock(&a->lock);
	ok = archive_keys_check(a, v, err);
	archive_unlock(&a->lock);
	return ok;
}

bool
archive_keys_write(struct archive *a, const struct archive_volume *v, struct archive_keyring *ring,
    struct err *err)
{
	char *path = path_of(a, v, "keyring"), *key = path_of(a, v, "key"),
	     *dir = path_of(a, v, "");
	struct buf file;
	struct err ignored;
	bool ok;

	ring->generation++;
	buf_init(&file, ARCHIVE_KEYRING_BYTES_MAX);
	archive_keyring_encode(ring, v->id, &file);
	ok = buf_ok(&file, err) && os_fs_write_file(a->options.fs, path, buf_view(&file), err);
	/* It does not count any more; if it stays, the next start removes it. */
	if (ok && !v->ring_written &&
	    (!os_fs_unlink(a->options.fs, key, &ignored) ||
		!os_fs_sync_dir(a->options.fs, dir, &ignored)))
		log_warn("archive %s: the key file beside its keyring is not removed: %s", v->id,
		    ignored.msg);
	buf_fini(&file);
	mem_free(path);
	mem_free(key);
	mem_free(dir);
	return ok || err_prefix(err, "archive %s", v->id);
}

/* ring becomes v's; what v had is in ring afterwards. */
static void
ring_swap(struct archive *a, struct archive_volume *v, struct archive_keyring *ring)
{
	struct archive_keyring had = v->ring;
	char id[CRYPT_KEY_ID_SIZE];
	struct err ignored;

	v->ring = *ring;
	*ring = had;
	v->outside = v->ring.kek_count > 0 &&
		     crypt_keys_id_of(v->ring.keks[v->ring.kek_count - 1].wrapped, id, &ignored) &&
		     strcmp(id, crypt_keys_id(a->options.keys)) != 0;
}

static void
given_now(struct archive *a, struct archive_volume *v)
{
	int64_t cache_ms =
	    a->options.key_cache_ms > 0 ? a->options.key_cache_ms : (int64_t)3600 * 1000;

	v->given_ms = clock_mono_ms(&a->options.clock);
	v->valid_until_ms = v->outside ? v->given_ms + cache_ms : INT64_MAX;
}

/* Who wraps the last generation; NULL and err when he is not configured any more. */
static struct crypt_keys *
service_of(
    struct archive *a, const struct archive_volume *v, struct crypt_keys *wanted, struct err *err)
{
	struct crypt_keys *keys = wanted;
	char id[CRYPT_KEY_ID_SIZE];

	if (keys == NULL &&
	    crypt_keys_id_of(v->ring.keks[v->ring.kek_count - 1].wrapped, id, err)) {
		keys = archive_keys_service(a, id);
		if (keys == NULL)
			(void)ERR(err, ERR_DENIED, "no configured key service has key %s", id);
	}
	return keys;
}

static bool
kek_wrap(const struct archive_volume *v, struct crypt_keys *keys, const struct secret *kek,
    struct buf *out, struct err *err)
{
	struct buf context;
	bool ok;

	buf_init(&context, CRYPT_CONTEXT_BYTES_MAX);
	archive_keys_context(v, &context);
	ok = crypt_keys_wrap(keys, buf_view(&context), kek, out, err);
	buf_fini(&context);
	return ok;
}

/* A single generation that was never rotated stays in its key file. */
static bool
rewrap_write(
    struct archive *a, struct archive_volume *v, struct archive_keyring *ring, struct err *err)
{
	char *path;
	bool ok;

	if (v->ring_written)
		return archive_keys_write(a, v, ring, err);
	path = path_of(a, v, "key");
	ok = os_fs_write_file(a->options.fs, path, ring->keks[0].wrapped, err);
	mem_free(path);
	return ok;
}

/* In memory, and of none of the services. */
static bool
is_previous(struct archive *a, struct bytes wrapped)
{
	char id[CRYPT_KEY_ID_SIZE];
	struct err ignored;

	return wrapped.len > 0 && wrapped.ptr[0] == CRYPT_WRAPPED_VERSION_LOCAL &&
	       crypt_keys_id_of(wrapped, id, &ignored) && archive_keys_service(a, id) == NULL;
}

bool
archive_keys_under_previous(struct archive *a, const struct archive_volume *v)
{
	for (size_t i = 0; i < v->ring.kek_count; i++)
		if (is_previous(a, v->ring.keks[i].wrapped))
			return true;
	return false;
}

void
archive_keys_adopt(struct archive *a, struct archive_volume *v)
{
	struct archive_keyring ring;
	bool ok = true, any = false;
	struct err err;

	if (!archive_keys_under_previous(a, v))
		return;
	archive_keyring_copy(&ring, &v->ring);
	for (size_t i = 0; ok && i < ring.kek_count; i++) {
		struct buf wrapped;

		if (!is_previous(a, ring.keks[i].wrapped))
			continue;
		buf_init(&wrapped, CRYPT_WRAPPED_ANY_BYTES_MAX);
		ok = kek_wrap(v, a->options.keys, v->keks[i], &wrapped, &err);
		if (ok)
			archive_keyring_replace(&ring, i, buf_view(&wrapped));
		buf_fini(&wrapped);
		any = true;
	}
	ok = ok && (!any || rewrap_write(a, v, &ring, &err));
	if (ok && any) {
		ring_swap(a, v, &ring);
		log_info("archive %s: its key is wrapped by %s (%s) now", v->id,
		    crypt_keys_name(a->options.keys), crypt_keys_id(a->options.keys));
	} else if (!ok) {
		log_warn(
		    "archive %s: its key still needs the key file of before: %s", v->id, err.msg);
	}
	archive_keyring_fini(&ring);
}

/* seal_lock held: no round of re-wrapping packs comes between. */
static bool
rewrap(struct archive *a, struct archive_volume *v, struct crypt_keys *wanted, struct err *err)
{
	struct crypt_keys *keys;
	struct archive_keyring ring;
	bool ok = usable(a, v, err);

	keys = ok ? service_of(a, v, wanted, err) : NULL;
	if (keys == NULL)
		return false;
	archive_keyring_copy(&ring, &v->ring);
	for (size_t i = 0; ok && i < ring.kek_count; i++) {
		struct buf wrapped;

		buf_init(&wrapped, CRYPT_WRAPPED_ANY_BYTES_MAX);
		ok = kek_wrap(v, keys, v->keks[i], &wrapped, err);
		if (ok)
			archive_keyring_replace(&ring, i, buf_view(&wrapped));
		buf_fini(&wrapped);
	}
	ok = ok && rewrap_write(a, v, &ring, err);
	if (ok) {
		archive_lock(&a->lock);
		ring_swap(a, v, &ring);
		given_now(a, v);
		archive_unlock(&a->lock);
		log_info("archive %s: its key is wrapped by %s (%s) now", v->id,
		    crypt_keys_name(keys), crypt_keys_id(keys));
	}
	archive_keyring_fini(&ring);
	return ok;
}

/* One change at a time, and the sealer waits: a key service may take its time, which is bounded. */
static bool
change(struct archive *a, const char *id, struct crypt_keys *keys,
    bool (*make)(
	struct archive *a, struct archive_volume *v, struct crypt_keys *keys, struct err *err),
    struct err *err)
{
	struct archive_volume *v = volume_find(a, id, err);
	bool ok;

	if (v == NULL)
		return false;
	archive_lock(&a->keys_lock);
	archive_lock(&a->seal_lock);
	ok = make(a, v, keys, err);
	archive_unlock(&a->seal_lock);
	archive_unlock(&a->keys_lock);
	return ok;
}

bool
archive_key_rewrap(
    struct archive *a, const char *archive_id, struct crypt_keys *keys, struct err *err)
{
	return change(a, archive_id, keys, rewrap, err);
}

static bool
proof_wrap(struct archive *a, const struct archive_volume *v, const struct secret *kek,
    struct archive_keyring *ring, struct err *err)
{
	struct crypt_keys *keys = crypt_keys_new(kek, &a->options.rng);
	struct buf context, wrapped;
	bool ok;

	buf_init(&context, CRYPT_CONTEXT_BYTES_MAX);
	buf_init(&wrapped, CRYPT_WRAPPED_BYTES_MAX);
	archive_keys_proof_context(v, &context);
	ok = crypt_keys_wrap(keys, buf_view(&context), v->proof_key, &wrapped, err);
	if (ok)
		archive_keyring_set_proof(ring, buf_view(&wrapped));
	buf_fini(&context);
	buf_fini(&wrapped);
	crypt_keys_free(&keys);
	return ok;
}

/* seal_lock held. */
static bool
rotate(struct archive *a, struct archive_volume *v, struct crypt_keys *wanted, struct err *err)
{
	struct crypt_keys *keys;
	struct archive_keyring ring;
	struct secret *kek;
	struct buf wrapped;
	bool ok = usable(a, v, err);

	keys = ok ? service_of(a, v, wanted, err) : NULL;
	if (keys == NULL)
		return false;
	kek = secret_random(CRYPT_KEY_BYTES, &a->options.rng);
	buf_init(&wrapped, CRYPT_WRAPPED_ANY_BYTES_MAX);
	ok = kek_wrap(v, keys, kek, &wrapped, err);
	archive_keyring_copy(&ring, &v->ring);
	ok =
	    ok &&
	    archive_keyring_push(&ring, buf_view(&wrapped), clock_now_ms(&a->options.clock), err) &&
	    proof_wrap(a, v, kek, &ring, err) && archive_keys_write(a, v, &ring, err);
	if (ok) {
		archive_lock(&a->lock);
		v->ring_written = true;
		v->keks[ring.kek_count - 1] = v->key = kek;
		kek = NULL;
		ring_swap(a, v, &ring);
		given_now(a, v);
		must(pthread_cond_signal(&a->sealer_wake) == 0);
		archive_unlock(&a->lock);
		log_info("archive %s: generation %zu of its key, wrapped by %s (%s)", v->id,
		    v->ring.kek_count, crypt_keys_name(keys), crypt_keys_id(keys));
	}
	archive_keyring_fini(&ring);
	buf_fini(&wrapped);
	secret_free(&kek);
	return ok;
}

bool
archive_key_rotate(
    struct archive *a, const char *archive_id, struct crypt_keys *keys, struct err *err)
{
	return change(a, archive_id, keys, rotate, err);
}

/* A file that gets a successor, or goes: what it says is written over, as far as the disk does what it is told. */
static void
wipe_open(struct archive *a, const char *path, struct os_file **file)
{
	struct err ignored;

	*file = NULL;
	if (!os_fs_open(a->options.fs, path, OS_OPEN_READ_WRITE, file, &ignored))
		*file = NULL;
}

static void
wipe_close(struct os_file **file)
{
	uint64_t size = 0;
	struct err err;
	uint8_t *zeros;

	if (*file == NULL)
		return;
	if (os_file_size(*file, &size, &err) && size > 0 && size <= ARCHIVE_KEYRING_BYTES_MAX) {
		zeros = mem_calloc(1, (size_t)size);
		if (!os_file_write_at(*file, 0, bytes_of(zeros, (size_t)size), &err) ||
		    !os_file_sync(*file, &err))
			log_warn("destroyed keys are not written over: %s", err.msg);
		mem_free(zeros);
	}
	os_file_drop(file);
}

/* Both locks held. Rows of v are shown nowhere, and the sealer has nothing left of them to do. */
static void
forget(struct archive *a, struct archive_volume *v, struct archive_volume *gone)
{
	gone->packs = v->packs;
	gone->pack_count = v->pack_count;
	v->packs = NULL;
	v->pack_count = 0;
	memcpy(gone->keks, v->keks, sizeof gone->keks);
	memset(v->keks, 0, sizeof v->keks);
	gone->proof_key = v->proof_key;
	v->key = v->proof_key = NULL;
	v->ring_written = true;
	for (size_t f = 0; f < a->file_count; f++)
		for (size_t i = 0; i < a->files[f]->row_count; i++)
			if (a->files[f]->rows[i]->volume == v)
				a->files[f]->rows[i]->sealed = true;
}

static bool
destroy(struct archive *a, struct archive_volume *v, struct err *err)
{
	char *key_path = path_of(a, v, "key"), *ring_path = path_of(a, v, "keyring");
	struct archive_volume gone = {.packs = NULL};
	struct os_file *key, *old_ring;
	struct archive_keyring ring;
	bool ok;

	archive_lock(&a->seal_lock);
	archive_keyring_copy(&ring, &v->ring);
	archive_keyring_destroy(&ring, clock_now_ms(&a->options.clock));
	wipe_open(a, key_path, &key);
	wipe_open(a, ring_path, &old_ring);
	ok = archive_keys_write(a, v, &ring, err);
	if (ok) {
		wipe_close(&key);
		wipe_close(&old_ring);
		/* First: while there is a log, who holds its lock may use the key that wraps its secrets. */
		archive_proof_absent(v);
		archive_lock(&a->lock);
		ring_swap(a, v, &ring);
		forget(a, v, &gone);
		archive_unlock(&a->lock);
	}
	os_file_drop(&key);
	os_file_drop(&old_ring);
	for (size_t i = 0; i < gone.pack_count; i++)
		pack_release(&gone.packs[i]);
	mem_free(gone.packs);
	for (size_t i = 0; ok && i < v->old_count; i++)
		pack_release(&v->old_packs[i]);
	v->old_count = ok ? 0 : v->old_count;
	archive_unlock(&a->seal_lock);
	archive_keys_fini(&gone);
	archive_keyring_fini(&ring);
	mem_free(key_path);
	mem_free(ring_path);
	return ok;
}

bool
archive_key_destroy(struct archive *a, const char *archive_id, struct err *err)
{
	struct archive_volume *v = volume_find(a, archive_id, err);
	struct err trouble;
	bool ok = true, done;

	if (v == NULL)
		return false;
	archive_lock(&a->keys_lock);
	done = v->ring.destroyed_ms != 0;
	if (!done)
		ok = destroy(a, v, err);
	archive_unlock(&a->keys_lock);
	if (!ok)
		return false;
	if (!done)
		log_info("archive %s: its keys are destroyed", archive_id);
	/* Log files with its messages are freed, and with them the keys these lie under. */
	if (!archive_seal(a, true, &trouble))
		log_warn(
		    "archive %s: messages in the intake log stay readable until it is sealed: %s",
		    archive_id, trouble.msg);
	return true;
}

bool
archive_key_info_get(
    struct archive *a, const char *archive_id, struct archive_key_info *out, struct err *err)
{
	struct archive_volume *v = volume_find(a, archive_id, err);
	struct crypt_keys *keys;
	struct err why;

	*out = (struct archive_key_info){.state = ARCHIVE_KEY_PRESENT};
	if (v == NULL)
		return false;
	archive_lock(&a->lock);
	if (!archive_keys_check(a, v, &why))
		out->state = v->ring.destroyed_ms != 0 ? ARCHIVE_KEY_DESTROYED : ARCHIVE_KEY_AWAY;
	(void)snprintf(out->reason, sizeof out->reason, "%s", v->away);
	out->destroyed_ms = v->ring.destroyed_ms;
	out->generations = v->ring.kek_count;
	out->packs = v->pack_count;
	if (v->ring.kek_count > 0) {
		const struct archive_kek *last = &v->ring.keks[v->ring.kek_count - 1];

		out->created_ms = last->created_ms;
		if (!crypt_keys_id_of(last->wrapped, out->wrapped_by, &why))
			out->wrapped_by[0] = '\0';
	}
	if (v->key != NULL) {
		keys = crypt_keys_new(v->key, &a->options.rng);
		(void)snprintf(out->id, sizeof out->id, "%s", crypt_keys_id(keys));
		crypt_keys_free(&keys);
		out->packs_left = archive_rewrap_left(v);
	}
	archive_unlock(&a->lock);
	return true;
}

/* Only while there are key services: it looks whether a key has to be asked for again. */
void *
archive_keys_run(void *archive)
{
	struct archive *a = archive;
	int64_t round_ms = a->options.key_cache_ms / 4;
	struct timespec until;

	if (round_ms > ROUND_MS_MAX || round_ms <= 0)
		round_ms = ROUND_MS_MAX;
	if (round_ms < ROUND_MS_MIN)
		round_ms = ROUND_MS_MIN;
	while (!atomic_load(&a->closing)) {
		archive_keys_refresh(a);
		must(clock_gettime(CLOCK_MONOTONIC, &until) == 0);
		until.tv_nsec += round_ms * 1000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		archive_lock(&a->lock);
		if (!atomic_load(&a->closing)) {
			int rc = pthread_cond_timedwait(&a->keys_wake, &a->lock, &until);

			must(rc == 0 || rc == ETIMEDOUT);
		}
		archive_unlock(&a->lock);
	}
	return NULL;
}
