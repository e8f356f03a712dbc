/* SPDX-License-Identifier: Apache-2.0 */
/* ESMTP parameters, row by row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "smtp_param.h"

#define GOOD    SMTP_PARAM_OK
#define BAD     SMTP_PARAM_BAD
#define UNKNOWN SMTP_PARAM_UNKNOWN

static const struct {
	const char *text;
	enum smtp_param_result result;
} mail_rows[] = {
    {"", GOOD},
    {" ", GOOD},
    {"  ", GOOD},
    {" SIZE=0", GOOD},
    {" size=12  body=7bit ", GOOD},
    {"SIZE=1", BAD},
    {" SIZE", BAD},
    {" SIZE=", BAD},
    {" SIZE=-1", BAD},
    {" SIZE=+1", BAD},
    {" SIZE=0x1", BAD},
    {" SIZE=1 size=1", BAD},
    {" SIZE=1=1", BAD},
    {" BODY=BINARYMIME", BAD},
    {" BODY", BAD},
    {" BODY=", BAD},
    {" SMTPUTF8", GOOD},
    {" SMTPUTF8=", BAD},
    {" SMTPUTF8 SMTPUTF8", BAD},
    {" RET=FULL", GOOD},
    {" RET=full", GOOD},
    {" RET=", BAD},
    {" RET=ALL", BAD},
    {" ENVID=a+2Bb", GOOD},
    {" ENVID=a+2bb", BAD},
    {" ENVID=+", BAD},
    {" ENVID=+2", BAD},
    {" ENVID=a=b", BAD},
    {" ENVID=\xc3\xbc", BAD},
    {" ENVID=\x7f", BAD},
    {" ENVID=", BAD},
    {" NOTIFY=NEVER", UNKNOWN},
    {" FOO", UNKNOWN},
    {" FOO=BAR", UNKNOWN},
    {" =x", UNKNOWN},
    {" AUTH=<>", UNKNOWN},
    {" SIZE=1 FOO SIZE=1", UNKNOWN},
    {" SIZES=1", UNKNOWN},
    {" \tSIZE=1", UNKNOWN},
};

static void
test_mail_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof mail_rows / sizeof mail_rows[0]; i++) {
		struct smtp_mail_params out;
		enum smtp_param_result got =
		    smtp_param_mail(bytes_of_str(mail_rows[i].text), false, &out);

		if (got != mail_rows[i].result)
			fail_msg("'%s': %d, not %d", mail_rows[i].text, (int)got,
			    (int)mail_rows[i].result);
	}
}

static void
test_mail_values(void **state)
{
	struct smtp_mail_params out;

	(void)state;
	assert_int_equal(
	    smtp_param_mail(BYTES_LIT(" SIZE=18446744073709551615"), false, &out), GOOD);
	assert_true(out.has_size && out.size == UINT64_MAX);
	assert_int_equal(
	    smtp_param_mail(BYTES_LIT(" SIZE=18446744073709551616"), false, &out), GOOD);
	assert_true(out.size == UINT64_MAX);
	assert_int_equal(
	    smtp_param_mail(BYTES_LIT(" SIZE=000000000000000000000000000012"), false, &out), GOOD);
	assert_true(out.size == 12);
	assert_int_equal(
	    smtp_param_mail(BYTES_LIT(" BODY=8BITMIME RET=HDRS ENVID=x SMTPUTF8"), false, &out),
	    GOOD);
	assert_int_equal(out.body, SMTP_BODY_8BITMIME);
	assert_int_equal(out.ret, SMTP_RET_HDRS);
	assert_true(out.smtputf8 && !out.has_size && bytes_equal(out.envid, BYTES_LIT("x")));
	assert_int_equal(smtp_param_mail(BYTES_LIT(" AUTH=a+40b"), true, &out), GOOD);
	assert_true(bytes_equal(out.auth, BYTES_LIT("a+40b")));
}

static const struct {
	const char *text;
	bool smtputf8;
	enum smtp_param_result result;
	unsigned notify;
} rcpt_rows[] = {
    {"", false, GOOD, 0},
    {" NOTIFY=NEVER", false, GOOD, SMTP_NOTIFY_NEVER},
    {" notify=success,FAILURE,Delay", false, GOOD,
	SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_FAILURE | SMTP_NOTIFY_DELAY},
    {" NOTIFY=NEVER,SUCCESS", false, BAD, 0},
    {" NOTIFY=SUCCESS,NEVER", false, BAD, 0},
    {" NOTIFY=", false, BAD, 0},
    {" NOTIFY=SUCCESS,", false, BAD, 0},
    {" NOTIFY=,SUCCESS", false, BAD, 0},
    {" NOTIFY=SUCCESS NOTIFY=DELAY", false, BAD, 0},
    {" ORCPT=rfc822;a@b.test", false, GOOD, 0},
    {" ORCPT=rfc822;a+3Db@b.test", false, GOOD, 0},
    {" ORCPT=x", false, BAD, 0},
    {" ORCPT=;x", false, BAD, 0},
    {" ORCPT=rfc822;", false, BAD, 0},
    {" ORCPT=rfc822;a=b", false, BAD, 0},
    {" ORCPT=utf-8;\xc3\xbc@b.test", true, GOOD, 0},
    {" ORCPT=utf-8;\xc3\xbc@b.test", false, BAD, 0},
    {" ORCPT=rfc822;\xc3\xbc@b.test", true, BAD, 0},
    {" ORCPT=utf-8;\xff@b.test", true, BAD, 0},
    {" SIZE=1", false, UNKNOWN, 0},
};

static void
test_rcpt_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rcpt_rows / sizeof rcpt_rows[0]; i++) {
		struct smtp_rcpt_params out = {0};
		enum smtp_param_result got =
		    smtp_param_rcpt(bytes_of_str(rcpt_rows[i].text), rcpt_rows[i].smtputf8, &out);

		if (got != rcpt_rows[i].result ||
		    (got == GOOD && out.notify != rcpt_rows[i].notify))
			fail_msg("'%s': %d, notify %u", rcpt_rows[i].text, (int)got, out.notify);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_mail_rows),
	    cmocka_unit_test(test_mail_values),
	    cmocka_unit_test(test_rcpt_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
