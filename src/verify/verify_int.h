/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of libdaybook-verify: our errors as the library's. */
#ifndef VERIFY_INT_H
#define VERIFY_INT_H

#include "base_bytes.h"
#include "base_err.h"
#include "base_limits.h"
#include "daybook/verify.h"
#include "proof_note.h"

#define VERIFY_MESSAGE_BYTES_MAX                                                                   \
	(SMTP_MESSAGE_BYTES_CEIL + 64 * LIMIT_MIB) /* header lines that rules added, too */

#define VERIFY_PUBLIC __attribute__((visibility("default")))

/* verify_code: ok: DAYBOOK_OK; else err as the library tells it. error may be NULL. */
enum daybook_code verify_code(bool ok, const struct err *err, struct daybook_error *error);

/* verify_message: daybook_verify_message in the words of the rooms. ERR_CORRUPT, ERR_DENIED and the like. */
MUST_USE bool verify_message(struct bytes message, struct bytes proof, const struct proof_key *key,
    struct daybook_proved *out, struct err *err);

/* verify_cosigned: a checkpoint, or a proof that ends in one, is signed by the witness. ERR_DENIED, ERR_SYNTAX. */
MUST_USE bool verify_cosigned(
    struct bytes text, const struct proof_key *witness, uint64_t *time_s_out, struct err *err);
/* verify_witness_key: ERR_USAGE. */
MUST_USE bool verify_witness_key(const char *text, struct proof_key *out, struct err *err);

#endif
