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
/* archive_match_needs: bits (1u << attribute) of what the filter asks for; archive_match_row looks at nothing else of a
 * row, so that a reader of columns may leave out the others. */
unsigned archive_match_needs(const struct archive_match *m);
bool archive_match_row(struct archive_match *m, const struct archive_row *row);

#endif
