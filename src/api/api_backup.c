/* SPDX-License-Identifier: Apache-2.0 */
/* What a backup asks of the server: that everything accepted so far lies in packs. */
#include "api_int.h"
#include "api_model_handlers.h"

bool
api_backup_prepare(struct api_call *call)
{
	struct err err;

	if (!archive_seal(call->api->o.archive, true, &err))
		return api_fault_trouble(call, &err);
	if (call->api->o.audit != NULL && !audit_sync(call->api->o.audit, &err))
		return api_fault_trouble(call, &err);
	return true;
}
