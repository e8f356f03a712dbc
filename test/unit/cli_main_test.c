/* SPDX-License-Identifier: Apache-2.0 */
/* How a command ends: exceptions to errors to exit codes; and where access keys come from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "cli_client.h"
#include "cli_credentials.h"
#include "cli_main.h"

static const struct {
	const char *name;
	long status;
	const char *body;
	enum cli_exit code;
	const char *message; /* a part */
} rows[] = {
    {"not found", 404,
	"{\"__type\":\"com.amazonaws.mailmanager#ResourceNotFoundException\",\"Message\":\"Archive "
	"not found: a-1\"}",
	CLI_EXIT_NOT_FOUND, "Archive not found: a-1"},
    {"denied", 403,
	"{\"__type\":\"com.amazonaws.mailmanager#AccessDeniedException\",\"Message\":\"no\"}",
	CLI_EXIT_DENIED, "no"},
    {"unknown key", 403, "{\"__type\":\"UnrecognizedClientException\",\"message\":\"who\"}",
	CLI_EXIT_DENIED, "who"},
    {"bad signature", 403, "{\"__type\":\"InvalidSignatureException\"}", CLI_EXIT_DENIED, "403"},
    {"clock", 403, "{\"__type\":\"RequestTimeTooSkewed\"}", CLI_EXIT_DENIED, "403"},
    {"conflict", 409,
	"{\"__type\":\"com.amazonaws.mailmanager#ConflictException\",\"Message\":\"taken\"}",
	CLI_EXIT_CONFLICT, "taken"},
    {"validation", 400,
	"{\"__type\":\"com.amazonaws.mailmanager#ValidationException\",\"Message\":\"1 validation "
	"error\"}",
	CLI_EXIT_USAGE, "1 validation error"},
    {"validation, no such id", 400,
	"{\"__type\":\"com.amazonaws.mailmanager#ValidationException\",\"Message\":\"message not "
	"found\"}",
	CLI_EXIT_NOT_FOUND, "not found"},
    {"quota", 402,
	"{\"__type\":\"com.amazonaws.mailmanager#ServiceQuotaExceededException\",\"Message\":"
	"\"full\"}",
	CLI_EXIT_FAILED, "full"},
    {"throttling", 429,
	"{\"__type\":\"com.amazonaws.mailmanager#ThrottlingException\",\"Message\":\"slow\"}",
	CLI_EXIT_FAILED, "slow"},
    {"not there yet", 503, "{\"__type\":\"ServiceUnavailable\",\"Message\":\"starting\"}",
	CLI_EXIT_UNREACHABLE, "starting"},
    {"trouble", 500, "{\"__type\":\"InternalFailure\"}", CLI_EXIT_FAILED, "500 InternalFailure"},
    {"a proxy", 502, "<html>", CLI_EXIT_FAILED, "502"},
    {"empty 403", 403, "", CLI_EXIT_DENIED, "403"},
    {"empty 404", 404, "", CLI_EXIT_NOT_FOUND, "404"},
};

static void
test_faults(void **state)
{
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_false(cli_client_fault(rows[i].status, bytes_of_str(rows[i].body), &err));
		if (cli_exit_of(err.code) != rows[i].code ||
		    strstr(err.msg, rows[i].message) == NULL)
			fail_msg("%s: %d %s", rows[i].name, (int)cli_exit_of(err.code), err.msg);
	}
}

static const struct {
	enum err_code code;
	enum cli_exit exit;
} exit_rows[] = {{ERR_NONE, CLI_EXIT_DONE}, {ERR_USAGE, CLI_EXIT_USAGE},
    {ERR_SYNTAX, CLI_EXIT_FAILED}, {ERR_LIMIT, CLI_EXIT_FAILED},
    {ERR_NOT_FOUND, CLI_EXIT_NOT_FOUND}, {ERR_EXISTS, CLI_EXIT_CONFLICT},
    {ERR_DENIED, CLI_EXIT_DENIED}, {ERR_BUSY, CLI_EXIT_CONFLICT},
    {ERR_TIMEOUT, CLI_EXIT_UNREACHABLE}, {ERR_IO, CLI_EXIT_FAILED}, {ERR_NO_SPACE, CLI_EXIT_FAILED},
    {ERR_CORRUPT, CLI_EXIT_INTEGRITY}, {ERR_SEALED, CLI_EXIT_FAILED},
    {ERR_UNSUPPORTED, CLI_EXIT_FAILED}, {ERR_CANCELLED, CLI_EXIT_INTERRUPTED}};

static void
test_exits(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof exit_rows / sizeof exit_rows[0]; i++)
		assert_int_equal(cli_exit_of(exit_rows[i].code), exit_rows[i].exit);
}

