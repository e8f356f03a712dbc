/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cases for a second verifier: proofs, consistency proofs and cosignatures, good ones and ones with something changed,
 * each with what this one says. One JSON object a line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base_mem.h"
#include "base_text.h"
#include "crypt_digest.h"
#include "proof_fixture.h"
#include "proof_text.h"

#define LEAVES 3000u

/* Records whose messages are their own numbers, repeated. */
struct world {
	struct rng_seeded seeded;
	struct rng rng;
	struct proof_fixture_tree tree; /* its leaves are replaced by those of the records */
	struct proof_key log, witness;
	struct secret *log_seed, *witness_seed, *leaf_key;
	uint64_t good, bad;
};

struct record {
	struct proof_record r;
	struct bytes recipients[4];
	uint8_t salt[PROOF_SALT_BYTES];
	struct buf message;
};

static void
record_make(const struct world *w, uint64_t n, struct record *out)
{
	static const char *const NAMES[] = {
	    "a@example.com", "", "\"b c\"@example.org", "\xc3\xa9@example.net"};

	*out = (struct record){.r = {.received_ms = (int64_t)(1700000000000 + n)}};
	buf_init(&out->message, 4096);
	for (uint64_t i = 0; i <= n % 7; i++)
		buf_printf(&out->message, "message %llu\r\n", (unsigned long long)n);
	memcpy(out->r.id.raw, &n, sizeof n);
	out->r.size_bytes = out->message.len;
	crypt_sha256(out->r.sha256, buf_view(&out->message));
	out->r.sender = bytes_of_str(NAMES[n % 4]);
	for (size_t i = 0; i < n % 5 && i < 4; i++)
		out->recipients[out->r.recipient_count++] = bytes_of_str(NAMES[(n + i) % 4]);
	out->r.recipients = out->recipients;
	proof_leaf_salt(
	    out->salt, w->leaf_key, PROOF_RECORD, bytes_of(out->r.id.raw, ID_RECORD_BYTES));
}

static void
world_init(struct world *w, uint64_t seed)
{
	struct secret *archive_key = secret_new(32);

	*w = (struct world){.seeded = {seed}};
	w->rng = rng_seeded(&w->seeded);
	w->log_seed = proof_fixture_key(&w->log, PROOF_KEY_LOG, "example.com/a-1", 1);
	w->witness_seed = proof_fixture_key(&w->witness, PROOF_KEY_WITNESS, "witness.example", 2);
	w->leaf_key = proof_leaf_key(archive_key);
	secret_free(&archive_key);
	proof_fixture_tree_init(&w->tree, LEAVES);
	for (uint64_t i = 0; i < LEAVES; i++) {
		struct proof_leaf leaf;
		struct record record;

		record_make(w, i, &record);
		proof_leaf_of_record(&leaf, record.salt, &record.r);
		proof_leaf_hash(&w->tree.level[0][i], &leaf);
		buf_fini(&record.message);
	}
	for (unsigned h = 1; LEAVES >> h > 0; h++)
		for (uint64_t i = 0; i < LEAVES >> h; i++)
			proof_tree_node(&w->tree.level[h][i], &w->tree.level[h - 1][2 * i],
			    &w->tree.level[h - 1][2 * i + 1]);
}

static void
world_fini(struct world *w)
{
	proof_fixture_tree_fini(&w->tree);
	secret_free(&w->log_seed);
	secret_free(&w->witness_seed);
	secret_free(&w->leaf_key);
}

static void
checkpoint_make(struct world *w, uint64_t size, struct buf *out)
{
	struct proof_source source = proof_fixture_source(&w->tree);
	struct proof_checkpoint c = {.origin = bytes_of_str(w->log.name), .size = size};
	struct buf text;
	struct err err;

	must(proof_tree_root(&source, size, &c.root, &err));
	proof_checkpoint_seal(&c, &w->log, w->log_seed, out);
	buf_init(&text, 4096);
	proof_checkpoint_format(&c, &text);
	if (rng_below(&w->rng, 2) == 0)
		proof_note_cosign(
		    buf_view(&text), &w->witness, w->witness_seed, rng_u64(&w->rng) >> 33, out);
	buf_fini(&text);
}

