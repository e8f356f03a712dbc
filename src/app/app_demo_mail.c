/* SPDX-License-Identifier: Apache-2.0 */
/* The other end of the wire, in small. */
#include "app_demo_mail.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base_clock.h"
#include "base_mem.h"
#include "base_text.h"
#include "os_loop.h"

#define WAIT_MS        10000
#define STEP_MS        100
#define LINE_BYTES_MAX 4096
#define MAIL_BYTES_MAX ((size_t)64 * 1024)

struct app_demo_session {
	int fd;
	struct os_loop *loop;
	struct os_watch *watch;
	bool woken;
	struct buf in;
};

static void
on_ready(void *ctx, unsigned ready)
{
	struct app_demo_session *s = ctx;

	(void)ready;
	s->woken = true;
	os_watch_set(s->watch, 0);
}

static bool
wait_for(struct app_demo_session *s, unsigned events, struct err *err)
{
	struct clock clock = clock_system();
	int64_t end_ms = clock_mono_ms(&clock) + WAIT_MS;

	s->woken = false;
	os_watch_set(s->watch, events);
	while (!s->woken && clock_mono_ms(&clock) < end_ms)
		os_loop_step(s->loop, STEP_MS);
	return s->woken || ERR(err, ERR_TIMEOUT, "the server does not answer");
}

static bool
write_all(struct app_demo_session *s, struct bytes data, struct err *err)
{
	while (data.len > 0) {
		size_t n = 0;
		enum os_io io = os_socket_write(s->fd, data, &n, err);

		if (io == OS_IO_FAIL || io == OS_IO_EOF ||
		    (io == OS_IO_AGAIN && !wait_for(s, OS_WRITE, err)))
			return false;
		data = bytes_slice(data, n, SIZE_MAX);
	}
	return true;
}

/* One whole reply; its last line without line end, and its code. */
static bool
read_reply(
    struct app_demo_session *s, char line[APP_DEMO_REPLY_SIZE], int *code_out, struct err *err)
{
	uint8_t chunk[1024];

	for (;;) {
		size_t end = bytes_find(buf_view(&s->in), 0, BYTES_LIT("\r\n"));
		size_t n = 0;
		enum os_io io;

		if (end != SIZE_MAX) {
			bool last = end < 4 || s->in.ptr[3] != '-';

			(void)snprintf(
			    line, APP_DEMO_REPLY_SIZE, "%.*s", (int)end, (const char *)s->in.ptr);
			buf_consume(&s->in, end + 2);
			if (!last)
				continue;
			*code_out = end >= 3 ? (line[0] - '0') * 100 + (line[1] - '0') * 10 +
						   (line[2] - '0')
					     : 0;
			return true;
		}
		io = os_socket_read(s->fd, chunk, sizeof chunk, &n, err);
		if (io == OS_IO_EOF)
			return ERR(err, ERR_IO, "the server closed the connection");
		if (io == OS_IO_FAIL || (io == OS_IO_AGAIN && !wait_for(s, OS_READ, err)))
			return false;
		buf_append_mem(&s->in, chunk, n);
		if (!buf_ok(&s->in, err))
			return false;
	}
}

static bool
command(struct app_demo_session *s, char line[APP_DEMO_REPLY_SIZE], int *code_out, struct err *err,
    const char *format, const char *word)
{
	struct buf text;
	bool ok;

	buf_init(&text, LINE_BYTES_MAX);
	buf_append_str(&text, format);
	buf_append_str(&text, word);
	buf_append_str(&text, strchr(format, '<') != NULL ? ">\r\n" : "\r\n");
	ok = buf_ok(&text, err) && write_all(s, buf_view(&text), err) &&
	     read_reply(s, line, code_out, err);
	buf_fini(&text);
	return ok;
}

