/* SPDX-License-Identifier: Apache-2.0 */
/* From options to the filters and the time range of a search or an export. */
#include "cli_int.h"
#include "cli_time.h"

#define DEFAULT_RANGE_MS                                                                           \
	(INT64_C(30) * 86400 * 1000) /* what the API's own console offers at most */

static const struct {
	const char *option, *attribute;
} fields[] = {{"from", "FROM"}, {"to", "TO"}, {"cc", "CC"}, {"subject", "SUBJECT"},
    {"envelope-from", "ENVELOPE_FROM"}, {"envelope-to", "ENVELOPE_TO"}};

static struct json *
evaluate(const char *attribute)
{
	struct json *e = json_new_object();

	json_set_str(e, "Attribute", attribute);
	return e;
}

static void
push_contains(struct json *list, const char *attribute, const char *const *values, size_t count)
{
	struct json *condition = json_new_object(), *expression = json_new_object(),
		    *texts = json_new_array();

	for (size_t i = 0; i < count; i++)
		json_push(texts, json_new_str(values[i]));
	json_set(expression, "Evaluate", evaluate(attribute));
	json_set_str(expression, "Operator", "CONTAINS");
	json_set(expression, "Values", texts);
	json_set(condition, "StringExpression", expression);
	json_push(list, condition);
}

static void
push_attachments(struct json *list, const char *operator)
{
	struct json *condition = json_new_object(), *expression = json_new_object();

	json_set(expression, "Evaluate", evaluate("HAS_ATTACHMENTS"));
	json_set_str(expression, "Operator", operator);
	json_set(condition, "BooleanExpression", expression);
	json_push(list, condition);
}

static struct json *
conditions(const struct cli_args *args, const char *prefix)
{
	struct json *list = json_new_array();
	const char *const *values;
	char name[32];

	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		size_t count;

		(void)snprintf(name, sizeof name, "%s%s", prefix, fields[i].option);
		count = cli_args_values(args, name, &values);
		if (count > 0)
			push_contains(list, fields[i].attribute, values, count);
	}
	return list;
}

static bool
range(const struct cli_args *args, int64_t now_ms, int64_t *from, int64_t *to, struct err *err)
{
	const char *last = cli_args_value(args, "last"), *since = cli_args_value(args, "since");
	const char *until = cli_args_value(args, "until");
	int64_t length = DEFAULT_RANGE_MS;

	if (last != NULL && (since != NULL || until != NULL))
		return ERR(err, ERR_USAGE, "--last goes without --since and --until");
	/* The end is open on the server: a message of this very second must be inside. */
	*to = now_ms + 1000;
	if (last != NULL && !cli_time_duration(last, &length, err))
		return false;
	if (until != NULL && !cli_time_point(until, now_ms, to, err))
		return false;
	*from = (until != NULL ? *to : now_ms) - length;
	if (since != NULL && !cli_time_point(since, now_ms, from, err))
		return false;
	return *from < *to ||
	       ERR(err, ERR_USAGE, "the range of time is empty: --since is not before --until");
}

bool
cli_filter_apply(const struct cli_args *args, int64_t now_ms, struct json *input, struct err *err)
{
	bool with = cli_args_has(args, "has-attachments"),
	     without = cli_args_has(args, "no-attachments");
	struct json *filters, *include;
	int64_t from, to;

	if (with && without)
		return ERR(
		    err, ERR_USAGE, "--has-attachments and --no-attachments exclude each other");
	if (!range(args, now_ms, &from, &to, err))
		return false;
	filters = json_new_object();
	include = conditions(args, "");
	if (with || without)
		push_attachments(include, with ? "IS_TRUE" : "IS_FALSE");
	json_set(filters, "Include", include);
	json_set(filters, "Unless", conditions(args, "unless-"));
	json_set_seconds(input, "FromTimestamp", from);
	json_set_seconds(input, "ToTimestamp", to);
	json_set(input, "Filters", filters);
	return true;
}
