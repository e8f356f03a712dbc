/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions, as traffic policies and rule sets share them. Compiled once, tested by any thread. */
#ifndef POLICY_INT_H
#define POLICY_INT_H

#include "base_arena.h"
#include "json_value.h"
#include "policy_ip.h"
#include "policy_rules.h"
#include "policy_session.h"

/* What a condition looks at. The certificate's attributes stand together, in the order of the
 * model. */
enum policy_subject {
	POLICY_SUBJECT_RECIPIENT,
	POLICY_SUBJECT_MAIL_FROM,
	POLICY_SUBJECT_HELO,
	POLICY_SUBJECT_SENDER,
	POLICY_SUBJECT_FROM,
	POLICY_SUBJECT_SUBJECT,
	POLICY_SUBJECT_TO,
	POLICY_SUBJECT_CC,
	POLICY_SUBJECT_X_HEADER,
	POLICY_SUBJECT_CN,
	POLICY_SUBJECT_SAN_RFC822_NAME,
	POLICY_SUBJECT_SAN_DNS_NAME,
	POLICY_SUBJECT_SAN_DIRECTORY_NAME,
	POLICY_SUBJECT_SAN_UNIFORM_RESOURCE_IDENTIFIER,
	POLICY_SUBJECT_SAN_IP_ADDRESS,
	POLICY_SUBJECT_SAN_REGISTERED_ID,
	POLICY_SUBJECT_SERIAL_NUMBER,
	POLICY_SUBJECT_IPV4,      /* SENDER_IP */
	POLICY_SUBJECT_IPV6,      /* SENDER_IPV6 */
	POLICY_SUBJECT_SOURCE_IP, /* either family */
	POLICY_SUBJECT_TLS_PROTOCOL,
	POLICY_SUBJECT_READ_RECEIPT_REQUESTED,
	POLICY_SUBJECT_TLS,
	POLICY_SUBJECT_TLS_WRAPPED,
	POLICY_SUBJECT_MESSAGE_SIZE,
	POLICY_SUBJECT_NOT_EXECUTED /* verdicts, DMARC, address lists, add-ons: never true, and
				       shown as such */
};

enum policy_operator {
	POLICY_OPERATOR_EQUALS,
	POLICY_OPERATOR_NOT_EQUALS,
	POLICY_OPERATOR_STARTS_WITH,
	POLICY_OPERATOR_ENDS_WITH,
	POLICY_OPERATOR_CONTAINS,
	POLICY_OPERATOR_CIDR_MATCHES,
	POLICY_OPERATOR_NOT_CIDR_MATCHES,
	POLICY_OPERATOR_MINIMUM_TLS_VERSION,
	POLICY_OPERATOR_IS,
	POLICY_OPERATOR_IS_TRUE,
	POLICY_OPERATOR_IS_FALSE,
	POLICY_OPERATOR_LESS_THAN,
	POLICY_OPERATOR_GREATER_THAN,
	POLICY_OPERATOR_LESS_THAN_OR_EQUAL,
	POLICY_OPERATOR_GREATER_THAN_OR_EQUAL
};

struct policy_condition {
	enum policy_subject subject;
	enum policy_operator op;
	const char *subject_name, *op_name; /* as in the document */
	const char *header;                 /* X_HEADER */
	const struct json *values; /* of the document, for the explanation; NULL when it has none */
	const struct bytes *texts; /* folded */
	const struct policy_cidr *cidrs;
	size_t count; /* of texts or cidrs */
	double number;
	enum policy_tls tls;
};

/* What is looked at. message is NULL in a traffic policy. */
struct policy_view {
	const struct policy_session *session;
	const struct policy_message *message;
	struct bytes recipient;
	const struct policy_header *added; /* by AddHeader so far */
	size_t added_count;
};

/* policy_condition_compile: one PolicyCondition (traffic) or RuleCondition; memory from arena,
 * document lent. ERR_SYNTAX says what is wrong, without the path before it. */
MUST_USE bool policy_condition_compile(const struct json *document, bool traffic,
    struct arena *arena, struct policy_condition *out, struct err *err);
bool policy_condition_test(const struct policy_condition *c, const struct policy_view *view);
/* policy_condition_by_recipient: its result may differ between recipients of one message. */
bool policy_condition_by_recipient(const struct policy_condition *c);

/* policy_text_cost: the most bytes a text takes when it is printed as JSON, with quotes and comma.
 */
size_t policy_text_cost(struct bytes text);

/*
 * What one explanation may hold, in printed bytes: docs/formats/explanation.md. What does not fit
 * is left out and counted. spend: may use all that is left; spend_detail: conditions and
 * recipients, which leave the reserve for the rules and actions that come later.
 */
struct policy_budget {
	size_t left, reserve;
	size_t truncated; /* things left out */
};
bool policy_budget_spend(struct policy_budget *b, size_t bytes);
bool policy_budget_spend_detail(struct policy_budget *b, size_t bytes);
/* policy_condition_explain: {expression: {attribute, operator, value}, expressionResult}; NULL when
 * it does not fit. */
struct json *policy_condition_explain(
    const struct policy_condition *c, bool result, struct policy_budget *b);

#endif
