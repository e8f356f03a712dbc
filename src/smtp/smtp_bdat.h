/* SPDX-License-Identifier: Apache-2.0 */
/* BDAT: the chunk size argument, the octet count, and the same flags as DATA; pure. */
#ifndef SMTP_BDAT_H
#define SMTP_BDAT_H

#include <stdbool.h>
#include <stdint.h>

#include "base_bytes.h"

struct smtp_bdat {
	uint64_t left_bytes; /* of the current chunk                   */
	bool last;           /* the current chunk carries LAST         */
	bool after_cr;       /* the message's last byte so far was CR  */
	unsigned flags;      /* SMTP_FLAG_* over all chunks so far     */
};

/* smtp_bdat_init: before the first chunk of a message. */
void smtp_bdat_init(struct smtp_bdat *b);
/* smtp_bdat_parse: "n" or "n LAST" into left_bytes and last; false: nothing changed. RFC 3030 §2. */
MUST_USE bool smtp_bdat_parse(struct smtp_bdat *b, struct bytes argument);
/* smtp_bdat_next: the part of input that belongs to the chunk, counted and scanned; input is moved past it. */
struct bytes smtp_bdat_next(struct smtp_bdat *b, struct bytes *input);
/* smtp_bdat_end: the message ends here; a CR at its very end is a bare one. */
void smtp_bdat_end(struct smtp_bdat *b);

#endif
