/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole path of mail into packs, but for sockets: digest, log record sealed, header and structure parsed, taken
 * apart and compared, deduplicated, compressed, sealed, read back. CPU of one thread; packs are cut where the archive
 * cuts them.
 *
 *   mix_bench [MEGABYTES [FOLDER]]   made-up business mail (mix.h), or the *.eml and *.txt files beneath FOLDER
 *
 * Prints one JSON object.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base_limits.h"
#include "base_mem.h"
#include "crypt_digest.h"
#include "crypt_seal.h"
#include "mime_header.h"
#include "mime_message.h"
#include "mix.h"
#include "pack.h"

#define ARCHIVE    "a-aaaaaaaaaaaaaaaaaaaaaaaa"
#define T0         1795510800000 /* 2026-11-24T09:00:00Z */
#define PACK_BYTES (256 * LIMIT_MIB)
#define PACKS_MAX  64u

struct bench {
	struct mix *mix; /* or: */
	struct bytes *messages;
	size_t message_count;
	struct arena arena;
	char dir[64], path[PACKS_MAX][128];
	struct secret *key;
	struct crypt_sealer *log;
	struct rng_seeded seeded;
	struct rng rng;
	struct pack_writer *w;
	struct pack *packs[PACKS_MAX];
	size_t pack_count;
	struct buf sealed;
	double cpu;
	uint64_t count, bytes, stored, parts, shared, raw;
};

static double
cpu_seconds(void)
{
	struct rusage u;

	(void)getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double
wall_seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
check(bool ok, const struct err *err)
{
	if (!ok) {
		(void)fprintf(stderr, "mix_bench: %s\n", err->msg);
		exit(1);
	}
}

static void
folder_add(struct bench *b, const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	struct err err;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		char name[1024];
		struct buf data;
		size_t len = strlen(entry->d_name);

		(void)snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
		if (entry->d_name[0] == '.')
			continue;
		if (entry->d_type == DT_DIR)
			folder_add(b, name);
		if (len < 4 || (strcmp(entry->d_name + len - 4, ".eml") != 0 &&
				   strcmp(entry->d_name + len - 4, ".txt") != 0))
			continue;
		buf_init(&data, 16 * LIMIT_MIB);
		check(os_fs_read_file(os_fs_real(), name, 16 * LIMIT_MIB, &data, &err), &err);
		b->messages =
		    mem_realloc_array(b->messages, b->message_count + 1, sizeof *b->messages);
		b->messages[b->message_count++] = arena_bytes(&b->arena, buf_view(&data));
		buf_fini(&data);
	}
	if (dir != NULL)
		(void)closedir(dir);
}

static void
pack_close(struct bench *b)
{
	struct pack_written written;
	struct err err;

	if (b->w == NULL)
		return;
	check(pack_writer_finish(&b->w, &written, &err), &err);
	b->stored += written.file_bytes;
	b->parts += written.parts;
	b->shared += written.shared_parts;
	b->raw += written.raw_messages;
	(void)snprintf(
	    b->path[b->pack_count], sizeof b->path[0], "%s/%s.pack", b->dir, written.name);
	check(pack_open(os_fs_real(), b->path[b->pack_count], ARCHIVE, b->key,
		  &b->packs[b->pack_count], &err),
	    &err);
	b->pack_count++;
}

static struct bytes
field(struct arena *arena, struct bytes message, const char *name)
{
	struct mime_field f;

	return mime_header_find(message, name, &f) ? mime_field_decode(arena, f.raw) : BYTES_EMPTY;
}

/* What the intake and the sealer do with a message. */
static void
message_take(struct bench *b, struct bytes message)
{
	static const struct bytes RECIPIENT = {(const uint8_t *)"journal@archive.example.com", 27};
	struct pack_row row = {.received_ms = T0 + (int64_t)b->count,
	    .size_bytes = message.len,
	    .retention = PACK_RETENTION_SEVEN_YEARS,
	    .leaf_index = b->count,
	    .recipients = &RECIPIENT,
	    .recipient_count = 1};
	uint8_t nonce[CRYPT_NONCE_BYTES];
	struct mime_message m;
	struct arena arena;
	struct err err;

	arena_init(&arena);
	crypt_sha256(row.sha256, message);
	crypt_nonce_of(nonce, 1, b->count);
	buf_reset(&b->sealed);
	crypt_seal(b->log, nonce, BYTES_EMPTY, message, &b->sealed);
	mime_message_scan(&arena, message, &m);
	row.columns = (struct pack_columns){.has_attachments = m.has_attachments,
	    .from = field(&arena, message, "From"),
	    .to = field(&arena, message, "To"),
	    .subject = field(&arena, message, "Subject"),
	    .date = field(&arena, message, "Date"),
	    .message_id = field(&arena, message, "Message-ID"),
	    .envelope_from = field(&arena, message, "From"),
	    .explanation =
		BYTES_LIT("{\"policy\":{\"statement\":0},\"rules\":[{\"rule\":\"all\"}]}")};
	id_record_new(&row.id, row.received_ms, &b->rng);
	if (b->w == NULL)
		check(pack_writer_new(
			  os_fs_real(), b->dir, ARCHIVE, b->key, &b->rng, T0, &b->w, &err),
		    &err);
	check(pack_writer_add(b->w, &row, BYTES_EMPTY, message, &err), &err);
	if (pack_writer_raw_bytes(b->w) >= PACK_BYTES)
		pack_close(b);
	arena_fini(&arena);
	b->count++;
	b->bytes += message.len;
}

