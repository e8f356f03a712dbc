/* SPDX-License-Identifier: Apache-2.0 */
/* One audit record as bytes (docs/formats/audit.md). */
#include <string.h>

#include "audit_int.h"

#define RECORD_VERSION 1u

static bool
within_limits(const struct audit_record *r)
{
	const struct bytes *texts[] = {
	    &r->principal, &r->key_id, &r->from, &r->operation, &r->result, &r->request_id};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (texts[i]->len > AUDIT_TEXT_BYTES_MAX)
			return false;
	if (r->resource_count > AUDIT_RESOURCES_MAX)
		return false;
	for (size_t i = 0; i < r->resource_count; i++)
		if (r->resources[i].len > AUDIT_TEXT_BYTES_MAX)
			return false;
	return r->parameters.len <= AUDIT_PARAMETERS_BYTES_MAX;
}

bool
audit_record_encode(const struct audit_record *r, struct buf *out, struct err *err)
{
	if (!within_limits(r))
		return ERR(err, ERR_LIMIT, "an audit record is too large");
	buf_u8(out, RECORD_VERSION);
	buf_u64(out, (uint64_t)r->at_ms);
	buf_u64(out, r->count);
	buf_u32(out, r->uid);
	buf_u32(out, r->status);
	buf_bytes16(out, r->principal);
	buf_bytes16(out, r->key_id);
	buf_bytes16(out, r->from);
	buf_bytes16(out, r->operation);
	buf_bytes16(out, r->result);
	buf_bytes16(out, r->request_id);
	buf_u8(out, (uint8_t)r->resource_count);
	for (size_t i = 0; i < r->resource_count; i++)
		buf_bytes16(out, r->resources[i]);
	buf_bytes32(out, r->parameters);
	return buf_ok(out, err);
}

bool
audit_record_decode(struct bytes data, struct audit_record *out, struct err *err)
{
	struct reader r;
	uint8_t version;

	memset(out, 0, sizeof *out);
	reader_init(&r, data);
	version = reader_u8(&r);
	if (reader_ok(&r) && version != RECORD_VERSION)
		return ERR(err, ERR_UNSUPPORTED, "an audit record of version %u", version);
	out->at_ms = (int64_t)reader_u64(&r);
	out->count = reader_u64(&r);
	out->uid = reader_u32(&r);
	out->status = reader_u32(&r);
	out->principal = reader_bytes16(&r);
	out->key_id = reader_bytes16(&r);
	out->from = reader_bytes16(&r);
	out->operation = reader_bytes16(&r);
	out->result = reader_bytes16(&r);
	out->request_id = reader_bytes16(&r);
	out->resource_count = reader_u8(&r);
	if (out->resource_count > AUDIT_RESOURCES_MAX)
		return ERR(err, ERR_CORRUPT, "an audit record names too many resources");
	for (size_t i = 0; i < out->resource_count; i++)
		out->resources[i] = reader_bytes16(&r);
	out->parameters = reader_bytes32(&r);
	return (reader_done(&r) && within_limits(out)) ||
	       ERR(err, ERR_CORRUPT, "an audit record does not have the form of one");
}
