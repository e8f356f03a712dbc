/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leaves for records: a pack is durable before its leaves are, and names their indices, so that whatever is missing can
 * be appended again, the same bytes at the same places.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive_proof_int.h"
#include "base_log.h"
#include "base_mem.h"
#include "crypt_seal.h"

#define KEY_CONTEXT  "daybook proof "
#define SECRET_BYTES (2 * CRYPT_KEY_BYTES) /* seed, leaf key */

char *
archive_proof_path(const struct archive *a, const struct archive_volume *v, const char *name)
{
	char *dir = archive_path(a->archives_dir, v->id, "/proof"), *path;

	path = name[0] == '\0' ? mem_strdup(dir) : archive_path(dir, name, "");
	mem_free(dir);
	return path;
}

static struct archive_proof *
proof_new(void)
{
	struct archive_proof *proof = mem_calloc(1, sizeof *proof);

	must(pthread_mutex_init(&proof->lock, NULL) == 0);
	return proof;
}

void
archive_proof_free(struct archive_proof **pointer)
{
	struct archive_proof *proof = *pointer;

	*pointer = NULL;
	if (proof == NULL)
		return;
	proof_log_close(&proof->log);
	secret_free(&proof->secrets);
	secret_free(&proof->seed);
	secret_free(&proof->leaf_key);
	(void)pthread_mutex_destroy(&proof->lock);
	mem_free(proof);
}

/* A key of the archive that outlives rotations wraps the log's secrets. */
static struct crypt_keys *
wrapping(const struct archive *a, const struct archive_volume *v, struct buf *context)
{
	buf_init(context, 256);
	buf_append_str(context, KEY_CONTEXT);
	buf_append_str(context, v->id);
	return crypt_keys_new(v->proof_key, &a->options.rng);
}

static void
secrets_split(struct archive_proof *proof)
{
	struct bytes both = secret_view(proof->secrets);

	proof->seed = secret_of(bytes_slice(both, 0, CRYPT_KEY_BYTES));
	proof->leaf_key = secret_of(bytes_slice(both, CRYPT_KEY_BYTES, CRYPT_KEY_BYTES));
}

static bool
secrets_make(struct archive *a, struct archive_volume *v, struct archive_proof *proof,
    const char *path, struct err *err)
{
	struct secret *leaf_key = proof_leaf_key(v->key);
	struct buf context, wrapped;
	struct crypt_keys *keys;
	bool ok;

	proof->secrets = secret_random(SECRET_BYTES, &a->options.rng);
	memcpy(secret_data(proof->secrets) + CRYPT_KEY_BYTES, secret_view(leaf_key).ptr,
	    CRYPT_KEY_BYTES);
	secrets_split(proof);
	buf_init(&wrapped, CRYPT_WRAPPED_BYTES_MAX);
	keys = wrapping(a, v, &context);
	ok = crypt_keys_wrap(keys, buf_view(&context), proof->secrets, &wrapped, err) &&
	     os_fs_write_file(a->options.fs, path, buf_view(&wrapped), err);
	crypt_keys_free(&keys);
	buf_fini(&context);
	buf_fini(&wrapped);
	secret_free(&leaf_key);
	return ok;
}

static bool
secrets_load(struct archive *a, struct archive_volume *v, struct archive_proof *proof,
    const char *path, struct err *err)
{
	struct buf context, wrapped;
	struct crypt_keys *keys;
	bool ok;

	buf_init(&wrapped, CRYPT_WRAPPED_BYTES_MAX);
	keys = wrapping(a, v, &context);
	ok = os_fs_read_file(a->options.fs, path, CRYPT_WRAPPED_BYTES_MAX, &wrapped, err) &&
	     crypt_keys_unwrap(keys, buf_view(&context), buf_view(&wrapped), &proof->secrets, err);
	if (ok && secret_view(proof->secrets).len != SECRET_BYTES) {
		secret_free(&proof->secrets);
		ok = ERR(err, ERR_CORRUPT, "not the key of a log");
	}
	if (ok)
		secrets_split(proof);
	crypt_keys_free(&keys);
	buf_fini(&context);
	buf_fini(&wrapped);
	return ok || err_prefix(err, "%s", path);
}

