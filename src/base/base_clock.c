/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's clocks, and one for tests. */
#include "base_clock.h"

#include <time.h>

#include "base_err.h"

static int64_t
read_ms(clockid_t id)
{
	struct timespec ts;

	must(clock_gettime(id, &ts) == 0);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t
system_now_ms(void *ctx)
{
	(void)ctx;
	return read_ms(CLOCK_REALTIME);
}

static int64_t
system_mono_ms(void *ctx)
{
	(void)ctx;
	return read_ms(CLOCK_MONOTONIC);
}

struct clock
clock_system(void)
{
	return (struct clock){system_now_ms, system_mono_ms, NULL};
}

static int64_t
fixed_now_ms(void *ctx)
{
	return ((struct clock_fixed *)ctx)->now_ms;
}

static int64_t
fixed_mono_ms(void *ctx)
{
	return ((struct clock_fixed *)ctx)->mono_ms;
}

struct clock
clock_fixed(struct clock_fixed *fixed)
{
	return (struct clock){fixed_now_ms, fixed_mono_ms, fixed};
}
