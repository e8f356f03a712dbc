/* SPDX-License-Identifier: Apache-2.0 */
/* A tiny HTTP server on loopback for contract tests: one thread, one request per connection. */
#ifndef KEYS_STUB_H
#define KEYS_STUB_H

#include "base_bytes.h"

struct keys_stub;

/* Answers one request: head is everything up to the empty line. Returns the status; 0 = never answer. */
typedef int (*keys_stub_fn)(void *ctx, struct bytes head, struct bytes body, struct buf *reply);

struct keys_stub *keys_stub_new(keys_stub_fn answer, void *ctx);
void keys_stub_free(struct keys_stub **s);
const char *keys_stub_url(const struct keys_stub *s);
/* keys_stub_away: true = connections are taken and closed without a word. */
void keys_stub_away(struct keys_stub *s, bool away);

#endif
