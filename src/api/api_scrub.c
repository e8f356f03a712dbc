/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading everything again, slowly, for ever. A round looks at each pack once, then at the proof logs of the archives
 * with every record against them, and at the audit log. A pack gets the share of the period that its size has of all
 * packs, so the disk is read evenly. Where a round stands is kept in the catalog.
 */
#include "api_scrub_int.h"

#include <string.h>

#include "api_model_handlers.h"
#include "archive_check.h"
#include "base_log.h"
#include "base_mem.h"
#include "os_thread.h"

#define SETTING      "scrub"
#define PROBLEMS_MAX 100u
#define LOOK_MS      5000

struct round {
	int64_t began_ms, ended_ms; /* 0: not yet */
	int64_t packs, bytes, messages, audit_records, problem_count;
};

struct api_scrub {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	atomic_bool closing;
	pthread_t thread;
	bool thread_started;
	/* lock */
	struct round now, last;
	struct json *problems, *last_problems; /* sentences, the first PROBLEMS_MAX */
	char place[ARCHIVE_SCRUB_PLACE_SIZE];
	int64_t due_ms;
	bool at_once;   /* this round was asked for: no pauses */
	uint64_t asked; /* how often: what was begun before is not that round */
	int64_t total_packs, total_bytes;
};

static void
scrub_lock(struct api_scrub *s)
{
	must(pthread_mutex_lock(&s->lock) == 0);
}

static void
scrub_unlock(struct api_scrub *s)
{
	must(pthread_mutex_unlock(&s->lock) == 0);
}

/* --- in the catalog ------------------------------------------------------------------------------------- */

static struct json *
round_json(const struct round *r)
{
	struct json *out = json_new_object();

	json_set_integer(out, "Began", r->began_ms);
	json_set_integer(out, "Ended", r->ended_ms);
	json_set_integer(out, "Packs", r->packs);
	json_set_integer(out, "Bytes", r->bytes);
	json_set_integer(out, "Messages", r->messages);
	json_set_integer(out, "AuditRecords", r->audit_records);
	json_set_integer(out, "ProblemCount", r->problem_count);
	return out;
}

static void
round_read(struct round *r, const struct json *in)
{
	r->began_ms = json_get_integer(in, "Began", 0);
	r->ended_ms = json_get_integer(in, "Ended", 0);
	r->packs = json_get_integer(in, "Packs", 0);
	r->bytes = json_get_integer(in, "Bytes", 0);
	r->messages = json_get_integer(in, "Messages", 0);
	r->audit_records = json_get_integer(in, "AuditRecords", 0);
	r->problem_count = json_get_integer(in, "ProblemCount", 0);
}

static bool
state_put(struct api *api, struct bytes text, struct err *err)
{
	if (!catalog_begin(api->o.catalog, err))
		return false;
	if (catalog_setting_put(api->o.catalog, SETTING, text, err))
		return catalog_commit(api->o.catalog, err);
	catalog_rollback(api->o.catalog);
	return false;
}

/* A state that is not kept costs a look that is done twice, nothing else. */
static void
state_save(struct api *api)
{
	struct api_scrub *s = api->scrub;
	struct json *state = json_new_object();
	struct buf text;
	struct err err;

	scrub_lock(s);
	json_set(state, "Now", round_json(&s->now));
	json_set(state, "Last", round_json(&s->last));
	json_set(state, "Problems", json_copy(s->problems));
	json_set(state, "LastProblems", json_copy(s->last_problems));
	json_set_str(state, "Place", s->place);
	json_set_integer(state, "Due", s->due_ms);
	scrub_unlock(s);
	buf_init(&text, LIMIT_MIB);
	json_print(state, &text);
	if (!buf_ok(&text, &err) || !state_put(api, buf_view(&text), &err))
		log_warn("scrub: %s", err.msg);
	buf_fini(&text);
	json_free(&state);
}

static void
list_take(struct json **list, const struct json *from)
{
	json_free(list);
	*list = json_kind(from) == JSON_ARRAY ? json_copy(from) : json_new_array();
}

