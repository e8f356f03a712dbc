/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An export directory (docs/formats/export.md): the manifest line by line, each file it names, and nothing else beside.
 * The directory may be a stranger's: no name of the manifest leads out of it, and what is read is bounded.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base_arena.h"
#include "base_limits.h"
#include "base_mem.h"
#include "base_text.h"
#include "crypt_digest.h"
#include "json_value.h"
#include "os_fs.h"
#include "proof_text.h"
#include "verify_int.h"

#define MANIFEST_NAME      "manifest.json"
#define MANIFEST_BYTES_MAX (256 * LIMIT_MIB)
#define METADATA_BYTES_MAX (16 * LIMIT_MIB)
#define NAME_BYTES_MAX     64u
#define WITNESSES_MAX      16u

struct names {
	char **list; /* sorted when all are there */
	size_t count, room;
};

struct check {
	const char *dir;
	const struct proof_key *key; /* NULL: proofs are not looked at */
	struct proof_key witnesses[WITNESSES_MAX];
	size_t witness_count;
	daybook_problem_fn problem;
	daybook_stop_fn stop;
	void *ctx;
	struct daybook_export_counts *counts;
	struct names names;
	struct buf file;
};

static void
tell(struct check *c, const char *name, const char *what)
{
	char text[512];

	(void)snprintf(text, sizeof text, "%s/%s: %s", c->dir, name, what);
	c->counts->problems++;
	c->problem(c->ctx, text);
}

static void
names_add(struct names *n, const char *name)
{
	if (n->count == n->room) {
		n->room = n->room == 0 ? 64 : 2 * n->room;
		n->list = mem_realloc_array(n->list, n->room, sizeof(char *));
	}
	n->list[n->count++] = mem_strdup(name);
}

static void
names_fini(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		mem_free(n->list[i]);
	mem_free(n->list);
}

static int
names_order(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Made of an id and an ending, as the exporter makes them: no path, no surprise. */
static bool
name_fits(const char *name)
{
	size_t len = name != NULL ? strlen(name) : 0;

	return len > 0 && len <= NAME_BYTES_MAX && name[0] != '.' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == len;
}

/* The whole file into c->file; a problem is told. */
static bool
file_load(struct check *c, const char *name, size_t max)
{
	struct arena arena;
	struct err err;
	bool ok;

	if (!name_fits(name)) {
		tell(c, MANIFEST_NAME, "names a file as no export does");
		return false;
	}
	arena_init(&arena);
	buf_fini(&c->file);
	buf_init(&c->file, max);
	ok = os_fs_read_file(
	    os_fs_real(), arena_printf(&arena, "%s/%s", c->dir, name), max, &c->file, &err);
	arena_fini(&arena);
	if (!ok)
		tell(c, name, err.code == ERR_NOT_FOUND ? "is missing" : err.msg);
	return ok;
}

static bool
digest_fits(const struct check *c, const struct json *entry, const char *member)
{
	uint8_t want[CRYPT_SHA256_BYTES], digest[CRYPT_SHA256_BYTES];

	if (!text_hex_parse(want, sizeof want, json_text(json_find(entry, member))))
		return false;
	crypt_sha256(digest, buf_view(&c->file));
	return memcmp(want, digest, sizeof digest) == 0;
}

/* The message is in c->file. */
static bool
proof_check(struct check *c, const char *id, const char *name)
{
	struct daybook_proved proved;
	struct buf message = c->file;
	struct err err;
	bool ok;

	buf_init(&c->file, 1);
	ok = file_load(c, name, PROOF_TEXT_BYTES_MAX);
	if (ok && c->key != NULL) {
		ok = verify_message(buf_view(&message), buf_view(&c->file), c->key, &proved, &err);
		if (ok && strcmp(proved.id, id) != 0)
			ok = ERR(&err, ERR_CORRUPT, "is the proof of another message");
		for (size_t i = 0; ok && i < c->witness_count; i++)
			ok = verify_cosigned(buf_view(&c->file), &c->witnesses[i], NULL, &err);
		if (ok)
			c->counts->proved++;
		else
			tell(c, name, err.msg);
	}
	buf_fini(&c->file);
	c->file = message;
	return ok;
}

static bool
message_check(struct check *c, const struct json *entry, const char *id)
{
	const char *name = json_get_str(entry, "File"), *proof = json_get_str(entry, "ProofFile");
	bool ok = true;

	if (!file_load(c, name, VERIFY_MESSAGE_BYTES_MAX))
		return false;
	if (json_get_integer(entry, "SizeBytes", -1) != (int64_t)c->file.len ||
	    !digest_fits(c, entry, "Sha256")) {
		tell(c, name, "is not the message that was exported");
		ok = false;
	}
	c->counts->bytes += ok ? c->file.len : 0;
	if (proof != NULL) {
		ok = proof_check(c, id, proof) && ok;
	} else if (c->key != NULL) {
		tell(c, name, "has no proof");
		ok = false;
	}
	if (json_find(entry, "MetadataFile") == NULL)
		return ok;
	name = json_get_str(entry, "MetadataFile");
	if (!file_load(c, name, METADATA_BYTES_MAX))
		return false;
	if (!digest_fits(c, entry, "MetadataSha256")) {
		tell(c, name, "is not the metadata that was exported");
		ok = false;
	}
	return ok;
}

/* Whatever is wrong with one of them, the others are named. */
static void
entry_names(struct check *c, const struct json *entry)
{
	static const char *const members[] = {"File", "ProofFile", "MetadataFile"};

	for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
		const char *name = json_get_str(entry, members[i]);

		if (name_fits(name))
			names_add(&c->names, name);
	}
}

