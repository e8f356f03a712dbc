/* SPDX-License-Identifier: Apache-2.0 */
/* Exports and proofs as libdaybook-verify sees them: whole ones, and ones that somebody changed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base_bytes.h"
#include "base_text.h"
#include "crypt_digest.h"
#include "crypt_sign.h"
#include "daybook/verify.h"
#include "os_fs.h"
#include "os_fs_memory.h"
#include "os_host.h"
#include "proof_leaf.h"
#include "proof_log.h"
#include "proof_text.h"

#define MESSAGES 3

static struct err err;

static const char *const texts[MESSAGES] = {
    "Subject: one\r\n\r\nfirst\r\n", "Subject: two\r\n\r\nsecond\r\n", ""};

/* A directory on the real disk with an export of three messages and their proofs. */
struct bench {
	char dir[64];
	struct os_fs_memory *disk;
	struct proof_log *log;
	struct secret *seed;
	struct proof_key key;
	char vkey[PROOF_VKEY_BYTES_MAX];
	char ids[MESSAGES][ID_RECORD_TEXT_SIZE];
	struct buf proofs[MESSAGES];
	uint64_t problems;
	char last[512];
};

static const char *
at(struct bench *b, const char *name)
{
	static char path[256];

	(void)snprintf(path, sizeof path, "%s/%s", b->dir, name);
	return path;
}

static void
put(struct bench *b, const char *name, struct bytes data)
{
	assert_true(os_fs_write_file(os_fs_real(), at(b, name), data, &err));
}

static void
hex_of(char out[2 * CRYPT_SHA256_BYTES + 1], struct bytes data)
{
	uint8_t digest[CRYPT_SHA256_BYTES];

	crypt_sha256(digest, data);
	text_hex_format(out, bytes_of(digest, sizeof digest));
}

static void
record_of(struct bench *b, size_t i, struct proof_record *out)
{
	static const struct bytes recipient[] = {{(const uint8_t *)"a@example.com", 13}};

	(void)b;
	*out = (struct proof_record){.received_ms = 1000 + (int64_t)i,
	    .size_bytes = strlen(texts[i]),
	    .sender = BYTES_LIT("b@example.com"),
	    .recipients = recipient,
	    .recipient_count = 1};
	memset(out->id.raw, 0, sizeof out->id.raw);
	out->id.raw[4] = 3;
	out->id.raw[5] = (uint8_t)(232 + i); /* 1000 + i milliseconds */
	crypt_sha256(out->sha256, bytes_of_str(texts[i]));
}

static void
log_make(struct bench *b)
{
	struct proof_leaf leaves[MESSAGES];
	struct secret *leaf_key;
	uint8_t salts[MESSAGES][PROOF_SALT_BYTES];
	struct proof_log_options o = {.dir = "/proof", .key = &b->key};

	b->disk = os_fs_memory_new();
	o.fs = os_fs_memory(b->disk);
	o.seed = b->seed;
	leaf_key = proof_leaf_key(b->seed);
	assert_true(os_fs_mkdir(o.fs, "/proof", &err));
	assert_true(proof_log_create(&o, &err) && proof_log_open(&o, &b->log, &err));
	for (size_t i = 0; i < MESSAGES; i++) {
		struct proof_record r;

		record_of(b, i, &r);
		proof_leaf_salt(
		    salts[i], leaf_key, PROOF_RECORD, bytes_of(r.id.raw, sizeof r.id.raw));
		proof_leaf_of_record(&leaves[i], salts[i], &r);
		id_record_format(b->ids[i], &r.id);
	}
	assert_true(proof_log_append(b->log, leaves, MESSAGES, &err));
	for (size_t i = 0; i < MESSAGES; i++) {
		struct proof_text text = {.has_extra = true, .index = i};
		struct proof_record r;
		struct buf opening;

		record_of(b, i, &r);
		buf_init(&opening, PROOF_TEXT_BYTES_MAX);
		buf_init(&b->proofs[i], PROOF_TEXT_BYTES_MAX);
		proof_opening_encode(&opening, salts[i], &r);
		assert_true(proof_log_inclusion(b->log, i, MESSAGES, &text.path, &err));
		text.checkpoint = proof_log_note(b->log);
		proof_text_format(&text, buf_view(&opening), &b->proofs[i]);
		buf_fini(&opening);
	}
	secret_free(&leaf_key);
}

