/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plays every dialogue script against a session in memory: as written, byte by byte, cut in two at every byte, and
 * with everything in one piece; in both modes unless the script names one.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base_mem.h"
#include "base_text.h"
#include "smtp_data.h"
#include "smtp_script.h"
#include "smtp_session.h"

#define CUT_BYTES_MAX  3000 /* scripts with fewer client bytes are cut at every one of them */
#define BYTEWISE_MAX   500000
#define TEXT_BYTES_MAX ((size_t)64 * 1024 * 1024)

enum delivery { AS_WRITTEN, BYTE_BY_BYTE, CUT_IN_TWO, ONE_PIECE };
static const char *const delivery_names[] = {
    "as written", "byte by byte", "cut in two", "in one piece"};

struct stored {
	struct stored *next;
	uint8_t *bytes;
	size_t len;
	unsigned flags;
	struct buf from, to;
};

/* One playing of one script. */
struct play {
	const struct smtp_script *script;
	enum delivery delivery;
	size_t cut_at, sent; /* CUT_IN_TWO: an extra cut after this many client bytes */
	struct smtp_options options;
	struct smtp_session *session;
	bool split, started, early, hold, failed, holds_answer;
	bool
	    expects; /* the server's words came last: they must all be there before the client goes on */
	size_t refuse_after; /* message_write refuses from this size on */
	bool refuse_begin, refuse_mail;
	uint32_t ticket;
	struct buf pend; /* ONE_PIECE: client bytes not yet sent */
	struct buf expected, got;
	struct buf body;
	struct stored *first, **last;
	size_t stored_count, aborted_count;
	char certificate; /* the session only carries the pointer */
	unsigned line;
};

static void
fail(struct play *p, const char *what)
{
	if (!p->failed)
		fprintf(stderr, "%s:%u: (%s, %s, cut %zu) %s\n", p->script->name, p->line,
		    p->options.mode == SMTP_MODE_MX ? "mx" : "journal", delivery_names[p->delivery],
		    p->cut_at, what);
	p->failed = true;
}

static void
print_escaped(const char *label, struct bytes text)
{
	fprintf(stderr, "  %s ", label);
	for (size_t i = 0; i < text.len && i < 2000; i++) {
		uint8_t c = text.ptr[i];

		if (c == '\n')
			fprintf(stderr, "\\n%s", i + 1 < text.len ? "\n           " : "");
		else if (c == '\r')
			fprintf(stderr, "\\r");
		else if (c < 0x20 || c > 0x7e)
			fprintf(stderr, "\\x%02x", c);
		else
			fputc(c, stderr);
	}
	fputc('\n', stderr);
}

/* The owner: one user, one domain, and whatever the script sets. */

static const struct smtp_reply *
own_mail(void *ctx, struct smtp_session *s, const struct smtp_sender *sender)
{
	struct play *p = ctx;

	(void)s;
	(void)sender;
	return p->refuse_mail ? smtp_reply_of(SMTP_REPLY_NO_SPACE) : NULL;
}

static bool
is_ours(const struct smtp_path *path)
{
	bool domain =
	    path->domain.len == 0 || bytes_equal_nocase(path->domain, BYTES_LIT("example.test"));

	return domain && !bytes_starts_with(path->local, BYTES_LIT("refused")) &&
	       bytes_find_byte(path->local, 0, '%') == SIZE_MAX &&
	       bytes_find_byte(path->local, 0, '!') == SIZE_MAX &&
	       bytes_find_byte(path->local, 0, '@') == SIZE_MAX;
}

static const struct smtp_reply *
own_recipient(void *ctx, struct smtp_session *s, const struct smtp_recipient *rcpt)
{
	(void)ctx;
	(void)s;
	return is_ours(&rcpt->path) ? NULL : smtp_reply_of(SMTP_REPLY_NOT_PERMITTED);
}

static void
own_auth(
    void *ctx, struct smtp_session *s, uint32_t ticket, struct bytes user, struct bytes password)
{
	struct play *p = ctx;
	bool good =
	    bytes_equal(user, BYTES_LIT("inp-1")) && bytes_equal(password, BYTES_LIT("secret"));

	p->ticket = ticket;
	p->holds_answer = p->hold;
	if (p->hold)
		return;
	if (bytes_equal(user, BYTES_LIT("down")))
		smtp_session_auth_done(s, ticket, SMTP_AUTH_DOWN);
	else
		smtp_session_auth_done(s, ticket, good ? SMTP_AUTH_GOOD : SMTP_AUTH_BAD);
}

