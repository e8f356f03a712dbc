/* SPDX-License-Identifier: Apache-2.0 */
/* The catalog; the invariants are those of docs/formats/catalog.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>

#include "base_mem.h"
#include "catalog.h"
#include "crypt_seal.h"

struct place {
	char folder[64], path[96];
	struct rng rng;
	struct crypt_keys *keys;
	struct catalog *c;
	struct arena arena;
	struct err err;
	bool begun; /* a failed test leaves its transaction to the clearing */
};

static void
place_open(struct place *p)
{
	if (!catalog_open(p->path, p->keys, &p->rng, &p->c, &p->err))
		fail_msg("%s", p->err.msg);
}

static int
place_make(void **state)
{
	struct place *p = mem_calloc(1, sizeof *p);
	struct secret *key;

	(void)snprintf(p->folder, sizeof p->folder, "/tmp/daybook-catalog-XXXXXX");
	if (mkdtemp(p->folder) == NULL)
		return 1;
	(void)snprintf(p->path, sizeof p->path, "%s/catalog.db", p->folder);
	p->rng = rng_system();
	key = secret_random(CRYPT_KEY_BYTES, &p->rng);
	p->keys = crypt_keys_new(key, &p->rng);
	secret_free(&key);
	arena_init(&p->arena);
	place_open(p);
	*state = p;
	return 0;
}

static int
place_clear(void **state)
{
	struct place *p = *state;
	char command[96];
	int status;

	if (p->begun)
		catalog_rollback(p->c);
	catalog_close(&p->c);
	crypt_keys_free(&p->keys);
	arena_fini(&p->arena);
	(void)snprintf(command, sizeof command, "rm -rf '%s'", p->folder);
	status = system(command);
	mem_free(p);
	return status;
}

static void
place_reopen(struct place *p)
{
	catalog_close(&p->c);
	place_open(p);
}

static struct catalog_row
row_of(enum catalog_kind kind, const char *id, const char *name, int64_t created_ms,
    const char *document)
{
	return (struct catalog_row){
	    kind, id, name, NULL, "ACTIVE", created_ms, created_ms, bytes_of_str(document)};
}

#define OK(call) assert_true_or_say((call), &p->err, #call)
static void
assert_true_or_say(bool ok, const struct err *err, const char *call)
{
	if (!ok)
		fail_msg("%s: %s", call, err->msg);
}
#define FAILS(call, want)                                                                          \
	do {                                                                                       \
		assert_false(call);                                                                \
		assert_int_equal(p->err.code, (want));                                             \
	} while (0)

static void
begin(struct place *p)
{
	OK(catalog_begin(p->c, &p->err));
	p->begun = true;
}

static void
commit(struct place *p)
{
	p->begun = false;
	OK(catalog_commit(p->c, &p->err));
}

static void
rollback(struct place *p)
{
	p->begun = false;
	catalog_rollback(p->c);
}

static void
rows_survive_a_reopen(void **state)
{
	struct place *p = *state;
	struct catalog_row row = row_of(CATALOG_ARCHIVE, "a-1", "journal", 10, "{\"x\":1}"), got;
	struct stat st;

	begin(p);
	OK(catalog_insert(p->c, &row, &p->err));
	row = row_of(CATALOG_SEARCH, "s-1", NULL, 11, "");
	row.owner = "a-1";
	row.state = NULL;
	OK(catalog_insert(p->c, &row, &p->err));
	commit(p);
	place_reopen(p);
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 077, 0);
	begin(p);
	OK(catalog_get(p->c, CATALOG_ARCHIVE, "a-1", &p->arena, &got, &p->err));
	assert_int_equal(got.kind, CATALOG_ARCHIVE);
	assert_string_equal(got.id, "a-1");
	assert_string_equal(got.name, "journal");
	assert_null(got.owner);
	assert_string_equal(got.state, "ACTIVE");
	assert_int_equal(got.created_ms, 10);
	assert_true(bytes_equal(got.document, BYTES_LIT("{\"x\":1}")));
	OK(catalog_find(p->c, CATALOG_ARCHIVE, "journal", &p->arena, &got, &p->err));
	assert_string_equal(got.id, "a-1");
	OK(catalog_get(p->c, CATALOG_SEARCH, "s-1", &p->arena, &got, &p->err));
	assert_null(got.name);
	assert_null(got.state);
	assert_string_equal(got.owner, "a-1");
	assert_int_equal(got.document.len, 0);
	FAILS(catalog_get(p->c, CATALOG_RELAY, "a-1", &p->arena, &got, &p->err), ERR_NOT_FOUND);
	FAILS(
	    catalog_find(p->c, CATALOG_RELAY, "journal", &p->arena, &got, &p->err), ERR_NOT_FOUND);
	rollback(p);
}

