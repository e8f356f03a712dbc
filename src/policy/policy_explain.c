/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of a decision, and how much of it: docs/formats/explanation.md. */
#include <string.h>

#include "base_text.h"
#include "policy_int.h"

#define VALUE_BYTES_MAX 80  /* of one name or value; longer ones are cut, with "..." */
#define CONDITION_COST  112 /* names and punctuation around one condition */
#define TEXT_COST       3   /* quotes and comma */
#define NUMBER_COST     40

size_t
policy_text_cost(struct bytes text)
{
	size_t cost = TEXT_COST;
	/* A byte that is no UTF-8 becomes U+FFFD, three bytes. */
	size_t high = text_utf8_valid(text) ? 1 : 3;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t byte = text.ptr[i];

		if (byte < 0x20)
			cost += 6;
		else if (byte == '"' || byte == '\\')
			cost += 2;
		else
			cost += byte < 0x80 ? 1 : high;
	}
	return cost;
}

bool
policy_budget_spend(struct policy_budget *b, size_t bytes)
{
	if (bytes > b->left) {
		b->truncated++;
		return false;
	}
	b->left -= bytes;
	return true;
}

bool
policy_budget_spend_detail(struct policy_budget *b, size_t bytes)
{
	if (b->left < b->reserve || bytes > b->left - b->reserve) {
		b->truncated++;
		return false;
	}
	b->left -= bytes;
	return true;
}

/* At most VALUE_BYTES_MAX of it, cut between characters. */
static struct json *
shortened(struct bytes text)
{
	size_t len = VALUE_BYTES_MAX;
	char cut[VALUE_BYTES_MAX + 4];

	if (text.len <= VALUE_BYTES_MAX)
		return json_new_text(text);
	while (len > 0 && (text.ptr[len] & 0xc0) == 0x80)
		len--;
	memcpy(cut, text.ptr, len);
	memcpy(cut + len, "...", 3);
	return json_new_text(bytes_of(cut, len + 3));
}

static size_t
cost_of(const struct json *v)
{
	return json_kind(v) == JSON_STRING ? policy_text_cost(json_text(v)) : NUMBER_COST;
}

/* Texts are shortened, numbers told; nothing else is a value of a condition. */
static struct json *
values_of(const struct policy_condition *c, size_t *cost)
{
	bool one = json_kind(c->values) != JSON_ARRAY;
	size_t count = c->values == NULL ? 0 : one ? 1 : json_count(c->values);
	struct json *out = json_new_array();

	for (size_t i = 0; i < count; i++) {
		const struct json *v = one ? c->values : json_at(c->values, i);
		struct json *told = json_is_number(v) ? json_copy(v) : shortened(json_text(v));

		*cost += cost_of(told);
		json_push(out, told);
	}
	return out;
}

struct json *
policy_condition_explain(const struct policy_condition *c, bool result, struct policy_budget *b)
{
	struct json *o, *expression = json_new_object();
	struct json *name = shortened(bytes_of_str(c->subject_name));
	struct json *op = shortened(bytes_of_str(c->op_name));
	size_t cost = CONDITION_COST + cost_of(name) + cost_of(op);
	struct json *values = values_of(c, &cost);

	json_set(expression, "attribute", name);
	json_set(expression, "operator", op);
	json_set(expression, "value", values);
	if (!policy_budget_spend_detail(b, cost)) {
		json_free(&expression);
		return NULL;
	}
	o = json_new_object();
	json_set(o, "expression", expression);
	json_set_bool(o, "expressionResult", result);
	if (c->subject == POLICY_SUBJECT_NOT_EXECUTED)
		json_set_str(o, "failure", "not executed");
	return o;
}
