/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records against the log: each record's leaf is what the log has at its index, and each leaf that stands for a record
 * has its record, or the tombstone of one. So a pack that somebody took away is missed.
 */
#include <stdio.h>
#include <string.h>

#include "archive_proof_int.h"
#include "base_log.h"
#include "base_mem.h"

struct check {
	struct archive *archive;
	struct archive_volume *volume;
	struct archive_proof *proof;
	const atomic_bool *cancel;
	pack_problem_fn problem;
	void *ctx;
	uint64_t size, without;
	bool closed;   /* the log, meanwhile: the archive's key is away or destroyed */
	uint8_t *seen; /* one bit for each leaf */
};

/* Records of a pack whose leaves are not what they should be: how many, and the first. */
struct strays {
	uint64_t count, leaf;
	struct id_record id;
	char why[192];
};

static void
tell(struct check *c, const char *what)
{
	char text[640];

	(void)snprintf(text, sizeof text, "archive %s: %s", c->volume->id, what);
	c->problem(c->ctx, text);
}

static bool
cancelled(void *ctx)
{
	const struct check *c = ctx;

	return c->cancel != NULL && atomic_load(c->cancel);
}

static void
log_problem(void *ctx, const char *what)
{
	tell(ctx, what);
}

static void
mark(struct check *c, uint64_t index)
{
	if (index < c->size)
		c->seen[index / 8] |= (uint8_t)(1 << index % 8);
}

static void
stray_note(struct strays *s, const struct pack_row *row, const char *why)
{
	if (s->count++ > 0)
		return;
	s->leaf = row->leaf_index;
	s->id = row->id;
	(void)snprintf(s->why, sizeof s->why, "%s", why);
}

static void
strays_tell(struct check *c, const struct strays *s, struct pack *pack, const char *what)
{
	char id[ID_RECORD_TEXT_SIZE], text[448];
	const char *path = pack_path(pack), *name = strrchr(path, '/');

	if (s->count == 0)
		return;
	id_record_format(id, &s->id);
	(void)snprintf(text, sizeof text,
	    "pack %.64s: %s of %llu messages, the first %s at leaf %llu: %s",
	    name == NULL ? path : name + 1, what, (unsigned long long)s->count, id,
	    (unsigned long long)s->leaf, s->why);
	tell(c, text);
}

static void
row_check(struct check *c, const struct pack_row *row, struct strays *unread, struct strays *others)
{
	struct proof_leaf wanted, there;
	struct err err;
	bool ok;

	if (row->leaf_index == PACK_LEAF_NONE) {
		c->without++;
		return;
	}
	if (row->leaf_index >= c->size) {
		stray_note(others, row, "the log ends before it");
		return;
	}
	archive_lock(&c->proof->lock);
	c->closed = c->closed || c->proof->log == NULL;
	if (!c->closed)
		archive_proof_leaf(c->proof, row, &wanted);
	ok = !c->closed && proof_log_leaf(c->proof->log, row->leaf_index, &there, &err);
	archive_unlock(&c->proof->lock);
	if (c->closed)
		return;
	if (!ok)
		stray_note(unread, row, err.msg);
	else if (memcmp(wanted.raw, there.raw, sizeof wanted.raw) != 0)
		stray_note(others, row, "the log has another one there");
	else
		mark(c, row->leaf_index);
}

static bool
tombstone_check(void *ctx, const struct pack_tombstone *t)
{
	mark(ctx, t->leaf_index);
	return true;
}

/* What cannot be read was told by the check of the pack itself. */
static bool
pack_check(struct check *c, struct pack *pack, struct err *err)
{
	struct pack_reader *reader = NULL;
	struct strays unread = {0}, others = {0};
	struct pack_info info;
	struct pack_row row;
	struct arena arena;
	bool ok = true;

	pack_info_get(pack, &info);
	if (!pack_reader_new(pack, &reader, err))
		return true;
	for (size_t i = 0; ok && i < info.records; i++) {
		arena_init(&arena);
		if (pack_reader_row(reader, i, &arena, &row, err))
			row_check(c, &row, &unread, &others);
		arena_fini(&arena);
		ok = !cancelled(c) || ERR(err, ERR_CANCELLED, "the check was cancelled");
	}
	pack_reader_free(&reader);
	strays_tell(c, &unread, pack, "cannot read the leaves");
	strays_tell(c, &others, pack, "wrong leaves");
	if (ok && info.tombstones > 0 && !pack_tombstones(pack, tombstone_check, c, err))
		tell(c, err->msg);
	return ok;
}

