/* SPDX-License-Identifier: Apache-2.0 */
/* MAIL and RCPT: judge every word first, then remember copies. */
#include "base_limits.h"
#include "base_mem.h"
#include "smtp_session_int.h"

/* path_text: what follows "FROM:" or "TO:"; white space after the colon is common and let pass. */
static bool
path_text(struct bytes argument, struct bytes keyword, struct bytes *out)
{
	size_t at = keyword.len;

	if (!bytes_starts_with_nocase(argument, keyword))
		return false;
	while (at < argument.len && argument.ptr[at] == ' ')
		at++;
	*out = bytes_slice(argument, at, argument.len);
	return true;
}

/* path_copy: the address moves to the arena; its parts are found again by their lengths. */
static void
path_copy(struct arena *arena, struct smtp_path *path)
{
	path->address = arena_bytes(arena, path->address);
	path->local = bytes_slice(path->address, 0, path->local.len);
	path->domain =
	    bytes_slice(path->address, path->address.len - path->domain.len, path->domain.len);
}

static enum smtp_reply_id
path_reply(enum smtp_path_result result, enum smtp_reply_id bad)
{
	return result == SMTP_PATH_NO_BRACKET ? SMTP_REPLY_ARGUMENT : bad;
}

static enum smtp_reply_id
param_reply(enum smtp_param_result result)
{
	return result == SMTP_PARAM_UNKNOWN ? SMTP_REPLY_UNKNOWN_PARAMETER
					    : SMTP_REPLY_BAD_PARAMETER;
}

/* script_reply: SMTP_REPLY_COUNT when the address is in a script the transaction speaks (RFC 6531 §3.2). */
static enum smtp_reply_id
script_reply(const struct smtp_path *path, bool smtputf8)
{
	if (path->has_8bit && !smtputf8)
		return SMTP_REPLY_NOT_ASCII;
	return path->utf8_valid ? SMTP_REPLY_COUNT : SMTP_REPLY_BAD_UTF8;
}

/* permission: whether this session may start a transaction at all. */
static enum smtp_reply_id
permission(const struct smtp_session *s)
{
	const struct smtp_options *o = s->options;
	unsigned max =
	    o->session_messages_max == 0 ? SMTP_SESSION_MESSAGES_MAX : o->session_messages_max;

	if ((o->require_tls || o->require_client_certificate) && !s->has_tls)
		return SMTP_REPLY_NEED_TLS;
	if (o->require_auth && s->user == NULL)
		return SMTP_REPLY_NEED_AUTH;
	if (o->mode == SMTP_MODE_MX && s->message_count >= max)
		return SMTP_REPLY_TOO_MANY_MESSAGES;
	return SMTP_REPLY_COUNT;
}

static enum smtp_reply_id
mail_check(const struct smtp_session *s, struct bytes argument, struct smtp_sender *out)
{
	enum smtp_path_result path_result;
	enum smtp_param_result param_result;
	enum smtp_reply_id refusal;
	struct bytes text;
	size_t used;

	if (!path_text(argument, BYTES_LIT("FROM:"), &text))
		return SMTP_REPLY_ARGUMENT;
	path_result = smtp_path_parse(text, SMTP_PATH_REVERSE, &out->path, &used);
	if (path_result != SMTP_PATH_OK)
		return path_reply(path_result, SMTP_REPLY_BAD_SENDER);
	param_result = smtp_param_mail(
	    bytes_slice(text, used, text.len), s->options->offer_auth, &out->params);
	if (param_result != SMTP_PARAM_OK)
		return param_reply(param_result);
	refusal = script_reply(&out->path, out->params.smtputf8);
	if (refusal == SMTP_REPLY_COUNT && out->params.has_size &&
	    out->params.size > smtp_session_message_limit(s))
		refusal = SMTP_REPLY_TOO_BIG;
	return refusal;
}

