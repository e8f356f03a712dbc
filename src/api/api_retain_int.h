/* SPDX-License-Identifier: Apache-2.0 */
/* Between the operations and the room that retains: faults, counts, and the thread that does the work. */
#ifndef API_RETAIN_INT_H
#define API_RETAIN_INT_H

#include "api_resource_int.h"
#include "retain.h"

/* api_retain_open: with a thread of its own, if the api has any. api_retain_wake: there may be something to do. */
MUST_USE bool api_retain_open(struct api *api, struct err *err);
void api_retain_close(struct api *api);
void api_retain_wake(struct api *api);

/* api_retain_fault: what the room refuses, as an exception. Returns false. */
bool api_retain_fault(struct api_call *call, const struct err *err);
/* api_retain_show: Messages, Bytes and, when there are any, OldestTimestamp and NewestTimestamp. */
void api_retain_show(struct json *out, const struct retain_count *count);
/* api_retain_clock: ClockStatus; a new object, or NULL with the call's fault. No transaction may be open. */
struct json *api_retain_clock(struct api_call *call);

#endif
