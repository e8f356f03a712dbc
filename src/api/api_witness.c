/* SPDX-License-Identifier: Apache-2.0 */
/* Who saw which checkpoint of the proof logs, and what went wrong. */
#include "api_int.h"
#include "api_model_handlers.h"
#include "api_witness_int.h"

static const char *const kinds[] = {[WITNESS_COSIGN] = "cosign",
    [WITNESS_FILE] = "file",
    [WITNESS_POST] = "post",
    [WITNESS_MAIL] = "mail"};

static void
state_add(void *ctx, const struct witness_state *s)
{
	uint64_t behind = s->log_leaves > s->leaves ? s->log_leaves - s->leaves : 0;
	struct json *out = json_new_object();

	json_push(ctx, out);
	json_set_str(out, "Name", s->config->name);
	json_set_str(out, "Kind", kinds[s->config->kind]);
	json_set_str(out, "Target", s->config->target);
	json_set_str(out, "ArchiveId", s->archive_id);
	json_set_integer(out, "Leaves", (int64_t)s->leaves);
	json_set_integer(out, "BehindLeaves", (int64_t)behind);
	json_set_bool(out, "SignedHead", s->signed_head);
	json_set_bool(out, "Refused", s->refused);
	if (s->seen_ms != 0)
		json_set_seconds(out, "SeenTimestamp", s->seen_ms);
	/* What does not fit is nonsense that somebody signed. */
	if (s->signed_s != 0 && s->signed_s < UINT64_C(1) << 40)
		json_set_seconds(out, "SignedTimestamp", (int64_t)s->signed_s * 1000);
	if (s->error[0] != '\0') {
		json_set_str(out, "LastError", s->error);
		if (s->error_ms != 0)
			json_set_seconds(out, "LastErrorTimestamp", s->error_ms);
	}
}

struct json *
api_witness_states(struct api *api, const char *archive_id)
{
	struct json *list = json_new_array();

	if (api->o.witnesses != NULL)
		witness_each(api->o.witnesses, archive_id, state_add, list);
	return list;
}

bool
api_witness_list(struct api_call *call)
{
	const char *archive_id = json_get_str(call->input, "ArchiveId");
	struct archive_stats stats;
	struct err err;

	if (archive_id != NULL &&
	    !archive_stats_get(call->api->o.archive, archive_id, &stats, &err))
		return api_fault_not_found(call, "%s", err.msg);
	json_set(call->output, "Witnesses", api_witness_states(call->api, archive_id));
	return true;
}
