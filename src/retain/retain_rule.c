/* SPDX-License-Identifier: Apache-2.0 */
/* One hold, compiled from its document: does it cover a record? */
#include <string.h>

#include "mime_fold.h"
#include "pack_match.h"
#include "retain_int.h"

#define ADDRESS_FOLDED_MAX 8192u

enum kind { KIND_QUERY, KIND_MESSAGES, KIND_ADDRESS };

struct retain_rule {
	struct arena arena; /* of the filter's conditions and the archives */
	enum kind kind;
	const char **archives; /* NULL: all */
	size_t archive_count;
	int64_t from_ms, to_ms; /* to_ms excluded */
	int64_t before_ms;
	struct pack_match *match;
	bool text; /* the filter asks for something of the header that a row may have lost */
	struct buf address; /* folded */
	struct retain_ids ids;
	bool frozen; /* ids say it all */
};

/* Letters of a local part that need no quotes, RFC 5322 §3.2.3, and the dot; anything beyond ASCII, too. */
static bool
is_local(uint8_t c)
{
	return c >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (c != 0 && strchr("!#$%&'*+-/=?^_`{|}~.", c) != NULL);
}

static bool
is_domain(uint8_t c)
{
	return c >= 0x80 || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

/* Is the address in the folded text, as a whole? What follows may be a final dot. */
static bool
address_stands(struct bytes text, struct bytes address)
{
	for (size_t at = 0; (at = bytes_find(text, at, address)) != SIZE_MAX; at++) {
		size_t end = at + address.len;
		bool left = address.ptr[0] == '@' || at == 0 || !is_local(text.ptr[at - 1]);
		bool right = end == text.len || (!is_domain(text.ptr[end]) &&
						    !(text.ptr[end] == '.' && end + 1 < text.len &&
							is_domain(text.ptr[end + 1])));

		if (left && right)
			return true;
	}
	return false;
}

static bool
address_in(const struct retain_rule *rule, struct bytes text)
{
	struct bytes address = buf_view(&rule->address);
	struct buf folded;
	bool found;

	if (!mime_fold_contains(text, address))
		return false;
	buf_init(&folded, (text.len + 1) * 12); /* one byte becomes 12 at most */
	mime_fold(text, &folded);
	found = address_stands(buf_view(&folded), address);
	buf_fini(&folded);
	return found;
}

static bool
address_covers(const struct retain_rule *rule, const struct pack_row *row)
{
	const struct pack_columns *c = &row->columns;

	if (address_in(rule, c->envelope_from) || address_in(rule, c->from) ||
	    address_in(rule, c->to) || address_in(rule, c->cc))
		return true;
	for (size_t i = 0; i < row->recipient_count; i++)
		if (address_in(rule, row->recipients[i]))
			return true;
	return false;
}

bool
retain_rule_concerns(const struct retain_rule *rule, const char *archive_id)
{
	if (rule->archives == NULL)
		return true;
	for (size_t i = 0; i < rule->archive_count; i++)
		if (strcmp(rule->archives[i], archive_id) == 0)
			return true;
	return false;
}

bool
retain_rule_covers(struct retain_rule *rule, const char *archive_id, const struct pack_row *row)
{
	bool cut = (row->columns.parse_flags & PACK_PARSE_LIMITED) != 0;

	if (!retain_rule_concerns(rule, archive_id))
		return false;
	if (rule->frozen)
		return retain_ids_have(&rule->ids, &row->id);
	if (row->received_ms >= rule->before_ms || row->received_ms < rule->from_ms ||
	    row->received_ms >= rule->to_ms)
		return false;
	switch (rule->kind) {
	case KIND_MESSAGES:
		return retain_ids_have(&rule->ids, &row->id);
	case KIND_ADDRESS:
		return cut || address_covers(rule, row);
	case KIND_QUERY:
		return (cut && rule->text) || pack_match_row(rule->match, row);
	}
	return true;
}

void
retain_rule_before(struct retain_rule *rule, int64_t before_ms)
{
	rule->before_ms = before_ms;
}

static void
archives_take(struct retain_rule *rule, const struct json *list)
{
	rule->archive_count = json_count(list);
	if (list == NULL)
		return;
	rule->archives = arena_calloc(&rule->arena, rule->archive_count + 1, sizeof(char *));
	for (size_t i = 0; i < rule->archive_count; i++)
		rule->archives[i] = arena_strdup(&rule->arena, json_str(json_at(list, i)));
}

static void
query_take(struct retain_rule *rule, const struct json *query)
{
	const struct json *from = json_find(query, "FromTimestamp"),
			  *to = json_find(query, "ToTimestamp");
	struct pack_filter filter;

	rule->kind = KIND_QUERY;
	if (from != NULL)
		rule->from_ms = json_ms(from);
	if (to != NULL)
		rule->to_ms = json_ms(to);
	retain_filter_build(&rule->arena, json_find(query, "Filters"), &filter);
	rule->match = pack_match_new(&filter);
	for (size_t i = 0; i < filter.include_count; i++)
		rule->text =
		    rule->text || filter.include[i].attribute != PACK_ATTRIBUTE_HAS_ATTACHMENTS;
}

static bool
messages_take(struct retain_rule *rule, const struct json *list, struct err *err)
{
	rule->kind = KIND_MESSAGES;
	for (size_t i = 0; i < json_count(list); i++) {
		struct id_record id;

		if (!id_record_parse(&id, json_text(json_at(list, i))))
			return ERR(err, ERR_USAGE, "%.60s is not a message id",
			    json_str(json_at(list, i)));
		retain_ids_add(&rule->ids, &id);
	}
	retain_ids_sort(&rule->ids);
	return true;
}

static bool
address_take(struct retain_rule *rule, struct bytes text, struct err *err)
{
	struct bytes trimmed = bytes_trim(text);
	size_t at = bytes_find_byte(trimmed, 0, '@');

	rule->kind = KIND_ADDRESS;
	if (at == SIZE_MAX || at + 1 == trimmed.len || trimmed.len > SMTP_PATH_BYTES_MAX)
		return ERR(err, ERR_USAGE, "an address is local-part@domain, or @domain");
	mime_fold(trimmed, &rule->address);
	return buf_ok(&rule->address, err);
}

bool
retain_rule_new(
    const struct json *spec, struct retain_ids *frozen, struct retain_rule **out, struct err *err)
{
	struct retain_rule *rule = mem_calloc(1, sizeof *rule);
	const struct json *scope = json_find(spec, "Scope"), *query = json_find(scope, "Query"),
			  *messages = json_find(scope, "MessageIds");
	bool ok = true;

	arena_init(&rule->arena);
	buf_init(&rule->address, ADDRESS_FOLDED_MAX * 2);
	rule->from_ms = INT64_MIN;
	rule->to_ms = rule->before_ms = INT64_MAX;
	archives_take(rule, json_find(spec, "ArchiveIds"));
	if (query != NULL)
		query_take(rule, query);
	else if (messages != NULL)
		ok = messages_take(rule, messages, err);
	else
		ok = address_take(rule, json_text(json_find(scope, "Address")), err);
	if (ok && frozen != NULL && rule->kind != KIND_MESSAGES) {
		rule->ids = *frozen;
		*frozen = (struct retain_ids){0};
		rule->frozen = true;
	}
	if (ok)
		*out = rule;
	else
		retain_rule_free(&rule);
	return ok;
}

void
retain_rule_free(struct retain_rule **rule)
{
	struct retain_rule *r = *rule;

	if (r == NULL)
		return;
	pack_match_free(&r->match);
	buf_fini(&r->address);
	retain_ids_free(&r->ids);
	arena_fini(&r->arena);
	mem_free(r);
	*rule = NULL;
}

struct search {
	struct retain_rule *rule;
	const char *archive_id;
	retain_row_fn visit;
	void *ctx;
};

static bool
search_visit(void *ctx, const struct pack_row *row)
{
	struct search *s = ctx;

	if (retain_rule_covers(s->rule, s->archive_id, row))
		s->visit(s->ctx, row);
	return true;
}

/* Ids known one by one are looked up, everything else is a scan. */
static bool
ids_visit(struct retain *r, struct retain_rule *rule, const atomic_bool *cancel,
    retain_row_fn visit, void *ctx, uint64_t *damaged_out, struct err *err)
{
	bool ok = true;

	for (size_t i = 0; ok && i < rule->ids.count; i++) {
		const char *archive_id;
		struct pack_row row;
		struct arena arena;

		if (cancel != NULL && atomic_load(cancel))
			return ERR(err, ERR_CANCELLED, "cancelled");
		arena_init(&arena);
		ok = archive_read(
		    r->o.archive, &rule->ids.list[i], &arena, &archive_id, &row, NULL, err);
		if (ok && retain_rule_covers(rule, archive_id, &row))
			visit(ctx, &row);
		*damaged_out += !ok && err->code == ERR_CORRUPT;
		ok = ok || err->code == ERR_NOT_FOUND || err->code == ERR_CORRUPT;
		arena_fini(&arena);
	}
	return ok;
}

bool
retain_rule_search(struct retain *r, struct retain_rule *rule, const atomic_bool *cancel,
    retain_row_fn visit, void *ctx, uint64_t *damaged_out, struct err *err)
{
	struct arena arena;
	const char **archives;
	size_t count = 0;
	bool ok;

	*damaged_out = 0;
	if (rule->kind == KIND_MESSAGES)
		return ids_visit(r, rule, cancel, visit, ctx, damaged_out, err);
	arena_init(&arena);
	ok = retain_doc_ids(r, CATALOG_ARCHIVE, NULL, &arena, &archives, &count, err);
	for (size_t i = 0; ok && i < count; i++) {
		struct search s = {rule, archives[i], visit, ctx};
		int64_t to_ms = rule->to_ms < rule->before_ms ? rule->to_ms : rule->before_ms;
		struct archive_search_report report = {0};

		if (!retain_rule_concerns(rule, s.archive_id))
			continue;
		ok = retain_key_search(r, s.archive_id, rule->from_ms, to_ms, cancel, search_visit,
			 &s, &report, err) ||
		     err->code == ERR_NOT_FOUND; /* destroyed meanwhile */
		*damaged_out += report.packs_skipped;
	}
	arena_fini(&arena);
	return ok;
}

void
retain_count_add(struct retain_count *c, const struct pack_row *row)
{
	if (c->messages == 0 || row->received_ms < c->oldest_ms)
		c->oldest_ms = row->received_ms;
	if (c->messages == 0 || row->received_ms > c->newest_ms)
		c->newest_ms = row->received_ms;
	c->messages++;
	c->bytes += row->size_bytes;
}
