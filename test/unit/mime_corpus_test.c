/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages that parsers choke on: what always holds, holds for each; some are read to the letter.
 * They lie outside the tree ($DAYBOOK_SHARED/corpora, by default ../shared/corpora beside it);
 * skipped where they are absent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base_limits.h"
#include "mime_check.h"
#include "mime_header.h"
#include "mime_message.h"

#define PATH_SIZE    1024
#define SAMPLES_WANT 250 /* there are 296; fewer than this, and the walk is broken */
#define FILE_MAX     (64 * LIMIT_MIB)
#define TREE_BYTES   65536

static const char *const folders[] = {"james-mime4j", "mimekit", "stalwart-mail-parser"};

static void
root_of(char out[PATH_SIZE])
{
	const char *shared = getenv("DAYBOOK_SHARED");

	(void)snprintf(out, PATH_SIZE, "%s/corpora", shared != NULL ? shared : "../shared");
}

static bool
load(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "rb");
	char piece[4096];
	size_t n;

	if (f == NULL)
		return false;
	while ((n = fread(piece, 1, sizeof piece, f)) > 0)
		buf_append_mem(out, piece, n);
	(void)fclose(f);
	return !out->failed;
}

static size_t
draw(const struct mime_message *m, size_t i, struct buf *out)
{
	size_t next = i + 1;
	bool first = true;

	buf_append(out, m->parts[i].type);
	buf_append_byte(out, '/');
	buf_append(out, m->parts[i].subtype);
	while (next < m->part_count && m->parts[next].parent == i) {
		buf_append_str(out, first ? "(" : " ");
		first = false;
		next = draw(m, next, out);
	}
	if (!first)
		buf_append_str(out, ")");
	return next;
}

/* One line that says what was read: tree, flags, subject, and the attachments' names. */
static void
describe(struct arena *arena, const struct mime_message *m, struct buf *out)
{
	struct mime_field f;

	(void)draw(m, 0, out);
	buf_printf(out, "|%x%s|", m->flags, m->has_attachments ? "+" : "");
	if (mime_header_find(m->bytes, "Subject", &f))
		buf_append(out, mime_field_decode(arena, f.raw));
	buf_append_str(out, "|");
	for (size_t i = 0; i < m->part_count; i++) {
		if (m->parts[i].filename.len == 0)
			continue;
		buf_append(out, m->parts[i].filename);
		buf_append_str(out, ";");
	}
}

static void
check_file(const char *path)
{
	struct mime_message m;
	struct arena arena;
	struct buf file, line;

	buf_init(&file, FILE_MAX);
	buf_init(&line, TREE_BYTES);
	arena_init(&arena);
	assert_true(load(path, &file));
	mime_check_fields(buf_view(&file));
	mime_check_message(&arena, buf_view(&file), &m);
	for (size_t i = 0; i < m.part_count; i++) {
		struct bytes header = bytes_slice(m.bytes, m.parts[i].header_at, SIZE_MAX);
		struct mime_header_cursor c;
		struct mime_field f;

		mime_header_init(&c, header);
		while (mime_header_next(&c, &f))
			mime_check_addresses(f.raw);
	}
	describe(&arena, &m, &line);
	if (getenv("MIME_CORPUS_PRINT") != NULL)
		(void)printf("%s|%s\n", path, buf_text(&line));
	buf_fini(&line);
	buf_fini(&file);
	arena_fini(&arena);
}

static void
always(void **state)
{
	char root[PATH_SIZE], path[2 * PATH_SIZE];
	size_t count = 0;

	(void)state;
	root_of(root);
	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
		struct dirent *entry;
		DIR *dir;

		(void)snprintf(path, sizeof path, "%s/%s", root, folders[i]);
		dir = opendir(path);
		assert_non_null(dir);
		while ((entry = readdir(dir)) != NULL) {
			if (!bytes_ends_with(bytes_of_str(entry->d_name), BYTES_LIT(".eml")))
				continue;
			(void)snprintf(
			    path, sizeof path, "%s/%s/%s", root, folders[i], entry->d_name);
			check_file(path);
			count++;
		}
		(void)closedir(dir);
	}
	print_message("%zu messages\n", count);
	assert_true(count >= SAMPLES_WANT);
}

struct row {
	const char *file, *want;
};

