/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a pack by the SHA-256 of their bytes: each is kept once. */
#include <string.h>

#include "base_mem.h"
#include "pack_writer_int.h"

#define SLOTS_MIN 1024u

/* Digests are as good as random: any of their bytes will do. */
static size_t
slot_of(const struct pack_part_table *t, const uint8_t digest[CRYPT_SHA256_BYTES])
{
	uint64_t hash;

	memcpy(&hash, digest, sizeof hash);
	return (size_t)hash & (t->slot_count - 1);
}

uint32_t
pack_part_table_find(const struct pack_part_table *t, const uint8_t digest[CRYPT_SHA256_BYTES])
{
	if (t->slot_count == 0)
		return UINT32_MAX;
	for (size_t i = slot_of(t, digest); t->slots[i] != 0; i = (i + 1) & (t->slot_count - 1))
		if (memcmp(t->digests[t->slots[i] - 1], digest, CRYPT_SHA256_BYTES) == 0)
			return t->slots[i] - 1;
	return UINT32_MAX;
}

static void
slot_take(struct pack_part_table *t, uint32_t number)
{
	size_t i = slot_of(t, t->digests[number]);

	while (t->slots[i] != 0)
		i = (i + 1) & (t->slot_count - 1);
	t->slots[i] = number + 1;
}

void
pack_part_table_add(
    struct pack_part_table *t, uint32_t count, const uint8_t digest[CRYPT_SHA256_BYTES])
{
	t->digests = pack_array_grow(t->digests, count, &t->digest_cap, sizeof *t->digests);
	memcpy(t->digests[count], digest, CRYPT_SHA256_BYTES);
	if ((size_t)count * 2 >= t->slot_count) {
		t->slot_count = t->slot_count == 0 ? SLOTS_MIN : t->slot_count * 2;
		mem_free(t->slots);
		t->slots = mem_calloc(t->slot_count, sizeof *t->slots);
		for (uint32_t i = 0; i < count; i++)
			slot_take(t, i);
	}
	slot_take(t, count);
}
