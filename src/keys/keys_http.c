/* SPDX-License-Identifier: Apache-2.0 */
/* One POST with a time limit over libcurl, whose memory is wiped when it is given back: keys pass through it. */
#include <curl/curl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base_mem.h"
#include "keys_int.h"

#define CONNECT_MS_MAX 3000L

static void
wiping_free(void *ptr)
{
	if (ptr == NULL)
		return;
	secret_wipe(ptr, malloc_usable_size(ptr));
	mem_free(ptr);
}

static void *
wiping_realloc(void *old, size_t size)
{
	size_t had = old == NULL ? 0 : malloc_usable_size(old);
	void *fresh = mem_alloc(size);

	if (had > 0)
		memcpy(fresh, old, had < size ? had : size);
	wiping_free(old);
	return fresh;
}

/* Every call counts itself in; the first one says which memory libcurl uses, if nobody used libcurl before. */
static bool
library_open(struct err *err)
{
	return curl_global_init_mem(CURL_GLOBAL_DEFAULT, mem_alloc, wiping_free, wiping_realloc,
		   mem_strdup, mem_calloc) == CURLE_OK ||
	       ERR(err, ERR_IO, "libcurl does not start");
}

static size_t
on_body(char *data, size_t one, size_t len, void *ctx)
{
	struct buf *out = ctx;

	buf_append_mem(out, data, one * len);
	return out->failed ? 0 : one * len;
}

static bool
is_port(struct bytes rest)
{
	if (rest.len == 0)
		return true;
	if (rest.ptr[0] != ':' || rest.len < 2 || rest.len > 6)
		return false;
	for (size_t i = 1; i < rest.len; i++)
		if (rest.ptr[i] < '0' || rest.ptr[i] > '9')
			return false;
	return true;
}

/* Keys go over this connection: in the clear only where nobody else hears. */
bool
keys_http_endpoint_check(const char *endpoint, struct err *err)
{
	static const char *const here[] = {"http://127.0.0.1", "http://localhost", "http://[::1]"};
	struct bytes e = bytes_of_str(endpoint), prefix = BYTES_LIT("https://");

	if (bytes_starts_with(e, prefix)) {
		struct bytes host = bytes_slice(e, prefix.len, e.len);

		if (host.len > 0 && host.len < 300 &&
		    strcspn(endpoint + prefix.len, "/@?# \\\"") == host.len)
			return true;
	}
	for (size_t i = 0; i < sizeof here / sizeof here[0]; i++)
		if (bytes_starts_with(e, bytes_of_str(here[i])) &&
		    is_port(bytes_slice(e, strlen(here[i]), e.len)))
			return true;
	return ERR(err, ERR_USAGE,
	    "the endpoint must be https://HOST[:PORT], or http:// with 127.0.0.1, [::1] or "
	    "localhost");
}

static bool
fault(const struct keys_http *h, CURLcode code, const struct buf *reply, struct err *err)
{
	if (reply->failed)
		return ERR(err, ERR_LIMIT, "the answer is longer than %zu bytes", reply->max);
	if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE)
		return ERR(err, ERR_DENIED, "%.90s: %.80s", h->url, curl_easy_strerror(code));
	return ERR(err, ERR_TIMEOUT, "%.90s: %.80s", h->url, curl_easy_strerror(code));
}

static CURLcode
perform(CURL *curl, const struct keys_http *h, struct curl_slist *headers, struct buf *reply,
    long *status_out)
{
	long call_ms = (long)h->call_ms;
	CURLcode code;

	(void)curl_easy_setopt(curl, CURLOPT_URL, h->url);
	(void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	(void)curl_easy_setopt(
	    curl, CURLOPT_CONNECTTIMEOUT_MS, call_ms < CONNECT_MS_MAX ? call_ms : CONNECT_MS_MAX);
	(void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, call_ms);
	if (h->ca_file != NULL && h->ca_file[0] != '\0')
		(void)curl_easy_setopt(curl, CURLOPT_CAINFO, h->ca_file);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, reply);
	(void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)h->body.len);
	(void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, (const char *)h->body.ptr);
	(void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	code = curl_easy_perform(curl);
	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status_out);
	return code;
}

bool
keys_http_post(const struct keys_http *h, struct buf *reply, long *status_out, struct err *err)
{
	struct curl_slist *headers;
	CURLcode code;
	CURL *curl;

	if (!library_open(err))
		return false;
	curl = curl_easy_init();
	must(curl != NULL);
	headers = curl_slist_append(NULL, "Expect:"); /* no waiting for 100: the body is small */
	must(headers != NULL);
	for (size_t i = 0; h->headers[i] != NULL; i++)
		must(curl_slist_append(headers, h->headers[i]) != NULL);
	code = perform(curl, h, headers, reply, status_out);
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	curl_global_cleanup();
	return code == CURLE_OK || fault(h, code, reply, err);
}
