/* SPDX-License-Identifier: Apache-2.0 */
/* Answers made on any thread, sent by the loop: one wake-up for as many as there are. */
#ifndef APP_OUTBOX_INT_H
#define APP_OUTBOX_INT_H

#include "base_bytes.h"
#include "os_loop.h"
#include "wire_channel.h"
#include "wire_frame.h"

struct app_outbox;

struct app_letter {
	struct app_letter *next;
	enum wire_role to;
	uint64_t life; /* of the receiver when the question came */
	enum wire_kind kind;
	uint64_t id;
	struct buf payload, body;
};

/* send: on the loop; the letter is lent. */
typedef void (*app_outbox_send_fn)(void *ctx, const struct app_letter *letter);
struct app_outbox *app_outbox_new(struct os_loop *loop, app_outbox_send_fn send, void *ctx);
/* app_outbox_free: nobody may put any more. What is left is dropped. */
void app_outbox_free(struct app_outbox **box);

/* app_letter_new: buffers initialised (payload WIRE_PAYLOAD_BYTES_MAX, body WIRE_BODY_BYTES_MAX).
 * app_letter_send: on the loop; the letter is lent; fails as wire_channel_send.
 * app_outbox_put: any thread; takes the letter. */
struct app_letter *app_letter_new(
    enum wire_role to, uint64_t life, enum wire_kind kind, uint64_t id);
MUST_USE bool app_letter_send(
    const struct app_letter *l, struct wire_channel *channel, struct err *err);
void app_outbox_put(struct app_outbox *box, struct app_letter *letter);
/* app_outbox_flush: send what is there now; on the loop. */
void app_outbox_flush(struct app_outbox *box);

#endif
