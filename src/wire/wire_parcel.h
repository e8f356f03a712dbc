/* SPDX-License-Identifier: Apache-2.0 */
/* Something the core wants carried out of the house, and what came back. The bytes are the frames' bodies. */
#ifndef WIRE_PARCEL_H
#define WIRE_PARCEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base_arena.h"
#include "base_bytes.h"

#define WIRE_PARCEL_CALL_MS_MAX 300000u

struct wire_parcel {
	bool mail;                                     /* by SMTP; else a POST */
	uint32_t call_ms;                              /* 1 to WIRE_PARCEL_CALL_MS_MAX */
	const char *url, *ca_file, *from, *to, *hello; /* never NULL */
};
void wire_parcel_encode(const struct wire_parcel *p, struct buf *out);
/* wire_parcel_decode: texts in arena. ERR_SYNTAX. */
MUST_USE bool wire_parcel_decode(
    struct bytes payload, struct arena *arena, struct wire_parcel *out, struct err *err);

struct wire_parcel_answer {
	bool ok;
	uint16_t status;     /* of a POST */
	enum err_code code;  /* not ok */
	const char *message; /* never NULL */
};
void wire_parcel_answer_encode(const struct wire_parcel_answer *a, struct buf *out);
MUST_USE bool wire_parcel_answer_decode(
    struct bytes payload, struct arena *arena, struct wire_parcel_answer *out, struct err *err);

#endif