#define FILE_TEXT                                                                                  \
	"# keys\n[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key=one\n\n"        \
	"[work]\r\naws_secret_access_key = two\r\naws_access_key_id=AKIAWORK\r\nregion = "         \
	"x\r\n[broken]\naws_access_key_id = A\n"

static const struct {
	const char *profile, *id, *secret;
	enum err_code code;
} key_rows[] = {{"default", "AKIADEFAULT", "one", ERR_NONE}, {"work", "AKIAWORK", "two", ERR_NONE},
    {"absent", NULL, NULL, ERR_NOT_FOUND}, {"broken", NULL, NULL, ERR_SYNTAX}};

static void
test_credentials(void **state)
{
	struct cli_credentials c;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof key_rows / sizeof key_rows[0]; i++) {
		bool ok =
		    cli_credentials_parse(BYTES_LIT(FILE_TEXT), key_rows[i].profile, &c, &err);

		if (ok != (key_rows[i].code == ERR_NONE) || (!ok && err.code != key_rows[i].code))
			fail_msg("%s", key_rows[i].profile);
		if (!ok)
			continue;
		assert_string_equal(c.key_id, key_rows[i].id);
		assert_true(bytes_equal(secret_view(c.secret), bytes_of_str(key_rows[i].secret)));
		cli_credentials_fini(&c);
	}
}

/* The whole program, its standard output and error thrown away. */
static int
run(int argc, const char *const *words)
{
	char *argv[12];
	int code;

	for (int i = 0; i < argc; i++)
		argv[i] = strdup(words[i]);
	code = cli_main(argc, argv, NULL, 0);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
	return code;
}

static const struct {
	int argc;
	const char *words[8];
	enum cli_exit code;
} run_rows[] = {
    {1, {"daybook"}, CLI_EXIT_USAGE},
    {2, {"daybook", "help"}, CLI_EXIT_DONE},
    {2, {"daybook", "--help"}, CLI_EXIT_DONE},
    {3, {"daybook", "help", "search"}, CLI_EXIT_DONE},
    {2, {"daybook", "version"}, CLI_EXIT_DONE},
    {2, {"daybook", "serch"}, CLI_EXIT_USAGE},
    {2, {"daybook", "archive"}, CLI_EXIT_USAGE},
    {3, {"daybook", "archive", "lst"}, CLI_EXIT_USAGE},
    {3, {"daybook", "search", "--help"}, CLI_EXIT_DONE},
    {3, {"daybook", "search", "--frm=a"}, CLI_EXIT_USAGE},
    {3, {"daybook", "search", "operand"}, CLI_EXIT_USAGE},
    {4, {"daybook", "search", "--limit", "1001"}, CLI_EXIT_USAGE},
    {5, {"daybook", "search", "--last=1h", "--since", "now"}, CLI_EXIT_USAGE},
    {4, {"daybook", "archive", "list", "--format=xml"}, CLI_EXIT_USAGE},
    {2, {"daybook", "show"}, CLI_EXIT_USAGE},
    {3, {"daybook", "completion", "bash"}, CLI_EXIT_DONE},
    {3, {"daybook", "completion", "zsh"}, CLI_EXIT_DONE},
    {3, {"daybook", "completion", "fish"}, CLI_EXIT_DONE},
    {3, {"daybook", "completion", "tcsh"}, CLI_EXIT_USAGE},
    {5, {"daybook", "archive", "list", "--data", "/nonexistent/daybook"}, CLI_EXIT_UNREACHABLE},
    {4, {"daybook", "status", "--endpoint", "ftp://x"}, CLI_EXIT_USAGE},
};

static void
test_runs(void **state)
{
	int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO),
	    codes[sizeof run_rows / sizeof run_rows[0]];

	(void)state;
	(void)fflush(stdout);
	assert_non_null(freopen("/dev/null", "w", stdout));
	assert_non_null(freopen("/dev/null", "w", stderr));
	for (size_t i = 0; i < sizeof run_rows / sizeof run_rows[0]; i++)
		codes[i] = run(run_rows[i].argc, run_rows[i].words);
	(void)fflush(stdout);
	(void)fflush(stderr);
	assert_true(dup2(out, STDOUT_FILENO) >= 0 && dup2(err, STDERR_FILENO) >= 0);
	(void)close(out);
	(void)close(err);
	for (size_t i = 0; i < sizeof run_rows / sizeof run_rows[0]; i++)
		if (codes[i] != (int)run_rows[i].code)
			fail_msg("%s %s: %d", run_rows[i].words[1], run_rows[i].words[2], codes[i]);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_faults),
	    cmocka_unit_test(test_exits),
	    cmocka_unit_test(test_credentials),
	    cmocka_unit_test(test_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
