/* SPDX-License-Identifier: Apache-2.0 */
/* A message handed from the smtp process to the core, and the answer. The message itself is the frame's body. */
#ifndef WIRE_MAIL_H
#define WIRE_MAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_arena.h"
#include "base_bytes.h"

enum { WIRE_MAIL_NUL = 1, WIRE_MAIL_BARE_LF = 2, WIRE_MAIL_BARE_CR = 4 };

/* Attributes of a verified client certificate; lists may be empty. */
struct wire_certificate {
	struct bytes common_name, serial;
	const struct bytes *san_rfc822, *san_dns, *san_directory, *san_uri, *san_ip, *san_rid;
	size_t san_rfc822_count, san_dns_count, san_directory_count, san_uri_count, san_ip_count,
	    san_rid_count;
};

struct wire_mail {
	int64_t received_ms;
	struct bytes ingress_point_id;
	struct bytes traffic_policy_id; /* of the policy that accepted the recipients */
	struct bytes session_id;
	uint8_t peer_family; /* 4, 6, 0 */
	uint8_t peer_ip[16];
	struct bytes peer_text;
	struct bytes helo, mail_from, mail_parameters; /* parameters as written, for the record */
	const struct bytes *recipients;
	size_t recipient_count;
	struct bytes tls_protocol, tls_cipher; /* empty: none */
	bool tls_wrapped;
	struct bytes auth_identity; /* empty: not authenticated */
	bool has_certificate;
	struct wire_certificate certificate;
	uint32_t data_flags;
	struct bytes traffic_explanation; /* JSON array, docs/formats/explanation.md */
};

/* wire_mail_encode appends the payload; wire_mail_decode makes views into payload, lists in arena. ERR_SYNTAX. */
void wire_mail_encode(const struct wire_mail *m, struct buf *out);
MUST_USE bool wire_mail_decode(
    struct bytes payload, struct arena *arena, struct wire_mail *out, struct err *err);

/* code 250 = kept; text without CR or LF, enhanced code first ("2.0.0 Ok: id"). close: end the session after it. */
struct wire_mail_reply {
	uint16_t code;
	bool close;
	struct bytes text;
};
void wire_mail_reply_encode(const struct wire_mail_reply *r, struct buf *out);
MUST_USE bool wire_mail_reply_decode(
    struct bytes payload, struct wire_mail_reply *out, struct err *err);

#endif
