/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The proof log of the audit log: leaf i commits to record i + 1. It is brought up to date when the head is, and it has
 * what the head has not: a signed checkpoint that others can keep, so that a log which was written anew is found out.
 *
 * Its keys are derived from the log's, so there is nothing more to lose.
 */
#include <string.h>

#include "audit_int.h"
#include "base_log.h"
#include "base_mem.h"
#include "crypt_sign.h"
#include "proof_leaf.h"
#include "proof_log.h"

#define LEAVES_MAX 4096u /* of one append */

struct audit_proof {
	pthread_mutex_t lock;
	struct proof_log *log; /* lock; NULL: it could not be opened */
	struct secret *seed, *leaf_key;
	char trouble[sizeof((struct err *)0)->msg];
};

static void
leaf_make(
    const struct audit_proof *p, uint64_t sequence, struct bytes record, struct proof_leaf *out)
{
	uint8_t salt[PROOF_SALT_BYTES];
	struct buf subject;

	buf_init(&subject, 8);
	buf_u64(&subject, sequence);
	proof_leaf_salt(salt, p->leaf_key, PROOF_AUDIT, buf_view(&subject));
	proof_leaf_of_bytes(out, PROOF_AUDIT, salt, record);
	buf_fini(&subject);
}

static bool
log_open(struct audit *a, struct audit_proof *p, bool expected, struct err *err)
{
	uint8_t public_key[CRYPT_SIGN_PUBLIC_BYTES];
	char *dir = mem_alloc(strlen(a->dir) + 8);
	struct proof_log_options o = {.fs = a->o.fs, .seed = p->seed};
	struct proof_key key;
	bool ok;

	memcpy(dir, a->dir, strlen(a->dir));
	memcpy(dir + strlen(a->dir), "/proof", 7);
	o.dir = dir;
	o.key = &key;
	crypt_sign_public(p->seed, public_key);
	must(proof_key_make(&key, PROOF_KEY_LOG, BYTES_LIT("daybook/audit"), public_key, err));
	ok = proof_log_open(&o, &p->log, err);
	if (!ok && err->code == ERR_NOT_FOUND && !expected)
		ok = proof_log_create(&o, err) && proof_log_open(&o, &p->log, err);
	mem_free(dir);
	return ok;
}

bool
audit_proof_open(struct audit *a, bool expected, struct audit_recovery *found, struct err *err)
{
	struct audit_proof *p = mem_calloc(1, sizeof *p);

	a->proof = p;
	must(pthread_mutex_init(&p->lock, NULL) == 0);
	p->leaf_key = proof_leaf_key(a->key);
	p->seed = secret_new(CRYPT_KEY_BYTES);
	crypt_hmac_sha256(
	    secret_data(p->seed), secret_view(a->key), BYTES_LIT("daybook audit signing seed"));
	if (log_open(a, p, expected, err)) {
		if (proof_log_size(p->log) > a->sequence) {
			found->damaged++;
			log_error(
			    "audit log: it ends with record %llu, and its proof log with %llu",
			    (unsigned long long)a->sequence,
			    (unsigned long long)proof_log_size(p->log));
		}
		return true;
	}
	if (err->code == ERR_IO || err->code == ERR_NO_SPACE || err->code == ERR_LIMIT)
		return false;
	/* Damaged: said, and left as it is; the log itself goes on. */
	found->damaged++;
	log_error("audit log: its proof log: %s", err->msg);
	memcpy(p->trouble, err->msg, sizeof p->trouble);
	return true;
}

void
audit_proof_close(struct audit *a)
{
	struct audit_proof *p = a->proof;

	if (p == NULL)
		return;
	proof_log_close(&p->log);
	secret_free(&p->seed);
	secret_free(&p->leaf_key);
	(void)pthread_mutex_destroy(&p->lock);
	mem_free(p);
	a->proof = NULL;
}

struct catch_up {
	struct audit_proof *p;
	struct proof_leaf *leaves;
	size_t count;
	uint64_t next; /* number of the record whose leaf comes next */
};

static bool
leaves_flush(struct catch_up *c, struct err *err)
{
	bool ok = c->count == 0 || proof_log_append(c->p->log, c->leaves, c->count, err);

	c->count = 0;
	return ok;
}

/* The leaves of a file's records from next on. A record that cannot be read has a leaf of nothing: its damage is
 * named elsewhere, and the places of the others stay. */
