/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing the Authorization header: strict, because whoever writes it is a program. */
#include "auth_header.h"

#define ALGORITHM       BYTES_LIT("AWS4-HMAC-SHA256")
#define DATE_BYTES      8
#define SIGNATURE_BYTES 64

enum part { PART_CREDENTIAL, PART_SIGNED_HEADERS, PART_SIGNATURE, PART_COUNT };

static const char *const PART_NAMES[PART_COUNT] = {"Credential", "SignedHeaders", "Signature"};

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool
is_word(uint8_t c)
{
	return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

static bool
is_lower_hex(uint8_t c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f');
}

static bool
is_printable(uint8_t c)
{
	return c > 0x20 && c < 0x7f;
}

static bool
all_of(struct bytes text, bool (*is)(uint8_t))
{
	for (size_t i = 0; i < text.len; i++)
		if (!is(text.ptr[i]))
			return false;
	return true;
}

/* Cuts what stands before the next separator off left; the whole of it when there is none. */
static struct bytes
piece_next(struct bytes *left, uint8_t separator)
{
	size_t end = bytes_find_byte(*left, 0, separator);
	struct bytes piece = bytes_slice(*left, 0, end);

	*left = end == SIZE_MAX ? BYTES_EMPTY : bytes_slice(*left, end + 1, left->len);
	return piece;
}

/* KEY/DATE/REGION/SERVICE/TERMINATOR */
static bool
credential_parse(struct auth_header *out, struct bytes text, struct err *err)
{
	struct bytes *const fields[] = {&out->key_id, &out->date, &out->region, &out->service};

	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		if (bytes_find_byte(text, 0, '/') == SIZE_MAX)
			return ERR(err, ERR_SYNTAX,
			    "Credential must have five parts separated by slashes");
		*fields[i] = piece_next(&text, '/');
		if (fields[i]->len == 0)
			return ERR(err, ERR_SYNTAX, "Credential has an empty part");
	}
	out->terminator = text;
	if (text.len == 0 || bytes_find_byte(text, 0, '/') != SIZE_MAX)
		return ERR(err, ERR_SYNTAX, "Credential must have five parts separated by slashes");
	if (out->key_id.len > AUTH_KEY_ID_BYTES_MAX || !all_of(out->key_id, is_word))
		return ERR(err, ERR_SYNTAX, "Credential does not begin with an access key id");
	if (out->date.len != DATE_BYTES || !all_of(out->date, is_digit))
		return ERR(err, ERR_SYNTAX, "the date in Credential must be of the form YYYYMMDD");
	return true;
}

static bool
part_find(struct bytes name, enum part *out)
{
	for (enum part i = 0; i < PART_COUNT; i++)
		if (bytes_equal(name, bytes_of_str(PART_NAMES[i]))) {
			*out = i;
			return true;
		}
	return false;
}

/* Sorts "name=value, …" into values by part. */
static bool
parts_parse(struct bytes values[PART_COUNT], struct bytes text, struct err *err)
{
	bool more = true;

	while (more) {
		struct bytes piece, name;
		enum part part;

		more = bytes_find_byte(text, 0, ',') != SIZE_MAX;
		piece = bytes_trim(piece_next(&text, ','));
		if (bytes_find_byte(piece, 0, '=') == SIZE_MAX)
			return ERR(
			    err, ERR_SYNTAX, "Authorization is not a list of name=value pairs");
		name = piece_next(&piece, '=');
		if (!part_find(name, &part))
			return ERR(err, ERR_SYNTAX, "Authorization has an unknown parameter");
		if (values[part].ptr != NULL)
			return ERR(err, ERR_SYNTAX, "Authorization has %s twice", PART_NAMES[part]);
		if (piece.len == 0 || !all_of(piece, is_printable))
			return ERR(
			    err, ERR_SYNTAX, "Authorization has a malformed %s", PART_NAMES[part]);
		values[part] = piece;
	}
	for (size_t i = 0; i < PART_COUNT; i++)
		if (values[i].ptr == NULL)
			return ERR(err, ERR_SYNTAX, "Authorization requires '%s'", PART_NAMES[i]);
	return true;
}

bool
auth_header_parse(struct auth_header *out, struct bytes value, struct err *err)
{
	struct bytes values[PART_COUNT] = {BYTES_EMPTY, BYTES_EMPTY, BYTES_EMPTY},
		     text = bytes_trim(value);
	struct bytes algorithm = piece_next(&text, ' ');

	if (!bytes_equal(algorithm, ALGORITHM))
		return ERR(err, ERR_SYNTAX, "Authorization must use AWS4-HMAC-SHA256");
	if (!parts_parse(values, text, err) || !credential_parse(out, values[PART_CREDENTIAL], err))
		return false;
	out->signed_headers = values[PART_SIGNED_HEADERS];
	out->signature = values[PART_SIGNATURE];
	if (out->signature.len != SIGNATURE_BYTES || !all_of(out->signature, is_lower_hex))
		return ERR(err, ERR_SYNTAX, "Signature must be 64 lower-case hexadecimal digits");
	return true;
}
