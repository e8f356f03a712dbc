/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Made-up business mail, the same for the same seed: text with an HTML alternative, quoted replies, attachments that
 * are sent again, logos inline, one copy for each recipient. About 42 KB a message, two thirds of it base64.
 */
#ifndef MIX_H
#define MIX_H

#include "base_bytes.h"

struct mix;
struct mix *mix_new(uint64_t seed);
void mix_free(struct mix **m);
/* mix_next: the next message; the view is good until the next call. */
struct bytes mix_next(struct mix *m);

struct mix_counts {
	uint64_t messages, bytes, base64_bytes, copies, attachments, resent, logos;
};
void mix_counts_get(const struct mix *m, struct mix_counts *out);

#endif
