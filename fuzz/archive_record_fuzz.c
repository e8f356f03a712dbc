/* SPDX-License-Identifier: Apache-2.0 */
/* Headers, frames and receptions from a disk that lies: nothing is read past its end, what decodes encodes back. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "pack_columns.h"
#include "archive_record_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
header(struct bytes data)
{
	struct archive_log_header h, again;
	struct buf out;
	struct err err;

	if (!archive_record_header_decode(data, &h, &err))
		return;
	buf_init(&out, ARCHIVE_LOG_START);
	archive_record_header_encode(&h, &out);
	must(archive_record_header_decode(buf_view(&out), &again, &err));
	must(again.sequence == h.sequence && again.state == h.state);
	must(bytes_equal(again.wrapped_key, h.wrapped_key));
	buf_fini(&out);
}

static void
frame(struct bytes data)
{
	static const uint8_t SALT[ARCHIVE_LOG_SALT_BYTES];
	uint8_t out[ARCHIVE_FRAME_BYTES];
	struct archive_frame f;

	if (!archive_record_frame_decode(data, SALT, &f))
		return;
	archive_record_frame_encode(&f, SALT, out);
	must(bytes_equal(bytes_of(out, sizeof out), bytes_slice(data, 0, sizeof out)));
}

static void
record(struct bytes data)
{
	struct archive_record r;
	struct pack_row row;
	struct arena arena;
	struct err err;

	arena_init(&arena);
	if (archive_record_decode(data, &arena, &r, &err)) {
		size_t total = r.body.len;

		for (size_t i = 0; i < r.delivery_count; i++) {
			struct reader reader;

			total += r.deliveries[i].archive_id.len + r.deliveries[i].row.len +
				 r.deliveries[i].added_headers.len + 10;
			reader_init(&reader, r.deliveries[i].row);
			if (!pack_row_decode(&reader, &arena, &row, &err))
				must(err.code != ERR_NONE);
		}
		must(total + 3 == data.len);
	}
	arena_fini(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes all = bytes_of(data, size);

	header(all);
	frame(all);
	record(all);
	return 0;
}