static const struct smtp_reply *
own_message_begin(void *ctx, struct smtp_session *s)
{
	struct play *p = ctx;

	(void)s;
	if (p->refuse_begin)
		return smtp_reply_of(SMTP_REPLY_NO_SPACE);
	buf_reset(&p->body);
	return NULL;
}

static const struct smtp_reply *
own_message_write(void *ctx, struct smtp_session *s, struct bytes data)
{
	struct play *p = ctx;

	(void)s;
	if (p->body.len + data.len > p->refuse_after)
		return smtp_reply_of(SMTP_REPLY_NO_SPACE);
	buf_append(&p->body, data);
	return NULL;
}

static void
append_flags(struct buf *out, unsigned flags)
{
	static const char *const names[] = {"nul", "bare_lf", "bare_cr"};

	for (unsigned i = 0; i < 3; i++) {
		if ((flags & 1u << i) != 0)
			buf_printf(out, "%s%s", out->len > 0 ? " " : "", names[i]);
	}
}

static void
keep(struct play *p)
{
	const struct smtp_recipient *rcpts;
	struct stored *m = mem_calloc(1, sizeof *m);
	size_t count;

	rcpts = smtp_session_recipients(p->session, &count);
	buf_init(&m->from, 4096);
	buf_init(&m->to, 1024 * 1024);
	buf_append(&m->from, smtp_session_sender(p->session)->path.address);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_append_byte(&m->to, ' ');
		buf_append(&m->to, rcpts[i].path.address);
	}
	m->flags = smtp_session_message_flags(p->session);
	if (smtp_session_message_bytes(p->session) != p->body.len)
		fail(p, "octet count is not the number of octets written");
	m->bytes = buf_take(&p->body, &m->len);
	*p->last = m;
	p->last = &m->next;
	p->stored_count++;
}

static void
own_message_end(void *ctx, struct smtp_session *s, uint32_t ticket)
{
	struct play *p = ctx;

	keep(p);
	p->ticket = ticket;
	p->holds_answer = p->hold;
	if (!p->hold)
		smtp_session_data_done(s, ticket, smtp_reply_of(SMTP_REPLY_OK_MESSAGE));
}

static void
own_message_abort(void *ctx, struct smtp_session *s)
{
	struct play *p = ctx;

	(void)s;
	p->aborted_count++;
}

static const struct smtp_ops own_ops = {
    .mail = own_mail,
    .recipient = own_recipient,
    .auth = own_auth,
    .message_begin = own_message_begin,
    .message_write = own_message_write,
    .message_end = own_message_end,
    .message_abort = own_message_abort,
};

/* Sending and comparing. */

static void
drain(struct play *p)
{
	struct buf *out = smtp_session_output(p->session);

	buf_append(&p->got, buf_view(out));
	buf_release(out);
}

static void
compare(struct play *p)
{
	if (p->failed || bytes_equal(buf_view(&p->expected), buf_view(&p->got)))
		return;
	fail(p, "the server said something else");
	print_escaped("expected", buf_view(&p->expected));
	print_escaped("got     ", buf_view(&p->got));
}

static void
start(struct play *p)
{
	if (p->started)
		return;
	p->started = true;
	p->session = smtp_session_new(&p->options, &own_ops, p, 1);
	if (p->options.tls_wrapped)
		smtp_session_tls_done(
		    p->session, &(struct smtp_tls_info){"TLSv1.3", "TLS_AES_256_GCM_SHA384", NULL});
	smtp_session_open(p->session, p->early);
	drain(p);
}

/* feed: until all is taken or the session waits for an answer. */
static void
feed(struct play *p, struct bytes data)
{
	size_t consumed;

	while (data.len > 0 && !p->failed) {
		smtp_session_feed(p->session, data, &consumed);
		drain(p);
		data = bytes_slice(data, consumed, data.len);
		if (consumed == 0 && smtp_session_wants(p->session) == SMTP_WANT_WAIT) {
			buf_append(&p->pend, data);
			return;
		}
	}
}

