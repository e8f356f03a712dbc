/* SPDX-License-Identifier: Apache-2.0 */
/* Filters: rows of what matches, and a naive oracle over random filters and rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pack_match.h"
#include "pack_row_fixture.h"
#include "mime_fold.h"

#define T0 1795510800000 /* 2026-11-24T09:00:00Z */

#define TEXT(s)                                                                                    \
	{                                                                                          \
		(const uint8_t *)("" s), sizeof(s) - 1                                             \
	} /* of a static object */
#define COUNT_OF(a) (sizeof(a) / sizeof *(a))
#define CONDITION(a, list)                                                                         \
	{                                                                                          \
		.attribute = PACK_ATTRIBUTE_##a, .values = (list), .value_count = COUNT_OF(list)   \
	}

static const struct bytes RECIPIENTS[] = {TEXT("carol@example.net"), TEXT("DAVE@example.org")};
static const struct pack_row MESSAGE = {
    .recipients = RECIPIENTS,
    .recipient_count = 2,
    .columns = {.from = TEXT("Alice Straße <alice@example.com>"),
	.to = TEXT("carol@example.net, dave@example.org"),
	.subject = TEXT("Rechnung 71450/36214 ΣΊΣΥΦΟΣ"),
	.envelope_from = TEXT("bounce+1@example.com"),
	.has_attachments = true},
};

static const struct bytes ALICE[] = {TEXT("ALICE@")}, NOBODY[] = {TEXT("nobody")};
static const struct bytes NOBODY_OR_ALICE[] = {TEXT("nobody"), TEXT("alice")};
static const struct bytes STRASSE[] = {TEXT("STRASSE")}, SIGMA[] = {TEXT("σίσυφος")},
			  ACCENT[] = {TEXT("σισυφος")};
static const struct bytes CODE[] = {TEXT("50/36")}, EMPTY[] = {TEXT("")};
static const struct bytes ACROSS[] = {TEXT("net, d")}, ACROSS_RECIPIENTS[] = {TEXT("netdave")};
static const struct bytes DAVE[] = {TEXT("dave@EXAMPLE")}, PLUS[] = {TEXT("+1@")};

static void
rows_match(void **state)
{
	static const struct {
		const char *name;
		struct pack_condition include[2], unless[2];
		size_t include_count, unless_count;
		bool want;
	} ROWS[] = {
	    {"no condition", {{0}}, {{0}}, 0, 0, true},
	    {"from, other case", {CONDITION(FROM, ALICE)}, {{0}}, 1, 0, true},
	    {"from, sharp s", {CONDITION(FROM, STRASSE)}, {{0}}, 1, 0, true},
	    {"subject, final sigma", {CONDITION(SUBJECT, SIGMA)}, {{0}}, 1, 0, true},
	    {"subject, accents count", {CONDITION(SUBJECT, ACCENT)}, {{0}}, 1, 0, false},
	    {"subject, inside a code", {CONDITION(SUBJECT, CODE)}, {{0}}, 1, 0, true},
	    {"values are alternatives", {CONDITION(FROM, NOBODY_OR_ALICE)}, {{0}}, 1, 0, true},
	    {"no value, no hit", {{.attribute = PACK_ATTRIBUTE_FROM}}, {{0}}, 1, 0, false},
	    {"includes all hold", {CONDITION(FROM, ALICE), CONDITION(SUBJECT, CODE)}, {{0}}, 2, 0,
		true},
	    {"one include fails", {CONDITION(FROM, ALICE), CONDITION(SUBJECT, NOBODY)}, {{0}}, 2, 0,
		false},
	    {"an unless holds", {CONDITION(FROM, ALICE)}, {CONDITION(SUBJECT, CODE)}, 1, 1, false},
	    {"the second unless holds", {{0}}, {CONDITION(SUBJECT, NOBODY), CONDITION(TO, DAVE)}, 0,
		2, false},
	    {"no unless holds", {{0}}, {CONDITION(SUBJECT, NOBODY), CONDITION(CC, DAVE)}, 0, 2,
		true},
	    {"to spans its addresses", {CONDITION(TO, ACROSS)}, {{0}}, 1, 0, true},
	    {"cc is absent", {CONDITION(CC, DAVE)}, {{0}}, 1, 0, false},
	    {"the empty value is in an absent field", {CONDITION(CC, EMPTY)}, {{0}}, 1, 0, true},
	    {"a recipient", {CONDITION(ENVELOPE_TO, DAVE)}, {{0}}, 1, 0, true},
	    {"recipients stand alone", {CONDITION(ENVELOPE_TO, ACROSS_RECIPIENTS)}, {{0}}, 1, 0,
		false},
	    {"envelope from", {CONDITION(ENVELOPE_FROM, PLUS)}, {{0}}, 1, 0, true},
	    {"envelope from is not from", {CONDITION(ENVELOPE_FROM, ALICE)}, {{0}}, 1, 0, false},
	    {"attachments asked", {{.attribute = PACK_ATTRIBUTE_HAS_ATTACHMENTS, .expected = true}},
		{{0}}, 1, 0, true},
	    {"none asked", {{.attribute = PACK_ATTRIBUTE_HAS_ATTACHMENTS, .expected = false}},
		{{0}}, 1, 0, false},
	    {"unless attachments", {{0}},
		{{.attribute = PACK_ATTRIBUTE_HAS_ATTACHMENTS, .expected = true}}, 0, 1, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
		struct pack_filter filter = {
		    ROWS[i].include, ROWS[i].unless, ROWS[i].include_count, ROWS[i].unless_count};
		struct pack_match *m = pack_match_new(&filter);

		if (pack_match_row(m, &MESSAGE) != ROWS[i].want)
			fail_msg("%s", ROWS[i].name);
		pack_match_free(&m);
	}
}

static void
no_filter_takes_everything(void **state)
{
	struct pack_match *m = pack_match_new(NULL);

	(void)state;
	assert_int_equal(pack_match_needs(m), 0);
	assert_true(pack_match_row(m, &MESSAGE));
	pack_match_free(&m);
	pack_match_free(&m);
}

static void
needs_are_what_is_asked(void **state)
{
	const struct pack_condition include[] = {CONDITION(FROM, ALICE)},
				    unless[] = {CONDITION(ENVELOPE_TO, DAVE)};
	const struct pack_filter filter = {include, unless, 1, 1};
	struct pack_match *m = pack_match_new(&filter);

	(void)state;
	assert_int_equal(
	    pack_match_needs(m), 1u << PACK_ATTRIBUTE_FROM | 1u << PACK_ATTRIBUTE_ENVELOPE_TO);
	pack_match_free(&m);
}

/* The oracle folds both sides anew and looks at every offset. */
static bool
oracle_contains(struct bytes text, struct bytes value)
{
	struct buf a, b;
	bool found = false;

	buf_init(&a, 65536);
	buf_init(&b, 65536);
	mime_fold(text, &a);
	mime_fold(value, &b);
	for (size_t at = 0; !found && at + b.len <= a.len; at++)
		found = bytes_equal(bytes_slice(buf_view(&a), at, b.len), buf_view(&b));
	buf_fini(&a);
	buf_fini(&b);
	return found;
}

static bool
oracle_condition(const struct pack_condition *c, const struct pack_row *row)
{
	const struct bytes *texts = row->recipients;
	size_t count = row->recipient_count;

	if (c->attribute == PACK_ATTRIBUTE_HAS_ATTACHMENTS)
		return row->columns.has_attachments == c->expected;
	if (c->attribute != PACK_ATTRIBUTE_ENVELOPE_TO) {
		count = 1;
		texts = c->attribute == PACK_ATTRIBUTE_TO        ? &row->columns.to
			: c->attribute == PACK_ATTRIBUTE_FROM    ? &row->columns.from
			: c->attribute == PACK_ATTRIBUTE_CC      ? &row->columns.cc
			: c->attribute == PACK_ATTRIBUTE_SUBJECT ? &row->columns.subject
								 : &row->columns.envelope_from;
	}
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < c->value_count; k++)
			if (oracle_contains(texts[i], c->values[k]))
				return true;
	return false;
}

