/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for keys: guard pages, locked, left out of core dumps, wiped when freed. */
#ifndef CRYPT_SECRET_H
#define CRYPT_SECRET_H

#include "base_bytes.h"
#include "base_rng.h"

struct secret; /* never printed, never copied into ordinary memory */

/* secret_new: len zero bytes, 1 .. 4096. */
struct secret *secret_new(size_t len);
struct secret *secret_of(struct bytes data); /* copies; the caller wipes its own */
struct secret *secret_random(size_t len, const struct rng *rng);
/* secret_view / secret_data: valid while s lives. */
struct bytes secret_view(const struct secret *s);
uint8_t *secret_data(struct secret *s);
void secret_free(struct secret **s);
/* secret_wipe: overwrite ordinary memory that held a secret; not optimised away. */
void secret_wipe(void *ptr, size_t len);

#endif
