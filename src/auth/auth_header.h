/* SPDX-License-Identifier: Apache-2.0 */
/* The Authorization header of Signature Version 4, taken apart. */
#ifndef AUTH_HEADER_H
#define AUTH_HEADER_H

#include "base_bytes.h"

#define AUTH_KEY_ID_BYTES_MAX 128

/* Views into the value. */
struct auth_header {
	struct bytes key_id; /* 1 .. AUTH_KEY_ID_BYTES_MAX of [A-Za-z0-9_]          */
	struct bytes date;   /* 8 digits                                            */
	struct bytes region; /* 1 or more, without '/'; so are the next two         */
	struct bytes service;
	struct bytes terminator;     /* not yet compared with "aws4_request"                */
	struct bytes signed_headers; /* not empty; its order and case are the signer's duty */
	struct bytes signature;      /* 64 digits of [0-9a-f]                               */
};

/*
 * auth_header_parse: "AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…"; the three in any order, each
 * once, nothing else, blanks allowed around the commas.
 * fails  ERR_SYNTAX msg says which part, in words fit for the client (nothing of the value is repeated)
 */
MUST_USE bool auth_header_parse(struct auth_header *out, struct bytes value, struct err *err);

#endif
