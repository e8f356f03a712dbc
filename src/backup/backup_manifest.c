/* SPDX-License-Identifier: Apache-2.0 */
/* The manifest of a backup as text (docs/formats/backup.md). */
#include "backup_manifest.h"

#include <stdio.h>
#include <string.h>

#include "base_text.h"
#include "base_time.h"

#define FIRST_LINE "daybook backup 1"

void
backup_manifest_print(const struct backup_manifest *m, struct buf *out)
{
	char hex[2 * CRYPT_SHA256_BYTES + 1], time[TIME_ISO_SIZE];
	uint8_t digest[CRYPT_SHA256_BYTES];
	size_t from = out->len;

	time_iso_format(time, m->created_ms);
	buf_printf(
	    out, FIRST_LINE "\ncreated %s\nprogram %s\nkey %s\n", time, m->program, m->key_id);
	for (size_t i = 0; i < m->count; i++) {
		const struct backup_file *f = &m->files[i];

		text_hex_format(hex, bytes_of(f->sha256, sizeof f->sha256));
		if (f->dir)
			buf_printf(out, "dir %s\n", f->path);
		else
			buf_printf(
			    out, "file %s %llu %s\n", hex, (unsigned long long)f->size, f->path);
	}
	crypt_sha256(digest, bytes_slice(buf_view(out), from, out->len - from));
	text_hex_format(hex, bytes_of(digest, sizeof digest));
	buf_printf(out, "end %s\n", hex);
}

bool
backup_manifest_path_ok(struct bytes path)
{
	size_t at = 0;

	if (path.len == 0 || path.len > BACKUP_PATH_BYTES_MAX)
		return false;
	for (size_t i = 0; i < path.len; i++)
		if (path.ptr[i] < 0x20 || path.ptr[i] == 0x7f)
			return false;
	while (at <= path.len) {
		size_t end = bytes_find_byte(path, at, '/');
		struct bytes name;

		end = end == SIZE_MAX ? path.len : end;
		name = bytes_slice(path, at, end - at);
		if (name.len == 0 || bytes_equal(name, BYTES_LIT(".")) ||
		    bytes_equal(name, BYTES_LIT("..")))
			return false;
		at = end + 1;
	}
	return true;
}

/* The next line, without its end. false: there is none that has an end. */
static bool
line_take(struct bytes *text, struct bytes *line)
{
	size_t end = bytes_find_byte(*text, 0, '\n');

	if (end == SIZE_MAX)
		return false;
	*line = bytes_slice(*text, 0, end);
	*text = bytes_slice(*text, end + 1, text->len);
	return true;
}

/* "name rest": the rest, when the line begins so. */
static bool
word_take(struct bytes *line, struct bytes name)
{
	if (!bytes_starts_with(*line, name) || line->len <= name.len || line->ptr[name.len] != ' ')
		return false;
	*line = bytes_slice(*line, name.len + 1, line->len);
	return true;
}

static bool
word_ok(struct bytes word)
{
	if (word.len == 0 || word.len > BACKUP_WORD_BYTES_MAX)
		return false;
	for (size_t i = 0; i < word.len; i++)
		if (word.ptr[i] <= 0x20 || word.ptr[i] >= 0x7f)
			return false;
	return true;
}

static bool
head_parse(struct bytes *text, struct arena *arena, struct backup_manifest *out, struct err *err)
{
	struct bytes line;
	char time[TIME_ISO_SIZE];

	if (!line_take(text, &line) || !bytes_starts_with(line, BYTES_LIT("daybook backup ")))
		return ERR(err, ERR_CORRUPT, "not the manifest of a backup");
	if (!bytes_equal(line, BYTES_LIT(FIRST_LINE)))
		return ERR(err, ERR_UNSUPPORTED, "a backup of another version");
	if (!line_take(text, &line) || !word_take(&line, BYTES_LIT("created")) ||
	    !time_iso_parse(&out->created_ms, line))
		return ERR(err, ERR_CORRUPT, "the manifest does not say when it was made");
	time_iso_format(time, out->created_ms);
	if (!bytes_equal(line, bytes_of_str(time)))
		return ERR(err, ERR_CORRUPT, "the manifest does not say when it was made");
	if (!line_take(text, &line) || !word_take(&line, BYTES_LIT("program")) || !word_ok(line))
		return ERR(err, ERR_CORRUPT, "the manifest does not name the program");
	out->program = arena_text(arena, line);
	if (!line_take(text, &line) || !word_take(&line, BYTES_LIT("key")) || !word_ok(line))
		return ERR(err, ERR_CORRUPT, "the manifest does not name the key");
	out->key_id = arena_text(arena, line);
	return true;
}

