/* SPDX-License-Identifier: Apache-2.0 */
/* A filter made ready: values folded once, rows asked many times. */
#ifndef ARCHIVE_MATCH_INT_H
#define ARCHIVE_MATCH_INT_H

#include "archive_row.h"

/* One thread at a time. */
struct archive_match;

/* archive_match_new: filter is copied; NULL accepts every row. */
struct archive_match *archive_match_new(const struct archive_filter *filter);
void archive_match_free(struct archive_match **m);
bool archive_match_row(struct archive_match *m, const struct archive_row *row);

#endif
