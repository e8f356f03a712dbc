/* SPDX-License-Identifier: Apache-2.0 */
/* Files of an audit log from a disk that lies: the walk covers every byte once, what decodes encodes back. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "audit_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct cover {
	uint64_t at, sequence;
};

static bool
cover(void *ctx, const struct audit_item *item)
{
	struct cover *c = ctx;

	must(item->offset == c->at && item->length > 0);
	must(item->damaged || item->frame.sequence > c->sequence);
	if (!item->damaged)
		c->sequence = item->frame.sequence;
	c->at += item->length;
	return true;
}

static void
file(struct bytes data)
{
	struct cover c = {AUDIT_HEADER_BYTES, 0};
	uint8_t again[AUDIT_HEADER_BYTES], salt[AUDIT_SALT_BYTES] = {0};
	struct audit_header h;
	struct err err;

	if (audit_header_decode(data, &h, &err)) {
		audit_header_encode(&h, again);
		must(memcmp(again, data.ptr, sizeof again) == 0);
	}
	/* Without a header that fits, frames that begin with zeros are looked for. */
	audit_scan(data, salt, 1, cover, &c);
	must(c.at >= data.len);
}

static void
frame(struct bytes data)
{
	uint8_t again[AUDIT_FRAME_BYTES], salt[AUDIT_SALT_BYTES] = {0};
	struct audit_frame f;

	if (!audit_frame_decode(data, salt, &f))
		return;
	audit_frame_encode(&f, salt, again);
	must(memcmp(again, data.ptr, sizeof again) == 0);
}

static void
record(struct bytes data)
{
	struct audit_record r;
	struct buf again;
	struct err err;

	if (!audit_record_decode(data, &r, &err))
		return;
	buf_init(&again, AUDIT_PLAIN_MAX);
	must(audit_record_encode(&r, &again, &err));
	must(bytes_equal(buf_view(&again), data));
	buf_fini(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes all = bytes_of(data, size);

	file(all);
	frame(all);
	record(all);
	return 0;
}
