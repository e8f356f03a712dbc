/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a message meets its rule set and its archives: decide, commit, acknowledge. Worker threads parse and decide;
 * the archive's writer commits; the reply is given from there.
 */
#ifndef JOURNAL_H
#define JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "archive.h"
#include "base_clock.h"
#include "base_rng.h"
#include "json_value.h"
#include "wire_frame.h"
#include "wire_mail.h"

struct journal;

#define JOURNAL_WORKERS_MAX 16

struct journal_options {
	struct archive *archive; /* kept */
	struct rng rng;
	size_t workers; /* threads; 0 = decide on the caller's thread (tests) */
};

struct journal *journal_open(const struct journal_options *o);
/* journal_close: when it returns, every message taken was answered. The archive must still be open;
 * one without threads must be committed by another thread. */
void journal_close(struct journal **j);

/* journal_configure: from now on endpoints, rule sets and archives are those of the snapshot (api_snapshot's shape).
 * Messages being decided keep what they began with. ERR_SYNTAX names the rule set; the old configuration stays. */
MUST_USE bool journal_configure(struct journal *j, const struct json *snapshot, struct err *err);

/*
 * journal_accept: decide and keep one message.
 *
 * in      frame   WIRE_MAIL; taken
 *         reply   called exactly once, on any thread, with the reply to the end of data; text is lent for the call
 * source  RFC 5321 §4.1.1.4, §4.2.5, §6.1
 */
typedef void (*journal_reply_fn)(void *ctx, const struct wire_mail_reply *reply);
void journal_accept(struct journal *j, struct wire_frame *frame, journal_reply_fn reply, void *ctx);

/* Counters since start. */
struct journal_counters {
	uint64_t accepted;        /* answered 250 */
	uint64_t archived_copies; /* deliveries kept */
	uint64_t without_action;  /* accepted, and no rule kept them: counted, logged, gone */
	uint64_t action_failures;
	uint64_t deferred; /* answered 4xx */
	uint64_t refused;  /* answered 5xx */
};
void journal_counters_get(struct journal *j, struct journal_counters *out);

#endif
