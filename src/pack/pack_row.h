/* SPDX-License-Identifier: Apache-2.0 */
/* What an archive knows of a message beside its bytes, and how searches ask for it. */
#ifndef PACK_ROW_H
#define PACK_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_bytes.h"
#include "base_id.h"

/* Retention periods of SES Mail Manager, in this order on disk. 0 is invalid. */
enum pack_retention {
	PACK_RETENTION_THREE_MONTHS = 1,
	PACK_RETENTION_SIX_MONTHS,
	PACK_RETENTION_NINE_MONTHS,
	PACK_RETENTION_ONE_YEAR,
	PACK_RETENTION_EIGHTEEN_MONTHS,
	PACK_RETENTION_TWO_YEARS,
	PACK_RETENTION_THIRTY_MONTHS,
	PACK_RETENTION_THREE_YEARS,
	PACK_RETENTION_FOUR_YEARS,
	PACK_RETENTION_FIVE_YEARS,
	PACK_RETENTION_SIX_YEARS,
	PACK_RETENTION_SEVEN_YEARS,
	PACK_RETENTION_EIGHT_YEARS,
	PACK_RETENTION_NINE_YEARS,
	PACK_RETENTION_TEN_YEARS,
	PACK_RETENTION_PERMANENT
};

/* pack_retention_parse: the API's word ("SEVEN_YEARS"); false for anything else. _name: the word. */
MUST_USE bool pack_retention_parse(enum pack_retention *out, const char *word);
const char *pack_retention_name(enum pack_retention r);
/* pack_retention_until_ms: received_ms plus the period in calendar months; 0 = for ever. */
int64_t pack_retention_until_ms(enum pack_retention r, int64_t received_ms);

/* How far the parse of a message went; the message is kept whole in every case. */
enum pack_parse_flag {
	PACK_PARSE_MALFORMED = 1, /* the header is not one */
	PACK_PARSE_LIMITED = 2,   /* a named limit was reached: search may miss parts */
	PACK_PARSE_NUL = 4,       /* NUL in the message */
	PACK_PARSE_BARE_LF = 8,
	PACK_PARSE_BARE_CR = 16,
	PACK_PARSE_8BIT_HEADER = 32
};

/* Envelope, session and header columns. Text is UTF-8; an empty view means absent. Decoded = RFC 2047 undone. */
struct pack_columns {
	/* header */
	struct bytes date, message_id, in_reply_to, x_mailer, x_original_mailer,
	    x_priority;                     /* as in the header, unfolded */
	struct bytes from, to, cc, subject; /* decoded */
	const struct bytes *received_headers;
	size_t received_header_count;
	bool has_attachments;
	uint32_t parse_flags; /* of enum pack_parse_flag */
	/* session */
	struct bytes helo, envelope_from;
	struct bytes ingress_point_id, traffic_policy_id, rule_set_id;
	struct bytes sender_hostname, sender_ip; /* text */
	struct bytes tls_protocol, tls_cipher;
	struct bytes source_arn;
	/* which statement, which rule, which condition decided: JSON, see docs/formats/explanation.md */
	struct bytes explanation;
};

#define PACK_LEAF_NONE UINT64_MAX

/* A record as search and read give it. */
struct pack_row {
	struct id_record id;
	int64_t received_ms;
	uint64_t size_bytes; /* of the stored message */
	uint8_t sha256[32];  /* of the stored message */
	enum pack_retention retention;
	uint64_t
	    leaf_index; /* in the proof log; PACK_LEAF_NONE: none yet. Packs keep it, the row's encoding does not */
	const struct bytes *recipients;
	size_t recipient_count;
	struct pack_columns columns;
};

/* pack_visit_fn: row is lent for the call; false: enough, which is no failure. pack_problem_fn: a sentence that names
 * what is wrong. */
typedef bool (*pack_visit_fn)(void *ctx, const struct pack_row *row);
typedef void (*pack_problem_fn)(void *ctx, const char *what);

/* Filters, as SES has them: values of one condition are alternatives; every Include must hold; any Unless excludes.
 * CONTAINS is an exact substring after Unicode case folding of both sides (accents count), over the decoded field;
 * for ENVELOPE_TO over each recipient by itself. */
enum pack_attribute {
	PACK_ATTRIBUTE_TO,
	PACK_ATTRIBUTE_FROM,
	PACK_ATTRIBUTE_CC,
	PACK_ATTRIBUTE_SUBJECT,
	PACK_ATTRIBUTE_ENVELOPE_TO,
	PACK_ATTRIBUTE_ENVELOPE_FROM,
	PACK_ATTRIBUTE_HAS_ATTACHMENTS
};

struct pack_condition {
	enum pack_attribute attribute;
	bool expected; /* HAS_ATTACHMENTS only */
	const struct bytes *values;
	size_t value_count;
};

struct pack_filter {
	const struct pack_condition *include, *unless;
	size_t include_count, unless_count;
};

#endif
