/* SPDX-License-Identifier: Apache-2.0 */
/* AWS KMS: TrentService.Encrypt and Decrypt over AWS JSON 1.1, signed with SigV4. AWS KMS API Reference. */
#include <stdio.h>
#include <string.h>

#include "base_mem.h"
#include "base_text.h"
#include "base_time.h"
#include "crypt_digest.h"
#include "crypt_sigv4.h"
#include "keys_int.h"
#include "send_http.h"

#define CONTENT_TYPE      "application/x-amz-json-1.1"
#define SESSION_LINE_SIZE 4032
#define HEADER_SIZE       1200

struct kms {
	char *name, *endpoint, *ca_file, *credentials_file, *region, *key;
	struct clock clock;
	struct os_fs fs;
	unsigned call_ms;
};

/* What signs a request; the header lines live here until it was sent. */
struct signing {
	char amz_date[TIME_AMZ_SIZE], hash[2 * CRYPT_SHA256_BYTES + 1];
	char date_line[64], hash_line[128], target_line[64], authorization[HEADER_SIZE];
	struct secret *session_line;
	const char *headers[7];
};

static bool
credentials_read(struct kms *k, struct keys_credentials *out, struct err *err)
{
	struct keys_text text;
	bool ok;

	keys_text_init(&text);
	*out = (struct keys_credentials){.secret = NULL};
	ok = os_fs_read_file(k->fs, k->credentials_file, KEYS_REPLY_MAX, &text.buf, err) &&
	     keys_credentials_parse(buf_view(&text.buf), out, err);
	keys_text_fini(&text);
	return ok || err_prefix(err, "credentials %.80s", k->credentials_file);
}

static bool
sign(struct kms *k, const struct keys_credentials *c, const char *target, struct bytes body,
    struct signing *s, struct err *err)
{
	const char *host = strstr(k->endpoint, "://") + 3;
	struct bytes session = c->session == NULL ? BYTES_EMPTY : secret_view(c->session);
	struct crypt_sigv4_header signed_headers[] = {
	    {BYTES_LIT("content-type"), BYTES_LIT(CONTENT_TYPE)},
	    {BYTES_LIT("host"), bytes_of_str(host)},
	    {BYTES_LIT("x-amz-date"), bytes_of(s->amz_date, TIME_AMZ_SIZE - 1)},
	    {BYTES_LIT("x-amz-target"), bytes_of_str(target)},
	    {BYTES_LIT("x-amz-security-token"), session}};
	struct crypt_sigv4_request r = {.method = BYTES_LIT("POST"),
	    .target = BYTES_LIT("/"),
	    .headers = signed_headers,
	    .header_count = session.len > 0 ? 5 : 4,
	    .payload_hash = bytes_of(s->hash, sizeof s->hash - 1),
	    .normalize_path = true};
	struct crypt_sigv4_scope scope = {
	    bytes_of(s->amz_date, 8), bytes_of_str(k->region), BYTES_LIT("kms")};
	uint8_t digest[CRYPT_SHA256_BYTES];
	struct buf value;
	bool ok;

	time_amz_format(s->amz_date, clock_now_ms(&k->clock));
	crypt_sha256(digest, body);
	text_hex_format(s->hash, bytes_of(digest, sizeof digest));
	buf_init(&value, HEADER_SIZE - 32);
	ok = crypt_sigv4_sign_header(&r, bytes_of_str(c->id), secret_view(c->secret),
		 bytes_of(s->amz_date, TIME_AMZ_SIZE - 1), &scope, &value, err) &&
	     buf_ok(&value, err);
	(void)snprintf(
	    s->authorization, sizeof s->authorization, "Authorization: %s", buf_text(&value));
	buf_fini(&value);
	(void)snprintf(s->date_line, sizeof s->date_line, "X-Amz-Date: %s", s->amz_date);
	(void)snprintf(s->target_line, sizeof s->target_line, "X-Amz-Target: %s", target);
	s->headers[0] = "Content-Type: " CONTENT_TYPE;
	s->headers[1] = s->date_line;
	s->headers[2] = s->target_line;
	s->headers[3] = s->authorization;
	if (ok && session.len > 0) {
		s->session_line = secret_new(SESSION_LINE_SIZE);
		(void)snprintf((char *)secret_data(s->session_line), SESSION_LINE_SIZE,
		    "X-Amz-Security-Token: %.*s", (int)session.len, (const char *)session.ptr);
		s->headers[4] = (const char *)secret_data(s->session_line);
	}
	return ok;
}

/* The service's exceptions, by what they mean to us. */
static bool
refused(long status, struct bytes reply, struct err *err)
{
	static const struct {
		const char *type;
		enum err_code code;
	} types[] = {{"InvalidCiphertext", ERR_SEALED}, {"IncorrectKey", ERR_SEALED},
	    {"NotFound", ERR_SEALED}, {"InvalidKeyUsage", ERR_SEALED}, {"Validation", ERR_SEALED},
	    {"Disabled", ERR_DENIED}, {"KMSInvalidState", ERR_DENIED}, {"AccessDenied", ERR_DENIED},
	    {"Signature", ERR_DENIED}, {"UnrecognizedClient", ERR_DENIED},
	    {"InvalidClientTokenId", ERR_DENIED}, {"ExpiredToken", ERR_DENIED},
	    {"IncompleteSignature", ERR_DENIED}, {"KeyUnavailable", ERR_TIMEOUT},
	    {"DependencyTimeout", ERR_TIMEOUT}, {"KMSInternal", ERR_TIMEOUT},
	    {"Throttling", ERR_TIMEOUT}, {"LimitExceeded", ERR_TIMEOUT}};
	static const char *const path[] = {"__type", NULL};
	enum err_code code = status == 403 || status == 401   ? ERR_DENIED
			     : status >= 500 || status == 429 ? ERR_TIMEOUT
							      : ERR_SEALED;
	struct bytes type = BYTES_EMPTY;

	if (!keys_reply_find(reply, path, &type) || type.len > 100 || !text_is_ascii(type))
		type = BYTES_EMPTY;
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (bytes_find(type, 0, bytes_of_str(types[i].type)) != SIZE_MAX) {
			code = types[i].code;
			break;
		}
	return ERR(
	    err, code, "it answered %ld %.*s", status, (int)type.len, (const char *)type.ptr);
}

