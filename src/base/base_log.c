/* SPDX-License-Identifier: Apache-2.0 */
/* The logger: the one place below app that keeps process-wide state. */
#include "base_log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base_clock.h"
#include "base_time.h"

#define LOG_LINE_BYTES 1024

static const char *const LEVEL_NAMES[] = {"error", "warning", "info", "debug"};

static struct {
	const char *role;
	enum log_level level;
	log_sink_fn sink;
	void *ctx;
} logger = {"daybook", LOG_INFO, NULL, NULL};

void
log_set_role(const char *role)
{
	logger.role = role;
}

void
log_set_level(enum log_level level)
{
	logger.level = level;
}

void
log_set_sink(log_sink_fn sink, void *ctx)
{
	logger.sink = sink;
	logger.ctx = ctx;
}

static void log_write(enum log_level level, const char *format, va_list ap) PRINTF_LIKE(2, 0);

static void
log_write(enum log_level level, const char *format, va_list ap)
{
	char line[LOG_LINE_BYTES], when[TIME_ISO_SIZE];
	struct clock clock = clock_system();
	size_t head, len;

	if (level > logger.level)
		return;
	time_iso_format(when, clock_now_ms(&clock));
	(void)snprintf(line, sizeof line, "%s %s %s: ", when, logger.role, LEVEL_NAMES[level]);
	head = strlen(line);
	(void)vsnprintf(line + head, sizeof line - head - 1, format, ap);
	len = strlen(line);
	for (size_t i = head; i < len; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	if (logger.sink != NULL) {
		logger.sink(logger.ctx, level, line);
		return;
	}
	/* One write per line keeps the lines of several processes whole. */
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}

#define LOG_BODY(level)                                                                            \
	va_list ap;                                                                                \
	va_start(ap, format);                                                                      \
	log_write((level), format, ap);                                                            \
	va_end(ap)

void
log_error(const char *format, ...)
{
	LOG_BODY(LOG_ERROR);
}

void
log_warn(const char *format, ...)
{
	LOG_BODY(LOG_WARN);
}

void
log_info(const char *format, ...)
{
	LOG_BODY(LOG_INFO);
}

void
log_debug(const char *format, ...)
{
	LOG_BODY(LOG_DEBUG);
}
