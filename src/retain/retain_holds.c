/* SPDX-License-Identifier: Apache-2.0 */
/* The holds of one moment: what everything that destroys has to ask. */
#include <string.h>

#include "retain_int.h"

struct entry {
	struct retain_hold hold;
	struct retain_rule *rule;
};

struct retain_holds {
	struct retain *r;
	struct arena arena;
	struct entry *entries;
	size_t count;
};

/* A hold that cannot be read stops the load: nothing is destroyed on the word of the others alone. */
static bool
entry_add(void *ctx, struct retain_doc *d, struct err *err)
{
	struct retain_holds *h = ctx;
	struct retain_ids frozen = {0};
	struct entry e;
	bool is_frozen;

	if (strcmp(d->row.state, "RELEASED") == 0)
		return true;
	is_frozen = strcmp(d->row.state, "FROZEN") == 0;
	if (is_frozen && !retain_ids_get(h->r, d->row.id, 0, &frozen, err))
		return false;
	if (!retain_rule_new(d->doc, is_frozen ? &frozen : NULL, &e.rule, err)) {
		retain_ids_free(&frozen);
		return err_prefix(err, "hold %s", d->row.id);
	}
	retain_ids_free(&frozen);
	if (strcmp(d->row.state, "FREEZING") == 0)
		retain_rule_before(e.rule, d->row.created_ms + 1);
	e.hold = (struct retain_hold){arena_strdup(&h->arena, d->row.id),
	    arena_text(&h->arena, json_text(json_find(d->doc, "HoldName"))),
	    arena_text(&h->arena, json_text(json_find(d->doc, "Reason")))};
	h->entries = mem_realloc_array(h->entries, h->count + 1, sizeof *h->entries);
	h->entries[h->count++] = e;
	return true;
}

bool
retain_holds_load(struct retain *r, struct retain_holds **out, struct err *err)
{
	struct retain_holds *h = mem_calloc(1, sizeof *h);

	h->r = r;
	arena_init(&h->arena);
	if (retain_doc_each(r, CATALOG_HOLD, NULL, NULL, entry_add, h, err)) {
		*out = h;
		return true;
	}
	retain_holds_free(&h);
	return false;
}

const struct retain_hold *
retain_holds_cover(struct retain_holds *h, const char *archive_id, const struct pack_row *row,
    const struct retain_hold *from)
{
	size_t i = 0;

	while (from != NULL && &h->entries[i++].hold != from)
		must(i < h->count);
	for (; i < h->count; i++)
		if (retain_rule_covers(h->entries[i].rule, archive_id, row))
			return &h->entries[i].hold;
	return NULL;
}

bool
retain_holds_concern(const struct retain_holds *h, const char *archive_id)
{
	for (size_t i = 0; i < h->count; i++)
		if (retain_rule_concerns(h->entries[i].rule, archive_id))
			return true;
	return false;
}

void
retain_holds_free(struct retain_holds **holds)
{
	struct retain_holds *h = *holds;

	if (h == NULL)
		return;
	for (size_t i = 0; i < h->count; i++)
		retain_rule_free(&h->entries[i].rule);
	mem_free(h->entries);
	arena_fini(&h->arena);
	mem_free(h);
	*holds = NULL;
}
