/* SPDX-License-Identifier: Apache-2.0 */
/* Figures of the proof log on a real disk: leaves appended per second, and proofs out of a large log. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base_mem.h"
#include "base_rng.h"
#include "proof_log.h"

static double
seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
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

static void
prove(const struct proof_log_options *o, struct proof_log **log, const char *what, unsigned count)
{
	struct rng_seeded seeded = {1};
	struct rng rng = rng_seeded(&seeded);
	double began, worst = 0, all = seconds();
	struct proof_path path;
	struct err err;

	for (unsigned i = 0; i < count; i++) {
		uint64_t size = proof_log_size(*log);

		proof_log_close(log); /* nothing cached */
		check(proof_log_open(o, log, &err), &err);
		began = seconds();
		check(proof_log_inclusion(*log, rng_below(&rng, size), size, &path, &err), &err);
		worst = seconds() - began > worst ? seconds() - began : worst;
	}
	(void)printf("%s: %.2f ms with opening the log, worst proof %.2f ms\n", what,
	    (seconds() - all) / count * 1000, worst * 1000);
}

int
main(int argc, char **argv)
{
	uint64_t large = argc > 2 ? strtoull(argv[2], NULL, 10) : 10000000;
	uint8_t public_key[CRYPT_SIGN_PUBLIC_BYTES];
	struct proof_log *log = NULL;
	struct proof_key key;
	struct secret *seed;
	struct err err;
	double began;

	if (argc < 2) {
		(void)fprintf(stderr, "usage: proof_bench DIRECTORY [LEAVES]\n");
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
	began = seconds();
	append(log, 1000000, 10000);
	(void)printf(
	    "1000000 leaves in batches of 10000: %.0f/s, durable\n", 1e6 / (seconds() - began));
	if (large > 1000000)
		append(log, large - 1000000, 100000);
	prove(&o, &log, "proof for one leaf", 200);
	(void)printf("the log has %llu leaves\n", (unsigned long long)proof_log_size(log));
	proof_log_close(&log);
	secret_free(&seed);
	return 0;
}