static void
rollback_leaves_nothing(void **state)
{
	struct place *p = *state;
	struct catalog_row row = row_of(CATALOG_ARCHIVE, "a-1", "journal", 10, "x"), got;

	begin(p);
	OK(catalog_insert(p->c, &row, &p->err));
	rollback(p);
	begin(p);
	FAILS(catalog_get(p->c, CATALOG_ARCHIVE, "a-1", &p->arena, &got, &p->err), ERR_NOT_FOUND);
	commit(p);
}

static void
names_are_unique_while_rows_live(void **state)
{
	struct place *p = *state;
	struct catalog_row a = row_of(CATALOG_ARCHIVE, "a-1", "journal", 10, "x");
	struct catalog_row b = row_of(CATALOG_ARCHIVE, "a-2", "journal", 11, "y");
	struct catalog_row other = row_of(CATALOG_RELAY, "r-1", "journal", 12, "z");

	begin(p);
	OK(catalog_insert(p->c, &a, &p->err));
	FAILS(catalog_insert(p->c, &a, &p->err), ERR_EXISTS);
	FAILS(catalog_insert(p->c, &b, &p->err), ERR_EXISTS);
	OK(catalog_insert(p->c, &other, &p->err)); /* another kind, another name space */
	other.kind = CATALOG_INGRESS_POINT;
	other.name = NULL;
	FAILS(
	    catalog_insert(p->c, &other, &p->err), ERR_EXISTS); /* ids are unique over all kinds */
	a.state = "PENDING_DELETION";
	OK(catalog_update(p->c, &a, &p->err));
	FAILS(catalog_insert(p->c, &b, &p->err), ERR_EXISTS);
	b.name = "second";
	OK(catalog_insert(p->c, &b, &p->err));
	b.name = "journal";
	FAILS(catalog_update(p->c, &b, &p->err), ERR_EXISTS);
	OK(catalog_delete(p->c, CATALOG_ARCHIVE, "a-1", &p->err));
	OK(catalog_update(p->c, &b, &p->err));
	FAILS(catalog_delete(p->c, CATALOG_ARCHIVE, "a-1", &p->err), ERR_NOT_FOUND);
	FAILS(catalog_update(p->c, &a, &p->err), ERR_NOT_FOUND);
	commit(p); /* refusals do not spoil the transaction */
}

