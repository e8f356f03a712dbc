/* SPDX-License-Identifier: Apache-2.0 */
/* The Merkle tree of RFC 9162 §2.1. */
#include "proof_tree.h"

#include <string.h>

#include "crypt_digest.h"

void
proof_tree_leaf(struct proof_hash *out, struct bytes entry)
{
	uint8_t small[256];
	struct crypt_sha256_stream *stream;

	if (entry.len < sizeof small) {
		small[0] = 0;
		if (entry.len > 0)
			memcpy(small + 1, entry.ptr, entry.len);
		crypt_sha256(out->raw, bytes_of(small, 1 + entry.len));
		return;
	}
	stream = crypt_sha256_new();
	crypt_sha256_add(stream, bytes_of("", 1));
	crypt_sha256_add(stream, entry);
	crypt_sha256_done(&stream, out->raw);
}

void
proof_tree_node(
    struct proof_hash *out, const struct proof_hash *left, const struct proof_hash *right)
{
	uint8_t both[1 + 2 * PROOF_HASH_BYTES];

	both[0] = 1;
	memcpy(both + 1, left->raw, PROOF_HASH_BYTES);
	memcpy(both + 1 + PROOF_HASH_BYTES, right->raw, PROOF_HASH_BYTES);
	crypt_sha256(out->raw, bytes_of(both, sizeof both));
}

/* The largest power of two below n; n >= 2. */
static uint64_t
split_of(uint64_t n)
{
	return (uint64_t)1 << (63 - __builtin_clzll(n - 1));
}

void
proof_tree_list(struct proof_hash *out, const struct proof_hash *hashes, size_t count)
{
	struct proof_hash left, right;
	size_t k;

	if (count == 0) {
		crypt_sha256(out->raw, BYTES_EMPTY);
	} else if (count == 1) {
		*out = hashes[0];
	} else {
		k = (size_t)split_of(count);
		proof_tree_list(&left, hashes, k);
		proof_tree_list(&right, hashes + k, count - k);
		proof_tree_node(out, &left, &right);
	}
}

bool
proof_tree_equal(const struct proof_hash *a, const struct proof_hash *b)
{
	return memcmp(a->raw, b->raw, PROOF_HASH_BYTES) == 0;
}

/* The hash over leaves [from, to), where from is a multiple of the power of two that to - from needs. */
static bool
range_hash(const struct proof_source *s, uint64_t from, uint64_t to, struct proof_hash *out,
    struct err *err)
{
	struct proof_hash left, right;
	uint64_t count = to - from, k;

	if ((count & (count - 1)) == 0) {
		unsigned height = (unsigned)__builtin_ctzll(count);

		return s->subtree(s->ctx, height, from >> height, out, err);
	}
	k = split_of(count);
	if (!range_hash(s, from, from + k, &left, err) || !range_hash(s, from + k, to, &right, err))
		return false;
	proof_tree_node(out, &left, &right);
	return true;
}

bool
proof_tree_root(
    const struct proof_source *s, uint64_t size, struct proof_hash *out, struct err *err)
{
	if (size == 0) {
		proof_tree_list(out, NULL, 0);
		return true;
	}
	return range_hash(s, 0, size, out, err);
}

/* A path is collected from the root down and turned around at the end. */
static bool
path_push(const struct proof_source *s, uint64_t from, uint64_t to, struct proof_path *path,
    struct err *err)
{
	must(path->count < PROOF_PATH_MAX);
	return range_hash(s, from, to, &path->hashes[path->count++], err);
}

static void
path_reverse(struct proof_path *path)
{
	for (size_t i = 0; i < path->count / 2; i++) {
		struct proof_hash other = path->hashes[path->count - 1 - i];

		path->hashes[path->count - 1 - i] = path->hashes[i];
		path->hashes[i] = other;
	}
}

bool
proof_tree_inclusion(const struct proof_source *s, uint64_t index, uint64_t size,
    struct proof_path *out, struct err *err)
{
	uint64_t from = 0, to = size;

