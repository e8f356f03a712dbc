/* SPDX-License-Identifier: Apache-2.0 */
/* The text form of a proof, written and read. */
#include "proof_text.h"

#include <string.h>

#include "base_text.h"

#define FIRST_LINE "c2sp.org/tlog-proof@v1"

void
proof_text_format(const struct proof_text *t, struct bytes extra, struct buf *out)
{
	buf_append_str(out, FIRST_LINE "\n");
	if (t->has_extra) {
		buf_append_str(out, "extra ");
		text_base64_encode(out, extra);
		buf_append_byte(out, '\n');
	}
	buf_printf(out, "index %llu\n", (unsigned long long)t->index);
	for (size_t i = 0; i < t->path.count; i++) {
		text_base64_encode(out, bytes_of(t->path.hashes[i].raw, PROOF_HASH_BYTES));
		buf_append_byte(out, '\n');
	}
	buf_append_byte(out, '\n');
	buf_append(out, t->checkpoint);
}

static bool
line_take(struct bytes *left, struct bytes *line)
{
	size_t end = bytes_find_byte(*left, 0, '\n');

	if (end == SIZE_MAX)
		return false;
	*line = bytes_slice(*left, 0, end);
	*left = bytes_slice(*left, end + 1, left->len);
	return true;
}

/* "word value": the value. */
static bool
value_of(struct bytes line, const char *word, struct bytes *value)
{
	struct bytes prefix = bytes_of_str(word);

	if (!bytes_starts_with(line, prefix) || line.len <= prefix.len ||
	    line.ptr[prefix.len] != ' ')
		return false;
	*value = bytes_slice(line, prefix.len + 1, line.len);
	return true;
}

static bool
path_take(struct bytes *left, struct proof_path *path, struct err *err)
{
	struct bytes line;
	struct buf raw;
	bool ok = true;

	buf_init(&raw, 64);
	path->count = 0;
	while (ok) {
		ok = line_take(left, &line);
		if (!ok || line.len == 0)
			break;
		buf_reset(&raw);
		ok = path->count < PROOF_PATH_MAX && text_base64_decode(&raw, line) &&
		     raw.len == PROOF_HASH_BYTES;
		if (ok)
			memcpy(path->hashes[path->count++].raw, raw.ptr, PROOF_HASH_BYTES);
	}
	buf_fini(&raw);
	return ok || ERR(err, ERR_SYNTAX, "the hashes of a proof are malformed");
}

bool
proof_text_parse(struct bytes text, struct proof_text *out, struct buf *extra, struct err *err)
{
	struct bytes left = text, line, value;

	*out = (struct proof_text){0};
	if (text.len > PROOF_TEXT_BYTES_MAX)
		return ERR(err, ERR_LIMIT, "a proof of more than %u bytes", PROOF_TEXT_BYTES_MAX);
	if (!line_take(&left, &line) || !bytes_equal(line, BYTES_LIT(FIRST_LINE)) ||
	    !line_take(&left, &line))
		return ERR(err, ERR_SYNTAX, "not a proof: it should begin with " FIRST_LINE);
	if (value_of(line, "extra", &value)) {
		out->has_extra = true;
		if (!text_base64_decode(extra, value) || !line_take(&left, &line))
			return ERR(err, ERR_SYNTAX, "the extra line of a proof is not base64");
	}
	if (!value_of(line, "index", &value) || !text_u64_parse(&out->index, value) ||
	    (value.len > 1 && value.ptr[0] == '0'))
		return ERR(err, ERR_SYNTAX, "a proof has no index");
	if (!path_take(&left, &out->path, err))
		return false;
	out->checkpoint = left;
	return true;
}

bool
proof_text_check(const struct proof_text *t, const struct proof_key *key,
    const struct proof_hash *leaf, struct proof_checkpoint *checkpoint_out, struct err *err)
{
	struct proof_checkpoint checkpoint;

	if (!proof_checkpoint_open(t->checkpoint, key, &checkpoint, err))
		return false;
	if (checkpoint_out != NULL)
		*checkpoint_out = checkpoint;
	return proof_tree_verify_inclusion(
		   leaf, t->index, checkpoint.size, &t->path, &checkpoint.root) ||
	       ERR(err, ERR_CORRUPT, "the entry is not in the log where the proof says");
}
