/* SPDX-License-Identifier: Apache-2.0 */
/* Those who keep a checkpoint and say nothing: a file, a URL, a mailbox. */
#include <stdio.h>
#include <string.h>

#include "base_mem.h"
#include "base_text.h"
#include "base_time.h"
#include "crypt_digest.h"
#include "proof_witness.h"
#include "witness_int.h"

#define PATH_BYTES_MAX 4096u
#define MAIL_BYTES_MAX (2 * PROOF_NOTE_BYTES_MAX)
#define LINE_CHARS     76u

void
witness_path(const char *pattern, const char *archive_id, uint64_t size, struct buf *out)
{
	while (*pattern != '\0') {
		if (strncmp(pattern, "{archive}", 9) == 0) {
			buf_append_str(out, archive_id);
			pattern += 9;
		} else if (strncmp(pattern, "{size}", 6) == 0) {
			buf_printf(out, "%llu", (unsigned long long)size);
			pattern += 6;
		} else {
			buf_append_byte(out, (uint8_t)*pattern++);
		}
	}
}

static bool
file_write(const struct witness_options *o, const struct witness_config *w, const char *archive_id,
    const struct witness_head *head, struct err *err)
{
	struct buf path, dir;
	const char *slash;
	bool ok;

	buf_init(&path, PATH_BYTES_MAX);
	buf_init(&dir, PATH_BYTES_MAX);
	witness_path(w->path, archive_id, head->size, &path);
	slash = strrchr(buf_text(&path), '/');
	if (slash != NULL)
		buf_append(&dir, bytes_of(path.ptr, (size_t)(slash - buf_text(&path))));
	ok = buf_ok(&path, err) && (dir.len == 0 || os_fs_mkdir_path(o->fs, buf_text(&dir), err)) &&
	     os_fs_write_file(o->fs, buf_text(&path), buf_view(&head->note), err);
	buf_fini(&path);
	buf_fini(&dir);
	return ok;
}

/* The first line of a note. */
static struct bytes
origin_of(const struct witness_head *head)
{
	return bytes_slice(
	    buf_view(&head->note), 0, bytes_find_byte(buf_view(&head->note), 0, '\n'));
}

static void
lines_append(struct buf *out, struct bytes text)
{
	struct buf code;

	buf_init(&code, MAIL_BYTES_MAX);
	text_base64_encode(&code, text);
	for (size_t at = 0; at < code.len; at += LINE_CHARS) {
		buf_append(out, bytes_slice(buf_view(&code), at, LINE_CHARS));
		buf_append_str(out, "\r\n");
	}
	buf_fini(&code);
}

void
witness_mail(const struct witness_config *w, const char *archive_id,
    const struct witness_head *head, int64_t now_ms, struct buf *out)
{
	uint8_t digest[CRYPT_SHA256_BYTES];
	char date[TIME_HTTP_SIZE], id[2 * 16 + 1];
	struct bytes origin = origin_of(head);
	struct buf text;

	/* "Tue, 24 Nov 2026 18:00:00 GMT": in mail the zone is a number. */
	time_http_format(date, now_ms);
	date[strcspn(date, "G")] = '\0';
	crypt_sha256(digest, buf_view(&head->note));
	text_hex_format(id, bytes_of(digest, 16));
	buf_printf(out, "From: %s\r\nTo: %s\r\nDate: %s+0000\r\n", w->from, w->to, date);
	buf_printf(out, "Message-ID: <%s.%s@%s>\r\n", id, archive_id, w->hello);
	buf_printf(out, "Subject: Checkpoint of %.*s: %llu leaves\r\n", (int)origin.len,
	    (const char *)origin.ptr, (unsigned long long)head->size);
	buf_append_str(out, "MIME-Version: 1.0\r\nAuto-Submitted: auto-generated\r\n"
			    "Content-Type: text/plain; charset=utf-8\r\n"
			    "Content-Transfer-Encoding: base64\r\n\r\n");
	buf_init(&text, MAIL_BYTES_MAX);
	buf_append(&text, buf_view(&head->note));
	lines_append(out, buf_view(&text));
	buf_fini(&text);
}

static bool
post(const struct witness_options *o, const struct witness_config *w,
    const struct witness_head *head, struct err *err)
{
	struct witness_parcel parcel = {.url = w->url,
	    .ca_file = w->ca_file,
	    .call_ms = w->call_ms,
	    .body = buf_view(&head->note)};
	struct buf reply;
	long status = 0;
	bool ok;

	buf_init(&reply, PROOF_WITNESS_REPLY_MAX);
	ok = o->carry(o->carry_ctx, &parcel, &reply, &status, err);
	buf_fini(&reply);
	if (ok && (status < 200 || status > 299))
		return ERR(err, status >= 500 ? ERR_TIMEOUT : ERR_DENIED, "%.90s answers %ld",
		    w->url, status);
	return ok;
}

static bool
mail(const struct witness_options *o, const struct witness_config *w, const char *archive_id,
    const struct witness_head *head, struct err *err)
{
	struct witness_parcel parcel = {.mail = true,
	    .url = w->url,
	    .ca_file = w->ca_file,
	    .from = w->from,
	    .to = w->to,
	    .hello = w->hello,
	    .call_ms = w->call_ms};
	struct buf message, reply;
	long status = 0;
	bool ok;

	buf_init(&message, MAIL_BYTES_MAX);
	buf_init(&reply, 1);
	witness_mail(w, archive_id, head, clock_now_ms(&o->clock), &message);
	parcel.body = buf_view(&message);
	ok = buf_ok(&message, err) && o->carry(o->carry_ctx, &parcel, &reply, &status, err);
	buf_fini(&message);
	buf_fini(&reply);
	return ok;
}

bool
witness_hand(const struct witness_options *o, const struct witness_config *w,
    const char *archive_id, const struct witness_head *head, struct err *err)
{
	switch (w->kind) {
	case WITNESS_FILE:
		return file_write(o, w, archive_id, head, err);
	case WITNESS_POST:
		return post(o, w, head, err);
	case WITNESS_MAIL:
		return mail(o, w, archive_id, head, err);
	case WITNESS_COSIGN:
		break;
	}
	return ERR(err, ERR_USAGE, "a witness that signs is asked otherwise");
}
