/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of an archive from disk and key service into memory, and the check whether they may be used. */
#include <stdio.h>
#include <string.h>

#include "archive_keys_int.h"
#include "archive_proof_int.h"
#include "base_log.h"
#include "base_mem.h"
#include "crypt_sign.h"

#define KEY_CONTEXT   "daybook archive "
#define PROOF_CONTEXT "daybook proof key "
#define PROOF_PURPOSE "daybook proof key"

void
archive_keys_context(const struct archive_volume *v, struct buf *out)
{
	buf_append_str(out, KEY_CONTEXT);
	buf_append_str(out, v->id);
}

void
archive_keys_proof_context(const struct archive_volume *v, struct buf *out)
{
	buf_append_str(out, PROOF_CONTEXT);
	buf_append_str(out, v->id);
}

/* "…/archives/ID/name"; the caller frees. */
static char *
path_of(struct archive *a, const struct archive_volume *v, const char *name)
{
	char *dir = archive_path(a->archives_dir, v->id, ""), *path = archive_path(dir, name, "");

	mem_free(dir);
	return path;
}

struct crypt_keys *
archive_keys_service(struct archive *a, const char *id)
{
	if (strcmp(crypt_keys_id(a->options.keys), id) == 0)
		return a->options.keys;
	for (size_t i = 0; i < a->options.service_count; i++)
		if (strcmp(crypt_keys_id(a->options.services[i]), id) == 0)
			return a->options.services[i];
	return NULL;
}

static int64_t
cache_ms(const struct archive *a)
{
	return a->options.key_cache_ms > 0 ? a->options.key_cache_ms : (int64_t)3600 * 1000;
}

/* The service gave the key to a question of that time. */
static void
given(struct archive *a, struct archive_volume *v, int64_t asked_ms)
{
	v->given_ms = asked_ms;
	v->valid_until_ms = v->outside ? asked_ms + cache_ms(a) : INT64_MAX;
	v->asked = 0;
	v->away[0] = '\0';
}

static void
outside_set(struct archive *a, struct archive_volume *v)
{
	char id[CRYPT_KEY_ID_SIZE];
	struct err ignored;

	v->outside = v->ring.kek_count > 0 &&
		     crypt_keys_id_of(v->ring.keks[v->ring.kek_count - 1].wrapped, id, &ignored) &&
		     strcmp(id, crypt_keys_id(a->options.keys)) != 0;
}

bool
archive_keys_make(
    struct archive *a, struct archive_volume *v, struct crypt_keys *keys, struct err *err)
{
	struct buf context, wrapped;
	char *path = path_of(a, v, "key");
	int64_t now_ms = clock_mono_ms(&a->options.clock);
	bool ok;

	buf_init(&context, CRYPT_CONTEXT_BYTES_MAX);
	buf_init(&wrapped, CRYPT_WRAPPED_ANY_BYTES_MAX);
	archive_keys_context(v, &context);
	v->keks[0] = v->key = secret_random(CRYPT_KEY_BYTES, &a->options.rng);
	ok = crypt_keys_wrap(keys, buf_view(&context), v->key, &wrapped, err) &&
	     os_fs_write_file(a->options.fs, path, buf_view(&wrapped), err) &&
	     archive_keyring_push(
		 &v->ring, buf_view(&wrapped), clock_now_ms(&a->options.clock), err);
	if (ok) {
		v->proof_key = crypt_sign_derive(v->key, PROOF_PURPOSE);
		outside_set(a, v);
		given(a, v, now_ms);
	}
	buf_fini(&context);
	buf_fini(&wrapped);
	mem_free(path);
	return ok;
}

static bool
key_file_load(
    struct archive *a, struct archive_volume *v, const char *path, bool *found_out, struct err *err)
{
	struct buf wrapped;
	bool ok;

