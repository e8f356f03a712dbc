/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing: group commit. Who waits for a sync and finds nobody writing takes everything that waits, seals it in its
 * order, writes and syncs it once, and tells the others.
 *
 * Why numbers and chain are given here and not when a record comes: a batch that fails leaves no hole in either.
 */
#include "audit.h"

#include <stdio.h>
#include <string.h>

#include "audit_int.h"
#include "base_limits.h"
#include "base_log.h"
#include "base_mem.h"
#include "os_thread.h"

#define QUEUE_BYTES_MAX LIMIT_MIB /* of records that nobody waits for; past it their callers do */
#define BATCH_BYTES_MAX (64 * LIMIT_MIB)
#define HEAD_MS         60000

struct audit_pending {
	struct audit_pending *next;
	struct bytes plain; /* ours */
	uint8_t *memory;
	bool durable; /* somebody waits; the struct is his */
	bool done, ok;
	struct err err;
};

static void
pending_free(struct audit_pending *p)
{
	mem_free(p->memory);
	mem_free(p);
}

struct audit_extent
audit_extent_of(struct audit *a)
{
	struct audit_extent e;

	audit_lock(a);
	e = (struct audit_extent){a->number, a->end, a->sequence};
	audit_unlock(a);
	return e;
}

bool
audit_head_write(struct audit *a, struct err *err)
{
	struct audit_head head = {.number = a->number, .sequence = a->sequence};
	struct buf data;
	bool ok;

	memcpy(head.hash, a->chain, sizeof head.hash);
	buf_init(&data, AUDIT_HEAD_BYTES);
	audit_head_seal(&head, a->head_sealer, &a->o.rng, &data);
	ok = os_fs_write_file(a->o.fs, a->head_path, buf_view(&data), err);
	buf_fini(&data);
	if (ok) {
		a->head_sequence = head.sequence;
		a->head_ms = clock_mono_ms(&a->o.clock);
	}
	return ok;
}

/* A new file: header and name are durable before a record goes in. */
static bool
file_begin(struct audit *a, bool *fatal, struct err *err)
{
	struct audit_header h = {.number = a->number + 1,
	    .first_sequence = a->sequence + 1,
	    .created_ms = clock_now_ms(&a->o.clock)};
	uint8_t bytes[AUDIT_HEADER_BYTES];
	char *path = audit_file_path(a->dir, h.number);
	struct os_file *file = NULL;
	struct err ignored;
	bool ok;

	rng_fill(&a->o.rng, h.salt, sizeof h.salt);
	memcpy(h.previous, a->chain, sizeof h.previous);
	audit_header_encode(&h, bytes);
	*fatal = false;
	ok = os_fs_open(a->o.fs, path, OS_OPEN_CREATE, &file, err) &&
	     os_file_write_at(file, 0, bytes_of(bytes, sizeof bytes), err);
	if (ok) {
		ok = os_file_sync(file, err) && os_fs_sync_dir(a->o.fs, a->dir, err);
		*fatal = !ok;
	}
	if (ok) {
		os_file_drop(&a->file);
		crypt_sealer_free(&a->sealer);
		a->file = file;
		memcpy(a->salt, h.salt, sizeof a->salt);
		a->sealer = audit_file_sealer(a->key, h.salt);
		audit_lock(a);
		a->number = h.number;
		a->end = sizeof bytes;
		crypt_sha256(a->chain, bytes_of(bytes, sizeof bytes));
		audit_unlock(a);
	} else if (file != NULL) {
		if (!os_fs_unlink(a->o.fs, path, &ignored))
			log_warn("%s: not removed: %s", path, ignored.msg);
		os_file_drop(&file);
	}
	mem_free(path);
	return ok;
}

/* Where a batch leaves the log when it is written. */
struct place {
	uint64_t sequence;
	uint8_t chain[CRYPT_SHA256_BYTES];
};

static void
frame_seal(struct audit *a, struct place *place, struct bytes plain, struct buf *batch)
{
	struct audit_frame f = {.length = (uint32_t)(plain.len + CRYPT_TAG_BYTES),
	    .sequence = place->sequence + 1,
	    .durable = a->sequence};
	uint8_t bytes[AUDIT_FRAME_BYTES];
	size_t from = batch->len;

	memcpy(f.previous, place->chain, sizeof f.previous);
	rng_fill(&a->o.rng, f.nonce, sizeof f.nonce);
	audit_frame_encode(&f, a->salt, bytes);
	buf_append_mem(batch, bytes, sizeof bytes);
	crypt_seal(a->sealer, f.nonce, bytes_of(bytes, sizeof bytes - 4), plain, batch);
	must(!batch->failed);
	crypt_sha256(place->chain, bytes_slice(buf_view(batch), from, batch->len - from));
	place->sequence = f.sequence;
}

