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
	    {"witness", "[witness.a]\ntype = post\nurl = https://w.example/x\ninterval = 5\n", ""},
	    {"witness, unknown key", "[witness.a]\nintervall = 5\n",
		"f:2: unknown key \"intervall\" in [witness.a] (did you mean \"interval\"?)\n"},
	    {"witness without a name", "[witness]\ntype = file\n",
		"f:2: a witness has a section of its own, [witness.NAME]: \"type\" is in none\n"},
	    {"witness, bad name", "[witness.A]\ntype = file\n",
		"f:2: [witness.A.type]: a witness's name has 1 to 32 lower-case letters, digits "
		"or hyphens\n"},
	    {"witness, file for all archives", "[witness.a]\nfile = /mnt/x\n",
		"f:2: [witness.a]: file must hold {archive}: each archive has a checkpoint of its "
		"own\n"},
	    {"witness, key of a log",
		"[witness.a]\nkey = "
		"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n",
		"f:2: [witness.a]: key is that of a log: a witness's has type 0x04\n"},
	    {"witness, address with a line end", "[witness.a]\nto = a>b@c.example\n",
		"f:2: [witness.a]: to has a character that it must not have\n"},
	    {"key service", "[keys.hsm]\ntype = pkcs11\nmodule = /m.so\n", ""},
	    {"key service of no kind", "[keys.hsm]\ntype = pkcs12\n",
		"f:2: [keys.hsm]: type must be one of: pkcs11, aws-kms, vault-transit, command\n"},
	    {"key service's key", "[keys.hsm]\nmodul = /m.so\n",
		"f:2: unknown key \"modul\" in [keys.hsm] (did you mean \"module\"?)\n"},
	    {"key service's name", "[keys.HSM 1]\ntype = pkcs11\n",
		"f:2: [keys.HSM 1.type]: a key service's name has 1 to 32 lower-case letters, "
		"digits or "
		"hyphens\n"},
	    {"key service's time", "[keys.a]\ntimeout = 61\n",
		"f:2: [keys.a]: timeout must be a whole number of seconds from 1 to 60\n"},
	    {"a list over lines", "[keys.a]\narns = arn:a\n arn:b\n", ""},
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
	assert_false(app_config_courier(&c));
	assert_true(app_config_set(&c, "witness.box.type", "mail", &err));
	assert_true(app_config_set(&c, "witness.box.to", "a@b.example", &err));
	assert_false(app_config_finish(&c, &err));
	assert_int_equal(err.code, ERR_USAGE);
	assert_true(app_config_set(&c, "witness.box.smarthost", "smtp://mx.example", &err));
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
	assert_int_equal(d.witness_count, 1);
	assert_true(app_config_courier(&d));
	assert_string_equal(
	    d.witnesses[0].text[APP_WITNESS_FROM], c.witnesses[0].text[APP_WITNESS_FROM]);
	assert_string_equal(d.witnesses[0].text[APP_WITNESS_INTERVAL], "60");
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

/* Sections [keys.NAME], whole: what is missing, misplaced or double is told when all is known. */
static void
key_services(void **state)
{
#define KMS                                                                                        \
	"[server]\ndata = /srv/mail\n[keys.aws]\ntype = aws-kms\n"                                 \
	"endpoint = https://kms.eu-1.example\ncredentials-file = /etc/k\n"
	static const struct {
		const char *name, *text, *message; /* NULL = good */
	} rows[] = {
	    {"kms by ARN", KMS "key = arn:aws:kms:eu-1:1:key/a\n", NULL},
	    {"kms by alias", KMS "key = alias/a\narns = arn:x\n  arn:y\n", NULL},
	    {"kms without key", KMS, "[keys.aws] key is missing"},
	    {"kms in the clear",
		KMS "key = a\nca-file = /x\n[keys.b]\ntype = aws-kms\nkey = b\n"
		    "credentials-file = /k\nendpoint = http://kms.example\n",
		"[keys.b]: the endpoint must be https"},
	    {"no type", "[server]\ndata = /srv/mail\n[keys.a]\nkey = b\n", "[keys.a] has no type"},
	    {"another kind's key", KMS "key = a\nmodule = /m.so\n",
		"module has no meaning for aws-kms"},
	    {"no ARN", KMS "key = a\narns = key/1\n", "is no ARN"},
	    {"one ARN twice",
		KMS "key = arn:k\n[keys.t]\ntype = command\nprogram = /t\narns = arn:k\n",
		"arn:k is in [keys.aws] and in [keys.t]"},
	    {"program without a path", "[server]\ndata = /srv/mail\n[keys.t]\ntype = command\n",
		"program is missing"},
	    {"relative paths",
		"[server]\ndata = /srv/mail\n[keys.t]\ntype = command\nprogram = /t\n"
		"paths = /a b\n",
		"paths must be absolute"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct app_config c, d;
		struct buf told, text;
		struct err err = {.code = ERR_NONE};
		bool ok;

		print_message("%s\n", rows[i].name);
		buf_init(&told, 100000);
		buf_init(&text, 100000);
		app_config_init(&c);
		app_config_init(&d);
		assert_true(app_config_parse(&c, "f", bytes_of_str(rows[i].text), collect, &told));
		ok = app_config_finish(&c, &err);
		assert_int_equal(ok, rows[i].message == NULL);
		if (!ok)
			assert_non_null(strstr(err.msg, rows[i].message));
		/* what is printed parses to the same, also the list */
		if (ok) {
			app_config_print(&c, &text);
			assert_true(app_config_parse(&d, "f", buf_view(&text), collect, &told));
			assert_true(app_config_finish(&d, &err));
			assert_int_equal(d.service_count, c.service_count);
			assert_string_equal(d.services[0].text[APP_SERVICE_ARNS],
			    c.services[0].text[APP_SERVICE_ARNS]);
			app_config_fini(&d);
			app_config_init(&d);
			buf_reset(&text);
			app_config_encode(&c, &text);
			assert_true(app_config_decode(&d, buf_view(&text), &err));
			assert_string_equal(d.services[0].text[APP_SERVICE_ARNS],
			    c.services[0].text[APP_SERVICE_ARNS]);
		}
		app_config_fini(&c);
		app_config_fini(&d);
		buf_fini(&told);
		buf_fini(&text);
	}
#undef KMS
}

static void
arns_of_services(void **state)
{
	struct app_config c;
	struct buf told;
	struct err err;

	(void)state;
	buf_init(&told, 100000);
	app_config_init(&c);
	assert_true(app_config_parse(&c, "f",
	    BYTES_LIT("[server]\ndata = /d\n[keys.a]\ntype = command\nprogram = /a\narns = arn:1\n "
		      "arn:2\n"
		      "[keys.b]\ntype = command\nprogram = /b\narns = arn:3\n"),
	    collect, &told));
	assert_true(app_config_finish(&c, &err));
	assert_string_equal(app_config_service_of(&c, "arn:2")->name, "a");
	assert_string_equal(app_config_service_of(&c, "arn:3")->name, "b");
	assert_null(app_config_service_of(&c, "arn:"));
	assert_null(app_config_service_of(&c, "arn:4"));
	app_config_fini(&c);
	buf_fini(&told);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(problems), cmocka_unit_test(long_line),
	    cmocka_unit_test(finished), cmocka_unit_test(contradictions),
	    cmocka_unit_test(key_services), cmocka_unit_test(arns_of_services)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
