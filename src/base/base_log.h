/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines. Logged once, where a failure is handled; nothing sensitive ever. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stddef.h>

#include "base_err.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* A sink gets one finished line without newline. The default sink writes to standard error. */
typedef void (*log_sink_fn)(void *ctx, enum log_level level, const char *line);

/* log_set_*: process-wide; call before threads start. role is kept (a literal such as "core"). */
void log_set_role(const char *role);
void log_set_level(enum log_level level);
void log_set_sink(log_sink_fn sink, void *ctx);

/* A line is "2026-11-24T08:20:25.123Z core info: text"; control characters in text are replaced by '?'. */
void log_error(const char *format, ...) PRINTF_LIKE(1, 2);
void log_warn(const char *format, ...) PRINTF_LIKE(1, 2);
void log_info(const char *format, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *format, ...) PRINTF_LIKE(1, 2);

#endif
