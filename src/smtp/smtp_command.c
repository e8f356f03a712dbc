/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One row per command: its name, the phases that allow it, what it thinks of an argument, and what runs it. The
 * commands that need no file of their own are here too.
 */
#include <string.h>

#include "base_limits.h"
#include "base_mem.h"
#include "smtp_session_int.h"

enum argument { ARGUMENT_NONE, ARGUMENT_FREE, ARGUMENT_NEEDED };

struct command {
	const char *name;
	unsigned phases;
	enum argument argument;
	bool idle; /* counts towards SMTP_IDLE_COMMANDS_MAX */
	void (*run)(struct smtp_session *s, struct bytes argument);
};

#define PHASE_ANY     (SMTP_PHASE_FRESH | PHASE_GREETED)
#define PHASE_GREETED (SMTP_PHASE_HELLO | SMTP_PHASE_MAIL | SMTP_PHASE_RCPT | SMTP_PHASE_CHUNKS)

static void
append_extensions(struct smtp_session *s)
{
	struct buf line;
	bool starttls = s->options->offer_tls && !s->has_tls,
	     auth = s->options->offer_auth && s->has_tls;

	buf_init(&line, 64);
	buf_printf(&line, "SIZE %zu", smtp_session_message_limit(s));
	smtp_reply_append_line(&s->out, 250, false, "PIPELINING");
	smtp_reply_append_line(&s->out, 250, false, buf_text(&line));
	smtp_reply_append_line(&s->out, 250, false, "8BITMIME");
	smtp_reply_append_line(&s->out, 250, false, "SMTPUTF8");
	smtp_reply_append_line(&s->out, 250, false, "CHUNKING");
	smtp_reply_append_line(&s->out, 250, false, "DSN");
	if (starttls)
		smtp_reply_append_line(&s->out, 250, false, "STARTTLS");
	if (auth)
		smtp_reply_append_line(&s->out, 250, false, "AUTH LOGIN PLAIN");
	smtp_reply_append_line(&s->out, 250, true, "ENHANCEDSTATUSCODES");
	buf_fini(&line);
}

static void
hello(struct smtp_session *s, struct bytes argument, bool esmtp)
{
	if (!smtp_path_is_domain(argument)) {
		smtp_session_reply(s, SMTP_REPLY_BAD_HELLO);
		return;
	}
	/* RFC 2920 §3.1: EHLO ends a group; a client that went on without the answer is no mail client. */
	if (s->options->mode == SMTP_MODE_MX && s->behind_bytes > 0) {
		smtp_session_reply(s, SMTP_REPLY_EARLY);
		return;
	}
	smtp_session_reset(s);
	mem_free(s->helo);
	s->helo = mem_alloc(argument.len + 1);
	memcpy(s->helo, argument.ptr, argument.len);
	s->helo[argument.len] = '\0';
	s->phase = SMTP_PHASE_HELLO;
	s->esmtp = esmtp;
	smtp_reply_append_line(&s->out, 250, !esmtp, s->options->hostname);
	if (esmtp)
		append_extensions(s);
}

static void
run_ehlo(struct smtp_session *s, struct bytes argument)
{
	hello(s, argument, true);
}

static void
run_helo(struct smtp_session *s, struct bytes argument)
{
	hello(s, argument, false);
}

static void
run_rset(struct smtp_session *s, struct bytes argument)
{
	(void)argument;
	smtp_session_reset(s);
	smtp_session_reply(s, SMTP_REPLY_OK);
}

static void
run_noop(struct smtp_session *s, struct bytes argument)
{
	(void)argument;
	smtp_session_reply(s, SMTP_REPLY_OK);
}

static void
run_help(struct smtp_session *s, struct bytes argument)
{
	(void)argument;
	smtp_session_reply(s, SMTP_REPLY_HELP);
}

static void
run_vrfy(struct smtp_session *s, struct bytes argument)
{
	(void)argument;
	smtp_session_reply(s, SMTP_REPLY_VRFY);
}

static void
run_quit(struct smtp_session *s, struct bytes argument)
{
	(void)argument;
	smtp_session_reply(s, SMTP_REPLY_BYE);
}

static void
run_not_done(struct smtp_session *s, struct bytes argument)
{
	(void)argument;
	smtp_session_reply(s, SMTP_REPLY_NOT_DONE);
}

/* A browser, or a form that was tricked into talking to us: what follows is not for a mail server. */
static void
run_not_mail(struct smtp_session *s, struct bytes argument)
{
	(void)argument;
	smtp_session_reply(s, SMTP_REPLY_NOT_MAIL);
}

static void
run_starttls(struct smtp_session *s, struct bytes argument)
{
	size_t before = s->out.len;

	(void)argument;
	if (s->has_tls) {
		smtp_session_reply(s, SMTP_REPLY_TLS_TWICE);
		return;
	}
	if (!s->options->offer_tls) {
		smtp_session_reply(s, SMTP_REPLY_NOT_DONE);
		return;
	}
	smtp_session_reply(s, SMTP_REPLY_GO_TLS);
	s->go_tls_bytes = s->out.len - before;
	s->want = SMTP_WANT_TLS;
}