/* What was refused is never found again. */
static bool
roll_back(struct audit *a, struct err *err)
{
	return os_file_truncate(a->file, a->end, err) && os_file_sync(a->file, err);
}

static bool
batch_write(struct audit *a, struct audit_pending *list, bool *fatal, struct err *err)
{
	struct place place;
	struct err why;
	struct buf batch;
	bool ok;

	*fatal = false;
	if ((a->file == NULL || a->end >= a->o.file_bytes) && !file_begin(a, fatal, err))
		return false;
	place.sequence = a->sequence;
	memcpy(place.chain, a->chain, sizeof place.chain);
	buf_init(&batch, BATCH_BYTES_MAX);
	for (struct audit_pending *p = list; p != NULL; p = p->next)
		frame_seal(a, &place, p->plain, &batch);
	ok = os_file_write_at(a->file, a->end, buf_view(&batch), err);
	if (!ok) {
		*fatal = err->code != ERR_NO_SPACE || !roll_back(a, &why);
	} else {
		ok = os_file_sync(a->file, err);
		*fatal = !ok;
	}
	if (ok) {
		audit_lock(a);
		a->end += batch.len;
		a->sequence = place.sequence;
		memcpy(a->chain, place.chain, sizeof a->chain);
		audit_unlock(a);
	}
	buf_fini(&batch);
	return ok;
}

/* As much of the queue as one batch may be. */
static struct audit_pending *
queue_take(struct audit *a)
{
	struct audit_pending *list = a->queue, **at = &a->queue;
	size_t bytes = 0;

	while (*at != NULL && bytes < BATCH_BYTES_MAX / 2) {
		bytes += (*at)->plain.len + AUDIT_FRAME_BYTES + CRYPT_TAG_BYTES;
		a->queue_bytes -= (*at)->durable ? 0 : (*at)->plain.len;
		at = &(*at)->next;
	}
	a->queue = *at;
	*at = NULL;
	if (a->queue == NULL)
		a->queue_end = &a->queue;
	return list;
}

/* Those who wait are told. Records that nobody waits for stay for the next try when the disk is full. */
static void
batch_over(struct audit *a, struct audit_pending *list, bool ok, const struct err *err)
{
	struct audit_pending *keep = NULL, **keep_end = &keep, *next;

	for (struct audit_pending *p = list; p != NULL; p = next) {
		next = p->next;
		if (p->durable) {
			p->done = true;
			p->ok = ok;
			if (!ok)
				p->err = *err;
		} else if (ok || a->failed) {
			pending_free(p);
		} else {
			a->queue_bytes += p->plain.len;
			*keep_end = p;
			keep_end = &p->next;
		}
	}
	*keep_end = a->queue;
	if (a->queue == NULL)
		a->queue_end = keep_end;
	a->queue = keep;
	if (a->queue == NULL)
		a->queue_end = &a->queue;
}

/* lock held, and nobody else is busy; lock is given up meanwhile. */
static bool
lead(struct audit *a, struct err *err)
{
	struct audit_pending *list = queue_take(a);
	bool fatal = false, ok;

	a->busy = true;
	audit_unlock(a);
	ok = list == NULL || batch_write(a, list, &fatal, err);
	if (!ok)
		log_error("audit log: %s", err->msg);
	audit_lock(a);
	a->busy = false;
	a->failed = a->failed || fatal;
	batch_over(a, list, ok, err);
	must(pthread_cond_broadcast(&a->changed) == 0);
	return ok;
}

static void
queue_add(struct audit *a, struct audit_pending *p)
{
	*a->queue_end = p;
	a->queue_end = &p->next;
	a->queue_bytes += p->durable ? 0 : p->plain.len;
}

static bool
wait_for(struct audit *a, struct audit_pending *p, struct err *err)
{
	struct err own;

	while (!p->done) {
		if (!a->busy)
			(void)lead(a, &own);
		else
			must(pthread_cond_wait(&a->changed, &a->lock) == 0);
	}
	if (!p->ok)
		*err = p->err;
	return p->ok;
}

bool
audit_append(struct audit *a, const struct audit_record *record, bool durable, struct err *err)
{
	struct audit_pending mine = {.durable = true}, *p;
	struct buf plain;
	size_t len;
	bool ok;

	buf_init(&plain, AUDIT_PLAIN_MAX);
	if (!audit_record_encode(record, &plain, err)) {
		buf_fini(&plain);
		return false;
	}
	audit_lock(a);
	if (a->failed) {
		audit_unlock(a);
		buf_fini(&plain);
		return ERR(err, ERR_IO, "a write to the audit log failed before");
	}
	durable = durable || a->queue_bytes + plain.len > QUEUE_BYTES_MAX;
	p = durable ? &mine : mem_calloc(1, sizeof *p);
	p->memory = buf_take(&plain, &len);
	p->plain = bytes_of(p->memory, len);
	queue_add(a, p);
	ok = !durable || wait_for(a, p, err);
	audit_unlock(a);
	if (durable)
		mem_free(mine.memory);
	buf_fini(&plain);
	return ok;
}

