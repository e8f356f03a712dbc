/* SPDX-License-Identifier: Apache-2.0 */
/* Walking a log file: frames in order, over what is damaged, up to where the log ends. Pure. */
#include "archive_log_int.h"

#include "base_mem.h"
#include "crypt_digest.h"

struct scan {
	struct bytes data;
	const uint8_t *salt;
	bool last;
	uint64_t counter; /* of the last frame */
	/* items not visited yet: held belong to the newest batch that has its END, the rest to one that has not */
	struct archive_log_item *items;
	size_t count, room, held;
	archive_log_visit_fn visit;
	void *ctx;
};

static void
item_add(struct scan *s, const struct archive_log_item *item)
{
	if (s->count == s->room) {
		s->room = s->room == 0 ? 16 : s->room * 2;
		s->items = mem_realloc_array(s->items, s->room, sizeof *s->items);
	}
	s->items[s->count++] = *item;
}

/* Visits the first n items. */
static bool
items_visit(struct scan *s, size_t n, bool torn)
{
	for (size_t i = 0; i < n; i++) {
		s->items[i].torn = torn && s->items[i].damaged;
		if (!s->visit(s->ctx, &s->items[i]))
			return false;
	}
	for (size_t i = n; i < s->count; i++)
		s->items[i - n] = s->items[i];
	s->count -= n;
	return true;
}

/* A frame of this log that fits into the file. */
static bool
frame_at(const struct scan *s, uint64_t at, struct archive_frame *out)
{
	if (!archive_record_frame_decode(
		bytes_slice(s->data, at, ARCHIVE_FRAME_BYTES), s->salt, out))
		return false;
	return out->counter > s->counter && out->length <= s->data.len - at - ARCHIVE_FRAME_BYTES;
}

/* The next frame at or after from, or SIZE_MAX: its first bytes are those of the salt. */
static uint64_t
frame_find(const struct scan *s, uint64_t from)
{
	struct archive_frame frame;
	size_t at = from;

	while ((at = bytes_find(s->data, at, bytes_of(s->salt, 4))) != SIZE_MAX) {
		if (frame_at(s, at, &frame))
			return at;
		at++;
	}
	return SIZE_MAX;
}

/* A batch was written whole, so everything before it was acknowledged; it itself may still be the torn one. */
static bool
batch_ended(struct scan *s)
{
	if (!items_visit(s, s->held, false))
		return false;
	s->held = s->count;
	return true;
}

static bool
frame_take(struct scan *s, uint64_t at, const struct archive_frame *frame)
{
	struct archive_log_item item = {
	    .offset = at, .length = ARCHIVE_FRAME_BYTES + frame->length};
	struct bytes payload = bytes_slice(s->data, at + ARCHIVE_FRAME_BYTES, frame->length);

	s->counter = frame->counter;
	if (frame->kind == ARCHIVE_FRAME_VOID)
		return true;
	if (frame->kind == ARCHIVE_FRAME_END)
		return batch_ended(s);
	item.counter = frame->counter;
	item.damaged = crypt_crc32c(0, payload) != frame->payload_crc;
	item_add(s, &item);
	return true;
}

/* The end is reached; what has no END is cut, or, where everything was acknowledged, still looked at. */
static bool
finish(struct scan *s, uint64_t at, uint64_t open_at, struct archive_log_extent *out)
{
	out->end = at;
	if (!s->last)
		return items_visit(s, s->count, false);
	if (s->count > s->held) {
		out->end = open_at;
		out->torn = at - open_at;
	}
	return items_visit(s, s->held, true);
}

bool
archive_log_scan(struct bytes data, const uint8_t salt[ARCHIVE_LOG_SALT_BYTES], bool last,
    archive_log_visit_fn visit, void *ctx, struct archive_log_extent *out)
{
	struct scan s = {.data = data, .salt = salt, .last = last, .visit = visit, .ctx = ctx};
	uint64_t at = ARCHIVE_LOG_START, open_at = at; /* the batch without END begins at open_at */
	struct archive_frame frame;
	bool ok = true;

	*out = (struct archive_log_extent){.end = at, .batch_at = at};
	if (data.len <= ARCHIVE_LOG_START)
		return true;
	while (ok) {
		if (!frame_at(&s, at, &frame)) {
			uint64_t next = frame_find(&s, at);

			if (next == SIZE_MAX)
				break;
			item_add(&s, &(struct archive_log_item){.offset = at,
					 .length = (uint32_t)(next - at),
					 .counter = s.counter + 1,
					 .damaged = true});
			at = next;
			continue;
		}
		ok = frame_take(&s, at, &frame);
		at += ARCHIVE_FRAME_BYTES + frame.length;
		if (frame.kind == ARCHIVE_FRAME_END) {
			out->batch_at = open_at;
			open_at = at;
		}
	}
	ok = ok && finish(&s, at, open_at, out);
	mem_free(s.items);
	return ok;
}