static void
lists_page_newest_first(void **state)
{
	struct place *p = *state;
	struct catalog_row page[7];
	struct catalog_cursor cursor = {0, NULL};
	char seen[64] = "", id[16];
	size_t count = 0, pages = 0;
	uint64_t total;

	begin(p);
	for (int i = 0; i < 20; i++) {
		struct catalog_row row;

		(void)snprintf(id, sizeof id, "s-%c", 'a' + i);
		row =
		    row_of(CATALOG_SEARCH, id, NULL, 100 + i / 3, "x"); /* three share each time */
		row.owner = i % 2 == 0 ? "a-1" : "a-2";
		row.state = i < 5 ? "RUNNING" : "COMPLETED";
		OK(catalog_insert(p->c, &row, &p->err));
	}
	do {
		OK(catalog_list(
		    p->c, CATALOG_SEARCH, NULL, &cursor, 7, &p->arena, page, &count, &p->err));
		for (size_t i = 0; i < count; i++)
			strcat(seen, page[i].id + 2);
		if (count > 0)
			cursor =
			    (struct catalog_cursor){page[count - 1].created_ms, page[count - 1].id};
		pages++;
	} while (count > 0);
	assert_string_equal(seen, "tsrqponmlkjihgfedcba");
	assert_int_equal(pages, 4);
	OK(catalog_list(p->c, CATALOG_SEARCH, "a-2", NULL, 3, &p->arena, page, &count, &p->err));
	assert_int_equal(count, 3);
	assert_string_equal(page[0].id, "s-t");
	assert_string_equal(page[2].id, "s-p");
	cursor = (struct catalog_cursor){page[2].created_ms, page[2].id};
	OK(catalog_list(p->c, CATALOG_SEARCH, "a-2", &cursor, 1, &p->arena, page, &count, &p->err));
	assert_string_equal(page[0].id, "s-n");
	OK(catalog_list(p->c, CATALOG_EXPORT, NULL, NULL, 7, &p->arena, page, &count, &p->err));
	assert_int_equal(count, 0);
	OK(catalog_count(p->c, CATALOG_SEARCH, NULL, NULL, &total, &p->err));
	assert_int_equal(total, 20);
	OK(catalog_count(p->c, CATALOG_SEARCH, "a-1", NULL, &total, &p->err));
	assert_int_equal(total, 10);
	OK(catalog_count(p->c, CATALOG_SEARCH, "a-1", "RUNNING", &total, &p->err));
	assert_int_equal(total, 3);
	OK(catalog_count(p->c, CATALOG_SEARCH, NULL, "COMPLETED", &total, &p->err));
	assert_int_equal(total, 15);
	commit(p);
}

static void
tags_follow_their_row(void **state)
{
	struct place *p = *state;
	struct catalog_row row = row_of(CATALOG_ARCHIVE, "a-1", "journal", 10, "x");
	struct catalog_tag *tags;
	size_t count;

	begin(p);
	FAILS(catalog_tag_set(p->c, "a-1", "team", "legal", &p->err), ERR_NOT_FOUND);
	OK(catalog_insert(p->c, &row, &p->err));
	OK(catalog_tag_set(p->c, "a-1", "team", "legal", &p->err));
	OK(catalog_tag_set(p->c, "a-1", "cost", "", &p->err));
	OK(catalog_tag_set(p->c, "a-1", "team", "law", &p->err));
	OK(catalog_tag_set(p->c, "a-1", "a/b", "slash", &p->err));
	OK(catalog_tag_list(p->c, "a-1", &p->arena, &tags, &count, &p->err));
	assert_int_equal(count, 3);
	assert_string_equal(tags[0].key, "a/b");
	assert_string_equal(tags[0].value, "slash");
	assert_string_equal(tags[1].key, "cost");
	assert_string_equal(tags[1].value, "");
	assert_string_equal(tags[2].value, "law");
	OK(catalog_tag_unset(p->c, "a-1", "absent", &p->err));
	OK(catalog_tag_unset(p->c, "a-1", "cost", &p->err));
	OK(catalog_delete(p->c, CATALOG_ARCHIVE, "a-1", &p->err));
	OK(catalog_insert(p->c, &row, &p->err));
	OK(catalog_tag_list(p->c, "a-1", &p->arena, &tags, &count, &p->err));
	assert_int_equal(count, 0);
	OK(catalog_tag_set(p->c, "a-1", "team", "law", &p->err));
	OK(catalog_tag_clear(p->c, "a-1", &p->err));
	OK(catalog_tag_list(p->c, "a-1", &p->arena, &tags, &count, &p->err));
	assert_int_equal(count, 0);
	commit(p);
}

