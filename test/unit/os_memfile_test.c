/* SPDX-License-Identifier: Apache-2.0 */
/* Memory files: sealed ones are mapped, and nobody can change them; others are refused. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "os_socket.h"

static struct err err;

static void
sealed_file_is_mapped_and_fixed(void **state)
{
	struct bytes view;
	int fd;

	(void)state;
	assert_true(os_memfile_new(&fd, &err));
	assert_true(os_memfile_append(fd, BYTES_LIT("hello "), &err));
	assert_true(os_memfile_append(fd, BYTES_LIT("world"), &err));
	assert_false(os_memfile_map(fd, 100, &view, &err));
	assert_int_equal(err.code, ERR_DENIED);
	assert_true(os_memfile_seal(fd, &err));
	assert_false(os_memfile_append(fd, BYTES_LIT("!"), &err));
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(ftruncate(fd, 100), -1);
	assert_ptr_equal(mmap(NULL, 11, PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	assert_false(os_memfile_map(fd, 10, &view, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	assert_true(os_memfile_map(fd, 11, &view, &err));
	assert_true(bytes_equal(view, BYTES_LIT("hello world")));
	os_close(&fd);
	assert_true(bytes_equal(view, BYTES_LIT("hello world")));
	os_memfile_unmap(&view);
	assert_int_equal(view.len, 0);
}

static void
empty_file_gives_empty_view(void **state)
{
	struct bytes view;
	int fd;

	(void)state;
	assert_true(os_memfile_new(&fd, &err));
	assert_true(os_memfile_seal(fd, &err));
	assert_true(os_memfile_map(fd, 0, &view, &err));
	assert_int_equal(view.len, 0);
	os_memfile_unmap(&view);
	os_close(&fd);
}

/* Half a seal, and a file that is no memory file. */
static void
others_are_refused(void **state)
{
	char path[] = "/tmp/os_memfile_test.XXXXXX";
	struct bytes view;
	int fd;

	(void)state;
	assert_true(os_memfile_new(&fd, &err));
	assert_true(os_memfile_append(fd, BYTES_LIT("x"), &err));
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	assert_false(os_memfile_map(fd, 100, &view, &err));
	assert_int_equal(err.code, ERR_DENIED);
	os_close(&fd);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_false(os_memfile_map(fd, 100, &view, &err));
	assert_int_equal(err.code, ERR_DENIED);
	os_close(&fd);
	assert_int_equal(unlink(path), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sealed_file_is_mapped_and_fixed),
	    cmocka_unit_test(empty_file_gives_empty_view),
	    cmocka_unit_test(others_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
