/* SPDX-License-Identifier: Apache-2.0 */
/* One operation: validated, once per token, inside a transaction; and what follows when it is durable. */
#ifndef API_DISPATCH_INT_H
#define API_DISPATCH_INT_H

#include "api_int.h"

/* api_dispatch: call->op and call->input are set. On true call->output is the answer; on false the fault is
 * set. */
bool api_dispatch(struct api_call *call);
/* api_dispatch_effects: hooks and jobs that a successful call asked for. */
void api_dispatch_effects(struct api_call *call);

#endif