	buf_init(&wrapped, CRYPT_WRAPPED_ANY_BYTES_MAX);
	ok = os_fs_read_file(a->options.fs, path, CRYPT_WRAPPED_ANY_BYTES_MAX, &wrapped, err);
	*found_out = ok || err->code != ERR_NOT_FOUND;
	if (ok)
		ok = archive_keyring_push(&v->ring, buf_view(&wrapped), 0, err);
	buf_fini(&wrapped);
	return ok || !*found_out;
}

/* Where there is a keyring the key file does not count: what a crash left of it goes now. */
static bool
ring_load(struct archive *a, struct archive_volume *v, const char *ring_path, const char *key_path,
    bool *found_out, struct err *err)
{
	struct buf file;
	struct err ignored;
	bool ok;

	buf_init(&file, ARCHIVE_KEYRING_BYTES_MAX);
	ok = os_fs_read_file(a->options.fs, ring_path, ARCHIVE_KEYRING_BYTES_MAX, &file, err);
	*found_out = ok || err->code != ERR_NOT_FOUND;
	if (ok)
		ok = archive_keyring_decode(&v->ring, buf_view(&file), v->id, err);
	if (ok) {
		v->ring_written = true;
		if (os_fs_unlink(a->options.fs, key_path, &ignored))
			log_info(
			    "archive %s: the key file of before its keyring is removed", v->id);
	}
	buf_fini(&file);
	return ok || !*found_out;
}

bool
archive_keys_load(struct archive *a, struct archive_volume *v, bool *found_out, struct err *err)
{
	char *ring = path_of(a, v, "keyring"), *key = path_of(a, v, "key");
	bool ok = ring_load(a, v, ring, key, found_out, err);

	if (ok && !*found_out)
		ok = key_file_load(a, v, key, found_out, err);
	outside_set(a, v);
	mem_free(ring);
	mem_free(key);
	return ok || err_prefix(err, "archive %s", v->id);
}

static bool
kek_unwrap(struct archive *a, const struct archive_volume *v, struct bytes wrapped,
    struct secret **out, struct err *err)
{
	struct crypt_keys *service;
	char id[CRYPT_KEY_ID_SIZE];
	struct buf context;
	bool ok;

	if (!crypt_keys_id_of(wrapped, id, err))
		return false;
	service = archive_keys_service(a, id);
	if (service == NULL && wrapped.ptr[0] == CRYPT_WRAPPED_VERSION_LOCAL)
		service = a->options.keys; /* which says that it is another */
	if (service == NULL)
		return ERR(err, ERR_DENIED,
		    "no configured key service has key %s, which wraps its key", id);
	buf_init(&context, CRYPT_CONTEXT_BYTES_MAX);
	archive_keys_context(v, &context);
	ok = crypt_keys_unwrap(service, buf_view(&context), wrapped, out, err);
	if (ok && secret_view(*out).len != CRYPT_KEY_BYTES) {
		secret_free(out);
		ok = ERR(err, ERR_CORRUPT, "not an archive's key");
	}
	buf_fini(&context);
	return ok;
}

/* After the generations are there. */
static bool
proof_unwrap(struct archive *a, struct archive_volume *v, struct err *err)
{
	struct crypt_keys *last;
	struct buf context;
	bool ok;

	if (v->ring.proof.len == 0) {
		v->proof_key = crypt_sign_derive(v->keks[0], PROOF_PURPOSE);
		return true;
	}
	last = crypt_keys_new(v->keks[v->ring.kek_count - 1], &a->options.rng);
	buf_init(&context, CRYPT_CONTEXT_BYTES_MAX);
	archive_keys_proof_context(v, &context);
	ok = crypt_keys_unwrap(last, buf_view(&context), v->ring.proof, &v->proof_key, err);
	buf_fini(&context);
	crypt_keys_free(&last);
	return ok;
}

static void
secrets_drop(struct archive_volume *v)
{
	v->key = NULL; /* the last of these */
	for (size_t i = 0; i < ARCHIVE_KEKS_MAX; i++)
		secret_free(&v->keks[i]);
	secret_free(&v->proof_key);
}