static void
send_cut(struct play *p, struct bytes data)
{
	size_t before = p->sent;

	p->sent += data.len;
	if (p->delivery == BYTE_BY_BYTE && p->split) {
		for (size_t i = 0; i < data.len; i++)
			feed(p, bytes_slice(data, i, 1));
	} else if (p->delivery == CUT_IN_TWO && p->split && p->cut_at > before &&
		   p->cut_at < p->sent) {
		feed(p, bytes_slice(data, 0, p->cut_at - before));
		feed(p, bytes_slice(data, p->cut_at - before, data.len));
	} else {
		feed(p, data);
	}
}

/* deliver: send what was saved up. */
static void
deliver(struct play *p)
{
	uint8_t *rest;
	size_t len;

	start(p);
	if (p->pend.len > 0) {
		rest = buf_take(&p->pend, &len);
		feed(p, bytes_of(rest, len));
		mem_free(rest);
	}
}

/* flush: all is sent, so the books must balance. */
static void
flush(struct play *p)
{
	deliver(p);
	compare(p);
}

static bool
is_hello(struct bytes text)
{
	return bytes_starts_with_nocase(text, BYTES_LIT("EHLO ")) ||
	       bytes_starts_with_nocase(text, BYTES_LIT("HELO "));
}

static void
client(struct play *p, struct bytes text)
{
	bool alone = p->options.mode == SMTP_MODE_MX && is_hello(text);

	if (p->delivery == ONE_PIECE && p->split) {
		start(p);
		buf_append(&p->pend, text);
		if (alone)
			deliver(p);
		return;
	}
	if (p->expects)
		flush(p);
	else
		deliver(p);
	p->expects = false;
	send_cut(p, text);
}

static void
set(struct play *p, const struct smtp_action *a)
{
	uint64_t number = 0;
	bool on = bytes_equal(a->text, BYTES_LIT("on"));
	bool is_number = text_u64_parse(&number, a->text);

	if (strcmp(a->word, "mode") == 0)
		return;
	if (strcmp(a->word, "split") == 0)
		p->split = on;
	else if (strcmp(a->word, "early") == 0)
		p->early = on;
	else if (strcmp(a->word, "hold") == 0)
		p->hold = on;
	else if (strcmp(a->word, "refuse-begin") == 0)
		p->refuse_begin = on;
	else if (strcmp(a->word, "refuse-mail") == 0)
		p->refuse_mail = on;
	else if (strcmp(a->word, "refuse-after") == 0 && is_number)
		p->refuse_after = number;
	else if (strcmp(a->word, "offer-tls") == 0)
		p->options.offer_tls = on;
	else if (strcmp(a->word, "require-tls") == 0)
		p->options.require_tls = on;
	else if (strcmp(a->word, "tls-wrapped") == 0)
		p->options.tls_wrapped = on;
	else if (strcmp(a->word, "offer-auth") == 0)
		p->options.offer_auth = on;
	else if (strcmp(a->word, "require-auth") == 0)
		p->options.require_auth = on;
	else if (strcmp(a->word, "require-certificate") == 0)
		p->options.require_client_certificate = on;
	else if (strcmp(a->word, "closed") == 0)
		p->options.closed = on;
	else if (strcmp(a->word, "size") == 0 && is_number)
		p->options.message_bytes_max = number;
	else if (strcmp(a->word, "recipients") == 0 && is_number)
		p->options.recipients_max = (unsigned)number;
	else if (strcmp(a->word, "messages") == 0 && is_number)
		p->options.session_messages_max = (unsigned)number;
	else
		fail(p, "no such setting");
}

static void
hello(struct play *p)
{
	struct bytes line = BYTES_LIT("EHLO client.test\r\n");
	size_t at;

	flush(p);
	at = p->got.len;
	send_cut(p, line);
	if (!bytes_starts_with(bytes_slice(buf_view(&p->got), at, p->got.len), BYTES_LIT("250-")))
		fail(p, "EHLO is not welcome");
	buf_append(&p->expected, bytes_slice(buf_view(&p->got), at, p->got.len));
}

