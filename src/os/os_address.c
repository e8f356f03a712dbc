/* SPDX-License-Identifier: Apache-2.0 */
/* Socket addresses as text and back, and their two kernel forms. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base_text.h"
#include "os_socket.h"
#include "os_socket_int.h"

/* "::ffff:0:0/96", RFC 4291 §2.5.5.2 */
static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static void
set_ip6(struct os_address *out, const uint8_t ip[16])
{
	if (memcmp(ip, mapped_prefix, sizeof mapped_prefix) == 0) {
		out->family = 4;
		memcpy(out->ip, ip + sizeof mapped_prefix, 4);
		return;
	}
	out->family = 6;
	memcpy(out->ip, ip, 16);
}

static bool
parse_ip(struct os_address *out, bool six, struct bytes text)
{
	char copy[INET6_ADDRSTRLEN];
	uint8_t ip[16];

	if (text.len == 0 || text.len >= sizeof copy || memchr(text.ptr, 0, text.len) != NULL)
		return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	if (inet_pton(six ? AF_INET6 : AF_INET, copy, ip) != 1)
		return false;
	if (six) {
		set_ip6(out, ip);
	} else {
		out->family = 4;
		memcpy(out->ip, ip, 4);
	}
	return true;
}

static bool
parse_port(uint16_t *out, struct bytes text)
{
	uint64_t value;

	if (text.len > 5 || (text.len > 1 && text.ptr[0] == '0') || !text_u64_parse(&value, text) ||
	    value > 65535)
		return false;
	*out = (uint16_t)value;
	return true;
}

bool
os_address_parse(struct os_address *out, struct bytes text, struct err *err)
{
	bool six = text.len > 0 && text.ptr[0] == '[';
	size_t colon = text.len;
	struct bytes ip;

	memset(out, 0, sizeof *out);
	while (colon > 0 && text.ptr[colon - 1] != ':')
		colon--;
	if (colon == 0)
		return ERR(
		    err, ERR_SYNTAX, "an address needs a port, as in 127.0.0.1:25 or [::1]:25");
	ip = bytes_slice(text, 0, colon - 1);
	if (six) {
		if (ip.len < 2 || ip.ptr[ip.len - 1] != ']')
			return ERR(
			    err, ERR_SYNTAX, "an IPv6 address stands in brackets, as in [::1]:25");
		ip = bytes_slice(ip, 1, ip.len - 2);
	}
	if (!parse_ip(out, six, ip))
		return ERR(err, ERR_SYNTAX, "not an IP address (names are not resolved)");
	if (!parse_port(&out->port, bytes_slice(text, colon, text.len)))
		return ERR(err, ERR_SYNTAX, "a port is a number from 0 to 65535");
	return true;
}

void
os_address_format_ip(char out[OS_ADDRESS_TEXT_SIZE], const struct os_address *a)
{
	if (a->family == 0)
		(void)snprintf(out, OS_ADDRESS_TEXT_SIZE, "unix");
	else
		must(inet_ntop(a->family == 6 ? AF_INET6 : AF_INET, a->ip, out,
			 OS_ADDRESS_TEXT_SIZE) != NULL);
}

void
os_address_format(char out[OS_ADDRESS_TEXT_SIZE], const struct os_address *a)
{
	char ip[OS_ADDRESS_TEXT_SIZE];
	int len;

	os_address_format_ip(ip, a);
	if (a->family == 0)
		len = snprintf(out, OS_ADDRESS_TEXT_SIZE, "%s", ip);
	else
		len = snprintf(out, OS_ADDRESS_TEXT_SIZE, a->family == 6 ? "[%s]:%u" : "%s:%u", ip,
		    (unsigned)a->port);
	must(len > 0 && len < OS_ADDRESS_TEXT_SIZE);
}

bool
os_address_equal(const struct os_address *a, const struct os_address *b)
{
	size_t len = a->family == 6 ? 16 : a->family == 4 ? 4 : 0;

	return a->family == b->family && a->port == b->port && memcmp(a->ip, b->ip, len) == 0;
}

socklen_t
os_address_to_kernel(union os_kernel_address *out, const struct os_address *a)
{
	must(a->family == 4 || a->family == 6);
	memset(out, 0, sizeof *out);
	if (a->family == 6) {
		out->in6.sin6_family = AF_INET6;
		out->in6.sin6_port = htons(a->port);
		memcpy(&out->in6.sin6_addr, a->ip, 16);
		return sizeof out->in6;
	}
	out->in4.sin_family = AF_INET;
	out->in4.sin_port = htons(a->port);
	memcpy(&out->in4.sin_addr, a->ip, 4);
	return sizeof out->in4;
}

void
os_address_from_kernel(struct os_address *out, const union os_kernel_address *a)
{
	uint8_t ip[16];

	memset(out, 0, sizeof *out);
	if (a->any.sa_family == AF_INET6) {
		memcpy(ip, &a->in6.sin6_addr, sizeof ip);
		set_ip6(out, ip);
		out->port = ntohs(a->in6.sin6_port);
	} else if (a->any.sa_family == AF_INET) {
		out->family = 4;
		memcpy(out->ip, &a->in4.sin_addr, 4);
		out->port = ntohs(a->in4.sin_port);
	}
}
