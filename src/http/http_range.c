/* SPDX-License-Identifier: Apache-2.0 */
/* One byte range of a known size. RFC 9110 §14.1.2, §14.2. */
#include "http_range.h"

#include "base_text.h"

enum http_range_outcome
http_range_parse(struct bytes value, uint64_t size, uint64_t *from_out, uint64_t *len_out)
{
	struct bytes spec, first, last;
	uint64_t from = 0, to = 0;
	size_t dash;

	if (!bytes_starts_with_nocase(value, BYTES_LIT("bytes=")))
		return HTTP_RANGE_WHOLE;
	spec = bytes_trim(bytes_slice(value, 6, SIZE_MAX));
	dash = bytes_find_byte(spec, 0, '-');
	/* A comma or other junk is caught by the numbers: they take digits only. */
	if (dash == SIZE_MAX)
		return HTTP_RANGE_NONE;
	first = bytes_slice(spec, 0, dash);
	last = bytes_slice(spec, dash + 1, SIZE_MAX);
	if (first.len > 0 && !text_u64_parse(&from, first))
		return HTTP_RANGE_NONE;
	if (last.len > 0 && !text_u64_parse(&to, last))
		return HTTP_RANGE_NONE;
	if (first.len == 0) { /* the last so many bytes */
		if (last.len == 0 || to == 0 || size == 0)
			return HTTP_RANGE_NONE;
		from = to < size ? size - to : 0;
		to = size - 1;
	} else if (last.len == 0 || to >= size) {
		if (last.len > 0 && to < from)
			return HTTP_RANGE_NONE;
		to = size - 1; /* size 0: from >= size refuses below */
	}
	if (from >= size || to < from)
		return HTTP_RANGE_NONE;
	*from_out = from;
	*len_out = to - from + 1;
	return HTTP_RANGE_PART;
}
