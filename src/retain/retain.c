/* SPDX-License-Identifier: Apache-2.0 */
/* The object, and one round of everything that is due. */
#include "retain_int.h"

#include "base_log.h"

bool
retain_open(const struct retain_options *options, struct retain **out, struct err *err)
{
	struct retain *r = mem_calloc(1, sizeof *r);
	bool ok;

	r->o = *options;
	must(pthread_mutex_init(&r->keep_lock, NULL) == 0);
	must(pthread_mutex_init(&r->clock_lock, NULL) == 0);
	ok = retain_begin(r, err);
	if (ok) {
		ok = retain_clock_load(r, err);
		catalog_rollback(r->o.catalog);
	}
	ok = ok && retain_clock_tick(r, err);
	if (ok)
		*out = r;
	else
		retain_close(&r);
	return ok;
}

void
retain_close(struct retain **retain)
{
	struct retain *r = *retain;

	if (r == NULL)
		return;
	must(pthread_mutex_destroy(&r->keep_lock) == 0);
	must(pthread_mutex_destroy(&r->clock_lock) == 0);
	mem_free(r);
	*retain = NULL;
}

typedef bool (*work_fn)(struct retain *r, const atomic_bool *cancel, struct err *err);

/* One kind of work failing must not keep the others waiting. */
static bool
work(struct retain *r, work_fn run, const char *what, const atomic_bool *cancel, bool so_far,
    struct err *err)
{
	struct err trouble;

	if (cancel != NULL && atomic_load(cancel))
		return so_far && ERR(err, ERR_CANCELLED, "cancelled");
	if (run(r, cancel, &trouble))
		return so_far;
	if (trouble.code != ERR_CANCELLED && trouble.code != ERR_REFUSED)
		log_error("%s: %s", what, trouble.msg);
	if (so_far)
		*err = trouble;
	return false;
}

bool
retain_run(struct retain *r, bool plan, const atomic_bool *cancel, struct err *err)
{
	bool ok = true;

	ok = work(r, retain_key_run, "destroying keys", cancel, ok, err);
	ok = work(r, retain_hold_freeze, "freezing a hold", cancel, ok, err);
	ok = work(r, retain_erasure_run, "erasing", cancel, ok, err);
	ok = work(r, retain_disposition_run, "disposition", cancel, ok, err);
	if (plan) {
		ok = work(r, retain_plan_run, "planning a disposition", cancel, ok, err);
		ok = work(r, retain_disposition_run, "disposition", cancel, ok, err);
	}
	return ok;
}
