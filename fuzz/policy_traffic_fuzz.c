/* SPDX-License-Identifier: Apache-2.0 */
/* Any document as a traffic policy: it compiles or is refused; deciding never fails, says the same
 * twice with and without an explanation, and the explanation keeps its limit. */
#include <stddef.h>
#include <stdint.h>

#include "policy_traffic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct policy_session sessions[] = {
    {.ip_family = 4, .ip = {192, 0, 2, 7}},
    {.ip_family = 6, .ip = {0x20, 1, 0xd, 0xb8}, .tls = POLICY_TLS_1_3, .tls_wrapped = true},
    {.ip_family = 6, .ip = {[10] = 0xff, 0xff, 10, 1, 2, 3}, .tls = POLICY_TLS_1_2},
};

static void
decide(const struct policy_traffic *p, struct bytes input)
{
	struct json *explanation = json_new_array();
	struct buf text;

	for (size_t i = 0; i < 24; i++) {
		/* Some of the recipients are the input itself: bytes that need escapes, and long
		 * ones. */
		struct bytes recipient =
		    i % 3 == 0 ? BYTES_LIT("a@example.com") : bytes_slice(input, i, 1024);
		const struct policy_session *s = &sessions[i % 3];
		bool accepted = policy_traffic_decide(p, s, recipient, explanation);

		must(accepted == policy_traffic_decide(p, s, recipient, NULL));
	}
	buf_init(&text, POLICY_TRAFFIC_EXPLANATION_BYTES_MAX);
	json_print(explanation, &text);
	must(!text.failed);
	buf_fini(&text);
	json_free(&explanation);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes input = bytes_of(data, size);
	struct policy_traffic *p;
	struct json *document;
	struct err err;

	document = json_parse(input, &err);
	if (document == NULL)
		return 0;
	if (policy_traffic_compile(document, &p, &err)) {
		(void)policy_traffic_size_max(p);
		decide(p, input);
		policy_traffic_free(&p);
	} else {
		must(p == NULL && (err.code == ERR_SYNTAX || err.code == ERR_LIMIT));
	}
	json_free(&document);
	return 0;
}
