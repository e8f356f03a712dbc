/* SPDX-License-Identifier: Apache-2.0 */
/* Records and filters of the archive in the API's shapes. */
#ifndef API_ROW_INT_H
#define API_ROW_INT_H

#include "pack_row.h"
#include "base_arena.h"
#include "json_value.h"

/* api_row_show: the members of Row. _envelope, _metadata: new objects in those shapes. */
void api_row_show(const struct pack_row *row, struct json *out);
struct json *api_row_envelope(const struct pack_row *row);
struct json *api_row_metadata(const struct pack_row *row);

#endif
