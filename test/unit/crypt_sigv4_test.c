/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SigV4 arithmetic: our own edge cases, and the published signing cases where they are at hand
 * ($DAYBOOK_SHARED/vectors/sigv4, by default ../shared/vectors/sigv4 beside the source tree).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>

#include <cmocka.h>

#include "base_mem.h"
#include "base_text.h"
#include "crypt_digest.h"
#include "crypt_sigv4.h"

#define SECRET_KEY     "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define CASES_EXPECTED 38
#define HEADERS_MAX    32

static const struct crypt_sigv4_scope CASE_SCOPE = {{(const uint8_t *)"20150830", 8},
    {(const uint8_t *)"us-east-1", 9}, {(const uint8_t *)"service", 7}};

/* The whole file, without a newline at its very end. */
static struct bytes
case_read(struct arena *arena, const char *folder, const char *name)
{
	char *path = arena_printf(arena, "%s/%s", folder, name);
	FILE *f = fopen(path, "rb");
	uint8_t *data = arena_alloc(arena, 16384);
	size_t len;

	if (f == NULL)
		fail_msg("%s is missing", path);
	len = fread(data, 1, 16384, f);
	(void)fclose(f);
	return bytes_of(data, len);
}

struct parsed {
	struct crypt_sigv4_request request;
	struct crypt_sigv4_header headers[HEADERS_MAX];
	struct bytes body, authorization;
};

static struct bytes
line_next(struct bytes *left)
{
	size_t end = bytes_find_byte(*left, 0, '\n');
	struct bytes line = bytes_slice(*left, 0, end);

	*left = end == SIZE_MAX ? BYTES_EMPTY : bytes_slice(*left, end + 1, left->len);
	return line;
}

/* Reads a request file of the cases: lines end with LF, folded lines belong to the value before them. */
static void
case_parse(struct parsed *p, struct bytes text)
{
	struct bytes line = line_next(&text);
	size_t first = bytes_find_byte(line, 0, ' '), last = line.len - strlen(" HTTP/1.1"),
	       count = 0;

	memset(p, 0, sizeof *p);
	p->request.method = bytes_slice(line, 0, first);
	p->request.target = bytes_slice(line, first + 1, last - first - 1);
	for (line = line_next(&text); line.len > 0; line = line_next(&text)) {
		size_t colon = bytes_find_byte(line, 0, ':');
		struct bytes name = bytes_slice(line, 0, colon);

		if (line.ptr[0] == ' ') {
			p->headers[count - 1].value.len =
			    (size_t)(line.ptr + line.len - p->headers[count - 1].value.ptr);
			continue;
		}
		if (bytes_equal(name, BYTES_LIT("Authorization"))) {
			p->authorization = bytes_slice(line, colon + 1, line.len);
			continue;
		}
		assert_true(count < HEADERS_MAX);
		p->headers[count].name = name;
		p->headers[count++].value = bytes_slice(line, colon + 1, line.len);
	}
	p->request.headers = p->headers;
	p->request.header_count = count;
	p->body = text;
}

static struct bytes
between(struct bytes text, const char *before, const char *after)
{
	size_t from = bytes_find(text, 0, bytes_of_str(before)), end;

	assert_int_not_equal(from, SIZE_MAX);
	from += strlen(before);
	end = bytes_find(text, from, bytes_of_str(after));
	return bytes_slice(text, from, end == SIZE_MAX ? text.len : end - from);
}

static void
expect(struct bytes got, struct bytes want, const char *what)
{
	if (!bytes_equal(got, want))
		fail_msg("%s:\n%.*s\n-- expected:\n%.*s", what, (int)got.len, (const char *)got.ptr,
		    (int)want.len, (const char *)want.ptr);
}

