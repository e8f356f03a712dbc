/* SPDX-License-Identifier: Apache-2.0 */
/* A failure is filled whole, cut where it is full, and our own bugs end the process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base_err.h"

static void
filled(void **state)
{
	struct err err;

	(void)state;
	memset(&err, 0x55, sizeof err);
	errno = EIO;
	assert_false(ERR(&err, ERR_SYNTAX, "line %d", 3));
	assert_int_equal(err.code, ERR_SYNTAX);
	assert_int_equal(err.sys_errno, 0);
	assert_string_equal(err.where, "filled");
	assert_string_equal(err.msg, "line 3");
}

struct sys_row {
	const char *name;
	int number;
	enum err_code code, want;
};

static const struct sys_row sys_rows[] = {
    {"input/output", EIO, ERR_IO, ERR_IO},
    {"disk full", ENOSPC, ERR_IO, ERR_NO_SPACE},
    {"quota", EDQUOT, ERR_IO, ERR_NO_SPACE},
    {"another code stays", ENOSPC, ERR_DENIED, ERR_DENIED},
};

static void
by_the_system(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof sys_rows / sizeof *sys_rows; i++) {
		struct err err;

		errno = sys_rows[i].number;
		assert_false(ERR_SYS(&err, sys_rows[i].code, "write %s", "x"));
		if (err.code != sys_rows[i].want || err.sys_errno != sys_rows[i].number)
			fail_msg("%s: code %d, errno %d", sys_rows[i].name, (int)err.code,
			    err.sys_errno);
		assert_memory_equal(err.msg, "write x", 7);
		assert_non_null(strstr(err.msg, strerror(sys_rows[i].number)));
	}
}

static void
cut_where_full(void **state)
{
	char text[500];
	struct err err;

	(void)state;
	memset(text, 'a', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	assert_false(ERR(&err, ERR_IO, "%s", text));
	assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
	assert_false(ERR(&err, ERR_CORRUPT, "bad checksum"));
	assert_false(err_prefix(&err, "pack %d", 7));
	assert_string_equal(err.msg, "pack 7: bad checksum");
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_false(err_prefix(&err, "%s", text));
	assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
	assert_int_equal(err.msg[0], 'a');
}

static void
codes_have_names(void **state)
{
	(void)state;
	assert_string_equal(err_code_name(ERR_NOT_FOUND), "not-found");
	for (int a = ERR_NONE; a <= ERR_REFUSED; a++)
		for (int b = ERR_NONE; b < a; b++)
			assert_string_not_equal(
			    err_code_name((enum err_code)a), err_code_name((enum err_code)b));
}

static void
our_bug_ends_the_process(void **state)
{
	int status = 0;
	pid_t child;

	(void)state;
	must(1 + 1 == 2);
	(void)fflush(NULL);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void)signal(SIGABRT, SIG_DFL);
		(void)close(STDERR_FILENO);
		must(status == 1);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(filled),
	    cmocka_unit_test(by_the_system),
	    cmocka_unit_test(cut_where_full),
	    cmocka_unit_test(codes_have_names),
	    cmocka_unit_test(our_bug_ends_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
