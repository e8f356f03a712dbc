/* SPDX-License-Identifier: Apache-2.0 */
/* Threads with names, and a bounded queue that hands ownership over. */
#ifndef OS_THREAD_H
#define OS_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base_err.h"

/* os_thread_start: all signals blocked in it; name at most 15 characters. */
MUST_USE bool os_thread_start(
    pthread_t *out, const char *name, void *(*run)(void *), void *ctx, struct err *err);
void os_thread_join(pthread_t thread);
/* os_thread_processors: those that this process may run on; at least one. */
size_t os_thread_processors(void);
/* os_thread_yield_to_others: from now on the calling thread runs when a processor has nothing else to do. For work
 * that may come later; who depends on it must see that it gets its turn. */
void os_thread_yield_to_others(void);

/* os_condition_init: a condition whose timed waits go by the monotonic clock. os_deadline: wait_ms (>= 0) from now by
 * that clock, for pthread_cond_timedwait. */
void os_condition_init(pthread_cond_t *condition);
struct timespec os_deadline(int64_t wait_ms);

/* A FIFO of pointers (never NULL); capacity >= 1. Items belong to whoever holds them: empty the queue before
 * os_queue_free, which no other thread may overlap. push blocks never: false when full or
 * closed. pop waits: NULL once closed and empty, or after wait_ms (negative = for ever). */
struct os_queue;
struct os_queue *os_queue_new(size_t capacity);
void os_queue_free(struct os_queue **q);
MUST_USE bool os_queue_push(struct os_queue *q, void *item);
void *os_queue_pop(struct os_queue *q, int64_t wait_ms);
void os_queue_close(struct os_queue *q);
size_t os_queue_length(struct os_queue *q);

#endif
