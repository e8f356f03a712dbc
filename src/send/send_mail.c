/* SPDX-License-Identifier: Apache-2.0 */
/* SMTP over libcurl: one message, one recipient. */
#include "send_mail.h"

#include <stdio.h>
#include <string.h>

#include "send_int.h"

#define URL_SIZE 600

struct upload {
	struct bytes left;
};

static size_t
on_read(char *out, size_t one, size_t count, void *ctx)
{
	struct upload *u = ctx;
	size_t len = one * count < u->left.len ? one * count : u->left.len;

	if (len > 0)
		memcpy(out, u->left.ptr, len);
	u->left = bytes_slice(u->left, len, u->left.len);
	return len;
}

/* A refusal that will not change is told from one that may. */
static bool
fault(const struct send_mail *m, CURLcode code, long status, struct err *err)
{
	if (status >= 400 && code != CURLE_ABORTED_BY_CALLBACK)
		return ERR(err, status >= 500 ? ERR_DENIED : ERR_TIMEOUT,
		    "%.90s answers %ld to mail for %.60s", m->url, status, m->to);
	return send_http_fault(m->url, code, err);
}

bool
send_mail_hand(const struct send_mail *m, struct err *err)
{
	char url[URL_SIZE];
	struct upload upload = {m->message};
	struct curl_slist *to;
	long status = 0;
	CURLcode code;
	CURL *curl;

	/* libcurl takes the name for EHLO from the path. */
	if ((size_t)snprintf(url, sizeof url, "%s/%s", m->url, m->hello) >= sizeof url)
		return ERR(err, ERR_USAGE, "the smarthost's name is too long");
	curl = send_http_begin(url, "smtp,smtps", m->ca_file, m->call_ms, m->cancel, err);
	if (curl == NULL)
		return false;
	to = curl_slist_append(NULL, m->to);
	must(to != NULL);
	if (strncmp(m->url, "smtp://", 7) == 0) {
		(void)curl_easy_setopt(curl, CURLOPT_USE_SSL, (long)CURLUSESSL_TRY);
		(void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
		(void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	(void)curl_easy_setopt(curl, CURLOPT_MAIL_FROM, m->from);
	(void)curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to);
	(void)curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
	(void)curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
	(void)curl_easy_setopt(curl, CURLOPT_READDATA, &upload);
	code = curl_easy_perform(curl);
	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	send_http_end(curl);
	curl_slist_free_all(to);
	return code == CURLE_OK || fault(m, code, status, err);
}
