/* SPDX-License-Identifier: Apache-2.0 */
/* Writing an export: one file per message, the manifest last. */
#ifndef API_EXPORT_INT_H
#define API_EXPORT_INT_H

#include "api_job_int.h"

/* api_export_directory: where s3://bucket/prefix of this location lies, with the export's id behind it; NULL
 * when a segment of the prefix is not fit for a path (then *why_out names it). From the arena. */
const char *api_export_directory(const struct api *api, struct arena *arena, const char *location,
    const char *export_id, const char **why_out);

#endif
