/* SPDX-License-Identifier: Apache-2.0 */
/* Two key services as one, while the first takes the place of the second. */
#include <string.h>

#include "base_mem.h"
#include "base_text.h"
#include "crypt_key.h"

struct pair {
	struct crypt_keys *now, *before;
};

static bool
pair_wrap(void *self, struct bytes context, const struct secret *data_key, struct buf *out,
    struct err *err)
{
	struct pair *p = self;

	return crypt_keys_wrap(p->now, context, data_key, out, err);
}

static bool
pair_unwrap(void *self, struct bytes context, struct bytes wrapped, struct secret **data_key_out,
    struct err *err)
{
	struct pair *p = self;
	char id[CRYPT_KEY_ID_SIZE];
	bool old;

	if (!crypt_keys_id_of(wrapped, id, err))
		return false;
	old = strcmp(id, crypt_keys_id(p->before)) == 0;
	return crypt_keys_unwrap(old ? p->before : p->now, context, wrapped, data_key_out, err);
}

static void
pair_close(void *self)
{
	struct pair *p = self;

	crypt_keys_free(&p->now);
	crypt_keys_free(&p->before);
	mem_free(p);
}

struct crypt_keys *
crypt_keys_pair(struct crypt_keys *now, struct crypt_keys *before)
{
	static const struct crypt_keys_ops ops = {pair_wrap, pair_unwrap, pair_close};
	struct pair *p = mem_alloc(sizeof *p);
	uint8_t id[CRYPT_KEY_ID_BYTES];

	*p = (struct pair){now, before};
	must(text_hex_parse(id, sizeof id, bytes_of_str(crypt_keys_id(now))));
	return crypt_keys_of(&ops, p, id, crypt_keys_name(now));
}

bool
crypt_keys_is_own(const struct crypt_keys *k, struct bytes wrapped)
{
	char id[CRYPT_KEY_ID_SIZE];
	struct err ignored;

	return crypt_keys_id_of(wrapped, id, &ignored) && strcmp(id, crypt_keys_id(k)) == 0;
}
