/* SPDX-License-Identifier: Apache-2.0 */
/* A locked list with a bell. */
#include "app_outbox_int.h"

#include <pthread.h>

#include "base_mem.h"

struct app_outbox {
	struct os_loop *loop;
	app_outbox_send_fn send;
	void *ctx;
	pthread_mutex_t lock; /* guards the rest */
	struct app_letter *first, *last;
	bool rung;
};

struct app_outbox *
app_outbox_new(struct os_loop *loop, app_outbox_send_fn send, void *ctx)
{
	struct app_outbox *box = mem_calloc(1, sizeof *box);

	box->loop = loop;
	box->send = send;
	box->ctx = ctx;
	must(pthread_mutex_init(&box->lock, NULL) == 0);
	return box;
}

static void
letter_free(struct app_letter *l)
{
	buf_fini(&l->payload);
	buf_fini(&l->body);
	mem_free(l);
}

void
app_outbox_free(struct app_outbox **boxp)
{
	struct app_outbox *box = *boxp;

	*boxp = NULL;
	if (box == NULL)
		return;
	while (box->first != NULL) {
		struct app_letter *next = box->first->next;

		letter_free(box->first);
		box->first = next;
	}
	(void)pthread_mutex_destroy(&box->lock);
	mem_free(box);
}

struct app_letter *
app_letter_new(enum wire_role to, uint64_t life, enum wire_kind kind, uint64_t id)
{
	struct app_letter *l = mem_calloc(1, sizeof *l);

	l->to = to;
	l->life = life;
	l->kind = kind;
	l->id = id;
	buf_init(&l->payload, WIRE_PAYLOAD_BYTES_MAX);
	buf_init(&l->body, WIRE_BODY_BYTES_MAX);
	return l;
}

bool
app_letter_send(const struct app_letter *l, struct wire_channel *channel, struct err *err)
{
	struct wire_out o = {.kind = l->kind,
	    .id = l->id,
	    .payload = buf_view(&l->payload),
	    .body = buf_view(&l->body),
	    .body_fd = -1,
	    .fd = -1};

	return wire_channel_send(channel, &o, err);
}

static void
on_bell(void *ctx)
{
	app_outbox_flush(ctx);
}

void
app_outbox_put(struct app_outbox *box, struct app_letter *letter)
{
	bool ring;

	letter->next = NULL;
	(void)pthread_mutex_lock(&box->lock);
	if (box->last != NULL)
		box->last->next = letter;
	else
		box->first = letter;
	box->last = letter;
	ring = !box->rung;
	box->rung = true;
	(void)pthread_mutex_unlock(&box->lock);
	if (ring)
		os_loop_post(box->loop, on_bell, box);
}

void
app_outbox_flush(struct app_outbox *box)
{
	struct app_letter *l;

	(void)pthread_mutex_lock(&box->lock);
	l = box->first;
	box->first = box->last = NULL;
	box->rung = false;
	(void)pthread_mutex_unlock(&box->lock);
	while (l != NULL) {
		struct app_letter *next = l->next;

		box->send(box->ctx, l);
		letter_free(l);
		l = next;
	}
}
