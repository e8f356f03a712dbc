/* SPDX-License-Identifier: Apache-2.0 */
/* A chain of blocks; a large request gets a block of its own. */
#include "base_arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base_mem.h"

#define ARENA_BLOCK_BYTES 4096
#define ARENA_ALIGN       16

struct arena_block {
	struct arena_block *next;
	size_t len;
	size_t cap;
	_Alignas(ARENA_ALIGN) uint8_t data[];
};

void
arena_init(struct arena *a)
{
	*a = (struct arena){NULL, 0};
}

void
arena_fini(struct arena *a)
{
	struct arena_block *block = a->head;

	while (block != NULL) {
		struct arena_block *next = block->next;

		mem_free(block);
		block = next;
	}
	arena_init(a);
}

void *
arena_alloc(struct arena *a, size_t size)
{
	struct arena_block *block = a->head;
	size_t need, cap;
	void *ptr;

	must(size < SIZE_MAX / 2);
	need = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	if (block == NULL || block->cap - block->len < need) {
		cap = need > ARENA_BLOCK_BYTES ? need : ARENA_BLOCK_BYTES;
		block = mem_alloc(sizeof *block + cap);
		block->len = 0;
		block->cap = cap;
		block->next = a->head;
		a->head = block;
	}
	ptr = block->data + block->len;
	memset(ptr, 0, need);
	block->len += need;
	a->used_bytes += need;
	return ptr;
}

void *
arena_calloc(struct arena *a, size_t count, size_t size)
{
	must(size == 0 || count <= SIZE_MAX / 2 / size);
	return arena_alloc(a, count * size);
}

char *
arena_text(struct arena *a, struct bytes data)
{
	char *copy = arena_alloc(a, data.len + 1);

	if (data.len > 0)
		memcpy(copy, data.ptr, data.len);
	return copy;
}

char *
arena_strdup(struct arena *a, const char *text)
{
	return arena_text(a, bytes_of_str(text));
}

struct bytes
arena_bytes(struct arena *a, struct bytes data)
{
	return (struct bytes){(const uint8_t *)arena_text(a, data), data.len};
}

char *
arena_printf(struct arena *a, const char *format, ...)
{
	va_list ap, again;
	int need;
	char *text;

	va_start(ap, format);
	va_copy(again, ap);
	need = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	must(need >= 0);
	text = arena_alloc(a, (size_t)need + 1);
	(void)vsnprintf(text, (size_t)need + 1, format, again);
	va_end(again);
	return text;
}
