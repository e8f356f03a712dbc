/* SPDX-License-Identifier: Apache-2.0 */
/* Talks to the management API over libcurl. The only file of this room that includes it. */
#include "cli_client.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "base_clock.h"
#include "base_limits.h"
#include "base_mem.h"
#include "base_text.h"
#include "base_time.h"
#include "cli_credentials.h"
#include "crypt_digest.h"
#include "crypt_sigv4.h"

#define URL_BYTES_MAX      8192
#define RESPONSE_BYTES_MAX (512 * LIMIT_MIB)
#define CONNECT_MS_MAX     5000L
#define ANSWER_MS_MAX      120000L
#define CONTENT_TYPE       "application/x-amz-json-1.0"

struct cli_client {
	CURL *curl;
	char *socket_path; /* NULL: over TCP  */
	char *base;        /* scheme and host */
	char *path;        /* of the endpoint */
	char *region;
	struct cli_credentials credentials;
};

/* "http://host:port/base" into base and path. */
static bool
split_endpoint(struct cli_client *c, const char *endpoint, struct err *err)
{
	struct bytes url = bytes_of_str(endpoint);
	size_t start = bytes_starts_with(url, BYTES_LIT("https://")) ? 8 : 7, slash;

	if (!bytes_starts_with(url, BYTES_LIT("https://")) &&
	    !bytes_starts_with(url, BYTES_LIT("http://")))
		return ERR(err, ERR_USAGE, "--endpoint wants http://HOST:PORT or https://HOST");
	if (url.len == start || url.len > URL_BYTES_MAX / 2 ||
	    strpbrk(endpoint, " @?#\r\n") != NULL)
		return ERR(err, ERR_USAGE, "--endpoint is not a plain URL");
	slash = bytes_find_byte(url, start, '/');
	c->base = mem_strdup(endpoint);
	if (slash != SIZE_MAX)
		c->base[slash] = '\0';
	c->path = mem_strdup(slash != SIZE_MAX ? endpoint + slash : "/");
	return true;
}

bool
cli_client_open(const struct cli_client_options *o, struct cli_client **out, struct err *err)
{
	struct cli_client *c = mem_calloc(1, sizeof *c);

	*out = NULL;
	c->region = mem_strdup(o->region);
	if (o->endpoint != NULL) {
		if (!split_endpoint(c, o->endpoint, err) ||
		    !cli_credentials_find(o->profile, o->data_dir, &c->credentials, err)) {
			cli_client_close(&c);
			return false;
		}
	} else {
		static const char tail[] = "/run/daybook.sock";
		size_t size = strlen(o->data_dir) + sizeof tail;

		c->socket_path = mem_alloc(size);
		(void)snprintf(c->socket_path, size, "%s%s", o->data_dir, tail);
		c->base = mem_strdup("http://localhost");
		c->path = mem_strdup("/");
	}
	c->curl = curl_easy_init();
	must(c->curl != NULL);
	*out = c;
	return true;
}

void
cli_client_close(struct cli_client **c)
{
	if (*c == NULL)
		return;
	if ((*c)->curl != NULL)
		curl_easy_cleanup((*c)->curl);
	cli_credentials_fini(&(*c)->credentials);
	mem_free((*c)->socket_path);
	mem_free((*c)->base);
	mem_free((*c)->path);
	mem_free((*c)->region);
	mem_free(*c);
	*c = NULL;
}

static size_t
on_body(char *data, size_t one, size_t len, void *ctx)
{
	struct buf *out = ctx;

	buf_append_mem(out, data, one * len);
	return out->failed ? 0 : one * len;
}

static struct curl_slist *
add_header(struct curl_slist *list, const char *name, const char *value)
{
	char line[2048];
	struct curl_slist *longer;
	int len = snprintf(line, sizeof line, "%s: %s", name, value);

	must(len > 0 && (size_t)len < sizeof line);
	longer = curl_slist_append(list, line);
	must(longer != NULL);
	return longer;
}

