/* SPDX-License-Identifier: Apache-2.0 */
/* Access keys from where AWS tools keep them. */
#include "cli_credentials.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os_fs.h"

#define FILE_BYTES_MAX   65536
#define PATH_BYTES_MAX   4096
#define SECRET_BYTES_MAX 256

static struct bytes
next_line(struct bytes *left)
{
	size_t end = bytes_find_byte(*left, 0, '\n');
	struct bytes line = bytes_slice(*left, 0, end);

	*left = end == SIZE_MAX ? BYTES_EMPTY : bytes_slice(*left, end + 1, SIZE_MAX);
	return bytes_trim(line);
}

/* "name = value" of that name. */
static bool
is_member(struct bytes line, const char *name, struct bytes *value)
{
	size_t equals = bytes_find_byte(line, 0, '=');

	if (equals == SIZE_MAX ||
	    !bytes_equal(bytes_trim(bytes_slice(line, 0, equals)), bytes_of_str(name)))
		return false;
	*value = bytes_trim(bytes_slice(line, equals + 1, SIZE_MAX));
	return true;
}

static bool
is_section(struct bytes line, const char *profile)
{
	struct bytes name = bytes_trim(bytes_slice(line, 1, line.len - 2));

	return line.ptr[line.len - 1] == ']' && bytes_equal(name, bytes_of_str(profile));
}

static bool
take(struct bytes id, struct bytes secret, struct cli_credentials *out, struct err *err)
{
	if (id.len == 0 || id.len >= sizeof out->key_id || secret.len == 0 ||
	    secret.len > SECRET_BYTES_MAX)
		return ERR(
		    err, ERR_SYNTAX, "an access key id or its secret is missing or too long");
	memcpy(out->key_id, id.ptr, id.len);
	out->key_id[id.len] = '\0';
	out->secret = secret_of(secret);
	return true;
}

bool
cli_credentials_parse(
    struct bytes text, const char *profile, struct cli_credentials *out, struct err *err)
{
	struct bytes id = BYTES_EMPTY, secret = BYTES_EMPTY;
	bool inside = false, seen = false;

	memset(out, 0, sizeof *out);
	while (text.len > 0) {
		struct bytes line = next_line(&text);

		if (line.len > 1 && line.ptr[0] == '[') {
			inside = is_section(line, profile);
			seen |= inside;
		} else if (inside && !is_member(line, "aws_access_key_id", &id)) {
			(void)is_member(line, "aws_secret_access_key", &secret);
		}
	}
	if (!seen)
		return ERR(err, ERR_NOT_FOUND, "no profile [%.60s]", profile);
	return take(id, secret, out, err);
}

static bool
from_file(const char *path, const char *profile, struct cli_credentials *out, struct err *err)
{
	struct buf text;
	bool ok;

	buf_init(&text, FILE_BYTES_MAX);
	ok = os_fs_read_file(os_fs_real(), path, FILE_BYTES_MAX, &text, err) &&
	     cli_credentials_parse(buf_view(&text), profile, out, err);
	if (text.ptr != NULL)
		secret_wipe(text.ptr, text.len);
	buf_fini(&text);
	return ok || err_prefix(err, "%.100s: ", path);
}

static bool
from_home(const char *profile, struct cli_credentials *out, struct err *err)
{
	const char *file = getenv("AWS_SHARED_CREDENTIALS_FILE"), *home = getenv("HOME");
	char path[PATH_BYTES_MAX];

	if (file == NULL && home == NULL)
		return ERR(err, ERR_NOT_FOUND, "HOME is not set");
	if (file == NULL) {
		(void)snprintf(path, sizeof path, "%s/.aws/credentials", home);
		file = path;
	}
	return from_file(file, profile, out, err);
}

bool
cli_credentials_find(
    const char *profile, const char *data_dir, struct cli_credentials *out, struct err *err)
{
	const char *id = getenv("AWS_ACCESS_KEY_ID"), *secret = getenv("AWS_SECRET_ACCESS_KEY");
	const char *named = getenv("AWS_PROFILE");
	char path[PATH_BYTES_MAX];

	memset(out, 0, sizeof *out);
	if (profile != NULL)
		return from_home(profile, out, err);
	if (id != NULL && secret != NULL)
		return take(bytes_of_str(id), bytes_of_str(secret), out, err);
	(void)snprintf(path, sizeof path, "%s/credentials", data_dir);
	if (from_file(path, "default", out, err) ||
	    from_home(named != NULL ? named : "default", out, err))
		return true;
	return ERR(err, ERR_DENIED,
	    "no access key: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a --profile "
	    "of "
	    "~/.aws/credentials");
}

void
cli_credentials_fini(struct cli_credentials *c)
{
	secret_free(&c->secret);
}
