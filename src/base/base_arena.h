/* SPDX-License-Identifier: Apache-2.0 */
/* An arena: one unit of work's memory, freed all at once. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "base_bytes.h"

struct arena_block;

struct arena {
	struct arena_block *head;
	size_t used_bytes; /* everything handed out so far */
};

void arena_init(struct arena *a);
/* arena_fini: frees everything; the arena may be used again. */
void arena_fini(struct arena *a);
/* arena_alloc: zeroed, aligned for any type. */
void *arena_alloc(struct arena *a, size_t size) __attribute__((returns_nonnull));
void *arena_calloc(struct arena *a, size_t count, size_t size) __attribute__((returns_nonnull));
/* Copies that live as long as the arena; text is NUL-terminated. */
char *arena_strdup(struct arena *a, const char *text) __attribute__((returns_nonnull));
char *arena_text(struct arena *a, struct bytes data) __attribute__((returns_nonnull));
struct bytes arena_bytes(struct arena *a, struct bytes data);
char *arena_printf(struct arena *a, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
