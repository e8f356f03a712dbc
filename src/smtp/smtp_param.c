/* SPDX-License-Identifier: Apache-2.0 */
/* One row per keyword: who may use it, and what reads its value. */
#include "smtp_param.h"

#include "base_text.h"

#define ENVID_BYTES_MAX                                                                            \
	400 /* RFC 3461 §4.4 asks for 100 characters, each up to 3 octets as xtext */
#define ORCPT_BYTES_MAX                                                                            \
	1500 /* RFC 3461 §4.2 asks for 500 characters                               */

/* What a value may be read into; exactly one of mail and rcpt is set. */
struct target {
	struct smtp_mail_params *mail;
	struct smtp_rcpt_params *rcpt;
	bool smtputf8;
};

struct keyword {
	const char *name;
	bool needs_value;
	bool (*read)(struct target *t, struct bytes value);
};

static bool
is_hex_upper(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
}

/* is_xtext: RFC 3461 §4: printable but '+' and '=', or '+' and two upper-case hex digits. */
static bool
is_xtext(struct bytes text, bool allow_8bit)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];

		if (c == '+') {
			if (text.len - i < 3 || !is_hex_upper(text.ptr[i + 1]) ||
			    !is_hex_upper(text.ptr[i + 2]))
				return false;
			i += 2;
		} else if (c < 0x21 || c == '=' || c == 0x7f || (c > 0x7f && !allow_8bit)) {
			return false;
		}
	}
	return true;
}

/* read_size: digits only; what does not fit in 64 bits is merely very large (RFC 1870 §4 allows 20 digits). */
static bool
read_size(struct target *t, struct bytes value)
{
	for (size_t i = 0; i < value.len; i++) {
		if (value.ptr[i] < '0' || value.ptr[i] > '9')
			return false;
	}
	t->mail->has_size = true;
	if (!text_u64_parse(&t->mail->size, value))
		t->mail->size = UINT64_MAX;
	return true;
}

static bool
read_body(struct target *t, struct bytes value)
{
	if (bytes_equal_nocase(value, BYTES_LIT("7BIT")))
		t->mail->body = SMTP_BODY_7BIT;
	else if (bytes_equal_nocase(value, BYTES_LIT("8BITMIME")))
		t->mail->body = SMTP_BODY_8BITMIME;
	else
		return false;
	return true;
}

static bool
read_smtputf8(struct target *t, struct bytes value)
{
	(void)value;
	t->mail->smtputf8 = true;
	return true;
}

static bool
read_ret(struct target *t, struct bytes value)
{
	if (bytes_equal_nocase(value, BYTES_LIT("FULL")))
		t->mail->ret = SMTP_RET_FULL;
	else if (bytes_equal_nocase(value, BYTES_LIT("HDRS")))
		t->mail->ret = SMTP_RET_HDRS;
	else
		return false;
	return true;
}

static bool
read_envid(struct target *t, struct bytes value)
{
	t->mail->envid = value;
	return value.len <= ENVID_BYTES_MAX && is_xtext(value, false);
}

static bool
read_auth(struct target *t, struct bytes value)
{
	t->mail->auth = value;
	return is_xtext(value, false);
}

static bool
read_notify(struct target *t, struct bytes value)
{
	static const struct {
		const char *name;
		unsigned bit;
	} words[] = {
	    {"NEVER", SMTP_NOTIFY_NEVER},
	    {"SUCCESS", SMTP_NOTIFY_SUCCESS},
	    {"FAILURE", SMTP_NOTIFY_FAILURE},
	    {"DELAY", SMTP_NOTIFY_DELAY},
	};
	unsigned set = 0;
	size_t at = 0;

	while (at <= value.len) {
		size_t comma = bytes_find_byte(value, at, ',');
		size_t end = comma == SIZE_MAX ? value.len : comma, i = 0;
		struct bytes word = bytes_slice(value, at, end - at);

		while (i < sizeof words / sizeof words[0] &&
		       !bytes_equal_nocase(word, bytes_of_str(words[i].name)))
			i++;
		if (i == sizeof words / sizeof words[0])
			return false;
		set |= words[i].bit;
		at = end + 1;
	}
	t->rcpt->notify = set;
	return (set & SMTP_NOTIFY_NEVER) == 0 || set == SMTP_NOTIFY_NEVER;
}

