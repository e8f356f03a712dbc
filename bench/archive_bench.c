/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What keeping costs: appends a second by 1, 16 and 100 senders, each waiting for its answer; then a search over what
 * was sealed.
 *
 *   archive_bench DIR [SECONDS] [RECORDS]
 *
 * DIR must not exist; it is made on the real disk and left there. RECORDS (100,000) small messages are kept and sealed
 * for the search.
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

#define ARCHIVE       "a-bench"
#define MESSAGE_BYTES 23000u
#define SENDERS_MAX   100u

struct sender {
	struct archive *archive;
	struct rng rng;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool done, ok;
	double until;
	size_t kept, limit;
	uint8_t *body;
	size_t body_bytes;
	double *waits; /* seconds, of the first few */
};

#define WAITS_MAX 20000u

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
check(bool ok, const struct err *err)
{
	if (!ok) {
		fprintf(stderr, "archive_bench: %s\n", err->msg);
		exit(1);
	}
}

static void
done(void *ctx, bool ok, const struct err *err)
{
	struct sender *s = ctx;

	if (!ok)
		fprintf(stderr, "archive_bench: %s\n", err->msg);
	must(pthread_mutex_lock(&s->lock) == 0);
	s->done = true;
	s->ok = ok;
	must(pthread_cond_signal(&s->wake) == 0);
	must(pthread_mutex_unlock(&s->lock) == 0);
}

static void
send_one(struct sender *s)
{
	const struct bytes recipient = BYTES_LIT("keeper@example.org");
	struct archive_delivery d = {.archive_id = ARCHIVE,
	    .recipients = &recipient,
	    .recipient_count = 1,
	    .retention = PACK_RETENTION_SEVEN_YEARS};
	struct clock clock = clock_system();
	struct archive_reception r = {.received_ms = clock_now_ms(&clock),
	    .columns = {.subject =
			    BYTES_LIT("Quarterly figures and what they mean for the next one"),
		.from = BYTES_LIT("Somebody <somebody@example.com>"),
		.to = BYTES_LIT("Everybody <everybody@example.org>"),
		.envelope_from = BYTES_LIT("somebody@example.com"),
		.message_id = BYTES_LIT("<20261124.1234567@mail.example.com>")},
	    .body = bytes_of(s->body, s->body_bytes),
	    .deliveries = &d,
	    .delivery_count = 1};
	struct err err;

	id_record_new(&d.id, r.received_ms, &s->rng);
	s->done = false;
	check(archive_append(s->archive, &r, done, s, &err), &err);
	must(pthread_mutex_lock(&s->lock) == 0);
	while (!s->done)
		must(pthread_cond_wait(&s->wake, &s->lock) == 0);
	must(pthread_mutex_unlock(&s->lock) == 0);
	must(s->ok);
}

static void *
sender_run(void *ctx)
{
	struct sender *s = ctx;

	while (now() < s->until && s->kept < s->limit) {
		double start = now();

		/* Every body is another one: nothing is stored once for all. */
		memcpy(s->body, &s->kept, sizeof s->kept);
		send_one(s);
		if (s->kept < WAITS_MAX)
			s->waits[s->kept] = now() - start;
		s->kept++;
	}
	return NULL;
}

static int
by_wait(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return left < right ? -1 : left > right;
}

static struct rusage
usage(void)
{
	struct rusage u;

	(void)getrusage(RUSAGE_SELF, &u);
	return u;
}

