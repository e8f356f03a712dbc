/* SPDX-License-Identifier: Apache-2.0 */
/* Threads and the queue between them. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "os_thread.h"

static struct err err;

static void
queue_is_bounded_and_first_in_first_out(void **state)
{
	struct os_queue *q = os_queue_new(3);
	int items[4];

	(void)state;
	assert_null(os_queue_pop(q, 0));
	assert_null(os_queue_pop(q, 1));
	for (size_t round = 0; round < 5; round++) {
		for (size_t i = 0; i < 3; i++)
			assert_true(os_queue_push(q, &items[i]));
		assert_false(os_queue_push(q, &items[3]));
		assert_int_equal(os_queue_length(q), 3);
		assert_ptr_equal(os_queue_pop(q, 0), &items[0]);
		assert_true(os_queue_push(q, &items[3]));
		assert_ptr_equal(os_queue_pop(q, 0), &items[1]);
		assert_ptr_equal(os_queue_pop(q, -1), &items[2]);
		assert_ptr_equal(os_queue_pop(q, 10), &items[3]);
	}
	assert_true(os_queue_push(q, &items[0]));
	os_queue_close(q);
	assert_false(os_queue_push(q, &items[1]));
	assert_ptr_equal(os_queue_pop(q, -1), &items[0]);
	assert_null(os_queue_pop(q, -1));
	os_queue_free(&q);
	assert_null(q);
}

enum { ITEMS = 20000, CONSUMERS = 3 };

struct work {
	struct os_queue *q;
	size_t sum;
	sigset_t blocked;
	char name[16];
};

static void *
consume(void *ctx)
{
	struct work *work = ctx;
	size_t *item;

	must(pthread_sigmask(SIG_SETMASK, NULL, &work->blocked) == 0);
	must(pthread_getname_np(pthread_self(), work->name, sizeof work->name) == 0);
	while ((item = os_queue_pop(work->q, -1)) != NULL)
		work->sum += *item;
	return NULL;
}

static void
every_item_reaches_one_thread(void **state)
{
	static size_t items[ITEMS];
	struct os_queue *q = os_queue_new(64);
	struct work work[CONSUMERS];
	pthread_t threads[CONSUMERS];
	size_t expected = 0, sum = 0;

	(void)state;
	for (size_t i = 0; i < CONSUMERS; i++) {
		memset(&work[i], 0, sizeof work[i]);
		work[i].q = q;
		assert_true(os_thread_start(&threads[i], "consumer", consume, &work[i], &err));
	}
	for (size_t i = 0; i < ITEMS; i++) {
		items[i] = i;
		expected += i;
		while (!os_queue_push(q, &items[i]))
			(void)sched_yield();
	}
	os_queue_close(q);
	for (size_t i = 0; i < CONSUMERS; i++) {
		os_thread_join(threads[i]);
		sum += work[i].sum;
		assert_true(sigismember(&work[i].blocked, SIGTERM));
		assert_true(sigismember(&work[i].blocked, SIGCHLD));
	}
	assert_int_equal(sum, expected);
	os_queue_free(&q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(queue_is_bounded_and_first_in_first_out),
	    cmocka_unit_test(every_item_reaches_one_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