static void
tokens_are_kept_and_purged(void **state)
{
	struct place *p = *state;
	struct bytes digest;
	const char *id;

	begin(p);
	FAILS(catalog_token_get(p->c, "Create", "t", &p->arena, &digest, &id, &p->err),
	    ERR_NOT_FOUND);
	OK(catalog_token_put(p->c, "Create", "t", BYTES_LIT("d1"), "a-1", 10, &p->err));
	OK(catalog_token_put(p->c, "Create", "u", BYTES_LIT("d2"), "a-2", 20, &p->err));
	OK(catalog_token_get(p->c, "Create", "t", &p->arena, &digest, &id, &p->err));
	assert_true(bytes_equal(digest, BYTES_LIT("d1")));
	assert_string_equal(id, "a-1");
	FAILS(
	    catalog_token_get(p->c, "Other", "t", &p->arena, &digest, &id, &p->err), ERR_NOT_FOUND);
	OK(catalog_token_purge(p->c, 20, &p->err));
	FAILS(catalog_token_get(p->c, "Create", "t", &p->arena, &digest, &id, &p->err),
	    ERR_NOT_FOUND);
	OK(catalog_token_get(p->c, "Create", "u", &p->arena, &digest, &id, &p->err));
	commit(p);
}

static void
access_keys_and_settings_are_kept(void **state)
{
	struct place *p = *state;
	struct catalog_access_key key = {"AKIA2", BYTES_LIT("secret"), "root", "Active", 5}, got,
				  *list;
	struct bytes value;
	size_t count;

	begin(p);
	OK(catalog_key_put(p->c, &key, &p->err));
	key.id = "AKIA1";
	key.created_ms = 6;
	OK(catalog_key_put(p->c, &key, &p->err));
	key.status = "Inactive";
	OK(catalog_key_put(p->c, &key, &p->err));
	OK(catalog_key_get(p->c, "AKIA1", &p->arena, &got, &p->err));
	assert_string_equal(got.status, "Inactive");
	assert_string_equal(got.principal, "root");
	assert_true(bytes_equal(got.secret, BYTES_LIT("secret")));
	OK(catalog_key_list(p->c, &p->arena, &list, &count, &p->err));
	assert_int_equal(count, 2);
	assert_string_equal(list[0].id, "AKIA2");
	assert_string_equal(list[1].id, "AKIA1");
	assert_int_equal(list[0].secret.len, 0);
	OK(catalog_key_delete(p->c, "AKIA1", &p->err));
	FAILS(catalog_key_delete(p->c, "AKIA1", &p->err), ERR_NOT_FOUND);
	FAILS(catalog_key_get(p->c, "AKIA1", &p->arena, &got, &p->err), ERR_NOT_FOUND);
	FAILS(catalog_setting_get(p->c, "account", &p->arena, &value, &p->err), ERR_NOT_FOUND);
	OK(catalog_setting_put(p->c, "account", BYTES_LIT("1"), &p->err));
	OK(catalog_setting_put(p->c, "account", BYTES_LIT("123456789012"), &p->err));
	OK(catalog_setting_get(p->c, "account", &p->arena, &value, &p->err));
	assert_true(bytes_equal(value, BYTES_LIT("123456789012")));
	commit(p);
}

/* Reads a file of the catalog; the empty view when it is not there. */
static struct bytes
file_read(struct place *p, const char *suffix)
{
	char path[128];
	uint8_t *data = arena_alloc(&p->arena, 4 << 20);
	FILE *f;
	size_t len;

	(void)snprintf(path, sizeof path, "%s%s", p->path, suffix);
	f = fopen(path, "rb");
	if (f == NULL)
		return BYTES_EMPTY;
	len = fread(data, 1, 4 << 20, f);
	(void)fclose(f);
	return bytes_of(data, len);
}

static void
sealed_columns_are_not_in_the_files(void **state)
{
	static const char *const NEEDLES[] = {
	    "needle-document", "needle-tag", "needle-secret", "needle-setting"};
	struct place *p = *state;
	struct catalog_row row =
	    row_of(CATALOG_ARCHIVE, "a-1", "readable-name", 10, "xx needle-document xx");
	struct catalog_access_key key = {"AKIA1", BYTES_LIT("needle-secret"), "root", "Active", 5};

	begin(p);
	OK(catalog_insert(p->c, &row, &p->err));
	OK(catalog_tag_set(p->c, "a-1", "team", "needle-tag", &p->err));
	OK(catalog_key_put(p->c, &key, &p->err));
	OK(catalog_setting_put(p->c, "s", BYTES_LIT("needle-setting"), &p->err));
	commit(p);
	for (int closed = 0; closed < 2; closed++) {
		struct bytes files[] = {
		    file_read(p, ""), file_read(p, "-wal"), file_read(p, "-shm")};

		for (size_t i = 0; i < 3; i++)
			for (size_t n = 0; n < 4; n++)
				assert_int_equal(
				    bytes_find(files[i], 0, bytes_of_str(NEEDLES[n])), SIZE_MAX);
		/* the control: what is meant to be readable is found */
		assert_int_not_equal(
		    bytes_find(files[closed == 1 ? 0 : 1], 0, BYTES_LIT("readable-name")),
		    SIZE_MAX);
		catalog_close(&p->c);
	}
}

