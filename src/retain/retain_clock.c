/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trusted clock: what the machine says, unless that is behind what was seen before, or too far ahead.
 *
 * Where the machine's clock should be is known in two ways. Within one life of the process: where it was when it was
 * last right (the anchor), plus what the monotonic clock counted since; so small steps do not add up to more than a
 * day. At the start of a process: the highest time that was trusted before. A machine that was off for a week looks
 * like one whose clock was turned by a week, and no message came in that could tell: both need somebody's word.
 */
#include <stdio.h>
#include <string.h>

#include "base_log.h"
#include "base_time.h"
#include "retain_int.h"

#define SETTING        "retention.clock"
#define SETTING_BYTES  65536
#define STORE_EVERY_MS 60000

static const int64_t TOLERANCE_MS = RETAIN_DAY_MS;

static struct json *
behind_print(const struct retain_time *t)
{
	struct json *list = json_new_array();

	for (size_t i = 0; i < t->behind_count; i++) {
		struct json *one = json_new_object();

		json_set_integer(one, "From", t->behind[i].from_ms);
		json_set_integer(one, "To", t->behind[i].to_ms);
		json_set_integer(one, "Until", t->behind[i].until_ms);
		json_push(list, one);
	}
	return list;
}

static bool
time_store(struct retain *r, const struct retain_time *t, struct err *err)
{
	struct json *v = json_new_object();
	struct buf text;
	bool ok;

	json_set_integer(v, "High", t->high_ms);
	json_set_bool(v, "Stopped", t->stopped);
	json_set_bool(v, "Fresh", t->fresh);
	json_set_integer(v, "Confirmed", t->confirmed_ms);
	json_set_str(v, "ConfirmedBy", t->confirmed_by);
	json_set(v, "Behind", behind_print(t));
	buf_init(&text, SETTING_BYTES);
	json_print(v, &text);
	ok = buf_ok(&text, err) && catalog_setting_put(r->o.catalog, SETTING, buf_view(&text), err);
	if (ok)
		r->stored_high_ms = t->high_ms;
	buf_fini(&text);
	json_free(&v);
	return ok;
}

static void
time_parse(const struct json *v, struct retain_time *t)
{
	const struct json *list = json_find(v, "Behind");
	const char *by = json_get_str(v, "ConfirmedBy");

	*t = (struct retain_time){.high_ms = json_get_integer(v, "High", 0),
	    .stopped = json_get_bool(v, "Stopped", false),
	    .fresh = json_get_bool(v, "Fresh", false),
	    .confirmed_ms = json_get_integer(v, "Confirmed", 0)};
	(void)snprintf(t->confirmed_by, sizeof t->confirmed_by, "%s", by == NULL ? "" : by);
	for (size_t i = 0; i < json_count(list) && i < RETAIN_BEHIND_MAX; i++)
		t->behind[t->behind_count++] =
		    (struct retain_behind){json_get_integer(json_at(list, i), "From", 0),
			json_get_integer(json_at(list, i), "To", 0),
			json_get_integer(json_at(list, i), "Until", 0)};
}

bool
retain_clock_load(struct retain *r, struct err *err)
{
	struct archive_stats stats;
	struct arena arena;
	struct bytes text;
	struct json *v;
	bool ok;

	arena_init(&arena);
	ok = catalog_setting_get(r->o.catalog, SETTING, &arena, &text, err);
	if (ok) {
		v = json_parse(text, err);
		ok = v != NULL;
		if (ok)
			time_parse(v, &r->time);
		json_free(&v);
	} else if (err->code == ERR_NOT_FOUND) {
		/* The first start: there is nothing yet that could be destroyed. If there is, the catalog is not
		 * the one it came with, and its holds may be missing. */
		ok = archive_stats_get(r->o.archive, NULL, &stats, err);
		r->time = (struct retain_time){.high_ms = clock_now_ms(&r->o.clock),
		    .fresh = ok && (stats.messages > 0 || stats.away > 0)};
	}
	arena_fini(&arena);
	return ok;
}

/* The machine's clock is behind: what it receives meanwhile bears a time that is too early. */
static void
behind_note(struct retain_time *t, int64_t now_ms)
{
	struct retain_behind *last = t->behind_count == 0 ? NULL : &t->behind[t->behind_count - 1];

	if (last == NULL || last->until_ms != 0) {
		if (t->behind_count == RETAIN_BEHIND_MAX) {
			/* One that covers both of the two oldest: it keeps longer, never shorter. */
			if (t->behind[1].from_ms > t->behind[0].from_ms)
				t->behind[1].from_ms = t->behind[0].from_ms;
			if (t->behind[1].to_ms < t->behind[0].to_ms)
				t->behind[1].to_ms = t->behind[0].to_ms;
			memmove(&t->behind[0], &t->behind[1],
			    (RETAIN_BEHIND_MAX - 1) * sizeof t->behind[0]);
			t->behind_count--;
		}
		last = &t->behind[t->behind_count++];
		/* It was turned back some time since the look before. */
		*last = (struct retain_behind){now_ms - TOLERANCE_MS, now_ms, 0};
	}
	if (now_ms - TOLERANCE_MS < last->from_ms)
		last->from_ms = now_ms - TOLERANCE_MS;
	if (now_ms + TOLERANCE_MS > last->to_ms)
		last->to_ms = now_ms + TOLERANCE_MS;
}

