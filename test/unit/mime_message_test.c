/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base_limits.h"
#include "mime_header.h"
#include "mime_message.h"

/* A tree as text: "multipart/mixed(text/plain message/rfc822(text/html))". */
static size_t
draw(const struct mime_message *m, size_t i, struct buf *out)
{
	size_t next = i + 1;
	bool first = true;

	buf_printf(out, "%.*s/%.*s", (int)m->parts[i].type.len, (const char *)m->parts[i].type.ptr,
	    (int)m->parts[i].subtype.len, (const char *)m->parts[i].subtype.ptr);
	while (next < m->part_count && m->parts[next].parent == i) {
		buf_append_str(out, first ? "(" : " ");
		first = false;
		next = draw(m, next, out);
	}
	if (!first)
		buf_append_str(out, ")");
	return next;
}

#define MULTI "Content-Type: multipart/mixed; boundary=b\r\n\r\n"

static void
trees(void **state)
{
	static const struct {
		const char *name, *message, *tree;
		uint32_t flags;
		bool attachments;
	} rows[] = {
	    {"plain", "Subject: x\r\n\r\nbody\r\n", "text/plain", 0, false},
	    {"empty", "", "text/plain", 0, false},
	    {"header only", "Subject: x\r\n", "text/plain", 0, false},
	    {"two parts",
		MULTI "pre\r\n--b\r\n\r\none\r\n--b\r\nContent-Type: "
		      "text/html\r\n\r\ntwo\r\n--b--\r\nepi",
		"multipart/mixed(text/plain text/html)", 0, false},
	    {"never closed", MULTI "--b\r\n\r\none\r\n", "multipart/mixed(text/plain)",
		MIME_FLAG_MALFORMED, false},
	    {"no boundary", "Content-Type: multipart/mixed\r\n\r\n--b\r\n\r\nx", "multipart/mixed",
		MIME_FLAG_MALFORMED, false},
	    {"a message inside",
		MULTI
		"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\ntext\r\n--b--\r\n",
		"multipart/mixed(message/rfc822(text/plain))", 0, true},
	    {"an attachment",
		MULTI
		"--b\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nx\r\n--b--\r\n",
		"multipart/mixed(text/plain)", 0, true},
	    {"an image in HTML",
		"Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: "
		"text/html\r\n\r\nx\r\n"
		"--b\r\nContent-Type: image/png; name=a.png\r\nContent-ID: "
		"<a>\r\n\r\nx\r\n--b--\r\n",
		"multipart/related(text/html image/png)", 0, false},
	    {"bare line feeds", "Subject: x\n\nbody\n", "text/plain", MIME_FLAG_BARE_LF, false},
	    {"bare carriage return", "Subject: x\r\n\r\nbo\rdy", "text/plain", MIME_FLAG_BARE_CR,
		false},
	    {"8-bit header", "Subject: \xE4\r\n\r\n", "text/plain", MIME_FLAG_8BIT_HEADER, false},
	    {"inner ends with its header",
		"Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: "
		"multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\n--o--\r\n",
		"multipart/mixed(multipart/mixed(text/plain))", MIME_FLAG_MALFORMED, false},
	    {"delimiter like a field",
		"Content-Type: multipart/mixed; boundary=\"b:1\"\r\n\r\n--b:1\r\nX: "
		"y\r\n--b:1\r\n\r\nz\r\n--b:1--\r\n",
		"multipart/mixed(text/plain text/plain)", MIME_FLAG_MALFORMED, false},
	    {"digest",
		"Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: "
		"x\r\n\r\ny\r\n--b--\r\n",
		"multipart/digest(message/rfc822(text/plain))", 0, true},
	    {"semicolon forgotten",
		"Content-Type: multipart/mixed boundary=b\r\n\r\n--b\r\n\r\nz\r\n--b--\r\n",
		"multipart/mixed(text/plain)", 0, false},
	    {"mailbox separator", "From a@b Tue Nov 24\r\nContent-Type: text/html\r\n\r\nx",
		"text/html", 0, false},
	    {"inner delimiter of the outer",
		"Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: "
		"multipart/alternative; boundary=i\r\n\r\n"
		"--i\r\n\r\none\r\n--o\r\n\r\ntwo\r\n--o--\r\n",
		"multipart/mixed(multipart/alternative(text/plain) text/plain)",
		MIME_FLAG_MALFORMED, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mime_message m;
		struct arena arena;
		struct buf tree;

		print_message("%s\n", rows[i].name);
		arena_init(&arena);
		buf_init(&tree, 4096);
		mime_message_scan(&arena, bytes_of_str(rows[i].message), &m);
		(void)draw(&m, 0, &tree);
		assert_string_equal(buf_text(&tree), rows[i].tree);
		assert_int_equal(m.flags, rows[i].flags);
		assert_int_equal(m.has_attachments, rows[i].attachments);
		buf_fini(&tree);
		arena_fini(&arena);
	}
}

static void
decoded(void **state)
{
	static const struct {
		const char *name, *raw, *want;
	} rows[] = {
	    {"plain", " hello ", "hello"},
	    {"folded", " one\r\n  two", "one two"},
	    {"Q word", "=?iso-8859-1?Q?M=FCnchen:_new?=", "M\xC3\xBCnchen: new"},
	    {"B word", "=?utf-8?B?5ZCI5ZCM?= v3", "\xE5\x90\x88\xE5\x90\x8C v3"},
	    {"neighbours join", "=?utf-8?Q?a?= =?utf-8?Q?b?=", "ab"},
	    {"a character cut in two", "=?utf-8?Q?=C3?= =?utf-8?Q?=BC?=", "\xC3\xBC"},
	    {"unknown charset stays", "=?x-none?Q?a?=", "=?x-none?Q?a?="},
	    {"not a word", "=?utf-8?X?a?=", "=?utf-8?X?a?="},
	    {"8-bit within a word", "=?iso-8859-1?Q?Fr\xF6sche?=", "Fr\xC3\xB6sche"},
	    {"8-bit beside a word", "\xE4 =?utf-8?Q?a?=", "\xC3\xA4 a"},
	    {"language", "=?utf-8*en?Q?a?=", "a"},
	    {"raw windows-1252", "caf\xE9", "caf\xC3\xA9"},
	    {"controls", "a\x01z", "a z"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct arena arena;

		print_message("%s\n", rows[i].name);
		arena_init(&arena);
		assert_string_equal(
		    arena_text(&arena, mime_field_decode(&arena, bytes_of_str(rows[i].raw))),
		    rows[i].want);
		arena_fini(&arena);
	}
}

static void
addresses(void **state)
{
	static const struct {
		const char *name, *raw, *want;
	} rows[] = {
	    {"bare", "a@b.c", "|a@b.c"},
	    {"name", "Ann B <a@b.c>", "Ann B|a@b.c"},
	    {"quoted name with comma", "\"B, Ann\" <a@b.c>, d@e.f", "B, Ann|a@b.c;|d@e.f"},
	    {"comment as name", "a@b.c (Ann)", "Ann|a@b.c"},
	    {"group", "team: a@b.c, d@e.f;", "|a@b.c;|d@e.f"},
	    {"empty group", "undisclosed-recipients:;", ""},
	    {"route", "<@x,@y:a@b.c>", "|a@b.c"},
	    {"encoded name", "=?utf-8?Q?J=C3=BCrg?= <j@b.c>", "J\xC3\xBCrg|j@b.c"},
	    {"encoded name in quotes", "\"=?utf-8?Q?J=C3=BCrg?=\" <j@b.c>", "J\xC3\xBCrg|j@b.c"},
	    {"quoted local part", "\"a b\"@c.d", "|\"a b\"@c.d"},
	    {"null", "<>", "|"},
	    {"never closed", "Ann <a@b.c", "Ann|a@b.c"},
	    {"bracket never closed", "Ann <a@b.c, d@e.f", "Ann|a@b.c;|d@e.f"},
	    {"quote never closed", "\"Ann <a@b.c>, d@e.f", "\"Ann|a@b.c;|d@e.f"},
	    {"comment never closed", "a@b.c (Ann, d@e.f", "|a@b.c;|d@e.f"},
	    {"words alone", "undisclosed recipients", "undisclosed recipients|"},
	    {"one word", "root", "|root"},
	    {"name without brackets", "Ann Bee a@b.c", "Ann Bee|a@b.c"},
	    {"obsolete spaces", "a @ b . c", "|a@b.c"},
	    {"comments inside", "a(x)@(y)b.c", "xy|a@b.c"},
	    {"comma forgotten", "A <a@b.c> <d@e.f>", "A|a@b.c;|d@e.f"},
	    {"semicolons", "a@b.c; d@e.f", "|a@b.c;|d@e.f"},
	    {"IPv6 literal", "a@[IPv6:::1], d@e.f", "|a@[IPv6:::1];|d@e.f"},
	    {"8-bit name", "J\xF6rg <j@b.c>", "J\xC3\xB6rg|j@b.c"},
	    {"controls in a name", "\"a\x01z\" <j@b.c>", "a z|j@b.c"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mime_address *list;
		struct arena arena;
		struct buf text;
		size_t n;

		print_message("%s\n", rows[i].name);
		arena_init(&arena);
		buf_init(&text, 4096);
		n = mime_address_parse(&arena, bytes_of_str(rows[i].raw), &list, NULL);
		for (size_t k = 0; k < n; k++)
			buf_printf(&text, "%s%s|%s", k > 0 ? ";" : "",
			    arena_text(&arena, list[k].display),
			    arena_text(&arena, list[k].address));
		assert_string_equal(buf_text(&text), rows[i].want);
		buf_fini(&text);
		arena_fini(&arena);
	}
}

/* What a part's header and content say. */
static void
contents(void **state)
{
	static const struct {
		const char *name, *header, *body, *filename, *text;
	} rows[] = {
	    {"RFC 2231 charset", "Content-Disposition: a; filename*=iso-8859-1'de'%FC.txt", "x",
		"\xC3\xBC.txt", "x"},
	    {"RFC 2231 sections",
		"Content-Disposition: a; filename*1=\"b.txt\"; filename*0*=utf-8''%C3%BC", "x",
		"\xC3\xBC\x62.txt", "x"},
	    {"a section twice, and plain",
		"Content-Disposition: a; filename*0=a; filename=z; filename*0=y; filename*1=b", "x",
		"ab", "x"},
	    {"extended wins", "Content-Disposition: a; filename=old; filename*=utf-8''new", "x",
		"new", "x"},
	    {"encoded word", "Content-Disposition: a; filename=\"=?utf-8?Q?=C3=BC?=\"", "x",
		"\xC3\xBC", "x"},
	    {"folder names", "Content-Disposition: a; filename=\"C:\\T\\n.png\"", "x",
		"C:\\T\\n.png", "x"},
	    {"quote within", "Content-Disposition: a; filename=\"a\\\"b\"", "x", "a\"b", "x"},
	    {"spaces unquoted", "Content-Disposition: a; filename=a b.txt", "x", "a b.txt", "x"},
	    {"double semicolon", "Content-Disposition: a;; filename=a", "x", "a", "x"},
	    {"name of the type", "Content-Type: text/plain; name=a", "x", "a", "x"},
	    {"base64 with line ends and dirt", "Content-Transfer-Encoding: base64",
		"SGV!s\r\nbG8=", "", "Hello"},
	    {"base64 in pieces", "Content-Transfer-Encoding: base64", "SGU=bGxv", "", "Hello"},
	    {"base64 cut short", "Content-Transfer-Encoding: base64", "SGVsbG8", "", "Hello"},
	    {"quoted-printable", "Content-Transfer-Encoding: quoted-printable",
		"a=3Db= \r\nc=ZZ=", "", "a=bc=ZZ"},
	    {"uuencode", "Content-Transfer-Encoding: x-uuencode",
		"begin 644 a\r\n#0V%T\r\n`\r\nend\r\n", "", "Cat"},
	    {"Latin-1", "Content-Type: text/plain; charset=iso-8859-1", "\xE4\x80", "",
		"\xC3\xA4\xE2\x82\xAC"},
	    {"Shift JIS", "Content-Type: text/plain; charset=Shift_JIS", "\x82\xA0", "",
		"\xE3\x81\x82"},
	    {"no charset, UTF-8", "X: y", "\xC3\xA4", "", "\xC3\xA4"},
	    {"no charset, 8-bit", "X: y", "\xE4", "", "\xC3\xA4"},
	    {"unknown charset", "Content-Type: text/plain; charset=../x", "\xE4", "", "\xC3\xA4"},
	    {"ASCII that is not", "Content-Type: text/plain; charset=us-ascii", "\xC3\xA4", "",
		"\xC3\xA4"},
	    {"UTF-8 that is not", "Content-Type: text/plain; charset=utf-8", "a\xE4", "",
		"a\xEF\xBF\xBD"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mime_message m;
		struct arena arena;
		struct buf all, text;

		print_message("%s\n", rows[i].name);
		arena_init(&arena);
		buf_init(&all, 4096);
		buf_init(&text, 4096);
		buf_printf(&all, "%s\r\n\r\n%s", rows[i].header, rows[i].body);
		mime_message_scan(&arena, buf_view(&all), &m);
		assert_string_equal(arena_text(&arena, m.parts[0].filename), rows[i].filename);
		mime_part_text(&m, &m.parts[0], &text);
		assert_string_equal(buf_text(&text), rows[i].text);
		buf_fini(&text);
		buf_fini(&all);
		arena_fini(&arena);
	}
}

static void
forwarded_text(void **state)
{
	struct bytes message =
	    BYTES_LIT("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: "
		      "text/html\r\n\r\nmine\r\n--b\r\nContent-Type: "
		      "message/rfc822\r\n\r\nX: y\r\n\r\ntheirs\r\n--b--\r\n");
	struct mime_message m;
	struct arena arena;
	struct buf text;

	(void)state;
	arena_init(&arena);
	buf_init(&text, 100);
	mime_message_scan(&arena, message, &m);
	assert_false(mime_message_text(&m, &text));
	assert_true(mime_message_html(&m, &text));
	assert_string_equal(buf_text(&text), "mine");
	buf_fini(&text);
	arena_fini(&arena);
}

/* Messages made to be slow: each is large enough that anything worse than linear would not end. */
static void
bombs(void **state)
{
	static const struct {
		const char *name, *head, *unit;
		size_t count;
	} rows[] = {
	    {"nested multiparts", "Content-Type: multipart/mixed; boundary=b\r\n\r\n",
		"--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n", 200000},
	    {"messages in messages", "", "Content-Type: message/rfc822\r\n\r\n", 200000},
	    {"folds", "Subject: a\r\n", " a\r\n", 1000000},
	    {"parameters", "Content-Type: a/b", ";x", 500000},
	    {"fields", "", "X: y\r\n", 1000000},
	    {"encoded words", "Subject: ", "=?utf-8?Q?a?= ", 500000},
	    {"almost encoded words", "Subject: ", "=?utf-8?", 500000},
	    {"open parentheses", "To: ", "(", 1000000},
	    {"open quotes", "To: \"", "a\\\"", 500000},
	    {"open brackets", "To: ", "<", 1000000},
	    {"words without commas", "To: ", "a ", 1000000},
	    {"short lines", "Content-Type: multipart/mixed; boundary=b\r\n\r\n", "-\n", 1000000},
	    {"delimiters like fields", "Content-Type: multipart/mixed; boundary=\"a:b\"\r\n\r\n",
		"--a:b\r\n", 300000},
	    {"dashes", "Content-Type: multipart/mixed; boundary=bbbbbbbbbbbbbbbbbbbbbbbbc\r\n\r\n",
		"--bbbbbbbbbbbbbbbbbbbbbbbbb\r\n", 300000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mime_message m;
		struct mime_field f;
		struct arena arena;
		struct buf text;
		bool limited;
		struct mime_address *list;

		print_message("%s\n", rows[i].name);
		arena_init(&arena);
		buf_init(&text, 64 * LIMIT_MIB);
		buf_append_str(&text, rows[i].head);
		for (size_t k = 0; k < rows[i].count; k++)
			buf_append_str(&text, rows[i].unit);
		mime_message_scan(&arena, buf_view(&text), &m);
		assert_true(m.part_count >= 1 && m.part_count <= MIME_PARTS_MAX);
		(void)mime_address_parse(&arena, buf_view(&text), &list, &limited);
		(void)mime_field_decode(&arena, buf_view(&text));
		(void)mime_header_find(buf_view(&text), "No-Such-Field", &f);
		buf_fini(&text);
		arena_fini(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(trees), cmocka_unit_test(decoded),
	    cmocka_unit_test(addresses), cmocka_unit_test(contents),
	    cmocka_unit_test(forwarded_text), cmocka_unit_test(bombs)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
