/* SPDX-License-Identifier: Apache-2.0 */
/* The two halves of daybook verify: with a data directory, and without one. */
#ifndef APP_VERIFY_INT_H
#define APP_VERIFY_INT_H

#include "archive.h"
#include "catalog.h"
#include "cli_args.h"

/* app_verify_offline: one operand: an export directory, or a message with its proof. Returns the exit code. */
int app_verify_offline(const struct cli_args *args);

/* app_verify_archive: --archive; problems: what opening found. Returns the exit code. */
int app_verify_archive(const struct cli_args *args, struct archive *archive,
    struct catalog *catalog, uint64_t problems);

#endif
