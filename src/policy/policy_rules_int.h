/* SPDX-License-Identifier: Apache-2.0 */
/* Rule sets, compiled. */
#ifndef POLICY_RULES_INT_H
#define POLICY_RULES_INT_H

#include "policy_int.h"

/* All AddHeader lines of one rule set: 40 rules of 9, each of 128 characters in encoded words, fit
 * three times. */
#define POLICY_HEADER_LINES_BYTES_MAX ((size_t)1024 * 1024)

struct policy_rule_action {
	enum policy_action action;
	const char *log_name;          /* "WRITE_TO_S3", as in the rule-set log */
	const struct json *parameters; /* of the document */
	bool drop_on_failure;
	struct policy_header header;    /* ADD_HEADER: name, value */
	struct bytes header_line;       /* ADD_HEADER: as it stands in a message, with CRLF */
	const struct bytes *recipients; /* REPLACE_RECIPIENT */
	size_t recipient_count;
};

struct policy_rule {
	const char *name;
	struct policy_condition *conditions, *unless;
	size_t condition_count, unless_count;
	struct policy_rule_action *actions;
	size_t action_count;
};

struct policy_rules {
	struct arena arena;
	struct json *document;
	struct policy_rule *rules;
	size_t count;
	size_t header_bytes; /* of all AddHeader lines */
};

/* policy_action_compile: one RuleAction; memory from arena, document lent. */
MUST_USE bool policy_action_compile(const struct json *document, struct arena *arena,
    struct policy_rule_action *out, struct err *err);

#endif
