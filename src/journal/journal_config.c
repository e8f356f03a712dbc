/* SPDX-License-Identifier: Apache-2.0 */
/* Compiling a snapshot. */
#include "journal_config.h"

#include <stdatomic.h>
#include <string.h>

#include "base_arena.h"
#include "base_mem.h"

struct journal_config {
	atomic_int references;
	struct arena arena;
	struct journal_endpoint *endpoints;
	size_t endpoint_count;
	struct journal_archive *archives;
	size_t archive_count;
};

/* A text member, copied; "" when absent. */
static const char *
text_of(struct journal_config *c, const struct json *object, const char *key)
{
	const char *text = json_get_str(object, key);

	return arena_strdup(&c->arena, text != NULL ? text : "");
}

static bool
add_endpoint(struct journal_config *c, const struct json *doc, struct err *err)
{
	struct journal_endpoint *e = &c->endpoints[c->endpoint_count];
	const struct json *rules = json_find(doc, "RuleSet");
	const char *mode = json_get_str(doc, "Mode");

	e->id = text_of(c, doc, "IngressPointId");
	if (rules == NULL)
		return ERR(err, ERR_SYNTAX, "endpoint %s has no rule set", e->id);
	e->rule_set_id = text_of(c, rules, "RuleSetId");
	e->rule_set_arn = text_of(c, rules, "Arn");
	e->strict = mode != NULL && strcmp(mode, "mx") == 0;
	if (!policy_rules_compile(rules, &e->rules, err))
		return err_prefix(err, "rule set %s", e->rule_set_id);
	c->endpoint_count++;
	return true;
}

static bool
add_archive(struct journal_config *c, const struct json *doc, struct err *err)
{
	struct journal_archive *a = &c->archives[c->archive_count];

	a->id = text_of(c, doc, "ArchiveId");
	a->name = text_of(c, doc, "ArchiveName");
	a->active = strcmp(text_of(c, doc, "State"), "ACTIVE") == 0;
	if (!pack_retention_parse(&a->retention, text_of(c, doc, "Retention")))
		return ERR(err, ERR_SYNTAX, "archive %s has no retention period", a->id);
	c->archive_count++;
	return true;
}

bool
journal_config_new(const struct json *snapshot, struct journal_config **out, struct err *err)
{
	const struct json *endpoints = json_find(snapshot, "Endpoints"),
			  *archives = json_find(snapshot, "Archives");
	struct journal_config *c = mem_calloc(1, sizeof *c);

	atomic_init(&c->references, 1);
	arena_init(&c->arena);
	c->endpoints = arena_calloc(&c->arena, json_count(endpoints), sizeof *c->endpoints);
	c->archives = arena_calloc(&c->arena, json_count(archives), sizeof *c->archives);
	for (size_t i = 0; i < json_count(archives); i++)
		if (!add_archive(c, json_at(archives, i), err))
			goto fail;
	for (size_t i = 0; i < json_count(endpoints); i++)
		if (!add_endpoint(c, json_at(endpoints, i), err))
			goto fail;
	*out = c;
	return true;
fail:
	journal_config_unref(&c);
	return false;
}

struct journal_config *
journal_config_ref(struct journal_config *c)
{
	(void)atomic_fetch_add(&c->references, 1);
	return c;
}

void
journal_config_unref(struct journal_config **config)
{
	struct journal_config *c = *config;

	*config = NULL;
	if (c == NULL || atomic_fetch_sub(&c->references, 1) != 1)
		return;
	for (size_t i = 0; i < c->endpoint_count; i++)
		policy_rules_free(&c->endpoints[i].rules);
	arena_fini(&c->arena);
	mem_free(c);
}

const struct journal_endpoint *
journal_config_endpoint(const struct journal_config *c, struct bytes id)
{
	for (size_t i = 0; i < c->endpoint_count; i++)
		if (bytes_equal(bytes_of_str(c->endpoints[i].id), id))
			return &c->endpoints[i];
	return NULL;
}

const struct journal_archive *
journal_config_archive(const struct journal_config *c, struct bytes name)
{
	const struct journal_archive *found = NULL;

	if (bytes_starts_with(name, BYTES_LIT("arn:")))
		for (size_t i = name.len; i > 0; i--)
			if (name.ptr[i - 1] == '/') {
				name = bytes_slice(name, i, name.len - i);
				break;
			}
	for (size_t i = 0; i < c->archive_count; i++)
		if (bytes_equal(bytes_of_str(c->archives[i].id), name))
			return &c->archives[i];
	/* A live archive goes before one of the same name that waits for its deletion. */
	for (size_t i = 0; i < c->archive_count; i++)
		if (bytes_equal(bytes_of_str(c->archives[i].name), name) &&
		    (found == NULL || c->archives[i].active))
			found = &c->archives[i];
	return found;
}