static void
entry_check(struct check *c, struct bytes line)
{
	struct json *entry;
	struct err err;
	const char *id;

	if (line.len > 0 && line.ptr[line.len - 1] == ',')
		line.len--;
	entry = json_parse(line, &err);
	id = entry != NULL ? json_get_str(entry, "ArchivedMessageId") : NULL;
	if (id != NULL)
		entry_names(c, entry);
	if (id == NULL)
		tell(c, MANIFEST_NAME, "has a line that is no entry");
	else if (json_find(entry, "Error") != NULL)
		c->counts->unread++;
	else if (message_check(c, entry, id))
		c->counts->messages++;
	json_free(&entry);
}

/* The first line: what was asked and how much was written. */
static bool
head_check(struct check *c, struct bytes line, int64_t *count_out, int64_t *damaged_out)
{
	struct json *head;
	struct err err;
	struct buf text;
	bool ok;

	buf_init(&text, MANIFEST_BYTES_MAX);
	buf_append(&text, line);
	buf_append_str(&text, "]}");
	head = json_parse(buf_view(&text), &err);
	buf_fini(&text);
	*count_out = head != NULL ? json_get_integer(head, "Count", -1) : -1;
	*damaged_out = head != NULL ? json_get_integer(head, "DamagedCount", -1) : -1;
	ok = *count_out >= 0 && *damaged_out >= 0;
	if (!ok)
		tell(c, MANIFEST_NAME, "does not begin as a manifest does");
	json_free(&head);
	return ok;
}

static bool
take_line(struct bytes *rest, struct bytes *line)
{
	size_t end = bytes_find_byte(*rest, 0, '\n');

	if (end == SIZE_MAX)
		return false;
	*line = bytes_slice(*rest, 0, end);
	*rest = bytes_slice(*rest, end + 1, SIZE_MAX);
	return true;
}

static bool
manifest_check(struct check *c, struct bytes rest, struct err *err)
{
	int64_t count, damaged, seen = 0;
	struct bytes line, last = BYTES_EMPTY;

	if (!take_line(&rest, &line) || !head_check(c, line, &count, &damaged))
		return true;
	while (take_line(&rest, &line)) {
		last = line;
		if (rest.len == 0)
			break;
		if (c->stop != NULL && c->stop(c->ctx) != 0)
			return ERR(err, ERR_CANCELLED, "stopped");
		entry_check(c, line);
		seen++;
	}
	/* The last entry shares its line with what closes the list. */
	if (last.len >= 2 && memcmp(last.ptr + last.len - 2, "]}", 2) == 0) {
		last.len -= 2;
		if (last.len > 0) {
			entry_check(c, last);
			seen++;
		}
	} else {
		tell(c, MANIFEST_NAME, "ends early");
	}
	if (seen != count + damaged)
		tell(c, MANIFEST_NAME, "does not have the entries that it counts");
	return true;
}

