/* SPDX-License-Identifier: Apache-2.0 */
/* A charset's name on the first line, text in it behind: UTF-8 comes out, within bounds. */
#include <stddef.h>
#include <stdint.h>

#include "base_text.h"
#include "mime_message.h"

#define GROWTH_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes all = bytes_of(data, size), name, text;
	size_t lf = bytes_find_byte(all, 0, '\n');
	struct buf out, small;
	bool known;

	if (lf == SIZE_MAX)
		return 0;
	name = bytes_slice(all, 0, lf);
	text = bytes_slice(all, lf + 1, SIZE_MAX);
	buf_init(&out, text.len * GROWTH_MAX + 64);
	buf_init(&small, 5);
	known = mime_charset_to_utf8(name, text, &out);
	must(known || out.len == 0);
	must(!out.failed && text_utf8_valid(buf_view(&out)));
	must(mime_charset_to_utf8(name, text, &small) == known);
	must(bytes_starts_with(buf_view(&out), buf_view(&small)));
	must(small.failed == (out.len > 5));
	buf_fini(&small);
	buf_fini(&out);
	return 0;
}
