/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tier T4: every single call of a workload fails, of each kind and in each way; then the power goes.
 *
 *   crash_fault [--seed N] [--faults N] [--call NAME] [--expect-failure]
 *
 * A failed sync of the intake log must close it for writing; a full disk must not; nothing that was acknowledged may be
 * lost, and nothing that was refused for lack of space may come back.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash_world.h"
#include "os_fs_failing.h"

#define STEPS       16u
#define STRIDE_FROM 48u /* calls are tried one by one up to here, then ever fewer of them */

struct fault {
	struct crash_world w;
	struct os_fs_failing *failing;
	struct os_failure failure;
	const char *only; /* NULL: every call */
	uint64_t failed_before, step;
	uint64_t faults, runs, acknowledged, closed, refused;
};

/* What the step must have led to, if the fault was in it. */
static void
after_step(void *ctx, struct crash_world *w, const char *step)
{
	struct fault *t = ctx;
	uint64_t failed = os_fs_failing_failed(t->failing);
	bool hit = failed != t->failed_before;
	bool sync = t->failure.call == OS_CALL_SYNC || t->failure.call == OS_CALL_SYNC_DIR;

	t->failed_before = failed;
	t->step++;
	if (w->f.archive == NULL)
		return;
	t->closed += hit && archive_failed(w->f.archive);
	if (hit && sync && strcmp(step, "commit") == 0 && !archive_failed(w->f.archive))
		(void)snprintf(w->wrong, sizeof w->wrong,
		    "a sync failed and the log is still open for writing");
	if (hit && t->failure.sys_errno == ENOSPC && t->failure.call == OS_CALL_WRITE &&
	    strcmp(step, "commit") == 0 && archive_failed(w->f.archive))
		(void)snprintf(w->wrong, sizeof w->wrong, "a full disk closed the log for writing");
	if (t->failure.from_then_on && failed > 3)
		os_fs_failing_disarm(t->failing);
	if (t->step == STEPS + 1) {
		os_fs_failing_disarm(t->failing);
		(void)crash_world_look(w);
	}
}

static void
relieve(void *ctx)
{
	os_fs_failing_disarm(((struct fault *)ctx)->failing);
}

/* One workload with one fault armed. *fired_out: the fault was hit. */
static bool
run(struct fault *t, uint64_t seed, bool *fired_out)
{
	bool ok;

	crash_world_init(&t->w, seed);
	t->failing = os_fs_failing_new(t->w.f.fs);
	t->w.f.fs = os_fs_failing(t->failing);
	t->w.retry = relieve;
	t->w.retry_ctx = t;
	t->failed_before = t->step = 0;
	os_fs_failing_arm(t->failing, &t->failure);
	crash_world_run(&t->w, STEPS, after_step, t);
	*fired_out = os_fs_failing_failed(t->failing) > 0;
	t->faults += os_fs_failing_failed(t->failing);
	t->runs++;
	t->acknowledged += crash_world_acknowledged(&t->w);
	for (size_t i = 0; i < t->w.count; i++)
		t->refused += t->w.messages[i].fate == CRASH_NO_SPACE;
	ok = t->w.wrong[0] == '\0' &&
	     crash_world_check(
		 &t->w, os_fs_memory_crash(t->w.f.disk, OS_CRASH_NOTHING, seed), true, seed) &&
	     crash_world_check(
		 &t->w, os_fs_memory_crash(t->w.f.disk, OS_CRASH_TORN, seed), false, seed);
	if (!ok)
		printf("broken: seed %llu, %s number %llu, errno %d, how %d%s: %s\n",
		    (unsigned long long)seed, os_call_name(t->failure.call),
		    (unsigned long long)t->failure.nth, t->failure.sys_errno, (int)t->failure.how,
		    t->failure.from_then_on ? ", from then on" : "", t->w.wrong);
	archive_close(&t->w.f.archive);
	crash_world_fini(&t->w);
	os_fs_failing_free(&t->failing);
	return ok;
}

static const enum os_call CALLS[] = {OS_CALL_SYNC, OS_CALL_WRITE, OS_CALL_SYNC_DIR,
    OS_CALL_ALLOCATE, OS_CALL_TRUNCATE, OS_CALL_RENAME, OS_CALL_UNLINK, OS_CALL_MKDIR, OS_CALL_OPEN,
    OS_CALL_CLOSE, OS_CALL_LIST, OS_CALL_STAT, OS_CALL_READ};

static const struct {
	int sys_errno;
	enum os_fail_how how;
	bool from_then_on;
} WAYS[] = {
    {EIO, OS_FAIL_BEFORE, false},
    {EIO, OS_FAIL_AFTER, false},
    {ENOSPC, OS_FAIL_PARTLY, false},
    {ENOSPC, OS_FAIL_AFTER, false},
    {ENOSPC, OS_FAIL_PARTLY, true},
    {EMFILE, OS_FAIL_BEFORE, false},
};

static bool
is_meant(enum os_call call, size_t way)
{
	bool grows = call == OS_CALL_WRITE || call == OS_CALL_ALLOCATE;
	bool looks = call == OS_CALL_READ || call == OS_CALL_STAT || call == OS_CALL_LIST ||
		     call == OS_CALL_CLOSE;

	if (WAYS[way].sys_errno == EMFILE)
		return call == OS_CALL_OPEN || call == OS_CALL_LIST;
	if (looks) /* before or after is the same to the caller */
		return way == 0;
	return grows || WAYS[way].sys_errno == EIO;
}

/* Every call of one workload. */
static bool
run_all(struct fault *t, uint64_t seed)
{
	bool ok = true;

	for (size_t call = 0; ok && call < sizeof CALLS / sizeof *CALLS; call++)
		for (size_t way = 0; ok && way < sizeof WAYS / sizeof *WAYS; way++) {
			bool fired =
			    is_meant(CALLS[call], way) &&
			    (t->only == NULL || strcmp(t->only, os_call_name(CALLS[call])) == 0);

			t->failure = (struct os_failure){.call = CALLS[call],
			    .sys_errno = WAYS[way].sys_errno,
			    .how = WAYS[way].how,
			    .from_then_on = WAYS[way].from_then_on};
			for (t->failure.nth = 1; ok && fired;
			     t->failure.nth += 1 + t->failure.nth / STRIDE_FROM)
				ok = run(t, seed, &fired);
		}
	return ok;
}

int
main(int argc, char **argv)
{
	static struct fault t;
	bool expect_failure = false, ok = true;
	uint64_t seed = 1, faults = 1000, first;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
			seed = strtoull(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--faults") == 0 && i + 1 < argc)
			faults = strtoull(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--call") == 0 && i + 1 < argc)
			t.only = argv[++i];
		else if (strcmp(argv[i], "--expect-failure") == 0)
			expect_failure = true;
		else {
			fprintf(stderr,
			    "usage: %s [--seed N] [--faults N] [--call NAME] [--expect-failure]\n",
			    argv[0]);
			return 2;
		}
	}
	for (first = seed; ok && t.faults < faults; seed++)
		ok = run_all(&t, seed);
	printf("durability tier=T4 in-process states=%llu faults=%llu acked=%llu refused=%llu "
	       "closed=%llu "
	       "lost=%d seed=%llu\n",
	    (unsigned long long)t.runs, (unsigned long long)t.faults,
	    (unsigned long long)t.acknowledged, (unsigned long long)t.refused,
	    (unsigned long long)t.closed, ok ? 0 : 1, (unsigned long long)first);
	return ok == expect_failure;
}
