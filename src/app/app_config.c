/* SPDX-License-Identifier: Apache-2.0 */
/* The table of keys, and everything that is said about one value at a time. */
#include "app_config.h"
#include "app_config_int.h"
#include "app_config_witness.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base_limits.h"
#include "base_text.h"
#include "json_value.h"
#include "os_fs.h"
#include "os_host.h"
#include "os_socket.h"

#define KEY_NAME_SIZE  64
#define BUCKET_PREFIX  "bucket."
#define KEYS_PREFIX    "keys."
#define WITNESS_PREFIX "witness."

enum form { FORM_TEXT, FORM_PATH, FORM_ADDRESSES, FORM_NUMBER, FORM_WORD, FORM_DIGITS };

struct key {
	const char *name;
	enum form form;
	long min, max;            /* FORM_NUMBER; FORM_DIGITS: how many (max) */
	const char *const *words; /* FORM_WORD */
	const char *otherwise;    /* NULL: made by app_config_finish */
};

static const char *const log_words[] = {"error", "warn", "info", "debug", NULL};
static const char *const yes_words[] = {"yes", "no", NULL};
static const char *const approval_words[] = {"automatic", "manual", NULL};
static const char *const approver_words[] = {"same", "other", NULL};

static const struct key keys[APP_KEY_COUNT] = {
    [APP_DATA] = {"server.data", FORM_PATH, 0, 0, NULL, NULL},
    [APP_HOSTNAME] = {"server.hostname", FORM_TEXT, 0, 0, NULL, NULL},
    [APP_USER] = {"server.user", FORM_TEXT, 0, 0, NULL, ""},
    [APP_LOG] = {"server.log", FORM_WORD, 0, 0, log_words, "info"},
    [APP_SMTP_LISTEN] = {"smtp.listen", FORM_ADDRESSES, 0, 0, NULL, "127.0.0.1:2525"},
    [APP_SMTP_MESSAGE_MIB] = {"smtp.message-mib", FORM_NUMBER, 1,
	(long)(SMTP_MESSAGE_BYTES_CEIL / LIMIT_MIB), NULL, "40"},
    [APP_SMTP_SESSIONS] = {"smtp.sessions", FORM_NUMBER, 1, SMTP_SESSIONS_MAX, NULL, "20000"},
    [APP_SMTP_SESSIONS_PER_IP] = {"smtp.sessions-per-ip", FORM_NUMBER, 1, SMTP_SESSIONS_MAX, NULL,
	"50"},
    [APP_HTTP_LISTEN] = {"http.listen", FORM_ADDRESSES, 0, 0, NULL, "127.0.0.1:8025"},
    [APP_KEYS_FILE] = {"keys.file", FORM_PATH, 0, 0, NULL, NULL},
    [APP_KEYS_BEFORE] = {"keys.previous-file", FORM_PATH, 0, 0, NULL, ""},
    [APP_KEYS_CACHE_S] = {"keys.cache-seconds", FORM_NUMBER, 1, 7L * 86400, NULL, "3600"},
    [APP_TLS_CERTIFICATE] = {"tls.certificate", FORM_PATH, 0, 0, NULL, ""},
    [APP_TLS_KEY] = {"tls.key", FORM_PATH, 0, 0, NULL, ""},
    [APP_ARCHIVE_SEAL_MINUTES] = {"archive.seal-minutes", FORM_NUMBER, 1, 1440, NULL, "10"},
    [APP_ARCHIVE_SCRUB_DAYS] = {"archive.scrub-days", FORM_NUMBER, 0, 3650, NULL, "30"},
    [APP_ARCHIVE_LOG_MIB] = {"archive.log-mib", FORM_NUMBER, 1, 512, NULL, "64"},
    [APP_ARCHIVE_RESERVE_MIB] = {"archive.reserve-mib", FORM_NUMBER, 1, 65536, NULL, "64"},
    [APP_API_ACCOUNT] = {"api.account", FORM_DIGITS, 0, 12, NULL, "000000000000"},
    [APP_API_REGION] = {"api.region", FORM_TEXT, 0, 0, NULL, "us-east-1"},
    [APP_API_AWS_LIMITS] = {"api.aws-limits", FORM_WORD, 0, 0, yes_words, "no"},
    [APP_EXPORT_DIRECTORY] = {"export.directory", FORM_PATH, 0, 0, NULL, NULL},
    [APP_RETENTION_APPROVAL] = {"retention.approval", FORM_WORD, 0, 0, approval_words, "automatic"},
    [APP_RETENTION_STRICT] = {"retention.strict", FORM_WORD, 0, 0, yes_words, "no"},
    [APP_ERASURE_APPROVAL] = {"erasure.approval", FORM_WORD, 0, 0, approver_words, "same"},
};

