/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tier T0: power is lost before every single operation of a workload, in every way a disk may be found afterwards.
 *
 *   crash_power [--seed N] [--states N] [--expect-failure]
 *
 * Prints one line. A broken promise ends the run with the seed and the operation that show it again. With
 * --expect-failure a run that finds nothing fails: for programs that were built wrong on purpose.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash_world.h"

#define STEPS 14u

struct power {
	struct crash_world w;
	uint64_t states, operations, acknowledged, seed;
	uint64_t worlds;
};

static bool
try_state(
    struct power *p, struct os_fs_memory *m, enum os_crash mode, uint64_t index, uint64_t seed)
{
	bool deep = p->states % 11 == 0;

	p->states++;
	if (crash_world_check(&p->w, os_fs_memory_crash(m, mode, seed), deep, seed))
		return true;
	printf("broken: seed %llu, before operation %llu, %s (%llx): %s\n",
	    (unsigned long long)p->seed, (unsigned long long)index, os_crash_name(mode),
	    (unsigned long long)seed, p->w.wrong);
	return false;
}

static void
before_operation(void *ctx, struct os_fs_memory *m, uint64_t index, const char *operation)
{
	struct power *p = ctx;
	bool ok = p->w.wrong[0] == '\0';

	(void)operation;
	p->operations++;
	for (int mode = 0; ok && mode < OS_CRASH_MODES; mode++) {
		int tries = mode == OS_CRASH_TORN ? 4 : mode == OS_CRASH_REORDERED ? 2 : 1;

		for (int i = 0; ok && i < tries; i++)
			ok = try_state(p, m, (enum os_crash)mode, index,
			    p->seed * 1000003 + index * 31 + (uint64_t)(mode * 8 + i));
	}
}

/* One world; false: a promise was broken. */
static bool
run(struct power *p)
{
	bool ok;

	crash_world_init(&p->w, p->seed);
	os_fs_memory_set_hook(p->w.f.disk, before_operation, p);
	crash_world_run(&p->w, STEPS, NULL, NULL);
	p->acknowledged += crash_world_acknowledged(&p->w);
	p->worlds++;
	ok = p->w.wrong[0] == '\0';
	crash_world_fini(&p->w);
	return ok;
}

int
main(int argc, char **argv)
{
	static struct power p;
	uint64_t states = 10000;
	bool expect_failure = false, ok = true;
	uint64_t first;

	p.seed = 1;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
			p.seed = strtoull(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--states") == 0 && i + 1 < argc)
			states = strtoull(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--expect-failure") == 0)
			expect_failure = true;
		else {
			fprintf(stderr, "usage: %s [--seed N] [--states N] [--expect-failure]\n",
			    argv[0]);
			return 2;
		}
	}
	for (first = p.seed; ok && p.states < states; p.seed++)
		ok = run(&p);
	printf("durability tier=T0 worlds=%llu operations=%llu states=%llu acked=%llu lost=%d "
	       "seed=%llu\n",
	    (unsigned long long)p.worlds, (unsigned long long)p.operations,
	    (unsigned long long)p.states, (unsigned long long)p.acknowledged, ok ? 0 : 1,
	    (unsigned long long)first);
	return ok == expect_failure;
}
