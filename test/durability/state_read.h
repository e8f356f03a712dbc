/* SPDX-License-Identifier: Apache-2.0 */
/* What a data directory holds, as the program itself would find it after a crash: every message of it, read. */
#ifndef STATE_READ_H
#define STATE_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "base_err.h"

/* One message: id as in replies, SHA-256 of what is read in hex. false stops. */
typedef bool (*state_visit_fn)(void *ctx, const char *id, const char *digest);

/*
 * state_read: open key, catalog and archives of data_dir as the server does, and read everything.
 *
 * in      data_dir  absolute; its key file is data_dir with ".key" behind it
 * fails   whatever is not as it must be after a crash, in one sentence: damage, a message that cannot be read, one that
 *         is shown twice or out of order
 */
MUST_USE bool state_read(const char *data_dir, state_visit_fn visit, void *ctx, struct err *err);

#endif
