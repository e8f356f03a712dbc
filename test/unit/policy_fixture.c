/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base_arena.h"
#include "policy_fixture.h"

struct json *
policy_fixture_parse(const char *text)
{
	struct arena arena;
	struct json *out;
	struct err err;
	char *copy;

	arena_init(&arena);
	copy = arena_strdup(&arena, text);
	for (char *p = copy; *p != '\0'; p++)
		if (*p == '\'')
			*p = '"';
	out = json_parse(bytes_of_str(copy), &err);
	if (out == NULL)
		fail_msg("%s: %s", text, err.msg);
	arena_fini(&arena);
	return out;
}
