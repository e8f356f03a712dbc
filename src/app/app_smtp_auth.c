/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Password checks. argon2id takes 20 ms, so it runs on a thread beside the loop; a right answer is
 * remembered under a key that dies with the process, so that a sender with many sessions does not
 * pay each time. Unknown users cost what known ones cost.
 */
#include <string.h>

#include "app_smtp_int.h"
#include "base_clock.h"
#include "base_limits.h"
#include "base_log.h"
#include "base_mem.h"
#include "crypt_digest.h"
#include "crypt_password.h"
#include "crypt_secret.h"

#define QUEUE_MAX     1024 /* checks waiting: 20 s of work; past it 454 */
#define REMEMBERED    1024 /* right answers, oldest forgotten first */
#define PASSWORDS_MAX 2    /* current and previous */
#define KEY_BYTES     32

struct check {
	struct edge *edge;
	uint64_t session;
	uint32_t ticket;
	bool known; /* the user is this endpoint's */
	char hashes[PASSWORDS_MAX][CRYPT_PASSWORD_TEXT_SIZE];
	size_t hash_count;
	struct secret *password;
	enum smtp_auth_result result;
};

struct edge_auth {
	struct os_queue *queue;
	pthread_t thread;
	struct secret *key;
	uint8_t right[REMEMBERED][CRYPT_SHA256_BYTES]; /* the worker's alone */
	size_t right_count, right_next;
};

/* What is remembered: HMAC(key, hash text, NUL, password). */
static void
mark_of(const struct edge_auth *a, const char *hash, struct bytes password,
    uint8_t out[CRYPT_SHA256_BYTES])
{
	struct buf both;

	buf_init(&both, CRYPT_PASSWORD_TEXT_SIZE + SMTP_AUTH_LINE_BYTES_MAX);
	buf_append_str(&both, hash);
	buf_append_byte(&both, 0);
	buf_append(&both, password);
	crypt_hmac_sha256(out, secret_view(a->key), buf_view(&both));
	secret_wipe(both.ptr, both.len);
	buf_fini(&both);
}

static bool
remembered(const struct edge_auth *a, const uint8_t mark[CRYPT_SHA256_BYTES])
{
	bool found = false;

	for (size_t i = 0; i < a->right_count; i++)
		found |= bytes_equal_secret(
		    bytes_of(a->right[i], CRYPT_SHA256_BYTES), bytes_of(mark, CRYPT_SHA256_BYTES));
	return found;
}

static void
remember(struct edge_auth *a, const uint8_t mark[CRYPT_SHA256_BYTES])
{
	memcpy(a->right[a->right_next], mark, CRYPT_SHA256_BYTES);
	a->right_next = (a->right_next + 1) % REMEMBERED;
	if (a->right_count < REMEMBERED)
		a->right_count++;
}

static bool
is_right(struct edge_auth *a, const struct check *c)
{
	struct bytes password = secret_view(c->password);
	uint8_t mark[CRYPT_SHA256_BYTES];
	bool right = false;

	for (size_t i = 0; i < c->hash_count && c->known; i++) {
		mark_of(a, c->hashes[i], password, mark);
		if (remembered(a, mark))
			return true;
	}
	/* Always two computations: neither the user's name nor the number of passwords shows in the
	 * time. */
	for (size_t i = 0; i < PASSWORDS_MAX; i++) {
		bool use = c->known && i < c->hash_count;

		if (!crypt_password_match(use ? c->hashes[i] : NULL, password) || right)
			continue;
		right = true;
		mark_of(a, c->hashes[i], password, mark);
		remember(a, mark);
	}
	return right;
}

static void
check_free(struct check *c)
{
	secret_free(&c->password);
	mem_free(c);
}

static void
on_checked(void *ctx)
{
	struct check *c = ctx;

	smtp_server_auth_done(c->edge->server, c->session, c->ticket, c->result);
	check_free(c);
}

static void *
worker(void *ctx)
{
	struct edge *edge = ctx;
	struct check *c;

	while ((c = os_queue_pop(edge->auth->queue, -1)) != NULL) {
		c->result = is_right(edge->auth, c) ? SMTP_AUTH_GOOD : SMTP_AUTH_BAD;
		os_loop_post(edge->role.loop, on_checked, c);
	}
	return NULL;
}

bool
edge_auth_open(struct edge *edge, struct err *err)
{
	struct edge_auth *a = mem_calloc(1, sizeof *a);
	struct rng rng = rng_system();

	a->queue = os_queue_new(QUEUE_MAX);
	a->key = secret_random(KEY_BYTES, &rng);
	edge->auth = a;
	if (os_thread_start(&a->thread, "password", worker, edge, err))
		return true;
	os_queue_free(&a->queue);
	secret_free(&a->key);
	mem_free(a);
	edge->auth = NULL;
	return false;
}

void
edge_auth_close(struct edge *edge)
{
	struct edge_auth *a = edge->auth;
	struct check *c;

	if (a == NULL)
		return;
	os_queue_close(a->queue);
	while ((c = os_queue_pop(a->queue, 0)) != NULL)
		check_free(c);
	os_thread_join(a->thread);
	os_queue_free(&a->queue);
	secret_free(&a->key);
	mem_free(a);
	edge->auth = NULL;
}

/* Valid passwords of the endpoint now; an expired one counts as none. */
static void
take_hashes(const struct edge_endpoint *e, struct check *c)
{
	const struct json *list = json_find(e->document, "Passwords");
	struct clock clock = clock_system();

	for (size_t i = 0; i < json_count(list) && c->hash_count < PASSWORDS_MAX; i++) {
		const struct json *p = json_at(list, i),
				  *expires = json_find(p, "ExpiresTimestamp");
		const char *hash = json_get_str(p, "Hash");

		if (hash == NULL || strlen(hash) >= CRYPT_PASSWORD_TEXT_SIZE ||
		    (expires != NULL && json_ms(expires) <= clock_now_ms(&clock)))
			continue;
		memcpy(c->hashes[c->hash_count++], hash, strlen(hash) + 1);
	}
}

void
edge_auth_ask(struct edge *edge, const struct edge_endpoint *e, uint64_t session, uint32_t ticket,
    struct bytes user, struct bytes password)
{
	struct check *c = mem_calloc(1, sizeof *c);

	c->edge = edge;
	c->session = session;
	c->ticket = ticket;
	c->known = bytes_equal_secret(user, bytes_of_str(e->id));
	take_hashes(e, c);
	if (password.len > 0 && password.len <= 4096)
		c->password = secret_of(password);
	if (c->password == NULL || !os_queue_push(edge->auth->queue, c)) {
		smtp_server_auth_done(edge->server, session, ticket,
		    c->password == NULL ? SMTP_AUTH_BAD : SMTP_AUTH_DOWN);
		check_free(c);
	}
}
