/* SPDX-License-Identifier: Apache-2.0 */
/* From a condition's document to its compiled form. */
#include <string.h>

#include "mime_fold.h"
#include "policy_int.h"

#define FOLDED_BYTES_MAX ((size_t)64 * 1024)

struct word {
	const char *name;
	int value;
};

static const struct word text_subjects[] = {{"RECIPIENT", POLICY_SUBJECT_RECIPIENT},
    {"MAIL_FROM", POLICY_SUBJECT_MAIL_FROM}, {"HELO", POLICY_SUBJECT_HELO},
    {"SENDER", POLICY_SUBJECT_SENDER}, {"FROM", POLICY_SUBJECT_FROM},
    {"SUBJECT", POLICY_SUBJECT_SUBJECT}, {"TO", POLICY_SUBJECT_TO}, {"CC", POLICY_SUBJECT_CC},
    {NULL, 0}};
static const struct word certificate_subjects[] = {{"CN", POLICY_SUBJECT_CN},
    {"SAN_RFC822_NAME", POLICY_SUBJECT_SAN_RFC822_NAME},
    {"SAN_DNS_NAME", POLICY_SUBJECT_SAN_DNS_NAME},
    {"SAN_DIRECTORY_NAME", POLICY_SUBJECT_SAN_DIRECTORY_NAME},
    {"SAN_UNIFORM_RESOURCE_IDENTIFIER", POLICY_SUBJECT_SAN_UNIFORM_RESOURCE_IDENTIFIER},
    {"SAN_IP_ADDRESS", POLICY_SUBJECT_SAN_IP_ADDRESS},
    {"SAN_REGISTERED_ID", POLICY_SUBJECT_SAN_REGISTERED_ID},
    {"SERIAL_NUMBER", POLICY_SUBJECT_SERIAL_NUMBER}, {NULL, 0}};
static const struct word boolean_subjects[] = {
    {"READ_RECEIPT_REQUESTED", POLICY_SUBJECT_READ_RECEIPT_REQUESTED}, {"TLS", POLICY_SUBJECT_TLS},
    {"TLS_WRAPPED", POLICY_SUBJECT_TLS_WRAPPED}, {NULL, 0}};
static const struct word text_operators[] = {{"EQUALS", POLICY_OPERATOR_EQUALS},
    {"NOT_EQUALS", POLICY_OPERATOR_NOT_EQUALS}, {"STARTS_WITH", POLICY_OPERATOR_STARTS_WITH},
    {"ENDS_WITH", POLICY_OPERATOR_ENDS_WITH}, {"CONTAINS", POLICY_OPERATOR_CONTAINS}, {NULL, 0}};
static const struct word ip_operators[] = {{"CIDR_MATCHES", POLICY_OPERATOR_CIDR_MATCHES},
    {"NOT_CIDR_MATCHES", POLICY_OPERATOR_NOT_CIDR_MATCHES}, {NULL, 0}};
static const struct word tls_operators[] = {
    {"MINIMUM_TLS_VERSION", POLICY_OPERATOR_MINIMUM_TLS_VERSION}, {"IS", POLICY_OPERATOR_IS},
    {NULL, 0}};
static const struct word boolean_operators[] = {
    {"IS_TRUE", POLICY_OPERATOR_IS_TRUE}, {"IS_FALSE", POLICY_OPERATOR_IS_FALSE}, {NULL, 0}};
static const struct word number_operators[] = {{"EQUALS", POLICY_OPERATOR_EQUALS},
    {"NOT_EQUALS", POLICY_OPERATOR_NOT_EQUALS}, {"LESS_THAN", POLICY_OPERATOR_LESS_THAN},
    {"GREATER_THAN", POLICY_OPERATOR_GREATER_THAN},
    {"LESS_THAN_OR_EQUAL", POLICY_OPERATOR_LESS_THAN_OR_EQUAL},
    {"GREATER_THAN_OR_EQUAL", POLICY_OPERATOR_GREATER_THAN_OR_EQUAL}, {NULL, 0}};
static const struct word tls_versions[] = {
    {"TLS1_2", POLICY_TLS_1_2}, {"TLS1_3", POLICY_TLS_1_3}, {NULL, 0}};

static bool
look_up(const struct word *words, const struct json *value, const char *member, int *out,
    struct err *err)
{
	const char *text = json_str(value);

