/* SPDX-License-Identifier: Apache-2.0 */
/* One event loop per thread: readiness, timers, and work posted from other threads. Wraps libevent's core. */
#ifndef OS_LOOP_H
#define OS_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base_err.h"

struct os_loop;
struct os_watch; /* readiness of one descriptor, or one timer */

enum { OS_READ = 1, OS_WRITE = 2 };

/* ready is a set of OS_READ and OS_WRITE; 0 for a timer. The callback may free its own watch. */
typedef void (*os_watch_fn)(void *ctx, unsigned ready);
typedef void (*os_post_fn)(void *ctx);

/* os_loop_new: cannot fail but for memory and descriptors (aborts: only at start). */
struct os_loop *os_loop_new(void);
void os_loop_free(struct os_loop **loop);
/* os_loop_run: until os_loop_stop is called (from a callback, or by os_loop_post from another thread); a stop before
 * the run does not count. os_loop_free: watches must be gone; what is still posted is dropped. */
void os_loop_run(struct os_loop *loop);
void os_loop_stop(struct os_loop *loop);
/* os_loop_step: handle what is ready now, waiting at most wait_ms for the first; for tests. */
void os_loop_step(struct os_loop *loop, int wait_ms);
/* os_loop_post: run fn(ctx) on the loop's thread soon; the only call that is safe from other threads. FIFO. */
void os_loop_post(struct os_loop *loop, os_post_fn fn, void *ctx);

/* os_watch_fd: fd stays the caller's and must stay open while watched; nothing is armed until os_watch_set. */
struct os_watch *os_watch_fd(struct os_loop *loop, int fd, os_watch_fn fn, void *ctx);
/* os_watch_set: which of OS_READ | OS_WRITE to wait for (level-triggered, persistent); 0 = none. Cheap if unchanged. */
void os_watch_set(struct os_watch *w, unsigned events);
/* os_watch_timer: a one-shot timer, not armed. os_watch_after: (re)arm, 0 = as soon as possible. os_watch_cancel:
 * disarm. */
struct os_watch *os_watch_timer(struct os_loop *loop, os_watch_fn fn, void *ctx);
void os_watch_after(struct os_watch *w, int64_t delay_ms);
void os_watch_cancel(struct os_watch *w);
/* os_watch_signal: fn runs on the loop when the process gets signo; armed at once. */
struct os_watch *os_watch_signal(struct os_loop *loop, int signo, os_watch_fn fn, void *ctx);
/* os_watch_free: disarms, frees, nulls; NULL is fine; allowed inside the watch's own callback. */
void os_watch_free(struct os_watch **w);

#endif