static bool
visit_name(void *ctx, const char *name)
{
	struct check *c = ctx;

	if (strcmp(name, MANIFEST_NAME) != 0 &&
	    (c->names.count == 0 ||
		bsearch(&name, c->names.list, c->names.count, sizeof(char *), names_order) == NULL))
		tell(c, name, "is not in the manifest");
	return true;
}

static bool
export_check(struct check *c, struct err *err)
{
	struct buf manifest;
	struct arena arena;
	bool ok;

	arena_init(&arena);
	buf_init(&manifest, MANIFEST_BYTES_MAX);
	buf_init(&c->file, 1);
	ok = os_fs_read_file(os_fs_real(), arena_printf(&arena, "%s/" MANIFEST_NAME, c->dir),
		 MANIFEST_BYTES_MAX, &manifest, err) &&
	     manifest_check(c, buf_view(&manifest), err);
	if (ok) {
		if (c->names.count > 1)
			qsort(c->names.list, c->names.count, sizeof(char *), names_order);
		for (size_t i = 1; i < c->names.count; i++)
			if (strcmp(c->names.list[i - 1], c->names.list[i]) == 0)
				tell(c, c->names.list[i], "is in the manifest twice");
		ok = os_fs_list(os_fs_real(), c->dir, visit_name, c, err);
	}
	if (ok && c->counts->problems > 0)
		ok = ERR(err, ERR_CORRUPT, "%llu things are wrong in %s",
		    (unsigned long long)c->counts->problems, c->dir);
	names_fini(&c->names);
	buf_fini(&c->file);
	buf_fini(&manifest);
	arena_fini(&arena);
	return ok;
}

static bool
witnesses_take(struct check *c, const char *const *keys, struct err *err)
{
	for (; keys != NULL && *keys != NULL; keys++) {
		if (c->witness_count == WITNESSES_MAX)
			return ERR(err, ERR_USAGE, "more than %u witnesses", WITNESSES_MAX);
		if (!verify_witness_key(*keys, &c->witnesses[c->witness_count++], err))
			return false;
	}
	return c->witness_count == 0 || c->key != NULL ||
	       ERR(err, ERR_USAGE, "a witness's signature says nothing without the log's key");
}

VERIFY_PUBLIC enum daybook_code
daybook_verify_export(const char *dir, const char *log_key, daybook_problem_fn problem,
    daybook_stop_fn stop, void *ctx, struct daybook_export_counts *out, struct daybook_error *error)
{
	return daybook_verify_export_cosigned(dir, log_key, NULL, problem, stop, ctx, out, error);
}

VERIFY_PUBLIC enum daybook_code
daybook_verify_export_cosigned(const char *dir, const char *log_key,
    const char *const *witness_keys, daybook_problem_fn problem, daybook_stop_fn stop, void *ctx,
    struct daybook_export_counts *out, struct daybook_error *error)
{
	struct daybook_export_counts counts = {0};
	struct proof_key key;
	struct check *c = mem_calloc(1, sizeof *c);
	struct err err;
	bool ok = true;

	c->dir = dir;
	c->problem = problem;
	c->stop = stop;
	c->ctx = ctx;
	c->counts = &counts;
	if (log_key != NULL && !proof_key_parse(bytes_of_str(log_key), &key, &err))
		ok = ERR(&err, ERR_USAGE,
		    "this is no log's key: name+id+base64, as 'daybook proof head --key' prints "
		    "it");
	c->key = log_key != NULL ? &key : NULL;
	ok = ok && witnesses_take(c, witness_keys, &err) && export_check(c, &err);
	mem_free(c);
	if (out != NULL)
		*out = counts;
	return verify_code(ok, &err, error);
}
