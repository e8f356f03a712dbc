/* SPDX-License-Identifier: Apache-2.0 */
/* What holds for every message, whatever its bytes: used by the fuzz targets and the corpus test. */
#ifndef MIME_CHECK_H
#define MIME_CHECK_H

#include "base_arena.h"
#include "base_bytes.h"
#include "mime_message.h"

/* Each aborts by must() when something does not hold. */
void mime_check_fields(struct bytes message);
void mime_check_addresses(struct bytes raw);
/* mime_check_message: scans into arena, checks tree, contents and texts; gives the structure back. */
void mime_check_message(struct arena *arena, struct bytes message, struct mime_message *out);

#endif
