/* SPDX-License-Identifier: Apache-2.0 */
/* Randomness, injected: the kernel's for real use, a seeded one for tests. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

struct rng {
	void (*fill)(void *ctx, void *out, size_t len);
	void *ctx;
};

/* rng_system: fit for keys; aborts if the kernel has no entropy. Thread-safe. */
struct rng rng_system(void);

/* rng_seeded: repeatable (splitmix64); never for keys that matter. One thread at a time. */
struct rng_seeded {
	uint64_t state;
};
struct rng rng_seeded(struct rng_seeded *seeded);

static inline void
rng_fill(const struct rng *r, void *out, size_t len)
{
	r->fill(r->ctx, out, len);
}

uint64_t rng_u64(const struct rng *r);
/* rng_below: uniform in [0, bound); bound >= 1. */
uint64_t rng_below(const struct rng *r, uint64_t bound);

#endif
