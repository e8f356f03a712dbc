/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges of addresses. */
#include "policy_ip.h"

#include <arpa/inet.h>
#include <string.h>

#include "base_text.h"

#define ADDRESS_TEXT_SIZE 64

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static void
clear_host_bits(struct policy_cidr *c)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned bits = c->prefix > i * 8 ? c->prefix - i * 8 : 0;

		if (bits < 8)
			c->ip[i] = (uint8_t)(c->ip[i] & (0xff00u >> bits));
	}
}

void
policy_ip_unmap(int *family, uint8_t ip[16])
{
	if (*family != 6 || memcmp(ip, mapped, sizeof mapped) != 0)
		return;
	memmove(ip, ip + 12, 4);
	memset(ip + 4, 0, 12);
	*family = 4;
}

bool
policy_cidr_parse(struct policy_cidr *out, struct bytes text)
{
	size_t slash = bytes_find_byte(text, 0, '/');
	struct bytes address = bytes_slice(text, 0, slash == SIZE_MAX ? text.len : slash);
	char copy[ADDRESS_TEXT_SIZE];
	uint64_t prefix;

	memset(out, 0, sizeof *out);
	if (address.len == 0 || address.len >= sizeof copy ||
	    bytes_find_byte(address, 0, '\0') != SIZE_MAX)
		return false;
	memcpy(copy, address.ptr, address.len);
	copy[address.len] = '\0';
	if (inet_pton(AF_INET, copy, out->ip) == 1)
		out->family = 4;
	else if (inet_pton(AF_INET6, copy, out->ip) == 1)
		out->family = 6;
	else
		return false;
	prefix = out->family == 4 ? 32 : 128;
	if (slash != SIZE_MAX &&
	    (!text_u64_parse(&prefix, bytes_slice(text, slash + 1, SIZE_MAX)) ||
		prefix > (out->family == 4 ? 32u : 128u)))
		return false;
	out->prefix = (unsigned)prefix;
	if (out->family == 6 && out->prefix >= 96 && memcmp(out->ip, mapped, sizeof mapped) == 0) {
		policy_ip_unmap(&out->family, out->ip);
		out->prefix -= 96;
	}
	clear_host_bits(out);
	return true;
}

bool
policy_cidr_holds(const struct policy_cidr *c, int family, const uint8_t ip[16])
{
	unsigned whole = c->prefix / 8, rest = c->prefix % 8;

	if (family != c->family || memcmp(c->ip, ip, whole) != 0)
		return false;
	return rest == 0 || (ip[whole] & (0xff00u >> rest) & 0xffu) == c->ip[whole];
}
