/* SPDX-License-Identifier: Apache-2.0 */
/* Memory is there or the process is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base_mem.h"

static void
there(void **state)
{
	uint8_t *p = mem_calloc(10, 10);
	char *text;

	(void)state;
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(p[i], 0);
	memset(p, 7, 100);
	p = mem_realloc(p, 10000);
	assert_int_equal(p[99], 7);
	p = mem_realloc_array(p, 4, 25);
	assert_int_equal(p[99], 7);
	mem_free(p);
	mem_free(mem_alloc(0));
	mem_free(mem_calloc(0, 8));
	mem_free(NULL);
	text = mem_strdup("copy");
	assert_string_equal(text, "copy");
	mem_free(text);
}

/* The product wraps around to a small size: refused by ending, never handed out. */
static void
overflows_end(int which)
{
	volatile size_t half = SIZE_MAX / 2 + 2;
	int status = 0;
	pid_t child;

	(void)fflush(NULL);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void)signal(SIGABRT, SIG_DFL);
		(void)close(STDERR_FILENO);
		mem_free(which == 0 ? mem_calloc(half, 2) : mem_realloc_array(NULL, half, 2));
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (which == 0) /* a sanitizer's calloc ends the process in its own way */
		assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	else
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void
or_not(void **state)
{
	(void)state;
	overflows_end(0);
	overflows_end(1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(there), cmocka_unit_test(or_not)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