static bool
state_load(struct api *api, struct err *err)
{
	struct api_scrub *s = api->scrub;
	struct json *state = NULL;
	struct arena arena;
	struct bytes text;
	const char *place;
	bool ok;

	if (!catalog_begin(api->o.catalog, err))
		return false;
	arena_init(&arena);
	ok = catalog_setting_get(api->o.catalog, SETTING, &arena, &text, err);
	catalog_rollback(api->o.catalog);
	if (ok)
		ok = (state = json_parse(text, err)) != NULL;
	else if (err->code == ERR_NOT_FOUND)
		ok = true;
	if (state != NULL) {
		round_read(&s->now, json_find(state, "Now"));
		round_read(&s->last, json_find(state, "Last"));
		list_take(&s->problems, json_find(state, "Problems"));
		list_take(&s->last_problems, json_find(state, "LastProblems"));
		place = json_get_str(state, "Place");
		if (place != NULL && strlen(place) < sizeof(s->place))
			memcpy(s->place, place, strlen(place) + 1);
		s->due_ms = json_get_integer(state, "Due", 0);
	}
	json_free(&state);
	arena_fini(&arena);
	return ok;
}

/* --- one step ------------------------------------------------------------------------------------------- */

static void
on_problem(void *ctx, const char *what)
{
	struct api_scrub *s = ctx;

	log_error("scrub: %s", what);
	scrub_lock(s);
	s->now.problem_count++;
	if (json_count(s->problems) < PROBLEMS_MAX)
		json_push(s->problems, json_new_str(what));
	scrub_unlock(s);
}

/* The time of a pack's share of the period; a round that was asked for makes no pauses. lock held. */
static int64_t
pause_ms(const struct api *api, const struct archive_scrub_step *step)
{
	if (api->scrub->at_once || step->total_bytes == 0)
		return 0;
	return (int64_t)((double)api->o.scrub_period_ms * (double)step->bytes /
			 (double)step->total_bytes);
}

/* A round from its beginning. lock held. */
static void
round_reset(struct api_scrub *s)
{
	s->now = (struct round){0};
	s->place[0] = '\0';
	list_take(&s->problems, NULL);
}

/* lock held. */
static void
round_close(struct api *api, uint64_t records)
{
	struct api_scrub *s = api->scrub;

	s->now.audit_records = (int64_t)records;
	s->now.ended_ms = clock_now_ms(&api->o.clock);
	s->last = s->now;
	list_take(&s->last_problems, s->problems);
	s->due_ms = s->now.began_ms + api->o.scrub_period_ms;
	s->at_once = false;
	round_reset(s);
}

/* asked: as it was when the round's last step began. Another round that somebody asked for since is not over. */
static void
round_end(struct api *api, uint64_t asked)
{
	struct api_scrub *s = api->scrub;
	uint64_t records = 0;
	struct err err;
	bool over;

	if (!archive_check_logs(api->o.archive, NULL, &s->closing, on_problem, s, &err)) {
		if (err.code == ERR_CANCELLED)
			return;
		on_problem(s, err.msg);
	}
	if (api->o.audit != NULL &&
	    !audit_verify(api->o.audit, &s->closing, on_problem, s, &records, &err)) {
		if (err.code == ERR_CANCELLED)
			return;
		on_problem(s, err.msg);
	}
	scrub_lock(s);
	over = s->asked == asked;
	if (over)
		round_close(api, records);
	else
		round_reset(s);
	scrub_unlock(s);
	if (over)
		log_info("scrub: a round is over: %lld packs, %lld messages, %lld problems",
		    (long long)s->last.packs, (long long)s->last.messages,
		    (long long)s->last.problem_count);
}

static bool
is_due(struct api *api)
{
	struct api_scrub *s = api->scrub;

	return s->at_once ||
	       (api->o.scrub_period_ms > 0 && clock_now_ms(&api->o.clock) >= s->due_ms);
}

bool
api_scrub_step(struct api *api)
{
	struct api_scrub *s = api->scrub;
	struct archive_scrub_step step;
	char place[ARCHIVE_SCRUB_PLACE_SIZE];
	uint64_t asked;
	struct err err;
	bool due;

	scrub_lock(s);
	asked = s->asked;
	due = is_due(api);
	if (due && s->now.began_ms == 0)
		s->now.began_ms = clock_now_ms(&api->o.clock);
	memcpy(place, s->place, sizeof(place));
	scrub_unlock(s);
	if (!due ||
	    !archive_scrub_next(api->o.archive, place, &s->closing, on_problem, s, &step, &err))
		return false;
	scrub_lock(s);
	s->total_packs = (int64_t)step.total_packs;
	s->total_bytes = (int64_t)step.total_bytes;
	if (s->asked != asked) {
		round_reset(s); /* what this step told included */
		scrub_unlock(s);
		return true;
	}
	memcpy(s->place, place, sizeof(place));
	s->now.packs += step.none ? 0 : 1;
	s->now.bytes += (int64_t)step.bytes;
	s->now.messages += (int64_t)step.messages;
	s->due_ms = clock_now_ms(&api->o.clock) + pause_ms(api, &step);
	scrub_unlock(s);
	if (step.none)
		round_end(api, asked);
	state_save(api);
	return true;
}