static bool
file_leaves(struct catch_up *c, const struct audit_file *f, struct err *err)
{
	struct audit_record r;
	struct buf plain;
	struct err why;
	bool ok = true;

	buf_init(&plain, AUDIT_PLAIN_MAX);
	for (size_t i = 0; ok && i < f->item_count; i++) {
		const struct audit_item *item = &f->items[i];

		if (item->damaged || item->frame.sequence < c->next)
			continue;
		while (ok && c->next < item->frame.sequence) {
			leaf_make(c->p, c->next++, BYTES_EMPTY, &c->leaves[c->count++]);
			ok = c->count < LEAVES_MAX || leaves_flush(c, err);
		}
		if (!audit_file_record(f, item, &plain, &r, &why))
			buf_reset(&plain);
		leaf_make(c->p, c->next++, buf_view(&plain), &c->leaves[c->count++]);
		ok = ok && (c->count < LEAVES_MAX || leaves_flush(c, err));
	}
	buf_fini(&plain);
	return ok;
}

/* The file that holds record next, or the last one before it. */
static size_t
first_file(struct audit *a, const uint64_t *numbers, size_t count, uint64_t next)
{
	size_t at = count;
	bool before = false;

	while (at > 0 && !before) {
		struct audit_file f;
		struct err why;

		at--;
		before =
		    audit_file_load(&a->o, a->key, numbers[at], AUDIT_HEADER_BYTES, &f, &why) &&
		    f.header.first_sequence <= next;
		audit_file_free(&f);
	}
	return at;
}

bool
audit_proof_advance(struct audit *a, struct err *err)
{
	struct audit_proof *p = a->proof;
	struct audit_extent e = audit_extent_of(a);
	struct catch_up c = {.p = p};
	uint64_t *numbers = NULL;
	size_t count = 0;
	bool ok = true;

	must(pthread_mutex_lock(&p->lock) == 0);
	if (p->log != NULL && proof_log_size(p->log) < e.sequence) {
		c.next = proof_log_size(p->log) + 1;
		c.leaves = mem_calloc(LEAVES_MAX, sizeof *c.leaves);
		ok = audit_numbers(&a->o, &numbers, &count, err);
		for (size_t i = ok ? first_file(a, numbers, count, c.next) : count; ok && i < count;
		     i++) {
			struct audit_file f;
			bool newest = numbers[i] == e.number;

			if (numbers[i] <= e.number && audit_file_load(&a->o, a->key, numbers[i],
							  newest ? e.end : UINT64_MAX, &f, err))
				ok = file_leaves(&c, &f, err);
			else if (numbers[i] <= e.number)
				ok = err->code == ERR_CORRUPT || err->code == ERR_UNSUPPORTED;
			if (numbers[i] <= e.number)
				audit_file_free(&f);
		}
		ok = ok && leaves_flush(&c, err);
		mem_free(c.leaves);
		mem_free(numbers);
	}
	must(pthread_mutex_unlock(&p->lock) == 0);
	return ok;
}

/* --- checking ---------------------------------------------------------------------------------------------- */

void
audit_proof_hold(struct audit *a)
{
	must(pthread_mutex_lock(&a->proof->lock) == 0);
}

void
audit_proof_release(struct audit *a)
{
	must(pthread_mutex_unlock(&a->proof->lock) == 0);
}

const char *
audit_proof_trouble(const struct audit *a)
{
	return a->proof->log == NULL ? a->proof->trouble : NULL;
}

uint64_t
audit_proof_size(const struct audit *a)
{
	return a->proof->log == NULL ? 0 : proof_log_size(a->proof->log);
}

bool
audit_proof_fits(struct audit *a, uint64_t sequence, struct bytes record, struct err *err)
{
	struct proof_leaf want, got;

	if (sequence == 0 || sequence > audit_proof_size(a))
		return true;
	leaf_make(a->proof, sequence, record, &want);
	if (!proof_log_leaf(a->proof->log, sequence - 1, &got, err))
		return false;
	return memcmp(want.raw, got.raw, sizeof want.raw) == 0 ||
	       ERR(err, ERR_CORRUPT, "it is not the one that the proof log has a leaf of");
}

struct check {
	audit_problem_fn problem;
	void *ctx;
	const atomic_bool *cancel;
};

static void
on_problem(void *ctx, const char *what)
{
	const struct check *c = ctx;

	c->problem(c->ctx, what);
}

static bool
is_cancelled(void *ctx)
{
	const struct check *c = ctx;

	return c->cancel != NULL && atomic_load(c->cancel);
}

bool
audit_proof_check(struct audit *a, const atomic_bool *cancel, audit_problem_fn problem, void *ctx,
    struct err *err)
{
	struct check c = {problem, ctx, cancel};

	return a->proof->log == NULL ||
	       proof_log_check(a->proof->log, on_problem, is_cancelled, &c, err);
}