/* The origin is INSTALLATION/ARCHIVE; a name that no key may have falls back to the program's. */
static void
key_make(const struct archive *a, const struct archive_volume *v, const struct archive_proof *proof,
    struct proof_key *out)
{
	uint8_t public_key[CRYPT_SIGN_PUBLIC_BYTES];
	const char *installation = a->options.installation;
	struct buf name;
	struct err err;

	crypt_sign_public(proof->seed, public_key);
	buf_init(&name, 4096);
	if (installation != NULL && installation[0] != '\0')
		buf_printf(&name, "%s/%s", installation, v->id);
	if (!proof_key_make(out, PROOF_KEY_LOG, buf_view(&name), public_key, &err)) {
		buf_reset(&name);
		buf_printf(&name, "daybook/%s", v->id);
		must(proof_key_make(out, PROOF_KEY_LOG, buf_view(&name), public_key, &err));
	}
	buf_fini(&name);
}

/* vkey: the name that was chosen when it was made, and the public key; one line. */
static void
vkey_format(const struct proof_key *key, struct buf *out)
{
	buf_init(out, PROOF_VKEY_BYTES_MAX + 1);
	proof_key_format(key, out);
	buf_append_byte(out, '\n');
}

static bool
vkey_write(struct archive *a, const char *path, const struct proof_key *key, struct err *err)
{
	struct buf text;
	bool ok;

	vkey_format(key, &text);
	ok = os_fs_write_file(a->options.fs, path, buf_view(&text), err);
	buf_fini(&text);
	return ok;
}

/* What is read is, to the byte, what is written for the key it names: another case or line end is damage, too. */
static bool
vkey_parse(struct bytes text, struct proof_key *out, struct err *err)
{
	struct buf right;
	bool ok;

	if (!proof_key_parse(bytes_trim(text), out, err))
		return false;
	vkey_format(out, &right);
	ok = bytes_equal(text, buf_view(&right)) ||
	     ERR(err, ERR_CORRUPT, "it is not what was written");
	buf_fini(&right);
	return ok;
}

static bool
vkey_read(struct archive *a, const char *path, const struct archive_proof *proof,
    struct proof_key *out, struct err *err)
{
	uint8_t public_key[CRYPT_SIGN_PUBLIC_BYTES];
	struct buf text;
	bool ok;

	buf_init(&text, PROOF_VKEY_BYTES_MAX + 1);
	crypt_sign_public(proof->seed, public_key);
	ok = os_fs_read_file(a->options.fs, path, PROOF_VKEY_BYTES_MAX + 1, &text, err) &&
	     vkey_parse(buf_view(&text), out, err) &&
	     (memcmp(out->public_key, public_key, sizeof public_key) == 0 ||
		 ERR(err, ERR_CORRUPT, "it is not the log's own key"));
	buf_fini(&text);
	return ok || err_prefix(err, "%s", path);
}

static bool
is_there(struct archive *a, const char *path, bool *out, struct err *err)
{
	struct os_stat st;

	*out = os_fs_stat(a->options.fs, path, &st, err);
	return *out || err->code == ERR_NOT_FOUND;
}

/*
 * Key, name, empty log, in this order; what an earlier call made already is taken up. The name stands before anything
 * is signed with it: another installation name, or none, must not come between the two.
 */
static bool
proof_make(
    struct archive *a, struct archive_volume *v, struct archive_proof *proof, struct err *err)
{
	char *dir = archive_proof_path(a, v, ""), *key_path = archive_proof_path(a, v, "key"),
	     *vkey_path = archive_proof_path(a, v, "vkey");
	struct proof_key key;
	bool has_key, has_vkey = false, ok;

	ok = os_fs_mkdir_path(a->options.fs, dir, err) && is_there(a, key_path, &has_key, err) &&
	     is_there(a, vkey_path, &has_vkey, err) &&
	     (has_key ? secrets_load(a, v, proof, key_path, err)
		      : secrets_make(a, v, proof, key_path, err));
	if (ok) {
		struct proof_log_options o = {
		    .fs = a->options.fs, .dir = dir, .key = &key, .seed = proof->seed};

		if (has_vkey) {
			ok = vkey_read(a, vkey_path, proof, &key, err) &&
			     os_fs_sync_dir(a->options.fs, dir, err);
		} else {
			key_make(a, v, proof, &key);
			ok = vkey_write(a, vkey_path, &key, err);
		}
		ok = ok && proof_log_create(&o, err) && proof_log_open(&o, &proof->log, err);
	}
	mem_free(dir);
	mem_free(key_path);
	mem_free(vkey_path);
	return ok;
}