void
app_config_init(struct app_config *c)
{
	memset(c, 0, sizeof *c);
	arena_init(&c->arena);
}

void
app_config_fini(struct app_config *c)
{
	arena_fini(&c->arena);
}

static bool
check_addresses(const char *value, struct err *err)
{
	struct arena arena;
	size_t count = 0;
	char *copy, *word, *rest = NULL;
	bool ok = true;

	arena_init(&arena);
	copy = arena_strdup(&arena, value);
	for (word = strtok_r(copy, " \t", &rest); word != NULL && ok;
	     word = strtok_r(NULL, " \t", &rest)) {
		struct os_address address;

		ok = os_address_parse(&address, bytes_of_str(word), err);
		if (ok && ++count > APP_LISTENS_MAX)
			ok = ERR(err, ERR_LIMIT, "more than %d addresses", APP_LISTENS_MAX);
	}
	arena_fini(&arena);
	return ok;
}

static bool
check_number(const struct key *k, const char *value, struct err *err)
{
	uint64_t n;

	if (!text_u64_parse(&n, bytes_of_str(value)) || n < (uint64_t)k->min ||
	    n > (uint64_t)k->max)
		return ERR(err, ERR_SYNTAX, "%s must be a whole number from %ld to %ld", k->name,
		    k->min, k->max);
	return true;
}

static bool
check_word(const struct key *k, const char *value, struct err *err)
{
	struct buf all;

	for (size_t i = 0; k->words[i] != NULL; i++)
		if (strcmp(k->words[i], value) == 0)
			return true;
	buf_init(&all, sizeof err->msg);
	for (size_t i = 0; k->words[i] != NULL; i++)
		buf_printf(&all, "%s%s", i == 0 ? "" : ", ", k->words[i]);
	(void)ERR(err, ERR_SYNTAX, "%s must be one of: %s", k->name, buf_text(&all));
	buf_fini(&all);
	return false;
}

static bool
check_digits(const struct key *k, const char *value, struct err *err)
{
	if (strlen(value) != (size_t)k->max || strspn(value, "0123456789") != (size_t)k->max)
		return ERR(err, ERR_SYNTAX, "%s must have %ld digits", k->name, k->max);
	return true;
}

static bool
check_value(const struct key *k, const char *value, struct err *err)
{
	if (!text_utf8_valid(bytes_of_str(value)))
		return ERR(err, ERR_SYNTAX, "%s is not UTF-8", k->name);
	switch (k->form) {
	case FORM_TEXT:
		return true;
	case FORM_PATH:
		if (value[0] == '/' || (value[0] == '\0' && k->otherwise != NULL))
			return true;
		return ERR(err, ERR_SYNTAX, "%s must be an absolute path", k->name);
	case FORM_ADDRESSES:
		return check_addresses(value, err) || err_prefix(err, "%s", k->name);
	case FORM_NUMBER:
		return check_number(k, value, err);
	case FORM_WORD:
		return check_word(k, value, err);
	case FORM_DIGITS:
		return check_digits(k, value, err);
	}
	return false;
}

static bool
set_bucket(struct app_config *c, const char *name, const char *dir, struct err *err)
{
	size_t i = 0;

	if (dir[0] != '/')
		return ERR(err, ERR_SYNTAX, "bucket.%.60s must be an absolute path", name);
	while (i < c->bucket_count && strcmp(c->buckets[i].name, name) != 0)
		i++;
	if (i == APP_BUCKETS_MAX)
		return ERR(err, ERR_LIMIT, "more than %d buckets", APP_BUCKETS_MAX);
	if (i == c->bucket_count)
		c->bucket_count++;
	c->buckets[i] =
	    (struct app_bucket){arena_strdup(&c->arena, name), arena_strdup(&c->arena, dir)};
	return true;
}

