/* SPDX-License-Identifier: Apache-2.0 */
/* Every call leaves one record in the audit log; here is where, and what it says. */
#ifndef API_AUDIT_INT_H
#define API_AUDIT_INT_H

#include "api_int.h"

/* What all requests without a good signature or link may write together; past it they are counted. */
#define API_AUDIT_STRANGERS_PER_MINUTE 60u

void api_audit_strangers_init(struct api_audit_strangers *s);
void api_audit_strangers_fini(struct api_audit_strangers *s);

/* api_audit_ready: false, with the fault set, when nothing can be recorded: then nothing is done either. */
bool api_audit_ready(struct api_call *call);
/*
 * api_audit_keep: the one record of this call, when its outcome is known.
 * in     operation  as it was asked for ("Service.Name"), for calls whose op is NULL; may be empty
 * after  false: it could not be kept; the fault is set (503)
 */
bool api_audit_keep(struct api_call *call, struct bytes operation);
/* api_audit_tick: writes the count of a minute that is over. */
void api_audit_tick(struct api *api);

#endif