bool
archive_proof_create(struct archive *a, struct archive_volume *v, struct err *err)
{
	struct archive_proof *proof = proof_new();

	if (!proof_make(a, v, proof, err)) {
		archive_proof_free(&proof);
		return false;
	}
	v->proof = proof;
	return true;
}

static bool
proof_load(
    struct archive *a, struct archive_volume *v, struct archive_proof *proof, struct err *err)
{
	char *dir = archive_proof_path(a, v, ""), *key_path = archive_proof_path(a, v, "key"),
	     *vkey_path = archive_proof_path(a, v, "vkey");
	struct proof_key key;
	struct proof_log_options o = {.fs = a->options.fs, .dir = dir, .key = &key};
	bool ok;

	ok = secrets_load(a, v, proof, key_path, err) && vkey_read(a, vkey_path, proof, &key, err);
	if (ok) {
		o.seed = proof->seed;
		ok = proof_log_open(&o, &proof->log, err);
	}
	mem_free(dir);
	mem_free(key_path);
	mem_free(vkey_path);
	return ok;
}

static bool
secrets_check(struct archive *a, struct archive_volume *v, const char *path, struct err *err)
{
	struct archive_proof *again = proof_new();
	bool ok = secrets_load(a, v, again, path, err) &&
		  (bytes_equal(secret_view(again->secrets), secret_view(v->proof->secrets)) ||
		      ERR(err, ERR_CORRUPT, "%s: it is not the log's own key", path));

	archive_proof_free(&again);
	return ok;
}

bool
archive_proof_names_check(struct archive *a, struct archive_volume *v, struct err *err)
{
	char *key_path = archive_proof_path(a, v, "key"),
	     *vkey_path = archive_proof_path(a, v, "vkey");
	const struct proof_key *key = proof_log_key(v->proof->log);
	struct proof_key there;
	bool ok;

	ok = secrets_check(a, v, key_path, err) && vkey_read(a, vkey_path, v->proof, &there, err) &&
	     (strcmp(there.name, key->name) == 0 ||
		 ERR(err, ERR_CORRUPT, "%s: it is not the log's own name", vkey_path));
	mem_free(key_path);
	mem_free(vkey_path);
	return ok;
}

void
archive_proof_leaf(
    const struct archive_proof *proof, const struct pack_row *row, struct proof_leaf *out)
{
	uint8_t salt[PROOF_SALT_BYTES];
	struct proof_record record = {.id = row->id,
	    .received_ms = row->received_ms,
	    .size_bytes = row->size_bytes,
	    .sender = row->columns.envelope_from,
	    .recipients = row->recipients,
	    .recipient_count = row->recipient_count};

	memcpy(record.sha256, row->sha256, sizeof record.sha256);
	proof_leaf_salt(
	    salt, proof->leaf_key, PROOF_RECORD, bytes_of(row->id.raw, sizeof row->id.raw));
	proof_leaf_of_record(out, salt, &record);
}

void
archive_proof_leaf_hash(const struct archive_volume *v, const struct pack_row *row, uint8_t out[32])
{
	struct proof_hash hash = {0};
	struct proof_leaf leaf;

	/* The key is there from the log's opening to the volume's end. */
	if (row->leaf_index != PACK_LEAF_NONE && v->proof->leaf_key != NULL) {
		archive_proof_leaf(v->proof, row, &leaf);
		proof_leaf_hash(&hash, &leaf);
	}
	memcpy(out, hash.raw, sizeof hash.raw);
}

/* Leaves by index, from any number of packs. */
struct missing {
	uint64_t index;
	struct proof_leaf leaf;
};
struct missing_list {
	struct missing *list;
	size_t count, room;
};

static int
by_index(const void *a, const void *b)
{
	const struct missing *x = a, *y = b;

	return x->index < y->index ? -1 : x->index > y->index;
}

static void
missing_room(struct missing_list *m)
{
	if (m->count < m->room)
		return;
	m->room = m->room == 0 ? 256 : m->room * 2;
	m->list = mem_realloc_array(m->list, m->room, sizeof *m->list);
}

static void
missing_add(struct missing_list *m, const struct archive_proof *proof, const struct pack_row *row)
{
	missing_room(m);
	m->list[m->count].index = row->leaf_index;
	archive_proof_leaf(proof, row, &m->list[m->count++].leaf);
}

