/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets live in libsodium's guarded pages: locked and undumped as far as the kernel allows, wiped when freed. */
#include "crypt_secret.h"

#include <string.h>

#include <sodium.h>

#include "base_mem.h"

#define SECRET_BYTES_MAX 4096

struct secret {
	size_t len;
	uint8_t *data;
};

struct secret *
secret_new(size_t len)
{
	struct secret *s = mem_alloc(sizeof *s);

	must(len > 0 && len <= SECRET_BYTES_MAX);
	must(sodium_init() >= 0); /* idempotent and thread-safe */
	s->len = len;
	s->data = sodium_malloc(len);
	must(s->data != NULL);
	memset(s->data, 0, len);
	return s;
}

struct secret *
secret_of(struct bytes data)
{
	struct secret *s = secret_new(data.len);

	memcpy(s->data, data.ptr, data.len);
	return s;
}

struct secret *
secret_random(size_t len, const struct rng *rng)
{
	struct secret *s = secret_new(len);

	rng_fill(rng, s->data, len);
	return s;
}

struct bytes
secret_view(const struct secret *s)
{
	return bytes_of(s->data, s->len);
}

uint8_t *
secret_data(struct secret *s)
{
	return s->data;
}

void
secret_free(struct secret **s)
{
	if (*s == NULL)
		return;
	sodium_free((*s)->data);
	mem_free(*s);
	*s = NULL;
}

void
secret_wipe(void *ptr, size_t len)
{
	if (len > 0)
		sodium_memzero(ptr, len);
}
