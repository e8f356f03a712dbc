/* SPDX-License-Identifier: Apache-2.0 */
/* From an action's document to its compiled form. */
#include <string.h>

#include "base_limits.h"
#include "base_text.h"
#include "policy_rules_int.h"

#define WORD_TEXT_BYTES 45 /* of one encoded word: 60 characters of base64, RFC 2047 §2 */
#define WORD_LINE_MAX   76 /* of a line that holds one, RFC 2047 §2 */
#define WORD_OVERHEAD   12 /* "=?utf-8?B?" and "?=" */
/* As the API's model has them. */
#define NAME_BYTES_MAX  64
#define VALUE_CHARS_MAX 128
#define HEADER_LINE_MAX                                                                            \
	((size_t)2048) /* 128 characters of four bytes fit, in base64, with folds  \
					*/

static const struct {
	const char *name, *log_name;
	enum policy_action action;
} actions[] = {
    {"AddHeader", "ADD_HEADER", POLICY_ACTION_ADD_HEADER},
    {"Archive", "ARCHIVE", POLICY_ACTION_ARCHIVE},
    {"Bounce", "BOUNCE", POLICY_ACTION_BOUNCE},
    {"DeliverToMailbox", "DELIVER_TO_MAILBOX", POLICY_ACTION_DELIVER_TO_MAILBOX},
    {"DeliverToQBusiness", "DELIVER_TO_Q_BUSINESS", POLICY_ACTION_DELIVER_TO_Q_BUSINESS},
    {"Drop", "DROP", POLICY_ACTION_DROP},
    {"InvokeLambda", "INVOKE_LAMBDA", POLICY_ACTION_INVOKE_LAMBDA},
    {"PublishToSns", "PUBLISH_TO_SNS", POLICY_ACTION_PUBLISH_TO_SNS},
    {"Relay", "RELAY", POLICY_ACTION_RELAY},
    {"ReplaceRecipient", "REPLACE_RECIPIENT", POLICY_ACTION_REPLACE_RECIPIENT},
    {"Send", "SEND", POLICY_ACTION_SEND},
    {"WriteToS3", "WRITE_TO_S3", POLICY_ACTION_WRITE_TO_S3},
};

static bool
is_header_name(const char *name)
{
	if (name == NULL || (name[0] | 0x20) != 'x' || name[1] != '-' || name[2] == '\0' ||
	    strlen(name) > NAME_BYTES_MAX)
		return false;
	for (const char *p = name + 2; *p != '\0'; p++)
		if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
			(*p >= '0' && *p <= '9') || *p == '-'))
			return false;
	return true;
}

/* UTF-8 as encoded words, each a whole number of characters and on a line of its own; the first one
 * stands beside the name when it fits there. */
static void
encode_words(struct bytes text, struct buf *out)
{
	size_t first = text.len < WORD_TEXT_BYTES ? text.len : WORD_TEXT_BYTES;
	size_t at = 0;

	buf_append_str(out,
	    out->len + 1 + WORD_OVERHEAD + (first + 2) / 3 * 4 > WORD_LINE_MAX ? "\r\n " : " ");
	while (at < text.len) {
		size_t len = text.len - at < WORD_TEXT_BYTES ? text.len - at : WORD_TEXT_BYTES;

		while (at + len < text.len && len > 1 && (text.ptr[at + len] & 0xc0) == 0x80)
			len--;
		buf_append_str(out, at == 0 ? "=?utf-8?B?" : "\r\n =?utf-8?B?");
		text_base64_encode(out, bytes_slice(text, at, len));
		buf_append_str(out, "?=");
		at += len;
	}
}

/* The value as one line without controls: nothing a rule's author writes can begin another field.
 */
static struct bytes
clean_value(struct arena *arena, struct bytes value)
{
	uint8_t *out = arena_alloc(arena, value.len + 1);

	for (size_t i = 0; i < value.len; i++)
		out[i] = value.ptr[i] < 0x20 || value.ptr[i] == 0x7f ? ' ' : value.ptr[i];
	return bytes_of(out, value.len);
}

static bool
compile_header(struct arena *arena, struct policy_rule_action *out, struct err *err)
{
	const char *name = json_get_str(out->parameters, "HeaderName");
	const struct json *value = json_find(out->parameters, "HeaderValue");
	struct buf line;

	if (!is_header_name(name))
		return ERR(err, ERR_SYNTAX,
		    "HeaderName: X- and letters, digits or hyphens, at most %d in all",
		    NAME_BYTES_MAX);
	if (json_str(value) == NULL || json_text(value).len == 0 ||
	    text_utf8_count(json_text(value)) > VALUE_CHARS_MAX)
		return ERR(err, ERR_SYNTAX, "HeaderValue: a text of 1 to %d characters is needed",
		    VALUE_CHARS_MAX);
	out->header =
	    (struct policy_header){bytes_of_str(name), clean_value(arena, json_text(value))};
	buf_init(&line, HEADER_LINE_MAX);
	buf_printf(&line, "%s:", name);
	if (text_is_ascii(out->header.value)) {
		buf_append_byte(&line, ' ');
		buf_append(&line, out->header.value);
	} else {
		encode_words(out->header.value, &line);
	}
	buf_append_str(&line, "\r\n");
	out->header_line = arena_bytes(arena, buf_view(&line));
	if (!buf_ok(&line, err)) {
		buf_fini(&line);
		return false;
	}
	buf_fini(&line);
	return true;
}

/* Without spaces and controls, and no longer than SMTP has it. */
static bool
is_recipient(struct bytes address)
{
	for (size_t i = 0; i < address.len; i++)
		if (address.ptr[i] <= 0x20 || address.ptr[i] == 0x7f)
			return false;
	return address.len > 0 && address.len <= SMTP_PATH_BYTES_MAX;
}

static bool
compile_recipients(struct arena *arena, struct policy_rule_action *out, struct err *err)
{
	const struct json *list = json_find(out->parameters, "ReplaceWith");
	size_t count = json_count(list);
	struct bytes *recipients = arena_calloc(arena, count + 1, sizeof *recipients);

	if (json_kind(list) != JSON_ARRAY || count == 0)
		return ERR(err, ERR_SYNTAX, "ReplaceWith: at least one recipient is needed");
	for (size_t i = 0; i < count; i++) {
		recipients[i] = json_text(json_at(list, i));
		if (!is_recipient(recipients[i]))
			return ERR(err, ERR_SYNTAX, "ReplaceWith: %zu is no address", i);
	}
	out->recipients = recipients;
	out->recipient_count = count;
	return true;
}

bool
policy_action_compile(
    const struct json *d, struct arena *arena, struct policy_rule_action *out, struct err *err)
{
	const char *failure;

	memset(out, 0, sizeof *out);
	for (size_t i = 0; i < sizeof actions / sizeof actions[0] && out->parameters == NULL; i++) {
		out->parameters = json_find(d, actions[i].name);
		out->action = actions[i].action;
		out->log_name = actions[i].log_name;
	}
	if (out->parameters == NULL)
		return ERR(err, ERR_SYNTAX, "no action that is known");
	failure = json_get_str(out->parameters, "ActionFailurePolicy");
	out->drop_on_failure = failure != NULL && strcmp(failure, "DROP") == 0;
	if (out->action == POLICY_ACTION_ADD_HEADER)
		return compile_header(arena, out, err);
	if (out->action == POLICY_ACTION_REPLACE_RECIPIENT)
		return compile_recipients(arena, out, err);
	return true;
}
