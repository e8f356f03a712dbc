/* SPDX-License-Identifier: Apache-2.0 */
/* Sections [keys.NAME]: key services beside the key file, and which KmsKeyArn means which. */
#include <stdio.h>
#include <string.h>

#include "app_config_int.h"
#include "base_limits.h"
#include "base_text.h"

#define ARNS_BYTES_MAX 4096

struct field {
	const char *name, *otherwise;
	unsigned needed, allowed; /* bits of enum keys_kind */
	bool path;
};

enum {
	PKCS11 = 1U << KEYS_PKCS11,
	KMS = 1U << KEYS_AWS_KMS,
	VAULT = 1U << KEYS_VAULT_TRANSIT,
	COMMAND = 1U << KEYS_COMMAND,
	ALL = PKCS11 | KMS | VAULT | COMMAND
};

static const struct field fields[APP_SERVICE_FIELDS] = {
    [APP_SERVICE_TYPE] = {"type", NULL, ALL, ALL, false},
    [APP_SERVICE_KEY] = {"key", "", PKCS11 | KMS | VAULT, ALL, false},
    [APP_SERVICE_ARNS] = {"arns", "", 0, ALL, false},
    [APP_SERVICE_TIMEOUT] = {"timeout", "5", 0, ALL, false},
    [APP_SERVICE_PATHS] = {"paths", "", 0, PKCS11 | COMMAND, false},
    [APP_SERVICE_MODULE] = {"module", "", PKCS11, PKCS11, true},
    [APP_SERVICE_TOKEN] = {"token", "", PKCS11, PKCS11, false},
    [APP_SERVICE_PIN_FILE] = {"pin-file", "", PKCS11, PKCS11, true},
    [APP_SERVICE_MECHANISM] = {"mechanism", "aes-gcm", 0, PKCS11, false},
    [APP_SERVICE_ENDPOINT] = {"endpoint", "", KMS | VAULT, KMS | VAULT, false},
    [APP_SERVICE_CA_FILE] = {"ca-file", "", 0, KMS | VAULT, true},
    [APP_SERVICE_REGION] = {"region", "us-east-1", 0, KMS, false},
    [APP_SERVICE_CREDENTIALS] = {"credentials-file", "", KMS, KMS, true},
    [APP_SERVICE_MOUNT] = {"mount", "transit", 0, VAULT, false},
    [APP_SERVICE_TOKEN_FILE] = {"token-file", "", VAULT, VAULT, true},
    [APP_SERVICE_PROGRAM] = {"program", "", COMMAND, COMMAND, true},
    [APP_SERVICE_NETWORK] = {"network", "no", 0, PKCS11 | COMMAND, false},
};

/* Long names would be cut by the reader of the file without a word. */
static bool
name_check(struct bytes name, struct err *err)
{
	bool ok = name.len > 0 && name.len <= APP_SERVICE_NAME_MAX;

	for (size_t i = 0; ok && i < name.len; i++)
		ok = memchr("abcdefghijklmnopqrstuvwxyz0123456789-", name.ptr[i], 37) != NULL;
	return ok || ERR(err, ERR_SYNTAX,
			 "a key service's name has 1 to %u lower-case letters, digits or hyphens",
			 APP_SERVICE_NAME_MAX);
}

static struct app_key_service *
service_find(struct app_config *c, const char *name, struct err *err)
{
	size_t i = 0;

	while (i < c->service_count && strcmp(c->services[i].name, name) != 0)
		i++;
	if (i == APP_SERVICES_MAX) {
		(void)ERR(err, ERR_LIMIT, "more than %d key services", APP_SERVICES_MAX);
		return NULL;
	}
	if (i == c->service_count)
		c->services[c->service_count++].name = arena_strdup(&c->arena, name);
	return &c->services[i];
}

static bool
number_check(const char *value, struct err *err)
{
	uint64_t seconds;

	return (text_u64_parse(&seconds, bytes_of_str(value)) && seconds >= 1 &&
		   seconds <= KEYS_CALL_MS_MAX / 1000) ||
	       ERR(err, ERR_SYNTAX, "timeout must be a whole number of seconds from 1 to %u",
		   KEYS_CALL_MS_MAX / 1000);
}

