/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a request was signed by a key of this installation: Signature Version 4, header form.
 *
 * Replay: a request that is sent twice within the skew is judged twice alike; no set of seen signatures is kept.
 * Everything that creates something carries a ClientToken, under which the second is answered like the first and
 * makes nothing; everything else is idempotent by nature. Presigned queries authenticate nothing here.
 */
#ifndef AUTH_REQUEST_H
#define AUTH_REQUEST_H

#include "auth_key.h"
#include "base_arena.h"
#include "base_bytes.h"
#include "crypt_sigv4.h"

/* At most this far off. Not less: clients mend their clocks by the Date of an answer only from five minutes on. */
#define AUTH_SKEW_MS_DEFAULT 300000

struct auth_request {
	struct bytes method;
	struct bytes target; /* raw, as on the request line */
	const struct crypt_sigv4_header
	    *headers; /* every line as received; none folded, no CR, LF or NUL */
	size_t header_count;
	struct bytes body; /* the bytes that will be processed */
	int64_t now_ms;
};

struct auth_options {
	const char *region;  /* NULL: any */
	const char *service; /* "ses" */
	int64_t skew_ms;
};
struct auth_options auth_options_default(void);

enum auth_verdict {
	AUTH_PASSED,
	AUTH_MISSING,         /* no Authorization header */
	AUTH_INCOMPLETE,      /* malformed, doubled, or not all there; text says what */
	AUTH_TARGET,          /* a path that is not its own canonical form */
	AUTH_UNSIGNED_HEADER, /* something that decides what happens is not signed */
	AUTH_UNSIGNED_PAYLOAD,
	AUTH_STREAMING, /* chunk signatures are not implemented */
	AUTH_PAYLOAD_MISMATCH,
	AUTH_SESSION_TOKEN, /* none is issued here */
	AUTH_SCOPE,         /* date, region, service or terminator */
	AUTH_EXPIRED,
	AUTH_NOT_YET_CURRENT,
	AUTH_UNKNOWN_KEY,
	AUTH_INACTIVE_KEY,
	AUTH_SIGNATURE
};

/* One row per verdict: what the client is told. */
struct auth_refusal {
	int http_status;
	const char *exception; /* "InvalidSignatureException" */
	const char *text;
};
const struct auth_refusal *auth_refusal_of(enum auth_verdict verdict); /* NULL for AUTH_PASSED */

struct auth_result {
	enum auth_verdict verdict;
	const char *principal; /* arena; only when passed */
	const char *key_id;    /* arena; only when passed */
	char text
	    [256]; /* for the client: the row's text, or a better one; "" when passed. Holds no secret and
	                          nothing of the request but its time. */
};

/*
 * auth_request_check: true when the request was judged, out holds the judgement.
 *
 * What must be signed: host, x-amz-date, content-type, smithy-protocol and every x-amz-* header that was received, each
 * received once. Other headers (amz-sdk-*, user-agent, …) may be signed or not; they decide nothing.
 * The payload hash is x-amz-content-sha256 when sent, which must be that of the body, else that of the body.
 * Order: form, then session token, signed headers, scope, time, payload, signature, and the state of the key last. An
 * unknown key costs the same work as a wrong signature.
 *
 * cost   SHA-256 over the body, six HMACs, one lookup
 * fails  as keys.find fails, other than ERR_NOT_FOUND: nothing was judged, and it is our trouble (503)
 * source the signing process of AWS Signature Version 4, as crypt_sigv4.h does its arithmetic
 */
MUST_USE bool auth_request_check(const struct auth_request *r, const struct auth_options *options,
    const struct auth_key_source *keys, struct arena *arena, struct auth_result *out,
    struct err *err);

#endif
