/* SPDX-License-Identifier: Apache-2.0 */
/* The key file: 60 bytes that only their owner may read, made once and never written again. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base_mem.h"
#include "base_text.h"
#include "crypt_digest.h"
#include "crypt_key.h"
#include "crypt_seal.h"

/* Magic, version, key, checksum. docs/formats/key-file.md. */
#define FILE_MAGIC     BYTES_LIT("DBKEYF\r\n")
#define FILE_VERSION   1
#define MAGIC_BYTES    8
#define BODY_BYTES     (MAGIC_BYTES + 4 + CRYPT_KEY_BYTES)
#define CHECKSUM_BYTES 16
#define FILE_BYTES     (BODY_BYTES + CHECKSUM_BYTES)

static void
checksum(uint8_t out[CHECKSUM_BYTES], struct bytes body)
{
	uint8_t digest[CRYPT_SHA256_BYTES];

	crypt_sha256(digest, body);
	memcpy(out, digest, CHECKSUM_BYTES);
}

struct secret *
crypt_key_format(const struct secret *key)
{
	struct secret *file = secret_new(FILE_BYTES);
	uint8_t *at = secret_data(file);

	must(secret_view(key).len == CRYPT_KEY_BYTES);
	memcpy(at, FILE_MAGIC.ptr, MAGIC_BYTES);
	at[MAGIC_BYTES] = FILE_VERSION; /* 32 bits, little-endian; the rest is zero */
	memcpy(at + MAGIC_BYTES + 4, secret_view(key).ptr, CRYPT_KEY_BYTES);
	checksum(at + BODY_BYTES, bytes_of(at, BODY_BYTES));
	return file;
}

bool
crypt_key_parse(struct bytes file, struct secret **key_out, struct err *err)
{
	uint8_t expected[CHECKSUM_BYTES];
	struct bytes magic, key, sum;
	struct reader r;
	uint32_t version;

	reader_init(&r, file);
	magic = reader_take(&r, MAGIC_BYTES);
	version = reader_u32(&r);
	key = reader_take(&r, CRYPT_KEY_BYTES);
	sum = reader_take(&r, CHECKSUM_BYTES);
	if (!bytes_equal(magic, FILE_MAGIC))
		return ERR(err, ERR_CORRUPT, "not a key file");
	if (version > FILE_VERSION)
		return ERR(err, ERR_UNSUPPORTED, "key file version %u is later than this program",
		    version);
	if (!reader_done(&r) || version != FILE_VERSION)
		return ERR(err, ERR_CORRUPT, "not a key file");
	checksum(expected, bytes_slice(file, 0, BODY_BYTES));
	if (!bytes_equal(sum, bytes_of(expected, sizeof expected)))
		return ERR(err, ERR_CORRUPT, "the key file is damaged: its checksum does not fit");
	*key_out = secret_of(key);
	return true;
}

/* The real folder of path, and path's last component (lent, inside path). */
static bool
folder_find(const char *path, char folder[PATH_MAX], const char **name_out, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char *parent;
	bool ok = true;

	*name_out = slash == NULL ? path : slash + 1;
	if (**name_out == '\0')
		return ERR(err, ERR_USAGE, "the key file '%s' names a folder", path);
	parent = mem_strdup(slash == NULL ? "." : slash == path ? "/" : path);
	if (slash != NULL && slash != path)
		parent[slash - path] = '\0';
	if (realpath(parent, folder) == NULL)
		ok = ERR_SYS(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO,
		    "folder of the key file '%s'", path);
	mem_free(parent);
	return ok;
}

/* A data directory that does not exist yet holds nothing. */
static bool
place_check(const char *real_path, const char *data_dir, struct err *err)
{
	char *real;
	size_t len;
	bool inside;

	if (data_dir == NULL)
		return true;
	real = realpath(data_dir, NULL);
	if (real == NULL && errno == ENOENT)
		return true;
	if (real == NULL)
		return ERR_SYS(err, ERR_IO, "data directory '%s'", data_dir);
	len = strlen(real);
	inside =
	    strcmp(real, "/") == 0 || (strncmp(real_path, real, len) == 0 && real_path[len] == '/');
	free(real);
	if (inside)
		return ERR(err, ERR_DENIED,
		    "the key file '%s' lies in the data directory that it locks", real_path);
	return true;
}

static bool
status_check(int fd, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return ERR_SYS(err, ERR_IO, "status of the key file '%s'", path);
	if (!S_ISREG(st.st_mode))
		return ERR(err, ERR_CORRUPT, "the key file '%s' is not a regular file", path);
	if ((st.st_mode & 077) != 0)
		return ERR(err, ERR_DENIED,
		    "others may use the key file '%s' (mode %04o): chmod 0400", path,
		    (unsigned)st.st_mode & 07777);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return ERR(err, ERR_DENIED, "the key file '%s' belongs to another user", path);
	if (st.st_size != FILE_BYTES)
		return ERR(
		    err, ERR_CORRUPT, "the key file '%s' is not %d bytes long", path, FILE_BYTES);
	return true;
}

