/* SPDX-License-Identifier: Apache-2.0 */
/* The Authorization header, row by row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "auth_header.h"

#define ALG  "AWS4-HMAC-SHA256 "
#define CRED "Credential=AKIDEXAMPLE/20261124/eu-central-1/ses/aws4_request"
#define LIST "SignedHeaders=host;x-amz-date"
#define SIG  "Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct {
	const char *name, *value;
	bool good;
} ROWS[] = {
    {"as clients write it", ALG CRED ", " LIST ", " SIG, true},
    {"no blanks after commas", ALG CRED "," LIST "," SIG, true},
    {"many blanks", "  " ALG "  " CRED "  ,\t" LIST " , " SIG "  ", true},
    {"other order", ALG SIG ", " CRED ", " LIST, true},
    {"empty", "", false},
    {"algorithm only", "AWS4-HMAC-SHA256", false},
    {"algorithm and a blank", ALG, false},
    {"another scheme", "Basic dXNlcjpwYXNz", false},
    {"algorithm in small letters", "aws4-hmac-sha256 " CRED ", " LIST ", " SIG, false},
    {"another algorithm", "AWS4-HMAC-SHA1 " CRED ", " LIST ", " SIG, false},
    {"asymmetric algorithm", "AWS4-ECDSA-P256-SHA256 " CRED ", " LIST ", " SIG, false},
    {"no credential", ALG LIST ", " SIG, false},
    {"no list", ALG CRED ", " SIG, false},
    {"no signature", ALG CRED ", " LIST, false},
    {"credential twice", ALG CRED ", " CRED ", " LIST ", " SIG, false},
    {"signature twice", ALG CRED ", " LIST ", " SIG ", " SIG, false},
    {"unknown parameter", ALG CRED ", " LIST ", " SIG ", Extra=1", false},
    {"comma at the end", ALG CRED ", " LIST ", " SIG ",", false},
    {"comma at the start", ALG "," CRED ", " LIST ", " SIG, false},
    {"semicolons", ALG CRED "; " LIST "; " SIG, false},
    {"name in other case",
	ALG "credential=AKIDEXAMPLE/20261124/eu-central-1/ses/aws4_request, " LIST ", " SIG, false},
    {"empty list", ALG CRED ", SignedHeaders=, " SIG, false},
    {"empty signature", ALG CRED ", " LIST ", Signature=", false},
    {"signature of 63",
	ALG CRED ", " LIST
		 ", Signature=123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
	false},
    {"signature of 65",
	ALG CRED ", " LIST
		 ", Signature=00123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
	false},
    {"signature in capitals",
	ALG CRED ", " LIST
		 ", Signature=0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
	false},
    {"signature of other letters",
	ALG CRED ", " LIST
		 ", Signature=0123456789abcdeg0123456789abcdef0123456789abcdef0123456789abcdef",
	false},
    {"four parts", ALG "Credential=AKIDEXAMPLE/20261124/eu-central-1/ses, " LIST ", " SIG, false},
    {"six parts",
	ALG "Credential=AKIDEXAMPLE/20261124/eu-central-1/ses/aws4_request/x, " LIST ", " SIG,
	false},
    {"empty key id", ALG "Credential=/20261124/eu-central-1/ses/aws4_request, " LIST ", " SIG,
	false},
    {"key id with a dash",
	ALG "Credential=AKID-X/20261124/eu-central-1/ses/aws4_request, " LIST ", " SIG, false},
    {"empty region", ALG "Credential=AKIDEXAMPLE/20261124//ses/aws4_request, " LIST ", " SIG,
	false},
    {"empty terminator", ALG "Credential=AKIDEXAMPLE/20261124/eu-central-1/ses/, " LIST ", " SIG,
	false},
    {"date of seven",
	ALG "Credential=AKIDEXAMPLE/2026112/eu-central-1/ses/aws4_request, " LIST ", " SIG, false},
    {"date with a letter",
	ALG "Credential=AKIDEXAMPLE/2026112x/eu-central-1/ses/aws4_request, " LIST ", " SIG, false},
    {"blank inside the list", ALG CRED ", SignedHeaders=host; x-amz-date, " SIG, false},
    {"byte above ASCII", ALG CRED ", SignedHeaders=host;\xc3\xa9, " SIG, false},
};

static void
rows_parse_or_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		struct auth_header h;
		struct err err;

		print_message("  %s\n", ROWS[i].name);
		assert_int_equal(
		    auth_header_parse(&h, bytes_of_str(ROWS[i].value), &err), ROWS[i].good);
		if (!ROWS[i].good) {
			assert_int_equal(err.code, ERR_SYNTAX);
			continue;
		}
		assert_true(bytes_equal(h.key_id, BYTES_LIT("AKIDEXAMPLE")));
		assert_true(bytes_equal(h.date, BYTES_LIT("20261124")));
		assert_true(bytes_equal(h.region, BYTES_LIT("eu-central-1")));
		assert_true(bytes_equal(h.service, BYTES_LIT("ses")));
		assert_true(bytes_equal(h.terminator, BYTES_LIT("aws4_request")));
		assert_true(bytes_equal(h.signed_headers, BYTES_LIT("host;x-amz-date")));
		assert_int_equal(h.signature.len, 64);
	}
}

static void
key_ids_have_a_limit(void **state)
{
	char value[512], id[AUTH_KEY_ID_BYTES_MAX + 2];
	struct auth_header h;
	struct err err;

	(void)state;
	memset(id, 'A', sizeof id);
	for (int over = 0; over < 2; over++) {
		(void)snprintf(value, sizeof value,
		    ALG "Credential=%.*s/20261124/r/ses/aws4_request, " LIST ", " SIG,
		    AUTH_KEY_ID_BYTES_MAX + over, id);
		assert_int_equal(auth_header_parse(&h, bytes_of_str(value), &err), over == 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows_parse_or_not),
	    cmocka_unit_test(key_ids_have_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
