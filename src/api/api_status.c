/* SPDX-License-Identifier: Apache-2.0 */
/* How the installation is doing. */
#include <string.h>

#include "api_int.h"
#include "api_model_handlers.h"
#include "api_retain_int.h"
#include "api_witness_int.h"

static bool
archive_status(struct api_call *call, struct api_resource *r, void *ctx)
{
	struct json *list = ctx, *out = json_new_object();
	struct archive_stats stats;
	struct err err;

	if (!archive_stats_get(call->api->o.archive, r->row.id, &stats, &err)) {
		json_free(&out);
		/* Its bytes are destroyed, its row goes in a moment. */
		return (err.code == ERR_NOT_FOUND &&
			   strcmp(r->row.state, "PENDING_DELETION") == 0) ||
		       api_fault_trouble(call, &err);
	}
	json_push(list, out);
	json_set_str(out, "ArchiveId", r->row.id);
	json_set_str(out, "ArchiveName", json_get_str(r->doc, "ArchiveName"));
	json_set_str(out, "State", r->row.state);
	json_set_integer(out, "Messages", (int64_t)stats.messages);
	json_set_integer(out, "MessageBytes", (int64_t)stats.message_bytes);
	json_set_integer(out, "StoredBytes", (int64_t)stats.stored_bytes);
	json_set_integer(out, "UnsealedMessages", (int64_t)stats.unsealed_messages);
	json_set_integer(out, "CorruptPacks", (int64_t)stats.corrupt_packs);
	if (stats.oldest_ms != 0)
		json_set_seconds(out, "OldestTimestamp", stats.oldest_ms);
	if (stats.newest_ms != 0)
		json_set_seconds(out, "NewestTimestamp", stats.newest_ms);
	return true;
}

static bool
endpoint_status(struct api_call *call, struct api_resource *r, void *ctx)
{
	struct json *list = ctx, *out = json_new_object();

	(void)call;
	json_push(list, out);
	json_set_str(out, "IngressPointId", r->row.id);
	json_set_str(out, "Name", r->row.name);
	json_set_str(out, "Status", r->row.state);
	json_set_str(out, "Listening", json_get_str(r->doc, "Listening"));
	json_set_str(out, "Reason", json_get_str(r->doc, "Reason"));
	return true;
}

bool
api_status_get(struct api_call *call)
{
	struct api *api = call->api;
	struct json *archives = json_new_array(), *endpoints = json_new_array(),
		    *out = call->output;
	int64_t oldest = archive_oldest_unsealed_ms(api->o.archive);

	struct json *clock = api_retain_clock(call);
	struct err err;
	bool ok;

	if (clock == NULL)
		return false;
	json_set(out, "Clock", clock);
	json_set_str(out, "Version", api->names.version);
	json_set_integer(
	    out, "UptimeSeconds", (clock_mono_ms(&api->o.clock) - api->started_mono_ms) / 1000);
	json_set(out, "Archives", archives);
	json_set(out, "Endpoints", endpoints);
	json_set(out, "Witnesses", api_witness_states(api, NULL));
	if (oldest != 0)
		json_set_seconds(out, "OldestUnsealedTimestamp", oldest);
	json_set_bool(out, "VolumeFailed", archive_failed(api->o.archive));
	json_set_bool(out, "SpaceLow", archive_space_low(api->o.archive));
	if (!catalog_begin(api->o.catalog, &err))
		return api_fault_trouble(call, &err);
	ok = api_resource_each(call, CATALOG_ARCHIVE, archive_status, archives) &&
	     api_resource_each(call, CATALOG_INGRESS_POINT, endpoint_status, endpoints);
	catalog_rollback(api->o.catalog);
	return ok;
}
