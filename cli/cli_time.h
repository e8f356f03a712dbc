/* SPDX-License-Identifier: Apache-2.0 */
/* Times as people write them. */
#ifndef CLI_TIME_H
#define CLI_TIME_H

#include <stdint.h>

#include "base_bytes.h"

/* cli_time_duration: a number and one of s m h d w: "90s", "12h", "2w". Positive, at most 100 years. ERR_USAGE. */
MUST_USE bool cli_time_duration(const char *text, int64_t *ms_out, struct err *err);
/* cli_time_point: "now", "today", "yesterday" (midnight UTC), a duration ago ("12h"), or ISO 8601. ERR_USAGE. */
MUST_USE bool cli_time_point(const char *text, int64_t now_ms, int64_t *ms_out, struct err *err);

#endif
