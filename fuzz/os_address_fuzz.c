/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an address: what is taken prints as a form that is taken again and means the same. */
#include <stddef.h>
#include <stdint.h>

#include "os_socket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct os_address first, second;
	char text[OS_ADDRESS_TEXT_SIZE];
	struct err err;

	if (!os_address_parse(&first, bytes_of(data, size), &err)) {
		must(err.code == ERR_SYNTAX);
		return 0;
	}
	must(first.family == 4 || first.family == 6);
	os_address_format(text, &first);
	must(os_address_parse(&second, bytes_of_str(text), &err));
	must(os_address_equal(&first, &second));
	return 0;
}
