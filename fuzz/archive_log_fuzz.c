/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log files made from a script, so that checksums fit where the script wants it: frames of every kind, gaps, cuts, bits
 * changed. The scan stays inside, reports places in order without overlap, and finds every whole record before an END.
 *
 * Script: pairs of bytes (what, how much). Frames carry the right checksums; what comes between need not.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "archive_log_int.h"
#include "crypt_digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FILE_BYTES_MAX (256 * 1024)

static const uint8_t SALT[ARCHIVE_LOG_SALT_BYTES] = {0xd4, 0x1b, 0x90, 0x33, 5, 6, 7, 8};

struct made {
	struct buf file;
	uint64_t counter;
	size_t records; /* whole ones */
	bool changed;   /* something was damaged after the fact */
};

static void
frame_add(struct made *m, enum archive_frame_kind kind, uint8_t len, uint64_t step)
{
	struct archive_frame f = {.kind = kind, .length = len};
	uint8_t head[ARCHIVE_FRAME_BYTES], payload[256];

	memset(payload, len, sizeof payload);
	m->counter += step;
	f.counter = m->counter == 0 ? 1 : m->counter;
	f.payload_crc = crypt_crc32c(0, bytes_of(payload, len));
	archive_record_frame_encode(&f, SALT, head);
	buf_append_mem(&m->file, head, sizeof head);
	buf_append_mem(&m->file, payload, len);
}

static void
step_do(struct made *m, uint8_t what, uint8_t how)
{
	switch (what % 8) {
	case 0:
	case 1:
		frame_add(m, ARCHIVE_FRAME_RECORD, how, 1);
		m->records++;
		break;
	case 2:
		frame_add(m, ARCHIVE_FRAME_END, 0, 1);
		break;
	case 3:
		frame_add(m, ARCHIVE_FRAME_VOID, how, 1);
		break;
	case 4: /* a frame of a time long ago, or the same again */
		frame_add(m, ARCHIVE_FRAME_RECORD, how, (uint64_t)0 - (uint64_t)(how % 4));
		m->changed = true;
		break;
	case 5: /* the file's mark, and no frame */
		buf_append_mem(&m->file, SALT, 4);
		buf_append_mem(&m->file, &how, 1);
		m->changed = true;
		break;
	case 6: /* a bit of what is there */
		if (m->file.len > ARCHIVE_LOG_START)
			m->file.ptr[ARCHIVE_LOG_START +
				    (size_t)how * 7 % (m->file.len - ARCHIVE_LOG_START)] ^= 4;
		m->changed = true;
		break;
	default: /* the end is cut off */
		if (m->file.len > ARCHIVE_LOG_START + how)
			m->file.len -= how;
		m->changed = true;
		break;
	}
}

struct seen {
	uint64_t end, counter;
	size_t whole, size;
};

static bool
visit(void *ctx, const struct archive_log_item *item)
{
	struct seen *s = ctx;

	must(item->offset >= s->end && item->length > 0);
	must(item->offset + item->length <= s->size);
	s->end = item->offset + item->length;
	if (!item->damaged) {
		must(item->counter > s->counter && !item->torn);
		s->counter = item->counter;
		s->whole++;
	}
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct made m = {.counter = 0};
	uint8_t *page = NULL;

	buf_init(&m.file, FILE_BYTES_MAX);
	page = buf_reserve(&m.file, ARCHIVE_LOG_START);
	memset(page, 0, ARCHIVE_LOG_START);
	buf_grow(&m.file, ARCHIVE_LOG_START);
	for (size_t i = 0; i + 1 < size && i < 600 && !m.file.failed; i += 2)
		step_do(&m, data[i], data[i + 1]);
	for (int last = 0; last < 2; last++) {
		struct seen s = {.end = ARCHIVE_LOG_START, .size = m.file.len};
		struct archive_log_extent extent;

		must(archive_log_scan(buf_view(&m.file), SALT, last != 0, visit, &s, &extent));
		must(extent.end >= s.end && extent.end + extent.torn <= m.file.len);
		must(extent.batch_at >= ARCHIVE_LOG_START && extent.batch_at <= extent.end);
		if (!m.changed && last == 0)
			must(s.whole == m.records);
	}
	buf_fini(&m.file);
	return 0;
}