/* A removal whose leaf is in the log excuses the record it names. */
static bool
removal_check(void *ctx, const struct archive_removal *removal)
{
	struct proof_leaf wanted, there;
	struct check *c = ctx;
	struct err err;

	archive_lock(&c->proof->lock);
	c->closed = c->closed || c->proof->log == NULL;
	if (!c->closed) {
		archive_removals_leaf(c->proof, removal, &wanted);
		if (removal->leaf_index < c->size &&
		    proof_log_leaf(c->proof->log, removal->leaf_index, &there, &err) &&
		    memcmp(wanted.raw, there.raw, sizeof wanted.raw) == 0)
			mark(c, removal->what.leaf_index);
	}
	archive_unlock(&c->proof->lock);
	return !c->closed;
}

/* Leaves of records that no pack has. */
static void
missing_check(struct check *c)
{
	uint64_t missing = 0, first = 0;
	struct proof_leaf leaf;
	char text[128];
	struct err err;

	for (uint64_t i = 0; i < c->size; i++) {
		bool ok;

		if ((c->seen[i / 8] >> i % 8 & 1) != 0)
			continue;
		archive_lock(&c->proof->lock);
		ok = c->proof->log != NULL && proof_log_leaf(c->proof->log, i, &leaf, &err);
		archive_unlock(&c->proof->lock);
		if (!ok || leaf.raw[1] != PROOF_RECORD)
			continue;
		first = missing++ == 0 ? i : first;
	}
	if (missing == 0)
		return;
	(void)snprintf(text, sizeof text,
	    "%llu records of the log are in no pack, the first at leaf %llu",
	    (unsigned long long)missing, (unsigned long long)first);
	tell(c, text);
}

static bool
log_check(struct check *c, bool *there_out, struct err *err)
{
	bool ok = true;

	archive_lock(&c->proof->lock);
	*there_out = c->proof->log != NULL;
	if (c->proof->log == NULL) {
		tell(c, c->proof->trouble);
	} else {
		if (!archive_proof_names_check(c->archive, c->volume, err))
			tell(c, err->msg);
		ok = proof_log_check(c->proof->log, log_problem, cancelled, c, err);
	}
	archive_unlock(&c->proof->lock);
	return ok;
}

/* Leaves that a failed write kept out are late, not lost: they are tried again first. What still fails is told. */
static void
catch_up(struct archive *a, struct archive_volume *v)
{
	uint64_t next;
	struct err err;
	bool behind;

	archive_lock(&v->proof->lock);
	behind = v->proof->behind;
	archive_unlock(&v->proof->lock);
	if (behind && !archive_proof_next(a, v, &next, &err))
		log_warn("archive %s: leaves are still not in its log: %s", v->id, err.msg);
}

/* Packs and log of one moment: between the two, leaves of a pack come that is not shown yet. */
static void
moment_take(struct check *c, struct archive_view *view)
{
	archive_lock(&c->archive->seal_lock);
	catch_up(c->archive, c->volume);
	archive_view_take(c->archive, c->volume, INT64_MIN, INT64_MAX, view);
	archive_lock(&c->proof->lock);
	if (c->proof->log != NULL)
		c->size = proof_log_size(c->proof->log);
	archive_unlock(&c->proof->lock);
	archive_unlock(&c->archive->seal_lock);
}

bool
archive_proof_verify(struct archive *a, struct archive_volume *v, const atomic_bool *cancel,
    pack_problem_fn problem, void *ctx, struct err *err)
{
	struct check c = {.archive = a,
	    .volume = v,
	    .proof = v->proof,
	    .cancel = cancel,
	    .problem = problem,
	    .ctx = ctx};
	struct archive_view view;
	bool ok, there;

	moment_take(&c, &view);
	ok = log_check(&c, &there, err);
	c.seen = mem_calloc((size_t)(c.size / 8 + 1), 1);
	for (size_t i = 0; ok && there && !c.closed && i < view.pack_count; i++)
		ok = pack_check(&c, view.packs[i], err);
	if (ok && there && !c.closed) {
		if (!archive_removals_each(a, v, removal_check, &c, err))
			tell(&c, err->msg);
		if (!c.closed)
			missing_check(&c);
	}
	mem_free(c.seen);
	archive_view_fini(a, &view);
	return ok;
}
