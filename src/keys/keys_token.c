/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for a token, but not for ever: a module's functions return when they like, so a thread of the token's own
 * calls them, and who asks waits for it with a time limit. A question nobody waits for any more belongs to the thread.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base_log.h"
#include "base_mem.h"
#include "keys_token_int.h"
#include "os_thread.h"

enum ask { ASK_LOAD, ASK_SEAL, ASK_UNSEAL };

struct question {
	enum ask ask;
	struct secret *input; /* NULL when empty */
	struct buf context;
	struct keys_text answer;
	struct err err;
	bool ok, done, left; /* left: nobody waits */
};

struct waiting {
	struct keys_token token;
	char *module, *identity;
	unsigned call_ms;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct question *question; /* lock; one at a time */
	bool closing, ended;       /* lock */
	pthread_t thread;
};

static void
lock(struct waiting *w)
{
	must(pthread_mutex_lock(&w->lock) == 0);
}

static void
unlock(struct waiting *w)
{
	must(pthread_mutex_unlock(&w->lock) == 0);
}

static void
question_free(struct question *q)
{
	secret_free(&q->input);
	buf_fini(&q->context);
	keys_text_fini(&q->answer);
	mem_free(q);
}

static bool
operate(struct waiting *w, struct question *q)
{
	struct bytes input = q->input == NULL ? BYTES_EMPTY : secret_view(q->input),
		     context = buf_view(&q->context);

	if (!w->token.session_open && !keys_token_open(&w->token, &q->err))
		return false;
	buf_reset(&q->answer.buf);
	return q->ask == ASK_SEAL
		   ? keys_token_seal(&w->token, context, input, &q->answer.buf, &q->err)
		   : keys_token_unseal(&w->token, context, input, &q->answer.buf, &q->err);
}

/* Once more in a session of its own after any failure: sessions end when tokens are pulled, and modules differ in
 * how they say so. */
static void
work(struct waiting *w, struct question *q)
{
	struct err ignored;

	if (q->ask == ASK_LOAD) {
		q->ok = keys_token_load(&w->token, w->module, &q->err);
		if (q->ok && !keys_token_open(&w->token, &ignored))
			log_warn("token %s: %s; it is asked again when it is needed",
			    w->token.token_label, ignored.msg);
		return;
	}
	q->ok = operate(w, q);
	if (!q->ok && q->err.code != ERR_CORRUPT && q->err.code != ERR_DENIED) {
		keys_token_close(&w->token);
		q->ok = operate(w, q);
	}
}

static void *
token_run(void *ctx)
{
	struct waiting *w = ctx;

	lock(w);
	while (!w->closing) {
		struct question *q = w->question;

		if (q == NULL || q->done) {
			(void)pthread_cond_wait(&w->changed, &w->lock);
			continue;
		}
		unlock(w);
		work(w, q);
		lock(w);
		q->done = true;
		if (q->left) {
			question_free(q);
			w->question = NULL;
		}
		(void)pthread_cond_broadcast(&w->changed);
	}
	unlock(w);
	keys_token_unload(&w->token);
	lock(w);
	w->ended = true;
	(void)pthread_cond_broadcast(&w->changed);
	unlock(w);
	return NULL;
}

/* Takes q; *answer_out is the question to read the answer from and to free. */
static bool
ask(struct waiting *w, struct question *q, struct question **answer_out, struct err *err)
{
	struct timespec deadline = os_deadline(w->call_ms);
	int rc = 0;
	bool ok;

	lock(w);
	while (w->question != NULL && rc == 0)
		rc = pthread_cond_timedwait(&w->changed, &w->lock, &deadline);
	if (w->question != NULL) {
		unlock(w);
		question_free(q);
		return ERR(err, ERR_TIMEOUT, "the token is busy with an earlier question");
	}
	w->question = q;
	(void)pthread_cond_broadcast(&w->changed);
	while (!q->done && rc == 0)
		rc = pthread_cond_timedwait(&w->changed, &w->lock, &deadline);
	if (!q->done) {
		q->left = true;
		unlock(w);
		return ERR(err, ERR_TIMEOUT, "the token did not answer in time");
	}
	w->question = NULL;
	(void)pthread_cond_broadcast(&w->changed);
	unlock(w);
	ok = q->ok;
	if (ok) {
		*answer_out = q;
		return true;
	}
	*err = q->err;
	question_free(q);
	return false;
}

