/* SPDX-License-Identifier: Apache-2.0 */
/* Case folding for search: both sides of a comparison are folded the same way; accents count. */
#ifndef MIME_FOLD_H
#define MIME_FOLD_H

#include <stdbool.h>

#include "base_bytes.h"

/*
 * mime_fold: appends the full default case folding of text (Unicode §3.13 toCasefold; "ß" becomes
 * "ss"). A byte that is no UTF-8 becomes U+FFFD. At most out's max (then out->failed).
 */
void mime_fold(struct bytes text, struct buf *out);

/* mime_fold_contains: does the folding of text hold folded_needle, a result of mime_fold? The empty
 * needle: yes. cost  ASCII text takes no memory */
bool mime_fold_contains(struct bytes text, struct bytes folded_needle);
/* mime_fold_equal: is the folding of text exactly folded? */
bool mime_fold_equal(struct bytes text, struct bytes folded);

#endif
