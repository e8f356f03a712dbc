/* SPDX-License-Identifier: Apache-2.0 */
/* Text from strangers on a terminal: harmless, and as wide as it says. */
#ifndef CLI_WIDTH_H
#define CLI_WIDTH_H

#include "base_bytes.h"

/* cli_width: columns of a terminal: 0 for combining marks, 2 for East Asian wide characters and emoji, else 1. */
size_t cli_width(struct bytes text);
/*
 * cli_width_append_safe: text with control characters (C0, C1, DEL), bidirectional overrides, zero-width characters and
 * bad bytes become U+FFFD; keep_lines lets newline and tab through. At most width_max columns, the last one then an
 * ellipsis; SIZE_MAX = all of it.
 */
void cli_width_append_safe(struct buf *out, struct bytes text, size_t width_max, bool keep_lines);

#endif
