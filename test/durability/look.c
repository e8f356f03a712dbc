/* SPDX-License-Identifier: Apache-2.0 */
/* look DIR: recovers a data directory that no server runs on, and prints `id sha256` of every message it holds. */
#include <stdio.h>

#include "base_log.h"
#include "state_read.h"

static bool
print(void *ctx, const char *id, const char *digest)
{
	(void)ctx;
	return printf("%s %s\n", id, digest) > 0;
}

int
main(int argc, char **argv)
{
	struct err err;

	if (argc != 2) {
		(void)fprintf(stderr, "usage: %s DIR\n", argv[0]);
		return 2;
	}
	log_set_level(LOG_WARN);
	if (state_read(argv[1], print, NULL, &err))
		return 0;
	(void)printf("wrong: %s\n", err.msg);
	return 8;
}