void
smtp_envelope_mail(struct smtp_session *s, struct bytes argument)
{
	struct smtp_sender sender = {0};
	const struct smtp_reply *no = NULL;
	enum smtp_reply_id refusal = permission(s);

	if (refusal == SMTP_REPLY_COUNT)
		refusal = mail_check(s, argument, &sender);
	if (refusal != SMTP_REPLY_COUNT) {
		smtp_session_reply(s, refusal);
		return;
	}
	if (s->ops->mail != NULL)
		no = s->ops->mail(s->ctx, s, &sender);
	if (no != NULL) {
		smtp_session_say(s, no);
		return;
	}
	path_copy(&s->arena, &sender.path);
	sender.params.envid = arena_bytes(&s->arena, sender.params.envid);
	sender.params.auth = arena_bytes(&s->arena, sender.params.auth);
	s->sender = sender;
	s->phase = SMTP_PHASE_MAIL;
	smtp_session_reply(s, SMTP_REPLY_OK_SENDER);
}

static enum smtp_reply_id
rcpt_check(const struct smtp_session *s, struct bytes argument, struct smtp_recipient *out)
{
	size_t max = s->options->recipients_max == 0 ? SMTP_RECIPIENTS_MAX
						     : s->options->recipients_max,
	       used;
	bool smtputf8 = s->sender.params.smtputf8;
	enum smtp_path_result path_result;
	enum smtp_param_result param_result;
	enum smtp_reply_id refusal;
	struct bytes text;

	if (!path_text(argument, BYTES_LIT("TO:"), &text))
		return SMTP_REPLY_ARGUMENT;
	path_result = smtp_path_parse(text, SMTP_PATH_FORWARD, &out->path, &used);
	if (path_result != SMTP_PATH_OK)
		return path_reply(path_result, SMTP_REPLY_BAD_RECIPIENT);
	param_result = smtp_param_rcpt(bytes_slice(text, used, text.len), smtputf8, &out->params);
	if (param_result != SMTP_PARAM_OK)
		return param_reply(param_result);
	refusal = script_reply(&out->path, smtputf8);
	if (refusal == SMTP_REPLY_COUNT && s->options->require_client_certificate &&
	    s->tls.certificate == NULL)
		refusal = SMTP_REPLY_NEED_CERTIFICATE;
	if (refusal == SMTP_REPLY_COUNT && s->recipient_count >= max)
		refusal = SMTP_REPLY_TOO_MANY_RECIPIENTS;
	return refusal;
}

static void
recipient_keep(struct smtp_session *s, const struct smtp_recipient *rcpt)
{
	struct smtp_recipient *slot;

	if (s->recipient_count == s->recipient_cap) {
		s->recipient_cap = s->recipient_cap == 0 ? 1 : s->recipient_cap * 2;
		s->recipients =
		    mem_realloc_array(s->recipients, s->recipient_cap, sizeof *s->recipients);
	}
	slot = &s->recipients[s->recipient_count++];
	*slot = *rcpt;
	path_copy(&s->arena, &slot->path);
	slot->params.orcpt = arena_bytes(&s->arena, rcpt->params.orcpt);
}

void
smtp_envelope_rcpt(struct smtp_session *s, struct bytes argument)
{
	struct smtp_recipient rcpt = {0};
	enum smtp_reply_id refusal = rcpt_check(s, argument, &rcpt);
	const struct smtp_reply *no = NULL;

	if (refusal != SMTP_REPLY_COUNT)
		no = smtp_reply_of(refusal);
	else if (s->ops->recipient != NULL)
		no = s->ops->recipient(s->ctx, s, &rcpt);
	if (no != NULL) {
		s->recipient_refused = true;
		smtp_session_say(s, no);
		return;
	}
	recipient_keep(s, &rcpt);
	s->phase = SMTP_PHASE_RCPT;
	smtp_session_reply(s, SMTP_REPLY_OK_RECIPIENT);
}
