/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long archives of many packs take to open: small packs are made through the archive's own sealing, and not merged.
 *
 *   open_bench DIR [PACKS]
 *
 * DIR must not exist; it is made, and left there. Nothing is synced while the packs are made: they are for this only.
 * Prints one JSON object.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "archive.h"
#include "base_limits.h"
#include "base_mem.h"
#include "crypt_seal.h"

#define ARCHIVE  "a-bench"
#define MESSAGES 4u /* in a pack */

static double
seconds(clockid_t which)
{
	struct timespec t;

	(void)clock_gettime(which, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
check(bool ok, const struct err *err)
{
	if (!ok) {
		(void)fprintf(stderr, "open_bench: %s\n", err->msg);
		exit(1);
	}
}

/* The real disk without its syncs. */
static struct os_fs_ops ops;
static struct os_file_ops file_ops;

static bool
open_unsynced(
    void *ctx, const char *path, enum os_open_mode mode, struct os_file **out, struct err *err)
{
	return os_fs_real().ops->open(ctx, path, mode, out, err) && ((*out)->ops = &file_ops, true);
}

static bool
sync_nothing(struct os_file *f, struct err *err)
{
	(void)f;
	(void)err;
	return true;
}

static bool
sync_no_path(void *ctx, const char *path, struct err *err)
{
	(void)ctx;
	(void)path;
	(void)err;
	return true;
}

static struct os_fs
unsynced(const char *dir)
{
	struct os_fs fs = os_fs_real();
	struct os_file *file;
	char path[1024];
	struct err err;

	check(os_fs_mkdir_path(fs, dir, &err), &err);
	(void)snprintf(path, sizeof path, "%s/probe", dir);
	check(os_fs_open(fs, path, OS_OPEN_CREATE, &file, &err), &err);
	file_ops = *file->ops;
	file_ops.sync = sync_nothing;
	os_file_drop(&file);
	ops = *fs.ops;
	ops.open = open_unsynced;
	ops.sync_dir = ops.sync_all = sync_no_path;
	fs.ops = &ops;
	return fs;
}

static void
kept(void *ctx, bool ok, const struct err *err)
{
	(void)ctx;
	check(ok, err);
}

static void
keep(struct archive *a, const struct rng *rng, unsigned long number)
{
	const struct bytes recipient = BYTES_LIT("keeper@example.org");
	struct clock clock = clock_system();
	char body[512];
	int len = snprintf(body, sizeof body,
	    "From: somebody@example.com\r\nSubject: message %lu\r\n\r\nNumber %lu is short.\r\n",
	    number, number);
	struct archive_delivery d = {.archive_id = ARCHIVE,
	    .recipients = &recipient,
	    .recipient_count = 1,
	    .retention = PACK_RETENTION_SEVEN_YEARS};
	struct archive_reception r = {.received_ms = clock_now_ms(&clock),
	    .columns = {.subject = BYTES_LIT("message"),
		.from = BYTES_LIT("somebody@example.com"),
		.envelope_from = BYTES_LIT("somebody@example.com")},
	    .body = bytes_of(body, (size_t)len),
	    .deliveries = &d,
	    .delivery_count = 1};
	struct err err;

	id_record_new(&d.id, r.received_ms, rng);
	check(archive_append(a, &r, kept, NULL, &err), &err);
	archive_commit(a);
}

int
main(int argc, char **argv)
{
	unsigned packs = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 10000;
	struct archive_recovery recovery;
	struct archive *a = NULL;
	struct rng rng = rng_system();
	struct secret *kek = secret_random(CRYPT_KEY_BYTES, &rng);
	struct crypt_keys *keys = crypt_keys_new(kek, &rng);
	double cpu, wall, close;
	struct rusage u;
	struct err err;

	mem_setup(); /* as the server does */
	if (argc < 2 || packs == 0) {
		(void)fprintf(stderr, "usage: open_bench DIR [PACKS]\n");
		return 2;
	}
	struct archive_options o = {.fs = unsynced(argv[1]),
	    .dir = argv[1],
	    .keys = keys,
	    .clock = clock_system(),
	    .rng = rng,
	    .log_file_bytes = LIMIT_MIB,
	    .merge_packs = packs + 1};

	check(archive_open(&o, &a, &recovery, &err), &err);
	check(archive_create(a, ARCHIVE, &err), &err);
	for (unsigned i = 0; i < packs; i++) {
		for (unsigned k = 0; k < MESSAGES; k++)
			keep(a, &rng, i * MESSAGES + k);
		check(archive_seal(a, true, &err), &err);
	}
	archive_close(&a);
	o.fs = os_fs_real();
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	wall = seconds(CLOCK_MONOTONIC);
	check(archive_open(&o, &a, &recovery, &err), &err);
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	wall = seconds(CLOCK_MONOTONIC) - wall;
	must(recovery.packs == packs && recovery.corrupt_packs == 0);
	(void)getrusage(RUSAGE_SELF, &u);
	close = seconds(CLOCK_MONOTONIC);
	archive_close(&a);
	close = seconds(CLOCK_MONOTONIC) - close;
	(void)printf("{\"packs\": %u, \"open_seconds\": %.3f, \"open_cpu_seconds\": %.3f, "
		     "\"close_seconds\": %.3f, \"rss_mb\": %.0f}\n",
	    packs, wall, cpu, close, (double)u.ru_maxrss / 1024);
	crypt_keys_free(&keys);
	secret_free(&kek);
	return 0;
}