static bool
value_check(enum app_service_field f, const char *value, struct err *err)
{
	enum keys_kind kind;

	if (!text_utf8_valid(bytes_of_str(value)))
		return ERR(err, ERR_SYNTAX, "%s is not UTF-8", fields[f].name);
	if (fields[f].path && value[0] != '\0' && value[0] != '/')
		return ERR(err, ERR_SYNTAX, "%s must be an absolute path", fields[f].name);
	if (f == APP_SERVICE_TYPE && !keys_kind_find(value, &kind))
		return ERR(err, ERR_SYNTAX,
		    "type must be one of: pkcs11, aws-kms, vault-transit, command");
	if (f == APP_SERVICE_TIMEOUT)
		return number_check(value, err);
	if (f == APP_SERVICE_MECHANISM && strcmp(value, "aes-gcm") != 0 &&
	    strcmp(value, "aes-key-wrap-pad") != 0)
		return ERR(err, ERR_SYNTAX, "mechanism must be one of: aes-gcm, aes-key-wrap-pad");
	if (f == APP_SERVICE_NETWORK && strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return ERR(err, ERR_SYNTAX, "network must be one of: yes, no");
	return true;
}

bool
app_config_service_set(
    struct app_config *c, const char *name_and_field, const char *value, struct err *err)
{
	const char *names[APP_SERVICE_FIELDS + 1] = {NULL}, *dot = strrchr(name_and_field, '.'),
					       *near;
	struct app_key_service *s;
	char *name;

	must(dot != NULL);
	if (!name_check(bytes_of(name_and_field, (size_t)(dot - name_and_field)), err))
		return err_prefix(err, "[keys.%.40s]", name_and_field);
	name = arena_text(&c->arena, bytes_of(name_and_field, (size_t)(dot - name_and_field)));
	for (unsigned f = 0; f < APP_SERVICE_FIELDS; f++) {
		names[f] = fields[f].name;
		if (strcmp(fields[f].name, dot + 1) != 0)
			continue;
		if (!value_check((enum app_service_field)f, value, err))
			return err_prefix(err, "[keys.%s]", name);
		s = service_find(c, name, err);
		if (s == NULL)
			return false;
		/* A list may go on over several lines. */
		if (f == APP_SERVICE_ARNS && s->text[f] != NULL && s->text[f][0] != '\0')
			value = arena_printf(&c->arena, "%s %s", s->text[f], value);
		if (strlen(value) > ARNS_BYTES_MAX)
			return ERR(err, ERR_LIMIT, "[keys.%s] %s is too long", name, names[f]);
		s->text[f] = arena_strdup(&c->arena, value);
		return true;
	}
	near = text_suggest(dot + 1, names);
	return near != NULL
		   ? ERR(err, ERR_USAGE,
			 "unknown key \"%.40s\" in [keys.%s] (did you mean \"%s\"?)", dot + 1, name,
			 near)
		   : ERR(err, ERR_USAGE, "unknown key \"%.40s\" in [keys.%s]", dot + 1, name);
}

enum keys_kind
app_config_service_kind(const struct app_key_service *s)
{
	enum keys_kind kind = KEYS_COMMAND;

	must(keys_kind_find(s->text[APP_SERVICE_TYPE], &kind));
	return kind;
}

static bool
service_finish(struct app_key_service *s, struct err *err)
{
	unsigned bit;

	if (s->text[APP_SERVICE_TYPE] == NULL)
		return ERR(err, ERR_USAGE, "[keys.%s] has no type", s->name);
	bit = 1U << app_config_service_kind(s);
	for (unsigned f = 0; f < APP_SERVICE_FIELDS; f++) {
		bool given = s->text[f] != NULL && s->text[f][0] != '\0';

		if (given && (fields[f].allowed & bit) == 0 &&
		    (fields[f].otherwise == NULL || strcmp(s->text[f], fields[f].otherwise) != 0))
			return ERR(err, ERR_USAGE, "[keys.%s] %s has no meaning for %s", s->name,
			    fields[f].name, s->text[APP_SERVICE_TYPE]);
		if (!given && (fields[f].needed & bit) != 0)
			return ERR(
			    err, ERR_USAGE, "[keys.%s] %s is missing", s->name, fields[f].name);
		if (s->text[f] == NULL)
			s->text[f] = fields[f].otherwise;
	}
	if ((bit & (KMS | VAULT)) != 0 && !keys_endpoint_check(s->text[APP_SERVICE_ENDPOINT], err))
		return err_prefix(err, "[keys.%s]", s->name);
	/* A key of KMS that is named by its ARN is that ARN's. */
	if (s->text[APP_SERVICE_ARNS][0] == '\0' && bit == KMS &&
	    strncmp(s->text[APP_SERVICE_KEY], "arn:", 4) == 0)
		s->text[APP_SERVICE_ARNS] = s->text[APP_SERVICE_KEY];
	return true;
}

size_t
app_config_service_words(const struct app_key_service *s, enum app_service_field f,
    struct arena *arena, const char **out, size_t max)
{
	char *copy = arena_strdup(arena, s->text[f]), *rest = NULL;
	size_t n = 0;

	for (char *w = strtok_r(copy, " \t", &rest); w != NULL && n < max;
	     w = strtok_r(NULL, " \t", &rest))
		out[n++] = w;
	return n;
}

static bool
lists_check(struct app_config *c, const struct app_key_service *s, struct err *err)
{
	const char *arns[APP_SERVICE_WORDS_MAX], *paths[APP_SERVICE_WORDS_MAX];
	struct arena scratch;
	size_t arn_count, path_count;
	bool ok = true;

	arena_init(&scratch);
	arn_count =
	    app_config_service_words(s, APP_SERVICE_ARNS, &scratch, arns, APP_SERVICE_WORDS_MAX);
	path_count =
	    app_config_service_words(s, APP_SERVICE_PATHS, &scratch, paths, APP_SERVICE_WORDS_MAX);
	for (size_t i = 0; ok && i < path_count; i++)
		if (paths[i][0] != '/')
			ok = ERR(err, ERR_USAGE, "[keys.%s] paths must be absolute", s->name);
	for (size_t i = 0; ok && i < arn_count; i++) {
		const struct app_key_service *owner = app_config_service_of(c, arns[i]);

		if (strncmp(arns[i], "arn:", 4) != 0)
			ok = ERR(err, ERR_USAGE, "[keys.%s] arns: \"%.60s\" is no ARN", s->name,
			    arns[i]);
		else if (owner != s)
			ok = ERR(err, ERR_USAGE, "%.80s is in [keys.%s] and in [keys.%s]", arns[i],
			    owner->name, s->name);
	}
	arena_fini(&scratch);
	return ok;
}

bool
app_config_services_finish(struct app_config *c, struct err *err)
{
	for (size_t i = 0; i < c->service_count; i++)
		if (!service_finish(&c->services[i], err))
			return false;
	for (size_t i = 0; i < c->service_count; i++)
		if (!lists_check(c, &c->services[i], err))
			return false;
	return true;
}

const struct app_key_service *
app_config_service_of(const struct app_config *c, const char *arn)
{
	const char *arns[APP_SERVICE_WORDS_MAX];
	const struct app_key_service *found = NULL;
	struct arena scratch;

	arena_init(&scratch);
	for (size_t i = 0; found == NULL && i < c->service_count; i++) {
		size_t n = app_config_service_words(
		    &c->services[i], APP_SERVICE_ARNS, &scratch, arns, APP_SERVICE_WORDS_MAX);

		for (size_t k = 0; found == NULL && k < n; k++)
			if (strcmp(arns[k], arn) == 0)
				found = &c->services[i];
	}
	arena_fini(&scratch);
	return found;
}

void
app_config_services_each(const struct app_config *c,
    void (*visit)(void *ctx, const struct app_key_service *s, const char *field, const char *value),
    void *ctx)
{
	for (size_t i = 0; i < c->service_count; i++)
		for (unsigned f = 0; f < APP_SERVICE_FIELDS; f++)
			if (c->services[i].text[f] != NULL && c->services[i].text[f][0] != '\0')
				visit(ctx, &c->services[i], fields[f].name, c->services[i].text[f]);
}
