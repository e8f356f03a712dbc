/* SPDX-License-Identifier: Apache-2.0 */
/* One transfer with a time limit over libcurl, whose memory is wiped when it is given back: keys pass through it. */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base_mem.h"
#include "crypt_secret.h"
#include "send_http.h"
#include "send_int.h"

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

static int
on_progress(void *ctx, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up)
{
	const atomic_bool *cancel = ctx;

	(void)down_all;
	(void)down;
	(void)up_all;
	(void)up;
	return atomic_load(cancel) ? 1 : 0;
}

bool
send_http_fault(const char *url, CURLcode code, struct err *err)
{
	enum err_code meaning = ERR_TIMEOUT;

	if (code == CURLE_ABORTED_BY_CALLBACK)
		return ERR(err, ERR_CANCELLED, "%.90s: cancelled", url);
	if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE)
		meaning = ERR_DENIED;
	if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
		meaning = ERR_USAGE;
	return ERR(err, meaning, "%.90s: %.80s", url, curl_easy_strerror(code));
}

CURL *
send_http_begin(const char *url, const char *protocols, const char *ca_file, unsigned call_ms,
    atomic_bool *cancel, struct err *err)
{
	CURL *curl;

	if (!library_open(err))
		return NULL;
	curl = curl_easy_init();
	must(curl != NULL);
	(void)curl_easy_setopt(curl, CURLOPT_URL, url);
	(void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, protocols);
	(void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	(void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
	    (long)call_ms < CONNECT_MS_MAX ? (long)call_ms : CONNECT_MS_MAX);
	(void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)call_ms);
	if (ca_file != NULL && ca_file[0] != '\0')
		(void)curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file);
	if (cancel != NULL) {
		(void)curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
		(void)curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
		(void)curl_easy_setopt(curl, CURLOPT_XFERINFODATA, cancel);
	}
	return curl;
}

void
send_http_end(CURL *curl)
{
	curl_easy_cleanup(curl);
	curl_global_cleanup();
}

bool
send_http_post(const struct send_http *h, struct buf *reply, long *status_out, struct err *err)
{
	CURL *curl = send_http_begin(h->url, "http,https", h->ca_file, h->call_ms, h->cancel, err);
	struct curl_slist *headers;
	CURLcode code;

	if (curl == NULL)
		return false;
	headers = curl_slist_append(NULL, "Expect:"); /* no waiting for 100: the body is small */
	must(headers != NULL);
	for (size_t i = 0; h->headers[i] != NULL; i++)
		must(curl_slist_append(headers, h->headers[i]) != NULL);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, reply);
	(void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)h->body.len);
	(void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, (const char *)h->body.ptr);
	(void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	code = curl_easy_perform(curl);
	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status_out);
	send_http_end(curl);
	curl_slist_free_all(headers);
	if (reply->failed)
		return ERR(err, ERR_LIMIT, "the answer is longer than %zu bytes", reply->max);
	return code == CURLE_OK || send_http_fault(h->url, code, err);
}
