/* SPDX-License-Identifier: Apache-2.0 */
/* What every key service must do, whoever is behind it. */
#ifndef KEYS_FIXTURE_H
#define KEYS_FIXTURE_H

#include "keys_service.h"

/* keys_fixture_contract: wrap and unwrap; other context, other service, damage at every byte: refused. */
void keys_fixture_contract(struct crypt_keys *keys);
/* keys_fixture_options: of a kind, with clock, randomness and file system of this machine. */
struct keys_options keys_fixture_options(enum keys_kind kind, const char *name);
/* keys_fixture_wrap_code: what wrapping fails with; ERR_NONE. */
enum err_code keys_fixture_wrap_code(struct crypt_keys *keys);
/* keys_fixture_file: text into dir/name; the path, valid until the next call but three. */
const char *keys_fixture_file(const char *dir, const char *name, const char *text, unsigned mode);

#endif
