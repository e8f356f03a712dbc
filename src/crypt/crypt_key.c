/* SPDX-License-Identifier: Apache-2.0 */
/* A key service as others hold it: a table of functions, an id and a name. */
#include "crypt_key.h"

#include <string.h>

#include "base_mem.h"
#include "base_text.h"

struct crypt_keys {
	const struct crypt_keys_ops *ops;
	void *self;
	char *name;
	char id_text[CRYPT_KEY_ID_SIZE];
};

struct crypt_keys *
crypt_keys_of(const struct crypt_keys_ops *ops, void *self, const uint8_t id[CRYPT_KEY_ID_BYTES],
    const char *name)
{
	struct crypt_keys *k = mem_alloc(sizeof *k);

	k->ops = ops;
	k->self = self;
	k->name = mem_strdup(name);
	text_hex_format(k->id_text, bytes_of(id, CRYPT_KEY_ID_BYTES));
	return k;
}

void
crypt_keys_free(struct crypt_keys **k)
{
	if (*k == NULL)
		return;
	(*k)->ops->close((*k)->self);
	mem_free((*k)->name);
	mem_free(*k);
	*k = NULL;
}

const char *
crypt_keys_id(const struct crypt_keys *k)
{
	return k->id_text;
}

const char *
crypt_keys_name(const struct crypt_keys *k)
{
	return k->name;
}

bool
crypt_keys_id_of(struct bytes wrapped, char id_out[CRYPT_KEY_ID_SIZE], struct err *err)
{
	struct reader r;
	struct bytes id;
	uint8_t version;

	reader_init(&r, wrapped);
	version = reader_u8(&r);
	id = reader_take(&r, CRYPT_KEY_ID_BYTES);
	if (!reader_ok(&r) || version == 0 || version > CRYPT_WRAPPED_VERSION_SERVICE)
		return ERR(err, ERR_CORRUPT, "not a wrapped key");
	text_hex_format(id_out, id);
	return true;
}

bool
crypt_keys_wrap(struct crypt_keys *k, struct bytes context, const struct secret *data_key,
    struct buf *out, struct err *err)
{
	return k->ops->wrap(k->self, context, data_key, out, err);
}

bool
crypt_keys_unwrap(struct crypt_keys *k, struct bytes context, struct bytes wrapped,
    struct secret **data_key_out, struct err *err)
{
	return k->ops->unwrap(k->self, context, wrapped, data_key_out, err);
}