/* One change that a forger or an accident makes: a bit, a byte, a cut, a repeat, two lines exchanged. */
static void
damage(struct world *w, struct buf *b)
{
	size_t at = b->len == 0 ? 0 : (size_t)rng_below(&w->rng, b->len), n;
	struct buf out;

	buf_init(&out, 1 << 20);
	n = 1 + (size_t)rng_below(&w->rng, 50);
	buf_append(&out, bytes_slice(buf_view(b), 0, at));
	switch (rng_below(&w->rng, 6)) {
	case 0:
		buf_append(&out, bytes_slice(buf_view(b), at, b->len));
		if (out.len > 0)
			out.ptr[at] ^= (uint8_t)(1 << rng_below(&w->rng, 8));
		break;
	case 1:
		buf_append(&out, bytes_slice(buf_view(b), at + n, b->len));
		break;
	case 2:
		buf_append(&out, bytes_slice(buf_view(b), at, n));
		buf_append(&out, bytes_slice(buf_view(b), at, b->len));
		break;
	case 3:
		buf_append(
		    &out, bytes_slice(BYTES_LIT("0\n =9x"), (size_t)rng_below(&w->rng, 6), 1));
		buf_append(&out, bytes_slice(buf_view(b), at, b->len));
		break;
	case 4:
		buf_append(&out, bytes_slice(buf_view(b), at + n, n));
		buf_append(&out, bytes_slice(buf_view(b), at, n));
		buf_append(&out, bytes_slice(buf_view(b), at + 2 * n, b->len));
		break;
	default:
		break; /* the tail is gone */
	}
	buf_reset(b);
	buf_append(b, buf_view(&out));
	buf_fini(&out);
}

static void
field(const char *name, const struct buf *b)
{
	struct buf text;

	buf_init(&text, 1 << 20);
	text_base64_encode(&text, buf_view(b));
	(void)printf(",\"%s\":\"%s\"", name, buf_text(&text));
	buf_fini(&text);
}

static void
verdict(struct world *w, bool good)
{
	(void)printf(",\"good\":%s}\n", good ? "true" : "false");
	*(good ? &w->good : &w->bad) += 1;
}

static void
key_put(const struct proof_key *key, struct buf *out)
{
	buf_init(out, 4096);
	proof_key_format(key, out);
}

/* Which of the parts is damaged: none of them in a third of the cases. */
static void
damage_some(struct world *w, struct buf **parts, size_t count)
{
	uint64_t which = rng_below(&w->rng, count + count / 2 + 1);

	if (which < count)
		damage(w, parts[which]);
}

static bool
proof_good(const struct buf *key_text, const struct buf *proof, const struct buf *message)
{
	uint8_t salt[PROOF_SALT_BYTES];
	struct proof_record record;
	struct proof_text t;
	struct proof_key key;
	struct proof_leaf leaf;
	struct proof_hash hash;
	struct arena arena;
	struct buf extra;
	struct err err;
	bool ok;

	arena_init(&arena);
	buf_init(&extra, PROOF_TEXT_BYTES_MAX);
	ok = proof_key_parse(buf_view(key_text), &key, &err) &&
	     proof_text_parse(buf_view(proof), &t, &extra, &err) && t.has_extra &&
	     proof_opening_decode(buf_view(&extra), &arena, salt, &record, &err);
	if (ok) {
		record.size_bytes = message->len;
		crypt_sha256(record.sha256, buf_view(message));
		proof_leaf_of_record(&leaf, salt, &record);
		proof_leaf_hash(&hash, &leaf);
		ok = proof_text_check(&t, &key, &hash, NULL, &err);
	}
	buf_fini(&extra);
	arena_fini(&arena);
	return ok;
}

static void
proof_case(struct world *w)
{
	uint64_t size = 1 + rng_below(&w->rng, LEAVES), index = rng_below(&w->rng, size);
	struct proof_source source = proof_fixture_source(&w->tree);
	struct proof_text t = {.has_extra = true, .index = index};
	struct buf key, proof, note, extra;
	struct record record;
	struct err err;

	record_make(w, index, &record);
	record.r.recipients = record.recipients;
	key_put(&w->log, &key);
	buf_init(&proof, 1 << 20);
	buf_init(&note, PROOF_NOTE_BYTES_MAX);
	buf_init(&extra, 4096);
	checkpoint_make(w, size, &note);
	t.checkpoint = buf_view(&note);
	must(proof_tree_inclusion(&source, index, size, &t.path, &err));
	proof_opening_encode(&extra, record.salt, &record.r);
	proof_text_format(&t, buf_view(&extra), &proof);
	damage_some(w, (struct buf *[]){&proof, &record.message, &key, &proof}, 4);
	(void)printf("{\"kind\":\"proof\"");
	field("key", &key);
	field("proof", &proof);
	field("message", &record.message);
	verdict(w, proof_good(&key, &proof, &record.message));
	buf_fini(&key);
	buf_fini(&proof);
	buf_fini(&note);
	buf_fini(&extra);
	buf_fini(&record.message);
}

