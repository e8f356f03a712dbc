/* SPDX-License-Identifier: Apache-2.0 */
/* Exports: jobs that write messages into a directory. */
#include <string.h>

#include "api_export_int.h"
#include "api_model_handlers.h"

#define SCHEME "s3://"

static bool
segment_fit(struct bytes segment)
{
	return segment.len > 0 && segment.len <= 255 && !bytes_equal(segment, BYTES_LIT(".")) &&
	       !bytes_equal(segment, BYTES_LIT(".."));
}

static const char *
bucket_directory(const struct api *api, struct arena *arena, struct bytes bucket)
{
	for (size_t i = 0; i < api->names.bucket_count; i++)
		if (bytes_equal(bucket, bytes_of_str(api->names.buckets[i].name)))
			return api->names.buckets[i].dir;
	return arena_printf(arena, "%s/%s", api->names.export_dir, arena_text(arena, bucket));
}

const char *
api_export_directory(const struct api *api, struct arena *arena, const char *location,
    const char *export_id, const char **why_out)
{
	struct bytes rest = bytes_slice(bytes_of_str(location), strlen(SCHEME), SIZE_MAX), bucket;
	size_t slash = bytes_find_byte(rest, 0, '/');
	const char *dir;

	bucket = bytes_slice(rest, 0, slash);
	*why_out = "the bucket must not start with a dot";
	if (bucket.len == 0 || bucket.ptr[0] == '.')
		return NULL;
	dir = bucket_directory(api, arena, bucket);
	rest = slash == SIZE_MAX ? BYTES_EMPTY : bytes_slice(rest, slash + 1, SIZE_MAX);
	*why_out = "no part of the prefix may be empty, . or .. or longer than 255";
	while (rest.len > 0) {
		struct bytes segment = bytes_slice(rest, 0, bytes_find_byte(rest, 0, '/'));

		if (!segment_fit(segment))
			return NULL;
		dir = arena_printf(arena, "%s/%s", dir, arena_text(arena, segment));
		rest = bytes_slice(rest, segment.len + 1, SIZE_MAX);
	}
	*why_out = "the location is too long";
	return strlen(dir) > 3000 ? NULL : arena_printf(arena, "%s/%s", dir, export_id);
}

static bool
location_check(struct api_call *call)
{
	const struct json *s3 =
	    json_find(json_find(call->input, "ExportDestinationConfiguration"), "S3");
	const char *location = json_get_str(s3, "S3Location"), *why;

	if (location == NULL)
		return api_fault_validation(
		    call, "ExportDestinationConfiguration.S3.S3Location must be given");
	if (api_export_directory(call->api, &call->arena, location, "e", &why) == NULL)
		return api_fault_validation(
		    call, "ExportDestinationConfiguration.S3.S3Location: %s", why);
	return true;
}

bool
api_export_start(struct api_call *call)
{
	if (json_get_integer(call->input, "MaxResults", 0) < 0)
		return api_fault_validation(call, "MaxResults must not be negative");
	return location_check(call) && api_job_start(call, CATALOG_EXPORT, "ExportId");
}

bool
api_export_get(struct api_call *call)
{
	static const char *const shown[] = {"ArchiveId", "Filters", "FromTimestamp", "ToTimestamp",
	    "MaxResults", "ExportDestinationConfiguration", NULL};
	struct api_resource r;

	if (!api_resource_job(call, CATALOG_EXPORT, json_get_str(call->input, "ExportId"), &r))
		return false;
	api_resource_show(call->output, r.doc, shown);
	json_set(call->output, "Status", api_job_status(&r));
	return true;
}

static void
export_item(struct api_call *call, const struct api_resource *r, struct json *item)
{
	(void)call;
	json_set_str(item, "ExportId", r->row.id);
	json_set(item, "Status", api_job_status(r));
}

bool
api_export_list(struct api_call *call)
{
	const char *archive = json_get_str(call->input, "ArchiveId");
	struct api_resource r;

	return api_resource_get(call, CATALOG_ARCHIVE, archive, &r) &&
	       api_resource_page(call, CATALOG_EXPORT, archive, "Exports", export_item);
}

bool
api_export_stop(struct api_call *call)
{
	return api_job_cancel(call, CATALOG_EXPORT, json_get_str(call->input, "ExportId"));
}
