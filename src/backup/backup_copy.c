/* SPDX-License-Identifier: Apache-2.0 */
/* Copying with a digest, and telling how far it went. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "backup_int.h"
#include "base_limits.h"
#include "base_log.h"
#include "base_mem.h"
#include "base_text.h"

void
backup_tell(struct backup_run *r)
{
	if (r->o->progress != NULL)
		r->o->progress(r->o->ctx, &r->progress);
}

void
backup_problem(struct backup_run *r, const char *format, ...)
{
	char text[320];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	r->problems++;
	if (r->o->problem != NULL)
		r->o->problem(r->o->ctx, text);
}

bool
backup_not_cancelled(const struct backup_run *r, struct err *err)
{
	return r->o->cancel == NULL || !atomic_load(r->o->cancel) ||
	       ERR(err, ERR_CANCELLED, "the backup was cancelled");
}

void
backup_drop(struct os_fs fs, const char *path)
{
	struct err why;

	if (!os_fs_unlink(fs, path, &why) && why.code != ERR_NOT_FOUND)
		log_warn("%s: %s", path, why.msg);
}

char *
backup_path(const char *dir, const char *name)
{
	size_t size = strlen(dir) + strlen(name) + 2;
	char *path = mem_alloc(size);

	(void)snprintf(path, size, "%s/%s", dir, name);
	return path;
}

char *
backup_blob(const struct backup_options *o, const uint8_t sha256[CRYPT_SHA256_BYTES])
{
	char name[8 + BACKUP_HEX_SIZE] = "files/";

	text_hex_format(name + strlen(name), bytes_of(sha256, CRYPT_SHA256_BYTES));
	return backup_path(o->backup, name);
}

static bool
chunks(struct backup_run *r, struct os_file *from, struct os_file *to, uint64_t end,
    struct crypt_sha256_stream *digest, uint64_t *size_out, struct err *err)
{
	uint8_t *chunk = mem_alloc(LIMIT_MIB);
	uint64_t at = 0;
	bool ok = true;

	while (ok && at < end) {
		size_t want = end - at < LIMIT_MIB ? (size_t)(end - at) : LIMIT_MIB, got = 0;

		ok = backup_not_cancelled(r, err) &&
		     os_file_read_at(from, at, chunk, want, &got, err);
		if (!ok || got == 0)
			break;
		crypt_sha256_add(digest, bytes_of(chunk, got));
		if (to != NULL)
			ok = os_file_write_at(to, at, bytes_of(chunk, got), err);
		at += got;
		r->progress.bytes += got;
		backup_tell(r);
	}
	mem_free(chunk);
	*size_out = at;
	return ok;
}

bool
backup_copy(struct backup_run *r, const char *from, const char *to, uint64_t max,
    uint64_t *size_out, uint8_t sha256[CRYPT_SHA256_BYTES], struct err *err)
{
	struct crypt_sha256_stream *digest = crypt_sha256_new();
	struct os_file *source = NULL, *target = NULL;
	uint64_t size = 0;
	bool ok;

	ok = os_fs_open(r->o->fs, from, OS_OPEN_READ, &source, err) &&
	     os_file_size(source, &size, err);
	if (ok && to != NULL)
		ok = os_fs_open(r->o->fs, to, OS_OPEN_CREATE, &target, err) ||
		     err_prefix(err, "%.80s", to);
	ok = ok && chunks(r, source, target, size < max ? size : max, digest, size_out, err);
	if (ok && target != NULL)
		ok = os_file_sync(target, err) && os_file_close(&target, err);
	os_file_drop(&source);
	os_file_drop(&target);
	crypt_sha256_done(&digest, sha256);
	return ok;
}

bool
backup_manifest_read(const struct backup_options *o, struct arena *arena,
    struct backup_manifest *out, struct err *err)
{
	char *path = backup_path(o->backup, "manifest");
	struct buf text;
	bool ok;

	buf_init(&text, BACKUP_MANIFEST_BYTES_MAX);
	ok = (os_fs_read_file(o->fs, path, BACKUP_MANIFEST_BYTES_MAX, &text, err) &&
		 backup_manifest_parse(buf_view(&text), arena, out, err)) ||
	     err_prefix(err, "%.100s", path);
	buf_fini(&text);
	mem_free(path);
	return ok;
}
