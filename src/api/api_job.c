/* SPDX-License-Identifier: Apache-2.0 */
/* Searches and exports as jobs: rows in the catalog, run one after the other by a few threads. */
#include "api_job_int.h"

#include <stdio.h>
#include <string.h>

#include "api_retain_int.h"
#include "api_scrub_int.h"
#include "base_log.h"
#include "base_mem.h"
#include "os_thread.h"

#define SEARCH_THREADS 2
#define QUEUE_SIZE     (4 * (size_t)API_JOBS_MAX)
#define REQUEUE_PAGE   16
#define WINDOW_MS      (30 * API_DAY_MS)

/* One queue for each kind: a long export must not hold up a search. */
struct api_jobs {
	struct os_queue *queues[2]; /* searches, exports */
	pthread_mutex_t lock;       /* of list */
	struct api_job *list;       /* queued and running */
	atomic_bool closing;
	pthread_t threads[SEARCH_THREADS + 1];
	size_t thread_count;
};

static bool
is_final(const char *state)
{
	return strcmp(state, "COMPLETED") == 0 || strcmp(state, "FAILED") == 0 ||
	       strcmp(state, "CANCELLED") == 0;
}

struct json *
api_job_status(const struct api_resource *r)
{
	static const char *const shown[] = {
	    "SubmissionTimestamp", "CompletionTimestamp", "ErrorMessage", NULL};
	struct json *out = json_new_object();

	api_resource_show(out, r->doc, shown);
	json_set_str(out, "State", r->row.state);
	return out;
}

/* Not finished, of this kind. */
static bool
unfinished_count(struct api_call *call, enum catalog_kind kind, uint64_t *out)
{
	static const char *const states[] = {"QUEUED", "RUNNING", "PREPROCESSING", "PROCESSING"};
	uint64_t count;
	struct err err;

	*out = 0;
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		if (!catalog_count(call->api->o.catalog, kind, NULL, states[i], &count, &err))
			return api_fault_trouble(call, &err);
		*out += count;
	}
	return true;
}

static bool
window_check(struct api_call *call, enum catalog_kind kind)
{
	int64_t from = json_ms(json_find(call->input, "FromTimestamp")),
		to = json_ms(json_find(call->input, "ToTimestamp"));
	unsigned limit = call->api->o.aws_strict ? 1 : API_JOBS_MAX;
	uint64_t count;

	if (from >= to)
		return api_fault_validation(call, "FromTimestamp must be before ToTimestamp");
	if (call->api->o.aws_strict && kind == CATALOG_SEARCH && to - from > WINDOW_MS)
		return api_fault_validation(
		    call, "FromTimestamp and ToTimestamp must be at most 30 days apart");
	if (!unfinished_count(call, kind, &count))
		return false;
	if (count >= limit)
		return api_fault_quota(call, "%s: the limit of %u unfinished ones is reached",
		    api_resource_kind(kind)->what, limit);
	return true;
}

bool
api_job_start(struct api_call *call, enum catalog_kind kind, const char *id_member)
{
	static const char *const taken[] = {"ArchiveId", "Filters", "FromTimestamp", "ToTimestamp",
	    "MaxResults", "ExportDestinationConfiguration", "IncludeMetadata", NULL};
	struct api_resource archive, r = {.row = {.kind = kind, .state = "QUEUED"}};

	r.row.owner = json_get_str(call->input, "ArchiveId");
	if (!api_resource_get(call, CATALOG_ARCHIVE, r.row.owner, &archive))
		return false;
	if (strcmp(archive.row.state, "ACTIVE") != 0)
		return api_fault_conflict(call, "Archive %s is pending deletion", archive.row.id);
	if (!window_check(call, kind))
		return false;
	r.doc = api_call_own(call, json_new_object());
	api_resource_copy(call, r.doc, taken);
	json_set_seconds(r.doc, "SubmissionTimestamp", call->now_ms);
	if (!api_resource_insert(call, &r))
		return false;
	json_set_str(call->output, id_member, r.row.id);
	call->effects |= API_EFFECT_JOB;
	call->job_kind = kind;
	call->job_id = r.row.id;
	return true;
}

bool
api_job_cancel(struct api_call *call, enum catalog_kind kind, const char *id)
{
	struct api_resource r;

	if (!api_resource_job(call, kind, id, &r))
		return false;
	if (is_final(r.row.state))
		return true;
	r.row.state = "CANCELLED";
	json_set_seconds(r.doc, "CompletionTimestamp", call->now_ms);
	call->effects |= API_EFFECT_STOP;
	call->job_id = r.row.id;
	return api_resource_save(call, &r);
}

static void
members_set(struct json *doc, const struct json *changes)
{
	const struct json *value;
	const char *key;

	for (size_t i = 0; json_member(changes, i, &key, &value); i++)
		json_set(doc, key, json_copy(value));
}

