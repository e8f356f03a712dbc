/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines are walked by memchr for CR; LF and NUL are looked for only until each was seen once. A CR is handed out at
 * once, because it belongs to the message whatever follows; only a dot at a line start has to wait for its successor.
 */
#include "smtp_data.h"

#include <string.h>

static const uint8_t cr = '\r';

void
smtp_data_init(struct smtp_data *d)
{
	*d = (struct smtp_data){SMTP_DATA_START, 0};
}

/* text_run: from p to the next CR, which is included; state becomes CR, or stays TEXT at the end of input. */
static const uint8_t *
text_run(struct smtp_data *d, const uint8_t *p, const uint8_t *end)
{
	const uint8_t *stop = memchr(p, '\r', (size_t)(end - p));

	if (stop == NULL)
		stop = end;
	if ((d->flags & SMTP_FLAG_BARE_LF) == 0 && memchr(p, '\n', (size_t)(stop - p)) != NULL)
		d->flags |= SMTP_FLAG_BARE_LF;
	if (stop == end)
		return end;
	d->state = SMTP_DATA_CR;
	return stop + 1;
}

/* walk: message bytes from p; stops at the end of input or before a dot at a line start. p < end. */
static const uint8_t *
walk(struct smtp_data *d, const uint8_t *p, const uint8_t *end)
{
	while (p < end) {
		if (d->state == SMTP_DATA_CR) {
			if (*p == '\n') {
				d->state = SMTP_DATA_START;
				p++;
				continue;
			}
			d->flags |= SMTP_FLAG_BARE_CR;
			d->state = SMTP_DATA_TEXT;
		} else if (d->state == SMTP_DATA_START) {
			if (*p == '.')
				break;
			d->state = SMTP_DATA_TEXT;
		}
		p = text_run(d, p, end);
	}
	return p;
}

struct bytes
smtp_data_next(struct smtp_data *d, struct bytes *input)
{
	const uint8_t *p = input->ptr, *end, *start;
	struct bytes run = BYTES_EMPTY;

	if (input->len == 0 || d->state == SMTP_DATA_END)
		return run;
	end = p + input->len;
	if (d->state == SMTP_DATA_START && *p == '.') {
		d->state = SMTP_DATA_DOT;
		p++;
	}
	if (d->state == SMTP_DATA_DOT && p < end) {
		d->state = *p == '\r' ? SMTP_DATA_DOT_CR : SMTP_DATA_TEXT;
		p += *p == '\r';
	}
	if (d->state == SMTP_DATA_DOT_CR && p < end) {
		if (*p == '\n') {
			d->state = SMTP_DATA_END;
			p++;
		} else {
			/* The dot was stuffing after all: the CR behind it is the message's, and stands alone. */
			d->state = SMTP_DATA_CR;
			run = bytes_of(&cr, 1);
		}
		*input = bytes_of(p, (size_t)(end - p));
		return run;
	}
	start = p;
	if (p < end)
		p = walk(d, p, end);
	run = bytes_of(start, (size_t)(p - start));
	if (run.len > 0 && (d->flags & SMTP_FLAG_NUL) == 0 && memchr(start, 0, run.len) != NULL)
		d->flags |= SMTP_FLAG_NUL;
	*input = bytes_of(p, (size_t)(end - p));
	return run;
}
