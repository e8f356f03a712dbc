/* SPDX-License-Identifier: Apache-2.0 */
/* Where a key service may be: keys go over this connection, in the clear only where nobody else hears. */
#include <string.h>

#include "keys_int.h"

static bool
is_port(struct bytes rest)
{
	if (rest.len == 0)
		return true;
	if (rest.ptr[0] != ':' || rest.len < 2 || rest.len > 6)
		return false;
	for (size_t i = 1; i < rest.len; i++)
		if (rest.ptr[i] < '0' || rest.ptr[i] > '9')
			return false;
	return true;
}

bool
keys_endpoint_check(const char *endpoint, struct err *err)
{
	static const char *const here[] = {"http://127.0.0.1", "http://localhost", "http://[::1]"};
	struct bytes e = bytes_of_str(endpoint), prefix = BYTES_LIT("https://");

	if (bytes_starts_with(e, prefix)) {
		struct bytes host = bytes_slice(e, prefix.len, e.len);

		if (host.len > 0 && host.len < 300 &&
		    strcspn(endpoint + prefix.len, "/@?# \\\"") == host.len)
			return true;
	}
	for (size_t i = 0; i < sizeof here / sizeof here[0]; i++)
		if (bytes_starts_with(e, bytes_of_str(here[i])) &&
		    is_port(bytes_slice(e, strlen(here[i]), e.len)))
			return true;
	return ERR(err, ERR_USAGE,
	    "the endpoint must be https://HOST[:PORT], or http:// with 127.0.0.1, [::1] or "
	    "localhost");
}
