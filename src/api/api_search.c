/* SPDX-License-Identifier: Apache-2.0 */
/* Searches: jobs whose result is a list of record ids; the rows are read again when somebody asks for them.
 */
#include <string.h>

#include "api_job_int.h"
#include "api_model_handlers.h"
#include "api_row_int.h"
#include "retain.h"

#define RESULTS      "ResultIds" /* ids one after the other, ID_CHARS each */
#define ID_CHARS     (ID_RECORD_TEXT_SIZE - 1)
#define RESPONSE_MAX (64 * LIMIT_MIB)

bool
api_search_start(struct api_call *call)
{
	return api_job_start(call, CATALOG_SEARCH, "SearchId");
}

bool
api_search_get(struct api_call *call)
{
	static const char *const shown[] = {
	    "ArchiveId", "Filters", "FromTimestamp", "ToTimestamp", "MaxResults", NULL};
	struct api_resource r;

	if (!api_resource_job(call, CATALOG_SEARCH, json_get_str(call->input, "SearchId"), &r))
		return false;
	api_resource_show(call->output, r.doc, shown);
	json_set(call->output, "Status", api_job_status(&r));
	return true;
}

static void
search_item(struct api_call *call, const struct api_resource *r, struct json *item)
{
	(void)call;
	json_set_str(item, "SearchId", r->row.id);
	json_set(item, "Status", api_job_status(r));
}

bool
api_search_list(struct api_call *call)
{
	const char *archive = json_get_str(call->input, "ArchiveId");
	struct api_resource r;

	return api_resource_get(call, CATALOG_ARCHIVE, archive, &r) &&
	       api_resource_page(call, CATALOG_SEARCH, archive, "Searches", search_item);
}

bool
api_search_stop(struct api_call *call)
{
	return api_job_cancel(call, CATALOG_SEARCH, json_get_str(call->input, "SearchId"));
}

static bool
found_visit(void *ctx, const struct pack_row *row)
{
	struct buf *ids = ctx;
	char id[ID_RECORD_TEXT_SIZE];

	id_record_format(id, &row->id);
	buf_append_str(ids, id);
	return true;
}

bool
api_search_run(struct api_job *job, const struct json *doc, struct json *changes, struct err *err)
{
	uint64_t limit = (uint64_t)json_get_integer(doc, "MaxResults", API_SEARCH_ROWS_MAX);
	struct archive_search_report report = {0, 0, 0};
	struct pack_filter filter;
	struct buf ids;
	struct arena arena;
	bool ok = true;

	arena_init(&arena);
	buf_init(&ids, (size_t)API_SEARCH_ROWS_MAX * ID_CHARS);
	retain_filter_build(&arena, json_find(doc, "Filters"), &filter);
	if (limit > 0)
		ok = archive_search(job->api->o.archive, json_get_str(doc, "ArchiveId"),
		    json_ms(json_find(doc, "FromTimestamp")),
		    json_ms(json_find(doc, "ToTimestamp")), &filter, limit, &job->cancel,
		    found_visit, &ids, &report, err);
	ok = ok && buf_ok(&ids, err);
	if (ok)
		json_set_text(changes, RESULTS, buf_view(&ids));
	if (ok && report.packs_skipped > 0) {
		const char *text = arena_printf(&arena,
		    "%llu damaged packs were skipped: their messages are missing",
		    (unsigned long long)report.packs_skipped);

		json_set_str(changes, "ErrorMessage", text);
	}
	buf_fini(&ids);
	arena_fini(&arena);
	return ok;
}

/* The row is read in a transaction of its own, so that reading many records holds nobody up. */
static bool
search_load(struct api_call *call, struct api_resource *r)
{
	struct catalog *c = call->api->o.catalog;
	struct api_resource archive;
	struct err err;
	bool ok;

	if (!catalog_begin(c, &err))
		return api_fault_trouble(call, &err);
	ok = api_resource_job(call, CATALOG_SEARCH, json_get_str(call->input, "SearchId"), r) &&
	     api_resource_job(call, CATALOG_ARCHIVE, r->row.owner, &archive);
	catalog_rollback(c);
	if (!ok)
		return false;
	if (strcmp(archive.row.state, "ACTIVE") != 0)
		return api_fault_conflict(call, "Archive %s is pending deletion", archive.row.id);
	if (strcmp(r->row.state, "QUEUED") == 0 || strcmp(r->row.state, "RUNNING") == 0)
		return api_fault_conflict(call, "Search %s is still in progress", r->row.id);
	if (strcmp(r->row.state, "COMPLETED") != 0)
		return api_fault_conflict(
		    call, "Search %s has no results: its state is %s", r->row.id, r->row.state);
	return true;
}

/* A record that is gone since the search (expired, erased) has no row any more. */
static bool
row_add(struct api_call *call, struct bytes text, struct json *rows, size_t *bytes)
{
	struct arena arena;
	struct pack_row row;
	struct id_record id;
	const char *archive;
	struct err err;
	bool ok;

	if (!id_record_parse(&id, text))
		return api_fault_set(
		    call, 500, "InternalFailure", "The stored results are damaged.");
	arena_init(&arena);
	ok = archive_read(call->api->o.archive, &id, &arena, &archive, &row, NULL, &err);
	if (ok) {
		struct json *one = json_new_object();

		api_row_show(&row, one);
		json_push(rows, one);
		*bytes += arena.used_bytes;
	} else if (err.code == ERR_NOT_FOUND || err.code == ERR_CORRUPT) {
		ok = true;
	} else {
		ok = api_fault_trouble(call, &err);
	}
	arena_fini(&arena);
	return ok;
}

bool
api_search_results(struct api_call *call)
{
	struct json *rows = json_new_array();
	struct api_resource r;
	struct bytes ids;
	size_t bytes = 0;

	json_set(call->output, "Rows", rows);
	if (!search_load(call, &r))
		return false;
	ids = json_text(json_find(r.doc, RESULTS));
	for (size_t at = 0; at + ID_CHARS <= ids.len; at += ID_CHARS) {
		if (!row_add(call, bytes_slice(ids, at, ID_CHARS), rows, &bytes))
			return false;
		if (bytes > RESPONSE_MAX)
			return api_fault_validation(call,
			    "The rows of search %s are too large for one answer: search for less",
			    r.row.id);
	}
	return true;
}