	out->count = 0;
	if (index >= size)
		return ERR(err, ERR_USAGE, "leaf %llu is not in a tree of %llu",
		    (unsigned long long)index, (unsigned long long)size);
	while (to - from > 1) {
		uint64_t middle = from + split_of(to - from);

		if (index < middle) {
			if (!path_push(s, middle, to, out, err))
				return false;
			to = middle;
		} else {
			if (!path_push(s, from, middle, out, err))
				return false;
			from = middle;
		}
	}
	path_reverse(out);
	return true;
}

/* SUBPROOF of RFC 9162 §2.1.4.1, walked down; whole: what is left of the first tree is one subtree that it knows. */
bool
proof_tree_consistency(const struct proof_source *s, uint64_t first, uint64_t second,
    struct proof_path *out, struct err *err)
{
	uint64_t from = 0, to = second;
	bool whole = true;

	out->count = 0;
	if (first > second)
		return ERR(err, ERR_USAGE, "a tree of %llu has no part of %llu",
		    (unsigned long long)second, (unsigned long long)first);
	if (first == 0 || first == second)
		return true;
	while (first < to) {
		uint64_t middle = from + split_of(to - from);

		if (first <= middle) {
			if (!path_push(s, middle, to, out, err))
				return false;
			to = middle;
		} else {
			if (!path_push(s, from, middle, out, err))
				return false;
			from = middle;
			whole = false;
		}
	}
	if (!whole && !path_push(s, from, to, out, err))
		return false;
	path_reverse(out);
	return true;
}

bool
proof_tree_verify_inclusion(const struct proof_hash *leaf, uint64_t index, uint64_t size,
    const struct proof_path *path, const struct proof_hash *root)
{
	struct proof_hash hash = *leaf;
	uint64_t node = index, last;

	if (index >= size || path->count > PROOF_PATH_MAX)
		return false;
	last = size - 1;
	for (size_t i = 0; i < path->count; i++) {
		if (last == 0)
			return false;
		if ((node & 1) != 0 || node == last) {
			proof_tree_node(&hash, &path->hashes[i], &hash);
			while ((node & 1) == 0 && node != 0) {
				node >>= 1;
				last >>= 1;
			}
		} else {
			proof_tree_node(&hash, &hash, &path->hashes[i]);
		}
		node >>= 1;
		last >>= 1;
	}
	return last == 0 && proof_tree_equal(&hash, root);
}

/* 0 < first < second. start: the hash both walks begin with. */
static bool
consistency_walk(uint64_t first, uint64_t second, const struct proof_hash *start,
    const struct proof_path *path, size_t used, const struct proof_hash *first_root,
    const struct proof_hash *second_root)
{
	struct proof_hash old = *start, new = *start;
	uint64_t node = first - 1, last = second - 1;

	while ((node & 1) != 0) {
		node >>= 1;
		last >>= 1;
	}
	for (size_t i = used; i < path->count; i++) {
		const struct proof_hash *step = &path->hashes[i];

		if (last == 0)
			return false;
		if ((node & 1) != 0 || node == last) {
			proof_tree_node(&old, step, &old);
			proof_tree_node(&new, step, &new);
			while ((node & 1) == 0 && node != 0) {
				node >>= 1;
				last >>= 1;
			}
		} else {
			proof_tree_node(&new, &new, step);
		}
		node >>= 1;
		last >>= 1;
	}
	return last == 0 && proof_tree_equal(&old, first_root) &&
	       proof_tree_equal(&new, second_root);
}

bool
proof_tree_verify_consistency(uint64_t first, const struct proof_hash *first_root, uint64_t second,
    const struct proof_hash *second_root, const struct proof_path *path)
{
	struct proof_hash none;
	size_t used = 0;

	if (first > second || path->count > PROOF_PATH_MAX)
		return false;
	if (first == second)
		return path->count == 0 && proof_tree_equal(first_root, second_root);
	if (first == 0) {
		proof_tree_list(&none, NULL, 0);
		return path->count == 0 && proof_tree_equal(first_root, &none);
	}
	/* A first tree that is one perfect subtree is not repeated in the path. */
	if ((first & (first - 1)) != 0)
		used = 1;
	if (path->count == 0)
		return false;
	return consistency_walk(first, second, used == 1 ? &path->hashes[0] : first_root, path,
	    used, first_root, second_root);
}
