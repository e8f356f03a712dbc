/* SPDX-License-Identifier: Apache-2.0 */
/* Rule sets: decide. Recipients leave by Drop, change by ReplaceRecipient, and go through every
 * rule until then. */
#include <string.h>

#include "policy_rules_int.h"

#define EXPLAINED_RESERVE                                                                          \
	((size_t)12 * 1024) /* for rules and actions; conditions may not take it */
#define EXPLAINED_END 64    /* brackets, and the count of rules left out */
#define RULE_COST     160   /* names and punctuation around one rule */
#define ACTION_COST   128   /* and around one action */

/* A set of recipients; grows in the arena. */
struct set {
	struct bytes *list;
	size_t count, cap;
};

struct run {
	const struct policy_message *message;
	const struct policy_context *context;
	struct arena *arena;
	struct set alive;   /* who is still in the rule set */
	struct set matched; /* of the rule under way */
	struct policy_header *added;
	size_t added_count, added_cap;
	struct buf header_lines;
	struct policy_step *steps;
	size_t step_count, step_cap;
	size_t failed;
	struct json *explanation;
	struct policy_budget budget; /* truncated counts within one rule */
	size_t rules_truncated;
};

static void
set_push(struct arena *arena, struct set *s, struct bytes recipient)
{
	if (s->count == s->cap) {
		size_t cap = s->cap == 0 ? 8 : s->cap * 2;
		struct bytes *more = arena_calloc(arena, cap, sizeof *more);

		if (s->count > 0)
			memcpy(more, s->list, s->count * sizeof *more);
		s->list = more;
		s->cap = cap;
	}
	s->list[s->count++] = recipient;
}

static bool
set_has(const struct set *s, struct bytes recipient)
{
	for (size_t i = 0; i < s->count; i++)
		if (bytes_equal(s->list[i], recipient))
			return true;
	return false;
}

static void
set_remove(struct set *s, const struct set *gone)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->count; i++)
		if (!set_has(gone, s->list[i]))
			s->list[kept++] = s->list[i];
	s->count = kept;
}

/* Conditions that look at the message alone, or at one recipient (by_recipient). */
static bool
conditions_hold(const struct policy_rule *rule, const struct policy_view *view, bool by_recipient)
{
	for (size_t i = 0; i < rule->condition_count; i++)
		if (policy_condition_by_recipient(&rule->conditions[i]) == by_recipient &&
		    !policy_condition_test(&rule->conditions[i], view))
			return false;
	for (size_t i = 0; i < rule->unless_count; i++)
		if (policy_condition_by_recipient(&rule->unless[i]) == by_recipient &&
		    policy_condition_test(&rule->unless[i], view))
			return false;
	return true;
}

static struct policy_view
view_of(const struct run *r)
{
	return (struct policy_view){.session = r->message->session,
	    .message = r->message,
	    .added = r->added,
	    .added_count = r->added_count};
}

static void
match(struct run *r, const struct policy_rule *rule)
{
	struct policy_view view = view_of(r);

	r->matched = (struct set){NULL, 0, 0};
	if (!conditions_hold(rule, &view, false))
		return;
	for (size_t i = 0; i < r->alive.count; i++) {
		view.recipient = r->alive.list[i];
		if (conditions_hold(rule, &view, true))
			set_push(r->arena, &r->matched, view.recipient);
	}
}

static void
explain_recipients(struct run *r, struct json *o)
{
	struct json *list = json_new_array();

	for (size_t i = 0; i < r->matched.count; i++)
		if (policy_budget_spend_detail(&r->budget, policy_text_cost(r->matched.list[i])))
			json_push(list, json_new_text(r->matched.list[i]));
	json_set(o, "recipients_matched", list);
}

/* Each condition once. One that looks at the recipient is told for all who are still there: true
 * when it is of somebody. */
static void
explain_conditions(struct run *r, const struct policy_condition *conditions, size_t count,
    const char *member, struct json *o)
{
	struct json *list = json_new_array();

	for (size_t i = 0; i < count; i++) {
		struct policy_view view = view_of(r);
		bool result = false;
		struct json *explained;

		for (size_t k = 0; k < r->alive.count && !result; k++) {
			view.recipient = r->alive.list[k];
			result = policy_condition_test(&conditions[i], &view);
			if (!policy_condition_by_recipient(&conditions[i]))
				break;
		}
		explained = policy_condition_explain(&conditions[i], result, &r->budget);
		if (explained != NULL)
			json_push(list, explained);
	}
	json_set(o, member, list);
}

/* The rule's line first, then what may be left out. NULL: not even the line fits. */
static struct json *
explain_rule(struct run *r, const struct policy_rule *rule, size_t index)
{
	struct json *o;

	if (!policy_budget_spend(
		&r->budget, RULE_COST + policy_text_cost(bytes_of_str(rule->name))))
		return NULL;
	o = json_new_object();
	json_set_str(o, "rule_name", rule->name);
	json_set_integer(o, "rule_index", (int64_t)index + 1);
	explain_recipients(r, o);
	if (rule->condition_count > 0)
		explain_conditions(r, rule->conditions, rule->condition_count, "conditions", o);
	if (rule->unless_count > 0)
		explain_conditions(r, rule->unless, rule->unless_count, "unless", o);
	if (r->matched.count > 0)
		json_set(o, "actions", json_new_array());
	return o;
}

