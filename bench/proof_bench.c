/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Figures of the proof log on a real disk: a million leaves appended in batches of 10,000, each durable, and proofs out
 * of a large log.
 *
 *   proof_bench DIR [LEAVES]   DIR must not exist, or hold no log; it is left there
 *
 * Prints one JSON object.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base_mem.h"
#include "base_rng.h"
#include "proof_log.h"

#define FIRST  1000000u
#define PROOFS 200u

static double
seconds(clockid_t which)
{
	struct timespec t;

	(void)clock_gettime(which, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
check(bool ok, const struct err *err)
{
	if (ok)
		return;
	(void)fprintf(stderr, "proof_bench: %s\n", err->msg);
	exit(1);
}

static void
append(struct proof_log *log, uint64_t count, size_t batch)
{
	struct proof_leaf *leaves = mem_calloc(batch, sizeof *leaves);
	struct err err;

	for (uint64_t done = 0; done < count; done += batch) {
		for (size_t i = 0; i < batch; i++) {
			uint64_t n = done + i;

			memcpy(leaves[i].raw + 2, &n, sizeof n);
		}
		check(proof_log_append(log, leaves, batch, &err), &err);
	}
	mem_free(leaves);
}

struct cost {
	double mean_ms, worst_ms, mean_cpu_ms, worst_cpu_ms;
};

/* Proofs for leaves all over; cold: the log was just opened and has read no tile but the last ones. */
static struct cost
prove(const struct proof_log_options *o, struct proof_log **log, bool cold)
{
	struct rng_seeded seeded = {1};
	struct rng rng = rng_seeded(&seeded);
	uint64_t size = proof_log_size(*log);
	struct cost cost = {0};
	struct err err;

	for (unsigned i = 0; i < PROOFS; i++) {
		double wall, cpu;
		struct proof_path path;

		if (cold) {
			proof_log_close(log);
			check(proof_log_open(o, log, &err), &err);
		}
		wall = seconds(CLOCK_MONOTONIC);
		cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
		check(proof_log_inclusion(*log, rng_below(&rng, size), size, &path, &err), &err);
		cpu = (seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) * 1e3;
		wall = (seconds(CLOCK_MONOTONIC) - wall) * 1e3;
		cost.mean_ms += wall / PROOFS;
		cost.mean_cpu_ms += cpu / PROOFS;
		cost.worst_ms = wall > cost.worst_ms ? wall : cost.worst_ms;
		cost.worst_cpu_ms = cpu > cost.worst_cpu_ms ? cpu : cost.worst_cpu_ms;
	}
	return cost;
}

int
main(int argc, char **argv)
{
	uint64_t large = argc > 2 ? strtoull(argv[2], NULL, 10) : 10000000;
	uint8_t public_key[CRYPT_SIGN_PUBLIC_BYTES];
	struct proof_log *log = NULL;
	struct proof_key key;
	struct cost cold, warm;
	struct secret *seed;
	struct err err;
	double wall, cpu;

	if (argc < 2 || large < FIRST) {
		(void)fprintf(stderr, "usage: proof_bench DIR [LEAVES]\n");
		return 2;
	}
	seed = secret_new(CRYPT_SIGN_SEED_BYTES);
	crypt_sign_public(seed, public_key);
	check(proof_key_make(&key, PROOF_KEY_LOG, BYTES_LIT("bench.example"), public_key, &err),
	    &err);
	struct proof_log_options o = {
	    .fs = os_fs_real(), .dir = argv[1], .key = &key, .seed = seed};

	check(proof_log_create(&o, &err), &err);
	check(proof_log_open(&o, &log, &err), &err);
	wall = seconds(CLOCK_MONOTONIC);
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	append(log, FIRST, 10000);
	wall = seconds(CLOCK_MONOTONIC) - wall;
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	append(log, large - FIRST, 100000);
	cold = prove(&o, &log, true);
	warm = prove(&o, &log, false);
	(void)printf("{\"leaves\": %llu, \"appended_per_second\": %.0f, "
		     "\"appended_per_cpu_second\": %.0f, \"proof_ms\": %.3f, "
		     "\"proof_worst_ms\": %.3f, \"proof_cpu_ms\": %.3f, "
		     "\"proof_worst_cpu_ms\": %.3f, \"proof_warm_ms\": %.3f}\n",
	    (unsigned long long)proof_log_size(log), FIRST / wall, FIRST / cpu, cold.mean_ms,
	    cold.worst_ms, cold.mean_cpu_ms, cold.worst_cpu_ms, warm.mean_ms);
	proof_log_close(&log);
	secret_free(&seed);
	return 0;
}
