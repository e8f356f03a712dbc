/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "app_config.h"

/* All problems, one line each. */
static void
collect(void *ctx, const char *what)
{
	struct buf *out = ctx;

	buf_append_str(out, what);
	buf_append_str(out, "\n");
}

static void
problems(void **state)
{
	static const struct {
		const char *name, *text, *want;
	} rows[] = {
	    {"good",
		"[server]\ndata = /srv/mail ; here\n# talk\n[smtp]\nlisten = 127.0.0.1:25 "
		"[::1]:25\n",
		""},
	    {"empty", "", ""},
	    {"unknown key, near", "[server]\nhostnam = a\n",
		"f:2: unknown key \"server.hostnam\" (did you mean \"server.hostname\"?)\n"},
	    {"unknown section", "\n\n[moon]\nphase = full\n", "f:4: unknown key \"moon.phase\"\n"},
	    {"no section", "data = /x\n", "f:1: unknown key \".data\"\n"},
	    {"twice", "[api]\nregion = a\nregion = b\n", "f:3: api.region is given twice\n"},
	    {"relative path", "[server]\ndata = mail\n",
		"f:2: server.data must be an absolute path\n"},
	    {"no number", "[smtp]\nmessage-mib = many\n",
		"f:2: smtp.message-mib must be a whole number from 1 to 512\n"},
	    {"too large", "[smtp]\nmessage-mib = 513\n",
		"f:2: smtp.message-mib must be a whole number from 1 to 512\n"},
	    {"word", "[server]\nlog = loud\n",
		"f:2: server.log must be one of: error, warn, info, debug\n"},
	    {"digits", "[api]\naccount = 123\n", "f:2: api.account must have 12 digits\n"},
	    {"no line of a file", "[server]\nnonsense\n",
		"f:2: not \"key = value\", \"[section]\" or a comment\n"},
	    {"two problems", "[server]\nlog = loud\nfoobar = bar\n",
		"f:2: server.log must be one of: error, warn, info, debug\nf:3: unknown key "
		"\"server.foobar\"\n"},
	    {"bucket", "[bucket]\nevidence = srv\n",
		"f:2: bucket.evidence must be an absolute path\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct app_config c;
		struct buf told;

		print_message("%s\n", rows[i].name);
		buf_init(&told, 100000);
		app_config_init(&c);
		assert_int_equal(
		    app_config_parse(&c, "f", bytes_of_str(rows[i].text), collect, &told),
		    rows[i].want[0] == '\0');
		assert_string_equal(buf_text(&told), rows[i].want);
		app_config_fini(&c);
		buf_fini(&told);
	}
}

/* A line that the reader beneath would cut in two is told, not taken in pieces. */
static void
long_line(void **state)
{
	struct app_config c;
	struct buf text, told;

	(void)state;
	buf_init(&text, 100000);
	buf_init(&told, 100000);
	buf_append_str(&text, "[server]\ndata = /");
	for (int i = 0; i < 1000; i++)
		buf_append_str(&text, "x");
	buf_append_str(&text, "\nlog = warn\n");
	app_config_init(&c);
	assert_false(app_config_parse(&c, "f", buf_view(&text), collect, &told));
	assert_string_equal(buf_text(&told), "f:2: the line is too long\n");
	assert_null(c.text[APP_DATA]);
	assert_string_equal(c.text[APP_LOG], "warn");
	app_config_fini(&c);
	buf_fini(&text);
	buf_fini(&told);
}

static void
finished(void **state)
{
	struct app_config c, d;
	struct arena arena;
	const char *words[APP_LISTENS_MAX];
	struct buf json, text, told;
	struct err err;

	(void)state;
	buf_init(&json, 100000);
	buf_init(&text, 100000);
	buf_init(&told, 100000);
	arena_init(&arena);
	app_config_init(&c);
	app_config_init(&d);
	assert_false(app_config_finish(&c, &err));
	assert_int_equal(err.code, ERR_USAGE);
	assert_true(app_config_set(&c, "server.data", "/srv/mail/", &err));
	assert_true(app_config_set(&c, "smtp.listen", "127.0.0.1:25  [::1]:26", &err));
	assert_true(app_config_set(&c, "bucket.evidence", "/srv/evidence", &err));
	assert_true(app_config_finish(&c, &err));
	assert_string_equal(c.text[APP_DATA], "/srv/mail");
	assert_string_equal(c.text[APP_KEYS_FILE], "/srv/mail.key");
	assert_string_equal(c.text[APP_EXPORT_DIRECTORY], "/srv/mail/export");
	assert_int_equal(app_config_number(&c, APP_SMTP_MESSAGE_MIB), 40);
	assert_false(app_config_yes(&c, APP_API_AWS_LIMITS));
	assert_int_equal(app_config_words(&c, APP_SMTP_LISTEN, &arena, words), 2);
	assert_string_equal(words[1], "[::1]:26");

	/* what is printed and what is encoded say the same */
	app_config_encode(&c, &json);
	assert_true(app_config_decode(&d, buf_view(&json), &err));
	app_config_print(&c, &text);
	for (int i = 0; i < APP_KEY_COUNT; i++)
		assert_string_equal(c.text[i], d.text[i]);
	assert_int_equal(d.bucket_count, 1);
	assert_string_equal(d.buckets[0].dir, "/srv/evidence");
	app_config_fini(&d);
	app_config_init(&d);
	assert_true(app_config_parse(&d, "f", buf_view(&text), collect, &told));
	assert_true(app_config_finish(&d, &err));
	for (int i = 0; i < APP_KEY_COUNT; i++)
		assert_string_equal(c.text[i], d.text[i]);
	app_config_fini(&c);
	app_config_fini(&d);
	arena_fini(&arena);
	buf_fini(&json);
	buf_fini(&text);
	buf_fini(&told);
}

static void
contradictions(void **state)
{
	static const struct {
		const char *name, *key, *value, *message;
	} rows[] = {
	    {"key file inside", "keys.file", "/srv/mail/secret", "keys.file"},
	    {"key file is the directory", "keys.file", "/srv/mail", "keys.file"},
	    {"certificate alone", "tls.certificate", "/a.pem", "go together"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct app_config c;
		struct err err;

		print_message("%s\n", rows[i].name);
		app_config_init(&c);
		assert_true(app_config_set(&c, "server.data", "/srv/mail", &err));
		assert_true(app_config_set(&c, rows[i].key, rows[i].value, &err));
		assert_false(app_config_finish(&c, &err));
		assert_non_null(strstr(err.msg, rows[i].message));
		app_config_fini(&c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(problems), cmocka_unit_test(long_line),
	    cmocka_unit_test(finished), cmocka_unit_test(contradictions)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
