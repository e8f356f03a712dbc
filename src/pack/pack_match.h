/* SPDX-License-Identifier: Apache-2.0 */
/* A filter made ready: values folded once, rows asked many times. */
#ifndef PACK_MATCH_H
#define PACK_MATCH_H

#include "pack_row.h"

/* One thread at a time. */
struct pack_match;

/* pack_match_new: filter is copied; NULL accepts every row. */
struct pack_match *pack_match_new(const struct pack_filter *filter);
void pack_match_free(struct pack_match **m);
/* pack_match_needs: bits (1u << attribute) of what the filter asks for; pack_match_row looks at nothing else of a
 * row, so that a reader of columns may leave out the others. */
unsigned pack_match_needs(const struct pack_match *m);
bool pack_match_row(struct pack_match *m, const struct pack_row *row);

#endif
