/* SPDX-License-Identifier: Apache-2.0 */
/* What all services share: the head of a wrapped key, and the context inside the payload. */
#include <string.h>

#include "base_mem.h"
#include "crypt_digest.h"
#include "keys_int.h"

/* docs/formats/wrapped-key.md, version 2. */
#define HEAD_BYTES   (1 + CRYPT_KEY_ID_BYTES)
#define DIGEST_BYTES CRYPT_SHA256_BYTES

_Static_assert(KEYS_PAYLOAD_MAX == CRYPT_DATA_KEY_BYTES_MAX + DIGEST_BYTES, "a payload fits");

struct service {
	struct keys_backend backend;
	char *name;
	uint8_t id[CRYPT_KEY_ID_BYTES];
};

static const char *const kind_names[] = {[KEYS_PKCS11] = "pkcs11",
    [KEYS_AWS_KMS] = "aws-kms",
    [KEYS_VAULT_TRANSIT] = "vault-transit",
    [KEYS_COMMAND] = "command"};

const char *
keys_kind_name(enum keys_kind kind)
{
	return kind_names[kind];
}

bool
keys_kind_find(const char *name, enum keys_kind *out)
{
	for (size_t i = 0; i < sizeof kind_names / sizeof kind_names[0]; i++)
		if (strcmp(kind_names[i], name) == 0) {
			*out = (enum keys_kind)i;
			return true;
		}
	return false;
}

void
keys_text_init(struct keys_text *t)
{
	t->memory = secret_new(KEYS_REPLY_MAX + 1);
	/* Room for all there may be: the buffer has no reason to ask for other memory. */
	t->buf = (struct buf){
	    .ptr = secret_data(t->memory), .cap = KEYS_REPLY_MAX, .max = KEYS_REPLY_MAX};
}

void
keys_text_fini(struct keys_text *t)
{
	secret_free(&t->memory);
	memset(&t->buf, 0, sizeof t->buf);
}

/* What a key is called wherever it is asked for, digested to the size of an id. */
static void
id_make(uint8_t out[CRYPT_KEY_ID_BYTES], enum keys_kind kind, const char *identity)
{
	uint8_t digest[CRYPT_SHA256_BYTES];
	struct crypt_sha256_stream *s = crypt_sha256_new();

	crypt_sha256_add(s, BYTES_LIT("daybook key service\n"));
	crypt_sha256_add(s, bytes_of_str(kind_names[kind]));
	crypt_sha256_add(s, BYTES_LIT("\n"));
	crypt_sha256_add(s, bytes_of_str(identity));
	crypt_sha256_done(&s, digest);
	memcpy(out, digest, CRYPT_KEY_ID_BYTES);
}

static bool
service_wrap(void *self, struct bytes context, const struct secret *data_key, struct buf *out,
    struct err *err)
{
	struct service *s = self;
	struct bytes key = secret_view(data_key);
	struct secret *payload;
	struct buf sealed;
	bool ok;

	must(key.len <= CRYPT_DATA_KEY_BYTES_MAX);
	if (context.len > CRYPT_CONTEXT_BYTES_MAX)
		return ERR(err, ERR_LIMIT, "a key context of %zu bytes", context.len);
	payload = secret_new(key.len + DIGEST_BYTES);
	memcpy(secret_data(payload), key.ptr, key.len);
	crypt_sha256(secret_data(payload) + key.len, context);
	buf_init(&sealed, KEYS_SEALED_MAX);
	ok = s->backend.ops->seal(s->backend.self, context, secret_view(payload), &sealed, err) &&
	     buf_ok(&sealed, err);
	if (ok && sealed.len == 0)
		ok = ERR(err, ERR_SEALED, "it wrapped the key to nothing");
	if (ok) {
		buf_u8(out, CRYPT_WRAPPED_VERSION_SERVICE);
		buf_append_mem(out, s->id, sizeof s->id);
		buf_append(out, buf_view(&sealed));
		ok = buf_ok(out, err);
	}
	buf_fini(&sealed);
	secret_free(&payload);
	return ok || err_prefix(err, "key service %s", s->name);
}