/* What of a pack the log does not have. */
static bool
missing_gather(const struct archive_proof *proof, struct pack *pack, uint64_t size,
    struct missing_list *out, struct err *err)
{
	struct pack_reader *reader = NULL;
	struct pack_info info;
	struct pack_row row;
	struct arena arena;
	bool ok;

	pack_info_get(pack, &info);
	if (info.leaf_last == PACK_LEAF_NONE || info.leaf_last < size)
		return true;
	ok = pack_reader_new(pack, &reader, err);
	for (size_t i = 0; ok && i < info.records; i++) {
		arena_init(&arena);
		ok = pack_reader_row(reader, i, &arena, &row, err);
		if (ok && row.leaf_index != PACK_LEAF_NONE && row.leaf_index >= size)
			missing_add(out, proof, &row);
		arena_fini(&arena);
	}
	pack_reader_free(&reader);
	return ok;
}

/* From where the log ends, without a gap; one index may come twice, from twins. */
static bool
missing_append(struct archive_proof *proof, struct missing_list *m, struct err *err)
{
	uint64_t size = proof_log_size(proof->log);
	struct proof_leaf *leaves;
	size_t count = 0;
	bool ok;

	if (m->count == 0)
		return true;
	qsort(m->list, m->count, sizeof *m->list, by_index);
	leaves = mem_calloc(m->count, sizeof *leaves);
	for (size_t i = 0; i < m->count; i++)
		if (m->list[i].index == size + count)
			leaves[count++] = m->list[i].leaf;
	ok = proof_log_append(proof->log, leaves, count, err);
	mem_free(leaves);
	if (ok && size + count <= m->list[m->count - 1].index)
		ok = ERR(err, ERR_CORRUPT,
		    "leaf %llu of the log is in no pack, and %llu and more behind it are",
		    (unsigned long long)(size + count),
		    (unsigned long long)m->list[m->count - 1].index);
	return ok;
}

struct gathering {
	const struct archive_proof *proof;
	struct missing_list *missing;
};

static bool
removal_gather(void *ctx, const struct archive_removal *removal)
{
	const struct gathering *g = ctx;

	if (removal->leaf_index >= proof_log_size(g->proof->log)) {
		missing_room(g->missing);
		g->missing->list[g->missing->count].index = removal->leaf_index;
		archive_removals_leaf(
		    g->proof, removal, &g->missing->list[g->missing->count++].leaf);
	}
	return true;
}

static bool
packs_append(struct archive *a, struct archive_volume *v, struct pack *const *packs, size_t count,
    struct err *err)
{
	struct archive_proof *proof = v->proof;
	struct missing_list m = {0};
	struct gathering g = {proof, &m};
	bool ok = proof_log_ready(proof->log, err) &&
		  archive_removals_each(a, v, removal_gather, &g, err);

	for (size_t i = 0; ok && i < count; i++)
		ok = missing_gather(proof, packs[i], proof_log_size(proof->log), &m, err);
	ok = ok && missing_append(proof, &m, err);
	mem_free(m.list);
	return ok;
}

/* What is wrong with a log is no reason to keep the mail out; what is wrong with the machine is. */
static bool
trouble_keep(struct archive_volume *v, struct archive_proof *proof, struct err *err)
{
	if (err->code == ERR_IO || err->code == ERR_NO_SPACE)
		return false;
	proof_log_close(&proof->log);
	(void)snprintf(proof->trouble, sizeof proof->trouble, "%s", err->msg);
	log_error(
	    "archive %s: its proof log is damaged and takes no leaves until it is repaired: %s",
	    v->id, err->msg);
	return true;
}

static bool
any_leaf(const struct archive_volume *v)
{
	struct pack_info info;

	for (size_t i = 0; i < v->pack_count; i++) {
		pack_info_get(v->packs[i], &info);
		if (info.leaf_first != PACK_LEAF_NONE)
			return true;
	}
	return false;
}

/* Secrets and log go; who asks for the log hears why from the volume. */
static void
proof_empty(struct archive_proof *proof)
{
	proof_log_close(&proof->log);
	secret_free(&proof->secrets);
	secret_free(&proof->seed);
	secret_free(&proof->leaf_key);
}

