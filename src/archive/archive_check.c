/* SPDX-License-Identifier: Apache-2.0 */
/* Checks in steps: one pack, then what is in none. */
#include "archive_check.h"

#include <stdio.h>
#include <string.h>

#include "archive_proof_int.h"
#include "crypt_digest.h"
#include "proof_text.h"

struct step {
	struct archive *archive;
	const struct archive_check *c;
	struct archive_check_step *out;
};

static struct archive_volume *
volume_of(struct archive *a, const char *archive_id, struct err *err)
{
	struct archive_volume *v;

	archive_lock(&a->lock);
	v = archive_volume_find(a, archive_id);
	archive_unlock(&a->lock);
	if (v == NULL)
		(void)ERR(err, ERR_NOT_FOUND, "no archive %.66s", archive_id);
	return v;
}

static const char *
name_of(const struct pack *p)
{
	const char *slash = strrchr(pack_path(p), '/');

	return slash != NULL ? slash + 1 : pack_path(p);
}

/* The pack of the smallest name behind place, held; NULL: there is none. */
static struct pack *
pack_after(struct archive *a, const struct archive_volume *v, const char *place,
    struct archive_check_step *out)
{
	struct pack *next = NULL;
	struct pack_info info;

	archive_lock(&a->lock);
	for (size_t i = 0; i < v->pack_count; i++) {
		struct pack *p = v->packs[i];

		pack_info_get(p, &info);
		out->total_bytes += info.file_bytes;
		out->total_packs++;
		if (strcmp(name_of(p), place) > 0 &&
		    (next == NULL || strcmp(name_of(p), name_of(next)) < 0))
			next = p;
	}
	if (next != NULL)
		next = pack_hold(next);
	archive_unlock(&a->lock);
	return next;
}

static bool
cancelled(const struct step *s, struct err *err)
{
	return s->c->cancel != NULL && atomic_load(s->c->cancel) &&
	       !ERR(err, ERR_CANCELLED, "the check was cancelled");
}

/* --- one message of a sample ----------------------------------------------------------------------------- */

/* Mixes id and seed into a number that is below per_million by chance (the finaliser of SplitMix64). */
static bool
is_chosen(const struct archive_check *c, const struct id_record *id)
{
	uint64_t x = c->seed;

	for (size_t i = 0; i < sizeof id->raw; i++) {
		x ^= id->raw[i];
		x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
		x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
		x ^= x >> 31;
	}
	return x % ARCHIVE_CHECK_ALL < c->per_million;
}

static void
tell(const struct step *s, const struct id_record *id, const char *what)
{
	char text[ID_RECORD_TEXT_SIZE], line[384];

	id_record_format(text, id);
	(void)snprintf(line, sizeof line, "message %s: %s", text, what);
	s->c->problem(s->c->ctx, line);
}

/* As a stranger would: the leaf from the message's own bytes, and the way from there to the signed root. */
static bool
prove(const struct buf *text, const struct buf *body, const struct proof_key *key, struct err *err)
{
	uint8_t salt[PROOF_SALT_BYTES];
	struct proof_record record;
	struct proof_text proof;
	struct proof_leaf leaf;
	struct proof_hash hash;
	struct arena arena;
	struct buf opening;
	bool ok;

	arena_init(&arena);
	buf_init(&opening, PROOF_TEXT_BYTES_MAX);
	ok = proof_text_parse(buf_view(text), &proof, &opening, err) &&
	     proof_opening_decode(buf_view(&opening), &arena, salt, &record, err);
	if (ok) {
		record.size_bytes = body->len;
		crypt_sha256(record.sha256, buf_view(body));
		proof_leaf_of_record(&leaf, salt, &record);
		proof_leaf_hash(&hash, &leaf);
		ok = proof_text_check(&proof, key, &hash, NULL, err);
	}
	buf_fini(&opening);
	arena_fini(&arena);
	return ok;
}

static bool
key_of(struct archive *a, const char *archive_id, struct proof_key *key, struct err *err)
{
	struct buf note, vkey;
	uint64_t size;
	bool ok;

	buf_init(&note, PROOF_NOTE_BYTES_MAX);
	buf_init(&vkey, PROOF_VKEY_BYTES_MAX);
	ok = archive_proof_checkpoint(a, archive_id, &size, &note, &vkey, err) &&
	     proof_key_parse(buf_view(&vkey), key, err);
	buf_fini(&note);
	buf_fini(&vkey);
	return ok;
}

/* What a proof came to: true when it is right, or there can be none yet. */
static bool
proof_check(
    const struct step *s, const struct id_record *id, const struct buf *body, struct err *err)
{
	struct proof_key key;
	struct buf text;
	bool ok;

	buf_init(&text, PROOF_TEXT_BYTES_MAX);
	ok = archive_proof_message(s->archive, id, NULL, &text, err);
	if (!ok && err->code == ERR_BUSY) {
		s->out->waiting++;
		ok = true;
	} else if (!ok && err->code == ERR_UNSUPPORTED) {
		s->out->without++;
		ok = true;
	} else if (ok) {
		ok = key_of(s->archive, s->c->archive_id, &key, err) &&
		     prove(&text, body, &key, err);
		s->out->proved += ok ? 1 : 0;
	}
	buf_fini(&text);
	return ok;
}

