/* SPDX-License-Identifier: Apache-2.0 */
/* How an operation refuses: exception, status and a text that names the member. */
#include <stdarg.h>
#include <stdio.h>

#include "api_int.h"
#include "api_model_handlers.h"
#include "base_log.h"

#define FAULT_TEXT_SIZE 2048

bool
api_fault_set(struct api_call *call, int status, const char *exception, const char *text)
{
	call->status = status;
	call->exception = exception;
	call->text = arena_strdup(&call->arena, text);
	return false;
}

static bool __attribute__((format(printf, 4, 0))) fault_format(
    struct api_call *call, int status, const char *exception, const char *format, va_list ap)
{
	char text[FAULT_TEXT_SIZE];

	(void)vsnprintf(text, sizeof(text), format, ap);
	return api_fault_set(call, status, exception, text);
}

bool
api_fault_validation(struct api_call *call, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)fault_format(call, API_MODEL_STATUS_VALIDATION, "ValidationException", format, ap);
	va_end(ap);
	return false;
}

bool
api_fault_conflict(struct api_call *call, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)fault_format(call, API_MODEL_STATUS_CONFLICT, "ConflictException", format, ap);
	va_end(ap);
	return false;
}

bool
api_fault_not_found(struct api_call *call, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)fault_format(
	    call, API_MODEL_STATUS_RESOURCE_NOT_FOUND, "ResourceNotFoundException", format, ap);
	va_end(ap);
	return false;
}

bool
api_fault_quota(struct api_call *call, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)fault_format(call, API_MODEL_STATUS_SERVICE_QUOTA_EXCEEDED,
	    "ServiceQuotaExceededException", format, ap);
	va_end(ap);
	return false;
}

bool
api_fault_trouble(struct api_call *call, const struct err *err)
{
	bool passing =
	    err->code == ERR_BUSY || err->code == ERR_NO_SPACE || err->code == ERR_TIMEOUT;

	log_error("request %s (%s): %s: %s", call->request_id,
	    call->op == NULL ? "none" : call->op->name, err_code_name(err->code), err->msg);
	if (passing)
		return api_fault_set(
		    call, 503, "ServiceUnavailable", "The service cannot answer now; try again.");
	return api_fault_set(call, 500, "InternalFailure",
	    "An internal failure; the log names it by the request id.");
}