static bool
call(struct kms *k, const char *target, struct bytes body, struct buf *reply, struct err *err)
{
	char url[512];
	struct keys_credentials credentials;
	struct signing s = {.headers = {NULL}};
	struct send_http h = {.url = url,
	    .ca_file = k->ca_file,
	    .call_ms = k->call_ms,
	    .headers = s.headers,
	    .body = body};
	long status = 0;
	bool ok;

	(void)snprintf(url, sizeof url, "%s/", k->endpoint);
	ok = credentials_read(k, &credentials, err) &&
	     sign(k, &credentials, target, body, &s, err) &&
	     send_http_post(&h, reply, &status, err) &&
	     (status == 200 || refused(status, buf_view(reply), err));
	keys_credentials_fini(&credentials);
	secret_free(&s.session_line);
	return ok;
}

static bool
is_plain(struct bytes text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] < 0x20 || text.ptr[i] > 0x7e || text.ptr[i] == '"' ||
		    text.ptr[i] == '\\')
			return false;
	return true;
}

/* KMS writes the context to CloudTrail and lets key policies ask for it: plain words stay plain. */
static void
body_append(struct kms *k, struct buf *out, struct bytes context)
{
	buf_append_str(out, "\",\"KeyId\":\"");
	buf_append_str(out, k->key);
	buf_append_str(out, "\",\"EncryptionContext\":{\"daybook\":\"");
	if (is_plain(context)) {
		buf_append(out, context);
	} else {
		buf_append_str(out, "base64:");
		text_base64_encode(out, context);
	}
	buf_append_str(out, "\"}}");
}

static bool
kms_seal(void *self, struct bytes context, struct bytes payload, struct buf *out, struct err *err)
{
	static const char *const path[] = {"CiphertextBlob", NULL};
	struct kms *k = self;
	struct keys_text body;
	struct buf reply;
	bool ok;

	keys_text_init(&body);
	buf_init(&reply, 4 * (size_t)CRYPT_WRAPPED_ANY_BYTES_MAX);
	buf_append_str(&body.buf, "{\"Plaintext\":\"");
	text_base64_encode(&body.buf, payload);
	body_append(k, &body.buf, context);
	ok = buf_ok(&body.buf, err) &&
	     call(k, "TrentService.Encrypt", buf_view(&body.buf), &reply, err);
	if (ok && !keys_reply_base64(buf_view(&reply), path, out))
		ok = ERR(err, ERR_SEALED, "its answer holds no CiphertextBlob");
	buf_fini(&reply);
	keys_text_fini(&body);
	return ok;
}

static bool
kms_unseal(void *self, struct bytes context, struct bytes sealed, struct secret **payload_out,
    struct err *err)
{
	static const char *const path[] = {"Plaintext", NULL};
	struct kms *k = self;
	struct keys_text reply;
	struct buf body;
	bool ok;

	keys_text_init(&reply);
	buf_init(&body, 4 * (size_t)CRYPT_WRAPPED_ANY_BYTES_MAX);
	buf_append_str(&body, "{\"CiphertextBlob\":\"");
	text_base64_encode(&body, sealed);
	body_append(k, &body, context);
	ok =
	    buf_ok(&body, err) && call(k, "TrentService.Decrypt", buf_view(&body), &reply.buf, err);
	ok = ok && keys_reply_payload(buf_view(&reply.buf), path, payload_out, err);
	buf_fini(&body);
	keys_text_fini(&reply);
	return ok;
}

static void
kms_free(void *self)
{
	struct kms *k = self;

	mem_free(k->name);
	mem_free(k->endpoint);
	mem_free(k->ca_file);
	mem_free(k->credentials_file);
	mem_free(k->region);
	mem_free(k->key);
	mem_free(k);
}

static bool
text_check(const char *what, const char *text, size_t max, struct err *err)
{
	if (text == NULL || text[0] == '\0')
		return ERR(err, ERR_USAGE, "%s is missing", what);
	if (strlen(text) > max || strpbrk(text, "\"\\ \t\r\n") != NULL ||
	    !text_is_ascii(bytes_of_str(text)))
		return ERR(err, ERR_USAGE, "%s is not one", what);
	return true;
}

bool
keys_kms_open(const struct keys_options *o, struct keys_backend *out, struct err *err)
{
	static const struct keys_backend_ops ops = {kms_seal, kms_unseal, kms_free};
	struct kms *k;

	if (!text_check("key", o->key, 400, err) || !text_check("region", o->region, 64, err) ||
	    !text_check("credentials-file", o->credentials_file, 4096, err) ||
	    !keys_endpoint_check(o->endpoint, err))
		return false;
	k = mem_calloc(1, sizeof *k);
	k->name = mem_strdup(o->name);
	k->endpoint = mem_strdup(o->endpoint);
	k->ca_file = mem_strdup(o->ca_file == NULL ? "" : o->ca_file);
	k->credentials_file = mem_strdup(o->credentials_file);
	k->region = mem_strdup(o->region);
	k->key = mem_strdup(o->key);
	k->clock = o->clock;
	k->fs = o->fs;
	k->call_ms = o->call_ms;
	*out = (struct keys_backend){&ops, k, k->key};
	return true;
}