static void
manifest_make(struct bench *b)
{
	struct buf text;

	buf_init(&text, 1 << 20);
	buf_append_str(&text, "{\"Count\":3,\"DamagedCount\":0,\"Messages\":[\n");
	for (size_t i = 0; i < MESSAGES; i++) {
		char hex[2 * CRYPT_SHA256_BYTES + 1], name[64];

		hex_of(hex, bytes_of_str(texts[i]));
		buf_printf(&text,
		    "{\"ArchivedMessageId\":\"%s\",\"File\":\"%s.eml\",\"SizeBytes\":%zu,"
		    "\"Sha256\":\"%s\",\"ProofFile\":\"%s.tlog-proof\"}%s",
		    b->ids[i], b->ids[i], strlen(texts[i]), hex, b->ids[i],
		    i + 1 < MESSAGES ? ",\n" : "]}\n");
		(void)snprintf(name, sizeof name, "%s.eml", b->ids[i]);
		put(b, name, bytes_of_str(texts[i]));
		(void)snprintf(name, sizeof name, "%s.tlog-proof", b->ids[i]);
		put(b, name, buf_view(&b->proofs[i]));
	}
	put(b, "manifest.json", buf_view(&text));
	buf_fini(&text);
}

static int
setup(void **state)
{
	static struct bench b;
	uint8_t public_key[CRYPT_SIGN_PUBLIC_BYTES];
	struct rng rng = rng_system();
	struct buf vkey;

	memset(&b, 0, sizeof b);
	(void)snprintf(b.dir, sizeof b.dir, "/tmp/verify-test-XXXXXX");
	assert_non_null(mkdtemp(b.dir));
	b.seed = secret_random(32, &rng);
	crypt_sign_public(b.seed, public_key);
	assert_true(proof_key_make(&b.key, PROOF_KEY_LOG, BYTES_LIT("test/a-1"), public_key, &err));
	buf_init(&vkey, sizeof b.vkey - 1);
	proof_key_format(&b.key, &vkey);
	(void)snprintf(b.vkey, sizeof b.vkey, "%s", buf_text(&vkey));
	buf_fini(&vkey);
	log_make(&b);
	manifest_make(&b);
	*state = &b;
	return 0;
}

static bool
remove_one(void *ctx, const char *name)
{
	return os_fs_unlink(os_fs_real(), at(ctx, name), &err);
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	assert_true(os_fs_list(os_fs_real(), b->dir, remove_one, b, &err));
	(void)rmdir(b->dir);
	proof_log_close(&b->log);
	os_fs_memory_free(&b->disk);
	for (size_t i = 0; i < MESSAGES; i++)
		buf_fini(&b->proofs[i]);
	secret_free(&b->seed);
	return 0;
}

static void
on_problem(void *ctx, const char *what)
{
	struct bench *b = ctx;

	b->problems++;
	(void)snprintf(b->last, sizeof b->last, "%s", what);
}

static enum daybook_code
verify(struct bench *b, const char *key, struct daybook_export_counts *counts)
{
	struct daybook_error error;

	b->problems = 0;
	return daybook_verify_export(b->dir, key, on_problem, NULL, b, counts, &error);
}

static void
whole_export_passes(void **state)
{
	struct bench *b = *state;
	struct daybook_export_counts counts;

	assert_int_equal(verify(b, b->vkey, &counts), DAYBOOK_OK);
	assert_int_equal(counts.messages, MESSAGES);
	assert_int_equal(counts.proved, MESSAGES);
	assert_int_equal(verify(b, NULL, &counts), DAYBOOK_OK);
	assert_int_equal(counts.proved, 0);
}

static void
name_of(struct bench *b, size_t i, const char *end, char out[64])
{
	(void)snprintf(out, 64, "%s%s", b->ids[i], end);
}

static void
message_changed(struct bench *b)
{
	char name[64];

	name_of(b, 0, ".eml", name);
	put(b, name, BYTES_LIT("Subject: one\r\n\r\nFirst\r\n"));
}

static void
message_missing(struct bench *b)
{
	char name[64];

	name_of(b, 1, ".eml", name);
	assert_true(os_fs_unlink(os_fs_real(), at(b, name), &err));
}

static void
message_beside(struct bench *b)
{
	put(b, "zzzzzzzzzzzzzzzzzzzzzzzzzz.eml", BYTES_LIT("forged"));
}

static void
proof_of_another(struct bench *b)
{
	char name[64];

	name_of(b, 0, ".tlog-proof", name);
	put(b, name, buf_view(&b->proofs[1]));
}

static void
proof_cut(struct bench *b)
{
	char name[64];

	name_of(b, 2, ".tlog-proof", name);
	put(b, name, bytes_slice(buf_view(&b->proofs[2]), 0, b->proofs[2].len / 2));
}