static void
documents_have_a_limit(void **state)
{
	struct place *p = *state;
	struct catalog_row row = row_of(CATALOG_ARCHIVE, "a-1", "journal", 10, ""), got;
	uint8_t *big = mem_calloc(1, CATALOG_DOCUMENT_MAX + 1);

	begin(p);
	row.document = bytes_of(big, CATALOG_DOCUMENT_MAX + 1);
	FAILS(catalog_insert(p->c, &row, &p->err), ERR_LIMIT);
	row.document.len--;
	OK(catalog_insert(p->c, &row, &p->err));
	OK(catalog_get(p->c, CATALOG_ARCHIVE, "a-1", &p->arena, &got, &p->err));
	assert_true(bytes_equal(got.document, row.document));
	rollback(p);
	mem_free(big);
}

static enum err_code
open_code(struct place *p, struct crypt_keys *keys)
{
	p->err.code = ERR_NONE;
	if (catalog_open(p->path, keys, &p->rng, &p->c, &p->err))
		catalog_close(&p->c);
	return p->err.code;
}

static void
another_key_opens_nothing(void **state)
{
	struct place *p = *state;
	struct secret *key = secret_random(CRYPT_KEY_BYTES, &p->rng);
	struct crypt_keys *other = crypt_keys_new(key, &p->rng);

	catalog_close(&p->c);
	assert_int_equal(open_code(p, other), ERR_SEALED);
	assert_int_equal(open_code(p, p->keys), ERR_NONE);
	crypt_keys_free(&other);
	secret_free(&key);
}

/* Opened once with both key files, it hangs on the new one alone. */
static void
another_key_takes_over(void **state)
{
	struct place *p = *state;
	struct secret *key = secret_random(CRYPT_KEY_BYTES, &p->rng),
		      *old = secret_random(CRYPT_KEY_BYTES, &p->rng);
	struct crypt_keys *next = crypt_keys_new(key, &p->rng),
			  *before = crypt_keys_new(old, &p->rng), *pair;
	char sum[160];

	catalog_close(&p->c);
	/* One that is under a key we have twice. */
	(void)snprintf(sum, sizeof sum, "%s.sum", p->path);
	assert_int_equal(unlink(p->path), 0);
	assert_int_equal(unlink(sum), 0);
	assert_int_equal(open_code(p, before), ERR_NONE);
	pair = crypt_keys_pair(crypt_keys_new(key, &p->rng), crypt_keys_new(old, &p->rng));
	assert_int_equal(open_code(p, next), ERR_SEALED);
	assert_int_equal(open_code(p, pair), ERR_NONE);
	assert_int_equal(open_code(p, pair), ERR_NONE);
	assert_int_equal(open_code(p, next), ERR_NONE);
	assert_int_equal(open_code(p, before), ERR_SEALED);
	crypt_keys_free(&pair);
	crypt_keys_free(&next);
	crypt_keys_free(&before);
	secret_free(&key);
	secret_free(&old);
}

