/* SPDX-License-Identifier: Apache-2.0 */
/* Paths from a stranger: views stay inside the text, and an address read once reads the same again. */
#include <stddef.h>
#include <stdint.h>

#include "base_limits.h"
#include "smtp_path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
inside(struct bytes view, struct bytes text)
{
	return view.len == 0 ||
	       (view.ptr >= text.ptr && view.ptr + view.len <= text.ptr + text.len);
}

static void
check(struct bytes text, enum smtp_path_kind kind)
{
	struct smtp_path path, again;
	struct buf copy;
	size_t used, used_again;

	if (smtp_path_parse(text, kind, &path, &used) != SMTP_PATH_OK)
		return;
	must(used >= 2 && used <= text.len && used <= SMTP_PATH_BYTES_MAX &&
	     text.ptr[used - 1] == '>');
	must(inside(path.address, text) && inside(path.local, text) && inside(path.domain, text));
	must(path.domain.len == 0 || path.address.len == path.local.len + 1 + path.domain.len);
	must(path.has_8bit || path.utf8_valid);
	buf_init(&copy, SMTP_PATH_BYTES_MAX + 2);
	buf_append_byte(&copy, '<');
	buf_append(&copy, path.address);
	buf_append_byte(&copy, '>');
	must(smtp_path_parse(buf_view(&copy), kind, &again, &used_again) == SMTP_PATH_OK);
	must(used_again == copy.len && bytes_equal(again.address, path.address));
	must(bytes_equal(again.local, path.local) && bytes_equal(again.domain, path.domain));
	buf_fini(&copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check(bytes_of(data, size), SMTP_PATH_REVERSE);
	check(bytes_of(data, size), SMTP_PATH_FORWARD);
	(void)smtp_path_is_domain(bytes_of(data, size));
	return 0;
}