	for (; text != NULL && words->name != NULL; words++) {
		if (strcmp(words->name, text) == 0) {
			*out = words->value;
			return true;
		}
	}
	return ERR(err, ERR_SYNTAX, "%s: %.60s is not known", member,
	    text != NULL ? text : "what is no text");
}

static bool
take_subject(const struct word *words, const struct json *value, struct policy_condition *out,
    struct err *err)
{
	int subject;

	if (!look_up(words, value, "Evaluate", &subject, err))
		return false;
	out->subject = (enum policy_subject)subject;
	out->subject_name = json_str(value);
	return true;
}

static bool
take_operator(const struct word *words, const struct json *expression, struct policy_condition *out,
    struct err *err)
{
	const struct json *value = json_find(expression, "Operator");
	int op;

	if (!look_up(words, value, "Operator", &op, err))
		return false;
	out->op = (enum policy_operator)op;
	out->op_name = json_str(value);
	return true;
}

static bool
take_texts(
    const struct json *values, struct arena *arena, struct policy_condition *out, struct err *err)
{
	size_t count = json_count(values);
	struct bytes *texts = arena_calloc(arena, count + 1, sizeof *texts);
	struct buf folded;

	if (json_kind(values) != JSON_ARRAY || count == 0)
		return ERR(err, ERR_SYNTAX, "Values: at least one is needed");
	for (size_t i = 0; i < count; i++) {
		if (json_str(json_at(values, i)) == NULL)
			return ERR(err, ERR_SYNTAX, "Values: %zu is no text", i);
		buf_init(&folded, FOLDED_BYTES_MAX);
		mime_fold(json_text(json_at(values, i)), &folded);
		texts[i] = arena_bytes(arena, buf_view(&folded));
		buf_fini(&folded);
	}
	out->values = values;
	out->texts = texts;
	out->count = count;
	return true;
}

static bool
take_cidrs(
    const struct json *values, struct arena *arena, struct policy_condition *out, struct err *err)
{
	size_t count = json_count(values);
	struct policy_cidr *cidrs = arena_calloc(arena, count + 1, sizeof *cidrs);

	if (json_kind(values) != JSON_ARRAY || count == 0)
		return ERR(err, ERR_SYNTAX, "Values: at least one is needed");
	for (size_t i = 0; i < count; i++)
		if (!policy_cidr_parse(&cidrs[i], json_text(json_at(values, i))))
			return ERR(err, ERR_SYNTAX,
			    "Values: %zu is no address and no range of addresses", i);
	out->values = values;
	out->cidrs = cidrs;
	out->count = count;
	return true;
}

/* Known, shown, and never true here. */
static bool
not_executed(const char *name, const struct json *expression, struct policy_condition *out)
{
	const char *op = json_get_str(expression, "Operator");

	out->subject = POLICY_SUBJECT_NOT_EXECUTED;
	out->subject_name = name;
	out->op_name = op != NULL ? op : "";
	out->values = json_find(expression, "Values");
	return true;
}

/* SPF, DKIM, or what an add-on says. */
static const char *
verdict_name(const struct json *expression)
{
	const char *name = json_get_str(json_find(expression, "Evaluate"), "Attribute");

	return name != NULL ? name : "Analysis";
}

static bool
compile_text(const struct json *e, bool traffic, struct arena *arena, struct policy_condition *out,
    struct err *err)
{
	const struct json *evaluate = json_find(e, "Evaluate");
	const struct json *attribute = json_find(evaluate, "Attribute");
	const struct json *header = json_find(evaluate, "MimeHeaderAttribute");
	const struct json *certificate = json_find(evaluate, "ClientCertificateAttribute");

	if (json_find(evaluate, "Analysis") != NULL)
		return not_executed("Analysis", e, out);
	if (!take_operator(text_operators, e, out, err) ||
	    !take_texts(json_find(e, "Values"), arena, out, err))
		return false;
	if (attribute != NULL)
		return take_subject(text_subjects, attribute, out, err) &&
		       (!traffic || out->subject == POLICY_SUBJECT_RECIPIENT ||
			   ERR(err, ERR_SYNTAX, "Evaluate: %s is not known before the message",
			       out->subject_name));
	if (traffic)
		return ERR(err, ERR_SYNTAX, "Evaluate: nothing that is known before the message");
	if (certificate != NULL)
		return take_subject(certificate_subjects, certificate, out, err);
	out->subject = POLICY_SUBJECT_X_HEADER;
	out->subject_name = out->header = json_str(header);
	return out->header != NULL || ERR(err, ERR_SYNTAX, "Evaluate: nothing to look at");
}

