/* SPDX-License-Identifier: Apache-2.0 */
/* A byte walk over the header only; line ends are LF, whatever stands before it. */
#include "smtp_trace.h"

#include <string.h>

static const char field[] = "received:";

void
smtp_trace_init(struct smtp_trace *t)
{
	*t = (struct smtp_trace){0};
}

static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/* line_end: an empty line (a CR alone counts as empty) ends the header. */
static void
line_end(struct smtp_trace *t, bool only_cr)
{
	if (t->column == 0 || only_cr)
		t->in_body = true;
	t->column = 0;
	t->matched = 0;
}

void
smtp_trace_feed(struct smtp_trace *t, struct bytes run)
{
	const uint8_t *p = run.ptr, *end = run.ptr + run.len;

	while (p < end && !t->in_body) {
		if (t->matched < t->column || t->column >= sizeof field - 1) {
			/* Not (or no longer) of interest: the line's end is all that matters. */
			const uint8_t *lf = memchr(p, '\n', (size_t)(end - p));

			if (lf == NULL) {
				t->column += (size_t)(end - p);
				return;
			}
			line_end(t, t->column == 1 && t->matched == 0 && lf == p && t->only_cr);
			p = lf + 1;
			continue;
		}
		if (*p == '\n') {
			line_end(t, false);
			p++;
			continue;
		}
		t->only_cr = t->column == 0 && *p == '\r';
		if (lower(*p) == (uint8_t)field[t->column])
			t->matched++;
		t->column++;
		if (t->matched == sizeof field - 1 && t->column == sizeof field - 1)
			t->received_count++;
		p++;
	}
}