bool
app_config_set(struct app_config *c, const char *key, const char *value, struct err *err)
{
	const char *names[APP_KEY_COUNT + 1] = {NULL};
	const char *near;

	if (strncmp(key, BUCKET_PREFIX, strlen(BUCKET_PREFIX)) == 0)
		return set_bucket(c, key + strlen(BUCKET_PREFIX), value, err);
	if (strncmp(key, WITNESS_PREFIX, strlen(WITNESS_PREFIX)) == 0)
		return app_config_witness_set(c, key + strlen(WITNESS_PREFIX), value, err);
	if (strncmp(key, KEYS_PREFIX, strlen(KEYS_PREFIX)) == 0 &&
	    strchr(key + strlen(KEYS_PREFIX), '.') != NULL)
		return app_config_service_set(c, key + strlen(KEYS_PREFIX), value, err);
	for (size_t i = 0; i < APP_KEY_COUNT; i++) {
		if (strcmp(keys[i].name, key) == 0) {
			if (!check_value(&keys[i], value, err))
				return false;
			c->text[i] = arena_strdup(&c->arena, value);
			return true;
		}
		names[i] = keys[i].name;
	}
	near = text_suggest(key, names);
	if (near != NULL)
		return ERR(
		    err, ERR_USAGE, "unknown key \"%.60s\" (did you mean \"%s\"?)", key, near);
	return ERR(err, ERR_USAGE, "unknown key \"%.60s\"", key);
}

