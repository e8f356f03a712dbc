/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of a log: its head, proofs, files; and whether it and the records still fit each other. */
#include <stdio.h>
#include <string.h>

#include "archive_proof_int.h"
#include "base_mem.h"
#include "proof_text.h"

/* The log of an archive, locked; NULL when there is none to ask. */
static struct archive_proof *
proof_enter(struct archive *a, const char *archive_id, struct err *err)
{
	struct archive_volume *v;
	struct err away;
	bool usable;

	archive_lock(&a->lock);
	v = archive_volume_find(a, archive_id);
	archive_unlock(&a->lock);
	if (v == NULL) {
		(void)ERR(err, ERR_NOT_FOUND, "no archive %.66s", archive_id);
		return NULL;
	}
	usable = archive_view_check(a, v, &away);
	archive_lock(&v->proof->lock);
	if (v->proof->log == NULL && !usable)
		*err = away;
	else if (v->proof->log == NULL)
		(void)ERR(err, ERR_CORRUPT, "the proof log of this archive is damaged: %s",
		    v->proof->trouble);
	else if (proof_log_ready(v->proof->log, err))
		return v->proof;
	archive_unlock(&v->proof->lock);
	return NULL;
}

static bool
proof_leave(struct archive_proof *proof, bool ok)
{
	archive_unlock(&proof->lock);
	return ok;
}

bool
archive_proof_head(struct archive *a, const char *archive_id, struct archive_proof_head *out,
    struct buf *note, struct buf *vkey, struct err *err)
{
	struct archive_stats stats;
	struct archive_proof *proof;
	struct proof_hash root;

	*out = (struct archive_proof_head){0};
	if (!archive_stats_get(a, archive_id, &stats, err))
		return false;
	proof = proof_enter(a, archive_id, err);
	if (proof == NULL)
		return false;
	out->size = proof_log_size(proof->log);
	proof_log_root(proof->log, &root);
	memcpy(out->root, root.raw, sizeof out->root);
	out->waiting = stats.unsealed_messages;
	out->without = stats.without_leaf;
	if (note != NULL)
		buf_append(note, proof_log_note(proof->log));
	if (vkey != NULL)
		proof_key_format(proof_log_key(proof->log), vkey);
	return proof_leave(proof, true);
}

bool
archive_proof_checkpoint(struct archive *a, const char *archive_id, uint64_t *size_out,
    struct buf *note, struct buf *vkey, struct err *err)
{
	struct archive_proof *proof = proof_enter(a, archive_id, err);

	if (proof == NULL)
		return false;
	*size_out = proof_log_size(proof->log);
	buf_append(note, proof_log_note(proof->log));
	proof_key_format(proof_log_key(proof->log), vkey);
	return proof_leave(proof, buf_ok(note, err));
}

bool
archive_proof_name(struct archive *a, size_t i, char id_out[ARCHIVE_ID_SIZE])
{
	bool found = false;

	archive_lock(&a->lock);
	for (size_t v = 0; v < a->volume_count && !found; v++) {
		found = !a->volumes[v]->removed && i-- == 0;
		if (found)
			(void)snprintf(id_out, ARCHIVE_ID_SIZE, "%s", a->volumes[v]->id);
	}
	archive_unlock(&a->lock);
	return found;
}

