/* SPDX-License-Identifier: Apache-2.0 */
/* What rules and archives want to know of a message, read from its bytes once. */
#ifndef JOURNAL_MESSAGE_H
#define JOURNAL_MESSAGE_H

#include <stddef.h>

#include "pack_row.h"
#include "base_arena.h"
#include "base_bytes.h"
#include "policy_rules.h"

/* A header column longer than this is cut in the record (never in the message), and PACK_PARSE_LIMITED says so. */
#define JOURNAL_COLUMN_BYTES_MAX   ((size_t)32 * 1024)
#define JOURNAL_RECEIVED_LINES_MAX 100u

struct journal_message {
	struct pack_columns columns; /* header part and flags filled; the rest is the caller's */
	struct policy_message
	    policy; /* header part and size filled; envelope and session are the caller's */
	size_t received_count;
};

/* journal_message_parse: views into body and arena. Never fails. */
void journal_message_parse(struct arena *arena, struct bytes body, struct journal_message *out);

#endif