/* The session token's parameter cut out of the query: some cases add it after signing. */
static struct bytes
target_without_token(struct arena *arena, struct bytes target)
{
	size_t from = bytes_find(target, 0, BYTES_LIT("&X-Amz-Security-Token="));
	size_t end = bytes_find_byte(target, from + 1, '&');

	return bytes_of_str(arena_printf(arena, "%.*s%.*s", (int)from, (const char *)target.ptr,
	    (int)(target.len - end), (const char *)target.ptr + end));
}

/* One case in one form: "header" or "query". */
static void
case_run(const char *folder, bool query, bool normalize)
{
	const char *form = query ? "query" : "header";
	struct arena arena;
	struct parsed p;
	struct buf canonical, to_sign;
	struct bytes list, context;
	uint8_t digest[CRYPT_SHA256_BYTES];
	char hex[65], signature[65];
	struct err err;
	bool late_token;

	arena_init(&arena);
	buf_init(&canonical, 65536);
	buf_init(&to_sign, 65536);
	context = case_read(&arena, folder, "context.json");
	assert_int_not_equal(bytes_find(context, 0, BYTES_LIT(SECRET_KEY)), SIZE_MAX);
	case_parse(
	    &p, case_read(&arena, folder, arena_printf(&arena, "%s-signed-request.txt", form)));
	crypt_sha256(digest, bytes_find(context, 0, BYTES_LIT("\"sign_body\": true")) != SIZE_MAX
				 ? p.body
				 : BYTES_EMPTY);
	text_hex_format(hex, bytes_of(digest, sizeof digest));
	p.request.payload_hash = bytes_of_str(hex);
	late_token = bytes_find(context, 0, BYTES_LIT("\"omit_session_token\": true")) != SIZE_MAX;
	if (query && late_token)
		p.request.target = target_without_token(&arena, p.request.target);
	p.request.normalize_path = normalize;
	if (query) {
		char *names =
		    arena_text(&arena, between(p.request.target, "X-Amz-SignedHeaders=", "&"));
		char *to = names;

		for (const char *from = names; *from != '\0'; from++)
			if (strncmp(from, "%3B", 3) == 0) {
				*to++ = ';';
				from += 2;
			} else {
				*to++ = *from;
			}
		*to = '\0';
		list = bytes_of_str(names);
	} else {
		list = between(p.authorization, "SignedHeaders=", ",");
	}
	if (!crypt_sigv4_canonical(&p.request, list, query, &canonical, &err))
		fail_msg("%s: %s", folder, err.msg);
	expect(buf_view(&canonical),
	    case_read(&arena, folder, arena_printf(&arena, "%s-canonical-request.txt", form)),
	    folder);
	crypt_sigv4_string_to_sign(
	    buf_view(&canonical), BYTES_LIT("20150830T123600Z"), &CASE_SCOPE, &to_sign);
	expect(buf_view(&to_sign),
	    case_read(&arena, folder, arena_printf(&arena, "%s-string-to-sign.txt", form)), folder);
	crypt_sigv4_signature(signature, BYTES_LIT(SECRET_KEY), &CASE_SCOPE, buf_view(&to_sign));
	expect(bytes_of_str(signature),
	    case_read(&arena, folder, arena_printf(&arena, "%s-signature.txt", form)), folder);
	if (!query && !late_token) {
		struct buf value;

		buf_init(&value, 4096);
		assert_true(crypt_sigv4_sign_header(&p.request, BYTES_LIT("AKIDEXAMPLE"),
		    BYTES_LIT(SECRET_KEY), BYTES_LIT("20150830T123600Z"), &CASE_SCOPE, &value,
		    &err));
		expect(buf_view(&value), p.authorization, folder);
		buf_fini(&value);
	}
	buf_fini(&canonical);
	buf_fini(&to_sign);
	arena_fini(&arena);
}

static const char *cases_folder; /* set by main before the tests run */

