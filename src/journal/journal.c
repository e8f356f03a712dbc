/* SPDX-License-Identifier: Apache-2.0 */
/* Decide, commit, acknowledge: one task per message. */
#include "journal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base_limits.h"
#include "base_log.h"
#include "base_mem.h"
#include "journal_config.h"
#include "journal_message.h"
#include "os_thread.h"

#define JOURNAL_QUEUE_MAX      4096 /* messages waiting for a worker; past it 451 */
#define JOURNAL_REPLY_TEXT_MAX 128

enum counter {
	ACCEPTED,
	ARCHIVED_COPIES,
	WITHOUT_ACTION,
	ACTION_FAILURES,
	DEFERRED,
	REFUSED,
	COUNTER_COUNT
};

struct journal {
	struct journal_options options;
	pthread_mutex_t lock; /* guards config, under_way, last_id */
	pthread_cond_t done;  /* nothing is under way */
	struct journal_config *config;
	size_t under_way; /* taken and not yet answered */
	struct id_record last_id;
	struct os_queue *queue;
	pthread_t workers[JOURNAL_WORKERS_MAX];
	size_t worker_count;
	atomic_ullong counters[COUNTER_COUNT];
};

/* One message on its way; freed when it was answered. */
struct task {
	struct journal *journal;
	struct wire_frame *frame;
	journal_reply_fn reply;
	void *ctx;
	struct journal_config *config;
	struct arena arena;
	struct wire_mail mail;
	struct id_record id; /* named in the reply */
	size_t copies;
};

static void
count(struct journal *j, enum counter which, uint64_t by)
{
	(void)atomic_fetch_add_explicit(&j->counters[which], by, memory_order_relaxed);
}

static void
answer(struct task *t, uint16_t code, bool close, const char *text)
{
	struct wire_mail_reply reply = {code, close, bytes_of_str(text)};
	struct journal *j = t->journal;

	count(j, code < 300 ? ACCEPTED : code < 500 ? DEFERRED : REFUSED, 1);
	t->reply(t->ctx, &reply);
	wire_frame_free(&t->frame);
	journal_config_unref(&t->config);
	arena_fini(&t->arena);
	mem_free(t);
	/* The last thing done with the journal: journal_close waits for it. */
	(void)pthread_mutex_lock(&j->lock);
	if (--j->under_way == 0)
		(void)pthread_cond_broadcast(&j->done);
	(void)pthread_mutex_unlock(&j->lock);
}

/* The map of our trouble to SMTP replies: what we did is 4xx. */
static void
answer_failure(struct task *t, const struct err *err)
{
	switch (err->code) {
	case ERR_NO_SPACE:
		answer(t, 452, false, "4.3.1 Insufficient system storage");
		return;
	case ERR_LIMIT:
		answer(t, 552, false, "5.3.4 Message exceeds maximum size");
		return;
	case ERR_NONE:
	case ERR_USAGE:
	case ERR_SYNTAX:
	case ERR_NOT_FOUND:
	case ERR_EXISTS:
	case ERR_DENIED:
	case ERR_BUSY:
	case ERR_TIMEOUT:
	case ERR_IO:
	case ERR_CORRUPT:
	case ERR_SEALED:
	case ERR_UNSUPPORTED:
	case ERR_CANCELLED:
	case ERR_REFUSED:
		break;
	}
	log_error("message from %.*s not kept: %s", (int)t->mail.peer_text.len,
	    (const char *)t->mail.peer_text.ptr, err->msg);
	answer(t, 451, archive_failed(t->journal->options.archive),
	    "4.3.0 Temporary trouble, try again later");
}

static void
answer_kept(struct task *t)
{
	char id[ID_RECORD_TEXT_SIZE], text[JOURNAL_REPLY_TEXT_MAX];

	id_record_format(id, &t->id);
	(void)snprintf(text, sizeof text, "2.0.0 Ok: %s", id);
	answer(t, 250, false, text);
}

static void
on_committed(void *ctx, bool ok, const struct err *err)
{
	struct task *t = ctx;

	if (!ok) {
		answer_failure(t, err);
		return;
	}
	count(t->journal, ARCHIVED_COPIES, t->copies);
	answer_kept(t);
}