/* lock held. */
static bool
flush(struct audit *a, struct err *err)
{
	bool ok = !a->failed || ERR(err, ERR_IO, "a write to the audit log failed before");

	while (ok && (a->queue != NULL || a->busy)) {
		if (a->busy)
			must(pthread_cond_wait(&a->changed, &a->lock) == 0);
		else
			ok = lead(a, err);
		if (ok && a->failed)
			ok = ERR(err, ERR_IO, "a write to the audit log failed");
	}
	return ok;
}

bool
audit_sync(struct audit *a, struct err *err)
{
	bool ok;

	audit_lock(a);
	ok = flush(a, err);
	audit_unlock(a);
	return ok;
}

bool
audit_failed(struct audit *a)
{
	bool failed;

	audit_lock(a);
	failed = a->failed;
	audit_unlock(a);
	return failed;
}

/* Leaves first: where the head is, the proof log is as well. lock held, given up meanwhile. */
static void
head_refresh(struct audit *a)
{
	struct err err;
	bool ok;

	if (a->failed || a->sequence == a->head_sequence)
		return;
	audit_unlock(a);
	ok = audit_proof_advance(a, &err);
	if (!ok)
		log_warn(
		    "audit log: proof log: %s", err.msg); /* it is tried again with the next head */
	audit_lock(a);
	if (!ok || a->failed || a->busy)
		return;
	a->busy = true;
	audit_unlock(a);
	if (!audit_head_write(a, &err))
		log_warn("audit log: %s", err.msg); /* the old one stays, and is true */
	audit_lock(a);
	a->busy = false;
	must(pthread_cond_broadcast(&a->changed) == 0);
}

/* Syncs what nobody waits for, once a second, and moves the head on, once a minute. */
static void *
run(void *ctx)
{
	struct audit *a = ctx;
	struct timespec until;
	struct err err;

	audit_lock(a);
	while (!a->closing) {
		until = os_deadline(AUDIT_LAZY_MS);
		while (!a->closing && pthread_cond_timedwait(&a->changed, &a->lock, &until) == 0)
			continue;
		if (!a->failed)
			(void)flush(a, &err); /* said in the log */
		if (clock_mono_ms(&a->o.clock) - a->head_ms >= HEAD_MS)
			head_refresh(a);
	}
	audit_unlock(a);
	return NULL;
}

static void
audit_free(struct audit *a)
{
	struct audit_pending *next;

	for (struct audit_pending *p = a->queue; p != NULL; p = next) {
		next = p->next;
		pending_free(p);
	}
	audit_proof_close(a);
	os_file_drop(&a->file);
	crypt_sealer_free(&a->sealer);
	crypt_sealer_free(&a->head_sealer);
	secret_free(&a->key);
	(void)pthread_cond_destroy(&a->changed);
	(void)pthread_mutex_destroy(&a->lock);
	mem_free(a->head_path);
	mem_free(a->dir);
	mem_free(a);
}

bool
audit_open(const struct audit_options *o, struct audit **out, struct audit_recovery *found,
    struct err *err)
{
	struct audit *a = mem_calloc(1, sizeof *a);
	size_t size = strlen(o->dir) + 8;

	*found = (struct audit_recovery){0};
	a->o = *o;
	a->dir = mem_strdup(o->dir);
	a->o.dir = a->dir;
	if (o->file_bytes == 0)
		a->o.file_bytes = AUDIT_FILE_BYTES;
	a->head_path = mem_alloc(size);
	(void)snprintf(a->head_path, size, "%s/head", o->dir);
	a->queue_end = &a->queue;
	os_condition_init(&a->changed);
	must(pthread_mutex_init(&a->lock, NULL) == 0);
	if (!audit_recover(a, found, err) ||
	    !audit_proof_open(a, a->head_sequence > 0, found, err) ||
	    (o->threads && !os_thread_start(&a->thread, "audit", run, a, err))) {
		audit_free(a);
		return false;
	}
	a->thread_started = o->threads;
	*out = a;
	return true;
}

void
audit_close(struct audit **audit)
{
	struct audit *a = *audit;
	struct err err;

	if (a == NULL)
		return;
	audit_lock(a);
	a->closing = true;
	must(pthread_cond_broadcast(&a->changed) == 0);
	audit_unlock(a);
	if (a->thread_started)
		os_thread_join(a->thread);
	audit_lock(a);
	if (!a->failed && flush(a, &err))
		head_refresh(a);
	audit_unlock(a);
	audit_free(a);
	*audit = NULL;
}
