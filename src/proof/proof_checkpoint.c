/* SPDX-License-Identifier: Apache-2.0 */
/* The three lines of a checkpoint. */
#include "proof_checkpoint.h"

#include <string.h>

#include "base_text.h"

void
proof_checkpoint_format(const struct proof_checkpoint *c, struct buf *out)
{
	buf_append(out, c->origin);
	buf_printf(out, "\n%llu\n", (unsigned long long)c->size);
	text_base64_encode(out, bytes_of(c->root.raw, sizeof c->root.raw));
	buf_append_byte(out, '\n');
}

static bool
line_take(struct bytes *left, struct bytes *line)
{
	size_t end = bytes_find_byte(*left, 0, '\n');

	if (end == SIZE_MAX || end == 0)
		return false;
	*line = bytes_slice(*left, 0, end);
	*left = bytes_slice(*left, end + 1, left->len);
	return true;
}

static bool
root_parse(struct bytes text, struct proof_hash *out)
{
	struct buf raw;
	bool ok;

	buf_init(&raw, 64);
	ok = text_base64_decode(&raw, text) && raw.len == sizeof out->raw;
	if (ok)
		memcpy(out->raw, raw.ptr, sizeof out->raw);
	buf_fini(&raw);
	return ok;
}

bool
proof_checkpoint_parse(struct bytes text, struct proof_checkpoint *out, struct err *err)
{
	struct bytes left = text, origin, size, root, more;

	*out = (struct proof_checkpoint){0};
	if (!line_take(&left, &origin) || !line_take(&left, &size) || !line_take(&left, &root))
		return ERR(err, ERR_SYNTAX, "a checkpoint has three lines");
	if (!text_u64_parse(&out->size, size) || (size.len > 1 && size.ptr[0] == '0'))
		return ERR(err, ERR_SYNTAX, "the size of a checkpoint is not a number");
	if (!root_parse(root, &out->root))
		return ERR(err, ERR_SYNTAX, "the root of a checkpoint is not a hash");
	while (left.len > 0)
		if (!line_take(&left, &more))
			return ERR(err, ERR_SYNTAX, "an empty line in a checkpoint");
	out->origin = origin;
	return true;
}

bool
proof_checkpoint_open(
    struct bytes bytes, const struct proof_key *key, struct proof_checkpoint *out, struct err *err)
{
	struct proof_note note;

	if (!proof_note_parse(bytes, &note, err) || !proof_note_verify(&note, key, NULL, err) ||
	    !proof_checkpoint_parse(note.text, out, err))
		return false;
	return bytes_equal(out->origin, bytes_of_str(key->name)) ||
	       ERR(err, ERR_DENIED, "a checkpoint of another log");
}

void
proof_checkpoint_seal(const struct proof_checkpoint *c, const struct proof_key *key,
    const struct secret *seed, struct buf *out)
{
	struct buf text;

	buf_init(&text, PROOF_NOTE_BYTES_MAX);
	proof_checkpoint_format(c, &text);
	buf_append(out, buf_view(&text));
	buf_append_byte(out, '\n');
	proof_note_sign(buf_view(&text), key, seed, out);
	buf_fini(&text);
}
