/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop: libevent's core, and an eventfd that wakes it for posted work. */
#include "os_loop.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base_mem.h"

struct post {
	struct post *next;
	os_post_fn fn;
	void *ctx;
};

struct os_loop {
	struct event_base *base;
	struct event *wake; /* readiness of wake_fd */
	int wake_fd;
	pthread_mutex_t lock; /* guards first and last */
	struct post *first;   /* FIFO of what other threads want run here */
	struct post **last;
};

enum watch_kind { WATCH_FD, WATCH_TIMER, WATCH_SIGNAL };

struct os_watch {
	struct os_loop *loop;
	struct event *event;
	enum watch_kind kind;
	unsigned events; /* WATCH_FD: what is armed */
	os_watch_fn fn;
	void *ctx;
};

static void
lock(struct os_loop *loop)
{
	must(pthread_mutex_lock(&loop->lock) == 0);
}

static void
unlock(struct os_loop *loop)
{
	must(pthread_mutex_unlock(&loop->lock) == 0);
}

/* Runs what was posted before this wake; what is posted meanwhile wakes us again, so descriptors get their turn. */
static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct os_loop *loop = arg;
	struct post *post, *next;
	uint64_t count;

	(void)what;
	/* The count says nothing; a spurious wake reads nothing and finds the list empty. */
	if (read(fd, &count, sizeof count) < 0)
		must(errno == EAGAIN || errno == EINTR);
	lock(loop);
	post = loop->first;
	loop->first = NULL;
	loop->last = &loop->first;
	unlock(loop);
	for (; post != NULL; post = next) {
		next = post->next;
		post->fn(post->ctx);
		mem_free(post);
	}
}

struct os_loop *
os_loop_new(void)
{
	struct os_loop *loop = mem_calloc(1, sizeof *loop);
	struct event_config *config = event_config_new();

	must(config != NULL);
	/* A loop belongs to one thread: libevent need not lock. */
	must(event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0);
	loop->base = event_base_new_with_config(config);
	event_config_free(config);
	must(loop->base != NULL);
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	must(loop->wake_fd >= 0);
	must(pthread_mutex_init(&loop->lock, NULL) == 0);
	loop->last = &loop->first;
	loop->wake = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
	must(loop->wake != NULL && event_add(loop->wake, NULL) == 0);
	return loop;
}

void
os_loop_free(struct os_loop **loop)
{
	struct os_loop *l = *loop;
	struct post *next;

	if (l == NULL)
		return;
	for (struct post *post = l->first; post != NULL; post = next) {
		next = post->next;
		mem_free(post);
	}
	event_free(l->wake);
	event_base_free(l->base);
	(void)close(l->wake_fd);
	(void)pthread_mutex_destroy(&l->lock);
	mem_free(l);
	*loop = NULL;
}

void
os_loop_run(struct os_loop *loop)
{
	must(event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY) >= 0);
}

void
os_loop_stop(struct os_loop *loop)
{
	must(event_base_loopbreak(loop->base) == 0);
}

static struct timeval
timeval_of(int64_t ms)
{
	if (ms < 0)
		ms = 0;
	return (struct timeval){
	    .tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000) * 1000};
}

static void
on_step_over(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

void
os_loop_step(struct os_loop *loop, int wait_ms)
{
	struct timeval wait = timeval_of(wait_ms);
	struct event *over = NULL;

	/* The wait is itself an event: whichever comes first ends the one round. */
	if (wait_ms > 0) {
		over = event_new(loop->base, -1, 0, on_step_over, NULL);
		must(over != NULL && event_add(over, &wait) == 0);
	}
	must(event_base_loop(loop->base, EVLOOP_ONCE | (wait_ms > 0 ? 0 : EVLOOP_NONBLOCK)) >= 0);
	if (over != NULL)
		event_free(over);
}

void
os_loop_post(struct os_loop *loop, os_post_fn fn, void *ctx)
{
	struct post *post = mem_calloc(1, sizeof *post);
	uint64_t one = 1;

	post->fn = fn;
	post->ctx = ctx;
	lock(loop);
	*loop->last = post;
	loop->last = &post->next;
	/* EAGAIN: the count is at its ceiling, so the loop is to wake anyway. Inside the lock, so that a loop freed
	 * by the posted call cannot lose its descriptor under us. */
	while (write(loop->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
		continue;
	unlock(loop);
}

static struct os_watch *
watch_new(struct os_loop *loop, enum watch_kind kind, os_watch_fn fn, void *ctx)
{
	struct os_watch *w = mem_calloc(1, sizeof *w);

	w->loop = loop;
	w->kind = kind;
	w->fn = fn;
	w->ctx = ctx;
	return w;
}

/* The watch may be gone when fn returns. */
static void
on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct os_watch *w = arg;
	unsigned ready = 0;

	(void)fd;
	if ((what & EV_READ) != 0)
		ready |= OS_READ;
	if ((what & EV_WRITE) != 0)
		ready |= OS_WRITE;
	w->fn(w->ctx, ready);
}

struct os_watch *
os_watch_fd(struct os_loop *loop, int fd, os_watch_fn fn, void *ctx)
{
	struct os_watch *w = watch_new(loop, WATCH_FD, fn, ctx);

	w->event = event_new(loop->base, fd, EV_PERSIST, on_ready, w);
	must(w->event != NULL);
	return w;
}

void
os_watch_set(struct os_watch *w, unsigned events)
{
	short wanted = EV_PERSIST;

	must(w->kind == WATCH_FD && (events & ~(unsigned)(OS_READ | OS_WRITE)) == 0);
	if (events == w->events)
		return;
	must(event_del(w->event) == 0);
	w->events = events;
	if (events == 0)
		return;
	if ((events & OS_READ) != 0)
		wanted |= EV_READ;
	if ((events & OS_WRITE) != 0)
		wanted |= EV_WRITE;
	must(event_assign(w->event, w->loop->base, event_get_fd(w->event), wanted, on_ready, w) ==
	     0);
	must(event_add(w->event, NULL) == 0);
}

struct os_watch *
os_watch_timer(struct os_loop *loop, os_watch_fn fn, void *ctx)
{
	struct os_watch *w = watch_new(loop, WATCH_TIMER, fn, ctx);

	w->event = event_new(loop->base, -1, 0, on_ready, w);
	must(w->event != NULL);
	return w;
}

void
os_watch_after(struct os_watch *w, int64_t delay_ms)
{
	struct timeval delay = timeval_of(delay_ms);

	must(w->kind == WATCH_TIMER);
	must(event_add(w->event, &delay) == 0);
}

void
os_watch_cancel(struct os_watch *w)
{
	must(w->kind == WATCH_TIMER);
	must(event_del(w->event) == 0);
}

struct os_watch *
os_watch_signal(struct os_loop *loop, int signo, os_watch_fn fn, void *ctx)
{
	struct os_watch *w = watch_new(loop, WATCH_SIGNAL, fn, ctx);

	w->event = event_new(loop->base, signo, EV_SIGNAL | EV_PERSIST, on_ready, w);
	must(w->event != NULL && event_add(w->event, NULL) == 0);
	return w;
}

void
os_watch_free(struct os_watch **w)
{
	if (*w == NULL)
		return;
	event_free((*w)->event);
	mem_free(*w);
	*w = NULL;
}
