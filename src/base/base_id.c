/* SPDX-License-Identifier: Apache-2.0 */
/* Making and reading identifiers. The alphabet is in ASCII order, so text order is byte order. */
#include "base_id.h"

#include <stdio.h>
#include <string.h>

static const char ALPHABET[] = "234567abcdefghijklmnopqrstuvwxyz";

void
id_new(char out[ID_TEXT_SIZE], const char *prefix, const struct rng *rng)
{
	uint8_t raw[ID_RANDOM_CHARS];
	size_t at = strlen(prefix);

	must(at <= 8);
	memcpy(out, prefix, at);
	rng_fill(rng, raw, sizeof raw);
	for (size_t i = 0; i < sizeof raw; i++)
		out[at + i] = ALPHABET[raw[i] & 31];
	out[at + sizeof raw] = '\0';
}

void
id_record_new(struct id_record *out, int64_t now_ms, const struct rng *rng)
{
	must(now_ms >= 0);
	for (int i = 0; i < 6; i++)
		out->raw[i] = (uint8_t)((uint64_t)now_ms >> (8 * (5 - i)));
	rng_fill(rng, out->raw + 6, sizeof out->raw - 6);
}

/* Adds 1 .. 2^32 to the random part; false when it ran over, once in 2^48 times. */
static bool
step_random(struct id_record *id, const struct rng *rng)
{
	uint8_t raw[4];
	uint64_t carry = 1;

	rng_fill(rng, raw, sizeof raw);
	for (size_t i = ID_RECORD_BYTES; i-- > 6;) {
		size_t from_end = ID_RECORD_BYTES - 1 - i;

		carry += id->raw[i];
		carry += from_end < sizeof raw ? raw[from_end] : 0;
		id->raw[i] = (uint8_t)(carry & 0xff);
		carry >>= 8;
	}
	return carry == 0;
}

void
id_record_new_after(
    struct id_record *out, struct id_record *last, int64_t now_ms, const struct rng *rng)
{
	*out = *last;
	if (id_record_ms(last) != now_ms || !step_random(out, rng))
		id_record_new(out, now_ms, rng);
	if (id_record_compare(out, last) > 0)
		*last = *out;
}

int64_t
id_record_ms(const struct id_record *id)
{
	uint64_t ms = 0;

	for (int i = 0; i < 6; i++)
		ms = ms << 8 | id->raw[i];
	return (int64_t)ms;
}

/* 128 bits are 25 groups of five and one of three; the three low bits of the last group's padding are zero. */
void
id_record_format(char out[ID_RECORD_TEXT_SIZE], const struct id_record *id)
{
	for (size_t i = 0; i < ID_RECORD_TEXT_SIZE - 1; i++) {
		size_t bit = i * 5, byte = bit / 8;
		unsigned pair = (unsigned)id->raw[byte] << 8;

		if (byte + 1 < ID_RECORD_BYTES)
			pair |= id->raw[byte + 1];
		out[i] = ALPHABET[pair >> (11 - bit % 8) & 31];
	}
	out[ID_RECORD_TEXT_SIZE - 1] = '\0';
}

bool
id_record_parse(struct id_record *out, struct bytes text)
{
	char again[ID_RECORD_TEXT_SIZE];
	unsigned held = 0, bits = 0;
	size_t at = 0;

	if (text.len != ID_RECORD_TEXT_SIZE - 1)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		const char *hit = text.ptr[i] != 0 ? strchr(ALPHABET, text.ptr[i]) : NULL;

		if (hit == NULL)
			return false;
		held = held << 5 | (unsigned)(hit - ALPHABET);
		bits += 5;
		if (bits >= 8 && at < ID_RECORD_BYTES) {
			out->raw[at++] = (uint8_t)(held >> (bits - 8));
			bits -= 8;
			held &= (1u << bits) - 1;
		}
	}
	id_record_format(again, out);
	return memcmp(again, text.ptr, text.len) == 0;
}

int
id_record_compare(const struct id_record *a, const struct id_record *b)
{
	return memcmp(a->raw, b->raw, sizeof a->raw);
}

void
id_uuid_new(char out[ID_UUID_TEXT_SIZE], const struct rng *rng)
{
	uint8_t r[16];

	rng_fill(rng, r, sizeof r);
	r[6] = (uint8_t)((r[6] & 0x0f) | 0x40);
	r[8] = (uint8_t)((r[8] & 0x3f) | 0x80);
	(void)snprintf(out, ID_UUID_TEXT_SIZE,
	    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", r[0], r[1],
	    r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11], r[12], r[13], r[14],
	    r[15]);
}