static void
explain_action(struct run *r, struct json *rule, const struct policy_rule_action *a, size_t index,
    const char *failure)
{
	struct json *o;

	if (rule == NULL ||
	    !policy_budget_spend(&r->budget, ACTION_COST + policy_text_cost(bytes_of_str(failure))))
		return;
	o = json_new_object();
	json_set_str(o, "action_name", a->log_name);
	json_set_integer(o, "action_index", (int64_t)index + 1);
	json_set_str(o, "action_status", failure == NULL ? "SUCCESS" : "FAILURE");
	json_set_str(o, "action_failure", failure);
	json_push(json_get_mutable(rule, "actions"), o);
}

static void
add_header(struct run *r, const struct policy_rule_action *a)
{
	if (r->added_count == r->added_cap) {
		size_t cap = r->added_cap == 0 ? 8 : r->added_cap * 2;
		struct policy_header *more = arena_calloc(r->arena, cap, sizeof *more);

		if (r->added_count > 0)
			memcpy(more, r->added, r->added_count * sizeof *more);
		r->added = more;
		r->added_cap = cap;
	}
	r->added[r->added_count++] = a->header;
	buf_append(&r->header_lines, a->header_line);
}

static void
replace(struct run *r, const struct policy_rule_action *a)
{
	set_remove(&r->alive, &r->matched);
	r->matched = (struct set){NULL, 0, 0};
	for (size_t i = 0; i < a->recipient_count; i++) {
		if (!set_has(&r->matched, a->recipients[i]))
			set_push(r->arena, &r->matched, a->recipients[i]);
		if (!set_has(&r->alive, a->recipients[i]))
			set_push(r->arena, &r->alive, a->recipients[i]);
	}
}

static void
push_step(struct run *r, const struct policy_rule *rule, size_t rule_index,
    const struct policy_rule_action *a)
{
	struct bytes *recipients = arena_calloc(r->arena, r->matched.count + 1, sizeof *recipients);

	if (r->step_count == r->step_cap) {
		size_t cap = r->step_cap == 0 ? 8 : r->step_cap * 2;
		struct policy_step *more = arena_calloc(r->arena, cap, sizeof *more);

		if (r->step_count > 0)
			memcpy(more, r->steps, r->step_count * sizeof *more);
		r->steps = more;
		r->step_cap = cap;
	}
	if (r->matched.count > 0)
		memcpy(recipients, r->matched.list, r->matched.count * sizeof *recipients);
	r->steps[r->step_count++] = (struct policy_step){.action = a->action,
	    .parameters = a->parameters,
	    .rule_index = rule_index,
	    .rule_name = rule->name,
	    .recipients = recipients,
	    .recipient_count = r->matched.count,
	    .added_headers = arena_bytes(r->arena, buf_view(&r->header_lines))};
}

/* One action; false: the rule's set is gone, its other actions do not run. */
static bool
act(struct run *r, const struct policy_rule *rule, size_t rule_index, size_t action_index,
    struct json *explained)
{
	const struct policy_rule_action *a = &rule->actions[action_index];
	char reason[POLICY_REASON_SIZE] = "";

	switch ((int)a->action) {
	case POLICY_ACTION_ADD_HEADER:
		add_header(r, a);
		break;
	case POLICY_ACTION_DROP:
		set_remove(&r->alive, &r->matched);
		explain_action(r, explained, a, action_index, NULL);
		return false;
	case POLICY_ACTION_REPLACE_RECIPIENT:
		replace(r, a);
		break;
	default:
		if (!r->context->check(r->context->ctx, a->action, a->parameters, reason)) {
			r->failed++;
			explain_action(r, explained, a, action_index, reason);
			if (a->drop_on_failure)
				set_remove(&r->alive, &r->matched);
			return !a->drop_on_failure;
		}
		push_step(r, rule, rule_index, a);
		break;
	}
	explain_action(r, explained, a, action_index, NULL);
	return true;
}

static void
run_rule(struct run *r, const struct policy_rule *rule, size_t index)
{
	struct json *explained;

	match(r, rule);
	r->budget.truncated = 0;
	explained = explain_rule(r, rule, index);
	for (size_t i = 0; i < rule->action_count && r->matched.count > 0; i++)
		if (!act(r, rule, index, i, explained))
			break;
	if (explained == NULL) {
		r->rules_truncated++;
		return;
	}
	if (r->budget.truncated > 0)
		json_set_integer(explained, "truncated", (int64_t)r->budget.truncated);
	json_push(r->explanation, explained);
}

void
policy_rules_decide(const struct policy_rules *rules, const struct policy_message *m,
    const struct policy_context *context, struct arena *arena, struct policy_decision *out)
{
	struct run r = {.message = m,
	    .context = context,
	    .arena = arena,
	    .budget = {POLICY_RULES_EXPLANATION_BYTES_MAX - EXPLAINED_END, EXPLAINED_RESERVE, 0}};
	struct json *o;

	r.explanation = json_new_array();
	buf_init(&r.header_lines, POLICY_HEADER_LINES_BYTES_MAX);
	for (size_t i = 0; i < m->recipient_count; i++)
		if (!set_has(&r.alive, m->recipients[i]))
			set_push(arena, &r.alive, m->recipients[i]);
	for (size_t i = 0; i < rules->count && r.alive.count > 0; i++)
		run_rule(&r, &rules->rules[i], i);
	must(!r.header_lines.failed); /* compile has added them up */
	if (r.rules_truncated > 0) {
		o = json_new_object();
		json_set_integer(o, "truncated", (int64_t)r.rules_truncated);
		json_push(r.explanation, o);
	}
	*out = (struct policy_decision){r.steps, r.step_count, r.failed, r.explanation};
	buf_fini(&r.header_lines);
}
