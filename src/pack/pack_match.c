/* SPDX-License-Identifier: Apache-2.0 */
/* Filters: values folded once when compiled, then asked of row after row. */
#include "pack_match.h"

#include "base_arena.h"
#include "base_limits.h"
#include "base_mem.h"
#include "mime_fold.h"

#define FOLD_GROWTH_MAX                                                                            \
	12u /* bytes that one byte can become: U+0390 and the like fold to three characters */

struct condition {
	enum pack_attribute attribute;
	bool expected;
	struct bytes *needles; /* folded */
	size_t needle_count;
};

struct pack_match {
	struct arena arena;
	struct condition *include, *unless;
	size_t include_count, unless_count;
	unsigned needs;
};

static struct condition *
conditions_compile(struct pack_match *m, const struct pack_condition *from, size_t count)
{
	struct condition *list = arena_calloc(&m->arena, count, sizeof *list);

	for (size_t i = 0; i < count; i++) {
		list[i] = (struct condition){.attribute = from[i].attribute,
		    .expected = from[i].expected,
		    .needle_count = from[i].value_count};
		list[i].needles =
		    arena_calloc(&m->arena, from[i].value_count, sizeof *list[i].needles);
		for (size_t k = 0; k < from[i].value_count; k++) {
			struct buf folded;

			buf_init(&folded, (from[i].values[k].len + 1) * FOLD_GROWTH_MAX);
			mime_fold(from[i].values[k], &folded);
			must(!folded.failed);
			list[i].needles[k] = arena_bytes(&m->arena, buf_view(&folded));
			buf_fini(&folded);
		}
		m->needs |= 1u << from[i].attribute;
	}
	return list;
}

struct pack_match *
pack_match_new(const struct pack_filter *filter)
{
	struct pack_match *m = mem_calloc(1, sizeof *m);

	arena_init(&m->arena);
	if (filter != NULL) {
		m->include_count = filter->include_count;
		m->unless_count = filter->unless_count;
		m->include = conditions_compile(m, filter->include, filter->include_count);
		m->unless = conditions_compile(m, filter->unless, filter->unless_count);
	}
	return m;
}

void
pack_match_free(struct pack_match **m)
{
	if (*m == NULL)
		return;
	arena_fini(&(*m)->arena);
	mem_free(*m);
	*m = NULL;
}

unsigned
pack_match_needs(const struct pack_match *m)
{
	return m->needs;
}

static bool
text_holds(const struct condition *c, struct bytes text)
{
	for (size_t i = 0; i < c->needle_count; i++)
		if (mime_fold_contains(text, c->needles[i]))
			return true;
	return false;
}

static bool
recipient_holds(const struct condition *c, const struct pack_row *row)
{
	for (size_t i = 0; i < row->recipient_count; i++)
		if (text_holds(c, row->recipients[i]))
			return true;
	return false;
}

static bool
condition_holds(const struct condition *c, const struct pack_row *row)
{
	switch (c->attribute) {
	case PACK_ATTRIBUTE_TO:
		return text_holds(c, row->columns.to);
	case PACK_ATTRIBUTE_FROM:
		return text_holds(c, row->columns.from);
	case PACK_ATTRIBUTE_CC:
		return text_holds(c, row->columns.cc);
	case PACK_ATTRIBUTE_SUBJECT:
		return text_holds(c, row->columns.subject);
	case PACK_ATTRIBUTE_ENVELOPE_TO:
		return recipient_holds(c, row);
	case PACK_ATTRIBUTE_ENVELOPE_FROM:
		return text_holds(c, row->columns.envelope_from);
	case PACK_ATTRIBUTE_HAS_ATTACHMENTS:
		return row->columns.has_attachments == c->expected;
	}
	return false;
}

bool
pack_match_row(struct pack_match *m, const struct pack_row *row)
{
	for (size_t i = 0; i < m->include_count; i++)
		if (!condition_holds(&m->include[i], row))
			return false;
	for (size_t i = 0; i < m->unless_count; i++)
		if (condition_holds(&m->unless[i], row))
			return false;
	return true;
}
