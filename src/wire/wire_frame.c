/* SPDX-License-Identifier: Apache-2.0 */
/* Encoder and decoder of frames: docs/formats/wire.md §2. */
#include "wire_frame.h"

#include <string.h>

#include "base_mem.h"

#define WIRE_MAGIC UINT32_C(0x31574244) /* "DBW1" */

enum { FLAG_PAYLOAD_FD = 1, FLAG_BODY_FD = 2, FLAG_FD = 4, FLAGS_KNOWN = 7 };

const char *
wire_role_name(enum wire_role role)
{
	switch (role) {
	case WIRE_ROLE_SUPERVISOR:
		return "supervisor";
	case WIRE_ROLE_CORE:
		return "core";
	case WIRE_ROLE_SMTP:
		return "smtp";
	case WIRE_ROLE_HTTP:
		return "http";
	case WIRE_ROLE_COURIER:
		return "courier";
	case WIRE_ROLE_COUNT:
		break;
	}
	return "none";
}

void
wire_frame_free(struct wire_frame **f)
{
	if (*f == NULL)
		return;
	os_memfile_unmap(&(*f)->payload_map);
	os_memfile_unmap(&(*f)->body_map);
	os_close(&(*f)->fd);
	mem_free((*f)->storage);
	mem_free(*f);
	*f = NULL;
}

static bool
memfile_of(struct bytes data, int *fd_out, struct err *err)
{
	if (!os_memfile_new(fd_out, err))
		return false;
	if (!os_memfile_append(*fd_out, data, err) || !os_memfile_seal(*fd_out, err)) {
		os_close(fd_out);
		return false;
	}
	return true;
}

static void
add_fd(int fd, bool own, int fds[OS_PACKET_FDS_MAX], bool owns[OS_PACKET_FDS_MAX], size_t *count)
{
	must(*count < OS_PACKET_FDS_MAX);
	fds[*count] = fd;
	owns[*count] = own;
	*count += 1;
}

bool
wire_frame_encode(const struct wire_out *o, struct buf *packet, int fds[OS_PACKET_FDS_MAX],
    bool own[OS_PACKET_FDS_MAX], size_t *count, struct err *err)
{
	bool payload_by_fd =
	    o->payload.len > OS_PACKET_BYTES_MAX - WIRE_HEADER_BYTES - WIRE_INLINE_BYTES;
	bool body_by_fd = o->body_fd >= 0 || o->body.len > WIRE_INLINE_BYTES;
	unsigned flags = 0;
	int fd;

	*count = 0;
	if (o->payload.len > WIRE_PAYLOAD_BYTES_MAX || o->body.len > WIRE_BODY_BYTES_MAX)
		return ERR(err, ERR_LIMIT, "frame of kind %d is too large", (int)o->kind);
	if (payload_by_fd) {
		if (!memfile_of(o->payload, &fd, err))
			return false;
		add_fd(fd, true, fds, own, count);
		flags |= FLAG_PAYLOAD_FD;
	}
	if (body_by_fd) {
		fd = o->body_fd;
		if (fd < 0 && !memfile_of(o->body, &fd, err)) {
			if (payload_by_fd)
				os_close(&fds[0]);
			*count = 0;
			return false;
		}
		add_fd(fd, o->body_fd < 0, fds, own, count);
		flags |= FLAG_BODY_FD;
	}
	if (o->fd >= 0) {
		add_fd(o->fd, false, fds, own, count);
		flags |= FLAG_FD;
	}
	buf_u32(packet, WIRE_MAGIC);
	buf_u16(packet, (uint16_t)o->kind);
	buf_u16(packet, (uint16_t)flags);
	buf_u64(packet, o->id);
	buf_u32(packet, payload_by_fd ? 0 : (uint32_t)o->payload.len);
	if (!payload_by_fd)
		buf_append(packet, o->payload);
	if (!body_by_fd)
		buf_append(packet, o->body);
	return buf_ok(packet, err);
}

/* Takes the next descriptor of the packet, or -1. */
static int
next_fd(int fds[OS_PACKET_FDS_MAX], size_t *at)
{
	int fd = -1;

	if (*at < OS_PACKET_FDS_MAX) {
		fd = fds[*at];
		fds[*at] = -1;
		*at += 1;
	}
	return fd;
}

static bool
map_next(int fds[OS_PACKET_FDS_MAX], size_t *at, size_t max, struct bytes *map, struct bytes *view,
    struct err *err)
{
	int fd = next_fd(fds, at);
	bool ok;

	if (fd < 0)
		return ERR(err, ERR_SYNTAX, "frame misses a descriptor");
	ok = os_memfile_map(fd, max, map, err);
	os_close(&fd);
	*view = *map;
	return ok;
}

static bool
decode_into(struct wire_frame *f, struct bytes packet, int fds[OS_PACKET_FDS_MAX], struct err *err)
{
	struct reader r;
	unsigned kind, flags;
	size_t at = 0;

	reader_init(&r, packet);
	if (reader_u32(&r) != WIRE_MAGIC)
		return ERR(err, ERR_SYNTAX, "not a frame");
	kind = reader_u16(&r);
	flags = reader_u16(&r);
	f->id = reader_u64(&r);
	f->payload = reader_bytes32(&r);
	if (!reader_ok(&r) || kind == 0 || kind >= WIRE_KIND_COUNT ||
	    (flags & ~(unsigned)FLAGS_KNOWN) != 0)
		return ERR(err, ERR_SYNTAX, "frame header is damaged");
	f->kind = (enum wire_kind)kind;
	f->body = r.left;
	if ((flags & FLAG_PAYLOAD_FD) != 0 &&
	    !map_next(fds, &at, WIRE_PAYLOAD_BYTES_MAX, &f->payload_map, &f->payload, err))
		return false;
	if ((flags & FLAG_BODY_FD) != 0 &&
	    !map_next(fds, &at, WIRE_BODY_BYTES_MAX, &f->body_map, &f->body, err))
		return false;
	if ((flags & FLAG_FD) != 0) {
		f->fd = next_fd(fds, &at);
		if (f->fd < 0)
			return ERR(err, ERR_SYNTAX, "frame misses a descriptor");
	}
	return true;
}

bool
wire_frame_decode(
    struct bytes packet, int fds[OS_PACKET_FDS_MAX], struct wire_frame **out, struct err *err)
{
	struct wire_frame *f = mem_calloc(1, sizeof *f);
	bool ok;

	f->fd = -1;
	f->storage = mem_alloc(packet.len);
	if (packet.len > 0)
		memcpy(f->storage, packet.ptr, packet.len);
	ok = decode_into(f, bytes_of(f->storage, packet.len), fds, err);
	for (size_t i = 0; i < OS_PACKET_FDS_MAX; i++)
		os_close(&fds[i]);
	if (!ok)
		wire_frame_free(&f);
	*out = f;
	return ok;
}