/* --- thread --------------------------------------------------------------------------------------------- */

static void *
run(void *ctx)
{
	struct api *api = ctx;
	struct api_scrub *s = api->scrub;
	struct timespec until;

	os_thread_yield_to_others();
	while (!atomic_load(&s->closing)) {
		if (api_scrub_step(api))
			continue;
		until = os_deadline(LOOK_MS);
		scrub_lock(s);
		if (!atomic_load(&s->closing) && !is_due(api))
			(void)pthread_cond_timedwait(&s->wake, &s->lock, &until);
		scrub_unlock(s);
	}
	return NULL;
}

bool
api_scrub_open(struct api *api, struct err *err)
{
	struct api_scrub *s = mem_calloc(1, sizeof(*s));

	api->scrub = s;
	s->problems = json_new_array();
	s->last_problems = json_new_array();
	must(pthread_mutex_init(&s->lock, NULL) == 0);
	os_condition_init(&s->wake);
	if (!state_load(api, err))
		return false;
	s->thread_started =
	    api->o.job_threads && os_thread_start(&s->thread, "scrub", run, api, err);
	return s->thread_started || !api->o.job_threads;
}

void
api_scrub_close(struct api *api)
{
	struct api_scrub *s = api->scrub;

	if (s == NULL)
		return;
	atomic_store(&s->closing, true);
	scrub_lock(s);
	must(pthread_cond_broadcast(&s->wake) == 0);
	scrub_unlock(s);
	if (s->thread_started)
		os_thread_join(s->thread);
	json_free(&s->problems);
	json_free(&s->last_problems);
	(void)pthread_cond_destroy(&s->wake);
	(void)pthread_mutex_destroy(&s->lock);
	mem_free(s);
	api->scrub = NULL;
}

/* --- operations ----------------------------------------------------------------------------------------- */

static struct json *
round_show(const struct round *r, const struct json *problems)
{
	struct json *out = json_new_object();

	if (r->began_ms != 0)
		json_set_seconds(out, "BeganTimestamp", r->began_ms);
	if (r->ended_ms != 0)
		json_set_seconds(out, "EndedTimestamp", r->ended_ms);
	json_set_integer(out, "Packs", r->packs);
	json_set_integer(out, "PackBytes", r->bytes);
	json_set_integer(out, "CheckedMessages", r->messages);
	json_set_integer(out, "AuditRecords", r->audit_records);
	json_set_integer(out, "ProblemCount", r->problem_count);
	json_set(out, "Problems", json_copy(problems));
	return out;
}

bool
api_scrub_get(struct api_call *call)
{
	struct api *api = call->api;
	struct api_scrub *s = api->scrub;

	scrub_lock(s);
	json_set_integer(call->output, "PeriodSeconds", api->o.scrub_period_ms / 1000);
	json_set_bool(call->output, "Running", s->now.began_ms != 0);
	json_set_bool(call->output, "Asked", s->at_once);
	json_set_integer(call->output, "TotalPacks", s->total_packs);
	json_set_integer(call->output, "TotalBytes", s->total_bytes);
	json_set(call->output, "Round", round_show(&s->now, s->problems));
	if (s->last.ended_ms != 0)
		json_set(call->output, "LastRound", round_show(&s->last, s->last_problems));
	scrub_unlock(s);
	return true;
}

bool
api_scrub_start(struct api_call *call)
{
	struct api_scrub *s = call->api->scrub;

	scrub_lock(s);
	if (!s->at_once) {
		/* From the beginning: who asks wants to know of everything. */
		s->at_once = true;
		s->asked++;
		round_reset(s);
	}
	must(pthread_cond_broadcast(&s->wake) == 0);
	scrub_unlock(s);
	return true;
}