static void
file_damage(struct place *p, long at, const char *with, size_t len)
{
	FILE *f = fopen(p->path, "r+b");
	char sum[160];

	/* as if it had not been closed in order: what the pages themselves tell is the question here */
	(void)snprintf(sum, sizeof sum, "%s.sum", p->path);
	(void)unlink(sum);
	assert_non_null(f);
	assert_int_equal(fseek(f, at, SEEK_SET), 0);
	assert_int_equal(fwrite(with, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

/* Invariant 8: whatever bit of a catalog at rest changes, its next opening finds it. */
static void
flips_are_noticed(void **state)
{
	struct place *p = *state;
	long size, step;
	FILE *f;
	int byte;

	catalog_close(&p->c);
	f = fopen(p->path, "r+b");
	assert_non_null(f);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	size = ftell(f);
	step = size / 97 + 1;
	for (long at = 0; at < size; at += step) {
		assert_int_equal(fseek(f, at, SEEK_SET), 0);
		byte = fgetc(f);
		assert_int_equal(fseek(f, at, SEEK_SET), 0);
		assert_int_equal(fputc(byte ^ 1 << at % 8, f), byte ^ 1 << at % 8);
		assert_int_equal(fflush(f), 0);
		assert_int_equal(open_code(p, p->keys), ERR_CORRUPT);
		assert_int_equal(fseek(f, at, SEEK_SET), 0);
		assert_int_equal(fputc(byte, f), byte);
		assert_int_equal(fflush(f), 0);
	}
	assert_int_equal(fclose(f), 0);
	assert_int_equal(open_code(p, p->keys), ERR_NONE);
}

static void
damage_is_noticed(void **state)
{
	struct place *p = *state;
	struct catalog_row row;
	static const char GARBAGE[3000] = "garbage";
	char id[16];

	begin(p);
	for (int i = 0; i < 200; i++) {
		(void)snprintf(id, sizeof id, "a-%d", i);
		row = row_of(CATALOG_ARCHIVE, id, id, i, "document");
		OK(catalog_insert(p->c, &row, &p->err));
	}
	commit(p);
	catalog_close(&p->c);
	assert_int_equal(open_code(p, p->keys), ERR_NONE);
	file_damage(p, 4096L * 3, GARBAGE, sizeof GARBAGE);
	assert_int_equal(open_code(p, p->keys), ERR_CORRUPT);
	file_damage(p, 0, "not a database at all", 21);
	assert_int_equal(open_code(p, p->keys), ERR_CORRUPT);
}

static void
changed_document_does_not_open(void **state)
{
	struct place *p = *state;
	struct catalog_row row = row_of(CATALOG_ARCHIVE, "a-1", "journal", 10, ""), got;
	struct bytes file;
	size_t at;
	char document[600];

	memset(document, 'd', sizeof document);
	row.document = bytes_of(document, sizeof document);
	begin(p);
	OK(catalog_insert(p->c, &row, &p->err));
	commit(p);
	catalog_close(&p->c);
	/* the blob follows the readable columns of its row */
	file = file_read(p, "");
	at = bytes_find(file, 0, BYTES_LIT("ACTIVE"));
	assert_int_not_equal(at, SIZE_MAX);
	file_damage(p, (long)at + 300, "\x01\x02\x03\x04\x05\x06\x07\x08", 8);
	place_open(p); /* pages carry no checksum: the seal is what notices */
	begin(p);
	FAILS(catalog_get(p->c, CATALOG_ARCHIVE, "a-1", &p->arena, &got, &p->err), ERR_CORRUPT);
	rollback(p);
}

static void
strange_files_are_refused(void **state)
{
	struct place *p = *state;

	catalog_close(&p->c);
	/* user_version lies at offset 60 of the header, big-endian; application_id at 68 */
	file_damage(p, 60, "\0\0\0\x63", 4);
	assert_int_equal(open_code(p, p->keys), ERR_UNSUPPORTED);
	file_damage(p, 60, "\0\0\0\x02", 4); /* the present schema */
	assert_int_equal(open_code(p, p->keys), ERR_NONE);
	file_damage(p, 68, "NOPE", 4);
	assert_int_equal(open_code(p, p->keys), ERR_CORRUPT);
	assert_int_equal(unlink(p->path), 0);
	assert_int_equal(mkdir(p->path, 0700), 0);
	assert_int_not_equal(open_code(p, p->keys), ERR_NONE);
	assert_null(p->c);
}

/* Invariants 6 and 10. */
static void
parts_follow_their_row(void **state)
{
	struct place *p = *state;
	struct catalog_row row = {.kind = CATALOG_HOLD, .id = "h-1", .created_ms = 1};
	uint8_t *large = mem_calloc(1, CATALOG_PART_MAX + 1);
	struct bytes got;
	uint32_t count;

	begin(p);
	OK(catalog_insert(p->c, &row, &p->err));
	OK(catalog_part_put(p->c, "h-1", 0, BYTES_LIT("zero"), &p->err));
	OK(catalog_part_put(p->c, "h-1", 1, BYTES_LIT("one"), &p->err));
	OK(catalog_part_put(p->c, "h-1", 1, BYTES_LIT("uno"), &p->err));
	FAILS(catalog_part_put(p->c, "h-1", 2, bytes_of(large, CATALOG_PART_MAX + 1), &p->err),
	    ERR_LIMIT);
	commit(p);
	catalog_close(&p->c);
	place_open(p);
	begin(p);
	OK(catalog_part_count(p->c, "h-1", &count, &p->err));
	assert_int_equal(count, 2);
	OK(catalog_part_get(p->c, "h-1", 1, &p->arena, &got, &p->err));
	assert_true(bytes_equal(got, BYTES_LIT("uno")));
	FAILS(catalog_part_get(p->c, "h-1", 2, &p->arena, &got, &p->err), ERR_NOT_FOUND);
	OK(catalog_part_clear(p->c, "h-1", 1, 2, &p->err));
	FAILS(catalog_part_get(p->c, "h-1", 1, &p->arena, &got, &p->err), ERR_NOT_FOUND);
	OK(catalog_delete(p->c, CATALOG_HOLD, "h-1", &p->err));
	OK(catalog_part_count(p->c, "h-1", &count, &p->err));
	assert_int_equal(count, 0);
	commit(p);
	mem_free(large);
}

struct worker {
	struct place *p;
	bool ok;
};

static void *
worker_run(void *ctx)
{
	struct worker *w = ctx;
	struct arena arena;
	struct err err;

	w->ok = true;
	arena_init(&arena);
	for (int i = 0; i < 10 && w->ok; i++) {
		struct bytes value;
		uint8_t next;

		w->ok = catalog_begin(w->p->c, &err);
		if (!w->ok)
			break;
		w->ok = catalog_setting_get(w->p->c, "n", &arena, &value, &err);
		if (w->ok) {
			next = (uint8_t)(value.ptr[0] + 1);
			w->ok = catalog_setting_put(w->p->c, "n", bytes_of(&next, 1), &err);
		}
		w->ok = w->ok && catalog_commit(w->p->c, &err);
	}
	arena_fini(&arena);
	return NULL;
}

static void
threads_take_turns(void **state)
{
	struct place *p = *state;
	struct worker workers[4];
	pthread_t threads[4];
	struct bytes value;

	begin(p);
	OK(catalog_setting_put(p->c, "n", BYTES_LIT("\0"), &p->err));
	commit(p);
	for (size_t i = 0; i < 4; i++) {
		workers[i].p = p;
		assert_int_equal(pthread_create(&threads[i], NULL, worker_run, &workers[i]), 0);
	}
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_true(workers[i].ok);
	}
	begin(p);
	OK(catalog_setting_get(p->c, "n", &p->arena, &value, &p->err));
	assert_int_equal(value.ptr[0], 40);
	commit(p);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, place_make, place_clear)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(rows_survive_a_reopen),
	    TEST(rollback_leaves_nothing),
	    TEST(names_are_unique_while_rows_live),
	    TEST(lists_page_newest_first),
	    TEST(tags_follow_their_row),
	    TEST(tokens_are_kept_and_purged),
	    TEST(access_keys_and_settings_are_kept),
	    TEST(sealed_columns_are_not_in_the_files),
	    TEST(documents_have_a_limit),
	    TEST(parts_follow_their_row),
	    TEST(another_key_opens_nothing),
	    TEST(another_key_takes_over),
	    TEST(damage_is_noticed),
	    TEST(changed_document_does_not_open),
	    TEST(flips_are_noticed),
	    TEST(strange_files_are_refused),
	    TEST(threads_take_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