static bool
check_action(void *ctx, enum policy_action action, const struct json *parameters,
    char reason[POLICY_REASON_SIZE])
{
	struct task *t = ctx;
	const struct journal_archive *archive;

	if (action != POLICY_ACTION_ARCHIVE) {
		(void)snprintf(reason, POLICY_REASON_SIZE, "not executed by this version");
		return false;
	}
	archive =
	    journal_config_archive(t->config, json_text(json_get(parameters, "TargetArchive")));
	if (archive == NULL)
		(void)snprintf(reason, POLICY_REASON_SIZE, "there is no archive of that name");
	else if (!archive->active)
		(void)snprintf(
		    reason, POLICY_REASON_SIZE, "archive %s is pending deletion", archive->id);
	return archive != NULL && archive->active;
}

static void
session_of(const struct wire_mail *mail, struct policy_certificate *certificate,
    struct policy_session *out)
{
	const struct wire_certificate *c = &mail->certificate;

	*certificate = (struct policy_certificate){c->common_name, c->serial, c->san_rfc822,
	    c->san_dns, c->san_directory, c->san_uri, c->san_ip, c->san_rid, c->san_rfc822_count,
	    c->san_dns_count, c->san_directory_count, c->san_uri_count, c->san_ip_count,
	    c->san_rid_count};
	*out = (struct policy_session){.ip_family = mail->peer_family,
	    .tls_wrapped = mail->tls_wrapped,
	    .helo = mail->helo,
	    .certificate = mail->has_certificate ? certificate : NULL};
	memcpy(out->ip, mail->peer_ip, sizeof out->ip);
	out->tls = mail->tls_protocol.len == 0                             ? POLICY_TLS_NONE
		   : bytes_equal(mail->tls_protocol, BYTES_LIT("TLSv1.3")) ? POLICY_TLS_1_3
									   : POLICY_TLS_1_2;
}

/* A list that is told by its length alone. */
static struct json *
truncated_list(size_t count)
{
	struct json *list = json_new_array(), *o = json_new_object();

	json_set_integer(o, "truncated", count > 0 ? (int64_t)count : 1);
	json_push(list, o);
	return list;
}

/* The part of the traffic policy, as the smtp process told it. */
static struct json *
traffic_part(const struct task *t)
{
	struct err ignored;
	struct json *traffic;

	if (t->mail.traffic_explanation.len == 0)
		return json_new_array();
	traffic = json_parse(t->mail.traffic_explanation, &ignored);
	if (traffic != NULL && json_kind(traffic) == JSON_ARRAY)
		return traffic;
	json_free(&traffic);
	return truncated_list(1);
}

/* Why this message is where it is: traffic policy and rules in one JSON text that the archive keeps whole. */
static struct bytes
explain(struct task *t, struct json **rules)
{
	struct json *all = json_new_object(), *traffic = traffic_part(t);
	size_t count = json_count(traffic);
	struct bytes text;
	struct buf out;

	json_set(all, "traffic_policy", traffic);
	json_set(all, "rule_set", *rules);
	*rules = NULL;
	buf_init(&out, PACK_EXPLANATION_BYTES_MAX);
	json_print(all, &out);
	/* policy keeps the rules' part short; the other one came from outside and goes first. */
	for (int part = 0; out.failed && part < 2; part++) {
		buf_fini(&out);
		buf_init(&out, PACK_EXPLANATION_BYTES_MAX);
		json_set(all, part == 0 ? "traffic_policy" : "rule_set",
		    truncated_list(part == 0 ? count : 1));
		json_print(all, &out);
	}
	text = arena_bytes(&t->arena, buf_view(&out));
	buf_fini(&out);
	json_free(&all);
	return text;
}

/* Two Archive actions into one archive keep one message, for the recipients of both. */
static void
merge_recipients(struct arena *arena, struct archive_delivery *d, const struct policy_step *step)
{
	struct bytes *all =
	    arena_calloc(arena, d->recipient_count + step->recipient_count, sizeof *all);
	size_t n = 0;

	for (size_t i = 0; i < d->recipient_count; i++)
		all[n++] = d->recipients[i];
	for (size_t i = 0; i < step->recipient_count; i++) {
		bool there = false;

		for (size_t k = 0; k < d->recipient_count && !there; k++)
			there = bytes_equal(d->recipients[k], step->recipients[i]);
		if (!there)
			all[n++] = step->recipients[i];
	}
	d->recipients = all;
	d->recipient_count = n;
}

