/* SPDX-License-Identifier: Apache-2.0 */
/* Notes, keys, checkpoints, proofs as text: what others wrote is read, ours comes back, the rest is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base_rng.h"
#include "proof_checkpoint.h"
#include "proof_fixture.h"
#include "proof_text.h"
#include "proof_witness.h"

#define D "\xe2\x80\x94 "

static struct err err;

/* The example in the documentation of Go's sumdb/note package. */
static void
a_note_by_somebody_else_is_read(void **state)
{
	static const char NOTE[] =
	    "If you think cryptography is the answer to your problem,\n"
	    "then you don't know what your problem is.\n"
	    "\n" D "PeterNeumann "
	    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6K"
	    "E6RyyBwJnAM=\n";
	struct proof_note note;
	struct proof_key key;
	struct buf vkey;

	(void)state;
	assert_true(proof_key_parse(
	    BYTES_LIT("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"), &key,
	    &err));
	assert_true(proof_note_parse(bytes_of_str(NOTE), &note, &err));
	assert_int_equal(note.signature_count, 1);
	assert_true(proof_note_verify(&note, &key, NULL, &err));
	buf_init(&vkey, PROOF_VKEY_BYTES_MAX);
	proof_key_format(&key, &vkey);
	assert_string_equal(
	    buf_text(&vkey), "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
	buf_fini(&vkey);
}

static void
malformed_notes_are_refused(void **state)
{
	static const struct {
		const char *name, *note;
	} ROWS[] = {
	    {"empty", ""},
	    {"no signature", "text\n"},
	    {"no blank line", "text\n" D "a AAAAAAA=\n"},
	    {"nothing behind the blank line", "text\n\n"},
	    {"no last newline", "text\n\n" D "a AAAAAAA="},
	    {"no dash", "text\n\n- a AAAAAAA=\n"},
	    {"no name", "text\n\n" D " AAAAAAA=\n"},
	    {"plus in the name", "text\n\n" D "a+b AAAAAAA=\n"},
	    {"wide space in the name", "text\n\n" D "a\xe3\x80\x80"
				       "b AAAAAAA=\n"},
	    {"not base64", "text\n\n" D "a AAAA!AA=\n"},
	    {"only an id", "text\n\n" D "a AAAAAA==\n"},
	    {"nothing after the name", "text\n\n" D "a \n"},
	    {"one word", "text\n\n" D "a\n"},
	    {"carriage return", "text\r\n\n" D "a AAAAAAA=\n"},
	    {"not UTF-8", "te\xff\n\n" D "a AAAAAAA=\n"},
	};
	struct proof_note note;

	(void)state;
	assert_true(proof_note_parse(bytes_of_str("text\n\n" D "a AAAAAAA=\n"), &note, &err));
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		if (proof_note_parse(bytes_of_str(ROWS[i].note), &note, &err))
			fail_msg("taken for a note: %s", ROWS[i].name);
		assert_int_equal(err.code, ERR_SYNTAX);
	}
}