static const struct row rows[] = {
    {"james-mime4j/core__src__test__resources__mimetools-testmsgs__double-bound.msg.eml",
	"multipart/mixed(text/plain text/html text/plain text/html text/plain text/html text/html "
	"text/html text/html image/gif)|1+|test of double-boundary behavior|3d-eye.gif;"},
    {"james-mime4j/core__src__test__resources__mimetools-testmsgs__frag.msg.eml",
	"multipart/mixed(text/plain message/rfc822(multipart/mixed(text/plain "
	"message/rfc822(multipart/mixed(text/plain message/rfc822(multipart/mixed(text/plain "
	"image/jpeg)))))))|1+|[Fwd: [Fwd: [Fwd: FW: Another Priceless  Moment]]]|aprilfools.jpg;"},
    {"james-mime4j/core__src__test__resources__mimetools-testmsgs__hdr-fakeout.msg.eml",
	"text/plain|1|test message 1|"},
    {"james-mime4j/core__src__test__resources__mimetools-testmsgs__multi-nested.msg.eml",
	"multipart/mixed(text/plain text/plain multipart/parallel(image/gif image/gif) "
	"text/richtext message/rfc822(text/plain))|0+|A complex nested multipart "
	"example|3d-vise.gif;3d-eye.gif;/evil/filename;"},
    {"james-mime4j/core__src__test__resources__mimetools-testmsgs__multi-weirdspace.msg.eml",
	"multipart/mixed(text/plain image/gif image/gif)|0+|Two images for "
	"you...|3d-compress.gif;3d-eye.gif;"},
    {"james-mime4j/core__src__test__resources__testmsgs__boundary-name-clash.msg.eml",
	"multipart/mixed(multipart/alternative(text/plain text/html) "
	"application/pdf)|0+|test|Daily_Stats-2022-05-12-0700.pdf;"},
    {"james-mime4j/core__src__test__resources__testmsgs__misplaced-boundary.msg.eml",
	"multipart/mixed(text/plain)|0||"},
    {"james-mime4j/core__src__test__resources__testmsgs__missing-boundary.msg.eml",
	"multipart/alternative|1||"},
    {"james-mime4j/core__src__test__resources__testmsgs__multipartdigestnestedemptyparts.msg.eml",
	"multipart/digest(message/rfc822(multipart/mixed(text/plain)))|0+||"},
    {"james-mime4j/core__src__test__resources__testmsgs__russian-headers.msg.eml",
	"text/plain|0+|A simple subject|\xD0\xA1\xD0\xBF\xD0\xB8\xD1\x81\xD0\xBE\xD0\xBA.doc;"},
    {"james-mime4j/core__src__test__resources__testmsgs__weird-boundary.msg.eml",
	"multipart/mixed(text/plain text/plain)|1||"},
    {"mimekit/UnitTests__TestData__messages__body.6.txt.eml",
	"multipart/mixed(multipart/alternative(multipart/related(text/html image/gif image/jpeg) "
	"text/plain) text/plain)|8+|MimeMessage.TextBody and HtmlBody "
	"tests|empty.gif;empty.jpg;document.txt;"},
    {"mimekit/UnitTests__TestData__messages__japanese.txt.eml",
	"text/"
	"plain|8|"
	"\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E\xE3\x83\xA1\xE3\x83\xBC\xE3\x83\xAB\xE3\x83\x86\xE3"
	"\x82\xB9\xE3\x83\x88 (testing Japanese emails)|"},
    {"stalwart-mail-parser/resources__eml__legacy__009.eml",
	"text/plain|20|Die Hasen und die Fr\xC3\xB6sche|"},
    {"stalwart-mail-parser/resources__eml__legacy__034.eml",
	"text/plain|0|Die Hasen und die Fr+APY-sche|"},
    {"stalwart-mail-parser/resources__eml__legacy__035.eml",
	"multipart/mixed(multipart/alternative(text/plain multipart/related(text/html image/png "
	"image/png)) image/png image/png)|0+|Die Hasen und die Fr\xC3\xB6sche (Netscape Messenger "
	"4.7)|C:\\TEMP\\nsmailEG.png;C:\\TEMP\\nsmail39.png;redball.png;greenball.png;"},
    {"stalwart-mail-parser/resources__eml__malformed__012.eml",
	"multipart/mixed(multipart/mixed(message/rfc822(text/plain) message/rfc822(text/plain)) "
	"message/rfc822(text/plain))|9+||"},
    {"stalwart-mail-parser/resources__eml__malformed__015.eml",
	"multipart/signed(text/plain application/pgp-signature)|8+|Hello world|signature.asc;"},
    {"stalwart-mail-parser/resources__eml__malformed__017.eml",
	"multipart/mixed(image/png)|8+|Hello world|image001.png;"},
    {"stalwart-mail-parser/resources__eml__thirdparty__010.eml",
	"multipart/mixed(text/"
	"plain)|28|\xE3\x81\x93\xE3\x82\x93\xE3\x81\xAB\xE3\x81\xA1\xE3\x81\xAF|"},
};

static void
to_the_letter(void **state)
{
	char root[PATH_SIZE], path[2 * PATH_SIZE];

	(void)state;
	root_of(root);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mime_message m;
		struct arena arena;
		struct buf file, line;

		print_message("%s\n", rows[i].file);
		buf_init(&file, FILE_MAX);
		buf_init(&line, TREE_BYTES);
		arena_init(&arena);
		(void)snprintf(path, sizeof path, "%s/%s", root, rows[i].file);
		assert_true(load(path, &file));
		mime_message_scan(&arena, buf_view(&file), &m);
		describe(&arena, &m, &line);
		assert_string_equal(buf_text(&line), rows[i].want);
		buf_fini(&line);
		buf_fini(&file);
		arena_fini(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(always), cmocka_unit_test(to_the_letter)};
	char root[PATH_SIZE];
	DIR *dir;

	root_of(root);
	dir = opendir(root);
	if (dir == NULL) {
		print_message("skipped: %s is absent (set DAYBOOK_SHARED)\n", root);
		return 77;
	}
	(void)closedir(dir);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
