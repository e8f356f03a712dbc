/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR from a stranger: what is accepted prints to bytes that read back as the same value, and stay the same. */
#include <stddef.h>
#include <stdint.h>

#include "base_err.h"
#include "json_value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
is_time(const char *key)
{
	return key[0] == 't';
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json *v, *again;
	struct buf first, second;
	struct err err;

	v = json_cbor_parse(bytes_of(data, size), &err);
	if (v == NULL)
		return 0;
	buf_init(&first, (size_t)64 << 20);
	buf_init(&second, (size_t)64 << 20);
	json_cbor_print(v, is_time, &first);
	again = json_cbor_parse(buf_view(&first), &err);
	must(again != NULL && json_equal(v, again));
	json_cbor_print(again, is_time, &second);
	must(bytes_equal(buf_view(&first), buf_view(&second)));
	json_free(&again);
	buf_reset(&first);
	json_print(v, &first);
	again = json_parse(buf_view(&first), &err);
	must(again != NULL && json_equal(v, again));
	json_free(&again);
	buf_fini(&second);
	buf_fini(&first);
	json_free(&v);
	return 0;
}
