/* SPDX-License-Identifier: Apache-2.0 */
/* Sections [witness.NAME]: who is shown the checkpoints of the proof logs. */
#include "app_config_witness.h"

#include <stdio.h>
#include <string.h>

#include "base_text.h"
#include "proof_note.h"

#define NAME_MAX_BYTES  32u
#define VALUE_BYTES_MAX 600u

enum { COSIGN = 1, KEEP = 2, POST = 4, MAIL = 8, ALL = 15 };

static const char *const types[] = {"cosign", "file", "post", "mail", NULL};

struct field {
	const char *name, *otherwise;
	unsigned needed, allowed; /* bits of types */
};

static const struct field fields[APP_WITNESS_FIELDS] = {
    [APP_WITNESS_TYPE] = {"type", NULL, ALL, ALL},
    [APP_WITNESS_URL] = {"url", "", COSIGN | POST, COSIGN | POST},
    [APP_WITNESS_KEY] = {"key", "", COSIGN, COSIGN},
    [APP_WITNESS_CA_FILE] = {"ca-file", "", 0, COSIGN | POST | MAIL},
    [APP_WITNESS_FILE] = {"file", "", KEEP, KEEP},
    [APP_WITNESS_TO] = {"to", "", MAIL, MAIL},
    [APP_WITNESS_FROM] = {"from", "", 0, MAIL},
    [APP_WITNESS_SMARTHOST] = {"smarthost", "", MAIL, MAIL},
    [APP_WITNESS_INTERVAL] = {"interval", "60", 0, ALL},
    [APP_WITNESS_TIMEOUT] = {"timeout", "10", 0, ALL},
};

static bool
name_check(struct bytes name, struct err *err)
{
	bool ok = name.len > 0 && name.len <= NAME_MAX_BYTES;

	for (size_t i = 0; ok && i < name.len; i++)
		ok = memchr("abcdefghijklmnopqrstuvwxyz0123456789-", name.ptr[i], 37) != NULL;
	return ok || ERR(err, ERR_SYNTAX,
			 "a witness's name has 1 to %u lower-case letters, digits or hyphens",
			 NAME_MAX_BYTES);
}

static bool
number_check(const char *name, const char *value, uint64_t max, struct err *err)
{
	uint64_t seconds;

	return (text_u64_parse(&seconds, bytes_of_str(value)) && seconds >= 1 && seconds <= max) ||
	       ERR(err, ERR_SYNTAX, "%s must be a whole number of seconds from 1 to %llu", name,
		   (unsigned long long)max);
}

/* What goes onto request lines and into commands must stay one word. */
static bool
word_check(const char *name, const char *value, struct err *err)
{
	for (const char *p = value; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || strchr("<>\"\\", *p) != NULL)
			return ERR(
			    err, ERR_SYNTAX, "%s has a character that it must not have", name);
	return true;
}

static bool
address_check(const char *name, const char *value, struct err *err)
{
	const char *at = strrchr(value, '@');

	if (!word_check(name, value, err))
		return false;
	return (at != NULL && at != value && at[1] != '\0' && value[0] != '-') ||
	       ERR(err, ERR_SYNTAX, "%s must be an address", name);
}

static bool
url_check(const char *name, const char *value, const char *one, const char *two, struct err *err)
{
	struct bytes v = bytes_of_str(value);

	if (!word_check(name, value, err))
		return false;
	if ((bytes_starts_with(v, bytes_of_str(one)) && v.len > strlen(one)) ||
	    (bytes_starts_with(v, bytes_of_str(two)) && v.len > strlen(two)))
		return true;
	return ERR(err, ERR_SYNTAX, "%s must begin with %s or %s", name, one, two);
}

static bool
type_check(const char *value, struct err *err)
{
	for (size_t i = 0; types[i] != NULL; i++)
		if (strcmp(types[i], value) == 0)
			return true;
	return ERR(err, ERR_SYNTAX, "type must be one of: cosign, file, post, mail");
}

static bool
key_check(const char *value, struct err *err)
{
	struct proof_key key;

	if (!proof_key_parse(bytes_of_str(value), &key, err))
		return err_prefix(err, "key");
	return key.type == PROOF_KEY_WITNESS ||
	       ERR(err, ERR_SYNTAX, "key is that of a log: a witness's has type 0x04");
}

static bool
file_check(const char *value, struct err *err)
{
	const char *brace = strchr(value, '{');

	if (value[0] != '/')
		return ERR(err, ERR_SYNTAX, "file must be an absolute path");
	if (strstr(value, "{archive}") == NULL)
		return ERR(err, ERR_SYNTAX,
		    "file must hold {archive}: each archive has a checkpoint of its own");
	for (; brace != NULL; brace = strchr(brace + 1, '{'))
		if (strncmp(brace, "{archive}", 9) != 0 && strncmp(brace, "{size}", 6) != 0)
			return ERR(err, ERR_SYNTAX, "file may hold {archive} and {size} only");
	return true;
}