/* Of two messages that one sender sends one after the other, the later has the greater id. */
static void
make_id(struct task *t, struct id_record *out)
{
	struct journal *j = t->journal;

	(void)pthread_mutex_lock(&j->lock);
	id_record_new_after(out, &j->last_id, t->mail.received_ms, &j->options.rng);
	(void)pthread_mutex_unlock(&j->lock);
}

static size_t
plan_deliveries(
    struct task *t, const struct policy_decision *decision, struct archive_delivery *deliveries)
{
	size_t n = 0;

	for (size_t i = 0; i < decision->step_count; i++) {
		const struct policy_step *step = &decision->steps[i];
		const struct journal_archive *archive = journal_config_archive(
		    t->config, json_text(json_get(step->parameters, "TargetArchive")));
		size_t k = 0;

		must(step->action == POLICY_ACTION_ARCHIVE && archive != NULL);
		while (k < n && strcmp(deliveries[k].archive_id, archive->id) != 0)
			k++;
		if (k < n) {
			merge_recipients(&t->arena, &deliveries[k], step);
			continue;
		}
		deliveries[n] = (struct archive_delivery){.archive_id = archive->id,
		    .added_headers = step->added_headers,
		    .recipients = step->recipients,
		    .recipient_count = step->recipient_count,
		    .retention = archive->retention};
		make_id(t, &deliveries[n].id);
		n++;
	}
	return n;
}

static void
fill_columns(struct task *t, const struct journal_endpoint *e, struct pack_columns *c)
{
	c->helo = t->mail.helo;
	c->envelope_from = t->mail.mail_from;
	c->ingress_point_id = t->mail.ingress_point_id;
	c->traffic_policy_id = t->mail.traffic_policy_id;
	c->rule_set_id = bytes_of_str(e->rule_set_id);
	c->source_arn = bytes_of_str(e->rule_set_arn);
	c->sender_ip = t->mail.peer_text;
	c->tls_protocol = t->mail.tls_protocol;
	c->tls_cipher = t->mail.tls_cipher;
}

static void
without_action(struct task *t, const struct journal_endpoint *e)
{
	char id[ID_RECORD_TEXT_SIZE];

	make_id(t, &t->id);
	id_record_format(id, &t->id);
	count(t->journal, WITHOUT_ACTION, 1);
	log_info("message %s accepted at %s, kept by no rule of %s (%zu recipients, %zu bytes)", id,
	    e->id, e->rule_set_id, t->mail.recipient_count, t->frame->body.len);
	answer_kept(t);
}

static void
decide_and_keep(struct task *t, const struct journal_endpoint *e)
{
	struct archive_reception reception = {
	    .received_ms = t->mail.received_ms, .body = t->frame->body};
	struct policy_context context = {check_action, t};
	struct policy_decision decision = {0};
	struct policy_certificate certificate;
	struct archive_delivery *deliveries;
	struct journal_message message;
	struct policy_session session;
	struct err err;

	journal_message_parse(&t->arena, t->frame->body, &message);
	if (e->strict && message.received_count > JOURNAL_RECEIVED_LINES_MAX) {
		answer(t, 554, false, "5.4.6 Too many hops");
		return;
	}
	session_of(&t->mail, &certificate, &session);
	message.policy.session = &session;
	message.policy.mail_from = t->mail.mail_from;
	message.policy.recipients = t->mail.recipients;
	message.policy.recipient_count = t->mail.recipient_count;
	policy_rules_decide(e->rules, &message.policy, &context, &t->arena, &decision);
	count(t->journal, ACTION_FAILURES, decision.failed_action_count);
	if (decision.failed_action_count > 0)
		log_warn("rule set %s: %zu actions failed for a message at %s", e->rule_set_id,
		    decision.failed_action_count, e->id);
	reception.columns = message.columns;
	fill_columns(t, e, &reception.columns);
	reception.columns.explanation = explain(t, &decision.explanation);
	deliveries = arena_calloc(&t->arena, decision.step_count, sizeof *deliveries);
	reception.delivery_count = plan_deliveries(t, &decision, deliveries);
	reception.deliveries = deliveries;
	if (reception.delivery_count == 0) {
		without_action(t, e);
		return;
	}
	t->id = deliveries[0].id;
	t->copies = reception.delivery_count;
	if (!archive_append(t->journal->options.archive, &reception, on_committed, t, &err))
		answer_failure(t, &err);
}

