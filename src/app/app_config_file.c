/* SPDX-License-Identifier: Apache-2.0 */
/* The file around the values: sections, lines, and where a problem is. Wraps inih. */
#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "app_config.h"
#include "base_mem.h"
#include "os_fs.h"

#define PROBLEM_BYTES_MAX 8192
#define KEY_SIZE          128
#define SEEN_MAX          256

struct parse {
	struct app_config *config;
	const char *name;
	struct bytes left;
	unsigned line;
	bool bad;
	app_problem_fn problem;
	void *ctx;
	char seen[SEEN_MAX][KEY_SIZE];
	size_t seen_count;
};

static void
tell(struct parse *p, unsigned line, const char *what)
{
	struct buf text;

	p->bad = true;
	buf_init(&text, PROBLEM_BYTES_MAX);
	buf_printf(&text, "%s:%u: %s", p->name, line, what);
	p->problem(p->ctx, buf_text(&text));
	buf_fini(&text);
}

/* inih asks for lines of at most size - 1 bytes. One that does not fit would be taken in pieces: it
 * is told and swallowed instead. */
static char *
next_line(char *out, int size, void *stream)
{
	struct parse *p = stream;
	size_t end, len;

	if (p->left.len == 0)
		return NULL;
	p->line++;
	end = bytes_find_byte(p->left, 0, '\n');
	len = end == SIZE_MAX ? p->left.len : end;
	if (len + 2 > (size_t)size) {
		tell(p, p->line, "the line is too long");
		(void)snprintf(out, (size_t)size, "\n");
	} else {
		memcpy(out, p->left.ptr, len);
		memcpy(out + len, "\n", 2);
	}
	p->left = bytes_slice(p->left, end == SIZE_MAX ? len : len + 1, SIZE_MAX);
	return out;
}

static bool
seen_before(struct parse *p, const char *key)
{
	for (size_t i = 0; i < p->seen_count; i++)
		if (strcmp(p->seen[i], key) == 0)
			return true;
	if (p->seen_count < SEEN_MAX)
		(void)snprintf(p->seen[p->seen_count++], KEY_SIZE, "%s", key);
	return false;
}

/* Goes on over several lines, which come as values of their own. */
static bool
is_list(const char *key)
{
	return strncmp(key, "keys.", 5) == 0 &&
	       bytes_ends_with(bytes_of_str(key), BYTES_LIT(".arns"));
}

static int
on_value(void *ctx, const char *section, const char *name, const char *value)
{
	struct parse *p = ctx;
	char key[KEY_SIZE], text[KEY_SIZE + 32];
	struct err err;

	if ((size_t)snprintf(key, sizeof key, "%s.%s", section, name) >= sizeof key) {
		tell(p, p->line, "the key is too long");
	} else if (!is_list(key) && seen_before(p, key)) {
		(void)snprintf(text, sizeof text, "%s is given twice", key);
		tell(p, p->line, text);
	} else if (!app_config_set(p->config, key, value, &err)) {
		tell(p, p->line, err.msg);
	}
	return 1;
}

bool
app_config_parse(
    struct app_config *c, const char *name, struct bytes text, app_problem_fn problem, void *ctx)
{
	struct parse *p = mem_calloc(1, sizeof *p);
	bool ok;
	int rc;

	p->config = c;
	p->name = name;
	p->left = text;
	p->problem = problem;
	p->ctx = ctx;
	if (text.len > APP_CONFIG_BYTES_MAX || bytes_find_byte(text, 0, '\0') != SIZE_MAX) {
		tell(p, 1, "this is no configuration file");
	} else {
		rc = ini_parse_stream(next_line, p, on_value, p);
		if (rc != 0)
			tell(p, rc > 0 ? (unsigned)rc : p->line,
			    "not \"key = value\", \"[section]\" or a comment");
	}
	ok = !p->bad;
	mem_free(p);
	return ok;
}

bool
app_config_load(struct app_config *c, const char *path, app_problem_fn problem, void *ctx)
{
	struct buf text;
	struct err err;
	bool ok;

	buf_init(&text, APP_CONFIG_BYTES_MAX);
	ok = os_fs_read_file(os_fs_real(), path, APP_CONFIG_BYTES_MAX, &text, &err);
	if (ok)
		ok = app_config_parse(c, path, buf_view(&text), problem, ctx);
	else
		problem(ctx, err.msg);
	buf_fini(&text);
	return ok;
}