static void
published_cases_are_met(void **state)
{
	DIR *dir = opendir(cases_folder);
	struct dirent *entry;
	size_t count = 0;

	(void)state;
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		struct arena arena;
		char *folder;
		struct bytes context;
		bool normalize;

		if (entry->d_name[0] == '.')
			continue;
		arena_init(&arena);
		folder = arena_printf(&arena, "%s/%s", cases_folder, entry->d_name);
		context = case_read(&arena, folder, "context.json");
		normalize = bytes_find(context, 0, BYTES_LIT("\"normalize\": true")) != SIZE_MAX;
		case_run(folder, false, normalize);
		case_run(folder, true, normalize);
		arena_fini(&arena);
		count++;
	}
	(void)closedir(dir);
	print_message("  %zu cases, header and query form\n", count);
	assert_int_equal(count, CASES_EXPECTED);
}

static const struct crypt_sigv4_header HOST[] = {
    {{(const uint8_t *)"Host", 4}, {(const uint8_t *)" a  b\t", 6}}};

static const struct {
	const char *name, *target;
	bool normalize;
	const char *path, *query; /* NULL: refused */
} TARGETS[] = {
    {"root", "/", true, "/", ""},
    {"dots above the root", "/../../a", true, "/a", ""},
    {"dot dot after two", "/a/b/..", true, "/a", ""},
    {"dot dot with slash", "/a/b/../", true, "/a/", ""},
    {"dots that are names", "/.../..a", true, "/.../..a", ""},
    {"encoded dots are no dots", "/%2e%2e/admin", true, "/%252e%252e/admin", ""},
    {"encoded slash", "/a%2Fb", true, "/a%252Fb", ""},
    {"encoded slash, S3", "/a%2Fb", false, "/a%2Fb", ""},
    {"S3 keeps dots and slashes", "//a/../b", false, "//a/../b", ""},
    {"S3 decodes once", "/a%20b%41", false, "/a%20bA", ""},
    {"plus in a path", "/a+b", true, "/a%2Bb", ""},
    {"bad percent in a path, S3", "/a%2", false, NULL, NULL},
    {"empty query", "/?", true, "/", ""},
    {"only separators", "/?&&", true, "/", ""},
    {"name without value", "/?b&a", true, "/", "a=&b="},
    {"values sort after names", "/?a=2&a=1&a-=0", true, "/", "a=1&a=2&a-=0"},
    {"duplicates are kept", "/?a=1&a=1", true, "/", "a=1&a=1"},
    {"second equals sign", "/?a=b=c", true, "/", "a=b%3Dc"},
    {"plus is a plus", "/?a=1+2", true, "/", "a=1%2B2"},
    {"percent of either case", "/?a=%3b%3B", true, "/", "a=%3B%3B"},
    {"encoded letters are decoded", "/?%41=%7e", true, "/", "A=~"},
    {"question mark in the query", "/?a=?", true, "/", "a=%3F"},
    {"bad percent in a query", "/?a=%zz", true, NULL, NULL},
    {"cut percent in a query", "/?a=%4", true, NULL, NULL},
    {"no slash", "a", true, NULL, NULL},
    {"absolute form", "http://h/", true, NULL, NULL},
    {"empty", "", true, NULL, NULL},
    {"control character", "/a\x01", true, NULL, NULL},
    {"delete", "/a\x7f", true, NULL, NULL},
};

static void
targets_become_canonical(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof TARGETS / sizeof *TARGETS; i++) {
		struct crypt_sigv4_request r = {BYTES_LIT("GET"), bytes_of_str(TARGETS[i].target),
		    HOST, 1, BYTES_LIT("H"), TARGETS[i].normalize};
		char want[256];
		struct buf out;
		struct err err;
		bool ok;

		print_message("  %s\n", TARGETS[i].name);
		buf_init(&out, 4096);
		ok = crypt_sigv4_canonical(&r, BYTES_LIT("host"), false, &out, &err);
		if (TARGETS[i].path == NULL) {
			assert_false(ok);
			assert_int_equal(err.code, ERR_SYNTAX);
		} else {
			assert_true(ok);
			(void)snprintf(want, sizeof want, "GET\n%s\n%s\nhost:a b\n\nhost\nH",
			    TARGETS[i].path, TARGETS[i].query);
			assert_string_equal(buf_text(&out), want);
		}
		buf_fini(&out);
	}
}

