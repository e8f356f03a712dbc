/* SPDX-License-Identifier: Apache-2.0 */
/* Looking back: records newest first, and one by its number. */
#include "audit_int.h"
#include "base_log.h"
#include "base_mem.h"

/* false: visit has had enough. */
static bool
file_visit(
    const struct audit_file *f, uint64_t before, audit_visit_fn visit, void *ctx, uint64_t *damaged)
{
	struct audit_record r;
	struct buf plain;
	struct err why;
	bool more = true;

	buf_init(&plain, AUDIT_PLAIN_MAX);
	for (size_t i = f->item_count; more && i > 0; i--) {
		const struct audit_item *item = &f->items[i - 1];

		if (!item->damaged && item->frame.sequence >= before)
			continue;
		if (audit_file_record(f, item, &plain, &r, &why))
			more = visit(ctx, &r);
		else
			(*damaged)++;
	}
	buf_fini(&plain);
	return more;
}

bool
audit_list(struct audit *a, uint64_t before, audit_visit_fn visit, void *ctx, uint64_t *damaged_out,
    struct err *err)
{
	struct audit_extent e;
	uint64_t *numbers, damaged = 0, last = before == 0 ? UINT64_MAX : before;
	size_t count;
	bool more = true, ok;

	if (!audit_failed(a) && !audit_sync(a, err) && err->code != ERR_NO_SPACE)
		return false;
	e = audit_extent_of(a);
	ok = audit_numbers(&a->o, &numbers, &count, err);
	for (size_t i = count; ok && more && i > 0; i--) {
		struct audit_file f;
		bool newest = numbers[i - 1] == e.number;

		if (numbers[i - 1] > e.number)
			continue;
		if (audit_file_load(
			&a->o, a->key, numbers[i - 1], newest ? e.end : UINT64_MAX, &f, err))
			more = f.header.first_sequence >= last ||
			       file_visit(&f, last, visit, ctx, &damaged);
		else if (err->code == ERR_CORRUPT || err->code == ERR_UNSUPPORTED)
			damaged++;
		else
			ok = false;
		audit_file_free(&f);
	}
	mem_free(numbers);
	if (damaged_out != NULL)
		*damaged_out = damaged;
	return ok;
}

struct wanted {
	uint64_t sequence;
	struct arena *arena;
	struct audit_record *out;
	bool found;
};

static bool
want(void *ctx, const struct audit_record *r)
{
	struct wanted *w = ctx;

	if (r->sequence != w->sequence)
		return r->sequence > w->sequence;
	*w->out = *r;
	w->out->principal = arena_bytes(w->arena, r->principal);
	w->out->key_id = arena_bytes(w->arena, r->key_id);
	w->out->from = arena_bytes(w->arena, r->from);
	w->out->operation = arena_bytes(w->arena, r->operation);
	w->out->result = arena_bytes(w->arena, r->result);
	w->out->request_id = arena_bytes(w->arena, r->request_id);
	w->out->parameters = arena_bytes(w->arena, r->parameters);
	for (size_t i = 0; i < r->resource_count; i++)
		w->out->resources[i] = arena_bytes(w->arena, r->resources[i]);
	w->found = true;
	return false;
}

bool
audit_get(struct audit *a, uint64_t sequence, struct arena *arena, struct audit_record *out,
    struct err *err)
{
	struct wanted w = {sequence, arena, out, false};

	if (sequence == 0 || sequence == UINT64_MAX)
		return ERR(err, ERR_NOT_FOUND, "there is no such record");
	if (!audit_list(a, sequence + 1, want, &w, NULL, err))
		return false;
	if (w.found)
		return true;
	if (sequence <= audit_extent_of(a).sequence)
		return ERR(
		    err, ERR_CORRUPT, "record %llu cannot be read", (unsigned long long)sequence);
	return ERR(err, ERR_NOT_FOUND, "there is no such record");
}
