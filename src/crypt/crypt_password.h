/* SPDX-License-Identifier: Apache-2.0 */
/* Stored passwords: argon2id (libsodium), salted; the stored text may be logged by nobody. */
#ifndef CRYPT_PASSWORD_H
#define CRYPT_PASSWORD_H

#include "base_bytes.h"

#define CRYPT_PASSWORD_TEXT_SIZE 128

/* Costs about 16 MiB and 20 ms: a credential of 62^24 needs no more, and a listener must answer many. */
MUST_USE bool crypt_password_hash(
    char out[CRYPT_PASSWORD_TEXT_SIZE], struct bytes password, struct err *err);
/* crypt_password_match: same work for a right and a wrong password; stored == NULL does the work and says false. */
bool crypt_password_match(const char *stored, struct bytes password);

#endif
