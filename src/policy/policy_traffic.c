/* SPDX-License-Identifier: Apache-2.0 */
/* Traffic policies: DENY before ALLOW before the default, whatever the order in the document. */
#include "policy_traffic.h"

#include <string.h>

#include "base_mem.h"
#include "policy_int.h"

/* Explanations in full for so many recipients of a message; the others get their verdict. */
#define FULL_RECIPIENTS 4u
#define FULL_COST       ((size_t)3 * 1024) /* at most, of one of them */
#define VERDICT_COST    84                 /* one who gets a verdict only: names and punctuation */
#define RECIPIENT_COST  128                /* names and punctuation around one recipient */
#define STATEMENT_COST  80                 /* and around one statement */
#define DEFAULT_COST    96                 /* the default action */
#define END_COST        64                 /* brackets, and the count of recipients left out */
#define SIZE_CEIL       9007199254740992.0 /* doubles above it are no exact counts */

struct statement {
	bool allow;
	struct policy_condition *conditions;
	size_t condition_count;
};

struct policy_traffic {
	struct arena arena;
	struct json *document;
	bool default_allow;
	uint64_t size_max;
	const char *id;
	struct statement *statements;
	size_t count;
};

static bool
parse_action(const struct json *value, const char *member, bool *allow, struct err *err)
{
	const char *text = json_str(value);

	*allow = text != NULL && strcmp(text, "ALLOW") == 0;
	if (*allow || (text != NULL && strcmp(text, "DENY") == 0))
		return true;
	return ERR(err, ERR_SYNTAX, "%s: ALLOW or DENY", member);
}

static bool
compile_statement(
    struct policy_traffic *p, const struct json *d, struct statement *out, struct err *err)
{
	const struct json *conditions = json_find(d, "Conditions");

	if (!parse_action(json_find(d, "Action"), "Action", &out->allow, err))
		return false;
	out->condition_count = json_count(conditions);
	if (json_kind(conditions) != JSON_ARRAY || out->condition_count == 0)
		return ERR(err, ERR_SYNTAX, "Conditions: at least one is needed");
	out->conditions = arena_calloc(&p->arena, out->condition_count, sizeof *out->conditions);
	for (size_t i = 0; i < out->condition_count; i++)
		if (!policy_condition_compile(
			json_at(conditions, i), true, &p->arena, &out->conditions[i], err))
			return err_prefix(err, "Conditions[%zu]", i);
	return true;
}

static bool
compile(struct policy_traffic *p, struct err *err)
{
	const struct json *statements = json_find(p->document, "PolicyStatements");
	const struct json *size = json_find(p->document, "MaxMessageSizeBytes");

	if (!parse_action(
		json_find(p->document, "DefaultAction"), "DefaultAction", &p->default_allow, err))
		return false;
	p->id = json_get_str(p->document, "TrafficPolicyId");
	if (json_is_number(size) && json_number(size) >= 1)
		p->size_max =
		    (uint64_t)(json_number(size) < SIZE_CEIL ? json_number(size) : SIZE_CEIL);
	if (statements != NULL && json_kind(statements) != JSON_ARRAY)
		return ERR(err, ERR_SYNTAX, "PolicyStatements: a list is needed");
	p->count = json_count(statements);
	p->statements = arena_calloc(&p->arena, p->count + 1, sizeof *p->statements);
	for (size_t i = 0; i < p->count; i++)
		if (!compile_statement(p, json_at(statements, i), &p->statements[i], err))
			return err_prefix(err, "PolicyStatements[%zu]", i);
	return true;
}

bool
policy_traffic_compile(const struct json *document, struct policy_traffic **out, struct err *err)
{
	struct policy_traffic *p;

	*out = NULL;
	if (json_kind(document) != JSON_OBJECT)
		return ERR(err, ERR_SYNTAX, "a traffic policy is an object");
	p = mem_calloc(1, sizeof *p);
	arena_init(&p->arena);
	p->document = json_copy(document);
	if (!compile(p, err)) {
		policy_traffic_free(&p);
		return false;
	}
	*out = p;
	return true;
}

void
policy_traffic_free(struct policy_traffic **policy)
{
	struct policy_traffic *p = *policy;

	*policy = NULL;
	if (p == NULL)
		return;
	json_free(&p->document);
	arena_fini(&p->arena);
	mem_free(p);
}

uint64_t
policy_traffic_size_max(const struct policy_traffic *p)
{
	return p->size_max;
}

