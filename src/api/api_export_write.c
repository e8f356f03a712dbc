/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing an export: find the messages, write one file for each (and one of metadata beside it), the manifest
 * last. A directory without manifest.json is not finished. Everything is synced at once before the manifest is
 * written; names are made of ids alone. An export that was interrupted begins again and replaces what it
 * wrote.
 */
#include <string.h>

#include "api_export_int.h"
#include "api_row_int.h"
#include "archive_proof.h"
#include "proof_text.h"
#include "retain.h"
#include "base_mem.h"
#include "base_text.h"

#define PROGRESS_EVERY     500u
#define MANIFEST_BYTES_MAX (256 * LIMIT_MIB)

struct export_state {
	struct api_job *job;
	struct arena arena;
	const char *dir;
	bool metadata;
	struct buf ids; /* of struct id_record, newest first */
	struct buf body;
	struct buf entries; /* of the manifest, JSON objects joined by commas */
	uint64_t written, damaged, bytes;
	struct archive_reader *reader;
	struct archive_proof_at at; /* one checkpoint for all; no note: none can be had */
	struct buf note, key, proof;
};

static bool
id_visit(void *ctx, const struct pack_row *row)
{
	buf_append_mem(ctx, row->id.raw, sizeof(row->id.raw));
	return true;
}

static bool
ids_find(struct export_state *s, const struct json *doc, struct archive_search_report *report,
    struct err *err)
{
	int64_t wanted = json_get_integer(doc, "MaxResults", API_EXPORT_MESSAGES_MAX);
	uint64_t limit =
	    wanted > API_EXPORT_MESSAGES_MAX ? API_EXPORT_MESSAGES_MAX : (uint64_t)wanted;
	struct pack_filter filter;

	if (limit == 0)
		return true;
	retain_filter_build(&s->arena, json_find(doc, "Filters"), &filter);
	return archive_search(s->job->api->o.archive, json_get_str(doc, "ArchiveId"),
		   json_ms(json_find(doc, "FromTimestamp")), json_ms(json_find(doc, "ToTimestamp")),
		   &filter, limit, &s->job->cancel, id_visit, &s->ids, report, err) &&
	       buf_ok(&s->ids, err);
}

/* What an interrupted run left under this name goes first. */
static bool
file_write(struct export_state *s, const char *path, struct bytes data, struct err *err)
{
	struct os_fs fs = s->job->api->o.fs;
	struct os_file *file = NULL;

	if (!os_fs_open(fs, path, OS_OPEN_CREATE, &file, err)) {
		if (err->code != ERR_EXISTS || !os_fs_unlink(fs, path, err) ||
		    !os_fs_open(fs, path, OS_OPEN_CREATE, &file, err))
			return false;
	}
	if (!os_file_write_at(file, 0, data, err)) {
		os_file_drop(&file);
		return false;
	}
	return os_file_close(&file, err);
}

static void
digest_set(struct json *out, const char *key, const uint8_t digest[CRYPT_SHA256_BYTES])
{
	char hex[2 * CRYPT_SHA256_BYTES + 1];

	text_hex_format(hex, bytes_of(digest, CRYPT_SHA256_BYTES));
	json_set_str(out, key, hex);
}

static bool
metadata_write(struct export_state *s, const char *id, const struct pack_row *row,
    struct json *entry, struct arena *arena, struct err *err)
{
	struct json *o = json_new_object();
	uint8_t digest[CRYPT_SHA256_BYTES];
	struct buf text;
	bool ok;

	json_set_str(o, "ArchivedMessageId", id);
	json_set_seconds(o, "ReceivedTimestamp", row->received_ms);
	json_set(o, "Envelope", api_row_envelope(row));
	json_set(o, "Metadata", api_row_metadata(row));
	digest_set(o, "sha256", row->sha256);
	buf_init(&text, 16 * LIMIT_MIB);
	json_print_pretty(o, &text);
	buf_append_byte(&text, '\n');
	json_free(&o);
	ok = buf_ok(&text, err) &&
	     file_write(s, arena_printf(arena, "%s/%s.json", s->dir, id), buf_view(&text), err);
	json_set_str(entry, "MetadataFile", arena_printf(arena, "%s.json", id));
	crypt_sha256(digest, buf_view(&text));
	digest_set(entry, "MetadataSha256", digest);
	buf_fini(&text);
	return ok;
}