static bool
compile_ip(const struct json *e, enum policy_subject subject, const char *name, struct arena *arena,
    struct policy_condition *out, struct err *err)
{
	out->subject = subject;
	out->subject_name = name;
	return take_operator(ip_operators, e, out, err) &&
	       take_cidrs(json_find(e, "Values"), arena, out, err);
}

static bool
compile_tls(const struct json *e, struct policy_condition *out, struct err *err)
{
	int version;

	out->subject = POLICY_SUBJECT_TLS_PROTOCOL;
	out->subject_name = "TLS_PROTOCOL";
	if (!take_operator(tls_operators, e, out, err) ||
	    !look_up(tls_versions, json_find(e, "Value"), "Value", &version, err))
		return false;
	out->tls = (enum policy_tls)version;
	out->values = json_find(e, "Value");
	return true;
}

static bool
compile_boolean(const struct json *e, bool traffic, struct policy_condition *out, struct err *err)
{
	const struct json *evaluate = json_find(e, "Evaluate");

	if (json_find(evaluate, "Analysis") != NULL)
		return not_executed("Analysis", e, out);
	if (json_find(evaluate, "IsInAddressList") != NULL)
		return not_executed("IsInAddressList", e, out);
	if (traffic)
		return ERR(err, ERR_SYNTAX, "Evaluate: nothing that is known before the message");
	return take_subject(boolean_subjects, json_find(evaluate, "Attribute"), out, err) &&
	       take_operator(boolean_operators, e, out, err);
}

static bool
compile_number(const struct json *e, struct policy_condition *out, struct err *err)
{
	out->subject = POLICY_SUBJECT_MESSAGE_SIZE;
	out->subject_name = "MESSAGE_SIZE";
	out->values = json_find(e, "Value");
	if (!json_is_number(out->values))
		return ERR(err, ERR_SYNTAX, "Value: a number is needed");
	out->number = json_number(out->values);
	return take_operator(number_operators, e, out, err);
}

static bool
compile_rule_only(
    const struct json *d, struct arena *arena, struct policy_condition *out, struct err *err)
{
	const struct json *e;

	if ((e = json_find(d, "IpExpression")) != NULL)
		return compile_ip(e, POLICY_SUBJECT_SOURCE_IP, "SOURCE_IP", arena, out, err);
	if ((e = json_find(d, "NumberExpression")) != NULL)
		return compile_number(e, out, err);
	if ((e = json_find(d, "VerdictExpression")) != NULL)
		return not_executed(verdict_name(e), e, out);
	if ((e = json_find(d, "DmarcExpression")) != NULL)
		return not_executed("DMARC", e, out);
	return ERR(err, ERR_SYNTAX, "no kind of condition that is known");
}

static bool
compile_traffic_only(
    const struct json *d, struct arena *arena, struct policy_condition *out, struct err *err)
{
	const struct json *e;

	if ((e = json_find(d, "IpExpression")) != NULL)
		return compile_ip(e, POLICY_SUBJECT_IPV4, "SENDER_IP", arena, out, err);
	if ((e = json_find(d, "Ipv6Expression")) != NULL)
		return compile_ip(e, POLICY_SUBJECT_IPV6, "SENDER_IPV6", arena, out, err);
	if ((e = json_find(d, "TlsExpression")) != NULL)
		return compile_tls(e, out, err);
	return ERR(err, ERR_SYNTAX, "no kind of condition that is known");
}

bool
policy_condition_compile(const struct json *d, bool traffic, struct arena *arena,
    struct policy_condition *out, struct err *err)
{
	const struct json *e;

	memset(out, 0, sizeof *out);
	if ((e = json_find(d, "StringExpression")) != NULL)
		return compile_text(e, traffic, arena, out, err);
	if ((e = json_find(d, "BooleanExpression")) != NULL)
		return compile_boolean(e, traffic, out, err);
	return traffic ? compile_traffic_only(d, arena, out, err)
		       : compile_rule_only(d, arena, out, err);
}
