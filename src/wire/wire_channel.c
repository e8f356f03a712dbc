/* SPDX-License-Identifier: Apache-2.0 */
/* Sending with a queue, receiving until the socket is empty. */
#include "wire_channel.h"

#include "base_log.h"
#include "base_mem.h"

/* Frames taken from the socket per wake-up, so that one busy channel does not starve timers. */
#define RECEIVE_BURST 64

struct pending {
	struct pending *next;
	struct buf packet;
	int fds[OS_PACKET_FDS_MAX];
	bool own[OS_PACKET_FDS_MAX];
	size_t fd_count;
};

struct wire_channel {
	int fd;
	struct os_watch *watch;
	struct wire_channel_ops ops;
	void *ctx;
	struct buf in;
	struct pending *first, *last;
	size_t queued;
	bool dead, in_callback, free_wanted;
};

static void
pending_free(struct pending *p)
{
	for (size_t i = 0; i < p->fd_count; i++)
		if (p->own[i])
			os_close(&p->fds[i]);
	buf_fini(&p->packet);
	mem_free(p);
}

static void
drop_queue(struct wire_channel *c)
{
	while (c->first != NULL) {
		struct pending *next = c->first->next;

		pending_free(c->first);
		c->first = next;
	}
	c->last = NULL;
	c->queued = 0;
}

static void
destroy(struct wire_channel *c)
{
	drop_queue(c);
	os_watch_free(&c->watch);
	os_close(&c->fd);
	buf_fini(&c->in);
	mem_free(c);
}

void
wire_channel_free(struct wire_channel **channel)
{
	struct wire_channel *c = *channel;

	*channel = NULL;
	if (c == NULL)
		return;
	c->dead = true;
	if (c->in_callback)
		c->free_wanted = true;
	else
		destroy(c);
}

static void
die(struct wire_channel *c)
{
	if (c->dead)
		return;
	c->dead = true;
	os_watch_set(c->watch, 0);
	drop_queue(c);
	c->ops.closed(c->ctx);
}

static void
flush(struct wire_channel *c)
{
	struct err err;

	while (c->first != NULL) {
		struct pending *p = c->first;
		enum os_io io =
		    os_packet_send(c->fd, buf_view(&p->packet), p->fds, p->fd_count, &err);

		if (io == OS_IO_AGAIN)
			break;
		if (io != OS_IO_DONE) {
			log_warn("channel: %s", err.msg);
			die(c);
			return;
		}
		c->first = p->next;
		if (c->first == NULL)
			c->last = NULL;
		c->queued--;
		pending_free(p);
	}
	os_watch_set(c->watch, OS_READ | (c->first != NULL ? OS_WRITE : 0u));
}

static void
receive(struct wire_channel *c)
{
	int fds[OS_PACKET_FDS_MAX];
	struct wire_frame *frame;
	struct err err;

	for (int i = 0; i < RECEIVE_BURST && !c->dead; i++) {
		enum os_io io = os_packet_receive(c->fd, &c->in, fds, &err);

		if (io == OS_IO_AGAIN)
			return;
		if (io == OS_IO_EOF) {
			die(c);
			return;
		}
		if (io == OS_IO_FAIL || !wire_frame_decode(buf_view(&c->in), fds, &frame, &err)) {
			log_error("channel: %s", err.msg);
			die(c);
			return;
		}
		c->ops.frame(c->ctx, frame);
	}
}

static void
on_ready(void *ctx, unsigned ready)
{
	struct wire_channel *c = ctx;

	c->in_callback = true;
	if ((ready & OS_WRITE) != 0 && !c->dead)
		flush(c);
	if ((ready & OS_READ) != 0 && !c->dead)
		receive(c);
	c->in_callback = false;
	if (c->free_wanted)
		destroy(c);
}

struct wire_channel *
wire_channel_new(struct os_loop *loop, int fd, const struct wire_channel_ops *ops, void *ctx)
{
	struct wire_channel *c = mem_calloc(1, sizeof *c);

	c->fd = fd;
	c->ops = *ops;
	c->ctx = ctx;
	buf_init(&c->in, OS_PACKET_BYTES_MAX);
	c->watch = os_watch_fd(loop, fd, on_ready, c);
	os_watch_set(c->watch, OS_READ);
	return c;
}

bool
wire_channel_send(struct wire_channel *c, const struct wire_out *o, struct err *err)
{
	struct pending *p;

	if (c->dead)
		return ERR(err, ERR_IO, "the other process is gone");
	p = mem_calloc(1, sizeof *p);
	buf_init(&p->packet, OS_PACKET_BYTES_MAX);
	if (!wire_frame_encode(o, &p->packet, p->fds, p->own, &p->fd_count, err)) {
		pending_free(p);
		return false;
	}
	/* Lent descriptors must outlive the queue: keep our own duplicates only when the packet has to wait. */
	if (c->first == NULL) {
		enum os_io io =
		    os_packet_send(c->fd, buf_view(&p->packet), p->fds, p->fd_count, err);

		if (io == OS_IO_DONE) {
			pending_free(p);
			return true;
		}
		if (io != OS_IO_AGAIN) {
			pending_free(p);
			return false;
		}
	}
	for (size_t i = 0; i < p->fd_count; i++) {
		if (p->own[i])
			continue;
		if (!os_duplicate(p->fds[i], &p->fds[i], err)) {
			pending_free(p);
			return false;
		}
		p->own[i] = true;
	}
	if (c->last != NULL)
		c->last->next = p;
	else
		c->first = p;
	c->last = p;
	c->queued++;
	os_watch_set(c->watch, OS_READ | OS_WRITE);
	return true;
}

void
wire_channel_simple(struct wire_channel *c, enum wire_kind kind)
{
	struct wire_out o = {.kind = kind, .body_fd = -1, .fd = -1};
	struct err err;

	if (c != NULL && !c->dead && !wire_channel_send(c, &o, &err))
		log_warn("channel: %s", err.msg);
}

size_t
wire_channel_queued(const struct wire_channel *c)
{
	return c->queued;
}

bool
wire_channel_dead(const struct wire_channel *c)
{
	return c->dead;
}
