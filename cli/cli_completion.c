/* SPDX-License-Identifier: Apache-2.0 */
/* Completion scripts: nouns, verbs and options from the tables of commands. */
#include <string.h>

#include "cli_int.h"

/* One word of a command's name: noun (0) or verb (1); empty when there is none. */
static struct bytes
word_of(const char *name, int which)
{
	const char *space = strchr(name, ' ');

	if (which == 0)
		return bytes_of(name, space != NULL ? (size_t)(space - name) : strlen(name));
	return space != NULL ? bytes_of_str(space + 1) : BYTES_EMPTY;
}

struct names {
	const struct cli_command *extra;
	size_t extra_count;
};

/* The i-th command of all tables, or NULL. */
static const char *
name_at(const struct names *n, size_t i, const struct cli_verb **verb_out)
{
	*verb_out = NULL;
	for (size_t t = 0; cli_verbs[t] != NULL; t++) {
		for (const struct cli_verb *v = cli_verbs[t]; v->name != NULL; v++) {
			if (i-- == 0) {
				*verb_out = v;
				return v->name;
			}
		}
	}
	return i < n->extra_count ? n->extra[i].name : NULL;
}

/* Was the noun of command i seen before it? */
static bool
seen_before(const struct names *n, size_t i)
{
	const struct cli_verb *v;
	struct bytes noun = word_of(name_at(n, i, &v), 0);

	for (size_t j = 0; j < i; j++)
		if (bytes_equal(word_of(name_at(n, j, &v), 0), noun))
			return true;
	return false;
}

static void
append_nouns(const struct names *n, struct buf *out)
{
	const struct cli_verb *v;

	for (size_t i = 0; name_at(n, i, &v) != NULL; i++) {
		if (seen_before(n, i))
			continue;
		buf_append(out, word_of(name_at(n, i, &v), 0));
		buf_append_byte(out, ' ');
	}
	buf_append_str(out, "completion help version");
}

static void
append_verbs(const struct names *n, struct bytes noun, struct buf *out)
{
	const struct cli_verb *v;
	const char *name;

	for (size_t i = 0; (name = name_at(n, i, &v)) != NULL; i++) {
		if (!bytes_equal(word_of(name, 0), noun) || word_of(name, 1).len == 0)
			continue;
		buf_append(out, word_of(name, 1));
		buf_append_byte(out, ' ');
	}
}

static void
append_options(const struct cli_verb *v, struct buf *out)
{
	for (const struct cli_option *o = v != NULL ? v->options : NULL;
	     o != NULL && o->name != NULL; o++)
		buf_printf(out, "--%s ", o->name);
	for (const struct cli_option *o = cli_common_options; o->name != NULL; o++)
		buf_printf(out, "--%s ", o->name);
}

static void
write_bash(const struct names *n, struct buf *out)
{
	const struct cli_verb *v;
	const char *name;

	buf_append_str(out,
	    "_daybook() {\n\tlocal current=\"${COMP_WORDS[COMP_CWORD]}\" words=\"\"\n"
	    "\tif [[ $current == -* ]]; then\n\t\tcase \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n");
	for (size_t i = 0; (name = name_at(n, i, &v)) != NULL; i++) {
		if (v == NULL)
			continue;
		buf_printf(
		    out, "\t\t\"%s%s) words=\"", name, strchr(name, ' ') != NULL ? "\"" : " \"*");
		append_options(v, out);
		buf_append_str(out, "\" ;;\n");
	}
	buf_append_str(out, "\t\tesac\n\telif [[ $COMP_CWORD == 1 ]]; then\n\t\twords=\"");
	append_nouns(n, out);
	buf_append_str(
	    out, "\"\n\telif [[ $COMP_CWORD == 2 ]]; then\n\t\tcase \"${COMP_WORDS[1]}\" in\n");
	for (size_t i = 0; (name = name_at(n, i, &v)) != NULL; i++) {
		if (seen_before(n, i) || word_of(name, 1).len == 0)
			continue;
		buf_append_str(out, "\t\t");
		buf_append(out, word_of(name, 0));
		buf_append_str(out, ") words=\"");
		append_verbs(n, word_of(name, 0), out);
		buf_append_str(out, "\" ;;\n");
	}
	buf_append_str(out,
	    "\t\tcompletion) words=\"bash zsh fish\" ;;\n\t\tesac\n\tfi\n"
	    "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n}\ncomplete "
	    "-o default -F _daybook daybook\n");
}

/* zsh runs bash completions, and then all three shells say the same. */
static void
write_zsh(const struct names *n, struct buf *out)
{
	buf_append_str(out, "#compdef daybook\nautoload -U +X bashcompinit && bashcompinit\n");
	write_bash(n, out);
}

static void
append_fish_option(struct buf *out, const char *condition, const struct cli_option *o)
{
	buf_printf(out, "complete -c daybook -n '%s' -l %s %s\n", condition, o->name,
	    o->value != NULL ? "-r" : "");
}

static void
write_fish(const struct names *n, struct buf *out)
{
	const struct cli_verb *v;
	const char *name;

	buf_append_str(
	    out, "complete -c daybook -f\ncomplete -c daybook -n __fish_use_subcommand -a '");
	append_nouns(n, out);
	buf_append_str(out, "'\n");
	for (size_t i = 0; (name = name_at(n, i, &v)) != NULL; i++) {
		struct bytes noun = word_of(name, 0);
		char condition[128];

		if (!seen_before(n, i) && word_of(name, 1).len > 0) {
			buf_printf(out,
			    "complete -c daybook -n '__fish_seen_subcommand_from %.*s' -a '",
			    (int)noun.len, (const char *)noun.ptr);
			append_verbs(n, noun, out);
			buf_append_str(out, "'\n");
		}
		(void)snprintf(condition, sizeof condition, "__fish_seen_subcommand_from %.*s",
		    (int)noun.len, (const char *)noun.ptr);
		for (const struct cli_option *o = v != NULL ? v->options : NULL;
		     o != NULL && o->name != NULL; o++)
			append_fish_option(out, condition, o);
	}
	for (const struct cli_option *o = cli_common_options; o->name != NULL; o++)
		append_fish_option(out, "true", o);
}

bool
cli_completion_write(const char *shell, const struct cli_command *extra, size_t extra_count,
    struct buf *out, struct err *err)
{
	struct names n = {.extra = extra, .extra_count = extra_count};

	if (strcmp(shell, "bash") == 0)
		write_bash(&n, out);
	else if (strcmp(shell, "zsh") == 0)
		write_zsh(&n, out);
	else if (strcmp(shell, "fish") == 0)
		write_fish(&n, out);
	else
		return ERR(
		    err, ERR_USAGE, "%.40s is not a shell known here: bash, zsh or fish", shell);
	return true;
}
