/* SPDX-License-Identifier: Apache-2.0 */
/* Rule sets: compile. */
#include "policy_rules.h"

#include "base_mem.h"
#include "policy_rules_int.h"

static bool
compile_conditions(struct policy_rules *r, const struct json *rule, const char *member,
    struct policy_condition **out, size_t *count_out, struct err *err)
{
	const struct json *list = json_find(rule, member);

	if (list != NULL && json_kind(list) != JSON_ARRAY)
		return ERR(err, ERR_SYNTAX, "%s: a list is needed", member);
	*count_out = json_count(list);
	*out = arena_calloc(&r->arena, *count_out + 1, sizeof **out);
	for (size_t i = 0; i < *count_out; i++)
		if (!policy_condition_compile(json_at(list, i), false, &r->arena, &(*out)[i], err))
			return err_prefix(err, "%s[%zu]", member, i);
	return true;
}

static bool
compile_rule(struct policy_rules *r, const struct json *d, struct policy_rule *out, struct err *err)
{
	const struct json *actions = json_find(d, "Actions");

	if (json_kind(d) != JSON_OBJECT)
		return ERR(err, ERR_SYNTAX, "a rule is an object");
	if (actions != NULL && json_kind(actions) != JSON_ARRAY)
		return ERR(err, ERR_SYNTAX, "Actions: a list is needed");
	out->name = json_get_str(d, "Name");
	if (!compile_conditions(r, d, "Conditions", &out->conditions, &out->condition_count, err) ||
	    !compile_conditions(r, d, "Unless", &out->unless, &out->unless_count, err))
		return false;
	out->action_count = json_count(actions);
	out->actions = arena_calloc(&r->arena, out->action_count + 1, sizeof *out->actions);
	for (size_t i = 0; i < out->action_count; i++) {
		if (!policy_action_compile(json_at(actions, i), &r->arena, &out->actions[i], err))
			return err_prefix(err, "Actions[%zu]", i);
		r->header_bytes += out->actions[i].header_line.len;
		if (r->header_bytes > POLICY_HEADER_LINES_BYTES_MAX)
			return ERR(err, ERR_LIMIT,
			    "Actions[%zu]: the rule set adds too many header fields", i);
	}
	return true;
}

static bool
compile(struct policy_rules *r, struct err *err)
{
	const struct json *rules = json_find(r->document, "Rules");

	if (rules != NULL && json_kind(rules) != JSON_ARRAY)
		return ERR(err, ERR_SYNTAX, "Rules: a list is needed");
	r->count = json_count(rules);
	r->rules = arena_calloc(&r->arena, r->count + 1, sizeof *r->rules);
	for (size_t i = 0; i < r->count; i++)
		if (!compile_rule(r, json_at(rules, i), &r->rules[i], err))
			return err_prefix(err, "Rules[%zu]", i);
	return true;
}

bool
policy_rules_compile(const struct json *document, struct policy_rules **out, struct err *err)
{
	struct policy_rules *r;

	*out = NULL;
	if (json_kind(document) != JSON_OBJECT)
		return ERR(err, ERR_SYNTAX, "a rule set is an object");
	r = mem_calloc(1, sizeof *r);
	arena_init(&r->arena);
	r->document = json_copy(document);
	if (!compile(r, err)) {
		policy_rules_free(&r);
		return false;
	}
	*out = r;
	return true;
}

void
policy_rules_free(struct policy_rules **rules)
{
	struct policy_rules *r = *rules;

	*rules = NULL;
	if (r == NULL)
		return;
	json_free(&r->document);
	arena_fini(&r->arena);
	mem_free(r);
}
