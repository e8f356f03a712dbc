/* SPDX-License-Identifier: Apache-2.0 */
/* Counting octets; nothing in a chunk is special. */
#include "smtp_bdat.h"

#include <string.h>

#include "base_text.h"
#include "smtp_data.h"

void
smtp_bdat_init(struct smtp_bdat *b)
{
	*b = (struct smtp_bdat){0};
}

bool
smtp_bdat_parse(struct smtp_bdat *b, struct bytes argument)
{
	size_t space = bytes_find_byte(argument, 0, ' ');
	bool last = space != SIZE_MAX;
	uint64_t count;

	if (!text_u64_parse(&count, bytes_slice(argument, 0, last ? space : argument.len)))
		return false;
	if (last &&
	    !bytes_equal_nocase(bytes_slice(argument, space + 1, argument.len), BYTES_LIT("LAST")))
		return false;
	b->left_bytes = count;
	b->last = last;
	return true;
}

/* scan: every CR must be followed by LF and every LF preceded by CR, across runs too. */
static void
scan(struct smtp_bdat *b, struct bytes run)
{
	const uint8_t *p = run.ptr, *end = run.ptr + run.len;

	if ((b->flags & SMTP_FLAG_NUL) == 0 && memchr(p, 0, run.len) != NULL)
		b->flags |= SMTP_FLAG_NUL;
	while (p < end && (b->flags & (SMTP_FLAG_BARE_CR | SMTP_FLAG_BARE_LF)) !=
			      (SMTP_FLAG_BARE_CR | SMTP_FLAG_BARE_LF)) {
		const uint8_t *stop;

		if (b->after_cr) {
			b->after_cr = false;
			if (*p == '\n') {
				p++;
				continue;
			}
			b->flags |= SMTP_FLAG_BARE_CR;
		}
		stop = memchr(p, '\r', (size_t)(end - p));
		b->after_cr = stop != NULL;
		if (stop == NULL)
			stop = end;
		if ((b->flags & SMTP_FLAG_BARE_LF) == 0 &&
		    memchr(p, '\n', (size_t)(stop - p)) != NULL)
			b->flags |= SMTP_FLAG_BARE_LF;
		p = b->after_cr ? stop + 1 : end;
	}
}

struct bytes
smtp_bdat_next(struct smtp_bdat *b, struct bytes *input)
{
	size_t len = input->len < b->left_bytes ? input->len : (size_t)b->left_bytes;
	struct bytes run = bytes_slice(*input, 0, len);

	if (len > 0)
		scan(b, run);
	b->left_bytes -= len;
	*input = bytes_slice(*input, len, input->len);
	return run;
}

void
smtp_bdat_end(struct smtp_bdat *b)
{
	if (b->after_cr)
		b->flags |= SMTP_FLAG_BARE_CR;
	b->after_cr = false;
}