static const struct {
	const char *name, *list;
	bool good;
} LISTS[] = {
    {"one", "host", true},
    {"two", "host;x-amz-date", true},
    {"unsorted", "x-amz-date;host", false},
    {"twice", "host;host", false},
    {"capital", "Host", false},
    {"empty", "", false},
    {"empty name", "host;", false},
    {"empty first name", ";host", false},
    {"absent header", "host;x-absent", false},
    {"blank", "host; x-amz-date", false},
    {"newline", "host\n", false},
};

static void
signed_header_lists_are_checked(void **state)
{
	struct crypt_sigv4_header headers[] = {
	    {BYTES_LIT("HOST"), BYTES_LIT("h")}, {BYTES_LIT("X-Amz-Date"), BYTES_LIT("d")}};
	struct crypt_sigv4_request r = {
	    BYTES_LIT("POST"), BYTES_LIT("/"), headers, 2, BYTES_LIT("H"), true};

	(void)state;
	for (size_t i = 0; i < sizeof LISTS / sizeof *LISTS; i++) {
		struct buf out;
		struct err err;

		print_message("  %s\n", LISTS[i].name);
		buf_init(&out, 4096);
		assert_int_equal(
		    crypt_sigv4_canonical(&r, bytes_of_str(LISTS[i].list), false, &out, &err),
		    LISTS[i].good);
		buf_fini(&out);
	}
}

static void
presigned_query_has_one_signature(void **state)
{
	static const char *const TARGET[] = {
	    "/?a=1", "/?X-Amz-Signature=1", "/?X-Amz-Signature=1&X-Amz-Signature=2"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct crypt_sigv4_request r = {
		    BYTES_LIT("GET"), bytes_of_str(TARGET[i]), HOST, 1, BYTES_LIT("H"), true};
		struct buf out;
		struct err err;

		buf_init(&out, 4096);
		assert_int_equal(
		    crypt_sigv4_canonical(&r, BYTES_LIT("host"), true, &out, &err), i == 1);
		buf_fini(&out);
	}
}

static void
limits_hold(void **state)
{
	struct crypt_sigv4_request r = {
	    BYTES_LIT("GET"), BYTES_LIT("/a"), HOST, 1, BYTES_LIT("H"), true};
	char *target = mem_alloc(20000);
	struct buf out;
	struct err err;

	(void)state;
	buf_init(&out, 10);
	assert_false(crypt_sigv4_canonical(&r, BYTES_LIT("host"), false, &out, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	buf_fini(&out);
	memset(target, '/', 20000);
	r.target = bytes_of(target, 20000);
	buf_init(&out, 100000);
	assert_false(crypt_sigv4_canonical(&r, BYTES_LIT("host"), false, &out, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	buf_fini(&out);
	mem_free(target);
}

int
main(void)
{
	const struct CMUnitTest own[] = {
	    cmocka_unit_test(targets_become_canonical),
	    cmocka_unit_test(signed_header_lists_are_checked),
	    cmocka_unit_test(presigned_query_has_one_signature),
	    cmocka_unit_test(limits_hold),
	};
	const struct CMUnitTest published[] = {cmocka_unit_test(published_cases_are_met)};
	const char *shared = getenv("DAYBOOK_SHARED");
	static char folder[4096];
	DIR *dir;
	int failed = cmocka_run_group_tests(own, NULL, NULL);

	if (failed != 0)
		return failed;
	(void)snprintf(
	    folder, sizeof folder, "%s/vectors/sigv4", shared != NULL ? shared : "../shared");
	dir = opendir(folder);
	if (dir == NULL) {
		(void)printf(
		    "skipped: the published cases, because %s is absent (set DAYBOOK_SHARED)\n",
		    folder);
		return 77;
	}
	(void)closedir(dir);
	cases_folder = folder;
	return cmocka_run_group_tests(published, NULL, NULL);
}