/* what in the manifest is replaced by what, once */
static void
manifest_edit(struct bench *b, const char *what, const char *with)
{
	struct buf text;
	char *place;
	struct buf out;

	buf_init(&text, 1 << 20);
	buf_init(&out, 1 << 20);
	assert_true(os_fs_read_file(os_fs_real(), at(b, "manifest.json"), 1 << 20, &text, &err));
	place = strstr(buf_text(&text), what);
	assert_non_null(place);
	buf_append_mem(&out, text.ptr, (size_t)(place - (char *)text.ptr));
	buf_append_str(&out, with);
	buf_append_str(&out, place + strlen(what));
	put(b, "manifest.json", buf_view(&out));
	buf_fini(&text);
	buf_fini(&out);
}

static void
count_changed(struct bench *b)
{
	manifest_edit(b, "\"Count\":3", "\"Count\":4");
}

static void
name_leads_out(struct bench *b)
{
	manifest_edit(b, "\"File\":\"", "\"File\":\"../");
}

static void
proof_taken_away(struct bench *b)
{
	manifest_edit(b, "\"ProofFile\"", "\"NoFile\"");
}

static void
manifest_cut(struct bench *b)
{
	manifest_edit(b, "]}\n", "");
}

static const struct {
	const char *name;
	void (*change)(struct bench *b);
	const char *told; /* part of a problem's text */
} CHANGES[] = {
    {"a byte of a message", message_changed, "not"},
    {"a message missing", message_missing, "is missing"},
    {"a message that nobody exported", message_beside, "is not in the manifest"},
    {"the proof of another message", proof_of_another, ""},
    {"half a proof", proof_cut, ""},
    {"another count", count_changed, "does not have the entries"},
    {"a name that leads out", name_leads_out, ""},
    {"a proof taken away", proof_taken_away, ""},
    {"no end", manifest_cut, ""},
};

static void
every_change_is_told(void **state)
{
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof CHANGES / sizeof *CHANGES; i++) {
		struct daybook_export_counts counts;

		assert_true(os_fs_list(os_fs_real(), b->dir, remove_one, b, &err));
		manifest_make(b);
		CHANGES[i].change(b);
		if (verify(b, b->vkey, &counts) != DAYBOOK_WRONG || b->problems == 0 ||
		    counts.problems != b->problems || strstr(b->last, CHANGES[i].told) == NULL)
			fail_msg("%s: %llu problems, last: %s", CHANGES[i].name,
			    (unsigned long long)b->problems, b->last);
	}
}

static void
unfinished_and_misused(void **state)
{
	struct bench *b = *state;
	struct daybook_export_counts counts;

	assert_int_equal(verify(b, "no key", &counts), DAYBOOK_USAGE);
	assert_true(os_fs_unlink(os_fs_real(), at(b, "manifest.json"), &err));
	assert_int_equal(verify(b, b->vkey, &counts), DAYBOOK_NOT_FOUND);
}

/* Every byte of message and proof matters. */
static void
no_changed_byte_proves(void **state)
{
	struct bench *b = *state;
	struct daybook_proved proved;
	struct daybook_error error;
	struct bytes proof = buf_view(&b->proofs[1]);
	uint8_t changed[8192];
	size_t len = strlen(texts[1]);

	assert_int_equal(
	    daybook_verify_message(texts[1], len, proof.ptr, proof.len, b->vkey, &proved, &error),
	    DAYBOOK_OK);
	assert_string_equal(proved.id, b->ids[1]);
	assert_string_equal(proved.log, "test/a-1");
	assert_int_equal(proved.index, 1);
	assert_int_equal(proved.size, MESSAGES);
	assert_int_equal(proved.received_ms, 1001);
	assert_true(proof.len < sizeof changed);
	for (size_t i = 0; i < len; i++) {
		memcpy(changed, texts[1], len);
		changed[i] ^= 1;
		assert_int_not_equal(daybook_verify_message(
					 changed, len, proof.ptr, proof.len, b->vkey, NULL, &error),
		    DAYBOOK_OK);
	}
	for (size_t i = 0; i < proof.len; i++) {
		memcpy(changed, proof.ptr, proof.len);
		changed[i] ^= 1;
		if (daybook_verify_message(
			texts[1], len, changed, proof.len, b->vkey, NULL, &error) == DAYBOOK_OK)
			fail_msg("byte %zu of the proof may be another: %.*s", i, (int)proof.len,
			    (const char *)proof.ptr);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(whole_export_passes, setup, teardown),
	    cmocka_unit_test_setup_teardown(every_change_is_told, setup, teardown),
	    cmocka_unit_test_setup_teardown(unfinished_and_misused, setup, teardown),
	    cmocka_unit_test_setup_teardown(no_changed_byte_proves, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
