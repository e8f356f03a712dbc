/* SPDX-License-Identifier: Apache-2.0 */
/* Time, injected. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* now_ms: UTC milliseconds since 1970. mono_ms: milliseconds that never run backwards. */
struct clock {
	int64_t (*now_ms)(void *ctx);
	int64_t (*mono_ms)(void *ctx);
	void *ctx;
};

struct clock clock_system(void);

/* A clock for tests: both readings are the two fields. */
struct clock_fixed {
	int64_t now_ms;
	int64_t mono_ms;
};
struct clock clock_fixed(struct clock_fixed *fixed);

static inline int64_t
clock_now_ms(const struct clock *c)
{
	return c->now_ms(c->ctx);
}

static inline int64_t
clock_mono_ms(const struct clock *c)
{
	return c->mono_ms(c->ctx);
}

#endif
