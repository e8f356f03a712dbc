/* SPDX-License-Identifier: Apache-2.0 */
/* Filling struct err, and dying loudly on our own bugs. */
#include "base_err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
err_set(struct err *err, enum err_code code, const char *where, const char *format, ...)
{
	va_list ap;

	err->code = code;
	err->sys_errno = 0;
	err->where = where;
	va_start(ap, format);
	(void)vsnprintf(err->msg, sizeof err->msg, format, ap);
	va_end(ap);
	return false;
}

bool
err_set_sys(struct err *err, enum err_code code, const char *where, const char *format, ...)
{
	int saved = errno;
	size_t used;
	char text[64];
	va_list ap;

	if (code == ERR_IO && (saved == ENOSPC || saved == EDQUOT))
		code = ERR_NO_SPACE;
	err->code = code;
	err->sys_errno = saved;
	err->where = where;
	va_start(ap, format);
	(void)vsnprintf(err->msg, sizeof err->msg, format, ap);
	va_end(ap);
	used = strlen(err->msg);
	(void)snprintf(
	    err->msg + used, sizeof err->msg - used, ": %s", strerror_r(saved, text, sizeof text));
	errno = saved;
	return false;
}

bool
err_prefix(struct err *err, const char *format, ...)
{
	char old[sizeof err->msg];
	va_list ap;
	size_t used;

	memcpy(old, err->msg, sizeof old);
	va_start(ap, format);
	(void)vsnprintf(err->msg, sizeof err->msg, format, ap);
	va_end(ap);
	used = strlen(err->msg);
	(void)snprintf(err->msg + used, sizeof err->msg - used, ": %.*s", (int)sizeof old - 1, old);
	return false;
}

const char *
err_code_name(enum err_code code)
{
	switch (code) {
	case ERR_NONE:
		return "none";
	case ERR_USAGE:
		return "usage";
	case ERR_SYNTAX:
		return "syntax";
	case ERR_LIMIT:
		return "limit";
	case ERR_NOT_FOUND:
		return "not-found";
	case ERR_EXISTS:
		return "exists";
	case ERR_DENIED:
		return "denied";
	case ERR_BUSY:
		return "busy";
	case ERR_TIMEOUT:
		return "timeout";
	case ERR_IO:
		return "io";
	case ERR_NO_SPACE:
		return "no-space";
	case ERR_CORRUPT:
		return "corrupt";
	case ERR_SEALED:
		return "sealed";
	case ERR_UNSUPPORTED:
		return "unsupported";
	case ERR_CANCELLED:
		return "cancelled";
	case ERR_REFUSED:
		return "refused";
	}
	return "unknown";
}

_Noreturn void
must_fail(const char *expr, const char *file, int line, const char *function)
{
	(void)fprintf(
	    stderr, "daybook: bug: must(%s) at %s:%d in %s\n", expr, file, line, function);
	abort();
}
