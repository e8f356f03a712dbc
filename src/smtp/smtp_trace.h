/* SPDX-License-Identifier: Apache-2.0 */
/* Counting Received fields as a message flows by, for loop detection (RFC 5321 §6.3); pure. */
#ifndef SMTP_TRACE_H
#define SMTP_TRACE_H

#include <stdbool.h>
#include <stddef.h>

#include "base_bytes.h"

#define SMTP_TRACE_RECEIVED_MAX 100u /* more is a loop: 554 5.4.6, on mx listeners */

struct smtp_trace {
	unsigned received_count;
	size_t column;  /* octets of the current line seen so far               */
	size_t matched; /* how many of them match the field name; column if all */
	bool only_cr;   /* the current line is one CR so far                    */
	bool in_body;
};

void smtp_trace_init(struct smtp_trace *t);
/* smtp_trace_feed: message bytes at any split; free once the header has ended. */
void smtp_trace_feed(struct smtp_trace *t, struct bytes run);

#endif