static void
tls(struct play *p, bool certificate)
{
	const void *shown = certificate ? &p->certificate : NULL;
	struct smtp_tls_info info = {"TLSv1.3", "TLS_AES_256_GCM_SHA384", shown};

	flush(p);
	if (smtp_session_wants(p->session) != SMTP_WANT_TLS)
		fail(p, "the server does not wait for a handshake");
	else
		smtp_session_tls_done(p->session, &info);
}

static void
answer(struct play *p, const char *word)
{
	flush(p);
	if (!p->holds_answer) {
		fail(p, "nothing was asked");
		return;
	}
	if (strcmp(word, "auth-good") == 0)
		smtp_session_auth_done(p->session, p->ticket, SMTP_AUTH_GOOD);
	else if (strcmp(word, "auth-bad") == 0)
		smtp_session_auth_done(p->session, p->ticket, SMTP_AUTH_BAD);
	else if (strcmp(word, "good") == 0)
		smtp_session_data_done(p->session, p->ticket, smtp_reply_of(SMTP_REPLY_OK_MESSAGE));
	else if (strcmp(word, "trouble") == 0)
		smtp_session_data_done(p->session, p->ticket, smtp_reply_of(SMTP_REPLY_TROUBLE));
	else if (strcmp(word, "close") == 0)
		smtp_session_data_done(
		    p->session, p->ticket, smtp_reply_of(SMTP_REPLY_TROUBLE_CLOSE));
	else
		fail(p, "no such answer");
	drain(p);
}

static void
check_message(struct play *p, const struct smtp_action *a)
{
	struct stored *m;
	struct buf text;

	flush(p);
	m = p->first;
	for (size_t i = 1; i < a->number && m != NULL; i++)
		m = m->next;
	if (m == NULL) {
		fail(p, "no such message");
		return;
	}
	buf_init(&text, TEXT_BYTES_MAX);
	if (a->verb == SCRIPT_MESSAGE)
		buf_append_mem(&text, m->bytes, m->len);
	else if (a->verb == SCRIPT_FLAGS)
		append_flags(&text, m->flags);
	else if (a->verb == SCRIPT_LENGTH)
		buf_printf(&text, "%zu", m->len);
	else
		buf_append(&text, buf_view(a->verb == SCRIPT_FROM ? &m->from : &m->to));
	if (!bytes_equal(buf_view(&text), a->text) && !p->failed) {
		fail(p, "the message differs");
		print_escaped("expected", a->text);
		print_escaped("got     ", buf_view(&text));
	}
	buf_fini(&text);
}

static void
check_open(struct play *p)
{
	flush(p);
	feed(p, BYTES_LIT("NOOP\r\n"));
	buf_append_str(&p->expected, "250 2.0.0 OK\r\n");
	compare(p);
}

static void
act(struct play *p, const struct smtp_action *a)
{
	p->line = a->line;
	switch (a->verb) {
	case SCRIPT_SET:
		if (p->started)
			flush(p);
		set(p, a);
		break;
	case SCRIPT_CLIENT:
		client(p, a->text);
		break;
	case SCRIPT_SERVER:
		p->expects = true;
		buf_append(&p->expected, a->text);
		break;
	case SCRIPT_HELLO:
		hello(p);
		break;
	case SCRIPT_TLS:
		tls(p, strcmp(a->word, "certificate") == 0);
		break;
	case SCRIPT_TIMEOUT:
		flush(p);
		smtp_session_timeout(p->session);
		drain(p);
		break;
	case SCRIPT_SHUTDOWN:
		flush(p);
		smtp_session_shutdown(p->session);
		drain(p);
		break;
	case SCRIPT_ANSWER:
		answer(p, a->word);
		break;
	case SCRIPT_CLOSE:
		flush(p);
		if (smtp_session_wants(p->session) != SMTP_WANT_CLOSE)
			fail(p, "the session is still open");
		break;
	case SCRIPT_OPEN:
		check_open(p);
		break;
	case SCRIPT_STORED:
		flush(p);
		if (p->stored_count != a->number)
			fail(p, "not as many messages were stored");
		break;
	case SCRIPT_ABORTED:
		flush(p);
		if (p->aborted_count != a->number)
			fail(p, "not as many messages were given up");
		break;
	case SCRIPT_MESSAGE:
	case SCRIPT_FLAGS:
	case SCRIPT_LENGTH:
	case SCRIPT_FROM:
	case SCRIPT_TO:
		check_message(p, a);
		break;
	}
}