void
archive_proof_absent(struct archive_volume *v)
{
	if (v->proof == NULL)
		v->proof = proof_new();
	archive_lock(&v->proof->lock);
	proof_empty(v->proof);
	(void)snprintf(v->proof->trouble, sizeof v->proof->trouble, "its keys are not there");
	archive_unlock(&v->proof->lock);
}

static bool
log_recover(struct archive *a, struct archive_volume *v, struct err *err)
{
	struct archive_proof *proof = v->proof;
	char *vkey = archive_proof_path(a, v, "vkey"),
	     *checkpoint = archive_proof_path(a, v, "checkpoint");
	bool named, begun, ok;

	ok = is_there(a, vkey, &named, err) && is_there(a, checkpoint, &begun, err);
	if (ok && !(named && begun) && any_leaf(v))
		ok = ERR(err, ERR_CORRUPT, "%s is gone, though records have leaves",
		    named ? checkpoint : vkey);
	ok = ok && (named && begun ? proof_load(a, v, proof, err) : proof_make(a, v, proof, err)) &&
	     packs_append(a, v, v->packs, v->pack_count, err);
	mem_free(vkey);
	mem_free(checkpoint);
	return ok || trouble_keep(v, proof, err);
}

bool
archive_proof_recover(struct archive *a, struct archive_volume *v, struct err *err)
{
	bool ok = true;

	if (v->proof == NULL)
		v->proof = proof_new();
	archive_lock(&v->proof->lock);
	if (v->proof->log == NULL) {
		proof_empty(v->proof);
		ok = log_recover(a, v, err);
	}
	archive_unlock(&v->proof->lock);
	return ok;
}

bool
archive_proof_next(
    struct archive *a, struct archive_volume *v, uint64_t *first_out, struct err *err)
{
	struct archive_proof *proof = v->proof;
	struct archive_view view;
	bool ok = true;

	archive_view_take(a, v, INT64_MIN, INT64_MAX, &view);
	archive_lock(&proof->lock);
	if (proof->log != NULL) {
		ok = proof->behind ? packs_append(a, v, view.packs, view.pack_count, err)
				   : proof_log_ready(proof->log, err);
		ok = ok || trouble_keep(v, proof, err);
		proof->behind = proof->behind && !ok;
	}
	*first_out = proof->log == NULL ? PACK_LEAF_NONE : proof_log_size(proof->log);
	archive_unlock(&proof->lock);
	archive_view_fini(a, &view);
	return ok;
}

void
archive_proof_pack(struct archive *a, struct archive_volume *v, struct pack *pack)
{
	struct archive_proof *proof = v->proof;
	struct err err;

	archive_lock(&proof->lock);
	if (proof->log != NULL && !packs_append(a, v, &pack, 1, &err)) {
		proof->behind = true;
		log_warn("archive %s: leaves of a pack are not in its log yet: %s", v->id, err.msg);
	}
	archive_unlock(&proof->lock);
}

void
archive_proof_removed(struct archive *a, struct archive_volume *v, const struct archive_gone *gone,
    size_t count, uint8_t reason)
{
	struct archive_proof *proof = v->proof;
	struct archive_removal *list;
	size_t kept = 0;
	uint64_t size;
	struct err err;
	bool ok;

	/* Catches up, so that the indices of the removals are those that come next. */
	if (!archive_proof_next(a, v, &size, &err)) {
		log_error("archive %s: removals are not in its log: %s", v->id, err.msg);
		return;
	}
	list = mem_calloc(count, sizeof *list);
	archive_lock(&proof->lock);
	for (size_t i = 0; proof->log != NULL && i < count; i++) {
		struct archive_removal *r = &list[kept];

		if (gone[i].leaf_index == PACK_LEAF_NONE ||
		    !proof_log_leaf_hash(proof->log, gone[i].leaf_index, &r->what.leaf_hash, &err))
			continue;
		r->leaf_index = size + kept++;
		r->what.id = gone[i].id;
		r->what.leaf_index = gone[i].leaf_index;
		r->what.removed_ms = clock_now_ms(&a->options.clock);
		r->what.reason = reason;
	}
	ok = kept == 0 ||
	     (archive_removals_append(a, v, list, kept, &err) && packs_append(a, v, NULL, 0, &err));
	proof->behind = proof->behind || !ok;
	if (!ok)
		log_warn("archive %s: removals are not in its log yet: %s", v->id, err.msg);
	archive_unlock(&proof->lock);
	mem_free(list);
}