/* The digest is the row's: reading the message held its bytes against it. */
static bool
message_write(struct export_state *s, const char *id, const struct pack_row *row,
    struct json *entry, struct arena *arena, struct err *err)
{
	json_set_str(entry, "File", arena_printf(arena, "%s.eml", id));
	json_set_integer(entry, "SizeBytes", (int64_t)s->body.len);
	digest_set(entry, "Sha256", row->sha256);
	s->bytes += s->body.len;
	s->written++;
	return file_write(
		   s, arena_printf(arena, "%s/%s.eml", s->dir, id), buf_view(&s->body), err) &&
	       (!s->metadata || metadata_write(s, id, row, entry, arena, err));
}

/* A message that came after the checkpoint, or whose log is damaged, goes without a proof, and says so. */
static bool
proof_write(struct export_state *s, const char *id, const char *archive, const struct pack_row *row,
    struct json *entry, struct arena *arena, struct err *err)
{
	if (s->note.len == 0)
		return true;
	buf_reset(&s->proof);
	if (archive_proof_row(s->job->api->o.archive, archive, row, &s->at, &s->proof, err)) {
		json_set_str(entry, "ProofFile", arena_printf(arena, "%s.tlog-proof", id));
		return file_write(s, arena_printf(arena, "%s/%s.tlog-proof", s->dir, id),
		    buf_view(&s->proof), err);
	}
	json_set_str(entry, "ProofError", err->msg);
	return err->code == ERR_BUSY || err->code == ERR_UNSUPPORTED || err->code == ERR_CORRUPT ||
	       err->code == ERR_NOT_FOUND;
}

/* A damaged message is named in the manifest and does not stop the others. */
static bool
one_export(struct export_state *s, const struct id_record *record, struct err *err)
{
	struct json *entry = json_new_object();
	char id[ID_RECORD_TEXT_SIZE];
	struct pack_row row;
	struct arena arena;
	const char *archive;
	bool ok;

	arena_init(&arena);
	id_record_format(id, record);
	json_set_str(entry, "ArchivedMessageId", id);
	buf_reset(&s->body);
	ok = archive_reader_read(s->reader, record, &arena, &archive, &row, &s->body, err);
	if (ok) {
		ok = message_write(s, id, &row, entry, &arena, err) &&
		     proof_write(s, id, archive, &row, entry, &arena, err);
	} else if (err->code == ERR_CORRUPT || err->code == ERR_NOT_FOUND) {
		json_set_str(entry, "Error", err->msg);
		s->damaged++;
		ok = true;
	}
	if (s->entries.len > 0)
		buf_append_str(&s->entries, ",\n");
	json_print(entry, &s->entries);
	json_free(&entry);
	arena_fini(&arena);
	return ok;
}

static bool
progress(struct export_state *s, struct err *err)
{
	struct json *changes = json_new_object(), *p = json_new_object();
	bool ok;

	json_set_integer(p, "Messages", (int64_t)(s->ids.len / ID_RECORD_BYTES));
	json_set_integer(p, "Written", (int64_t)s->written);
	json_set_integer(p, "Bytes", (int64_t)s->bytes);
	json_set(changes, "Progress", p);
	ok = api_job_update(s->job, "PROCESSING", changes, err);
	json_free(&changes);
	return ok;
}

static bool
messages_export(struct export_state *s, struct err *err)
{
	struct reader r;

	reader_init(&r, buf_view(&s->ids));
	for (size_t i = 0; r.left.len > 0; i++) {
		struct id_record id;

		memcpy(id.raw, reader_take(&r, sizeof(id.raw)).ptr, sizeof(id.raw));
		if (atomic_load(&s->job->cancel))
			return ERR(err, ERR_CANCELLED, "stopped");
		if (i % PROGRESS_EVERY == 0 && !progress(s, err))
			return false;
		if (!one_export(s, &id, err))
			return false;
	}
	return true;
}

/* The entries are many, so they are joined as text; everything before them is one object without its last
 * brace. */
