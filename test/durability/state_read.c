/* SPDX-License-Identifier: Apache-2.0 */
/* What a data directory holds after a crash. */
#include "state_read.h"

#include <stdio.h>
#include <string.h>

#include "app_store.h"
#include "archive.h"
#include "audit.h"
#include "base_limits.h"
#include "crypt_digest.h"
#include "os_fs.h"

#define PATH_BYTES_MAX 4096u

struct reading {
	struct archive *archive;
	state_visit_fn visit;
	void *ctx;
	struct id_record newest; /* of the row before */
	uint64_t rows;
	bool more;
	struct err err; /* code ERR_NONE: nothing wrong yet */
};

static bool
read_message(struct reading *r, const struct id_record *id)
{
	char text[ID_RECORD_TEXT_SIZE], hex[2 * CRYPT_SHA256_BYTES + 1];
	uint8_t digest[CRYPT_SHA256_BYTES];
	struct pack_row row;
	const char *archive_id;
	struct arena arena;
	struct buf body;
	bool ok;

	arena_init(&arena);
	buf_init(&body, 2 * SMTP_MESSAGE_BYTES_CEIL);
	id_record_format(text, id);
	ok = archive_read(r->archive, id, &arena, &archive_id, &row, &body, &r->err);
	if (ok) {
		crypt_sha256(digest, buf_view(&body));
		for (size_t i = 0; i < sizeof digest; i++)
			(void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
		r->more = r->visit(r->ctx, text, hex);
	} else {
		(void)err_prefix(&r->err, "message %s", text);
	}
	buf_fini(&body);
	arena_fini(&arena);
	return ok && r->more;
}

static bool
on_row(void *ctx, const struct pack_row *row)
{
	struct reading *r = ctx;

	if (r->rows++ > 0 && id_record_compare(&r->newest, &row->id) <= 0)
		return ERR(&r->err, ERR_CORRUPT, "a message is shown twice or out of order");
	r->newest = row->id;
	return read_message(r, &row->id);
}

static bool
on_archive(void *ctx, const char *name)
{
	struct reading *r = ctx;
	struct archive_search_report report;
	struct err err;

	r->rows = 0;
	if (!archive_search(
		r->archive, name, 0, INT64_MAX, NULL, UINT64_MAX, NULL, on_row, r, &report, &err) &&
	    err.code != ERR_NOT_FOUND) /* its key was not written yet */
		r->err = err;
	return r->err.code == ERR_NONE && r->more;
}

static void
on_problem(void *ctx, const char *what)
{
	struct reading *r = ctx;

	if (r->err.code == ERR_NONE)
		(void)ERR(&r->err, ERR_CORRUPT, "verify: %s", what);
}

static bool
read_archives(struct reading *r, const struct archive_options *o, struct err *err)
{
	char path[PATH_BYTES_MAX];
	struct archive_recovery found;
	uint64_t checked;
	bool ok;

	if (!archive_open(o, &r->archive, &found, err))
		return err_prefix(err, "recovery");
	ok = (found.corrupt_records == 0 && found.corrupt_packs == 0) ||
	     ERR(err, ERR_CORRUPT, "recovery speaks of damage where there was a crash only");
	(void)snprintf(path, sizeof path, "%s/archives", o->dir);
	ok = ok && archive_verify(r->archive, NULL, NULL, on_problem, r, &checked, err) &&
	     os_fs_list(o->fs, path, on_archive, r, err);
	if (ok && r->err.code != ERR_NONE) {
		*err = r->err;
		ok = false;
	}
	archive_close(&r->archive);
	return ok;
}

/* The audit log, with its proof log. */
static bool
read_audit(struct reading *r, const struct app_config *config, const struct app_store *store,
    struct err *err)
{
	struct audit_recovery found;
	struct audit_options o;
	struct audit *audit;
	struct arena arena;
	uint64_t checked;
	bool ok;

	arena_init(&arena);
	o = app_store_audit_options(config, store, &arena);
	ok = audit_open(&o, &audit, &found, err);
	if (ok) {
		ok =
		    found.damaged == 0 ||
		    ERR(err, ERR_CORRUPT, "recovery speaks of damage where there was a crash only");
		ok = ok && audit_verify(audit, NULL, on_problem, r, &checked, err);
		audit_close(&audit);
	}
	if (ok && r->err.code != ERR_NONE) {
		*err = r->err;
		ok = false;
	}
	arena_fini(&arena);
	return ok || err_prefix(err, "audit log");
}

bool
state_read(const char *data_dir, state_visit_fn visit, void *ctx, struct err *err)
{
	struct reading r = {.visit = visit, .ctx = ctx, .more = true};
	struct archive_options o = {
	    .fs = os_fs_real(), .dir = data_dir, .clock = clock_system(), .rng = rng_system()};
	struct app_config config;
	struct app_store store;
	bool ok;

	r.err.code = ERR_NONE;
	app_config_init(&config);
	ok = app_config_set(&config, "server.data", data_dir, err) &&
	     app_config_set(&config, "server.hostname", "mail.test", err) &&
	     app_config_finish(&config, err);
	if (ok && !app_store_open(&config, &store, err))
		ok = err_prefix(err, "opening");
	else if (ok) {
		o.keys = store.keys;
		ok = read_archives(&r, &o, err) && read_audit(&r, &config, &store, err);
		app_store_close(&store);
	}
	app_config_fini(&config);
	return ok;
}
