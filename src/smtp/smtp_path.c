/* SPDX-License-Identifier: Apache-2.0 */
/* A cursor over the text between '<' and '>'; each rule of the grammar is one function. */
#include "smtp_path.h"

#include <arpa/inet.h>
#include <string.h>

#include "base_limits.h"
#include "base_text.h"

#define LITERAL_BYTES_MAX 64 /* "[IPv6:" + 45 + "]" and some room */

static bool
is_alnum(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* atext of RFC 5322 §3.2.3, the dot, and 8-bit bytes of RFC 6531. */
static bool
is_atom_byte(uint8_t c)
{
	return is_alnum(c) || c >= 0x80 || (c != 0 && strchr("!#$%&'*+-/=?^_`{|}~.", c) != NULL);
}

static bool
is_domain_byte(uint8_t c)
{
	return is_alnum(c) || c == '-' || c == '_' || c >= 0x80;
}

/* domain_length: octets of the domain name at the start of text; 0 when there is none. */
static size_t
domain_length(struct bytes text)
{
	size_t at = 0, label;

	for (;;) {
		label = at;
		while (at < text.len && is_domain_byte(text.ptr[at]))
			at++;
		if (at == label || text.ptr[label] == '-' || text.ptr[at - 1] == '-')
			return 0;
		if (at - label > SMTP_LABEL_BYTES_MAX &&
		    text_is_ascii(bytes_slice(text, label, at - label)))
			return 0;
		if (at == text.len || text.ptr[at] != '.')
			break;
		at++;
	}
	return at <= SMTP_DOMAIN_BYTES_MAX ? at : 0;
}

/* literal_length: octets of the address literal at the start of text, brackets included; 0 when there is none. */
static size_t
literal_length(struct bytes text)
{
	const struct bytes tag = BYTES_LIT("IPv6:");
	size_t end = bytes_find_byte(text, 0, ']');
	char host[LITERAL_BYTES_MAX];
	struct bytes inside;
	uint8_t ip[16];
	int family = AF_INET;

	if (text.len == 0 || text.ptr[0] != '[' || end == SIZE_MAX || end > LITERAL_BYTES_MAX)
		return 0;
	inside = bytes_slice(text, 1, end - 1);
	if (bytes_starts_with_nocase(inside, tag)) {
		inside = bytes_slice(inside, tag.len, inside.len);
		family = AF_INET6;
	}
	if (inside.len == 0 || inside.len >= sizeof host ||
	    memchr(inside.ptr, 0, inside.len) != NULL)
		return 0;
	memcpy(host, inside.ptr, inside.len);
	host[inside.len] = '\0';
	return inet_pton(family, host, ip) == 1 ? end + 1 : 0;
}

/* quoted_length: octets of the quoted string at the start of text, quotes included; 0 when there is none. */
static size_t
quoted_length(struct bytes text)
{
	size_t at = 1;

	while (at < text.len && text.ptr[at] != '"') {
		if (text.ptr[at] == '\\')
			at++;
		if (at == text.len || text.ptr[at] < 0x20 || text.ptr[at] == 0x7f)
			return 0;
		at++;
	}
	return at < text.len ? at + 1 : 0;
}

/* route_length: octets of "@a,@b:" at the start of text; 0: none; SIZE_MAX: begins like one and is none. */
static size_t
route_length(struct bytes text)
{
	size_t at = 0, len;

	if (text.len == 0 || text.ptr[0] != '@')
		return 0;
	for (;;) {
		if (at == text.len || text.ptr[at] != '@')
			return SIZE_MAX;
		len = domain_length(bytes_slice(text, at + 1, text.len));
		if (len == 0)
			return SIZE_MAX;
		at += 1 + len;
		if (at < text.len && text.ptr[at] == ':')
			return at + 1;
		if (at == text.len || text.ptr[at] != ',')
			return SIZE_MAX;
		at++;
	}
}

static size_t
local_length(struct bytes text, bool *quoted_out)
{
	size_t len = 0;

	*quoted_out = text.len > 0 && text.ptr[0] == '"';
	if (*quoted_out)
		return quoted_length(text);
	while (len < text.len && is_atom_byte(text.ptr[len]))
		len++;
	return len;
}

/* mailbox_parse: local@domain, or a bare Postmaster, at the start of text; text holds the closing '>' somewhere. */
static bool
mailbox_parse(struct bytes text, enum smtp_path_kind kind, struct smtp_path *out)
{
	size_t local = local_length(text, &out->quoted), domain;
	struct bytes rest;

	if (local == 0 || local >= text.len)
		return false;
	out->local = bytes_slice(text, 0, local);
	if (text.ptr[local] == '>') {
		out->address = out->local;
		return kind == SMTP_PATH_FORWARD &&
		       bytes_equal_nocase(out->local, BYTES_LIT("postmaster"));
	}
	if (text.ptr[local] != '@')
		return false;
	rest = bytes_slice(text, local + 1, text.len);
	domain = literal_length(rest);
	out->literal = domain > 0;
	if (domain == 0)
		domain = domain_length(rest);
	if (domain == 0)
		return false;
	out->domain = bytes_slice(rest, 0, domain);
	out->address = bytes_slice(text, 0, local + 1 + domain);
	return true;
}

enum smtp_path_result
smtp_path_parse(
    struct bytes text, enum smtp_path_kind kind, struct smtp_path *out, size_t *used_out)
{
	struct smtp_path path = {.utf8_valid = true};
	struct bytes inside;
	size_t route, end;

	if (text.len == 0 || text.ptr[0] != '<')
		return SMTP_PATH_NO_BRACKET;
	if (kind == SMTP_PATH_REVERSE && bytes_starts_with(text, BYTES_LIT("<>"))) {
		*out = path;
		*used_out = 2;
		return SMTP_PATH_OK;
	}
	inside = bytes_slice(text, 1, text.len);
	route = route_length(inside);
	if (route == SIZE_MAX)
		return SMTP_PATH_BAD;
	if (!mailbox_parse(bytes_slice(inside, route, inside.len), kind, &path))
		return SMTP_PATH_BAD;
	end = 1 + route + path.address.len;
	if (end >= text.len || text.ptr[end] != '>' || end + 1 > SMTP_PATH_BYTES_MAX)
		return SMTP_PATH_BAD;
	path.has_8bit = !text_is_ascii(bytes_slice(text, 0, end));
	path.utf8_valid = !path.has_8bit || text_utf8_valid(bytes_slice(text, 0, end));
	*out = path;
	*used_out = end + 1;
	return SMTP_PATH_OK;
}

bool
smtp_path_is_domain(struct bytes text)
{
	size_t len =
	    text.len > 0 && text.ptr[0] == '[' ? literal_length(text) : domain_length(text);

	return len > 0 && len == text.len && text_utf8_valid(text);
}
