/* SPDX-License-Identifier: Apache-2.0 */
/* Options and operands. */
#include "cli_args.h"

#include <string.h>

#include "base_text.h"

static size_t
find(const struct cli_args *a, const char *name, size_t len)
{
	for (size_t i = 0; i < a->option_count; i++)
		if (strlen(a->options[i]->name) == len &&
		    memcmp(a->options[i]->name, name, len) == 0)
			return i;
	return SIZE_MAX;
}

static void
add_table(struct cli_args *a, const struct cli_option *table)
{
	for (; table != NULL && table->name != NULL; table++) {
		must(a->option_count < CLI_OPTIONS_MAX);
		a->options[a->option_count++] = table;
	}
}

static bool
unknown(const struct cli_args *a, const char *name, struct err *err)
{
	const char *names[CLI_OPTIONS_MAX + 1] = {NULL};
	const char *near;

	for (size_t i = 0; i < a->option_count; i++)
		names[i] = a->options[i]->name;
	near = text_suggest(name, names);
	if (near != NULL)
		return ERR(
		    err, ERR_USAGE, "unknown option --%.60s (did you mean --%s?)", name, near);
	return ERR(err, ERR_USAGE, "unknown option --%.60s", name);
}

/* One long option; *i moves past a value in the next word. */
static bool
take_long(struct cli_args *a, const char *name, int argc, char **argv, int *i, struct err *err)
{
	const char *equals = strchr(name, '=');
	size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
	size_t at = find(a, name, len);
	const struct cli_option *o;
	const char *value = "";

	if (at == SIZE_MAX)
		return unknown(a, name, err);
	o = a->options[at];
	if (o->value == NULL && equals != NULL)
		return ERR(err, ERR_USAGE, "--%s takes no value", o->name);
	if (o->value != NULL && equals == NULL && *i + 1 >= argc)
		return ERR(
		    err, ERR_USAGE, "--%s wants a value: --%s %s", o->name, o->name, o->value);
	if (o->value != NULL)
		value = equals != NULL ? equals + 1 : argv[++*i];
	if (a->counts[at] > 0 && !o->repeat && o->value != NULL)
		return ERR(err, ERR_USAGE, "--%s is given twice", o->name);
	if (a->counts[at] == CLI_VALUES_MAX)
		return ERR(
		    err, ERR_USAGE, "--%s is given more than %d times", o->name, CLI_VALUES_MAX);
	a->values[at][a->counts[at]++] = value;
	return true;
}

bool
cli_args_parse(const struct cli_option *own, const struct cli_option *common, int argc, char **argv,
    struct cli_args *out, struct err *err)
{
	bool options_over = false;

	memset(out, 0, sizeof *out);
	add_table(out, own);
	add_table(out, common);
	for (int i = 1; i < argc; i++) {
		const char *word = argv[i];

		if (!options_over && strcmp(word, "--") == 0) {
			options_over = true;
		} else if (!options_over && strcmp(word, "-h") == 0) {
			if (!take_long(out, "help", argc, argv, &i, err))
				return false;
		} else if (!options_over && strcmp(word, "-o") == 0) {
			if (!take_long(out, "output", argc, argv, &i, err))
				return false;
		} else if (!options_over && word[0] == '-' && word[1] == '-') {
			if (!take_long(out, word + 2, argc, argv, &i, err))
				return false;
		} else if (!options_over && word[0] == '-' && word[1] != '\0') {
			return ERR(err, ERR_USAGE, "unknown option %.60s", word);
		} else if (out->operand_count == CLI_OPERANDS_MAX) {
			return ERR(err, ERR_USAGE, "too many words after the command");
		} else {
			out->operands[out->operand_count++] = word;
		}
	}
	return true;
}

bool
cli_args_has(const struct cli_args *a, const char *name)
{
	size_t at = find(a, name, strlen(name));

	return at != SIZE_MAX && a->counts[at] > 0;
}

const char *
cli_args_value(const struct cli_args *a, const char *name)
{
	size_t at = find(a, name, strlen(name));

	return at != SIZE_MAX && a->counts[at] > 0 ? a->values[at][0] : NULL;
}

size_t
cli_args_values(const struct cli_args *a, const char *name, const char *const **out)
{
	size_t at = find(a, name, strlen(name));

	if (at == SIZE_MAX)
		return 0;
	*out = a->values[at];
	return a->counts[at];
}

bool
cli_args_number(const struct cli_args *a, const char *name, long min, long max, long otherwise,
    long *out, struct err *err)
{
	const char *text = cli_args_value(a, name);
	uint64_t n;

	*out = otherwise;
	if (text == NULL)
		return true;
	if (!text_u64_parse(&n, bytes_of_str(text)) || n > (uint64_t)max || (long)n < min)
		return ERR(err, ERR_USAGE, "--%s wants a number from %ld to %ld", name, min, max);
	*out = (long)n;
	return true;
}
