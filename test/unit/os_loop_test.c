/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop: readiness, timers, signals, and work posted from other threads. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "os_loop.h"
#include "os_socket.h"
#include "os_thread.h"

#define LONG_MS 5000

static struct err err;

struct bench {
	struct os_loop *loop;
	struct os_watch *watch;
	unsigned ready, calls;
	int fds[2];
};

static void
set_up(struct bench *b)
{
	memset(b, 0, sizeof *b);
	b->loop = os_loop_new();
	assert_true(os_socket_pair(b->fds, &err));
}

static void
tear_down(struct bench *b)
{
	os_watch_free(&b->watch);
	os_loop_free(&b->loop);
	os_close(&b->fds[0]);
	os_close(&b->fds[1]);
}

static void
note(void *ctx, unsigned ready)
{
	struct bench *b = ctx;

	b->ready = ready;
	b->calls++;
}

static void
step(struct bench *b, int wait_ms)
{
	b->ready = 0;
	os_loop_step(b->loop, wait_ms);
}

static void
readiness_is_what_was_asked_for(void **state)
{
	struct buf in;
	int got[OS_PACKET_FDS_MAX];
	struct bench b;

	(void)state;
	set_up(&b);
	buf_init(&in, OS_PACKET_BYTES_MAX);
	b.watch = os_watch_fd(b.loop, b.fds[0], note, &b);
	step(&b, 0);
	assert_int_equal(b.calls, 0);
	os_watch_set(b.watch, OS_READ);
	step(&b, 0);
	assert_int_equal(b.calls, 0);
	os_watch_set(b.watch, OS_READ | OS_WRITE);
	step(&b, LONG_MS);
	assert_int_equal(b.ready, OS_WRITE);
	assert_int_equal(os_packet_send(b.fds[1], BYTES_LIT("x"), NULL, 0, &err), OS_IO_DONE);
	step(&b, LONG_MS);
	assert_int_equal(b.ready, OS_READ | OS_WRITE);
	os_watch_set(b.watch, OS_READ);
	os_watch_set(b.watch, OS_READ);
	step(&b, LONG_MS);
	assert_int_equal(b.ready, OS_READ);
	step(&b, LONG_MS);
	assert_int_equal(b.ready, OS_READ); /* level-triggered: still unread */
	os_watch_set(b.watch, 0);
	step(&b, 0);
	assert_int_equal(b.ready, 0);
	os_watch_set(b.watch, OS_READ);
	assert_int_equal(os_packet_receive(b.fds[0], &in, got, &err), OS_IO_DONE);
	step(&b, 0);
	assert_int_equal(b.ready, 0);
	buf_fini(&in);
	tear_down(&b);
}

static void
free_own_watch(void *ctx, unsigned ready)
{
	struct bench *b = ctx;

	note(b, ready);
	os_watch_free(&b->watch);
}

static void
callback_may_free_its_watch(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b);
	b.watch = os_watch_fd(b.loop, b.fds[0], free_own_watch, &b);
	os_watch_set(b.watch, OS_WRITE);
	step(&b, LONG_MS);
	assert_null(b.watch);
	step(&b, 0);
	assert_int_equal(b.calls, 1);
	b.watch = os_watch_timer(b.loop, free_own_watch, &b);
	os_watch_after(b.watch, 0);
	step(&b, LONG_MS);
	assert_null(b.watch);
	tear_down(&b);
}

static void
stop(void *ctx)
{
	os_loop_stop(ctx);
}

static void
stop_on_timer(void *ctx, unsigned ready)
{
	struct bench *b = ctx;

	note(b, ready);
	os_loop_stop(b->loop);
}

static void
timer_fires_once_and_can_be_moved(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b);
	b.watch = os_watch_timer(b.loop, stop_on_timer, &b);
	step(&b, 0);
	assert_int_equal(b.calls, 0);
	os_watch_after(b.watch, 3600 * 1000);
	os_watch_after(b.watch, 1);
	os_loop_run(b.loop);
	assert_int_equal(b.calls, 1);
	assert_int_equal(b.ready, 0);
	step(&b, 5);
	assert_int_equal(b.calls, 1);
	os_watch_after(b.watch, 1);
	os_watch_cancel(b.watch);
	step(&b, 5);
	assert_int_equal(b.calls, 1);
	tear_down(&b);
}

static void
signal_reaches_the_loop(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b);
	b.watch = os_watch_signal(b.loop, SIGUSR1, note, &b);
	assert_int_equal(raise(SIGUSR1), 0);
	step(&b, LONG_MS);
	assert_int_equal(b.calls, 1);
	tear_down(&b);
}

enum { POSTS = 5000 };

struct poster {
	struct os_loop *loop;
	size_t next; /* loop's thread only */
	bool disorder;
};

struct posted {
	struct poster *poster;
	size_t index;
};

static struct posted *
posted_list(void)
{
	static struct posted list[POSTS];

	return list;
}

static void
on_posted(void *ctx)
{
	struct posted *posted = ctx;
	struct poster *poster = posted->poster;

	poster->disorder = poster->disorder || posted->index != poster->next;
	poster->next++;
	if (poster->next == POSTS)
		os_loop_stop(poster->loop);
}

static void *
post_all(void *ctx)
{
	struct poster *poster = ctx;
	struct posted *list = posted_list();

	for (size_t i = 0; i < POSTS; i++) {
		list[i] = (struct posted){.poster = poster, .index = i};
		os_loop_post(poster->loop, on_posted, &list[i]);
	}
	return NULL;
}

static void
posts_from_a_thread_come_in_order(void **state)
{
	struct poster poster = {.loop = os_loop_new()};
	pthread_t thread;

	(void)state;
	assert_true(os_thread_start(&thread, "poster", post_all, &poster, &err));
	os_loop_run(poster.loop);
	assert_int_equal(poster.next, POSTS);
	assert_false(poster.disorder);
	os_thread_join(thread);
	os_loop_free(&poster.loop);
}

static void
post_from_own_thread_and_left_over(void **state)
{
	struct os_loop *loop = os_loop_new();

	(void)state;
	os_loop_post(loop, stop, loop);
	os_loop_run(loop);
	/* freed with something still posted: it is dropped, not leaked */
	os_loop_post(loop, stop, loop);
	os_loop_free(&loop);
	assert_null(loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(readiness_is_what_was_asked_for),
	    cmocka_unit_test(callback_may_free_its_watch),
	    cmocka_unit_test(timer_fires_once_and_can_be_moved),
	    cmocka_unit_test(signal_reaches_the_loop),
	    cmocka_unit_test(posts_from_a_thread_come_in_order),
	    cmocka_unit_test(post_from_own_thread_and_left_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
