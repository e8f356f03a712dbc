/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and ranges, RFC 4632 and RFC 4291 §2.3. */
#ifndef POLICY_IP_H
#define POLICY_IP_H

#include <stdbool.h>
#include <stdint.h>

#include "base_bytes.h"

struct policy_cidr {
	int family;      /* 4 or 6 */
	uint8_t ip[16];  /* host bits are zero */
	unsigned prefix; /* bits */
};

/* policy_cidr_parse: "192.0.2.0/24", "2001:db8::/32", or one address. An IPv4-mapped IPv6 range of
 * /96 or longer is the IPv4 range it stands for. Bits past the prefix are ignored. */
MUST_USE bool policy_cidr_parse(struct policy_cidr *out, struct bytes text);
/* policy_ip_unmap: an IPv4-mapped IPv6 address (::ffff:a.b.c.d) becomes the IPv4 address it is. */
void policy_ip_unmap(int *family, uint8_t ip[16]);
/* policy_cidr_holds: false when the families differ. ip in network order, as in struct
 * policy_session. */
bool policy_cidr_holds(const struct policy_cidr *c, int family, const uint8_t ip[16]);

#endif