static void
clean(struct play *p)
{
	smtp_session_free(&p->session);
	while (p->first != NULL) {
		struct stored *m = p->first;

		p->first = m->next;
		mem_free(m->bytes);
		buf_fini(&m->from);
		buf_fini(&m->to);
		mem_free(m);
	}
	buf_fini(&p->pend);
	buf_fini(&p->expected);
	buf_fini(&p->got);
	buf_fini(&p->body);
}

static bool
play(const struct smtp_script *script, enum smtp_mode mode, enum delivery delivery, size_t cut_at)
{
	struct play p = {
	    .script = script,
	    .delivery = delivery,
	    .cut_at = cut_at,
	    .options = {.hostname = "mail.test", .mode = mode},
	    .split = true,
	    .refuse_after = SIZE_MAX,
	};

	p.last = &p.first;
	buf_init(&p.pend, TEXT_BYTES_MAX);
	buf_init(&p.expected, TEXT_BYTES_MAX);
	buf_init(&p.got, TEXT_BYTES_MAX);
	buf_init(&p.body, TEXT_BYTES_MAX);
	for (size_t i = 0; i < script->count && !p.failed; i++)
		act(&p, &script->actions[i]);
	flush(&p);
	clean(&p);
	return !p.failed;
}

/* plays_in: whether the script is meant for this mode. */
static bool
plays_in(const struct smtp_script *script, const char *mode)
{
	for (size_t i = 0; i < script->count; i++) {
		const struct smtp_action *a = &script->actions[i];

		if (a->verb == SCRIPT_SET && strcmp(a->word, "mode") == 0)
			return bytes_equal(a->text, bytes_of_str(mode));
	}
	return true;
}

static size_t
client_bytes(const struct smtp_script *script)
{
	size_t sum = 0;

	for (size_t i = 0; i < script->count; i++) {
		const struct smtp_action *a = &script->actions[i];

		if (a->verb == SCRIPT_CLIENT)
			sum += a->text.len;
		else if (a->verb == SCRIPT_HELLO)
			sum += strlen("EHLO client.test\r\n");
	}
	return sum;
}

static bool
play_all_ways(const struct smtp_script *script, enum smtp_mode mode)
{
	size_t bytes = client_bytes(script);

	if (!play(script, mode, AS_WRITTEN, 0) || !play(script, mode, ONE_PIECE, 0))
		return false;
	if (bytes <= BYTEWISE_MAX && !play(script, mode, BYTE_BY_BYTE, 0))
		return false;
	for (size_t cut = 1; bytes <= CUT_BYTES_MAX && cut < bytes; cut++) {
		if (!play(script, mode, CUT_IN_TWO, cut))
			return false;
	}
	return true;
}

static bool
run_file(const char *folder, const char *name)
{
	struct smtp_script script;
	bool good = smtp_script_read(&script, folder, name);

	if (good && plays_in(&script, "journal"))
		good = play_all_ways(&script, SMTP_MODE_JOURNAL);
	if (good && plays_in(&script, "mx"))
		good = play_all_ways(&script, SMTP_MODE_MX);
	printf("%s %s\n", good ? "ok    " : "FAILED", name);
	smtp_script_free(&script);
	return good;
}

static int
is_script(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > 2 && strcmp(entry->d_name + len - 2, ".t") == 0;
}

/* With names after the folder, only those scripts. */
int
main(int argc, char **argv)
{
	struct dirent **entries = NULL;
	bool good = true;
	int count;

	if (argc < 2) {
		fprintf(stderr, "usage: %s FOLDER [SCRIPT…]\n", argv[0]);
		return 2;
	}
	for (int i = 2; i < argc; i++)
		good = run_file(argv[1], argv[i]) && good;
	if (argc > 2)
		return good ? 0 : 1;
	count = scandir(argv[1], &entries, is_script, alphasort);
	for (int i = 0; i < count; i++) {
		good = run_file(argv[1], entries[i]->d_name) && good;
		free(entries[i]);
	}
	free(entries);
	return good && count > 0 ? 0 : 1;
}
