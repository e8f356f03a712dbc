/* SPDX-License-Identifier: Apache-2.0 */
/* The reply table as a whole (C7, C30), and the writing of a line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "smtp_reply.h"

static void
test_table(void **state)
{
	(void)state;
	for (int id = 0; id < SMTP_REPLY_COUNT; id++) {
		const struct smtp_reply *r = smtp_reply_of((enum smtp_reply_id)id);
		struct buf line;

		/* RFC 2034 §4: the class digit of the enhanced code is that of the code; 3yz has none. */
		if (r->code / 100 == 3)
			assert_string_equal(r->enhanced, "");
		else
			assert_int_equal(r->enhanced[0], '0' + r->code / 100);
		/* Whoever is told 421 or 221 is hung up on. */
		if (r->code == 421 || r->code == 221)
			assert_true(r->close);
		buf_init(&line, 1024);
		smtp_reply_append(&line, r);
		assert_true(line.len <= 512 && bytes_ends_with(buf_view(&line), BYTES_LIT("\r\n")));
		assert_true(bytes_find_byte(buf_view(&line), 0, '?') == SIZE_MAX);
		buf_fini(&line);
	}
}

static void
assert_line(const struct smtp_reply *reply, const char *expected)
{
	struct buf line;

	buf_init(&line, 1024);
	smtp_reply_append(&line, reply);
	assert_string_equal(buf_text(&line), expected);
	buf_fini(&line);
}

static void
test_lines(void **state)
{
	struct buf out;
	char longest[1000];

	(void)state;
	assert_line(&(struct smtp_reply){250, "2.0.0", "Fine", false}, "250 2.0.0 Fine\r\n");
	assert_line(&(struct smtp_reply){334, "", "", false}, "334 \r\n");
	assert_line(
	    &(struct smtp_reply){550, "5.7.1", "a\r\nb\x7f\xc3", false}, "550 5.7.1 a??b??\r\n");
	memset(longest, 'x', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	buf_init(&out, 4096);
	smtp_reply_append(&out, &(struct smtp_reply){550, "5.7.1", longest, false});
	assert_int_equal(out.len, 512);
	buf_reset(&out);
	smtp_reply_append_line(&out, 250, false, "mail.test");
	smtp_reply_append_line(&out, 250, true, "DSN");
	assert_string_equal(buf_text(&out), "250-mail.test\r\n250 DSN\r\n");
	buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_table),
	    cmocka_unit_test(test_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
