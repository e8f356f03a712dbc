/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of the intake log: file header, frames, and the reception inside a frame (docs/formats/intake.md). */
#ifndef ARCHIVE_RECORD_INT_H
#define ARCHIVE_RECORD_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "archive.h"
#include "base_arena.h"
#include "base_bytes.h"
#include "base_limits.h"
#include "crypt_key.h"
#include "crypt_seal.h"

#define ARCHIVE_LOG_PAGE_BYTES 4096u
#define ARCHIVE_LOG_START      (2 * ARCHIVE_LOG_PAGE_BYTES) /* header, header again, then frames */
#define ARCHIVE_LOG_SALT_BYTES 16u
#define ARCHIVE_FRAME_BYTES    28u
#define ARCHIVE_RECORD_BYTES_MAX                                                                   \
	(SMTP_MESSAGE_BYTES_CEIL + 64 * LIMIT_MIB) /* a reception in clear; ERR_LIMIT */
#define ARCHIVE_LOG_BYTES_MAX  (1024 * LIMIT_MIB)  /* one log file; ERR_CORRUPT       */
#define ARCHIVE_DELIVERIES_MAX 1000u               /* of one reception; ERR_LIMIT     */

enum archive_log_state { ARCHIVE_LOG_FREE = 1, ARCHIVE_LOG_IN_USE = 2 };

struct archive_log_header {
	enum archive_log_state state;
	uint64_t sequence; /* of this use of the file; larger is newer */
	uint8_t salt[ARCHIVE_LOG_SALT_BYTES];
	struct bytes wrapped_key; /* empty when free; at most CRYPT_WRAPPED_BYTES_MAX */
};

/* archive_record_header_encode: appends both copies, ARCHIVE_LOG_START bytes. */
void archive_record_header_encode(const struct archive_log_header *h, struct buf *out);
/*
 * archive_record_header_decode: from the first ARCHIVE_LOG_START bytes of a file (or fewer), whichever copy is newer.
 * out    views into data
 * fails  ERR_NOT_FOUND nothing but zeros: the file was never used    ERR_CORRUPT    ERR_UNSUPPORTED a later version
 */
MUST_USE bool archive_record_header_decode(
    struct bytes data, struct archive_log_header *out, struct err *err);
/* archive_record_key_context: what the wrapped key of a log file is bound to. */
void archive_record_key_context(const struct archive_log_header *h, struct buf *out);

enum archive_frame_kind {
	ARCHIVE_FRAME_RECORD = 1,
	ARCHIVE_FRAME_END = 2, /* the batch before it was written whole */
	ARCHIVE_FRAME_VOID = 3 /* a record that recovery found torn */
};

struct archive_frame {
	enum archive_frame_kind kind;
	uint32_t length;  /* of the sealed payload behind the frame */
	uint64_t counter; /* from 1, rises within a file: nonce of the payload */
	uint32_t payload_crc;
};

void archive_record_frame_encode(const struct archive_frame *f,
    const uint8_t salt[ARCHIVE_LOG_SALT_BYTES], uint8_t out[ARCHIVE_FRAME_BYTES]);
/* archive_record_frame_decode: false: these are not a frame of the file with that salt. */
MUST_USE bool archive_record_frame_decode(
    struct bytes data, const uint8_t salt[ARCHIVE_LOG_SALT_BYTES], struct archive_frame *out);

/* archive_record_seal: appends frame and sealed payload. archive_record_end: appends an END frame. */
void archive_record_seal(struct crypt_sealer *sealer, const uint8_t salt[ARCHIVE_LOG_SALT_BYTES],
    uint64_t counter, struct bytes plain, struct buf *out);
void archive_record_end(
    const uint8_t salt[ARCHIVE_LOG_SALT_BYTES], uint64_t counter, struct buf *out);
/* archive_record_unseal: data is frame and payload; appends the plain bytes; ERR_CORRUPT. */
MUST_USE bool archive_record_unseal(struct crypt_sealer *sealer,
    const uint8_t salt[ARCHIVE_LOG_SALT_BYTES], struct bytes data, struct buf *plain,
    struct err *err);

/* One delivery as the log holds it; views. */
struct archive_record_delivery {
	struct bytes archive_id;
	struct bytes row; /* of pack_row_encode */
	struct bytes added_headers;
};

struct archive_record {
	const struct archive_record_delivery *deliveries;
	size_t delivery_count;
	struct bytes body;
};

/* archive_record_row: the row of one delivery, hashed; views into s. cost: SHA-256 of the message. */
void archive_record_row(
    const struct archive_reception *s, const struct archive_delivery *d, struct pack_row *out);
/* archive_record_encode: a reception in clear; out is empty before. fails ERR_LIMIT. */
MUST_USE bool archive_record_encode(
    const struct archive_reception *s, struct buf *out, struct err *err);
/* archive_record_decode: views into plain; deliveries in arena. ERR_CORRUPT. */
MUST_USE bool archive_record_decode(
    struct bytes plain, struct arena *arena, struct archive_record *out, struct err *err);

#endif
