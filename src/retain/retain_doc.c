/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the catalog with their documents, and transactions around them. */
#include <stdio.h>
#include <string.h>

#include "base_text.h"
#include "retain_int.h"

#define PAGE 32

bool
retain_begin(struct retain *r, struct err *err)
{
	return catalog_begin(r->o.catalog, err);
}

bool
retain_end(struct retain *r, bool ok, struct err *err)
{
	if (ok)
		return catalog_commit(r->o.catalog, err);
	catalog_rollback(r->o.catalog);
	return false;
}

static bool
doc_parse(struct retain_doc *d, struct err *err)
{
	d->doc = json_parse(d->row.document, err);
	return d->doc != NULL;
}

bool
retain_doc_get(struct retain *r, enum catalog_kind kind, const char *id, struct arena *arena,
    struct retain_doc *out, struct err *err)
{
	*out = (struct retain_doc){0};
	if (strchr(id, '/') != NULL)
		return ERR(err, ERR_NOT_FOUND, "%.80s not found", id);
	if (catalog_get(r->o.catalog, kind, id, arena, &out->row, err))
		return doc_parse(out, err);
	return err->code == ERR_NOT_FOUND ? ERR(err, ERR_NOT_FOUND, "%.80s not found", id) : false;
}

bool
retain_doc_find(struct retain *r, enum catalog_kind kind, const char *name, struct arena *arena,
    struct retain_doc *out, struct err *err)
{
	*out = (struct retain_doc){0};
	return catalog_find(r->o.catalog, kind, name, arena, &out->row, err) && doc_parse(out, err);
}

enum writing { DOC_INSERT, DOC_SAVE, DOC_AMEND };

static bool
doc_write(struct retain *r, struct retain_doc *d, enum writing how, struct err *err)
{
	struct buf text;
	bool ok;

	buf_init(&text, CATALOG_DOCUMENT_MAX);
	json_print(d->doc, &text);
	d->row.document = buf_view(&text);
	if (how != DOC_AMEND)
		d->row.updated_ms = clock_now_ms(&r->o.clock);
	if (how == DOC_INSERT)
		d->row.created_ms = d->row.updated_ms;
	ok = buf_ok(&text, err) && (how == DOC_INSERT ? catalog_insert(r->o.catalog, &d->row, err)
						      : catalog_update(r->o.catalog, &d->row, err));
	d->row.document = BYTES_EMPTY;
	buf_fini(&text);
	return ok;
}

bool
retain_doc_insert(struct retain *r, struct retain_doc *d, struct err *err)
{
	return doc_write(r, d, DOC_INSERT, err);
}

bool
retain_doc_save(struct retain *r, struct retain_doc *d, struct err *err)
{
	return doc_write(r, d, DOC_SAVE, err);
}

bool
retain_doc_amend(struct retain *r, struct retain_doc *d, struct err *err)
{
	return doc_write(r, d, DOC_AMEND, err);
}

void
retain_doc_fini(struct retain_doc *d)
{
	json_free(&d->doc);
}

static bool
page_visit(struct catalog_row *rows, size_t count, const char *state, retain_visit_fn visit,
    void *ctx, struct err *err)
{
	bool ok = true;

	for (size_t i = 0; ok && i < count; i++) {
		struct retain_doc d = {.row = rows[i]};

		if (state != NULL && (rows[i].state == NULL || strcmp(rows[i].state, state) != 0))
			continue;
		ok = doc_parse(&d, err) && visit(ctx, &d, err);
		retain_doc_fini(&d);
	}
	return ok;
}

bool
retain_doc_each(struct retain *r, enum catalog_kind kind, const char *owner, const char *state,
    retain_visit_fn visit, void *ctx, struct err *err)
{
	char last[ID_TEXT_SIZE] = "";
	struct catalog_cursor cursor = {0, NULL};
	size_t count = PAGE;
	bool ok = true;

	while (ok && count == PAGE) {
		struct catalog_row rows[PAGE];
		struct arena arena;

		arena_init(&arena);
		ok = catalog_list(
			 r->o.catalog, kind, owner, &cursor, PAGE, &arena, rows, &count, err) &&
		     page_visit(rows, count, state, visit, ctx, err);
		if (ok && count == PAGE) {
			/* The cursor outlives the page it came from. */
			(void)snprintf(last, sizeof last, "%s", rows[PAGE - 1].id);
			cursor = (struct catalog_cursor){rows[PAGE - 1].created_ms, last};
		}
		arena_fini(&arena);
	}
	return ok;
}

struct ids {
	struct arena *arena;
	const char **list;
	size_t count, room;
};

static bool
id_visit(void *ctx, struct retain_doc *d, struct err *err)
{
	struct ids *ids = ctx;

	(void)err;
	if (ids->count == ids->room) {
		const char **list = arena_calloc(ids->arena, 2 * ids->room + 16, sizeof *list);

		if (ids->count > 0)
			memcpy(list, ids->list, ids->count * sizeof *list);
		ids->list = list;
		ids->room = 2 * ids->room + 16;
	}
	ids->list[ids->count++] = arena_strdup(ids->arena, d->row.id);
	return true;
}

bool
retain_doc_ids(struct retain *r, enum catalog_kind kind, const char *state, struct arena *arena,
    const char ***ids_out, size_t *count_out, struct err *err)
{
	struct ids ids = {.arena = arena};
	bool ok;

	if (!retain_begin(r, err))
		return false;
	ok = retain_doc_each(r, kind, NULL, state, id_visit, &ids, err);
	catalog_rollback(r->o.catalog);
	/* Oldest first: lists come newest first. */
	for (size_t i = 0; i < ids.count / 2; i++) {
		const char *id = ids.list[i];

		ids.list[i] = ids.list[ids.count - 1 - i];
		ids.list[ids.count - 1 - i] = id;
	}
	*ids_out = ids.list;
	*count_out = ids.count;
	return ok;
}

void
retain_doc_leaf(struct json *doc, const struct archive_gone *gone)
{
	char hash[2 * sizeof gone->leaf_hash + 1];

	if (gone->leaf_index == PACK_LEAF_NONE)
		return;
	text_hex_format(hash, bytes_of(gone->leaf_hash, sizeof gone->leaf_hash));
	json_set_integer(doc, "LeafIndex", (int64_t)gone->leaf_index);
	json_set_str(doc, "LeafHash", hash);
}