void
archive_keys_fini(struct archive_volume *v)
{
	secrets_drop(v);
	archive_keyring_fini(&v->ring);
	v->outside = false; /* nobody to ask any more */
}

/* Into v, which has none; on false it has none again. */
static bool
secrets_ask(struct archive *a, struct archive_volume *v, struct err *err)
{
	bool ok = true;

	for (size_t i = 0; ok && i < v->ring.kek_count; i++)
		ok = kek_unwrap(a, v, v->ring.keks[i].wrapped, &v->keks[i], err);
	ok = ok && proof_unwrap(a, v, err);
	if (!ok)
		secrets_drop(v);
	return ok;
}

/* One try in vain: it is tried again after a second, then ever more seldom. */
static void
away_note(struct archive *a, struct archive_volume *v, const struct err *err)
{
	int64_t wait_ms = ARCHIVE_KEY_RETRY_MS;

	for (unsigned i = 0; i < v->asked && wait_ms < ARCHIVE_KEY_RETRY_MS_MAX; i++)
		wait_ms *= 2;
	v->ask_ms = clock_mono_ms(&a->options.clock) +
		    (wait_ms < ARCHIVE_KEY_RETRY_MS_MAX ? wait_ms : ARCHIVE_KEY_RETRY_MS_MAX);
	if (v->asked++ == 0)
		log_warn("archive %s: its key service is away: %s", v->id, err->msg);
	v->away_sealed = err->code == ERR_SEALED;
	(void)snprintf(v->away, sizeof v->away, "%.127s", err->msg);
}

/* At the start each service is waited for once, not once an archive. */
static const struct archive_volume *
fellow_find(struct archive *a, const struct archive_volume *v)
{
	char id[CRYPT_KEY_ID_SIZE], other[CRYPT_KEY_ID_SIZE];
	struct err ignored;

	if (!crypt_keys_id_of(v->ring.keks[v->ring.kek_count - 1].wrapped, id, &ignored))
		return NULL;
	for (size_t i = 0; i < a->volume_count; i++) {
		const struct archive_volume *o = a->volumes[i];

		if (o->key == NULL && !o->away_sealed && o->ring.kek_count > 0 &&
		    crypt_keys_id_of(
			o->ring.keks[o->ring.kek_count - 1].wrapped, other, &ignored) &&
		    strcmp(id, other) == 0)
			return o;
	}
	return NULL;
}

/* Wrapped by a key service beside our own key: a configured one, or one that only the outside can be. */
static bool
is_far(struct archive *a, const struct archive_volume *v)
{
	struct bytes wrapped = v->ring.keks[v->ring.kek_count - 1].wrapped;
	char id[CRYPT_KEY_ID_SIZE];
	struct err ignored;

	return v->outside && crypt_keys_id_of(wrapped, id, &ignored) &&
	       (archive_keys_service(a, id) != NULL ||
		   wrapped.ptr[0] != CRYPT_WRAPPED_VERSION_LOCAL);
}

bool
archive_keys_unlock(struct archive *a, struct archive_volume *v, struct err *err)
{
	int64_t now_ms = clock_mono_ms(&a->options.clock);
	const struct archive_volume *fellow;

	if (v->ring.destroyed_ms != 0)
		return true;
	fellow = v->outside ? fellow_find(a, v) : NULL;
	if (fellow != NULL) {
		(void)ERR(err, ERR_TIMEOUT, "%s", fellow->away);
		away_note(a, v, err);
		return true;
	}
	if (secrets_ask(a, v, err)) {
		v->key = v->keks[v->ring.kek_count - 1];
		archive_keys_adopt(a, v);
		given(a, v, now_ms);
		return true;
	}
	/* Our own key file is another, or what lies here is no key: nobody far away is to blame. */
	if (err->code == ERR_CORRUPT || !is_far(a, v))
		return err_prefix(err, "archive %s", v->id);
	away_note(a, v, err);
	return true;
}

