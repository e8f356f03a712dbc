/* SPDX-License-Identifier: Apache-2.0 */
/* A line is a verb, perhaps a number, and text with escapes. */
#include "smtp_script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base_mem.h"
#include "base_text.h"

#define TEXT_BYTES_MAX ((size_t)64 * 1024 * 1024)

static const struct {
	const char *name;
	enum smtp_script_verb verb;
	bool number, word;
} verbs[] = {
    {"set", SCRIPT_SET, false, true},
    {"hello", SCRIPT_HELLO, false, false},
    {"tls", SCRIPT_TLS, false, true},
    {"timeout", SCRIPT_TIMEOUT, false, false},
    {"shutdown", SCRIPT_SHUTDOWN, false, false},
    {"answer", SCRIPT_ANSWER, false, true},
    {"close", SCRIPT_CLOSE, false, false},
    {"open", SCRIPT_OPEN, false, false},
    {"stored", SCRIPT_STORED, true, false},
    {"aborted", SCRIPT_ABORTED, true, false},
    {"message", SCRIPT_MESSAGE, true, false},
    {"flags", SCRIPT_FLAGS, true, false},
    {"length", SCRIPT_LENGTH, true, false},
    {"from", SCRIPT_FROM, true, false},
    {"to", SCRIPT_TO, true, false},
};

static struct smtp_action *
add(struct smtp_script *s, enum smtp_script_verb verb, unsigned line)
{
	if (s->count == s->cap) {
		s->cap = s->cap == 0 ? 64 : s->cap * 2;
		s->actions = mem_realloc_array(s->actions, s->cap, sizeof *s->actions);
	}
	s->actions[s->count] = (struct smtp_action){.verb = verb, .line = line, .word = ""};
	return &s->actions[s->count++];
}

/* unescape: \r \n \t \0 \\ \xHH; anything else stands for itself. */
static bool
unescape(struct buf *out, const char *text)
{
	for (const char *c = text; *c != '\0'; c++) {
		uint8_t byte = (uint8_t)*c;

		if (*c != '\\') {
			buf_append_byte(out, byte);
			continue;
		}
		switch (*++c) {
		case 'r':
			byte = '\r';
			break;
		case 'n':
			byte = '\n';
			break;
		case 't':
			byte = '\t';
			break;
		case '0':
			byte = 0;
			break;
		case '\\':
			byte = '\\';
			break;
		case 'x':
			if (!text_hex_parse(&byte, 1, bytes_slice(bytes_of_str(c), 1, 2)))
				return false;
			c += 2;
			break;
		default:
			return false;
		}
		buf_append_byte(out, byte);
	}
	return true;
}

/* dialogue: "C: text", "c: text", "S: text", each with an optional "*count" before the colon. */
static bool
dialogue(struct smtp_script *s, const char *line, unsigned number)
{
	bool server = line[0] == 'S', crlf = line[0] != 'c';
	const char *colon = strchr(line, ':');
	struct smtp_action *a;
	uint64_t times = 1;
	struct buf once, all;
	bool good = false;

	if (colon == NULL || (colon[1] != ' ' && colon[1] != '\0'))
		return false;
	if (line[1] == '*' &&
	    !text_u64_parse(&times, bytes_of(line + 2, (size_t)(colon - line - 2))))
		return false;
	if (line[1] != '*' && colon != line + 1)
		return false;
	buf_init(&once, TEXT_BYTES_MAX);
	buf_init(&all, TEXT_BYTES_MAX);
	if (!unescape(&once, colon[1] == ' ' ? colon + 2 : ""))
		goto out;
	if (crlf)
		buf_append_str(&once, "\r\n");
	for (uint64_t i = 0; i < times; i++)
		buf_append(&all, buf_view(&once));
	a = add(s, server ? SCRIPT_SERVER : SCRIPT_CLIENT, number);
	a->text = arena_bytes(&s->arena, buf_view(&all));
	good = !all.failed;
out:
	buf_fini(&once);
	buf_fini(&all);
	return good;
}

static bool
directive(struct smtp_script *s, const char *line, unsigned number)
{
	size_t len = strcspn(line, " "), i = 0;
	const char *rest = line + len + (line[len] == ' ');
	struct smtp_action *a;
	struct buf text;
	char *end;
	bool good;

	while (i < sizeof verbs / sizeof verbs[0] &&
	       (strlen(verbs[i].name) != len || strncmp(verbs[i].name, line, len) != 0))
		i++;
	if (i == sizeof verbs / sizeof verbs[0])
		return false;
	a = add(s, verbs[i].verb, number);
	if (verbs[i].number) {
		a->number = strtoul(rest, &end, 10);
		if (end == rest)
			return false;
		rest = *end == ' ' ? end + 1 : end;
	} else if (verbs[i].word) {
		size_t word = strcspn(rest, " ");

		a->word = arena_text(&s->arena, bytes_of(rest, word));
		rest += word + (rest[word] == ' ');
	}
	buf_init(&text, TEXT_BYTES_MAX);
	good = unescape(&text, rest);
	a->text = arena_bytes(&s->arena, buf_view(&text));
	buf_fini(&text);
	return good;
}

bool
smtp_script_read(struct smtp_script *out, const char *folder, const char *name)
{
	char path[1024], line[4096];
	unsigned number = 0;
	bool good = true;
	FILE *f;

	*out = (struct smtp_script){0};
	arena_init(&out->arena);
	out->name = arena_strdup(&out->arena, name);
	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	f = fopen(path, "r");
	if (f == NULL) {
		perror(path);
		return false;
	}
	while (good && fgets(line, sizeof line, f) != NULL) {
		number++;
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '\0' || line[0] == '#')
			continue;
		if (strchr("CcS", line[0]) != NULL && (line[1] == ':' || line[1] == '*'))
			good = dialogue(out, line, number);
		else
			good = directive(out, line, number);
	}
	(void)fclose(f);
	if (!good)
		fprintf(stderr, "%s:%u: not understood: %s\n", name, number, line);
	return good;
}

void
smtp_script_free(struct smtp_script *script)
{
	mem_free(script->actions);
	arena_fini(&script->arena);
	*script = (struct smtp_script){0};
}
