/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is there or the process is not: every size a stranger can choose is checked before it gets here. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

/* mem_alloc: never NULL; contents undefined; size 0 is allowed. Free with mem_free. */
void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull));
/* mem_calloc: zeroed; count * size is checked for overflow. */
void *mem_calloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *mem_realloc(void *old, size_t size) __attribute__((returns_nonnull));
/* mem_realloc_array: count * size is checked for overflow. */
void *mem_realloc_array(void *old, size_t count, size_t size) __attribute__((returns_nonnull));
char *mem_strdup(const char *text) __attribute__((malloc, returns_nonnull));
/* mem_free: accepts NULL. */
void mem_free(void *ptr);
/* mem_setup: once, before the first thread: few arenas that grow and shrink in large steps. A message's buffers would
 * otherwise be taken from the system and given back again and again, by each thread in an arena of its own. */
void mem_setup(void);
/* mem_trim: give what was freed back to the system, if it is much; after large work that comes seldom. */
void mem_trim(void);

#endif