static bool
row_update(struct api_job *job, const char *state, const struct json *changes, struct arena *arena,
    struct err *err)
{
	struct catalog *c = job->api->o.catalog;
	struct catalog_row row;
	struct json *doc;
	struct buf text;
	bool ok;

	if (!catalog_get(c, job->kind, job->id, arena, &row, err))
		return err->code == ERR_NOT_FOUND ? ERR(err, ERR_CANCELLED, "the job is gone")
						  : false;
	if (is_final(row.state))
		return ERR(err, ERR_CANCELLED, "the job was stopped");
	doc = json_parse(row.document, err);
	if (doc == NULL)
		return false;
	members_set(doc, changes);
	if (is_final(state))
		json_set_seconds(doc, "CompletionTimestamp", clock_now_ms(&job->api->o.clock));
	buf_init(&text, CATALOG_DOCUMENT_MAX);
	json_print(doc, &text);
	row.state = state;
	row.updated_ms = clock_now_ms(&job->api->o.clock);
	row.document = buf_view(&text);
	ok = buf_ok(&text, err) && catalog_update(c, &row, err);
	buf_fini(&text);
	json_free(&doc);
	return ok;
}

bool
api_job_update(struct api_job *job, const char *state, const struct json *changes, struct err *err)
{
	struct arena arena;
	bool ok;

	if (!catalog_begin(job->api->o.catalog, err))
		return false;
	arena_init(&arena);
	ok = row_update(job, state, changes, &arena, err);
	arena_fini(&arena);
	if (ok)
		return catalog_commit(job->api->o.catalog, err);
	catalog_rollback(job->api->o.catalog);
	return false;
}

/* A new object, or NULL with ERR_CANCELLED when there is nothing to do. */
static struct json *
document_load(struct api_job *job, struct err *err)
{
	struct json *doc = NULL;
	struct catalog_row row;
	struct arena arena;

	if (!catalog_begin(job->api->o.catalog, err))
		return NULL;
	arena_init(&arena);
	if (!catalog_get(job->api->o.catalog, job->kind, job->id, &arena, &row, err)) {
		if (err->code == ERR_NOT_FOUND)
			(void)ERR(err, ERR_CANCELLED, "the job is gone");
	} else {
		if (is_final(row.state))
			(void)ERR(err, ERR_CANCELLED, "stopped before it began");
		else
			doc = json_parse(row.document, err);
	}
	catalog_rollback(job->api->o.catalog);
	arena_fini(&arena);
	return doc;
}

static void
job_fail(struct api_job *job, const struct err *why)
{
	struct json *changes = json_new_object();
	struct err err;

	log_error("%s %s failed: %s: %s", api_resource_kind(job->kind)->what, job->id,
	    err_code_name(why->code), why->msg);
	json_set_str(changes, "ErrorMessage", why->msg);
	if (!api_job_update(job, "FAILED", changes, &err) && err.code != ERR_CANCELLED)
		log_error("job %s: its failure could not be stored: %s", job->id, err.msg);
	json_free(&changes);
}

/* What was interrupted keeps its state in the catalog and begins again at the next start. */
static void
job_run(struct api_job *job)
{
	bool search = job->kind == CATALOG_SEARCH, ok;
	struct json *doc, *changes = json_new_object();
	struct err err;

	doc = document_load(job, &err);
	ok = doc != NULL && api_job_update(job, search ? "RUNNING" : "PREPROCESSING", NULL, &err) &&
	     (search ? api_search_run(job, doc, changes, &err)
		     : api_export_run(job, doc, changes, &err)) &&
	     api_job_update(job, "COMPLETED", changes, &err);
	if (!ok && err.code != ERR_CANCELLED)
		job_fail(job, &err);
	json_free(&doc);
	json_free(&changes);
}

static void
job_free(struct api_jobs *jobs, struct api_job *job)
{
	must(pthread_mutex_lock(&jobs->lock) == 0);
	for (struct api_job **at = &jobs->list; *at != NULL; at = &(*at)->next) {
		if (*at == job) {
			*at = job->next;
			break;
		}
	}
	must(pthread_mutex_unlock(&jobs->lock) == 0);
	mem_free(job);
}

void
api_job_queue(struct api *api, enum catalog_kind kind, const char *id)
{
	struct api_jobs *jobs = api->jobs;
	struct api_job *job = mem_calloc(1, sizeof(*job));
	size_t len = strlen(id);

	must(len < sizeof(job->id));
	memcpy(job->id, id, len + 1);
	job->api = api;
	job->kind = kind;
	atomic_init(&job->cancel, false);
	must(pthread_mutex_lock(&jobs->lock) == 0);
	job->next = jobs->list;
	jobs->list = job;
	must(pthread_mutex_unlock(&jobs->lock) == 0);
	if (!os_queue_push(jobs->queues[kind == CATALOG_EXPORT], job)) {
		struct err err;

		(void)ERR(&err, ERR_BUSY, "too many jobs are waiting");
		job_fail(job, &err);
		job_free(jobs, job);
	}
}