/* Reads exactly len bytes and sees the end right after them. */
static bool
read_exactly(int fd, uint8_t *out, size_t len, struct err *err)
{
	uint8_t more;

	for (size_t done = 0; done < len;) {
		ssize_t got = read(fd, out + done, len - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ERR_SYS(err, ERR_IO, "read");
		if (got == 0)
			return ERR(err, ERR_CORRUPT, "the key file ends early");
		done += (size_t)got;
	}
	if (read(fd, &more, 1) != 0)
		return ERR(err, ERR_CORRUPT, "the key file goes on after its end");
	return true;
}

static bool
file_read(const char *path, struct secret **key_out, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	struct secret *file = secret_new(FILE_BYTES);
	bool ok;

	if (fd < 0)
		ok = ERR_SYS(err,
		    errno == ENOENT   ? ERR_NOT_FOUND
		    : errno == EACCES ? ERR_DENIED
				      : ERR_IO,
		    "open the key file '%s'", path);
	else
		ok = status_check(fd, path, err) &&
		     read_exactly(fd, secret_data(file), FILE_BYTES, err) &&
		     crypt_key_parse(secret_view(file), key_out, err);
	secret_free(&file);
	if (fd >= 0)
		(void)close(fd);
	return ok;
}

static bool
write_exactly(int fd, struct bytes data, struct err *err)
{
	while (data.len > 0) {
		ssize_t put = write(fd, data.ptr, data.len);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return ERR_SYS(err, ERR_IO, "write");
		data = bytes_slice(data, (size_t)put, data.len);
	}
	return true;
}

static bool
folder_sync(const char *folder, struct err *err)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;

	if (!ok)
		ERR_SYS(err, ERR_IO, "sync the folder '%s'", folder);
	if (fd >= 0)
		(void)close(fd);
	return ok;
}

/*
 * The file gets its name only when it is whole and synced, and link(2) refuses a name that is taken: whatever
 * happens, the name holds a complete key or nothing, and no key is ever replaced. A crash may leave a draft behind.
 */
static bool
file_create(const char *path, const char *folder, const struct rng *rng, struct err *err)
{
	struct secret *key = secret_random(CRYPT_KEY_BYTES, rng), *file = crypt_key_format(key);
	char *draft = mem_alloc(strlen(path) + 32);
	int fd;
	bool ok;

	(void)snprintf(
	    draft, strlen(path) + 32, "%s.draft-%016llx", path, (unsigned long long)rng_u64(rng));
	fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0400);
	if (fd < 0) {
		ok = ERR_SYS(err, ERR_IO, "make the key file '%s'", draft);
		goto out;
	}
	ok = write_exactly(fd, secret_view(file), err);
	if (ok && fsync(fd) != 0)
		ok = ERR_SYS(err, ERR_IO, "sync the key file '%s'", draft);
	if (close(fd) != 0 && ok)
		ok = ERR_SYS(err, ERR_IO, "close the key file '%s'", draft);
	/* EEXIST: another process was faster, and its key is the key. */
	if (ok && link(draft, path) != 0 && errno != EEXIST)
		ok = ERR_SYS(err, ERR_IO, "name the key file '%s'", path);
	(void)unlink(draft);
	ok = ok && folder_sync(folder, err);
out:
	mem_free(draft);
	secret_free(&file);
	secret_free(&key);
	return ok;
}

bool
crypt_keys_open_file(const char *path, const char *data_dir, bool create, const struct rng *rng,
    struct crypt_keys **out, struct err *err)
{
	char *folder = mem_alloc(PATH_MAX), *real = mem_alloc(PATH_MAX);
	const char *name;
	struct secret *key = NULL;
	bool ok;

	if (!folder_find(path, folder, &name, err)) {
		ok = false;
		goto out;
	}
	/* Links are resolved first: what is judged is what is opened. */
	if (realpath(path, real) == NULL) {
		if (errno != ENOENT) {
			ok = ERR_SYS(
			    err, errno == EACCES ? ERR_DENIED : ERR_IO, "the key file '%s'", path);
			goto out;
		}
		if (snprintf(real, PATH_MAX, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder,
			name) >= PATH_MAX) {
			ok = ERR(err, ERR_LIMIT, "the name of the key file is too long");
			goto out;
		}
	}
	ok = place_check(real, data_dir, err) &&
	     (!create || access(real, F_OK) == 0 || file_create(real, folder, rng, err)) &&
	     file_read(real, &key, err);
	if (ok)
		*out = crypt_keys_new(key, rng);
out:
	secret_free(&key);
	mem_free(folder);
	mem_free(real);
	return ok;
}
