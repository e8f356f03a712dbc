/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rule sets: what happens to an accepted message? Pure: from message and context to decisions;
 * nothing is done here.
 *
 * Rules run top to bottom and go on after a match. A rule holds for the recipients for which all
 * Conditions and no Unless are true; its actions then run once, in order, for that set. Drop takes
 * the set away; evaluation ends when no recipient is left. ReplaceRecipient puts other recipients
 * in the place of the set. AddHeader changes what later actions see. An action or condition that is
 * not executed here fails visibly: a condition is then false (so its rule does not match, with
 * IS_TRUE and with IS_FALSE), an action follows its ActionFailurePolicy (absent = CONTINUE).
 */
#ifndef POLICY_RULES_H
#define POLICY_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "base_arena.h"
#include "base_bytes.h"
#include "json_value.h"
#include "policy_session.h"

struct policy_rules;

/* policy_rules_compile: from the document of GetRuleSet ({RuleSetId, RuleSetName, Rules}). The
 * document is kept by copy. ERR_SYNTAX or ERR_LIMIT with the path of what is wrong. Thread-safe to
 * use once compiled. */
MUST_USE bool policy_rules_compile(
    const struct json *document, struct policy_rules **out, struct err *err);
void policy_rules_free(struct policy_rules **r);

/* Address fields as the conditions see them: each bare address (EQUALS, STARTS_WITH, ENDS_WITH,
 * NOT_EQUALS), and the decoded field as a whole (CONTAINS). */
struct policy_field {
	struct bytes decoded;
	const struct bytes *addresses;
	size_t address_count;
};

struct policy_header {
	struct bytes name, value; /* value decoded */
};

struct policy_message {
	const struct policy_session *session;
	struct bytes mail_from;
	const struct bytes *recipients;
	size_t recipient_count;
	uint64_t size_bytes;
	struct policy_field from, to, cc, sender;
	struct bytes subject;
	const struct policy_header *x_headers; /* every field whose name starts with X- */
	size_t x_header_count;
	bool read_receipt_requested;
};

enum policy_action {
	POLICY_ACTION_ADD_HEADER,
	POLICY_ACTION_ARCHIVE,
	POLICY_ACTION_BOUNCE,
	POLICY_ACTION_DELIVER_TO_MAILBOX,
	POLICY_ACTION_DELIVER_TO_Q_BUSINESS,
	POLICY_ACTION_DROP,
	POLICY_ACTION_INVOKE_LAMBDA,
	POLICY_ACTION_PUBLISH_TO_SNS,
	POLICY_ACTION_RELAY,
	POLICY_ACTION_REPLACE_RECIPIENT,
	POLICY_ACTION_SEND,
	POLICY_ACTION_WRITE_TO_S3
};

/* What the caller can do. check: may this action be carried out now? false = an action failure;
 * reason_out says why in a few words. Called for every action but AddHeader, Drop and
 * ReplaceRecipient. */
#define POLICY_REASON_SIZE 160
struct policy_context {
	bool (*check)(void *ctx, enum policy_action action, const struct json *parameters,
	    char reason_out[POLICY_REASON_SIZE]);
	void *ctx;
};

/* With the traffic policy's part and the object around both, at most 64 KiB: what the archive
 * keeps. */
#define POLICY_RULES_EXPLANATION_BYTES_MAX ((size_t)37 * 1024)

/* One action to carry out. */
struct policy_step {
	enum policy_action action;
	const struct json *parameters;  /* lent by the rules */
	size_t rule_index;              /* from 0 */
	const char *rule_name;          /* NULL when it has none */
	const struct bytes *recipients; /* matched set, after earlier replacements */
	size_t recipient_count;
	struct bytes added_headers; /* header lines added so far, each with CRLF */
};

struct policy_decision {
	const struct policy_step
	    *steps; /* only actions whose check said yes; AddHeader, Drop, ReplaceRecipient are
		     * already accounted for and not listed */
	size_t step_count;
	size_t failed_action_count;
	struct json
	    *explanation; /* the caller's; array, one object per rule that was looked at, printed at
			   * most POLICY_RULES_EXPLANATION_BYTES_MAX; docs/formats/explanation.md */
};

/* policy_rules_decide: memory from arena except explanation. */
void policy_rules_decide(const struct policy_rules *r, const struct policy_message *m,
    const struct policy_context *context, struct arena *arena, struct policy_decision *out);

#endif
