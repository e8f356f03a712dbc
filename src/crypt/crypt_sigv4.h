/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AWS Signature Version 4, the arithmetic only: canonical request, string to sign, signing key, signature.
 * Who owns a key and whether a request may pass is the auth room's business.
 */
#ifndef CRYPT_SIGV4_H
#define CRYPT_SIGV4_H

#include "base_arena.h"
#include "base_bytes.h"

#define CRYPT_SIGV4_SECRET_BYTES_MAX 256

struct crypt_sigv4_header {
	struct bytes name;  /* any case */
	struct bytes value; /* as received, without the line end */
};

struct crypt_sigv4_request {
	struct bytes method;
	struct bytes target; /* raw: path and, after '?', query, as on the request line */
	const struct crypt_sigv4_header *headers;
	size_t header_count;
	struct bytes payload_hash; /* 64 hex digits, or UNSIGNED-PAYLOAD for presigned URLs */
	/* true, services other than S3: "//", "." and ".." are resolved, and what came encoded is encoded again;
	 * false, S3: the path stands, decoded once and encoded once. */
	bool normalize_path;
};

struct crypt_sigv4_scope {
	struct bytes date; /* YYYYMMDD */
	struct bytes region;
	struct bytes service;
};

/*
 * crypt_sigv4_canonical: the canonical request over exactly signed_headers ("a;b;c", lower case, sorted).
 * presigned: the X-Amz-Signature parameter is left out of the query.
 * after  false: what was appended to out is of no use
 * fails  ERR_SYNTAX a signed header is absent, the target is malformed, the list is unsorted or has duplicates,
 *                   presigned and not exactly one X-Amz-Signature
 *        ERR_LIMIT  the target is longer than HTTP_TARGET_BYTES_MAX, or out is full
 */
MUST_USE bool crypt_sigv4_canonical(const struct crypt_sigv4_request *r,
    struct bytes signed_headers, bool presigned, struct buf *out, struct err *err);
/* crypt_sigv4_string_to_sign: amz_date is YYYYMMDDTHHMMSSZ. */
void crypt_sigv4_string_to_sign(struct bytes canonical, struct bytes amz_date,
    const struct crypt_sigv4_scope *scope, struct buf *out);
/* crypt_sigv4_signature: 64 hex digits and NUL; secret_key is at most CRYPT_SIGV4_SECRET_BYTES_MAX long. */
void crypt_sigv4_signature(char out[65], struct bytes secret_key,
    const struct crypt_sigv4_scope *scope, struct bytes string_to_sign);
/* crypt_sigv4_sign_header: the value of an Authorization header over all headers of r (which already carries host and
 * x-amz-date). Fails as crypt_sigv4_canonical. */
MUST_USE bool crypt_sigv4_sign_header(const struct crypt_sigv4_request *r, struct bytes access_key,
    struct bytes secret_key, struct bytes amz_date, const struct crypt_sigv4_scope *scope,
    struct buf *out, struct err *err);

#endif
