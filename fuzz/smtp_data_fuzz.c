/* SPDX-License-Identifier: Apache-2.0 */
/* The DATA scanner in one piece and in pieces of any size: same bytes, same flags, same end. */
#include <stddef.h>
#include <stdint.h>

#include "smtp_data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* scan: returns how much of wire was taken. */
static size_t
scan(struct smtp_data *d, struct bytes wire, size_t step, struct buf *kept)
{
	size_t at = 0;

	smtp_data_init(d);
	while (at < wire.len && d->state != SMTP_DATA_END) {
		struct bytes piece = bytes_slice(wire, at, step), input = piece;

		while (input.len > 0 && d->state != SMTP_DATA_END) {
			size_t before = input.len;
			struct bytes run = smtp_data_next(d, &input);

			must(input.len < before || run.len > 0);
			buf_append(kept, run);
		}
		at += piece.len - input.len;
	}
	return at;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smtp_data whole, pieces;
	struct buf whole_kept, pieces_kept;
	struct bytes wire;
	size_t taken;

	if (size < 1)
		return 0;
	wire = bytes_of(data + 1, size - 1);
	buf_init(&whole_kept, size);
	buf_init(&pieces_kept, size);
	taken = scan(&whole, wire, SIZE_MAX, &whole_kept);
	must(scan(&pieces, wire, 1 + data[0] % 16u, &pieces_kept) == taken);
	must(whole.state == pieces.state && whole.flags == pieces.flags);
	must(bytes_equal(buf_view(&whole_kept), buf_view(&pieces_kept)));
	must(!whole_kept.failed && whole_kept.len <= taken);
	/* The end is where CRLF.CRLF is, and nowhere before. */
	if (whole.state == SMTP_DATA_END) {
		must(bytes_ends_with(bytes_slice(wire, 0, taken),
		    taken == 3 ? BYTES_LIT(".\r\n") : BYTES_LIT("\r\n.\r\n")));
		must(taken == 3 || bytes_find(wire, 0, BYTES_LIT("\r\n.\r\n")) == taken - 5);
	} else {
		must(bytes_find(wire, 0, BYTES_LIT("\r\n.\r\n")) == SIZE_MAX);
	}
	buf_fini(&whole_kept);
	buf_fini(&pieces_kept);
	return 0;
}