static void
take_all(struct bench *b, uint64_t bytes_max)
{
	while (b->bytes < bytes_max && (b->mix != NULL || b->count < b->message_count)) {
		struct bytes message = b->mix != NULL ? mix_next(b->mix) : b->messages[b->count];
		double start = cpu_seconds();

		message_take(b, message);
		b->cpu += cpu_seconds() - start;
	}
	b->cpu -= cpu_seconds();
	pack_close(b);
	b->cpu += cpu_seconds();
}

/* Every message in order, as an export reads; then single ones of about a megabyte. */
static void
read_all(struct bench *b, double *export_out, double *one_ms_out, double *any_ms_out)
{
	double start = cpu_seconds(), wall = 0, any;
	struct pack_info info;
	uint64_t bytes = 0;
	unsigned large = 0, tries = 0;
	struct buf body;
	struct err err;

	buf_init(&body, 64 * LIMIT_MIB);
	for (size_t p = 0; p < b->pack_count; p++) {
		struct pack_reader *r;

		check(pack_reader_new(b->packs[p], &r, &err), &err);
		pack_info_get(b->packs[p], &info);
		for (size_t i = 0; i < info.records; i++) {
			buf_reset(&body);
			check(pack_reader_body(r, i, &body, &err), &err);
			bytes += body.len;
		}
		pack_reader_free(&r);
	}
	*export_out = (double)bytes / 1e6 / (cpu_seconds() - start);
	pack_info_get(b->packs[0], &info);
	for (; large < 20 && tries < 4000; tries++) {
		double from = wall_seconds();

		buf_reset(&body);
		check(pack_body(b->packs[0], rng_below(&b->rng, info.records), &body, &err), &err);
		if (body.len >= 900000 && body.len <= 1100000) {
			wall += wall_seconds() - from;
			large++;
		}
	}
	*one_ms_out = large > 0 ? wall / large * 1e3 : 0;
	any = cpu_seconds();
	for (unsigned i = 0; i < 200; i++) {
		buf_reset(&body);
		check(pack_body(b->packs[0], rng_below(&b->rng, info.records), &body, &err), &err);
	}
	*any_ms_out = (cpu_seconds() - any) / 200 * 1e3;
	buf_fini(&body);
}

int
main(int argc, char **argv)
{
	uint64_t megabytes = argc > 1 ? strtoull(argv[1], NULL, 10) : 256;
	struct bench b = {.dir = "/tmp/mix_bench_XXXXXX", .seeded = {1}};
	double export, one_ms, any_ms;
	struct mix_counts counts = {0};
	struct rusage u;

	mem_setup(); /* as the server does */
	if (megabytes == 0 || mkdtemp(b.dir) == NULL) {
		(void)fprintf(stderr, "usage: mix_bench [MEGABYTES [FOLDER]]\n");
		return 2;
	}
	b.rng = rng_seeded(&b.seeded);
	b.key = secret_random(CRYPT_KEY_BYTES, &b.rng);
	b.log = crypt_sealer_new(b.key);
	arena_init(&b.arena);
	buf_init(&b.sealed, 64 * LIMIT_MIB);
	if (argc > 2)
		folder_add(&b, argv[2]);
	else
		b.mix = mix_new(1);
	take_all(&b, megabytes * 1000000);
	(void)getrusage(RUSAGE_SELF, &u);
	read_all(&b, &export, &one_ms, &any_ms);
	if (b.mix != NULL)
		mix_counts_get(b.mix, &counts);
	printf("{\"messages\": %llu, \"mean_bytes\": %llu, \"base64_share\": %.3f, \"copies\": "
	       "%llu, \"stored_per_byte\": %.4f, "
	       "\"mb_per_cpu_second\": %.1f, \"parts\": %llu, \"shared_parts\": %llu, "
	       "\"raw_messages\": %llu, \"packs\": %zu, "
	       "\"read_mb_per_cpu_second\": %.1f, \"read_megabyte_ms\": %.3f, \"read_any_cpu_ms\": "
	       "%.3f, \"rss_mb\": %.0f}\n",
	    (unsigned long long)b.count, (unsigned long long)(b.bytes / b.count),
	    counts.bytes == 0 ? 0 : (double)counts.base64_bytes / (double)counts.bytes,
	    (unsigned long long)counts.copies, (double)b.stored / (double)b.bytes,
	    (double)b.bytes / 1e6 / b.cpu, (unsigned long long)b.parts,
	    (unsigned long long)b.shared, (unsigned long long)b.raw, b.pack_count, export, one_ms,
	    any_ms, (double)u.ru_maxrss / 1024);
	for (size_t i = 0; i < b.pack_count; i++) {
		pack_release(&b.packs[i]);
		(void)unlink(b.path[i]);
	}
	(void)rmdir(b.dir);
	if (b.mix != NULL)
		mix_free(&b.mix);
	crypt_sealer_free(&b.log);
	secret_free(&b.key);
	buf_fini(&b.sealed);
	mem_free(b.messages);
	arena_fini(&b.arena);
	return 0;
}
