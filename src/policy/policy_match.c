/* SPDX-License-Identifier: Apache-2.0 */
/* Is a condition true of what is looked at? */
#include <string.h>

#include "mime_fold.h"
#include "policy_int.h"

static bool
text_matches(enum policy_operator op, struct bytes text, struct bytes folded)
{
	struct buf mine;
	bool match;

	if (op == POLICY_OPERATOR_EQUALS || op == POLICY_OPERATOR_NOT_EQUALS)
		return mime_fold_equal(text, folded);
	if (op == POLICY_OPERATOR_CONTAINS)
		return mime_fold_contains(text, folded);
	buf_init(&mine, text.len * 8 + 8);
	mime_fold(text, &mine);
	match = op == POLICY_OPERATOR_STARTS_WITH ? bytes_starts_with(buf_view(&mine), folded)
						  : bytes_ends_with(buf_view(&mine), folded);
	buf_fini(&mine);
	return match;
}

static bool
any_value(const struct policy_condition *c, struct bytes text)
{
	for (size_t i = 0; i < c->count; i++)
		if (text_matches(c->op, text, c->texts[i]))
			return true;
	return false;
}

static bool
any_text(const struct policy_condition *c, const struct bytes *texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (any_value(c, texts[i]))
			return true;
	return false;
}

/* CONTAINS looks at the field as people see it, the others at each address. */
static bool
any_in_field(const struct policy_condition *c, const struct policy_field *f)
{
	if (c->op == POLICY_OPERATOR_CONTAINS)
		return f->decoded.len > 0 && any_value(c, f->decoded);
	return any_text(c, f->addresses, f->address_count);
}

static bool
any_header(const struct policy_condition *c, const struct policy_header *headers, size_t count)
{
	struct bytes name = bytes_of_str(c->header);

	for (size_t i = 0; i < count; i++)
		if (bytes_equal_nocase(headers[i].name, name) && any_value(c, headers[i].value))
			return true;
	return false;
}

static bool
any_in_certificate(const struct policy_condition *c, const struct policy_certificate *p)
{
	if (p == NULL)
		return false;
	switch ((int)c->subject) {
	case POLICY_SUBJECT_CN:
		return p->common_name.len > 0 && any_value(c, p->common_name);
	case POLICY_SUBJECT_SERIAL_NUMBER:
		return p->serial.len > 0 && any_value(c, p->serial);
	case POLICY_SUBJECT_SAN_RFC822_NAME:
		return any_text(c, p->san_rfc822, p->san_rfc822_count);
	case POLICY_SUBJECT_SAN_DNS_NAME:
		return any_text(c, p->san_dns, p->san_dns_count);
	case POLICY_SUBJECT_SAN_DIRECTORY_NAME:
		return any_text(c, p->san_directory, p->san_directory_count);
	case POLICY_SUBJECT_SAN_UNIFORM_RESOURCE_IDENTIFIER:
		return any_text(c, p->san_uri, p->san_uri_count);
	case POLICY_SUBJECT_SAN_IP_ADDRESS:
		return any_text(c, p->san_ip, p->san_ip_count);
	default:
		return any_text(c, p->san_rid, p->san_rid_count);
	}
}

static bool
any_match(const struct policy_condition *c, const struct policy_view *v)
{
	const struct policy_message *m = v->message;

	if (c->subject >= POLICY_SUBJECT_CN && c->subject <= POLICY_SUBJECT_SERIAL_NUMBER)
		return any_in_certificate(c, v->session->certificate);
	switch ((int)c->subject) {
	case POLICY_SUBJECT_RECIPIENT:
		return any_value(c, v->recipient);
	case POLICY_SUBJECT_MAIL_FROM:
		return any_value(c, m->mail_from);
	case POLICY_SUBJECT_HELO:
		return v->session->helo.len > 0 && any_value(c, v->session->helo);
	case POLICY_SUBJECT_SENDER:
		return any_in_field(c, &m->sender);
	case POLICY_SUBJECT_FROM:
		return any_in_field(c, &m->from);
	case POLICY_SUBJECT_TO:
		return any_in_field(c, &m->to);
	case POLICY_SUBJECT_CC:
		return any_in_field(c, &m->cc);
	case POLICY_SUBJECT_SUBJECT:
		return m->subject.len > 0 && any_value(c, m->subject);
	default:
		return any_header(c, m->x_headers, m->x_header_count) ||
		       any_header(c, v->added, v->added_count);
	}
}

static bool
ip_matches(const struct policy_condition *c, const struct policy_session *s)
{
	uint8_t ip[16];
	int family = s->ip_family;

	memcpy(ip, s->ip, sizeof ip);
	policy_ip_unmap(&family, ip);
	if (c->subject == POLICY_SUBJECT_IPV4 && family != 4)
		return false;
	if (c->subject == POLICY_SUBJECT_IPV6 && family != 6)
		return false;
	for (size_t i = 0; i < c->count; i++)
		if (policy_cidr_holds(&c->cidrs[i], family, ip))
			return true;
	return false;
}

static bool
number_matches(const struct policy_condition *c, double n)
{
	switch ((int)c->op) {
	case POLICY_OPERATOR_EQUALS:
		return !(n < c->number) && !(n > c->number);
	case POLICY_OPERATOR_NOT_EQUALS:
		return n < c->number || n > c->number;
	case POLICY_OPERATOR_LESS_THAN:
		return n < c->number;
	case POLICY_OPERATOR_GREATER_THAN:
		return n > c->number;
	case POLICY_OPERATOR_LESS_THAN_OR_EQUAL:
		return n <= c->number;
	default:
		return n >= c->number;
	}
}

/* A session in plain text has no version: neither operator holds. */
static bool
tls_matches(const struct policy_condition *c, enum policy_tls tls)
{
	if (tls == POLICY_TLS_NONE)
		return false;
	return c->op == POLICY_OPERATOR_IS ? tls == c->tls : tls >= c->tls;
}

bool
policy_condition_test(const struct policy_condition *c, const struct policy_view *v)
{
	bool is_true = c->op == POLICY_OPERATOR_IS_TRUE;

	switch ((int)c->subject) {
	case POLICY_SUBJECT_NOT_EXECUTED:
		return false;
	case POLICY_SUBJECT_IPV4:
	case POLICY_SUBJECT_IPV6:
	case POLICY_SUBJECT_SOURCE_IP:
		return ip_matches(c, v->session) == (c->op == POLICY_OPERATOR_CIDR_MATCHES);
	case POLICY_SUBJECT_TLS_PROTOCOL:
		return tls_matches(c, v->session->tls);
	case POLICY_SUBJECT_READ_RECEIPT_REQUESTED:
		return v->message->read_receipt_requested == is_true;
	case POLICY_SUBJECT_TLS:
		return (v->session->tls != POLICY_TLS_NONE) == is_true;
	case POLICY_SUBJECT_TLS_WRAPPED:
		return v->session->tls_wrapped == is_true;
	case POLICY_SUBJECT_MESSAGE_SIZE:
		return number_matches(c, (double)v->message->size_bytes);
	default:
		return any_match(c, v) == (c->op != POLICY_OPERATOR_NOT_EQUALS);
	}
}

bool
policy_condition_by_recipient(const struct policy_condition *c)
{
	return c->subject == POLICY_SUBJECT_RECIPIENT;
}