bool
archive_keys_check(struct archive *a, const struct archive_volume *v, struct err *err)
{
	if (v->ring.destroyed_ms != 0)
		return ERR(err, ERR_SEALED, "archive %s: its keys were destroyed", v->id);
	if (v->key == NULL || (v->outside && clock_mono_ms(&a->options.clock) >= v->valid_until_ms))
		return ERR(err, v->away_sealed ? ERR_SEALED : ERR_TIMEOUT,
		    "archive %s: its key %s%s%s", v->id,
		    v->away_sealed ? "does not unwrap" : "service is away",
		    v->away[0] == '\0' ? "" : ": ", v->away);
	return true;
}

struct opening {
	struct archive *a;
	const struct archive_volume *v;
};

/* By whichever generation wrapped it; the keyring's word counts more than the header's. */
static bool
pack_unwrap(void *ctx, const struct id_record *pack_id, struct bytes context, struct bytes wrapped,
    struct secret **data_key_out, struct err *err)
{
	struct opening *o = ctx;
	struct bytes anew = archive_keyring_pack(&o->v->ring, pack_id);
	struct crypt_keys *keys;
	char id[CRYPT_KEY_ID_SIZE];
	bool ok = false;

	if (anew.len > 0)
		wrapped = anew;
	if (!crypt_keys_id_of(wrapped, id, err))
		return false;
	for (size_t i = o->v->ring.kek_count; i-- > 0;) {
		bool last = i == 0;

		keys = crypt_keys_new(o->v->keks[i], &o->a->options.rng);
		if (strcmp(crypt_keys_id(keys), id) == 0 || last) {
			ok = crypt_keys_unwrap(keys, context, wrapped, data_key_out, err);
			last = true;
		}
		crypt_keys_free(&keys);
		if (last)
			break;
	}
	return ok;
}

bool
archive_keys_open_pack(struct archive *a, const struct archive_volume *v, const char *path,
    struct pack **out, struct err *err)
{
	struct opening o = {a, v};

	return pack_open_by(a->options.fs, path, v->id, pack_unwrap, &o, out, err);
}

/* The service answers, or it does not: nothing of v changes but the times. */
static void
refresh(struct archive *a, struct archive_volume *v)
{
	int64_t now_ms = clock_mono_ms(&a->options.clock);
	struct secret *key = NULL;
	struct buf wrapped;
	struct err err;
	bool ok;

	buf_init(&wrapped, CRYPT_WRAPPED_ANY_BYTES_MAX);
	archive_lock(&a->lock); /* the sealer may write the ring anew meanwhile */
	buf_append(&wrapped, v->ring.keks[v->ring.kek_count - 1].wrapped);
	archive_unlock(&a->lock);
	ok = kek_unwrap(a, v, buf_view(&wrapped), &key, &err);
	secret_free(&key);
	buf_fini(&wrapped);
	archive_lock(&a->lock);
	if (ok) {
		if (v->asked > 0)
			log_info("archive %s: its key service is back", v->id);
		given(a, v, now_ms);
	} else {
		away_note(a, v, &err);
	}
	archive_unlock(&a->lock);
}

/* What was in the log while the key was away may lie in a pack since before. Both locks held. */
static void
rows_settle(struct archive *a, const struct archive_volume *v)
{
	for (size_t f = 0; f < a->file_count; f++)
		for (size_t i = 0; i < a->files[f]->row_count; i++) {
			struct archive_unsealed_row *row = a->files[f]->rows[i];

			if (row->volume == v && !row->sealed &&
			    archive_recover_in_a_pack(v, &row->id, row->received_ms))
				row->sealed = true;
		}
}

static void
packs_take(struct archive_volume *v, struct archive_volume *from)
{
	v->packs = from->packs;
	v->pack_count = from->pack_count;
	v->corrupt_packs = from->corrupt_packs;
	from->packs = NULL;
	from->pack_count = 0;
}