static void
behind_end(struct retain_time *t, int64_t now_ms)
{
	if (t->behind_count > 0 && t->behind[t->behind_count - 1].until_ms == 0)
		t->behind[t->behind_count - 1].until_ms = now_ms;
}

void
retain_clock_step(struct retain *r, int64_t now_ms, int64_t mono_ms)
{
	struct retain_time *t = &r->time;
	int64_t should_ms = r->anchored ? r->anchor_ms + (mono_ms - r->anchor_mono_ms) : t->high_ms;

	/* Not from high_ms on while there is an anchor: that moves with every step. */
	t->stopped = t->fresh || now_ms > should_ms + TOLERANCE_MS;
	if (t->stopped)
		return;
	if (now_ms < t->high_ms - TOLERANCE_MS)
		behind_note(t, now_ms);
	else
		behind_end(t, t->high_ms);
	if (now_ms > t->high_ms)
		t->high_ms = now_ms;
	/* The anchor is set once: if it moved along, a clock that runs away slowly would take it with it. */
	if (!r->anchored && now_ms >= t->high_ms - TOLERANCE_MS) {
		r->anchor_ms = now_ms;
		r->anchor_mono_ms = mono_ms;
		r->anchored = true;
	}
}

int64_t
retain_clock_received(const struct retain_time *t, int64_t received_ms)
{
	int64_t counts = received_ms;

	for (size_t i = 0; i < t->behind_count; i++) {
		const struct retain_behind *b = &t->behind[i];
		int64_t until = b->until_ms == 0 ? t->high_ms : b->until_ms;

		if (received_ms >= b->from_ms && received_ms <= b->to_ms && until > counts)
			counts = until;
	}
	return counts;
}

/* Does a restart have to know? A minute more or less of it need not be known. */
static bool
is_news(const struct retain *r, const struct retain_time *before)
{
	const struct retain_time *t = &r->time;

	return t->stopped != before->stopped || t->behind_count != before->behind_count ||
	       memcmp(t->behind, before->behind, sizeof t->behind) != 0 ||
	       t->high_ms >= r->stored_high_ms + STORE_EVERY_MS;
}

bool
retain_clock_look(struct retain *r, struct retain_time *out, struct err *err)
{
	int64_t now_ms = clock_now_ms(&r->o.clock), mono_ms = clock_mono_ms(&r->o.clock);
	struct retain_time before;
	bool ok, was_stopped;

	if (!retain_begin(r, err))
		return false;
	retain_lock(&r->clock_lock);
	before = r->time;
	was_stopped = before.stopped;
	retain_clock_step(r, now_ms, mono_ms);
	*out = r->time;
	ok = !is_news(r, &before) || time_store(r, &r->time, err);
	if (!ok)
		r->time = before;
	retain_unlock(&r->clock_lock);
	ok = retain_end(r, ok, err);
	if (ok && out->stopped && !was_stopped)
		log_error("%s: nothing is destroyed until somebody confirms the clock (daybook "
			  "retention confirm-clock)",
		    out->fresh ? "the catalog is newer than the messages, and may lack their holds"
			       : "the clock is more than a day ahead of where it should be");
	return ok;
}

bool
retain_clock_tick(struct retain *r, struct err *err)
{
	struct retain_time ignored;

	return retain_clock_look(r, &ignored, err);
}

bool
retain_clock_get(struct retain *r, struct retain_clock *out, struct err *err)
{
	struct retain_time t;

	if (!retain_clock_look(r, &t, err))
		return false;
	*out = (struct retain_clock){.trusted_ms = t.high_ms,
	    .machine_ms = clock_now_ms(&r->o.clock),
	    .stopped = t.stopped,
	    .confirmed_ms = t.confirmed_ms};
	memcpy(out->confirmed_by, t.confirmed_by, sizeof out->confirmed_by);
	return true;
}

bool
retain_clock_trusted(struct retain *r, struct retain_time *out, struct err *err)
{
	if (!retain_clock_look(r, out, err))
		return false;
	return !out->stopped ||
	       ERR(err, ERR_REFUSED, "the clock is not confirmed: nothing is destroyed");
}

bool
retain_clock_confirm(struct retain *r, int64_t known_ms, const char *principal, struct err *err)
{
	int64_t now_ms = clock_now_ms(&r->o.clock), mono_ms = clock_mono_ms(&r->o.clock);
	char machine[TIME_ISO_SIZE], known[TIME_ISO_SIZE];
	struct retain_time before;
	bool ok;

	time_iso_format(machine, now_ms);
	time_iso_format(known, known_ms);
	if (known_ms > now_ms + TOLERANCE_MS || known_ms < now_ms - TOLERANCE_MS)
		return ERR(err, ERR_USAGE,
		    "the machine's clock says %s, you say %s: set the clock first", machine, known);
	if (!retain_begin(r, err))
		return false;
	retain_lock(&r->clock_lock);
	before = r->time;
	r->time.stopped = r->time.fresh = false;
	if (now_ms > r->time.high_ms)
		r->time.high_ms = now_ms;
	r->time.confirmed_ms = now_ms;
	(void)snprintf(r->time.confirmed_by, sizeof r->time.confirmed_by, "%s", principal);
	ok = time_store(r, &r->time, err);
	if (ok) {
		r->anchor_ms = now_ms;
		r->anchor_mono_ms = mono_ms;
		r->anchored = true;
	} else {
		r->time = before;
	}
	retain_unlock(&r->clock_lock);
	ok = retain_end(r, ok, err);
	if (ok)
		log_warn("%s confirmed the clock: %s", principal, machine);
	return ok;
}
