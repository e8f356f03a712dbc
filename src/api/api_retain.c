/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that freezes, erases and destroys; and how the operations show what the room says. */
#include "api_retain_int.h"

#include "api_model_handlers.h"
#include "base_log.h"
#include "base_mem.h"
#include "os_thread.h"

#define ROUND_MS   60000
#define PLAN_MS    ((int64_t)3600 * 1000) /* between looks for what has expired */
#define FIRST_MS   5000                   /* a start has better things to do */
#define WAKE_QUEUE 4

struct api_retain {
	struct retain *retain;
	struct os_queue *wake;
	atomic_bool closing;
	pthread_t thread;
	bool started;
};

static void *
worker(void *ctx)
{
	struct api *api = ctx;
	struct api_retain *w = api->retain_work;
	int64_t planned_ms = INT64_MIN, wait_ms = FIRST_MS;
	struct err err;

	os_thread_yield_to_others();
	while (!atomic_load(&w->closing)) {
		bool woken = os_queue_pop(w->wake, wait_ms) != NULL;
		int64_t mono_ms = clock_mono_ms(&api->o.clock);
		bool plan = woken || planned_ms == INT64_MIN || mono_ms - planned_ms >= PLAN_MS;

		if (atomic_load(&w->closing))
			break;
		if (!retain_clock_tick(w->retain, &err))
			log_warn("the trusted clock: %s", err.msg);
		(void)retain_run(w->retain, plan, &w->closing, &err); /* it logs */
		if (plan)
			planned_ms = mono_ms;
		wait_ms = ROUND_MS;
	}
	return NULL;
}

bool
api_retain_open(struct api *api, struct err *err)
{
	struct retain_options o = {.catalog = api->o.catalog,
	    .archive = api->o.archive,
	    .clock = api->o.clock,
	    .rng = api->o.rng,
	    .manual = api->o.retention_manual,
	    .four_eyes = api->o.erasure_four_eyes};
	struct api_retain *w = mem_calloc(1, sizeof(*w));

	api->retain_work = w;
	atomic_init(&w->closing, false);
	w->wake = os_queue_new(WAKE_QUEUE);
	if (!retain_open(&o, &w->retain, err))
		return false;
	api->retain = w->retain;
	if (api->o.job_threads && !os_thread_start(&w->thread, "retain", worker, api, err))
		return false;
	w->started = api->o.job_threads;
	return true;
}

void
api_retain_close(struct api *api)
{
	struct api_retain *w = api->retain_work;

	if (w == NULL)
		return;
	atomic_store(&w->closing, true);
	os_queue_close(w->wake);
	if (w->started)
		os_thread_join(w->thread);
	os_queue_free(&w->wake);
	retain_close(&w->retain);
	mem_free(w);
	api->retain_work = NULL;
	api->retain = NULL;
}

void
api_retain_wake(struct api *api)
{
	static char token;

	/* A full queue wakes as well. */
	if (api->retain_work->started && !os_queue_push(api->retain_work->wake, &token))
		return;
}

bool
api_retain_fault(struct api_call *call, const struct err *err)
{
	switch (err->code) {
	case ERR_USAGE:
	case ERR_SYNTAX:
		return api_fault_validation(call, "%s", err->msg);
	case ERR_LIMIT:
		return api_fault_quota(call, "%s", err->msg);
	case ERR_NOT_FOUND:
		return api_fault_not_found(call, "%s", err->msg);
	case ERR_EXISTS:
	case ERR_BUSY:
		return api_fault_conflict(call, "%s", err->msg);
	case ERR_REFUSED:
		return api_fault_set(call, API_MODEL_STATUS_REFUSED, "RefusedException", err->msg);
	case ERR_NONE:
	case ERR_DENIED:
	case ERR_TIMEOUT:
	case ERR_IO:
	case ERR_NO_SPACE:
	case ERR_CORRUPT:
	case ERR_SEALED:
	case ERR_UNSUPPORTED:
	case ERR_CANCELLED:
		break;
	}
	return api_fault_trouble(call, err);
}

void
api_retain_show(struct json *out, const struct retain_count *count)
{
	json_set_integer(out, "Messages", (int64_t)count->messages);
	json_set_integer(out, "Bytes", (int64_t)count->bytes);
	if (count->messages == 0)
		return;
	json_set_seconds(out, "OldestTimestamp", count->oldest_ms);
	json_set_seconds(out, "NewestTimestamp", count->newest_ms);
}

struct json *
api_retain_clock(struct api_call *call)
{
	struct retain_clock clock;
	struct json *out;
	struct err err;

	if (!retain_clock_get(call->api->retain, &clock, &err)) {
		(void)api_fault_trouble(call, &err);
		return NULL;
	}
	out = json_new_object();
	json_set_seconds(out, "TrustedTimestamp", clock.trusted_ms);
	json_set_seconds(out, "MachineTimestamp", clock.machine_ms);
	json_set_bool(out, "Stopped", clock.stopped);
	if (clock.confirmed_ms != 0) {
		json_set_seconds(out, "ConfirmedTimestamp", clock.confirmed_ms);
		json_set_str(out, "ConfirmedBy", clock.confirmed_by);
	}
	return out;
}