static bool
file_parse(struct bytes line, struct arena *arena, struct backup_file *out)
{
	struct bytes hex, size;
	size_t space;
	char again[24];

	memset(out, 0, sizeof *out);
	if (word_take(&line, BYTES_LIT("dir"))) {
		out->dir = true;
	} else {
		if (!word_take(&line, BYTES_LIT("file")))
			return false;
		hex = bytes_slice(line, 0, 2 * CRYPT_SHA256_BYTES);
		line = bytes_slice(line, hex.len, line.len);
		for (size_t i = 0; i < hex.len; i++)
			if (hex.ptr[i] >= 'A' && hex.ptr[i] <= 'F')
				return false;
		if (!text_hex_parse(out->sha256, sizeof out->sha256, hex) || line.len == 0 ||
		    line.ptr[0] != ' ')
			return false;
		space = bytes_find_byte(line, 1, ' ');
		if (space == SIZE_MAX)
			return false;
		size = bytes_slice(line, 1, space - 1);
		if (!text_u64_parse(&out->size, size))
			return false;
		(void)snprintf(again, sizeof again, "%llu", (unsigned long long)out->size);
		if (!bytes_equal(size, bytes_of_str(again)))
			return false;
		line = bytes_slice(line, space + 1, line.len);
	}
	if (!backup_manifest_path_ok(line))
		return false;
	out->path = arena_text(arena, line);
	return true;
}

/* The digest at the end covers everything before its line. */
static bool
end_check(struct bytes whole, struct bytes line, size_t end_at)
{
	uint8_t digest[CRYPT_SHA256_BYTES];
	char hex[2 * CRYPT_SHA256_BYTES + 1];

	if (!word_take(&line, BYTES_LIT("end")))
		return false;
	crypt_sha256(digest, bytes_slice(whole, 0, end_at));
	text_hex_format(hex, bytes_of(digest, sizeof digest));
	return bytes_equal(line, bytes_of_str(hex));
}

bool
backup_manifest_parse(
    struct bytes text, struct arena *arena, struct backup_manifest *out, struct err *err)
{
	struct bytes whole = text, line;
	size_t lines = 0;

	memset(out, 0, sizeof *out);
	if (text.len > BACKUP_MANIFEST_BYTES_MAX)
		return ERR(err, ERR_LIMIT, "the manifest is too long");
	if (!head_parse(&text, arena, out, err))
		return false;
	for (size_t i = 0; i < text.len; i++)
		lines += text.ptr[i] == '\n';
	if (lines > BACKUP_FILES_MAX + 1)
		return ERR(err, ERR_LIMIT, "the manifest names too many files");
	out->files = arena_calloc(arena, lines + 1, sizeof *out->files);
	for (;;) {
		size_t at = whole.len - text.len;

		if (!line_take(&text, &line))
			return ERR(err, ERR_CORRUPT, "the manifest ends too early");
		if (bytes_starts_with(line, BYTES_LIT("end "))) {
			if (text.len != 0 || !end_check(whole, line, at))
				return ERR(err, ERR_CORRUPT, "the manifest is damaged");
			return true;
		}
		if (!file_parse(line, arena, &out->files[out->count]) ||
		    (out->count > 0 &&
			strcmp(out->files[out->count - 1].path, out->files[out->count].path) >= 0))
			return ERR(err, ERR_CORRUPT, "the manifest is damaged in line %zu",
			    out->count + 5);
		out->count++;
	}
}
