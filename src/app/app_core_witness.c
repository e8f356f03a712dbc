/* SPDX-License-Identifier: Apache-2.0 */
/* The core's side of the courier. */
#include "app_core_witness.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base_mem.h"
#include "os_thread.h"
#include "wire_parcel.h"

#define COME_MS  5000 /* for a courier to be introduced */
#define GRACE_MS 5000 /* beyond the parcel's own time */

void
app_carrier_init(struct app_carrier *c, struct app_outbox *outbox)
{
	*c = (struct app_carrier){.outbox = outbox};
	must(pthread_mutex_init(&c->lock, NULL) == 0);
	os_condition_init(&c->wake);
}

static void
carrier_lock(struct app_carrier *c)
{
	must(pthread_mutex_lock(&c->lock) == 0);
}

static void
carrier_unlock(struct app_carrier *c)
{
	must(pthread_cond_broadcast(&c->wake) == 0);
	must(pthread_mutex_unlock(&c->lock) == 0);
}

void
app_carrier_close(struct app_carrier *c)
{
	carrier_lock(c);
	c->closing = true;
	carrier_unlock(c);
}

void
app_carrier_fini(struct app_carrier *c)
{
	wire_frame_free(&c->answer);
	(void)pthread_cond_destroy(&c->wake);
	(void)pthread_mutex_destroy(&c->lock);
}

void
app_carrier_life(struct app_carrier *c, uint64_t life)
{
	carrier_lock(c);
	c->life = life;
	carrier_unlock(c);
}

void
app_carrier_answer(struct app_carrier *c, struct wire_frame *frame)
{
	carrier_lock(c);
	if (c->waiting && c->answer == NULL && frame->id == c->id) {
		c->answer = frame;
		frame = NULL;
	}
	carrier_unlock(c);
	wire_frame_free(&frame);
}

/* Sent by the loop to the courier that is there now. lock held. */
static void
parcel_send(struct app_carrier *c, const struct witness_parcel *p)
{
	struct app_letter *l = app_letter_new(WIRE_ROLE_COURIER, c->life, WIRE_PARCEL, ++c->id);
	struct wire_parcel out = {.mail = p->mail,
	    .call_ms = p->call_ms,
	    .url = p->url,
	    .ca_file = p->ca_file,
	    .from = p->from,
	    .to = p->to,
	    .hello = p->hello};

	wire_parcel_encode(&out, &l->payload);
	buf_append(&l->body, p->body);
	app_outbox_put(c->outbox, l);
}

static bool
answer_take(const struct wire_frame *frame, struct buf *reply, long *status_out, struct err *err)
{
	struct wire_parcel_answer answer;
	struct arena arena;
	bool ok;

	arena_init(&arena);
	ok = wire_parcel_answer_decode(frame->payload, &arena, &answer, err);
	if (ok && !answer.ok)
		ok = ERR(err, answer.code, "%.180s", answer.message);
	if (ok) {
		*status_out = answer.status;
		buf_append(reply, frame->body);
		ok = buf_ok(reply, err);
	}
	arena_fini(&arena);
	return ok;
}

bool
app_carrier_carry(void *ctx, const struct witness_parcel *parcel, struct buf *reply,
    long *status_out, struct err *err)
{
	struct app_carrier *c = ctx;
	struct timespec until = os_deadline(COME_MS);
	struct wire_frame *answer;
	uint64_t life;
	int rc = 0;
	bool closing;

	carrier_lock(c);
	while (c->life == 0 && !c->closing && rc == 0)
		rc = pthread_cond_timedwait(&c->wake, &c->lock, &until);
	life = c->life;
	if (life != 0 && !c->closing) {
		c->waiting = true;
		parcel_send(c, parcel);
		until = os_deadline(parcel->call_ms + GRACE_MS);
		for (rc = 0; c->answer == NULL && !c->closing && c->life == life && rc == 0;)
			rc = pthread_cond_timedwait(&c->wake, &c->lock, &until);
	}
	answer = c->answer;
	c->answer = NULL;
	c->waiting = false;
	closing = c->closing;
	must(pthread_mutex_unlock(&c->lock) == 0);
	if (answer == NULL) {
		if (closing)
			return ERR(err, ERR_CANCELLED, "the server is stopping");
		return ERR(err, ERR_TIMEOUT, "the courier does not answer");
	}
	closing = answer_take(answer, reply, status_out, err);
	wire_frame_free(&answer);
	return closing;
}

const char *
app_witness_dir(struct arena *arena, const char *pattern)
{
	size_t len = strcspn(pattern, "{");

	while (len > 1 && pattern[len - 1] != '/')
		len--;
	while (len > 1 && pattern[len - 1] == '/')
		len--;
	return arena_text(arena, bytes_of(pattern, len));
}

static void
config_fill(const struct app_config *config, const struct app_witness *w, struct arena *arena,
    struct witness_config *out)
{
	static const char *const types[] = {[WITNESS_COSIGN] = "cosign",
	    [WITNESS_FILE] = "file",
	    [WITNESS_POST] = "post",
	    [WITNESS_MAIL] = "mail"};
	const char *const *text = w->text;
	struct err err;

	*out = (struct witness_config){.name = w->name,
	    .interval_ms = strtol(text[APP_WITNESS_INTERVAL], NULL, 10) * 1000,
	    .call_ms = (unsigned)strtoul(text[APP_WITNESS_TIMEOUT], NULL, 10) * 1000,
	    .ca_file = text[APP_WITNESS_CA_FILE],
	    .path = text[APP_WITNESS_FILE],
	    .from = text[APP_WITNESS_FROM],
	    .to = text[APP_WITNESS_TO],
	    .hello = config->text[APP_HOSTNAME]};
	while (strcmp(types[out->kind], text[APP_WITNESS_TYPE]) != 0)
		out->kind = (enum witness_kind)(out->kind + 1);
	out->url = text[out->kind == WITNESS_MAIL ? APP_WITNESS_SMARTHOST : APP_WITNESS_URL];
	out->target = out->kind == WITNESS_FILE   ? out->path
		      : out->kind == WITNESS_MAIL ? out->to
						  : out->url;
	if (out->kind == WITNESS_COSIGN) {
		struct bytes url = bytes_of_str(out->url);

		must(proof_key_parse(bytes_of_str(text[APP_WITNESS_KEY]), &out->key, &err));
		while (url.len > 0 && url.ptr[url.len - 1] == '/')
			url.len--;
		out->url = arena_text(arena, url);
	}
}

size_t
app_witness_configs(
    const struct app_config *config, struct arena *arena, const struct witness_config **out)
{
	struct witness_config *list = arena_calloc(arena, config->witness_count + 1, sizeof *list);

	for (size_t i = 0; i < config->witness_count; i++)
		config_fill(config, &config->witnesses[i], arena, &list[i]);
	*out = list;
	return config->witness_count;
}
