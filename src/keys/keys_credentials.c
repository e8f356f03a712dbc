/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets that lie in files: PINs, tokens, and AWS access keys in the form that AWS tools keep them in. */
#include <stdio.h>
#include <string.h>

#include "crypt_sigv4.h"
#include "keys_int.h"

#define SESSION_BYTES_MAX 4000u

bool
keys_file_read(
    struct os_fs fs, const char *path, const char *what, struct secret **out, struct err *err)
{
	struct keys_text text;
	struct bytes line;
	bool ok;

	keys_text_init(&text);
	ok = os_fs_read_file(fs, path, KEYS_REPLY_MAX, &text.buf, err);
	line = buf_view(&text.buf);
	line = bytes_trim(bytes_slice(line, 0, bytes_find_byte(line, 0, '\n')));
	if (ok && (line.len == 0 || line.len > KEYS_PIN_MAX))
		ok = ERR(
		    err, ERR_SYNTAX, "its first line must have 1 to %u characters", KEYS_PIN_MAX);
	if (ok)
		*out = secret_of(line);
	else
		(void)err_prefix(err, "%s %.80s", what, path);
	keys_text_fini(&text);
	return ok;
}

/* "name = value"; false when the line is not one. */
static bool
line_split(struct bytes line, struct bytes *name, struct bytes *value)
{
	size_t at = bytes_find_byte(line, 0, '=');

	if (at == SIZE_MAX)
		return false;
	*name = bytes_trim(bytes_slice(line, 0, at));
	*value = bytes_trim(bytes_slice(line, at + 1, line.len));
	return true;
}

static bool
value_keep(struct keys_credentials *c, struct bytes name, struct bytes value)
{
	struct secret **place = NULL;
	size_t max = CRYPT_SIGV4_SECRET_BYTES_MAX;

	if (bytes_equal(name, BYTES_LIT("aws_access_key_id"))) {
		if (value.len == 0 || value.len >= sizeof c->id)
			return false;
		(void)snprintf(
		    c->id, sizeof c->id, "%.*s", (int)value.len, (const char *)value.ptr);
		return true;
	}
	if (bytes_equal(name, BYTES_LIT("aws_secret_access_key")))
		place = &c->secret;
	if (bytes_equal(name, BYTES_LIT("aws_session_token"))) {
		place = &c->session;
		max = SESSION_BYTES_MAX;
	}
	if (place == NULL)
		return true;
	if (value.len == 0 || value.len > max)
		return false;
	secret_free(place);
	*place = secret_of(value);
	return true;
}

bool
keys_credentials_parse(struct bytes text, struct keys_credentials *out, struct err *err)
{
	bool here = false;

	*out = (struct keys_credentials){.secret = NULL};
	while (text.len > 0) {
		size_t end = bytes_find_byte(text, 0, '\n');
		struct bytes line = bytes_trim(bytes_slice(text, 0, end)), name, value;

		text = bytes_slice(text, end == SIZE_MAX ? text.len : end + 1, text.len);
		if (line.len == 0 || line.ptr[0] == '#' || line.ptr[0] == ';')
			continue;
		if (line.ptr[0] == '[')
			here = bytes_equal(line, BYTES_LIT("[default]"));
		else if (here &&
			 (!line_split(line, &name, &value) || !value_keep(out, name, value)))
			return ERR(err, ERR_SYNTAX, "a line of [default] is not \"name = value\"");
	}
	if (out->id[0] == '\0' || out->secret == NULL)
		return ERR(err, ERR_NOT_FOUND,
		    "no aws_access_key_id and aws_secret_access_key in section [default]");
	return true;
}

void
keys_credentials_fini(struct keys_credentials *c)
{
	secret_free(&c->secret);
	secret_free(&c->session);
}
