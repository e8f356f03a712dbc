/* SPDX-License-Identifier: Apache-2.0 */
/* The whole log read again: seals, numbers, chain, head. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "audit_int.h"
#include "base_mem.h"

struct walk {
	struct audit *audit;
	audit_problem_fn problem;
	void *ctx;
	const atomic_bool *cancel;
	uint64_t sequence; /* the last one seen */
	uint8_t chain[CRYPT_SHA256_BYTES];
	bool chained; /* chain is known */
	uint64_t checked;
	struct audit_head head;
	bool head_seen;
};

static void PRINTF_LIKE(2, 3) say(struct walk *w, const char *format, ...)
{
	char text[320];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	w->problem(w->ctx, text);
}

static void
head_compare(struct walk *w, uint64_t number)
{
	if (w->sequence != w->head.sequence || w->head_seen)
		return;
	w->head_seen = true;
	if (memcmp(w->chain, w->head.hash, sizeof w->chain) != 0)
		say(w, "audit log: record %llu in file %llu is not the one that its head names",
		    (unsigned long long)w->sequence, (unsigned long long)number);
}

static void
item_check(
    struct walk *w, const struct audit_file *f, const struct audit_item *item, struct buf *plain)
{
	unsigned long long file = f->header.number, at = item->offset;
	struct audit_record r;
	struct err why;
	bool good;

	if (item->damaged) {
		say(w, "audit log file %llu is damaged at %llu: %llu bytes are no record", file, at,
		    (unsigned long long)item->length);
		w->chained = false;
		return;
	}
	good = item->frame.sequence == w->sequence + 1;
	if (!good)
		say(w, "audit log file %llu at %llu: record %llu follows on %llu", file, at,
		    (unsigned long long)item->frame.sequence, (unsigned long long)w->sequence);
	if (w->chained && memcmp(item->frame.previous, w->chain, sizeof w->chain) != 0) {
		say(w,
		    "audit log file %llu at %llu: record %llu is not chained to what is before it",
		    file, at, (unsigned long long)item->frame.sequence);
		good = false;
	}
	if (!audit_file_record(f, item, plain, &r, &why)) {
		say(w, "audit log file %llu at %llu: record %llu: %s", file, at,
		    (unsigned long long)item->frame.sequence, why.msg);
		good = false;
	} else if (!audit_proof_fits(w->audit, item->frame.sequence, buf_view(plain), &why)) {
		say(w, "audit log file %llu at %llu: record %llu: %s", file, at,
		    (unsigned long long)item->frame.sequence, why.msg);
		good = false;
	}
	w->checked += good;
	w->sequence = item->frame.sequence;
	w->chained = true;
	audit_file_hash(f, item, w->chain);
	head_compare(w, f->header.number);
}

static void
file_check(struct walk *w, const struct audit_file *f)
{
	struct buf plain;

	if (w->chained && memcmp(f->header.previous, w->chain, sizeof w->chain) != 0)
		say(w, "audit log file %llu is not chained to what is before it",
		    (unsigned long long)f->header.number);
	if (f->header.first_sequence != w->sequence + 1)
		say(w, "audit log file %llu begins with record %llu, and %llu was to come",
		    (unsigned long long)f->header.number,
		    (unsigned long long)f->header.first_sequence,
		    (unsigned long long)w->sequence + 1);
	w->sequence = f->header.first_sequence - 1;
	memcpy(w->chain, f->header_hash, sizeof w->chain);
	w->chained = true;
	buf_init(&plain, AUDIT_PLAIN_MAX);
	for (size_t i = 0; i < f->item_count; i++)
		item_check(w, f, &f->items[i], &plain);
	buf_fini(&plain);
}

static bool
number_check(
    struct audit *a, struct walk *w, uint64_t number, const struct audit_extent *e, struct err *err)
{
	struct audit_file f;
	bool ok = true;

	if (w->cancel != NULL && atomic_load(w->cancel))
		return ERR(err, ERR_CANCELLED, "the check was cancelled");
	if (audit_file_load(
		&a->o, a->key, number, number == e->number ? e->end : UINT64_MAX, &f, err)) {
		file_check(w, &f);
	} else if (err->code == ERR_CORRUPT || err->code == ERR_UNSUPPORTED ||
		   err->code == ERR_NOT_FOUND) {
		say(w, "audit log: %s", err->msg);
		w->chained = false;
	} else {
		ok = false;
	}
	audit_file_free(&f);
	return ok;
}

static bool
log_verify(struct audit *a, const atomic_bool *cancel, audit_problem_fn problem, void *ctx,
    uint64_t *checked_out, struct err *err)
{
	struct walk w = {
	    .audit = a, .problem = problem, .ctx = ctx, .cancel = cancel, .chained = true};
	struct audit_extent e;
	uint64_t *numbers = NULL, next = 1;
	size_t count = 0;
	bool ok;

	*checked_out = 0;
	if (!audit_head_read(&a->o, a->key, &w.head, err)) {
		if (err->code != ERR_CORRUPT && err->code != ERR_UNSUPPORTED &&
		    err->code != ERR_NOT_FOUND)
			return false;
		say(&w, "audit log: %s", err->msg);
		w.head_seen = true;
	}
	head_compare(&w, 0);
	e = audit_extent_of(a);
	ok = audit_numbers(&a->o, &numbers, &count, err);
	for (size_t i = 0; ok && i < count && numbers[i] <= e.number; i++) {
		for (; next < numbers[i]; next++) {
			say(&w, "audit log file %llu is missing", (unsigned long long)next);
			w.chained = false;
		}
		ok = number_check(a, &w, numbers[i], &e, err);
		next = numbers[i] + 1;
	}
	for (; ok && next <= e.number; next++)
		say(&w, "audit log file %llu is missing", (unsigned long long)next);
	if (ok && !w.head_seen)
		say(&w, "audit log: record %llu, which its head names, is not there",
		    (unsigned long long)w.head.sequence);
	if (ok && w.sequence < e.sequence)
		say(&w, "audit log: it ends with record %llu, and %llu was promised",
		    (unsigned long long)w.sequence, (unsigned long long)e.sequence);
	mem_free(numbers);
	*checked_out = w.checked;
	return ok;
}

/* The proof log itself, and whether it goes further than what it is about. */
static bool
proof_verify(struct audit *a, const atomic_bool *cancel, audit_problem_fn problem, void *ctx,
    struct err *err)
{
	struct walk w = {.problem = problem, .ctx = ctx};
	uint64_t size = audit_proof_size(a), last = audit_extent_of(a).sequence;

	if (audit_proof_trouble(a) != NULL)
		say(&w, "audit log: its proof log: %s", audit_proof_trouble(a));
	if (size > last)
		say(&w, "audit log: it ends with record %llu, and its proof log with %llu",
		    (unsigned long long)last, (unsigned long long)size);
	return audit_proof_check(a, cancel, problem, ctx, err);
}

bool
audit_verify(struct audit *a, const atomic_bool *cancel, audit_problem_fn problem, void *ctx,
    uint64_t *checked_out, struct err *err)
{
	bool ok;

	audit_proof_hold(a);
	ok = log_verify(a, cancel, problem, ctx, checked_out, err) &&
	     proof_verify(a, cancel, problem, ctx, err);
	audit_proof_release(a);
	return ok;
}
