/* SPDX-License-Identifier: Apache-2.0 */
/* A channel of frames to another process, on an event loop. All calls on the loop's thread. */
#ifndef WIRE_CHANNEL_H
#define WIRE_CHANNEL_H

#include "os_loop.h"
#include "wire_frame.h"

struct wire_channel;

/* frame: taken by the callback. closed: the peer is gone or spoke nonsense; the channel is dead, sends are dropped;
 * free it there or later. */
struct wire_channel_ops {
	void (*frame)(void *ctx, struct wire_frame *frame);
	void (*closed)(void *ctx);
};

/* wire_channel_new: fd (an end of os_socket_pair) is taken. */
struct wire_channel *wire_channel_new(
    struct os_loop *loop, int fd, const struct wire_channel_ops *ops, void *ctx);
void wire_channel_free(struct wire_channel **c);

/* wire_channel_send: queued when the socket is full; false when dead or the frame cannot be made (err filled). */
MUST_USE bool wire_channel_send(struct wire_channel *c, const struct wire_out *o, struct err *err);
/* wire_channel_simple: no payload, no body. A dead channel is no failure: its owner was told. */
void wire_channel_simple(struct wire_channel *c, enum wire_kind kind);
/* wire_channel_queued: frames waiting for the socket. */
size_t wire_channel_queued(const struct wire_channel *c);
bool wire_channel_dead(const struct wire_channel *c);

#endif