static void
run_task(struct task *t)
{
	const struct journal_endpoint *e;
	struct err err;

	if (!wire_mail_decode(t->frame->payload, &t->arena, &t->mail, &err)) {
		answer_failure(t, &err);
		return;
	}
	e = t->config != NULL ? journal_config_endpoint(t->config, t->mail.ingress_point_id) : NULL;
	if (e == NULL) {
		(void)ERR(&err, ERR_NOT_FOUND, "its endpoint is gone");
		answer_failure(t, &err);
		return;
	}
	decide_and_keep(t, e);
}

static void *
worker(void *ctx)
{
	struct journal *j = ctx;
	struct task *t;

	while ((t = os_queue_pop(j->queue, -1)) != NULL)
		run_task(t);
	return NULL;
}

struct journal *
journal_open(const struct journal_options *o)
{
	struct journal *j = mem_calloc(1, sizeof *j);
	struct err err;

	j->options = *o;
	must(o->workers <= JOURNAL_WORKERS_MAX);
	must(pthread_mutex_init(&j->lock, NULL) == 0);
	must(pthread_cond_init(&j->done, NULL) == 0);
	for (size_t i = 0; i < COUNTER_COUNT; i++)
		atomic_init(&j->counters[i], 0);
	j->queue = os_queue_new(JOURNAL_QUEUE_MAX);
	for (size_t i = 0; i < o->workers; i++) {
		must(os_thread_start(&j->workers[i], "journal", worker, j, &err));
		j->worker_count++;
	}
	return j;
}

void
journal_close(struct journal **journal)
{
	struct journal *j = *journal;

	*journal = NULL;
	if (j == NULL)
		return;
	os_queue_close(j->queue);
	for (size_t i = 0; i < j->worker_count; i++)
		os_thread_join(j->workers[i]);
	/* What the workers handed to the archive is answered from the archive's thread. */
	(void)pthread_mutex_lock(&j->lock);
	while (j->under_way > 0)
		(void)pthread_cond_wait(&j->done, &j->lock);
	(void)pthread_mutex_unlock(&j->lock);
	os_queue_free(&j->queue);
	journal_config_unref(&j->config);
	(void)pthread_cond_destroy(&j->done);
	(void)pthread_mutex_destroy(&j->lock);
	mem_free(j);
}

bool
journal_configure(struct journal *j, const struct json *snapshot, struct err *err)
{
	struct journal_config *fresh, *old;

	if (!journal_config_new(snapshot, &fresh, err))
		return false;
	(void)pthread_mutex_lock(&j->lock);
	old = j->config;
	j->config = fresh;
	(void)pthread_mutex_unlock(&j->lock);
	journal_config_unref(&old);
	return true;
}

void
journal_accept(struct journal *j, struct wire_frame *frame, journal_reply_fn reply, void *ctx)
{
	struct task *t = mem_calloc(1, sizeof *t);
	struct err err;

	t->journal = j;
	t->frame = frame;
	t->reply = reply;
	t->ctx = ctx;
	arena_init(&t->arena);
	(void)pthread_mutex_lock(&j->lock);
	t->config = j->config != NULL ? journal_config_ref(j->config) : NULL;
	j->under_way++;
	(void)pthread_mutex_unlock(&j->lock);
	if (j->worker_count == 0) {
		run_task(t);
	} else if (!os_queue_push(j->queue, t)) {
		(void)ERR(&err, ERR_BUSY, "too many messages wait for a worker");
		answer_failure(t, &err);
	}
}

void
journal_counters_get(struct journal *j, struct journal_counters *out)
{
	out->accepted = atomic_load(&j->counters[ACCEPTED]);
	out->archived_copies = atomic_load(&j->counters[ARCHIVED_COPIES]);
	out->without_action = atomic_load(&j->counters[WITHOUT_ACTION]);
	out->action_failures = atomic_load(&j->counters[ACTION_FAILURES]);
	out->deferred = atomic_load(&j->counters[DEFERRED]);
	out->refused = atomic_load(&j->counters[REFUSED]);
}
