/* SPDX-License-Identifier: Apache-2.0 */
/* Named threads and the bounded queue between them. */
#include "os_thread.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base_mem.h"

struct os_queue {
	pthread_mutex_t lock; /* guards everything below */
	pthread_cond_t some;  /* an item came, or the queue closed */
	void **items;         /* ring of capacity slots */
	size_t capacity, first, count;
	bool closed;
};

bool
os_thread_start(pthread_t *out, const char *name, void *(*run)(void *), void *ctx, struct err *err)
{
	sigset_t all, before;
	int rc;

	/* A new thread inherits the mask, so no signal can reach it before it would block them itself. */
	(void)sigfillset(&all);
	must(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
	rc = pthread_create(out, NULL, run, ctx);
	must(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
	if (rc != 0) {
		errno = rc;
		return ERR_SYS(err, ERR_IO, "cannot start thread %s", name);
	}
	must(pthread_setname_np(*out, name) != ERANGE);
	return true;
}

void
os_thread_join(pthread_t thread)
{
	must(pthread_join(thread, NULL) == 0);
}

size_t
os_thread_processors(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	return sched_getaffinity(0, sizeof set, &set) == 0 ? (size_t)CPU_COUNT(&set) : 1;
}

void
os_thread_yield_to_others(void)
{
	struct sched_param none = {0};

	/* Where it may not be changed, nothing is lost but order. */
	(void)pthread_setschedparam(pthread_self(), SCHED_IDLE, &none);
}

void
os_condition_init(pthread_cond_t *condition)
{
	pthread_condattr_t attributes;

	must(pthread_condattr_init(&attributes) == 0);
	must(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
	must(pthread_cond_init(condition, &attributes) == 0);
	(void)pthread_condattr_destroy(&attributes);
}

struct timespec
os_deadline(int64_t wait_ms)
{
	struct timespec t;

	must(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
	t.tv_sec += (time_t)(wait_ms / 1000);
	t.tv_nsec += (long)(wait_ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

struct os_queue *
os_queue_new(size_t capacity)
{
	struct os_queue *q = mem_calloc(1, sizeof *q);

	must(capacity > 0);
	q->items = mem_calloc(capacity, sizeof *q->items);
	q->capacity = capacity;
	must(pthread_mutex_init(&q->lock, NULL) == 0);
	os_condition_init(&q->some);
	return q;
}

void
os_queue_free(struct os_queue **q)
{
	if (*q == NULL)
		return;
	(void)pthread_cond_destroy(&(*q)->some);
	(void)pthread_mutex_destroy(&(*q)->lock);
	mem_free((*q)->items);
	mem_free(*q);
	*q = NULL;
}

static void
lock(struct os_queue *q)
{
	must(pthread_mutex_lock(&q->lock) == 0);
}

static void
unlock(struct os_queue *q)
{
	must(pthread_mutex_unlock(&q->lock) == 0);
}

bool
os_queue_push(struct os_queue *q, void *item)
{
	bool ok;

	must(item != NULL);
	lock(q);
	ok = !q->closed && q->count < q->capacity;
	if (ok) {
		q->items[(q->first + q->count) % q->capacity] = item;
		q->count++;
	}
	unlock(q);
	/* Outside the lock, or who wakes would only wait for it. */
	if (ok)
		(void)pthread_cond_signal(&q->some);
	return ok;
}

void *
os_queue_pop(struct os_queue *q, int64_t wait_ms)
{
	struct timespec deadline = {0};
	void *item = NULL;
	int rc = 0;

	if (wait_ms > 0)
		deadline = os_deadline(wait_ms);
	lock(q);
	while (q->count == 0 && !q->closed && wait_ms != 0 && rc != ETIMEDOUT)
		rc = wait_ms < 0 ? pthread_cond_wait(&q->some, &q->lock)
				 : pthread_cond_timedwait(&q->some, &q->lock, &deadline);
	if (q->count > 0) {
		item = q->items[q->first];
		q->first = (q->first + 1) % q->capacity;
		q->count--;
	}
	unlock(q);
	return item;
}

void
os_queue_close(struct os_queue *q)
{
	lock(q);
	q->closed = true;
	(void)pthread_cond_broadcast(&q->some);
	unlock(q);
}

size_t
os_queue_length(struct os_queue *q)
{
	size_t count;

	lock(q);
	count = q->count;
	unlock(q);
	return count;
}