static struct question *
question_new(enum ask what, struct bytes context, struct bytes input)
{
	struct question *q = mem_calloc(1, sizeof *q);

	q->ask = what;
	if (input.len > 0)
		q->input = secret_of(input);
	buf_init(&q->context, CRYPT_CONTEXT_BYTES_MAX);
	buf_append(&q->context, context);
	keys_text_init(&q->answer);
	return q;
}

static bool
token_seal(void *self, struct bytes context, struct bytes payload, struct buf *out, struct err *err)
{
	struct question *q;

	if (!ask(self, question_new(ASK_SEAL, context, payload), &q, err))
		return false;
	buf_append(out, buf_view(&q->answer.buf));
	question_free(q);
	return true;
}

static bool
token_unseal(void *self, struct bytes context, struct bytes sealed, struct secret **payload_out,
    struct err *err)
{
	struct question *q;
	bool ok;

	if (sealed.len > KEYS_REPLY_MAX)
		return ERR(err, ERR_CORRUPT, "not a wrapped key");
	if (!ask(self, question_new(ASK_UNSEAL, context, sealed), &q, err))
		return false;
	ok = q->answer.buf.len > 0 || ERR(err, ERR_SEALED, "what it unwrapped is no data key");
	if (ok)
		*payload_out = secret_of(buf_view(&q->answer.buf));
	question_free(q);
	return ok;
}

static void
waiting_free(struct waiting *w)
{
	(void)pthread_cond_destroy(&w->changed);
	(void)pthread_mutex_destroy(&w->lock);
	secret_free(&w->token.pin);
	mem_free(w->token.token_label);
	mem_free(w->token.key_label);
	mem_free(w->module);
	mem_free(w->identity);
	mem_free(w);
}

/* A module that does not come back keeps its thread and what the thread uses. */
static void
token_free(void *self)
{
	struct waiting *w = self;
	struct timespec deadline = os_deadline(w->call_ms);
	int rc = 0;

	lock(w);
	w->closing = true;
	(void)pthread_cond_broadcast(&w->changed);
	while (!w->ended && rc == 0)
		rc = pthread_cond_timedwait(&w->changed, &w->lock, &deadline);
	if (!w->ended) {
		unlock(w);
		log_warn("token %s: its module hangs and is left behind", w->token.token_label);
		(void)pthread_detach(w->thread);
		return;
	}
	unlock(w);
	os_thread_join(w->thread);
	waiting_free(w);
}

static bool
options_check(const struct keys_options *o, struct err *err)
{
	if (o->module == NULL || o->module[0] != '/')
		return ERR(err, ERR_USAGE, "module must be an absolute path");
	if (o->token == NULL || o->token[0] == '\0' || strlen(o->token) > 32)
		return ERR(err, ERR_USAGE, "token must be a label of 1 to 32 characters");
	if (o->key == NULL || o->key[0] == '\0' || strlen(o->key) > 256)
		return ERR(err, ERR_USAGE, "key must be a label of 1 to 256 characters");
	if (o->pin_file == NULL || o->pin_file[0] != '/')
		return ERR(err, ERR_USAGE, "pin-file must be an absolute path");
	return true;
}

static struct waiting *
waiting_new(const struct keys_options *o)
{
	struct waiting *w = mem_calloc(1, sizeof *w);
	size_t size = strlen(o->token) + strlen(o->key) + 2;

	w->token.token_label = mem_strdup(o->token);
	w->token.key_label = mem_strdup(o->key);
	w->token.mechanism = o->mechanism;
	w->token.rng = o->rng;
	w->module = mem_strdup(o->module);
	w->identity = mem_alloc(size);
	(void)snprintf(w->identity, size, "%s\n%s", o->token, o->key);
	w->call_ms = o->call_ms;
	must(pthread_mutex_init(&w->lock, NULL) == 0);
	os_condition_init(&w->changed);
	return w;
}

bool
keys_pkcs11_open(const struct keys_options *o, struct keys_backend *out, struct err *err)
{
	static const struct keys_backend_ops ops = {token_seal, token_unseal, token_free};
	struct secret *pin = NULL;
	struct question *q = NULL;
	struct waiting *w;

	if (!options_check(o, err) || !keys_file_read(o->fs, o->pin_file, "PIN file", &pin, err))
		return false;
	w = waiting_new(o);
	w->token.pin = pin;
	if (!os_thread_start(&w->thread, "token", token_run, w, err)) {
		waiting_free(w);
		return false;
	}
	if (!ask(w, question_new(ASK_LOAD, BYTES_EMPTY, BYTES_EMPTY), &q, err)) {
		token_free(w);
		return false;
	}
	question_free(q);
	*out = (struct keys_backend){&ops, w, w->identity};
	return true;
}