/* The row's leaf is the one in the log, or nothing is handed out. */
static bool
message_prove(struct archive_proof *proof, const struct pack_row *row,
    const struct archive_proof_at *at, struct buf *text, struct err *err)
{
	uint64_t size = at != NULL ? at->size : proof_log_size(proof->log);
	struct proof_text t = {.has_extra = true, .index = row->leaf_index};
	uint8_t salt[PROOF_SALT_BYTES];
	struct proof_leaf wanted, there;
	struct proof_record record = {.id = row->id,
	    .received_ms = row->received_ms,
	    .sender = row->columns.envelope_from,
	    .recipients = row->recipients,
	    .recipient_count = row->recipient_count};
	struct buf opening;

	if (row->leaf_index >= size)
		return ERR(
		    err, ERR_BUSY, "the message is not in the log yet: it waits to be packed");
	archive_proof_leaf(proof, row, &wanted);
	if (!proof_log_leaf(proof->log, row->leaf_index, &there, err))
		return false;
	if (memcmp(wanted.raw, there.raw, sizeof wanted.raw) != 0)
		return ERR(err, ERR_CORRUPT, "the log has another record at leaf %llu",
		    (unsigned long long)row->leaf_index);
	if (!proof_log_inclusion(proof->log, row->leaf_index, size, &t.path, err))
		return false;
	t.checkpoint = at != NULL ? at->note : proof_log_note(proof->log);
	buf_init(&opening, PROOF_ENVELOPE_BYTES_MAX);
	proof_leaf_salt(
	    salt, proof->leaf_key, PROOF_RECORD, bytes_of(row->id.raw, sizeof row->id.raw));
	proof_opening_encode(&opening, salt, &record);
	proof_text_format(&t, buf_view(&opening), text);
	buf_fini(&opening);
	return buf_ok(text, err);
}

static bool
is_unsealed(struct archive *a, const struct id_record *id)
{
	struct archive_view view;
	bool found = false;

	archive_view_take(a, NULL, id_record_ms(id), id_record_ms(id) + 1, &view);
	for (size_t i = 0; i < view.row_count && !found; i++)
		found = id_record_compare(&view.rows[i].row->id, id) == 0;
	archive_view_fini(a, &view);
	return found;
}

bool
archive_proof_row(struct archive *a, const char *archive_id, const struct pack_row *row,
    const struct archive_proof_at *at, struct buf *text, struct err *err)
{
	struct archive_proof *proof;

	if (row->leaf_index == PACK_LEAF_NONE)
		return is_unsealed(a, &row->id)
			   ? ERR(err, ERR_BUSY,
				 "the message is not in the log yet: it waits to be packed")
			   : ERR(err, ERR_UNSUPPORTED, "the message has no leaf in the log");
	proof = proof_enter(a, archive_id, err);
	return proof != NULL && proof_leave(proof, message_prove(proof, row, at, text, err));
}

bool
archive_proof_message(struct archive *a, const struct id_record *id,
    const struct archive_proof_at *at, struct buf *text, struct err *err)
{
	const char *archive_id;
	struct pack_row row;
	struct arena arena;
	bool ok;

	arena_init(&arena);
	ok = archive_read(a, id, &arena, &archive_id, &row, NULL, err) &&
	     archive_proof_row(a, archive_id, &row, at, text, err);
	arena_fini(&arena);
	return ok;
}

bool
archive_proof_consistency(struct archive *a, const char *archive_id, uint64_t first,
    struct buf *out, struct buf *note, struct err *err)
{
	struct archive_proof *proof = proof_enter(a, archive_id, err);
	struct proof_path path;
	bool ok;

	if (proof == NULL)
		return false;
	ok = proof_log_consistency(proof->log, first, proof_log_size(proof->log), &path, err);
	for (size_t i = 0; ok && i < path.count; i++)
		buf_append_mem(out, path.hashes[i].raw, PROOF_HASH_BYTES);
	if (ok)
		buf_append(note, proof_log_note(proof->log));
	return proof_leave(proof, ok);
}

bool
archive_proof_file(
    struct archive *a, const char *archive_id, struct bytes path, struct buf *out, struct err *err)
{
	struct archive_proof *proof;
	struct proof_tile tile = {0};
	bool checkpoint = bytes_equal(path, BYTES_LIT("checkpoint"));
	bool ok = true;

	if (!checkpoint && !proof_tile_parse(path, &tile, err))
		return ERR(err, ERR_NOT_FOUND, "a log has no such file");
	proof = proof_enter(a, archive_id, err);
	if (proof == NULL)
		return false;
	if (checkpoint)
		buf_append(out, proof_log_note(proof->log));
	else
		ok = proof_log_tile(proof->log, &tile, out, err);
	return proof_leave(proof, ok);
}

bool
archive_proof_cosign(struct archive *a, const char *archive_id, struct bytes note,
    struct bytes lines, struct err *err)
{
	struct archive_proof *proof = proof_enter(a, archive_id, err);

	return proof != NULL && proof_leave(proof, proof_log_cosign(proof->log, note, lines, err));
}