void
api_job_stop(struct api *api, const char *id)
{
	must(pthread_mutex_lock(&api->jobs->lock) == 0);
	for (struct api_job *job = api->jobs->list; job != NULL; job = job->next)
		if (strcmp(job->id, id) == 0)
			atomic_store(&job->cancel, true);
	must(pthread_mutex_unlock(&api->jobs->lock) == 0);
}

static void
queue_run(struct api *api, size_t queue, int64_t wait_ms)
{
	struct api_job *job;

	while ((job = os_queue_pop(api->jobs->queues[queue], wait_ms)) != NULL) {
		if (!atomic_load(&api->jobs->closing))
			job_run(job);
		job_free(api->jobs, job);
	}
}

static void *
search_worker(void *ctx)
{
	queue_run(ctx, 0, -1);
	return NULL;
}

static void *
export_worker(void *ctx)
{
	queue_run(ctx, 1, -1);
	return NULL;
}

void
api_run_jobs(struct api *api)
{
	struct err err;

	queue_run(api, 0, 0);
	queue_run(api, 1, 0);
	(void)retain_run(api->retain, true, NULL, &err); /* it logs */
	while (api_scrub_step(api))
		continue;
}

/* A page of rows at a time: documents may be large. */
static bool
page_requeue(struct api *api, enum catalog_kind kind, int64_t *before_ms,
    char before_id[ID_TEXT_SIZE], bool *more, struct err *err)
{
	struct catalog_cursor cursor = {*before_ms, before_id[0] == '\0' ? NULL : before_id};
	struct catalog_row rows[REQUEUE_PAGE];
	struct arena arena;
	size_t count = 0;
	bool ok;

	arena_init(&arena);
	ok = catalog_list(
	    api->o.catalog, kind, NULL, &cursor, REQUEUE_PAGE, &arena, rows, &count, err);
	for (size_t i = 0; ok && i < count; i++)
		if (!is_final(rows[i].state))
			api_job_queue(api, kind, rows[i].id);
	*more = ok && count == REQUEUE_PAGE;
	if (*more) {
		*before_ms = rows[count - 1].created_ms;
		(void)snprintf(before_id, ID_TEXT_SIZE, "%s", rows[count - 1].id);
	}
	arena_fini(&arena);
	return ok;
}

static bool
jobs_requeue(struct api *api, enum catalog_kind kind, struct err *err)
{
	char before_id[ID_TEXT_SIZE] = "";
	int64_t before_ms = 0;
	bool more = true, ok = true;

	if (!catalog_begin(api->o.catalog, err))
		return false;
	while (ok && more)
		ok = page_requeue(api, kind, &before_ms, before_id, &more, err);
	catalog_rollback(api->o.catalog);
	return ok;
}

static bool
threads_start(struct api *api, struct err *err)
{
	struct api_jobs *jobs = api->jobs;

	for (size_t i = 0; i <= SEARCH_THREADS; i++) {
		bool search = i < SEARCH_THREADS;

		if (!os_thread_start(&jobs->threads[i], search ? "search" : "export",
			search ? search_worker : export_worker, api, err))
			return false;
		jobs->thread_count++;
	}
	return true;
}

bool
api_jobs_open(struct api *api, struct err *err)
{
	struct api_jobs *jobs = mem_calloc(1, sizeof(*jobs));

	api->jobs = jobs;
	must(pthread_mutex_init(&jobs->lock, NULL) == 0);
	atomic_init(&jobs->closing, false);
	jobs->queues[0] = os_queue_new(QUEUE_SIZE);
	jobs->queues[1] = os_queue_new(QUEUE_SIZE);
	return jobs_requeue(api, CATALOG_SEARCH, err) && jobs_requeue(api, CATALOG_EXPORT, err) &&
	       (!api->o.job_threads || threads_start(api, err));
}

void
api_jobs_close(struct api *api)
{
	struct api_jobs *jobs = api->jobs;

	if (jobs == NULL)
		return;
	atomic_store(&jobs->closing, true);
	must(pthread_mutex_lock(&jobs->lock) == 0);
	for (struct api_job *job = jobs->list; job != NULL; job = job->next)
		atomic_store(&job->cancel, true);
	must(pthread_mutex_unlock(&jobs->lock) == 0);
	for (size_t i = 0; i < 2; i++)
		os_queue_close(jobs->queues[i]);
	for (size_t i = 0; i < jobs->thread_count; i++)
		os_thread_join(jobs->threads[i]);
	queue_run(api, 0, 0);
	queue_run(api, 1, 0);
	os_queue_free(&jobs->queues[0]);
	os_queue_free(&jobs->queues[1]);
	must(pthread_mutex_destroy(&jobs->lock) == 0);
	mem_free(jobs);
	api->jobs = NULL;
}