/* read_orcpt: type ";" xtext; of type utf-8 the address may be UTF-8 itself (RFC 6533 §3). */
static bool
read_orcpt(struct target *t, struct bytes value)
{
	size_t semicolon = bytes_find_byte(value, 0, ';');
	struct bytes type, address;

	if (semicolon == SIZE_MAX || semicolon == 0 || value.len > ORCPT_BYTES_MAX)
		return false;
	type = bytes_slice(value, 0, semicolon);
	address = bytes_slice(value, semicolon + 1, value.len);
	t->rcpt->orcpt = value;
	if (address.len == 0 || !is_xtext(type, false))
		return false;
	return is_xtext(address, t->smtputf8 && bytes_equal_nocase(type, BYTES_LIT("utf-8"))) &&
	       text_utf8_valid(address);
}

static const struct keyword mail_keywords[] = {
    {"SIZE", true, read_size}, {"BODY", true, read_body}, {"SMTPUTF8", false, read_smtputf8},
    {"RET", true, read_ret}, {"ENVID", true, read_envid},
    {"AUTH", true, read_auth}, /* last: left out where AUTH is not offered */
};

static const struct keyword rcpt_keywords[] = {
    {"NOTIFY", true, read_notify},
    {"ORCPT", true, read_orcpt},
};

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* read_one: one "KEYWORD[=value]"; seen is a bit per row already used. */
static enum smtp_param_result
read_one(
    struct bytes word, const struct keyword *rows, size_t count, unsigned *seen, struct target *t)
{
	size_t equals = bytes_find_byte(word, 0, '=');
	bool has_value = equals != SIZE_MAX;
	struct bytes name = bytes_slice(word, 0, has_value ? equals : word.len);
	struct bytes value = has_value ? bytes_slice(word, equals + 1, word.len) : BYTES_EMPTY;

	for (size_t i = 0; i < count; i++) {
		if (!bytes_equal_nocase(name, bytes_of_str(rows[i].name)))
			continue;
		if ((*seen & 1u << i) != 0 || has_value != rows[i].needs_value)
			return SMTP_PARAM_BAD;
		*seen |= 1u << i;
		if (rows[i].needs_value && value.len == 0)
			return SMTP_PARAM_BAD;
		return rows[i].read(t, value) ? SMTP_PARAM_OK : SMTP_PARAM_BAD;
	}
	return SMTP_PARAM_UNKNOWN;
}

static enum smtp_param_result
read_all(struct bytes text, const struct keyword *rows, size_t count, struct target *t)
{
	enum smtp_param_result result;
	unsigned seen = 0;
	size_t at = 0;

	if (text.len > 0 && text.ptr[0] != ' ')
		return SMTP_PARAM_BAD;
	while (at < text.len) {
		size_t end = bytes_find_byte(text, at, ' ');

		if (end == SIZE_MAX)
			end = text.len;
		if (end > at) {
			result = read_one(bytes_slice(text, at, end - at), rows, count, &seen, t);
			if (result != SMTP_PARAM_OK)
				return result;
		}
		at = end + 1;
	}
	return SMTP_PARAM_OK;
}

enum smtp_param_result
smtp_param_mail(struct bytes text, bool allow_auth, struct smtp_mail_params *out)
{
	struct smtp_mail_params params = {0};
	struct target t = {.mail = &params};
	enum smtp_param_result result;

	result = read_all(text, mail_keywords, COUNT(mail_keywords) - (allow_auth ? 0 : 1), &t);
	if (result == SMTP_PARAM_OK)
		*out = params;
	return result;
}

enum smtp_param_result
smtp_param_rcpt(struct bytes text, bool smtputf8, struct smtp_rcpt_params *out)
{
	struct smtp_rcpt_params params = {0};
	struct target t = {.rcpt = &params, .smtputf8 = smtputf8};
	enum smtp_param_result result = read_all(text, rcpt_keywords, COUNT(rcpt_keywords), &t);

	if (result == SMTP_PARAM_OK)
		*out = params;
	return result;
}
