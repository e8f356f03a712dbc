/* SPDX-License-Identifier: Apache-2.0 */
/* What decides whether a record has expired: the archive as it is now, and the trusted time. */
#ifndef RETAIN_PLAN_INT_H
#define RETAIN_PLAN_INT_H

#include "retain_int.h"

#define RETAIN_PLAN_PART 0x10000000u /* parts of a disposition from here on: ids of the plan */

struct retain_terms {
	struct retain_time time;
	char archive_id[ARCHIVE_ID_SIZE], archive_name[65];
	enum pack_retention period;
	bool pending;  /* PENDING_DELETION */
	bool deletion; /* and its 30 days are over: everything has expired */
};

/* retain_terms_load: inside a transaction. ERR_NOT_FOUND. */
MUST_USE bool retain_terms_load(struct retain *r, const char *archive_id,
    const struct retain_time *time, struct retain_terms *out, struct err *err);
bool retain_terms_over(const struct retain_terms *t, const struct pack_row *row);

#endif