static void
message_check(const struct step *s, const struct id_record *id)
{
	const char *archive_id;
	struct pack_row row;
	struct arena arena;
	struct buf body;
	struct err err;
	bool ok;

	arena_init(&arena);
	buf_init(&body, ARCHIVE_RECORD_BYTES_MAX);
	ok = archive_read(s->archive, id, &arena, &archive_id, &row, &body, &err);
	if (ok && row.size_bytes != body.len)
		ok = ERR(&err, ERR_CORRUPT, "its record says another size");
	ok = ok && proof_check(s, id, &body, &err);
	if (ok) {
		s->out->messages++;
		s->out->bytes += body.len;
	} else if (err.code != ERR_NOT_FOUND) { /* destroyed meanwhile */
		tell(s, id, err.msg);
	}
	buf_fini(&body);
	arena_fini(&arena);
}

/* --- steps ----------------------------------------------------------------------------------------------- */

static bool
pack_sample(const struct step *s, struct pack *pack, struct err *err)
{
	struct pack_info info;
	struct id_record id;

	pack_info_get(pack, &info);
	for (size_t i = 0; i < info.records; i++) {
		if (cancelled(s, err))
			return false;
		pack_record_id(pack, i, &id);
		if (is_chosen(s->c, &id))
			message_check(s, &id);
	}
	return true;
}

static bool
pack_all(const struct step *s, struct pack *pack, struct err *err)
{
	struct pack_info info;

	pack_info_get(pack, &info);
	s->out->bytes += info.message_bytes;
	return pack_verify(pack, s->c->cancel, s->c->problem, s->c->ctx, &s->out->messages, err);
}

bool
archive_check_next(struct archive *a, const struct archive_check *c,
    char place[ARCHIVE_SCRUB_PLACE_SIZE], struct archive_check_step *step, struct err *err)
{
	const struct archive_volume *v = volume_of(a, c->archive_id, err);
	struct step s = {a, c, step};
	struct pack_info info;
	struct pack *p;
	bool ok;

	*step = (struct archive_check_step){0};
	if (v == NULL)
		return false;
	p = pack_after(a, v, place, step);
	step->none = p == NULL;
	if (p == NULL)
		return true;
	pack_info_get(p, &info);
	step->pack_bytes = info.file_bytes;
	ok = c->per_million < ARCHIVE_CHECK_ALL ? pack_sample(&s, p, err) : pack_all(&s, p, err);
	if (ok)
		(void)snprintf(place, ARCHIVE_SCRUB_PLACE_SIZE, "%s", name_of(p));
	pack_release(&p);
	return ok;
}

/* Without its key there is nothing to compare the log with, and nothing was looked at: that is said. */
static bool
log_check(struct archive *a, struct archive_volume *v, const atomic_bool *cancel,
    pack_problem_fn problem, void *ctx, struct err *err)
{
	struct err away;

	if (archive_view_check(a, v, &away))
		return archive_proof_verify(a, v, cancel, problem, ctx, err);
	if (v->ring.destroyed_ms == 0)
		problem(ctx, away.msg);
	return true;
}

bool
archive_check_logs(struct archive *a, const char *archive_id, const atomic_bool *cancel,
    pack_problem_fn problem, void *ctx, struct err *err)
{
	struct archive_volume *v;
	bool ok = true, removed;

	if (archive_id != NULL) {
		v = volume_of(a, archive_id, err);
		return v != NULL && log_check(a, v, cancel, problem, ctx, err);
	}
	for (size_t i = 0; ok && (v = archive_volume_at(a, i, &removed)) != NULL; i++) {
		if (!removed)
			ok = log_check(a, v, cancel, problem, ctx, err);
	}
	return ok;
}

bool
archive_check_rest(struct archive *a, const struct archive_check *c,
    struct archive_check_step *step, struct err *err)
{
	struct archive_volume *v = volume_of(a, c->archive_id, err);
	struct step s = {a, c, step};
	struct archive_view view;
	bool ok = v != NULL, whole;

	*step = (struct archive_check_step){.none = true};
	if (!ok)
		return false;
	archive_view_take(a, v, INT64_MIN, INT64_MAX, &view);
	if (view.corrupt_packs > 0)
		c->problem(c->ctx, "packs were damaged when the archive was opened, and are not "
				   "served: see the log");
	if (view.damaged_records > 0)
		c->problem(c->ctx, "the intake log holds damaged records, which may belong to any "
				   "archive: see the log");
	for (size_t i = 0; ok && i < view.row_count; i++) {
		ok = !cancelled(&s, err);
		if (ok && is_chosen(c, &view.rows[i].row->id))
			message_check(&s, &view.rows[i].row->id);
	}
	if (ok && view.away > 0)
		c->problem(c->ctx, view.away_why.msg); /* not looked at is not checked */
	whole = c->per_million >= ARCHIVE_CHECK_ALL && view.away == 0;
	archive_view_fini(a, &view);
	return ok && (!whole || log_check(a, v, c->cancel, c->problem, c->ctx, err));
}
