/* SPDX-License-Identifier: Apache-2.0 */
/* Identifiers: resource ids ("a-" + 24 characters) and time-ordered record ids. */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "base_bytes.h"
#include "base_rng.h"

#define ID_RANDOM_CHARS 24                        /* of [a-z2-7]: 120 bits        */
#define ID_TEXT_SIZE    (8 + ID_RANDOM_CHARS + 1) /* prefix of up to 8, then NUL */

/* id_new: prefix (for example "a-", "inp-", at most 8 characters) and 24 random characters. */
void id_new(char out[ID_TEXT_SIZE], const char *prefix, const struct rng *rng);

/*
 * A record id: 48 bits of UTC milliseconds, big-endian, then 80 random bits, so that byte order is time order.
 * Its text is 26 characters of [a-z2-7], in the same order.
 */
#define ID_RECORD_BYTES     16
#define ID_RECORD_TEXT_SIZE 27

struct id_record {
	uint8_t raw[ID_RECORD_BYTES];
};

void id_record_new(struct id_record *out, int64_t now_ms, const struct rng *rng);
/*
 * id_record_new_after: like id_record_new, and what is made later in one millisecond is greater.
 *
 * in      last  the greatest so far, all zero at first; becomes *out when that is greater; one thread at a time
 * cost    the step is random, so that nobody learns from two ids how many lie between
 */
void id_record_new_after(
    struct id_record *out, struct id_record *last, int64_t now_ms, const struct rng *rng);
int64_t id_record_ms(const struct id_record *id);
void id_record_format(char out[ID_RECORD_TEXT_SIZE], const struct id_record *id);
/* id_record_parse: exact inverse; false for anything else. */
MUST_USE bool id_record_parse(struct id_record *out, struct bytes text);
int id_record_compare(const struct id_record *a, const struct id_record *b);

/* id_uuid_new: a random version 4 UUID as text. */
#define ID_UUID_TEXT_SIZE 37
void id_uuid_new(char out[ID_UUID_TEXT_SIZE], const struct rng *rng);

#endif
