/* SPDX-License-Identifier: Apache-2.0 */
/* getrandom and splitmix64. */
#include "base_rng.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base_err.h"

static void
system_fill(void *ctx, void *out, size_t len)
{
	uint8_t *at = out;

	(void)ctx;
	while (len > 0) {
		ssize_t got = getrandom(at, len, 0);

		if (got < 0) {
			must(errno == EINTR);
			continue;
		}
		at += got;
		len -= (size_t)got;
	}
}

struct rng
rng_system(void)
{
	return (struct rng){system_fill, NULL};
}

static uint64_t
splitmix(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static void
seeded_fill(void *ctx, void *out, size_t len)
{
	struct rng_seeded *seeded = ctx;
	uint8_t *at = out;

	while (len > 0) {
		uint64_t v = splitmix(&seeded->state);
		size_t n = len < sizeof v ? len : sizeof v;

		memcpy(at, &v, n);
		at += n;
		len -= n;
	}
}

struct rng
rng_seeded(struct rng_seeded *seeded)
{
	return (struct rng){seeded_fill, seeded};
}

uint64_t
rng_u64(const struct rng *r)
{
	uint64_t v;

	rng_fill(r, &v, sizeof v);
	return v;
}

uint64_t
rng_below(const struct rng *r, uint64_t bound)
{
	uint64_t limit, v;

	must(bound > 0);
	limit = UINT64_MAX - UINT64_MAX % bound;
	do
		v = rng_u64(r);
	while (v >= limit);
	return v % bound;
}