static bool
consistency_good(const struct buf *key_text, const struct buf *old_note, const struct buf *new_note,
    const struct buf *hashes)
{
	struct proof_checkpoint old, new;
	struct proof_path path = {.count = hashes->len / PROOF_HASH_BYTES};
	struct proof_key key;
	struct err err;

	if (hashes->len % PROOF_HASH_BYTES != 0 || path.count > PROOF_PATH_MAX ||
	    !proof_key_parse(buf_view(key_text), &key, &err) ||
	    !proof_checkpoint_open(buf_view(old_note), &key, &old, &err) ||
	    !proof_checkpoint_open(buf_view(new_note), &key, &new, &err))
		return false;
	for (size_t i = 0; i < path.count; i++)
		memcpy(path.hashes[i].raw, hashes->ptr + i * PROOF_HASH_BYTES, PROOF_HASH_BYTES);
	return proof_tree_verify_consistency(old.size, &old.root, new.size, &new.root, &path);
}

static void
consistency_case(struct world *w)
{
	uint64_t second = rng_below(&w->rng, LEAVES + 1), first = rng_below(&w->rng, second + 1);
	struct proof_source source = proof_fixture_source(&w->tree);
	struct buf key, old, new, hashes;
	struct proof_path path;
	struct err err;

	key_put(&w->log, &key);
	buf_init(&old, PROOF_NOTE_BYTES_MAX);
	buf_init(&new, PROOF_NOTE_BYTES_MAX);
	buf_init(&hashes, 1 << 16);
	checkpoint_make(w, first, &old);
	checkpoint_make(w, second, &new);
	must(proof_tree_consistency(&source, first, second, &path, &err));
	for (size_t i = 0; i < path.count; i++)
		buf_append_mem(&hashes, path.hashes[i].raw, PROOF_HASH_BYTES);
	damage_some(w, (struct buf *[]){&hashes, &old, &new}, 3);
	(void)printf("{\"kind\":\"consistency\"");
	field("key", &key);
	field("old", &old);
	field("new", &new);
	field("path", &hashes);
	verdict(w, consistency_good(&key, &old, &new, &hashes));
	buf_fini(&key);
	buf_fini(&old);
	buf_fini(&new);
	buf_fini(&hashes);
}

static void
witness_case(struct world *w)
{
	struct buf key_text, note_text;
	struct proof_note note;
	struct proof_key key;
	struct err err;

	key_put(&w->witness, &key_text);
	buf_init(&note_text, PROOF_NOTE_BYTES_MAX);
	checkpoint_make(w, rng_below(&w->rng, LEAVES), &note_text);
	damage_some(w, (struct buf *[]){&note_text, &key_text}, 2);
	(void)printf("{\"kind\":\"witness\"");
	field("key", &key_text);
	field("note", &note_text);
	verdict(w, proof_key_parse(buf_view(&key_text), &key, &err) &&
		       proof_note_parse(buf_view(&note_text), &note, &err) &&
		       proof_note_verify(&note, &key, NULL, &err));
	buf_fini(&key_text);
	buf_fini(&note_text);
}

int
main(int argc, char **argv)
{
	unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000;
	struct world w;

	world_init(&w, argc > 2 ? strtoull(argv[2], NULL, 10) : 1);
	for (unsigned long i = 0; i < count; i++) {
		uint64_t which = rng_below(&w.rng, 10);

		if (which < 6)
			proof_case(&w);
		else if (which < 9)
			consistency_case(&w);
		else
			witness_case(&w);
	}
	(void)fprintf(
	    stderr, "%llu good, %llu not\n", (unsigned long long)w.good, (unsigned long long)w.bad);
	/* A test in which everything is refused, or nothing, tests nothing. */
	must(count < 100 || (w.good > count / 10 && w.bad > count / 10));
	world_fini(&w);
	return 0;
}