static const struct command commands[] = {
    /* name, phases, argument, idle, run */
    {"EHLO", PHASE_ANY, ARGUMENT_FREE, true, run_ehlo},
    {"HELO", PHASE_ANY, ARGUMENT_FREE, true, run_helo},
    {"STARTTLS", PHASE_GREETED, ARGUMENT_NONE, true, run_starttls},
    {"AUTH", PHASE_ANY, ARGUMENT_NEEDED, true, smtp_auth_start},
    {"MAIL", SMTP_PHASE_HELLO, ARGUMENT_NEEDED, false, smtp_envelope_mail},
    {"RCPT", SMTP_PHASE_MAIL | SMTP_PHASE_RCPT, ARGUMENT_NEEDED, false, smtp_envelope_rcpt},
    {"DATA", SMTP_PHASE_RCPT, ARGUMENT_NONE, false, smtp_message_data},
    {"BDAT", PHASE_ANY, ARGUMENT_FREE, false, smtp_message_bdat}, /* swallows octets in any phase */
    {"RSET", PHASE_ANY, ARGUMENT_NONE, true, run_rset},
    {"NOOP", PHASE_ANY, ARGUMENT_FREE, true, run_noop},
    {"VRFY", PHASE_ANY, ARGUMENT_NEEDED, true, run_vrfy},
    {"HELP", PHASE_ANY, ARGUMENT_FREE, true, run_help},
    {"QUIT", PHASE_ANY, ARGUMENT_NONE, false, run_quit},
    {"EXPN", PHASE_ANY, ARGUMENT_FREE, true, run_not_done},
    {"ETRN", PHASE_ANY, ARGUMENT_FREE, true, run_not_done},
    {"TURN", PHASE_ANY, ARGUMENT_FREE, true, run_not_done},
    {"SEND", PHASE_ANY, ARGUMENT_FREE, true, run_not_done},
    {"SOML", PHASE_ANY, ARGUMENT_FREE, true, run_not_done},
    {"SAML", PHASE_ANY, ARGUMENT_FREE, true, run_not_done},
    {"GET", PHASE_ANY, ARGUMENT_FREE, false, run_not_mail},
    {"HEAD", PHASE_ANY, ARGUMENT_FREE, false, run_not_mail},
    {"POST", PHASE_ANY, ARGUMENT_FREE, false, run_not_mail},
    {"PUT", PHASE_ANY, ARGUMENT_FREE, false, run_not_mail},
    {"CONNECT", PHASE_ANY, ARGUMENT_FREE, false, run_not_mail},
    {"OPTIONS", PHASE_ANY, ARGUMENT_FREE, false, run_not_mail},
    {"HOST:", PHASE_ANY, ARGUMENT_FREE, false, run_not_mail},
};

static const struct command *
find(struct bytes verb)
{
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		if (bytes_equal_nocase(verb, bytes_of_str(commands[i].name)))
			return &commands[i];
	}
	return NULL;
}

enum smtp_reply_id
smtp_command_order(const struct smtp_session *s)
{
	switch (s->phase) {
	case SMTP_PHASE_FRESH:
		return SMTP_REPLY_NEED_HELLO;
	case SMTP_PHASE_HELLO:
		return SMTP_REPLY_NEED_MAIL;
	case SMTP_PHASE_MAIL:
		return s->recipient_refused ? SMTP_REPLY_NO_RECIPIENT : SMTP_REPLY_NEED_RECIPIENT;
	case SMTP_PHASE_RCPT:
		return SMTP_REPLY_OPEN_ALREADY;
	case SMTP_PHASE_CHUNKS:
		break;
	}
	return SMTP_REPLY_IN_CHUNKS;
}

/* trim_end: clients put white space before CRLF (RFC 5321 §4.1.1 asks to tolerate it). */
static struct bytes
trim_end(struct bytes text)
{
	while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
		text.len--;
	return text;
}

static bool
is_verb(struct bytes verb)
{
	for (size_t i = 0; i < verb.len; i++) {
		if (verb.ptr[i] <= 0x20 || verb.ptr[i] > 0x7e)
			return false;
	}
	return verb.len > 0;
}

/* judge: the reply that keeps the command from running, or SMTP_REPLY_COUNT. */
static enum smtp_reply_id
judge(const struct smtp_session *s, const struct command *c, struct bytes argument)
{
	bool addresses = c->run == smtp_envelope_mail || c->run == smtp_envelope_rcpt;

	if (!addresses && argument.len > 0 && memchr(argument.ptr, 0, argument.len) != NULL)
		return SMTP_REPLY_SYNTAX;
	if (c->argument == ARGUMENT_NONE && argument.len > 0)
		return SMTP_REPLY_NO_ARGUMENT;
	if ((s->phase & c->phases) == 0)
		return c->run == smtp_envelope_mail && s->phase != SMTP_PHASE_FRESH
			   ? SMTP_REPLY_OPEN_ALREADY
			   : smtp_command_order(s);
	if (c->argument == ARGUMENT_NEEDED && argument.len == 0)
		return SMTP_REPLY_ARGUMENT;
	return SMTP_REPLY_COUNT;
}

void
smtp_command_run(struct smtp_session *s, struct bytes line)
{
	struct bytes words = trim_end(line);
	size_t space = bytes_find_byte(words, 0, ' ');
	struct bytes verb = bytes_slice(words, 0, space == SIZE_MAX ? words.len : space);
	struct bytes argument =
	    space == SIZE_MAX ? BYTES_EMPTY : bytes_slice(words, space + 1, words.len);
	const struct command *c = find(verb);
	enum smtp_reply_id refusal;

	if (c == NULL) {
		smtp_session_reply(s, is_verb(verb) ? SMTP_REPLY_UNKNOWN : SMTP_REPLY_SYNTAX);
		return;
	}
	refusal = judge(s, c, argument);
	if (refusal != SMTP_REPLY_COUNT)
		smtp_session_reply(s, refusal);
	else if (c->idle && ++s->idle_count > SMTP_IDLE_COMMANDS_MAX)
		smtp_session_reply(s, SMTP_REPLY_TOO_MANY_IDLE);
	else
		c->run(s, argument);
}