bool
app_demo_connect(const struct os_address *to, struct app_demo_session **out, struct err *err)
{
	struct app_demo_session *s = mem_calloc(1, sizeof *s);
	char line[APP_DEMO_REPLY_SIZE];
	int code = 0;
	bool ok;

	s->fd = -1;
	s->loop = os_loop_new();
	buf_init(&s->in, LINE_BYTES_MAX * 4);
	*out = s;
	if (!os_socket_connect(to, &s->fd, err)) {
		app_demo_quit(out);
		return false;
	}
	s->watch = os_watch_fd(s->loop, s->fd, on_ready, s);
	ok = wait_for(s, OS_WRITE, err) && os_socket_connected(s->fd, err) &&
	     read_reply(s, line, &code, err);
	if (ok && code == 220)
		ok = command(s, line, &code, err, "EHLO ", "demo.example");
	if (ok && code != 250)
		ok = ERR(err, ERR_IO, "the server says: %.120s", line);
	if (!ok)
		app_demo_quit(out);
	return ok;
}

static void
stuff(struct bytes message, struct buf *out)
{
	bool line_start = true;

	for (size_t i = 0; i < message.len; i++) {
		if (line_start && message.ptr[i] == '.')
			buf_append_byte(out, '.');
		buf_append_byte(out, message.ptr[i]);
		line_start = message.ptr[i] == '\n';
	}
	buf_append_str(out, ".\r\n");
}

bool
app_demo_send(struct app_demo_session *s, const char *from, const char *to, struct bytes message,
    char reply[APP_DEMO_REPLY_SIZE], bool *accepted, struct err *err)
{
	struct buf wire;
	int code = 0;
	bool ok;

	*accepted = false;
	if (!command(s, reply, &code, err, "MAIL FROM:<", from))
		return false;
	if (code != 250)
		return true;
	if (!command(s, reply, &code, err, "RCPT TO:<", to))
		return false;
	if (code != 250) {
		char ignored[APP_DEMO_REPLY_SIZE];

		return command(s, ignored, &code, err, "RSET", "");
	}
	if (!command(s, reply, &code, err, "DATA", "") || code != 354)
		return code == 354 || ERR(err, ERR_IO, "the server says: %.120s", reply);
	buf_init(&wire, MAIL_BYTES_MAX * 2);
	stuff(message, &wire);
	ok = write_all(s, buf_view(&wire), err) && read_reply(s, reply, &code, err);
	buf_fini(&wire);
	*accepted = ok && code == 250;
	return ok;
}

void
app_demo_quit(struct app_demo_session **session)
{
	struct app_demo_session *s = *session;
	char line[APP_DEMO_REPLY_SIZE];
	struct err ignored;
	int code;

	*session = NULL;
	if (s == NULL)
		return;
	if (s->watch != NULL)
		(void)command(s, line, &code, &ignored, "QUIT", "");
	os_watch_free(&s->watch);
	os_close(&s->fd);
	os_loop_free(&s->loop);
	buf_fini(&s->in);
	mem_free(s);
}

static void
mail_date(int64_t ms, char out[40])
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;

	(void)gmtime_r(&seconds, &tm);
	(void)strftime(out, 40, "%a, %d %b %Y %H:%M:%S +0000", &tm);
}

struct office_mail {
	const char *from, *from_name, *to, *subject, *text, *attachment;
};