/* The headers that sign this POST; false only when the request cannot be made canonical. */
static bool
sign(const struct cli_client *c, const char *target, struct bytes body, struct curl_slist **headers,
    struct err *err)
{
	struct clock clock = clock_system();
	char amz_date[TIME_AMZ_SIZE], hash[2 * CRYPT_SHA256_BYTES + 1];
	uint8_t digest[CRYPT_SHA256_BYTES];
	const char *host = strstr(c->base, "://") + 3;
	struct crypt_sigv4_header signed_headers[] = {
	    {BYTES_LIT("content-type"), BYTES_LIT(CONTENT_TYPE)},
	    {BYTES_LIT("host"), bytes_of_str(host)},
	    {BYTES_LIT("x-amz-content-sha256"), {(const uint8_t *)hash, sizeof hash - 1}},
	    {BYTES_LIT("x-amz-date"), {(const uint8_t *)amz_date, TIME_AMZ_SIZE - 1}},
	    {BYTES_LIT("x-amz-target"), bytes_of_str(target)},
	};
	struct crypt_sigv4_request r = {.method = BYTES_LIT("POST"),
	    .target = bytes_of_str(c->path),
	    .headers = signed_headers,
	    .header_count = sizeof signed_headers / sizeof signed_headers[0],
	    .payload_hash = {(const uint8_t *)hash, sizeof hash - 1},
	    .normalize_path = true};
	struct crypt_sigv4_scope scope = {.date = {(const uint8_t *)amz_date, 8},
	    .region = bytes_of_str(c->region),
	    .service = BYTES_LIT("ses")};
	struct buf value;
	bool ok;

	time_amz_format(amz_date, clock_now_ms(&clock));
	crypt_sha256(digest, body);
	text_hex_format(hash, bytes_of(digest, sizeof digest));
	buf_init(&value, 1024);
	ok = crypt_sigv4_sign_header(&r, bytes_of_str(c->credentials.key_id),
		 secret_view(c->credentials.secret), bytes_of(amz_date, TIME_AMZ_SIZE - 1), &scope,
		 &value, err) &&
	     buf_ok(&value, err);
	if (ok) {
		*headers = add_header(*headers, "Host", host);
		*headers = add_header(*headers, "X-Amz-Date", amz_date);
		*headers = add_header(*headers, "X-Amz-Content-Sha256", hash);
		*headers = add_header(*headers, "Authorization", buf_text(&value));
	}
	buf_fini(&value);
	return ok;
}

static bool
transport_fault(const struct cli_client *c, CURLcode code, const struct buf *out, struct err *err)
{
	const char *where = c->socket_path != NULL ? c->socket_path : c->base;

	if (out->failed)
		return ERR(
		    err, ERR_LIMIT, "the server's answer is larger than %zu bytes", out->max);
	if (code == CURLE_COULDNT_CONNECT && c->socket_path != NULL)
		return ERR(err, ERR_TIMEOUT,
		    "no server answers on %.90s: is it running? (daybook serve; --data DIR when it "
		    "is "
		    "elsewhere)",
		    where);
	return ERR(err, ERR_TIMEOUT, "%.90s: %.80s", where, curl_easy_strerror(code));
}

/* One exchange; headers are taken. post: NULL = GET. */
static bool
exchange(struct cli_client *c, const char *url, struct curl_slist *headers, const struct buf *post,
    struct buf *out, long *status_out, struct err *err)
{
	CURL *curl = c->curl;
	CURLcode code;

	curl_easy_reset(curl);
	(void)curl_easy_setopt(curl, CURLOPT_URL, url);
	(void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS_MAX);
	(void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, ANSWER_MS_MAX);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, out);
	(void)curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	if (c->socket_path != NULL) {
		(void)curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, c->socket_path);
		(void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
	}
	if (post != NULL) {
		(void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)post->len);
		(void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, buf_text(post));
		headers =
		    add_header(headers, "Expect", ""); /* the body is small and the server near */
	}
	(void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	code = curl_easy_perform(curl);
	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status_out);
	curl_slist_free_all(headers);
	return code == CURLE_OK || transport_fault(c, code, out, err);
}

static bool
has_word(const char *text, const char *word)
{
	return text != NULL && strstr(text, word) != NULL;
}

