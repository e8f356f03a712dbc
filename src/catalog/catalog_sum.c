/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite's pages carry no checksum, so what the whole file was when it was closed is kept beside it, and compared when
 * it is opened again. It goes, durably, when that is done. What changed the file and did not close it left a
 * write-ahead log, which has checksums of its own: then nothing is compared.
 */
#include <stdio.h>
#include <string.h>

#include "base_limits.h"
#include "base_log.h"
#include "base_mem.h"
#include "catalog_int.h"
#include "crypt_digest.h"
#include "os_fs.h"

static const uint8_t MAGIC[8] = {'D', 'B', 'K', 'C', 'S', 'U', 'M', '\n'};

#define SUM_BYTES (sizeof MAGIC + CRYPT_SHA256_BYTES)

static char *
name_of(const char *path, const char *end)
{
	size_t size = strlen(path) + strlen(end) + 1;
	char *name = mem_alloc(size);

	(void)snprintf(name, size, "%s%s", path, end);
	return name;
}

static bool
file_digest(const char *path, uint8_t out[CRYPT_SHA256_BYTES], struct err *err)
{
	struct crypt_sha256_stream *s = crypt_sha256_new();
	uint8_t *chunk = mem_alloc(LIMIT_MIB);
	struct os_file *file = NULL;
	uint64_t at = 0;
	size_t got = 1;
	bool ok = os_fs_open(os_fs_real(), path, OS_OPEN_READ, &file, err);

	while (ok && got > 0) {
		ok = os_file_read_at(file, at, chunk, LIMIT_MIB, &got, err);
		if (ok)
			crypt_sha256_add(s, bytes_of(chunk, got));
		at += got;
	}
	crypt_sha256_done(&s, out);
	os_file_drop(&file);
	mem_free(chunk);
	return ok;
}

static bool
is_at_rest(const char *path)
{
	char *wal = name_of(path, "-wal");
	struct os_stat st;
	struct err ignored;
	bool rest = !os_fs_stat(os_fs_real(), wal, &st, &ignored) || st.size_bytes == 0;

	mem_free(wal);
	return rest;
}

static bool
dir_sync(const char *path, struct err *err)
{
	char *dir = mem_strdup(path), *slash = strrchr(dir, '/');
	bool ok;

	if (slash != NULL)
		slash[slash == dir] = '\0';
	ok = os_fs_sync_dir(os_fs_real(), slash == NULL ? "." : dir, err);
	mem_free(dir);
	return ok;
}

bool
catalog_sum_check(const char *path, struct err *err)
{
	char *name = name_of(path, ".sum");
	uint8_t digest[CRYPT_SHA256_BYTES];
	struct err why = {.code = ERR_NONE};
	struct buf sum;
	bool ok = true;

	buf_init(&sum, SUM_BYTES);
	if (!os_fs_read_file(os_fs_real(), name, SUM_BYTES, &sum, &why)) {
		if (why.code == ERR_LIMIT)
			ok = ERR(err, ERR_CORRUPT, "%.100s is damaged", name);
		else if (why.code != ERR_NOT_FOUND) {
			*err = why;
			ok = false;
		}
	} else if (is_at_rest(path)) {
		ok = file_digest(path, digest, err);
		if (ok && (sum.len != SUM_BYTES || memcmp(sum.ptr, MAGIC, sizeof MAGIC) != 0 ||
			      memcmp(sum.ptr + sizeof MAGIC, digest, sizeof digest) != 0))
			ok = ERR(err, ERR_CORRUPT,
			    "the catalog is not what it was when it was closed; restore a backup, "
			    "or "
			    "remove catalog.db.sum to take it as it is");
	}
	buf_fini(&sum);
	mem_free(name);
	return ok;
}

bool
catalog_sum_drop(const char *path, struct err *err)
{
	char *name = name_of(path, ".sum");
	struct err why = {.code = ERR_NONE};
	bool ok = true;

	if (os_fs_unlink(os_fs_real(), name, &why)) {
		ok = dir_sync(path, err);
	} else if (why.code != ERR_NOT_FOUND) {
		*err = why;
		ok = false;
	}
	mem_free(name);
	return ok;
}

void
catalog_sum_write(const char *path)
{
	char *name = name_of(path, ".sum");
	uint8_t digest[CRYPT_SHA256_BYTES];
	struct buf sum;
	struct err err;

	if (is_at_rest(path)) {
		buf_init(&sum, SUM_BYTES);
		buf_append_mem(&sum, MAGIC, sizeof MAGIC);
		if (file_digest(path, digest, &err)) {
			buf_append_mem(&sum, digest, sizeof digest);
			if (!os_fs_write_file(os_fs_real(), name, buf_view(&sum), &err))
				log_warn("%s: %s", name, err.msg);
		}
		buf_fini(&sum);
	}
	mem_free(name);
}