static bool
payload_open(
    const struct secret *payload, struct bytes context, struct secret **out, struct err *err)
{
	struct bytes p = secret_view(payload);
	uint8_t digest[DIGEST_BYTES];
	size_t len = p.len - DIGEST_BYTES;

	if (p.len <= DIGEST_BYTES || len > CRYPT_DATA_KEY_BYTES_MAX)
		return ERR(err, ERR_SEALED, "what it unwrapped is no data key");
	crypt_sha256(digest, context);
	if (!bytes_equal_secret(bytes_slice(p, len, DIGEST_BYTES), bytes_of(digest, sizeof digest)))
		return ERR(err, ERR_SEALED, "the wrapped key is not for this context");
	*out = secret_of(bytes_slice(p, 0, len));
	return true;
}

static bool
service_unwrap(void *self, struct bytes context, struct bytes wrapped, struct secret **data_key_out,
    struct err *err)
{
	struct service *s = self;
	struct secret *payload = NULL;
	char id[CRYPT_KEY_ID_SIZE];
	bool ok;

	if (!crypt_keys_id_of(wrapped, id, err))
		return false;
	if (wrapped.ptr[0] != CRYPT_WRAPPED_VERSION_SERVICE ||
	    !bytes_equal(
		bytes_slice(wrapped, 1, CRYPT_KEY_ID_BYTES), bytes_of(s->id, sizeof s->id)))
		return ERR(
		    err, ERR_SEALED, "wrapped by key %s, not by key service %s", id, s->name);
	if (wrapped.len <= HEAD_BYTES || wrapped.len > CRYPT_WRAPPED_ANY_BYTES_MAX)
		return ERR(err, ERR_CORRUPT, "not a wrapped key");
	if (context.len > CRYPT_CONTEXT_BYTES_MAX)
		return ERR(err, ERR_SEALED, "a key context of %zu bytes", context.len);
	ok = s->backend.ops->unseal(s->backend.self, context,
		 bytes_slice(wrapped, HEAD_BYTES, wrapped.len), &payload, err) &&
	     payload_open(payload, context, data_key_out, err);
	secret_free(&payload);
	return ok || err_prefix(err, "key service %s", s->name);
}

static void
service_free(void *self)
{
	struct service *s = self;

	s->backend.ops->close(s->backend.self);
	mem_free(s->name);
	mem_free(s);
}

static bool
backend_open(const struct keys_options *o, struct keys_backend *out, struct err *err)
{
	switch (o->kind) {
	case KEYS_PKCS11:
		return keys_pkcs11_open(o, out, err);
	case KEYS_AWS_KMS:
		return keys_kms_open(o, out, err);
	case KEYS_VAULT_TRANSIT:
		return keys_vault_open(o, out, err);
	case KEYS_COMMAND:
		return keys_command_open(o, out, err);
	}
	return ERR(err, ERR_USAGE, "no such kind of key service");
}

bool
keys_service_open(const struct keys_options *o, struct crypt_keys **out, struct err *err)
{
	static const struct crypt_keys_ops ops = {service_wrap, service_unwrap, service_free};
	struct keys_options options = *o;
	struct service *s;

	if (options.call_ms == 0)
		options.call_ms = KEYS_CALL_MS;
	must(options.call_ms <= KEYS_CALL_MS_MAX && strlen(o->name) <= KEYS_NAME_MAX);
	s = mem_calloc(1, sizeof *s);
	if (!backend_open(&options, &s->backend, err)) {
		mem_free(s);
		return err_prefix(err, "key service %s", o->name);
	}
	s->name = mem_strdup(o->name);
	id_make(s->id, o->kind, s->backend.identity);
	*out = crypt_keys_of(&ops, s, s->id, o->name);
	return true;
}