/* An ordinary day. */
static const struct office_mail office[APP_DEMO_REPORTS] = {
    {"anna.berg@journaling.solutions", "Anna Berg", "tom@supplier.example", "Offer 71450/36214",
	"Dear Tom,\r\n\r\nplease find our order against offer 71450/36214 attached.\r\n\r\nAnna",
	"order.pdf"},
    {"tom@supplier.example", "Tom Ekwall", "anna.berg@journaling.solutions",
	"Re: Offer 71450/36214", "Thank you, Anna. Delivery in week 51.", NULL},
    {"jo.marsh@journaling.solutions", "Jo Marsh", "board@journaling.solutions",
	"Minutes of the board meeting", "The minutes are attached. Corrections by Friday, please.",
	"minutes.docx"},
    {"hr@journaling.solutions", "Human Resources", "all@journaling.solutions", "Holiday calendar",
	"The office is closed from 24 December to 1 January.", NULL},
    {"lee.chan@journaling.solutions", "\xE6\x9D\x8E Chan", "kim@partner.example",
	"=?utf-8?B?5ZCI5ZCM6I2J5qGI?= v3", "Third draft of the contract. Paragraph 7 is new.",
	"contract-v3.pdf"},
    {"kim@partner.example", "Kim Roe", "lee.chan@journaling.solutions",
	"Re: =?utf-8?B?5ZCI5ZCM6I2J5qGI?= v3", "Paragraph 7 is fine with us.", NULL},
    {"it@journaling.solutions", "IT", "all@journaling.solutions", "Maintenance on Saturday",
	"Mail is away from 06:00 to 06:30 UTC. What arrives meanwhile waits and is delivered "
	"afterwards.",
	NULL},
    {"anna.berg@journaling.solutions", "Anna Berg", "finance@journaling.solutions",
	"Invoice 2026-1182", "Approved. Please pay with the next run.", "invoice-2026-1182.pdf"},
    {"finance@journaling.solutions", "Finance", "anna.berg@journaling.solutions",
	"Re: Invoice 2026-1182", "Paid.", NULL},
    {"jo.marsh@journaling.solutions", "Jo Marsh", "counsel@lawfirm.example",
	"Privileged: Smith v. Acme",
	"As agreed on the phone. Nobody deletes anything that names Acme.", NULL},
    {"counsel@lawfirm.example", "Counsel", "jo.marsh@journaling.solutions",
	"Re: Privileged: Smith v. Acme",
	"Understood. We need everything from the last twelve months.", NULL},
    {"press@journaling.solutions", "Press", "news@paper.example",
	"=?iso-8859-1?Q?M=FCnchen:_new_office?=", "We open our third office in March.",
	"photo.jpg"},
};

static void
append_attachment(const char *name, struct buf *out)
{
	struct buf body;

	buf_init(&body, 4096);
	buf_printf(&body, "This stands for the content of %s.\n", name);
	buf_printf(out,
	    "--part\r\nContent-Type: application/octet-stream; name=\"%s\"\r\n"
	    "Content-Disposition: attachment; filename=\"%s\"\r\nContent-Transfer-Encoding: "
	    "base64\r\n\r\n",
	    name, name);
	text_base64_encode(out, buf_view(&body));
	buf_append_str(out, "\r\n--part--\r\n");
	buf_fini(&body);
}

static void
append_mail(const struct office_mail *m, size_t n, const char *date, struct buf *out)
{
	buf_printf(out,
	    "From: %s <%s>\r\nTo: <%s>\r\nSubject: %s\r\nDate: %s\r\nMessage-ID: "
	    "<demo-%zu@journaling.solutions>\r\n"
	    "MIME-Version: 1.0\r\n",
	    m->from_name, m->from, m->to, m->subject, date, n);
	if (m->attachment == NULL) {
		buf_printf(out, "Content-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n", m->text);
		return;
	}
	buf_printf(out,
	    "Content-Type: multipart/mixed; boundary=part\r\n\r\n--part\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n",
	    m->text);
	append_attachment(m->attachment, out);
}

void
app_demo_report(size_t n, int64_t now_ms, struct buf *out)
{
	const struct office_mail *m = &office[n % APP_DEMO_REPORTS];
	char date[40];

	mail_date(now_ms, date);
	buf_printf(out,
	    "From: %s <%s>\r\nTo: <journaling@journaling.solutions>\r\nSubject: %s\r\nDate: %s\r\n"
	    "Message-ID: <report-%zu@journaling.solutions>\r\nMIME-Version: "
	    "1.0\r\nX-MS-Journal-Report:\r\n"
	    "Content-Type: multipart/mixed; boundary=report\r\n\r\n",
	    m->from_name, m->from, m->subject, date, n);
	buf_printf(out,
	    "--report\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nSender: %s\r\nSubject: "
	    "%s\r\n"
	    "Message-Id: <demo-%zu@journaling.solutions>\r\nTo: "
	    "%s\r\n\r\n--report\r\nContent-Type: message/rfc822\r\n\r\n",
	    m->from, m->subject, n, m->to);
	append_mail(m, n, date, out);
	buf_append_str(out, "\r\n--report--\r\n");
}

void
app_demo_direct(int64_t now_ms, struct buf *out)
{
	char date[40];

	mail_date(now_ms, date);
	buf_printf(out,
	    "From: Somebody <somebody@elsewhere.example>\r\nTo: journaling@journaling.solutions\r\n"
	    "Subject: hello?\r\nDate: %s\r\n\r\nWho reads this address?\r\n",
	    date);
}
