/* SPDX-License-Identifier: Apache-2.0 */
/* The aborting allocator. */
#include "base_mem.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base_err.h"

#define ARENAS        2
#define KEEP_BYTES    (16 * 1024 * 1024) /* at the end of an arena */
#define TRIM_BYTES    (16 * 1024 * 1024) /* less is not worth walking the heap for */
#define GROW_BYTES    (512 * 1024)
#define OWN_MAP_BYTES (4 * 1024 * 1024)

void *
mem_alloc(size_t size)
{
	void *ptr = malloc(size > 0 ? size : 1);

	must(ptr != NULL);
	return ptr;
}

void *
mem_calloc(size_t count, size_t size)
{
	void *ptr = calloc(count > 0 ? count : 1, size > 0 ? size : 1);

	must(ptr != NULL);
	return ptr;
}

void *
mem_realloc(void *old, size_t size)
{
	void *ptr = realloc(old, size > 0 ? size : 1);

	must(ptr != NULL);
	return ptr;
}

void *
mem_realloc_array(void *old, size_t count, size_t size)
{
	must(size == 0 || count <= SIZE_MAX / size);
	return mem_realloc(old, count * size);
}

char *
mem_strdup(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = mem_alloc(size);

	memcpy(copy, text, size);
	return copy;
}

void
mem_free(void *ptr)
{
	free(ptr);
}

void
mem_setup(void)
{
	(void)mallopt(M_ARENA_MAX, ARENAS);
	(void)mallopt(M_TRIM_THRESHOLD, KEEP_BYTES);
	(void)mallopt(M_TOP_PAD, GROW_BYTES);
	(void)mallopt(M_MMAP_THRESHOLD, OWN_MAP_BYTES);
}

void
mem_trim(void)
{
	if (mallinfo2().fordblks >= TRIM_BYTES)
		(void)malloc_trim(0);
}
