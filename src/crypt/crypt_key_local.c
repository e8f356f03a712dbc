/* SPDX-License-Identifier: Apache-2.0 */
/* The key service over one key-encryption key held in memory. */
#include "crypt_key.h"

#include <string.h>

#include "base_mem.h"
#include "base_text.h"
#include "crypt_digest.h"
#include "crypt_seal.h"

/* Wrapped key, version 1: version, key id, nonce, sealed data key. docs/formats/wrapped-key.md. */
#define WRAPPED_VERSION     CRYPT_WRAPPED_VERSION_LOCAL
#define KEY_ID_BYTES        CRYPT_KEY_ID_BYTES
#define WRAPPED_HEAD_BYTES  (1 + KEY_ID_BYTES)
#define WRAPPED_EXTRA_BYTES (WRAPPED_HEAD_BYTES + CRYPT_NONCE_BYTES + CRYPT_TAG_BYTES)
#define AAD_BYTES_MAX       (WRAPPED_HEAD_BYTES + CRYPT_CONTEXT_BYTES_MAX)

_Static_assert(WRAPPED_EXTRA_BYTES + CRYPT_DATA_KEY_BYTES_MAX <= CRYPT_WRAPPED_BYTES_MAX,
    "a wrapped key fits");

struct local {
	struct secret *key;
	struct rng rng;
	uint8_t id[KEY_ID_BYTES];
};

/* The id is a digest under its own label, so that it says nothing about any other use of the key. */
static void
key_id(uint8_t out[KEY_ID_BYTES], const struct secret *key)
{
	uint8_t digest[CRYPT_SHA256_BYTES];

	crypt_hmac_sha256(digest, secret_view(key), BYTES_LIT("daybook key id"));
	memcpy(out, digest, KEY_ID_BYTES);
}

/* What the seal is bound to: the head of the wrapped key, then the context. */
static void
aad_format(struct buf *aad, struct bytes head, struct bytes context)
{
	buf_append(aad, head);
	buf_append(aad, context);
	must(!aad->failed);
}

static bool
local_wrap(void *self, struct bytes context, const struct secret *data_key, struct buf *out,
    struct err *err)
{
	struct local *k = self;
	uint8_t head[WRAPPED_HEAD_BYTES], nonce[CRYPT_NONCE_BYTES];
	struct crypt_sealer *sealer;
	struct bytes key = secret_view(data_key);
	struct buf aad;

	must(key.len <= CRYPT_DATA_KEY_BYTES_MAX);
	if (context.len > CRYPT_CONTEXT_BYTES_MAX)
		return ERR(err, ERR_LIMIT, "a key context of %zu bytes", context.len);
	head[0] = WRAPPED_VERSION;
	memcpy(head + 1, k->id, KEY_ID_BYTES);
	rng_fill(&k->rng, nonce, sizeof nonce);
	buf_init(&aad, AAD_BYTES_MAX);
	aad_format(&aad, bytes_of(head, sizeof head), context);
	sealer = crypt_sealer_new(
	    k->key); /* one a call: the service is shared by threads, a sealer is not */
	buf_append_mem(out, head, sizeof head);
	buf_append_mem(out, nonce, sizeof nonce);
	crypt_seal(sealer, nonce, buf_view(&aad), key, out);
	crypt_sealer_free(&sealer);
	buf_fini(&aad);
	return buf_ok(out, err);
}

/* Takes version and key id off the reader and judges them. */
static bool
head_check(const struct local *k, struct reader *r, struct err *err)
{
	uint8_t version = reader_u8(r);
	struct bytes id = reader_take(r, KEY_ID_BYTES);
	char id_text[CRYPT_KEY_ID_SIZE], own_text[CRYPT_KEY_ID_SIZE];

	if (!reader_ok(r) || version != WRAPPED_VERSION)
		return ERR(err, ERR_CORRUPT, "not a wrapped key");
	if (!bytes_equal(id, bytes_of(k->id, sizeof k->id))) {
		text_hex_format(id_text, id);
		text_hex_format(own_text, bytes_of(k->id, sizeof k->id));
		return ERR(
		    err, ERR_SEALED, "wrapped by key %s, and this is key %s", id_text, own_text);
	}
	return true;
}

static bool
local_unwrap(void *self, struct bytes context, struct bytes wrapped, struct secret **data_key_out,
    struct err *err)
{
	struct local *k = self;
	struct bytes head = bytes_slice(wrapped, 0, WRAPPED_HEAD_BYTES), nonce, sealed;
	struct crypt_sealer *sealer = NULL;
	struct reader r;
	struct buf aad, plain;
	bool ok = false;

	buf_init(&plain, CRYPT_DATA_KEY_BYTES_MAX);
	buf_init(&aad, AAD_BYTES_MAX);
	reader_init(&r, wrapped);
	if (!head_check(k, &r, err))
		goto out;
	nonce = reader_take(&r, CRYPT_NONCE_BYTES);
	sealed = r.left;
	if (!reader_ok(&r) || sealed.len <= CRYPT_TAG_BYTES ||
	    sealed.len > CRYPT_DATA_KEY_BYTES_MAX + CRYPT_TAG_BYTES) {
		ERR(err, ERR_CORRUPT, "not a wrapped key");
		goto out;
	}
	if (context.len > CRYPT_CONTEXT_BYTES_MAX) {
		ERR(err, ERR_SEALED, "a key context of %zu bytes", context.len);
		goto out;
	}
	aad_format(&aad, head, context);
	sealer = crypt_sealer_new(k->key);
	if (!crypt_unseal(sealer, nonce.ptr, buf_view(&aad), sealed, &plain, err)) {
		ERR(err, ERR_SEALED, "the wrapped key is not for this context, or damaged");
		goto out;
	}
	*data_key_out = secret_of(buf_view(&plain));
	ok = true;
out:
	if (plain.ptr != NULL)
		secret_wipe(plain.ptr, plain.cap);
	buf_fini(&plain);
	buf_fini(&aad);
	crypt_sealer_free(&sealer);
	return ok;
}

static void
local_free(void *self)
{
	struct local *k = self;

	secret_free(&k->key);
	mem_free(k);
}

struct crypt_keys *
crypt_keys_new(const struct secret *key, const struct rng *rng)
{
	static const struct crypt_keys_ops ops = {local_wrap, local_unwrap, local_free};
	struct local *k = mem_alloc(sizeof *k);

	must(secret_view(key).len == CRYPT_KEY_BYTES);
	k->key = secret_of(secret_view(key));
	k->rng = *rng;
	key_id(k->id, key);
	return crypt_keys_of(&ops, k, k->id, "file");
}