static bool
manifest_write(struct export_state *s, const struct json *doc, struct err *err)
{
	static const char *const copied[] = {
	    "ArchiveId", "FromTimestamp", "ToTimestamp", "Filters", "MaxResults"};
	struct json *o = json_new_object();
	struct buf text;
	bool ok;

	json_set_str(o, "ExportId", s->job->id);
	for (size_t i = 0; i < sizeof(copied) / sizeof(copied[0]); i++)
		if (json_find(doc, copied[i]) != NULL)
			json_set(o, copied[i], json_copy(json_find(doc, copied[i])));
	json_set_bool(o, "IncludeMetadata", s->metadata);
	json_set_integer(o, "Count", (int64_t)s->written);
	json_set_integer(o, "DamagedCount", (int64_t)s->damaged);
	json_set_integer(o, "Bytes", (int64_t)s->bytes);
	if (s->note.len > 0) {
		json_set_str(o, "Checkpoint", buf_text(&s->note));
		json_set_str(o, "Key", buf_text(&s->key));
	}
	buf_init(&text, MANIFEST_BYTES_MAX);
	json_print(o, &text);
	json_free(&o);
	must(text.len > 0);
	text.len--;
	buf_append_str(&text, ",\"Messages\":[\n");
	buf_append(&text, buf_view(&s->entries));
	buf_append_str(&text, "]}\n");
	ok = buf_ok(&text, err) && buf_ok(&s->entries, err) &&
	     os_fs_write_file(s->job->api->o.fs,
		 arena_printf(&s->arena, "%s/manifest.json", s->dir), buf_view(&text), err);
	buf_fini(&text);
	return ok;
}

/* The checkpoint that all proofs of this export lead to. */
static void
head_take(struct export_state *s, const struct json *doc)
{
	struct archive_proof_head head;
	struct err err;

	if (!archive_proof_head(s->job->api->o.archive, json_get_str(doc, "ArchiveId"), &head,
		&s->note, &s->key, &err))
		buf_reset(&s->note);
	s->at = (struct archive_proof_at){.size = head.size, .note = buf_view(&s->note)};
}

static void
warnings_set(
    struct export_state *s, const struct archive_search_report *report, struct json *changes)
{
	if (s->damaged > 0 || report->packs_skipped > 0)
		json_set_str(changes, "ErrorMessage",
		    arena_printf(&s->arena,
			"%llu messages could not be read (manifest.json names them) and %llu "
			"damaged packs "
			"were skipped",
			(unsigned long long)s->damaged, (unsigned long long)report->packs_skipped));
}

bool
api_export_run(struct api_job *job, const struct json *doc, struct json *changes, struct err *err)
{
	const struct json *s3 = json_find(json_find(doc, "ExportDestinationConfiguration"), "S3");
	struct archive_search_report report = {0, 0, 0};
	struct export_state s = {
	    .job = job, .metadata = json_get_bool(doc, "IncludeMetadata", false)};
	const char *why;
	bool ok;

	arena_init(&s.arena);
	buf_init(&s.ids, (size_t)API_EXPORT_MESSAGES_MAX * ID_RECORD_BYTES);
	buf_init(&s.body, API_RESPONSE_BODY_MAX);
	buf_init(&s.entries, MANIFEST_BYTES_MAX);
	buf_init(&s.note, PROOF_NOTE_BYTES_MAX);
	buf_init(&s.key, PROOF_VKEY_BYTES_MAX);
	buf_init(&s.proof, PROOF_TEXT_BYTES_MAX);
	s.reader = archive_reader_new(job->api->o.archive);
	head_take(&s, doc);
	s.dir =
	    api_export_directory(job->api, &s.arena, json_get_str(s3, "S3Location"), job->id, &why);
	ok = s.dir != NULL || ERR(err, ERR_USAGE, "S3Location: %s", why);
	ok = ok && ids_find(&s, doc, &report, err) && progress(&s, err) &&
	     os_fs_mkdir_path(job->api->o.fs, s.dir, err) && messages_export(&s, err) &&
	     os_fs_sync_all(job->api->o.fs, s.dir, err) && manifest_write(&s, doc, err);
	if (ok)
		warnings_set(&s, &report, changes);
	archive_reader_free(&s.reader);
	buf_fini(&s.ids);
	buf_fini(&s.body);
	buf_fini(&s.entries);
	buf_fini(&s.note);
	buf_fini(&s.key);
	buf_fini(&s.proof);
	arena_fini(&s.arena);
	return ok;
}