static double
cpu(void)
{
	struct rusage u = usage();

	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void
load(struct archive *a, size_t count, double seconds, size_t each, size_t body_bytes,
    const char *what)
{
	struct sender *senders = mem_calloc(count, sizeof *senders);
	double start = now(), cpu_start = cpu(), took;
	size_t kept = 0, waits = 0;
	double *all = mem_calloc(count * WAITS_MAX, sizeof *all);

	for (size_t i = 0; i < count; i++) {
		struct sender *s = &senders[i];

		*s = (struct sender){.archive = a,
		    .rng = rng_system(),
		    .until = start + seconds,
		    .limit = each,
		    .body_bytes = body_bytes};
		s->body = mem_alloc(body_bytes);
		s->waits = mem_calloc(WAITS_MAX, sizeof *s->waits);
		rng_fill(&s->rng, s->body, body_bytes / 2);
		memset(s->body + body_bytes / 2, 'x', body_bytes - body_bytes / 2);
		must(pthread_mutex_init(&s->lock, NULL) == 0 &&
		     pthread_cond_init(&s->wake, NULL) == 0);
	}
	for (size_t i = 0; i < count; i++)
		must(pthread_create(&senders[i].thread, NULL, sender_run, &senders[i]) == 0);
	for (size_t i = 0; i < count; i++) {
		must(pthread_join(senders[i].thread, NULL) == 0);
		kept += senders[i].kept;
		for (size_t k = 0; k < senders[i].kept && k < WAITS_MAX; k++)
			all[waits++] = senders[i].waits[k];
		mem_free(senders[i].body);
		mem_free(senders[i].waits);
	}
	took = now() - start;
	qsort(all, waits, sizeof *all, by_wait);
	printf("%s: %zu senders, %zu-byte messages: %.0f/s, %.1f MB/s, p50 %.2f ms, p99 %.2f ms, "
	       "%.0f us CPU each\n",
	    what, count, body_bytes, (double)kept / took, (double)(kept * body_bytes) / took / 1e6,
	    all[waits / 2] * 1e3, all[waits * 99 / 100] * 1e3,
	    (cpu() - cpu_start) / (double)kept * 1e6);
	mem_free(senders);
	mem_free(all);
}

static bool
count_row(void *ctx, const struct pack_row *row)
{
	(void)row;
	(*(size_t *)ctx)++;
	return true;
}

static void
search(struct archive *a, const char *needle, uint64_t limit)
{
	struct bytes value = bytes_of_str(needle);
	struct pack_condition condition = {
	    .attribute = PACK_ATTRIBUTE_SUBJECT, .values = &value, .value_count = 1};
	struct pack_filter filter = {.include = &condition, .include_count = 1};
	struct archive_search_report report;
	double start = now();
	size_t hits = 0;
	struct err err;

	check(archive_search(
		  a, ARCHIVE, 0, INT64_MAX, &filter, limit, NULL, count_row, &hits, &report, &err),
	    &err);
	printf("search subject contains '%s', limit %llu: %zu hits, %llu rows in %llu packs looked "
	       "at, %.1f ms\n",
	    needle, (unsigned long long)limit, hits, (unsigned long long)report.records_scanned,
	    (unsigned long long)report.packs_scanned, (now() - start) * 1e3);
}

int
main(int argc, char **argv)
{
	double seconds = argc > 2 ? strtod(argv[2], NULL) : 3;
	size_t records = argc > 3 ? strtoull(argv[3], NULL, 10) : 100000;
	static const size_t COUNTS[] = {1, 16, 100};
	struct archive_recovery recovery;
	struct archive_stats stats;
	struct archive *a = NULL;
	struct rng rng = rng_system();
	struct secret *kek = secret_random(CRYPT_KEY_BYTES, &rng);
	struct crypt_keys *keys = crypt_keys_new(kek, &rng);
	struct err err;
	double start;

	if (argc < 2) {
		fprintf(stderr, "usage: archive_bench DIR [SECONDS] [RECORDS]\n");
		return 2;
	}
	struct archive_options o = {.fs = os_fs_real(),
	    .dir = argv[1],
	    .keys = keys,
	    .clock = clock_system(),
	    .rng = rng,
	    .threads = true};

	check(archive_open(&o, &a, &recovery, &err), &err);
	check(archive_create(a, ARCHIVE, &err), &err);
	for (size_t i = 0; i < sizeof COUNTS / sizeof *COUNTS; i++)
		load(a, COUNTS[i], seconds, SIZE_MAX, MESSAGE_BYTES, "append");
	start = now();
	check(archive_seal(a, true, &err), &err);
	printf("the rest sealed in %.1f s\n", now() - start);
	check(archive_stats_get(a, ARCHIVE, &stats, &err), &err);
	printf("%llu messages, %.0f MB in, %.0f MB stored\n", (unsigned long long)stats.messages,
	    (double)stats.message_bytes / 1e6, (double)stats.stored_bytes / 1e6);
	if (stats.messages < records)
		load(a, 100, 600, (records - stats.messages + 99) / 100, 600, "filling up");
	check(archive_seal(a, true, &err), &err);
	printf("peak resident memory: %ld MB\n", usage().ru_maxrss / 1024);
	archive_close(&a);
	start = now();
	check(archive_open(&o, &a, &recovery, &err), &err);
	printf("opened %llu packs in %.0f ms\n", (unsigned long long)recovery.packs,
	    (now() - start) * 1e3);
	search(a, "what they mean", 1000);
	search(a, "not to be found", UINT64_MAX);
	search(a, "figures", UINT64_MAX);
	archive_close(&a);
	crypt_keys_free(&keys);
	secret_free(&kek);
	return 0;
}