static void
keys_are_checked(void **state)
{
	static const struct {
		const char *name, *vkey;
		enum err_code code;
	} ROWS[] = {
	    {"empty", "", ERR_SYNTAX},
	    {"two parts", "PeterNeumann+c74f20a3", ERR_SYNTAX},
	    {"another id", "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		ERR_SYNTAX},
	    {"short id", "PeterNeumann+c74f20a+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		ERR_SYNTAX},
	    {"not base64", "PeterNeumann+c74f20a3+!", ERR_SYNTAX},
	    {"short", "PeterNeumann+c74f20a3+ARpc", ERR_SYNTAX},
	    {"another kind", "PeterNeumann+c74f20a3+Bhpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		ERR_UNSUPPORTED},
	    {"space in the name",
		"Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", ERR_SYNTAX},
	    {"no name", "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", ERR_SYNTAX},
	};
	struct proof_key key;

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		if (proof_key_parse(bytes_of_str(ROWS[i].vkey), &key, &err))
			fail_msg("taken for a key: %s", ROWS[i].name);
		if (err.code != ROWS[i].code)
			fail_msg("%s: %s", ROWS[i].name, err.msg);
	}
}

struct keys {
	struct proof_key log, witness, stranger;
	struct secret *log_seed, *witness_seed, *stranger_seed;
};

static void
keys_init(struct keys *k)
{
	k->log_seed = proof_fixture_key(&k->log, PROOF_KEY_LOG, "example.com/log", 1);
	k->witness_seed = proof_fixture_key(&k->witness, PROOF_KEY_WITNESS, "witness.example", 2);
	k->stranger_seed = proof_fixture_key(&k->stranger, PROOF_KEY_LOG, "example.com/log", 3);
}

static void
keys_fini(struct keys *k)
{
	secret_free(&k->log_seed);
	secret_free(&k->witness_seed);
	secret_free(&k->stranger_seed);
}

static void
checkpoint_make(const struct keys *k, uint64_t size, struct buf *out)
{
	struct proof_checkpoint c = {.origin = bytes_of_str(k->log.name), .size = size};
	struct buf text;

	memset(c.root.raw, 0x42, sizeof c.root.raw);
	proof_checkpoint_seal(&c, &k->log, k->log_seed, out);
	buf_init(&text, 1024);
	proof_checkpoint_format(&c, &text);
	proof_note_cosign(buf_view(&text), &k->witness, k->witness_seed, 1679315147, out);
	buf_fini(&text);
}

static void
checkpoints_come_back(void **state)
{
	struct proof_checkpoint c;
	struct proof_note note;
	struct keys k;
	struct buf b;
	uint64_t time_s;

	(void)state;
	keys_init(&k);
	buf_init(&b, PROOF_NOTE_BYTES_MAX);
	checkpoint_make(&k, 20852163, &b);
	assert_true(proof_checkpoint_open(buf_view(&b), &k.log, &c, &err));
	assert_int_equal(c.size, 20852163);
	assert_int_equal(c.root.raw[31], 0x42);
	assert_true(proof_note_parse(buf_view(&b), &note, &err));
	assert_int_equal(note.signature_count, 2);
	assert_true(proof_note_verify(&note, &k.witness, &time_s, &err));
	assert_int_equal(time_s, 1679315147);
	/* The same name, another key: not known, and not believed. */
	assert_false(proof_checkpoint_open(buf_view(&b), &k.stranger, &c, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	buf_fini(&b);
	keys_fini(&k);
}

/* Whatever bit is changed: neither signature says anything else than before. */
static void
changed_checkpoints_are_refused(void **state)
{
	struct proof_checkpoint c, first;
	struct proof_note note;
	struct keys k;
	struct buf b;

	(void)state;
	keys_init(&k);
	buf_init(&b, PROOF_NOTE_BYTES_MAX);
	checkpoint_make(&k, 77, &b);
	assert_true(proof_checkpoint_open(buf_view(&b), &k.log, &first, &err));
	for (size_t bit = 0; bit < b.len * 8; bit++) {
		bool log_ok, witness_ok;

		b.ptr[bit / 8] ^= (uint8_t)(1 << bit % 8);
		log_ok = proof_checkpoint_open(buf_view(&b), &k.log, &c, &err);
		witness_ok = proof_note_parse(buf_view(&b), &note, &err) &&
			     proof_note_verify(&note, &k.witness, NULL, &err);
		assert_false(log_ok && witness_ok);
		if (log_ok)
			assert_true(c.size == 77 && proof_tree_equal(&c.root, &first.root));
		b.ptr[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	buf_fini(&b);
	keys_fini(&k);
}

static void
checkpoint_texts_are_checked(void **state)
{
#define ROOT "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
	static const struct {
		const char *name, *text;
		bool good;
	} ROWS[] = {
	    {"the example", "example.com/behind-the-sofa\n20852163\n" ROOT, true},
	    {"empty tree", "a\n0\n" ROOT, true},
	    {"extension lines", "a\n5\n" ROOT "more\nand more\n", true},
	    {"no origin", "\n5\n" ROOT, false},
	    {"leading zero", "a\n05\n" ROOT, false},
	    {"negative", "a\n-5\n" ROOT, false},
	    {"too large", "a\n18446744073709551616\n" ROOT, false},
	    {"no root", "a\n5\n", false},
	    {"short root", "a\n5\nCsUY\n", false},
	    {"long root", "a\n5\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2IAAA==\n", false},
	    {"empty extension line", "a\n5\n" ROOT "\nb\n", false},
	    {"no last newline", "a\n5\n" ROOT "b", false},
	};
	struct proof_checkpoint c;

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
		if (proof_checkpoint_parse(bytes_of_str(ROWS[i].text), &c, &err) != ROWS[i].good)
			fail_msg("%s", ROWS[i].name);
#undef ROOT
}

static void
proofs_come_back(void **state)
{
	struct proof_text t = {.has_extra = true, .index = 73894}, got;
	struct buf text, extra;

	(void)state;
	buf_init(&text, PROOF_TEXT_BYTES_MAX);
	buf_init(&extra, PROOF_TEXT_BYTES_MAX);
	t.checkpoint = BYTES_LIT("a note\n\nwith lines\n");
	for (t.path.count = 0; t.path.count < 20; t.path.count++)
		memset(t.path.hashes[t.path.count].raw, (int)t.path.count, PROOF_HASH_BYTES);
	proof_text_format(&t, BYTES_LIT("opening"), &text);
	assert_true(proof_text_parse(buf_view(&text), &got, &extra, &err));
	assert_int_equal(got.index, t.index);
	assert_int_equal(got.path.count, 20);
	assert_int_equal(got.path.hashes[19].raw[5], 19);
	assert_true(bytes_equal(got.checkpoint, t.checkpoint));
	assert_string_equal(buf_text(&extra), "opening");
	buf_fini(&text);
	buf_fini(&extra);
}

static void
malformed_proofs_are_refused(void **state)
{
#define FIRST "c2sp.org/tlog-proof@v1\n"
#define HASH  "gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=\n"
	static const struct {
		const char *name, *text;
	} ROWS[] = {
	    {"empty", ""},
	    {"another first line", "c2sp.org/tlog-proof@v2\nindex 1\n\nx"},
	    {"no index", FIRST HASH "\nx"},
	    {"empty index", FIRST "index \n\nx"},
	    {"leading zero", FIRST "index 01\n\nx"},
	    {"negative", FIRST "index -1\n\nx"},
	    {"extra behind the index", FIRST "index 1\nextra AAAA\n\nx"},
	    {"extra is no base64", FIRST "extra A\nindex 1\n\nx"},
	    {"short hash", FIRST "index 1\ngSKy\n\nx"},
	    {"no empty line", FIRST "index 1\n" HASH},
	    {"65 hashes", FIRST "index 1\n"
#define EIGHT HASH HASH HASH HASH HASH HASH HASH HASH
		EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT HASH "\nx"},
	};
	struct proof_text got;
	struct buf extra;

	(void)state;
	buf_init(&extra, PROOF_TEXT_BYTES_MAX);
	assert_true(proof_text_parse(bytes_of_str(FIRST "index 0\n\nx"), &got, &extra, &err));
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
		if (proof_text_parse(bytes_of_str(ROWS[i].text), &got, &extra, &err))
			fail_msg("taken for a proof: %s", ROWS[i].name);
	buf_fini(&extra);
}

static void
openings_lead_to_the_leaf(void **state)
{
	const struct bytes recipients[] = {
	    BYTES_LIT("a@example.com"), BYTES_LIT(""), BYTES_LIT("\xc3\xbc@example.org")};
	struct proof_record r = {.received_ms = 1700000000123,
				.size_bytes = 4711,
				.sender = BYTES_LIT("bounce@example.net"),
				.recipients = recipients,
				.recipient_count = 3},
			    got;
	uint8_t salt[PROOF_SALT_BYTES], salt_got[PROOF_SALT_BYTES];
	struct secret *archive_key = secret_new(32), *key = proof_leaf_key(archive_key);
	struct proof_leaf leaf, again;
	struct arena arena;
	struct buf b;

	(void)state;
	arena_init(&arena);
	buf_init(&b, 4096);
	memset(r.id.raw, 9, sizeof r.id.raw);
	memset(r.sha256, 8, sizeof r.sha256);
	proof_leaf_salt(salt, key, PROOF_RECORD, bytes_of(r.id.raw, sizeof r.id.raw));
	proof_leaf_of_record(&leaf, salt, &r);
	assert_int_equal(leaf.raw[0], 1);
	assert_int_equal(leaf.raw[1], PROOF_RECORD);
	proof_opening_encode(&b, salt, &r);
	assert_true(proof_opening_decode(buf_view(&b), &arena, salt_got, &got, &err));
	got.size_bytes = r.size_bytes;
	memcpy(got.sha256, r.sha256, sizeof got.sha256);
	proof_leaf_of_record(&again, salt_got, &got);
	assert_memory_equal(leaf.raw, again.raw, sizeof leaf.raw);
	for (size_t len = 0; len < b.len; len++)
		assert_false(proof_opening_decode(
		    bytes_slice(buf_view(&b), 0, len), &arena, salt_got, &got, &err));
	/* Recipients do not run into each other. */
	r.recipient_count = 2;
	proof_leaf_of_record(&again, salt, &r);
	assert_memory_not_equal(leaf.raw, again.raw, sizeof leaf.raw);
	buf_fini(&b);
	arena_fini(&arena);
	secret_free(&key);
	secret_free(&archive_key);
}

static void
kinds_of_leaves_differ(void **state)
{
	uint8_t record[PROOF_SALT_BYTES], removal[PROOF_SALT_BYTES];
	struct secret *key = secret_new(32);
	struct proof_removal r = {.leaf_index = 5, .reason = 1};
	struct proof_leaf a, b;

	(void)state;
	proof_leaf_salt(record, key, PROOF_RECORD, BYTES_LIT("0123456789abcdef"));
	proof_leaf_salt(removal, key, PROOF_REMOVAL, BYTES_LIT("0123456789abcdef"));
	assert_memory_not_equal(record, removal, sizeof record);
	proof_leaf_of_removal(&a, removal, &r);
	r.leaf_index = 6;
	proof_leaf_of_removal(&b, removal, &r);
	assert_int_equal(a.raw[1], PROOF_REMOVAL);
	assert_memory_not_equal(a.raw, b.raw, sizeof a.raw);
	secret_free(&key);
}

static void
sizes_of_witnesses_are_checked(void **state)
{
	static const struct {
		const char *name, *body;
		bool good;
	} ROWS[] = {
	    {"a size", "20852014\n", true},
	    {"zero", "0\n", true},
	    {"largest", "18446744073709551615\n", true},
	    {"too large", "18446744073709551616\n", false},
	    {"empty", "", false},
	    {"only a newline", "\n", false},
	    {"no newline", "5", false},
	    {"two newlines", "5\n\n", false},
	    {"leading zero", "05\n", false},
	    {"carriage return", "5\r\n", false},
	    {"sign", "+5\n", false},
	    {"words", "conflict\n", false},
	};
	uint64_t size;

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
		if (proof_witness_size_parse(bytes_of_str(ROWS[i].body), &size, &err) !=
		    ROWS[i].good)
			fail_msg("%s", ROWS[i].name);
}

static void
requests_to_witnesses_have_their_form(void **state)
{
	struct proof_path path = {.count = 2};
	struct buf out;

	(void)state;
	memset(path.hashes, 0, sizeof path.hashes);
	buf_init(&out, 4096);
	proof_witness_request(20852014, &path, BYTES_LIT("note\n\nlines\n"), &out);
	assert_string_equal(buf_text(&out),
	    "old 20852014\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\nnote\n\nlines\n");
	buf_reset(&out);
	path.count = 0;
	proof_witness_request(0, &path, BYTES_LIT("n"), &out);
	assert_string_equal(buf_text(&out), "old 0\n\nn");
	buf_fini(&out);
}

/* Of what a witness answers only the line of its key is taken, and only for the checkpoint it was asked for. */
static void
cosignatures_are_checked(void **state)
{
	struct proof_note note;
	struct buf b, body, line;
	struct keys k;
	uint64_t time_s;

	(void)state;
	keys_init(&k);
	buf_init(&b, PROOF_NOTE_BYTES_MAX);
	buf_init(&body, PROOF_NOTE_BYTES_MAX);
	buf_init(&line, PROOF_NOTE_BYTES_MAX);
	checkpoint_make(&k, 7, &b);
	assert_true(proof_note_parse(buf_view(&b), &note, &err));
	buf_append_str(&body, D "other.example AAAAAAA=\n");
	proof_note_cosign(note.text, &k.witness, k.witness_seed, 1700000000, &body);
	assert_true(proof_witness_cosignature(
	    buf_view(&b), buf_view(&body), &k.witness, &line, &time_s, &err));
	assert_int_equal(time_s, 1700000000);
	assert_true(bytes_ends_with(buf_view(&body), buf_view(&line)));
	assert_true(bytes_starts_with(buf_view(&line), BYTES_LIT(D "witness.example ")));
	assert_false(proof_witness_cosignature(buf_view(&b),
	    BYTES_LIT(D "other.example AAAAAAA=\n"), &k.witness, &line, &time_s, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_false(proof_witness_cosignature(buf_view(&b), BYTES_LIT("text\n\n" D "a AAAAAAA=\n"),
	    &k.witness, &line, &time_s, &err));
	assert_int_equal(err.code, ERR_SYNTAX);
	assert_false(
	    proof_witness_cosignature(buf_view(&b), BYTES_EMPTY, &k.witness, &line, &time_s, &err));
	assert_false(
	    proof_witness_cosignature(buf_view(&b), buf_view(&body), &k.log, &line, &time_s, &err));
	assert_int_equal(err.code, ERR_UNSUPPORTED);
	/* Signed, but another checkpoint. */
	buf_reset(&b);
	checkpoint_make(&k, 8, &b);
	assert_false(proof_witness_cosignature(
	    buf_view(&b), buf_view(&body), &k.witness, &line, &time_s, &err));
	assert_int_equal(err.code, ERR_DENIED);
	buf_fini(&b);
	buf_fini(&body);
	buf_fini(&line);
	keys_fini(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_note_by_somebody_else_is_read),
	    cmocka_unit_test(malformed_notes_are_refused),
	    cmocka_unit_test(keys_are_checked),
	    cmocka_unit_test(checkpoints_come_back),
	    cmocka_unit_test(changed_checkpoints_are_refused),
	    cmocka_unit_test(checkpoint_texts_are_checked),
	    cmocka_unit_test(proofs_come_back),
	    cmocka_unit_test(sizes_of_witnesses_are_checked),
	    cmocka_unit_test(requests_to_witnesses_have_their_form),
	    cmocka_unit_test(cosignatures_are_checked),
	    cmocka_unit_test(malformed_proofs_are_refused),
	    cmocka_unit_test(openings_lead_to_the_leaf),
	    cmocka_unit_test(kinds_of_leaves_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
