/* SPDX-License-Identifier: Apache-2.0 */
/* AUTH PLAIN (RFC 4616) and LOGIN, inside TLS only (RFC 4954). Words are decoded, handed to the owner, and wiped. */
#include <string.h>

#include "base_limits.h"
#include "base_mem.h"
#include "base_text.h"
#include "smtp_session_int.h"

static void
wipe(struct buf *b)
{
	if (b->ptr != NULL)
		explicit_bzero(b->ptr, b->cap);
	buf_fini(b);
}

void
smtp_auth_forget(struct smtp_session *s)
{
	s->auth_step = SMTP_AUTH_IDLE;
	mem_free(s->auth_user);
	s->auth_user = NULL;
	if (s->input == SMTP_INPUT_RESPONSE)
		s->input = SMTP_INPUT_LINE;
}

static void
give_up(struct smtp_session *s, enum smtp_reply_id id)
{
	smtp_auth_forget(s);
	smtp_session_reply(s, id);
}

static void
challenge(struct smtp_session *s, enum smtp_auth_step step, enum smtp_reply_id id)
{
	s->auth_step = step;
	s->input = SMTP_INPUT_RESPONSE;
	smtp_session_reply(s, id);
}

static void
claim_user(struct smtp_session *s, struct bytes user)
{
	mem_free(s->auth_user);
	s->auth_user = mem_alloc(user.len + 1);
	memcpy(s->auth_user, user.ptr, user.len);
	s->auth_user[user.len] = '\0';
}

/* ask_owner: in_name_of_other: nobody may act for another, so no password is right. */
static void
ask_owner(struct smtp_session *s, struct bytes password, bool in_name_of_other)
{
	uint32_t ticket;

	s->input = SMTP_INPUT_LINE;
	s->auth_step = SMTP_AUTH_IDLE;
	ticket = smtp_session_await(s, SMTP_WAIT_AUTH);
	if (in_name_of_other)
		smtp_session_auth_done(s, ticket, SMTP_AUTH_BAD);
	else if (s->ops->auth == NULL)
		smtp_session_auth_done(s, ticket, SMTP_AUTH_DOWN);
	else
		s->ops->auth(s->ctx, s, ticket, bytes_of_str(s->auth_user), password);
}

/* take_plain: [authzid] NUL authcid NUL password; an authzid may only repeat the user. */
static void
take_plain(struct smtp_session *s, struct bytes text)
{
	size_t first = bytes_find_byte(text, 0, 0), second = SIZE_MAX;
	struct bytes as, user, password;

	if (first != SIZE_MAX)
		second = bytes_find_byte(text, first + 1, 0);
	if (second == SIZE_MAX || bytes_find_byte(text, second + 1, 0) != SIZE_MAX) {
		give_up(s, SMTP_REPLY_AUTH_ENCODING);
		return;
	}
	as = bytes_slice(text, 0, first);
	user = bytes_slice(text, first + 1, second - first - 1);
	password = bytes_slice(text, second + 1, text.len);
	if (user.len == 0 || password.len == 0) {
		give_up(s, SMTP_REPLY_AUTH_ENCODING);
		return;
	}
	claim_user(s, user);
	ask_owner(s, password, as.len > 0 && !bytes_equal(as, user));
}

static void
take_login(struct smtp_session *s, struct bytes text)
{
	bool is_user = s->auth_step == SMTP_AUTH_LOGIN_USER;

	if (text.len == 0 || memchr(text.ptr, 0, text.len) != NULL) {
		give_up(s, SMTP_REPLY_AUTH_ENCODING);
	} else if (is_user) {
		claim_user(s, text);
		challenge(s, SMTP_AUTH_LOGIN_PASSWORD, SMTP_REPLY_GO_AUTH_PASSWORD);
	} else {
		ask_owner(s, text, false);
	}
}

static void
take(struct smtp_session *s, struct bytes encoded)
{
	struct buf text;

	buf_init(&text, SMTP_AUTH_LINE_BYTES_MAX);
	if (!text_base64_decode(&text, encoded))
		give_up(s, SMTP_REPLY_AUTH_ENCODING);
	else if (s->auth_step == SMTP_AUTH_PLAIN)
		take_plain(s, buf_view(&text));
	else
		take_login(s, buf_view(&text));
	wipe(&text);
}

void
smtp_auth_response(struct smtp_session *s, struct bytes line)
{
	if (bytes_equal(line, BYTES_LIT("*")))
		give_up(s, SMTP_REPLY_AUTH_CANCELLED);
	else
		take(s, line);
}

/* refusal: what keeps AUTH from starting; the password that may stand behind it is not even looked at. */
static enum smtp_reply_id
refusal(const struct smtp_session *s)
{
	if (!s->has_tls)
		return SMTP_REPLY_AUTH_NEEDS_TLS;
	if (!s->options->offer_auth)
		return SMTP_REPLY_NOT_DONE;
	if (s->user != NULL)
		return SMTP_REPLY_AUTH_TWICE;
	if (s->phase == SMTP_PHASE_FRESH)
		return SMTP_REPLY_NEED_HELLO;
	return s->phase == SMTP_PHASE_HELLO ? SMTP_REPLY_COUNT : SMTP_REPLY_AUTH_IN_MAIL;
}

void
smtp_auth_start(struct smtp_session *s, struct bytes argument)
{
	size_t space = bytes_find_byte(argument, 0, ' ');
	struct bytes mechanism = bytes_slice(argument, 0, space == SIZE_MAX ? argument.len : space);
	struct bytes initial =
	    space == SIZE_MAX ? BYTES_EMPTY : bytes_slice(argument, space + 1, argument.len);
	bool plain = bytes_equal_nocase(mechanism, BYTES_LIT("PLAIN"));
	enum smtp_reply_id no = refusal(s);

	if (no == SMTP_REPLY_COUNT && !plain && !bytes_equal_nocase(mechanism, BYTES_LIT("LOGIN")))
		no = SMTP_REPLY_AUTH_MECHANISM;
	if (no != SMTP_REPLY_COUNT) {
		smtp_session_reply(s, no);
		return;
	}
	s->auth_step = plain ? SMTP_AUTH_PLAIN : SMTP_AUTH_LOGIN_USER;
	if (initial.len == 0)
		challenge(s, s->auth_step, plain ? SMTP_REPLY_GO_AUTH : SMTP_REPLY_GO_AUTH_USER);
	else
		take(s, bytes_equal(initial, BYTES_LIT("=")) ? BYTES_EMPTY : initial);
}
