/* SPDX-License-Identifier: Apache-2.0 */
/* Vault's transit engine: encrypt and decrypt under a named key. Vault HTTP API, "Transit secrets engine". */
#include <stdio.h>
#include <string.h>

#include "base_mem.h"
#include "base_text.h"
#include "keys_int.h"
#include "send_http.h"

#define URL_BYTES_MAX   1024
#define TOKEN_LINE_SIZE (KEYS_PIN_MAX + 32)
#define MESSAGE_MAX     100

struct vault {
	char *name, *endpoint, *ca_file, *token_file;
	char *path; /* "MOUNT/KEY" */
	struct os_fs fs;
	unsigned call_ms;
};

static bool
word_check(const char *what, const char *text, struct err *err)
{
	if (text == NULL || text[0] == '\0')
		return ERR(err, ERR_USAGE, "%s is missing", what);
	for (const char *c = text; *c != '\0'; c++)
		if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./",
			*c) == NULL)
			return ERR(
			    err, ERR_USAGE, "%s may hold letters, digits, - _ . and / only", what);
	return true;
}

/* Vault says {"errors":["…"]}; the first is enough. */
static bool
refused(long status, struct bytes reply, struct err *err)
{
	size_t start = bytes_find(reply, 0, BYTES_LIT("[\"")), end;
	struct bytes why = BYTES_EMPTY;

	if (start != SIZE_MAX && (end = bytes_find_byte(reply, start + 2, '"')) != SIZE_MAX)
		why = bytes_slice(reply, start + 2, end - start - 2);
	if (why.len > MESSAGE_MAX || !text_is_ascii(why))
		why = BYTES_EMPTY;
	return ERR(err,
	    status == 403                    ? ERR_DENIED
	    : status == 400 || status == 404 ? ERR_SEALED
					     : ERR_TIMEOUT,
	    "it answered %ld %.*s", status, (int)why.len, (const char *)why.ptr);
}

static bool
call(struct vault *v, const char *verb, struct bytes body, struct buf *reply, struct err *err)
{
	char url[URL_BYTES_MAX];
	struct secret *token = NULL, *line = secret_new(TOKEN_LINE_SIZE);
	const char *headers[] = {"Content-Type: application/json", (char *)secret_data(line), NULL};
	const char *slash = strrchr(v->path, '/');
	struct send_http h = {.url = url,
	    .ca_file = v->ca_file,
	    .call_ms = v->call_ms,
	    .headers = headers,
	    .body = body};
	long status = 0;
	bool ok;

	(void)snprintf(url, sizeof url, "%s/v1/%.*s/%s/%s", v->endpoint, (int)(slash - v->path),
	    v->path, verb, slash + 1);
	ok = keys_file_read(v->fs, v->token_file, "token file", &token, err);
	if (ok) {
		(void)snprintf((char *)secret_data(line), TOKEN_LINE_SIZE, "X-Vault-Token: %.*s",
		    (int)secret_view(token).len, (const char *)secret_view(token).ptr);
		ok = send_http_post(&h, reply, &status, err) &&
		     (status == 200 || refused(status, buf_view(reply), err));
	}
	secret_free(&token);
	secret_free(&line);
	return ok;
}

/* The context goes as both: "context" is what a derived key is derived by, "associated_data" what AEAD keys bind. */
static void
context_append(struct buf *out, struct bytes context)
{
	buf_append_str(out, "\",\"context\":\"");
	text_base64_encode(out, context);
	buf_append_str(out, "\",\"associated_data\":\"");
	text_base64_encode(out, context);
	buf_append_str(out, "\"}");
}

static bool
vault_seal(void *self, struct bytes context, struct bytes payload, struct buf *out, struct err *err)
{
	static const char *const path[] = {"data", "ciphertext", NULL};
	struct vault *v = self;
	struct keys_text body;
	struct bytes text;
	struct buf reply;
	bool ok;

	keys_text_init(&body);
	buf_init(&reply, 4 * (size_t)CRYPT_WRAPPED_ANY_BYTES_MAX);
	buf_append_str(&body.buf, "{\"plaintext\":\"");
	text_base64_encode(&body.buf, payload);
	context_append(&body.buf, context);
	ok = buf_ok(&body.buf, err) && call(v, "encrypt", buf_view(&body.buf), &reply, err);
	if (ok && (!keys_reply_find(buf_view(&reply), path, &text) ||
		      !bytes_starts_with(text, BYTES_LIT("vault:")) ||
		      bytes_find_byte(text, 0, '\\') != SIZE_MAX))
		ok = ERR(err, ERR_SEALED, "its answer holds no ciphertext");
	if (ok)
		buf_append(out, text);
	buf_fini(&reply);
	keys_text_fini(&body);
	return ok;
}

static bool
vault_unseal(void *self, struct bytes context, struct bytes sealed, struct secret **payload_out,
    struct err *err)
{
	static const char *const path[] = {"data", "plaintext", NULL};
	struct vault *v = self;
	struct keys_text reply;
	struct buf body;
	bool ok;

	/* It came from a file: what is no plain text would end the quotation marks below. */
	for (size_t i = 0; i < sealed.len; i++)
		if (sealed.ptr[i] < 0x21 || sealed.ptr[i] > 0x7e || sealed.ptr[i] == '"' ||
		    sealed.ptr[i] == '\\')
			return ERR(err, ERR_CORRUPT, "the wrapped key is no transit ciphertext");
	keys_text_init(&reply);
	buf_init(&body, 4 * (size_t)CRYPT_WRAPPED_ANY_BYTES_MAX);
	buf_append_str(&body, "{\"ciphertext\":\"");
	buf_append(&body, sealed);
	context_append(&body, context);
	ok = buf_ok(&body, err) && call(v, "decrypt", buf_view(&body), &reply.buf, err);
	ok = ok && keys_reply_payload(buf_view(&reply.buf), path, payload_out, err);
	buf_fini(&body);
	keys_text_fini(&reply);
	return ok;
}

static void
vault_free(void *self)
{
	struct vault *v = self;

	mem_free(v->name);
	mem_free(v->endpoint);
	mem_free(v->ca_file);
	mem_free(v->token_file);
	mem_free(v->path);
	mem_free(v);
}

bool
keys_vault_open(const struct keys_options *o, struct keys_backend *out, struct err *err)
{
	static const struct keys_backend_ops ops = {vault_seal, vault_unseal, vault_free};
	const char *mount = o->mount != NULL && o->mount[0] != '\0' ? o->mount : "transit";
	size_t size;
	struct vault *v;

	if (!word_check("key", o->key, err) || !word_check("mount", mount, err) ||
	    !keys_endpoint_check(o->endpoint, err))
		return false;
	if (strchr(o->key, '/') != NULL || strlen(o->key) + strlen(mount) > 256)
		return ERR(err, ERR_USAGE, "key must be the name of one transit key");
	if (o->token_file == NULL || o->token_file[0] == '\0')
		return ERR(err, ERR_USAGE, "token-file is missing");
	v = mem_calloc(1, sizeof *v);
	v->name = mem_strdup(o->name);
	v->endpoint = mem_strdup(o->endpoint);
	v->ca_file = mem_strdup(o->ca_file == NULL ? "" : o->ca_file);
	v->token_file = mem_strdup(o->token_file);
	v->fs = o->fs;
	v->call_ms = o->call_ms;
	size = strlen(mount) + strlen(o->key) + 2;
	v->path = mem_alloc(size);
	(void)snprintf(v->path, size, "%s/%s", mount, o->key);
	*out = (struct keys_backend){&ops, v, v->path};
	return true;
}