/* Conditions in order until one is false. evaluation may be NULL. */
static bool
statement_matches(const struct statement *s, const struct policy_view *view,
    struct json *evaluation, struct policy_budget *budget)
{
	struct json *conditions = NULL, *o;
	bool matched = true;

	if (evaluation != NULL && policy_budget_spend_detail(budget, STATEMENT_COST))
		conditions = json_new_array();
	for (size_t i = 0; i < s->condition_count && matched; i++) {
		matched = policy_condition_test(&s->conditions[i], view);
		if (conditions != NULL) {
			struct json *explained =
			    policy_condition_explain(&s->conditions[i], matched, budget);

			if (explained != NULL)
				json_push(conditions, explained);
		}
	}
	if (conditions == NULL)
		return matched;
	o = json_new_object();
	json_set_str(o, "action", s->allow ? "ALLOW" : "DENY");
	json_set(o, "conditions", conditions);
	json_set_bool(o, "policyStatementMatched", matched);
	json_push(evaluation, o);
	return matched;
}

static bool
any_statement(const struct policy_traffic *p, bool allow, const struct policy_view *view,
    struct json *evaluation, struct policy_budget *budget)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->statements[i].allow == allow &&
		    statement_matches(&p->statements[i], view, evaluation, budget))
			return true;
	return false;
}

static bool
decide(const struct policy_traffic *p, const struct policy_view *view, struct json *evaluation,
    struct policy_budget *budget)
{
	struct json *o;

	if (any_statement(p, false, view, evaluation, budget))
		return false;
	if (any_statement(p, true, view, evaluation, budget))
		return true;
	if (evaluation != NULL) {
		o = json_new_object();
		json_set_str(o, "action", p->default_allow ? "ALLOW" : "DENY");
		json_set_bool(o, "policyStatementMatched", true);
		json_set_str(o, "type", "DefaultAction");
		json_set_str(o, "scope", "Recipient");
		json_push(evaluation, o);
	}
	return p->default_allow;
}

/* How many bytes the recipients told so far may take. */
static size_t
cost_so_far(const struct json *explanation)
{
	size_t cost = END_COST;

	for (size_t i = 0; i < json_count(explanation); i++) {
		const struct json *o = json_at(explanation, i);

		if (json_get(o, "traffic_policy_evaluation") != NULL)
			cost += FULL_COST;
		else
			cost +=
			    VERDICT_COST + policy_text_cost(json_text(json_get(o, "recipient")));
	}
	return cost;
}

/* The object that counts those who are not told, when there is one: it is the last. */
static struct json *
counter_of(struct json *explanation)
{
	size_t count = json_count(explanation);
	struct json *last = count > 0 ? json_at_mutable(explanation, count - 1) : NULL;

	return last != NULL && json_get(last, "recipient") == NULL ? last : NULL;
}

static void
leave_out(struct json *explanation)
{
	struct json *counter = counter_of(explanation);

	if (counter == NULL) {
		counter = json_new_object();
		json_push(explanation, counter);
	}
	json_set_integer(counter, "truncated", json_get_integer(counter, "truncated", 0) + 1);
}

bool
policy_traffic_decide(const struct policy_traffic *p, const struct policy_session *s,
    struct bytes recipient, struct json *explanation)
{
	struct policy_view view = {.session = s, .recipient = recipient};
	size_t cost = policy_text_cost(recipient);
	struct policy_budget budget = {0, DEFAULT_COST, 0};
	struct json *evaluation = NULL, *o;
	bool accepted, full;

	full = explanation != NULL && json_count(explanation) < FULL_RECIPIENTS &&
	       RECIPIENT_COST + cost + DEFAULT_COST <= FULL_COST;
	if (full) {
		budget.left = FULL_COST - RECIPIENT_COST - cost;
		evaluation = json_new_array();
	}
	accepted = decide(p, &view, evaluation, &budget);
	if (explanation == NULL)
		return accepted;
	cost = full ? FULL_COST : VERDICT_COST + cost;
	if (counter_of(explanation) != NULL ||
	    cost_so_far(explanation) + cost > POLICY_TRAFFIC_EXPLANATION_BYTES_MAX) {
		json_free(&evaluation);
		leave_out(explanation);
		return accepted;
	}
	o = json_new_object();
	json_set_text(o, "recipient", recipient);
	json_set_str(o, "traffic_policy_verdict", accepted ? "ACCEPT" : "REJECT");
	json_set(o, "traffic_policy_evaluation", evaluation);
	if (!full || budget.truncated > 0)
		json_set_integer(
		    o, "truncated", full ? (int64_t)budget.truncated : (int64_t)p->count + 1);
	json_push(explanation, o);
	return accepted;
}