static bool
value_check(enum app_witness_field f, const char *value, struct err *err)
{
	const char *name = fields[f].name;

	if (!text_utf8_valid(bytes_of_str(value)) || strlen(value) > VALUE_BYTES_MAX)
		return ERR(err, ERR_SYNTAX, "%s is not UTF-8, or longer than %u bytes", name,
		    VALUE_BYTES_MAX);
	if (value[0] == '\0' && fields[f].otherwise != NULL)
		return true;
	switch (f) {
	case APP_WITNESS_TYPE:
		return type_check(value, err);
	case APP_WITNESS_URL:
		return url_check(name, value, "https://", "http://", err);
	case APP_WITNESS_SMARTHOST:
		return url_check(name, value, "smtp://", "smtps://", err);
	case APP_WITNESS_KEY:
		return key_check(value, err);
	case APP_WITNESS_CA_FILE:
		return value[0] == '/' || ERR(err, ERR_SYNTAX, "%s must be an absolute path", name);
	case APP_WITNESS_FILE:
		return file_check(value, err);
	case APP_WITNESS_TO:
	case APP_WITNESS_FROM:
		return address_check(name, value, err);
	case APP_WITNESS_INTERVAL:
		return number_check(name, value, 30 * 86400, err);
	case APP_WITNESS_TIMEOUT:
		return number_check(name, value, 120, err);
	case APP_WITNESS_FIELDS:
		break;
	}
	return true;
}

static struct app_witness *
witness_find(struct app_config *c, const char *name, struct err *err)
{
	size_t i = 0;

	while (i < c->witness_count && strcmp(c->witnesses[i].name, name) != 0)
		i++;
	if (i == APP_WITNESSES_MAX) {
		(void)ERR(err, ERR_LIMIT, "more than %d witnesses", APP_WITNESSES_MAX);
		return NULL;
	}
	if (i == c->witness_count)
		c->witnesses[c->witness_count++] =
		    (struct app_witness){.name = arena_strdup(&c->arena, name)};
	return &c->witnesses[i];
}

bool
app_config_witness_set(
    struct app_config *c, const char *name_and_field, const char *value, struct err *err)
{
	const char *names[APP_WITNESS_FIELDS + 1] = {NULL}, *dot = strrchr(name_and_field, '.'),
					       *near;
	struct app_witness *w;
	char *name;

	if (dot == NULL)
		return ERR(err, ERR_USAGE,
		    "a witness has a section of its own, [witness.NAME]: \"%.60s\" is in none",
		    name_and_field);
	if (!name_check(bytes_of(name_and_field, (size_t)(dot - name_and_field)), err))
		return err_prefix(err, "[witness.%.40s]", name_and_field);
	name = arena_text(&c->arena, bytes_of(name_and_field, (size_t)(dot - name_and_field)));
	for (unsigned f = 0; f < APP_WITNESS_FIELDS; f++) {
		names[f] = fields[f].name;
		if (strcmp(fields[f].name, dot + 1) != 0)
			continue;
		if (!value_check((enum app_witness_field)f, value, err))
			return err_prefix(err, "[witness.%s]", name);
		w = witness_find(c, name, err);
		if (w == NULL)
			return false;
		w->text[f] = arena_strdup(&c->arena, value);
		return true;
	}
	near = text_suggest(dot + 1, names);
	return near != NULL
		   ? ERR(err, ERR_USAGE,
			 "unknown key \"%.40s\" in [witness.%s] (did you mean \"%s\"?)", dot + 1,
			 name, near)
		   : ERR(err, ERR_USAGE, "unknown key \"%.40s\" in [witness.%s]", dot + 1, name);
}

static bool
witness_finish(struct app_config *c, struct app_witness *w, struct err *err)
{
	unsigned bit = 1;

	if (w->text[APP_WITNESS_TYPE] == NULL)
		return ERR(err, ERR_USAGE, "[witness.%s] has no type", w->name);
	for (size_t i = 0; strcmp(types[i], w->text[APP_WITNESS_TYPE]) != 0; i++)
		bit <<= 1;
	for (unsigned f = 0; f < APP_WITNESS_FIELDS; f++) {
		bool given = w->text[f] != NULL && w->text[f][0] != '\0';

		if (given && (fields[f].allowed & bit) == 0)
			return ERR(err, ERR_USAGE, "[witness.%s] %s has no meaning for %s", w->name,
			    fields[f].name, w->text[APP_WITNESS_TYPE]);
		if (!given && (fields[f].needed & bit) != 0)
			return ERR(
			    err, ERR_USAGE, "[witness.%s] %s is missing", w->name, fields[f].name);
		if (!given)
			w->text[f] = fields[f].otherwise;
	}
	if (bit == MAIL && w->text[APP_WITNESS_FROM][0] == '\0')
		w->text[APP_WITNESS_FROM] =
		    arena_printf(&c->arena, "daybook@%s", c->text[APP_HOSTNAME]);
	return true;
}

bool
app_config_witnesses_finish(struct app_config *c, struct err *err)
{
	for (size_t i = 0; i < c->witness_count; i++)
		if (!witness_finish(c, &c->witnesses[i], err))
			return false;
	return true;
}

bool
app_config_courier(const struct app_config *c)
{
	for (size_t i = 0; i < c->witness_count; i++)
		if (strcmp(c->witnesses[i].text[APP_WITNESS_TYPE], "file") != 0)
			return true;
	return false;
}

void
app_config_witnesses_each(const struct app_config *c,
    void (*visit)(void *ctx, const struct app_witness *w, const char *field, const char *value),
    void *ctx)
{
	for (size_t i = 0; i < c->witness_count; i++)
		for (unsigned f = 0; f < APP_WITNESS_FIELDS; f++)
			if (c->witnesses[i].text[f] != NULL && c->witnesses[i].text[f][0] != '\0')
				visit(
				    ctx, &c->witnesses[i], fields[f].name, c->witnesses[i].text[f]);
}