static bool
beneath(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	while (len > 1 && dir[len - 1] == '/')
		len--;
	return strncmp(path, dir, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

bool
app_config_finish(struct app_config *c, struct err *err)
{
	char host[OS_HOST_NAME_SIZE];
	struct arena *a = &c->arena;
	size_t len;

	if (c->text[APP_DATA] == NULL)
		return ERR(err, ERR_USAGE,
		    "no data directory: give --data DIR, or data in section [server]");
	for (len = strlen(c->text[APP_DATA]); len > 1 && c->text[APP_DATA][len - 1] == '/';)
		len--;
	c->text[APP_DATA] = arena_text(a, bytes_of(c->text[APP_DATA], len));
	if (c->text[APP_HOSTNAME] == NULL) {
		os_host_name(host);
		c->text[APP_HOSTNAME] = arena_strdup(a, host);
	}
	if (c->text[APP_KEYS_FILE] == NULL)
		c->text[APP_KEYS_FILE] = arena_printf(a, "%s.key", c->text[APP_DATA]);
	if (c->text[APP_EXPORT_DIRECTORY] == NULL)
		c->text[APP_EXPORT_DIRECTORY] = arena_printf(a, "%s/export", c->text[APP_DATA]);
	for (size_t i = 0; i < APP_KEY_COUNT; i++)
		if (c->text[i] == NULL)
			c->text[i] = keys[i].otherwise;
	if ((c->text[APP_TLS_CERTIFICATE][0] == '\0') != (c->text[APP_TLS_KEY][0] == '\0'))
		return ERR(err, ERR_USAGE, "tls.certificate and tls.key go together");
	if (beneath(c->text[APP_KEYS_FILE], c->text[APP_DATA]) ||
	    beneath(c->text[APP_KEYS_BEFORE], c->text[APP_DATA]))
		return ERR(err, ERR_USAGE,
		    "keys.file and keys.previous-file must not lie in the data directory: who "
		    "takes one would have both");
	if (strcmp(c->text[APP_KEYS_FILE], c->text[APP_KEYS_BEFORE]) == 0)
		return ERR(err, ERR_USAGE, "keys.file and keys.previous-file are the same file");
	return app_config_services_finish(c, err) && app_config_witnesses_finish(c, err);
}

long
app_config_number(const struct app_config *c, enum app_key key)
{
	return strtol(c->text[key], NULL, 10);
}

bool
app_config_yes(const struct app_config *c, enum app_key key)
{
	return strcmp(c->text[key], "yes") == 0;
}

size_t
app_config_words(const struct app_config *c, enum app_key key, struct arena *arena,
    const char *out[APP_LISTENS_MAX])
{
	char *copy = arena_strdup(arena, c->text[key]), *rest = NULL;
	size_t n = 0;

	for (char *w = strtok_r(copy, " \t", &rest); w != NULL && n < APP_LISTENS_MAX;
	     w = strtok_r(NULL, " \t", &rest))
		out[n++] = w;
	return n;
}

struct printing {
	const struct app_witness *witness;
	const struct app_key_service *service;
	struct buf *out;
};

static void
print_witness(void *ctx, const struct app_witness *w, const char *field, const char *value)
{
	struct printing *p = ctx;

	if (p->witness != w)
		buf_printf(p->out, "\n[witness.%s]\n", w->name);
	p->witness = w;
	buf_printf(p->out, "%s = %s\n", field, value);
}

static void
encode_witness(void *ctx, const struct app_witness *w, const char *field, const char *value)
{
	char name[KEY_NAME_SIZE * 2];

	(void)snprintf(name, sizeof name, WITNESS_PREFIX "%s.%s", w->name, field);
	json_set_str(ctx, name, value);
}

static void
print_service(void *ctx, const struct app_key_service *s, const char *field, const char *value)
{
	struct printing *p = ctx;
	struct bytes left = bytes_of_str(value);

	if (p->service != s)
		buf_printf(p->out, "\n[keys.%s]\n", s->name);
	p->service = s;
	if (strcmp(field, "arns") != 0) {
		buf_printf(p->out, "%s = %s\n", field, value);
		return;
	}
	/* One a line: lines have an end. */
	while (left.len > 0) {
		size_t end = bytes_find_byte(left, 0, ' ');

		buf_printf(p->out, "%s", left.ptr == (const uint8_t *)value ? "arns = " : "    ");
		buf_append(p->out, bytes_slice(left, 0, end));
		buf_append_str(p->out, "\n");
		left = bytes_trim(bytes_slice(left, end == SIZE_MAX ? left.len : end, left.len));
	}
}

static void
encode_service(void *ctx, const struct app_key_service *s, const char *field, const char *value)
{
	char name[KEY_NAME_SIZE * 2];

	(void)snprintf(name, sizeof name, KEYS_PREFIX "%s.%s", s->name, field);
	json_set_str(ctx, name, value);
}

void
app_config_print(const struct app_config *c, struct buf *out)
{
	struct printing printing = {NULL, NULL, out};
	char section[KEY_NAME_SIZE] = "";

	for (size_t i = 0; i < APP_KEY_COUNT; i++) {
		const char *dot = strchr(keys[i].name, '.');
		size_t len = (size_t)(dot - keys[i].name);

		if (strncmp(section, keys[i].name, len) != 0 || section[len] != '\0') {
			(void)snprintf(section, sizeof section, "%.*s", (int)len, keys[i].name);
			buf_printf(out, "%s[%s]\n", i == 0 ? "" : "\n", section);
		}
		buf_printf(out, "%s = %s\n", dot + 1, c->text[i]);
	}
	if (c->bucket_count > 0)
		buf_append_str(out, "\n[bucket]\n");
	for (size_t i = 0; i < c->bucket_count; i++)
		buf_printf(out, "%s = %s\n", c->buckets[i].name, c->buckets[i].dir);
	app_config_services_each(c, print_service, &printing);
	app_config_witnesses_each(c, print_witness, &printing);
}

void
app_config_encode(const struct app_config *c, struct buf *out)
{
	struct json *all = json_new_object();
	char name[KEY_NAME_SIZE * 2];

	for (size_t i = 0; i < APP_KEY_COUNT; i++)
		json_set_str(all, keys[i].name, c->text[i]);
	for (size_t i = 0; i < c->bucket_count; i++) {
		(void)snprintf(name, sizeof name, BUCKET_PREFIX "%s", c->buckets[i].name);
		json_set_str(all, name, c->buckets[i].dir);
	}
	app_config_services_each(c, encode_service, all);
	app_config_witnesses_each(c, encode_witness, all);
	json_print(all, out);
	json_free(&all);
}

bool
app_config_decode(struct app_config *c, struct bytes text, struct err *err)
{
	struct json *all = json_parse(text, err);
	const struct json *value;
	const char *key;
	void *at = NULL;
	bool ok = all != NULL;

	while (ok && json_next(all, &at, &key, &value))
		ok = app_config_set(c, key, json_str(value) != NULL ? json_str(value) : "", err);
	json_free(&all);
	return ok && app_config_finish(c, err);
}