/* The keys are asked for without the locks; the packs are opened under the sealer's, out of sight. */
static void
come_back(struct archive *a, struct archive_volume *v)
{
	int64_t now_ms = clock_mono_ms(&a->options.clock);
	struct archive_recovery found = {0};
	struct archive_volume shadow;
	struct err err;
	bool ok = secrets_ask(a, v, &err);

	archive_lock(&a->seal_lock);
	/* A pack that is leaving has its file still: it must not be found again. */
	if (ok && v->leaving != NULL)
		ok = ERR(&err, ERR_TIMEOUT, "messages are being destroyed");
	shadow = *v;
	shadow.packs = NULL;
	shadow.pack_count = 0;
	shadow.corrupt_packs = 0;
	ok = ok && archive_recover_packs(a, &shadow, &found, &err) &&
	     archive_proof_recover(a, &shadow, &err);
	archive_lock(&a->lock);
	if (ok) {
		packs_take(v, &shadow);
		rows_settle(a, v);
		v->key = v->keks[v->ring.kek_count - 1];
		given(a, v, now_ms);
		log_info(
		    "archive %s: its key is there, %zu packs are served", v->id, v->pack_count);
	} else {
		away_note(a, v, &err);
	}
	archive_unlock(&a->lock);
	if (!ok && v->keks[0] != NULL) {
		for (size_t i = 0; i < shadow.pack_count; i++)
			pack_release(&shadow.packs[i]);
		mem_free(shadow.packs);
		secrets_drop(v);
	}
	archive_unlock(&a->seal_lock);
}

/* Its time is over: keys and what was opened with them go. Who reads a pack right now ends that. */
static void
expire(struct archive *a, struct archive_volume *v)
{
	struct archive_volume gone = {.packs = NULL};

	archive_lock(&a->seal_lock);
	/* First: while there is a log, who holds its lock may use the key that wraps its secrets. */
	archive_proof_absent(v);
	archive_lock(&a->lock);
	packs_take(&gone, v);
	secrets_drop(v);
	archive_unlock(&a->lock);
	for (size_t i = 0; i < gone.pack_count; i++)
		pack_release(&gone.packs[i]);
	mem_free(gone.packs);
	/* Merged into others and still read by somebody: their files go when the packs are opened again. */
	for (size_t i = 0; i < v->old_count; i++)
		pack_release(&v->old_packs[i]);
	v->old_count = 0;
	archive_unlock(&a->seal_lock);
	log_error(
	    "archive %s: its key was not given again in time, and is not used any more: nothing is "
	    "accepted, read or searched there until the key service is back",
	    v->id);
}

static void
volume_refresh(struct archive *a, struct archive_volume *v)
{
	int64_t now_ms = clock_mono_ms(&a->options.clock);
	bool present, ask, over;

	archive_lock(&a->lock);
	present = v->key != NULL;
	ask = now_ms >= v->ask_ms && (!present || now_ms >= v->given_ms + cache_ms(a) / 2);
	archive_unlock(&a->lock);
	if (ask && present)
		refresh(a, v);
	else if (ask)
		come_back(a, v);
	archive_lock(&a->lock);
	over = v->key != NULL && clock_mono_ms(&a->options.clock) >= v->valid_until_ms;
	archive_unlock(&a->lock);
	if (over)
		expire(a, v);
}

void
archive_keys_refresh(struct archive *a)
{
	struct archive_volume *v;

	for (size_t i = 0; !atomic_load(&a->closing); i++) {
		archive_lock(&a->keys_lock);
		v = archive_volume_at(a, i, NULL);
		if (v != NULL && v->outside && v->ring.destroyed_ms == 0)
			volume_refresh(a, v);
		archive_unlock(&a->keys_lock);
		if (v == NULL)
			return;
	}
}
