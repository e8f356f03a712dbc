/* SPDX-License-Identifier: Apache-2.0 */
/* Needle, line feed, text: looking for one in the other equals folding both and searching. */
#include <stddef.h>
#include <stdint.h>

#include "base_text.h"
#include "mime_fold.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes all = bytes_of(data, size), text;
	size_t lf = bytes_find_byte(all, 0, '\n');
	struct buf needle, folded, again;

	if (lf == SIZE_MAX)
		return 0;
	text = bytes_slice(all, lf + 1, SIZE_MAX);
	buf_init(&needle, 3 * size + 1);
	buf_init(&folded, 3 * size + 1);
	buf_init(&again, 9 * size + 1);
	mime_fold(bytes_slice(all, 0, lf), &needle);
	mime_fold(text, &folded);
	must(!needle.failed && !folded.failed && text_utf8_valid(buf_view(&folded)));
	mime_fold(buf_view(&folded), &again);
	must(bytes_equal(buf_view(&again), buf_view(&folded)));
	must(mime_fold_contains(text, buf_view(&needle)) ==
	     (bytes_find(buf_view(&folded), 0, buf_view(&needle)) != SIZE_MAX));
	must(mime_fold_equal(text, buf_view(&needle)) ==
	     bytes_equal(buf_view(&folded), buf_view(&needle)));
	must(mime_fold_equal(text, buf_view(&folded)));
	buf_fini(&again);
	buf_fini(&folded);
	buf_fini(&needle);
	return 0;
}
