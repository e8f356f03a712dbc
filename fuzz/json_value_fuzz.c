/* SPDX-License-Identifier: Apache-2.0 */
/* JSON from a stranger: what is accepted prints to text that reads back as the same value. */
#include <stddef.h>
#include <stdint.h>

#include "base_err.h"
#include "json_value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
reads_back(const struct json *v, void (*print)(const struct json *v, struct buf *out))
{
	struct json *again;
	struct err err;
	struct buf out;

	buf_init(&out, (size_t)64 << 20);
	print(v, &out);
	again = json_parse(buf_view(&out), &err);
	must(again != NULL && json_equal(v, again));
	json_free(&again);
	buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json *v, *copy;
	struct err err;

	v = json_parse(bytes_of(data, size), &err);
	if (v == NULL)
		return 0;
	copy = json_copy(v);
	must(json_equal(v, copy));
	json_free(&copy);
	reads_back(v, json_print);
	reads_back(v, json_print_pretty);
	reads_back(v, json_print_sorted);
	json_free(&v);
	return 0;
}