static size_t
random_conditions(
    const struct rng *rng, const struct bytes *pool, size_t pool_count, struct pack_condition *out)
{
	size_t count = rng_below(rng, 3);

	for (size_t i = 0; i < count; i++) {
		size_t from = rng_below(rng, pool_count);

		out[i] =
		    (struct pack_condition){.attribute = (enum pack_attribute)rng_below(rng, 7),
			.expected = rng_below(rng, 2) == 0,
			.values = pool + from,
			.value_count = rng_below(rng, pool_count - from + 1)};
	}
	return count;
}

static void
random_filters_fit_the_oracle(void **state)
{
	static const struct bytes POOL[] = {TEXT("INVOICE"), TEXT("grüße"), TEXT("strasse"),
	    TEXT("σίσ"), TEXT("50/3"), TEXT("件"), TEXT("EXAMPLE.net"), TEXT("bob@"), TEXT("e a"),
	    TEXT("zzz")};
	struct rng_seeded seeded = {3};
	struct rng rng = rng_seeded(&seeded);
	unsigned hits = 0;

	(void)state;
	for (unsigned i = 0; i < 4000; i++) {
		struct pack_condition include[2], unless[2];
		struct pack_filter filter = {.include = include, .unless = unless};
		struct pack_match *m;
		struct pack_row row;
		struct arena arena;
		bool want = true;

		filter.include_count = random_conditions(&rng, POOL, COUNT_OF(POOL), include);
		filter.unless_count = random_conditions(&rng, POOL, COUNT_OF(POOL), unless);
		arena_init(&arena);
		row_fixture_random(&arena, &rng, T0, &row);
		for (size_t k = 0; k < filter.include_count; k++)
			want = want && oracle_condition(&include[k], &row);
		for (size_t k = 0; k < filter.unless_count; k++)
			want = want && !oracle_condition(&unless[k], &row);
		m = pack_match_new(&filter);
		assert_int_equal(pack_match_row(m, &row), want);
		pack_match_free(&m);
		arena_fini(&arena);
		hits += want;
	}
	assert_in_range(hits, 400, 3600); /* both answers were met */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows_match),
	    cmocka_unit_test(no_filter_takes_everything),
	    cmocka_unit_test(needs_are_what_is_asked),
	    cmocka_unit_test(random_filters_fit_the_oracle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
