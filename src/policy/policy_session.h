/* SPDX-License-Identifier: Apache-2.0 */
/* What policies may know of a session. All views are lent. */
#ifndef POLICY_SESSION_H
#define POLICY_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_bytes.h"

enum policy_tls { POLICY_TLS_NONE, POLICY_TLS_1_2, POLICY_TLS_1_3 };

/* A verified client certificate's attributes; NULL or empty when the session has none. */
struct policy_certificate {
	struct bytes common_name, serial;
	const struct bytes *san_rfc822, *san_dns, *san_directory, *san_uri, *san_ip, *san_rid;
	size_t san_rfc822_count, san_dns_count, san_directory_count, san_uri_count, san_ip_count,
	    san_rid_count;
};

struct policy_session {
	int ip_family; /* 4, 6, 0 = unknown */
	uint8_t ip[16];
	enum policy_tls tls;
	bool tls_wrapped; /* implicit TLS */
	struct bytes helo;
	const struct policy_certificate *certificate; /* may be NULL */
};

#endif
