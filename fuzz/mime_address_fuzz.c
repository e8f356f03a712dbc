/* SPDX-License-Identifier: Apache-2.0 */
/* Encoded words and address lists: bounded, UTF-8, and an address read once reads the same again. */
#include <stddef.h>
#include <stdint.h>

#include "base_text.h"
#include "mime_check.h"
#include "mime_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_again(struct bytes address)
{
	struct mime_address *list = NULL;
	struct arena arena;
	struct buf text;
	size_t n;

	/* Quotes and parentheses that never close, and commas within a route, mean something else
	 * between brackets. */
	for (size_t i = 0; i < address.len; i++)
		if (address.ptr[i] <= ' ' ||
		    bytes_find_byte(BYTES_LIT("\"\\()<>,;:[]"), 0, address.ptr[i]) != SIZE_MAX)
			return;
	buf_init(&text, address.len + 2);
	buf_append_byte(&text, '<');
	buf_append(&text, address);
	buf_append_byte(&text, '>');
	arena_init(&arena);
	n = mime_address_parse(&arena, buf_view(&text), &list, NULL);
	must(n == 1 && bytes_equal(list[0].address, address) && list[0].display.len == 0);
	arena_fini(&arena);
	buf_fini(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mime_address *list = NULL;
	struct arena arena;
	size_t n;

	mime_check_addresses(bytes_of(data, size));
	arena_init(&arena);
	must(text_utf8_valid(mime_field_decode(&arena, bytes_of(data, size))));
	n = mime_address_parse(&arena, bytes_of(data, size), &list, NULL);
	for (size_t i = 0; i < n; i++)
		if (list[i].address.len > 0)
			check_again(list[i].address);
	arena_fini(&arena);
	return 0;
}
