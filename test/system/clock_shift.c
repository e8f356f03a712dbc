/* SPDX-License-Identifier: Apache-2.0 */
/* Loaded before the C library into a program under test: its calendar clock is so many seconds ahead. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

__attribute__((visibility("default"))) int
clock_gettime(clockid_t id, struct timespec *out)
{
	const char *shift = getenv("DAYBOOK_SHIFT_SECONDS");
	int rc = (int)syscall(SYS_clock_gettime, id, out);

	if (rc == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE) && shift != NULL)
		out->tv_sec += strtol(shift, NULL, 10);
	return rc;
}
