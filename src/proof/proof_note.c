/* SPDX-License-Identifier: Apache-2.0 */
/* Signed notes: keys by name and id, signature lines, cosignatures. */
#include "proof_note.h"

#include <stdio.h>
#include <string.h>

#include "base_text.h"
#include "crypt_digest.h"

#define DASH       "\xe2\x80\x94 " /* U+2014 and a space */
#define ID_BYTES   4
#define TIME_BYTES 8

/* Spaces as Unicode has them (White_Space), and what else a name must not have. */
static bool
name_ok(struct bytes name)
{
	size_t at = 0;

	if (name.len == 0 || name.len >= PROOF_NAME_SIZE || !text_utf8_valid(name))
		return false;
	while (at < name.len) {
		uint32_t c = text_utf8_next(name, &at);

		if (c <= 0x20 || c == '+' || c == 0x7f || (c >= 0x80 && c <= 0xa0) || c == 0x1680 ||
		    (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
		    c == 0x205f || c == 0x3000)
			return false;
	}
	return true;
}

static uint32_t
big32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void
big_append(struct buf *out, uint64_t value, unsigned bytes)
{
	while (bytes-- > 0)
		buf_u8(out, (uint8_t)(value >> (8 * bytes)));
}

bool
proof_key_make(struct proof_key *out, enum proof_key_type type, struct bytes name,
    const uint8_t public_key[CRYPT_SIGN_PUBLIC_BYTES], struct err *err)
{
	uint8_t digest[CRYPT_SHA256_BYTES];
	struct buf hashed;

	if (!name_ok(name))
		return ERR(err, ERR_SYNTAX, "not a name for a key");
	*out = (struct proof_key){.type = type};
	memcpy(out->name, name.ptr, name.len);
	memcpy(out->public_key, public_key, CRYPT_SIGN_PUBLIC_BYTES);
	buf_init(&hashed, PROOF_NAME_SIZE + 2 + CRYPT_SIGN_PUBLIC_BYTES);
	buf_append(&hashed, name);
	buf_u8(&hashed, '\n');
	buf_u8(&hashed, (uint8_t)type);
	buf_append_mem(&hashed, public_key, CRYPT_SIGN_PUBLIC_BYTES);
	crypt_sha256(digest, buf_view(&hashed));
	buf_fini(&hashed);
	out->id = big32(digest);
	return true;
}

void
proof_key_format(const struct proof_key *key, struct buf *out)
{
	uint8_t typed[1 + CRYPT_SIGN_PUBLIC_BYTES];

	typed[0] = (uint8_t)key->type;
	memcpy(typed + 1, key->public_key, CRYPT_SIGN_PUBLIC_BYTES);
	buf_printf(out, "%s+%08x+", key->name, key->id);
	text_base64_encode(out, bytes_of(typed, sizeof typed));
}

bool
proof_key_parse(struct bytes vkey, struct proof_key *out, struct err *err)
{
	size_t first = bytes_find_byte(vkey, 0, '+'), second;
	uint8_t id[ID_BYTES];
	struct buf typed;
	bool ok;

	second = first == SIZE_MAX ? SIZE_MAX : bytes_find_byte(vkey, first + 1, '+');
	if (second == SIZE_MAX || vkey.len > PROOF_VKEY_BYTES_MAX ||
	    !text_hex_parse(id, sizeof id, bytes_slice(vkey, first + 1, second - first - 1)))
		return ERR(err, ERR_SYNTAX, "not a verifier's key: name+id+key is wanted");
	buf_init(&typed, PROOF_VKEY_BYTES_MAX);
	ok = text_base64_decode(&typed, bytes_slice(vkey, second + 1, vkey.len)) && typed.len > 0;
	if (!ok)
		(void)ERR(err, ERR_SYNTAX, "a verifier's key is not base64");
	if (ok && typed.ptr[0] != PROOF_KEY_LOG && typed.ptr[0] != PROOF_KEY_WITNESS)
		ok = ERR(err, ERR_UNSUPPORTED, "keys of type %u are not known here", typed.ptr[0]);
	if (ok && typed.len != 1 + CRYPT_SIGN_PUBLIC_BYTES)
		ok = ERR(err, ERR_SYNTAX, "a verifier's key has the wrong length");
	ok = ok && proof_key_make(out, (enum proof_key_type)typed.ptr[0],
		       bytes_slice(vkey, 0, first), typed.ptr + 1, err);
	buf_fini(&typed);
	return ok && (out->id == big32(id) ||
			 ERR(err, ERR_SYNTAX, "a verifier's key does not fit its own id"));
}

/* One signature line: DASH name SP base64 LF. */
static bool
line_split(struct bytes line, struct bytes *name, struct bytes *signature)
{
	struct bytes dash = BYTES_LIT(DASH);
	size_t space;

	if (!bytes_starts_with(line, dash))
		return false;
	line = bytes_slice(line, dash.len, line.len);
	space = bytes_find_byte(line, 0, ' ');
	if (space == SIZE_MAX)
		return false;
	*name = bytes_slice(line, 0, space);
	*signature = bytes_slice(line, space + 1, line.len);
	return name_ok(*name) && signature->len > 0;
}

static struct bytes
line_take(struct bytes *left)
{
	size_t end = bytes_find_byte(*left, 0, '\n');
	struct bytes line;

	must(end != SIZE_MAX);
	line = bytes_slice(*left, 0, end);
	*left = bytes_slice(*left, end + 1, left->len);
	return line;
}

static bool
signature_ok(struct bytes base64)
{
	struct buf raw;
	bool ok;

	buf_init(&raw, PROOF_NOTE_BYTES_MAX);
	ok = text_base64_decode(&raw, base64) && raw.len > ID_BYTES;
	buf_fini(&raw);
	return ok;
}

static bool
plain_text(struct bytes note)
{
	for (size_t i = 0; i < note.len; i++)
		if (note.ptr[i] < 0x20 && note.ptr[i] != '\n')
			return false;
	return note.len > 0 && note.ptr[note.len - 1] == '\n' && text_utf8_valid(note);
}

/* Where the last empty line is: the offset of its newline. */
static size_t
blank_find(struct bytes note)
{
	for (size_t i = note.len; i-- > 1;)
		if (note.ptr[i] == '\n' && note.ptr[i - 1] == '\n')
			return i;
	return SIZE_MAX;
}

bool
proof_note_parse(struct bytes note, struct proof_note *out, struct err *err)
{
	struct bytes left, name, signature;
	size_t blank;

	*out = (struct proof_note){0};
	if (note.len > PROOF_NOTE_BYTES_MAX)
		return ERR(
		    err, ERR_LIMIT, "a signed note of more than %u bytes", PROOF_NOTE_BYTES_MAX);
	if (!plain_text(note))
		return ERR(err, ERR_SYNTAX, "a signed note is lines of UTF-8");
	blank = blank_find(note);
	if (blank == SIZE_MAX)
		return ERR(err, ERR_SYNTAX, "a signed note without signatures");
	out->text = bytes_slice(note, 0, blank);
	out->signatures = bytes_slice(note, blank + 1, note.len);
	for (left = out->signatures; left.len > 0; out->signature_count++) {
		if (out->signature_count == PROOF_SIGNATURES_MAX)
			return ERR(err, ERR_LIMIT, "more than %u signatures", PROOF_SIGNATURES_MAX);
		if (!line_split(line_take(&left), &name, &signature) || !signature_ok(signature))
			return ERR(err, ERR_SYNTAX, "a signature line of a note is malformed");
	}
	return out->signature_count > 0 || ERR(err, ERR_SYNTAX, "a signed note without signatures");
}

/* What a witness signs: C2SP tlog-cosignature, "Ed25519 signed message". */
static void
cosigned_append(struct buf *out, struct bytes text, uint64_t time_s)
{
	buf_printf(out, "cosignature/v1\ntime %llu\n", (unsigned long long)time_s);
	buf_append(out, text);
}

static bool
cosignature_verify(
    const struct proof_key *key, struct bytes text, struct bytes raw, uint64_t *time_s)
{
	struct buf message;
	bool ok;

	*time_s = (uint64_t)big32(raw.ptr) << 32 | big32(raw.ptr + 4);
	if (*time_s > INT64_MAX)
		return false;
	buf_init(&message, PROOF_NOTE_BYTES_MAX + 64);
	cosigned_append(&message, text, *time_s);
	ok = crypt_sign_verify(key->public_key, buf_view(&message), raw.ptr + TIME_BYTES);
	buf_fini(&message);
	return ok;
}

static bool
signature_verify(const struct proof_key *key, struct bytes text, struct bytes raw, uint64_t *time_s)
{
	*time_s = 0;
	if (key->type == PROOF_KEY_WITNESS)
		return raw.len == TIME_BYTES + CRYPT_SIGN_BYTES &&
		       cosignature_verify(key, text, raw, time_s);
	return raw.len == CRYPT_SIGN_BYTES && crypt_sign_verify(key->public_key, text, raw.ptr);
}

bool
proof_note_verify(const struct proof_note *note, const struct proof_key *key, uint64_t *time_s_out,
    struct err *err)
{
	struct bytes left = note->signatures, name, signature;
	uint64_t time_s = 0;
	bool found = false, ok = true;
	struct buf raw;

	buf_init(&raw, PROOF_NOTE_BYTES_MAX);
	while (left.len > 0 && ok) {
		buf_reset(&raw);
		if (!line_split(line_take(&left), &name, &signature) ||
		    !bytes_equal(name, bytes_of_str(key->name)) ||
		    !text_base64_decode(&raw, signature) || raw.len <= ID_BYTES ||
		    big32(raw.ptr) != key->id)
			continue;
		found = true;
		ok = signature_verify(
		    key, note->text, bytes_slice(buf_view(&raw), ID_BYTES, raw.len), &time_s);
	}
	buf_fini(&raw);
	if (!ok)
		return ERR(err, ERR_DENIED, "a signature of %.100s is not its own", key->name);
	if (!found)
		return ERR(err, ERR_NOT_FOUND, "not signed by %.100s", key->name);
	if (time_s_out != NULL)
		*time_s_out = time_s;
	return true;
}

static void
line_append(const struct proof_key *key, const struct buf *raw, struct buf *out)
{
	buf_append_str(out, DASH);
	buf_printf(out, "%s ", key->name);
	text_base64_encode(out, buf_view(raw));
	buf_append_byte(out, '\n');
}

void
proof_note_sign(
    struct bytes text, const struct proof_key *key, const struct secret *seed, struct buf *out)
{
	uint8_t signature[CRYPT_SIGN_BYTES];
	struct buf raw;

	must(key->type == PROOF_KEY_LOG);
	crypt_sign(seed, text, signature);
	buf_init(&raw, 128);
	big_append(&raw, key->id, ID_BYTES);
	buf_append_mem(&raw, signature, sizeof signature);
	line_append(key, &raw, out);
	buf_fini(&raw);
}

void
proof_note_cosign(struct bytes text, const struct proof_key *key, const struct secret *seed,
    uint64_t time_s, struct buf *out)
{
	uint8_t signature[CRYPT_SIGN_BYTES];
	struct buf raw, message;

	must(key->type == PROOF_KEY_WITNESS && time_s <= INT64_MAX);
	buf_init(&message, PROOF_NOTE_BYTES_MAX + 64);
	cosigned_append(&message, text, time_s);
	crypt_sign(seed, buf_view(&message), signature);
	buf_init(&raw, 128);
	big_append(&raw, key->id, ID_BYTES);
	big_append(&raw, time_s, TIME_BYTES);
	buf_append_mem(&raw, signature, sizeof signature);
	line_append(key, &raw, out);
	buf_fini(&raw);
	buf_fini(&message);
}
