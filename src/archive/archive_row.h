/* SPDX-License-Identifier: Apache-2.0 */
/* What an archive knows of a message beside its bytes, and how searches ask for it. */
#ifndef ARCHIVE_ROW_H
#define ARCHIVE_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_bytes.h"
#include "base_id.h"

#define ARCHIVE_ID_SIZE 67 /* "a-" and up to 64, NUL */

/* Retention periods of SES Mail Manager, in this order on disk. 0 is invalid. */
enum archive_retention {
	ARCHIVE_RETENTION_THREE_MONTHS = 1,
	ARCHIVE_RETENTION_SIX_MONTHS,
	ARCHIVE_RETENTION_NINE_MONTHS,
	ARCHIVE_RETENTION_ONE_YEAR,
	ARCHIVE_RETENTION_EIGHTEEN_MONTHS,
	ARCHIVE_RETENTION_TWO_YEARS,
	ARCHIVE_RETENTION_THIRTY_MONTHS,
	ARCHIVE_RETENTION_THREE_YEARS,
	ARCHIVE_RETENTION_FOUR_YEARS,
	ARCHIVE_RETENTION_FIVE_YEARS,
	ARCHIVE_RETENTION_SIX_YEARS,
	ARCHIVE_RETENTION_SEVEN_YEARS,
	ARCHIVE_RETENTION_EIGHT_YEARS,
	ARCHIVE_RETENTION_NINE_YEARS,
	ARCHIVE_RETENTION_TEN_YEARS,
	ARCHIVE_RETENTION_PERMANENT
};

/* archive_retention_parse: the API's word ("SEVEN_YEARS"); false for anything else. _name: the word. */
MUST_USE bool archive_retention_parse(enum archive_retention *out, const char *word);
const char *archive_retention_name(enum archive_retention r);
/* archive_retention_until_ms: received_ms plus the period in calendar months; 0 = for ever. */
int64_t archive_retention_until_ms(enum archive_retention r, int64_t received_ms);

/* How far the parse of a message went; the message is kept whole in every case. */
enum archive_parse_flag {
	ARCHIVE_PARSE_MALFORMED = 1, /* the header is not one */
	ARCHIVE_PARSE_LIMITED = 2,   /* a named limit was reached: search may miss parts */
	ARCHIVE_PARSE_NUL = 4,       /* NUL in the message */
	ARCHIVE_PARSE_BARE_LF = 8,
	ARCHIVE_PARSE_BARE_CR = 16,
	ARCHIVE_PARSE_8BIT_HEADER = 32
};

/* Envelope, session and header columns. Text is UTF-8; an empty view means absent. Decoded = RFC 2047 undone. */
struct archive_columns {
	/* header */
	struct bytes date, message_id, in_reply_to, x_mailer, x_original_mailer,
	    x_priority;                     /* as in the header, unfolded */
	struct bytes from, to, cc, subject; /* decoded */
	const struct bytes *received_headers;
	size_t received_header_count;
	bool has_attachments;
	uint32_t parse_flags; /* of enum archive_parse_flag */
	/* session */
	struct bytes helo, envelope_from;
	struct bytes ingress_point_id, traffic_policy_id, rule_set_id;
	struct bytes sender_hostname, sender_ip; /* text */
	struct bytes tls_protocol, tls_cipher;
	struct bytes source_arn;
	/* which statement, which rule, which condition decided: JSON, see docs/formats/explanation.md */
	struct bytes explanation;
};

/* One archive's copy of a reception. */
struct archive_delivery {
	const char *archive_id;
	struct id_record id; /* made from received_ms */
	struct bytes
	    added_headers; /* header lines a rule added before the Archive action, each with CRLF; the stored
	                              * message is these bytes and then the received ones */
	const struct bytes *recipients; /* envelope recipients this copy stands for */
	size_t recipient_count;
	enum archive_retention retention; /* the archive's period when the message came */
};

struct archive_reception {
	int64_t received_ms;
	struct archive_columns columns;
	struct bytes body; /* as received */
	const struct archive_delivery *deliveries;
	size_t delivery_count; /* at least 1 */
};

/* A record as search and read give it. */
struct archive_row {
	struct id_record id;
	int64_t received_ms;
	uint64_t size_bytes; /* of the stored message */
	uint8_t sha256[32];  /* of the stored message */
	enum archive_retention retention;
	const struct bytes *recipients;
	size_t recipient_count;
	struct archive_columns columns;
};

/* Filters, as SES has them: values of one condition are alternatives; every Include must hold; any Unless excludes.
 * CONTAINS is an exact substring after Unicode case folding of both sides (accents count), over the decoded field;
 * for ENVELOPE_TO over each recipient by itself. */
enum archive_attribute {
	ARCHIVE_ATTRIBUTE_TO,
	ARCHIVE_ATTRIBUTE_FROM,
	ARCHIVE_ATTRIBUTE_CC,
	ARCHIVE_ATTRIBUTE_SUBJECT,
	ARCHIVE_ATTRIBUTE_ENVELOPE_TO,
	ARCHIVE_ATTRIBUTE_ENVELOPE_FROM,
	ARCHIVE_ATTRIBUTE_HAS_ATTACHMENTS
};

struct archive_condition {
	enum archive_attribute attribute;
	bool expected; /* HAS_ATTACHMENTS only */
	const struct bytes *values;
	size_t value_count;
};

struct archive_filter {
	const struct archive_condition *include, *unless;
	size_t include_count, unless_count;
};

#endif