bool
cli_client_fault(long status, struct bytes body, struct err *err)
{
	static const struct {
		const char *type;
		enum err_code code;
	} types[] = {
	    {"ResourceNotFound", ERR_NOT_FOUND},
	    {"AccessDenied", ERR_DENIED},
	    {"UnrecognizedClient", ERR_DENIED},
	    {"InvalidClientTokenId", ERR_DENIED},
	    {"Signature", ERR_DENIED},
	    {"RequestExpired", ERR_DENIED},
	    {"RequestTimeTooSkewed", ERR_DENIED},
	    {"MissingAuthentication", ERR_DENIED},
	    {"Conflict", ERR_EXISTS},
	    {"Refused", ERR_REFUSED},
	    {"Throttling", ERR_LIMIT},
	    {"ServiceQuota", ERR_LIMIT},
	    {"ServiceUnavailable", ERR_TIMEOUT},
	    {"UnknownOperation", ERR_UNSUPPORTED},
	    {"Validation", ERR_USAGE},
	    {"Serialization", ERR_USAGE},
	};
	struct err ignored;
	struct json *v = json_parse(body, &ignored);
	const char *type = json_get_str(v, "__type"), *message = json_get_str(v, "Message");
	const char *hash = type != NULL ? strrchr(type, '#') : NULL,
		   *name = hash != NULL ? hash + 1 : type;
	enum err_code code = status == 403 ? ERR_DENIED : status == 404 ? ERR_NOT_FOUND : ERR_IO;

	if (message == NULL)
		message = json_get_str(v, "message");
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		if (has_word(type, types[i].type)) {
			code = types[i].code;
			break;
		}
	}
	/* An id that names nothing is a validation error to the service, and "not found" to everybody else. */
	if (code == ERR_USAGE && has_word(message, "not found"))
		code = ERR_NOT_FOUND;
	if (message != NULL)
		(void)ERR(err, code, "%.180s", message);
	else
		(void)ERR(
		    err, code, "the server answered %ld %.100s", status, name != NULL ? name : "");
	json_free(&v);
	return false;
}

struct json *
cli_client_call(struct cli_client *c, const char *target, const struct json *input, struct err *err)
{
	struct curl_slist *headers = add_header(NULL, "Content-Type", CONTENT_TYPE);
	char url[URL_BYTES_MAX];
	struct json *output = NULL;
	struct buf post, out;
	long status = 0;

	buf_init(&post, HTTP_BODY_BYTES_MAX);
	buf_init(&out, RESPONSE_BYTES_MAX);
	(void)snprintf(url, sizeof url, "%s%s", c->base, c->path);
	json_print(input, &post);
	headers = add_header(headers, "X-Amz-Target", target);
	if (!buf_ok(&post, err) ||
	    (c->socket_path == NULL && !sign(c, target, buf_view(&post), &headers, err))) {
		curl_slist_free_all(headers);
		goto out;
	}
	if (!exchange(c, url, headers, &post, &out, &status, err))
		goto out;
	if (status != 200) {
		(void)cli_client_fault(status, buf_view(&out), err);
		goto out;
	}
	output = json_parse(buf_view(&out), err);
	if (output == NULL)
		(void)err_prefix(err, "the server's answer: ");
out:
	/* An answer may hold the secret of a new access key. */
	if (out.ptr != NULL)
		secret_wipe(out.ptr, out.len);
	buf_fini(&post);
	buf_fini(&out);
	return output;
}

bool
cli_client_download(struct cli_client *c, const char *link, struct buf *out, struct err *err)
{
	struct bytes url = bytes_of_str(link);
	size_t host = bytes_find(url, 0, BYTES_LIT("://")), path;
	char local[URL_BYTES_MAX];
	long status = 0;

	path = host == SIZE_MAX ? SIZE_MAX : bytes_find_byte(url, host + 3, '/');
	if (path == SIZE_MAX || url.len >= sizeof local - 32)
		return ERR(err, ERR_SYNTAX, "the server gave a link that is not a URL");
	/* The same server the same way: the link carries its own permission. */
	(void)snprintf(local, sizeof local, "%s%s", c->base, link + path);
	if (!exchange(c, local, NULL, NULL, out, &status, err))
		return false;
	return status == 200 || cli_client_fault(status, buf_view(out), err);
}
