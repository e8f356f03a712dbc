/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a pack costs: CPU to seal a message, bytes stored for bytes in, time to search rows and to read one message.
 *
 *   pack_bench [FOLDER]   messages are the *.eml and *.txt files beneath FOLDER; without one they are made up
 *
 * Figures are of one thread; CPU is user and system time of the process.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "pack_columns.h"
#include "pack.h"
#include "base_limits.h"
#include "base_mem.h"
#include "base_text.h"
#include "crypt_digest.h"
#include "crypt_seal.h"
#include "mime_header.h"

#define ARCHIVE       "a-aaaaaaaaaaaaaaaaaaaaaaaa"
#define T0            1795510800000 /* 2026-11-24T09:00:00Z */
#define FILES_MAX     20000u
#define MESSAGE_BYTES 23000u
#define SEAL_BYTES    (128 * LIMIT_MIB)
#define SCAN_ROWS     100000u

struct corpus {
	struct arena arena;
	struct bytes *messages;
	struct pack_columns *columns;
	size_t count, bytes;
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
		(void)fprintf(stderr, "pack_bench: %s\n", err->msg);
		exit(1);
	}
}

static struct bytes
field(struct arena *arena, struct bytes message, const char *name, bool decode)
{
	struct mime_field f;

	if (!mime_header_find(message, name, &f))
		return BYTES_EMPTY;
	return decode ? mime_field_decode(arena, f.raw) : mime_field_unfold(arena, f.raw);
}

static void
corpus_add(struct corpus *c, struct bytes message)
{
	struct pack_columns *columns = &c->columns[c->count];
	struct mime_header_cursor cursor;
	struct mime_field f;
	struct bytes *received = arena_calloc(&c->arena, 10, sizeof *received);

	*columns = (struct pack_columns){
	    .date = field(&c->arena, message, "Date", false),
	    .message_id = field(&c->arena, message, "Message-ID", false),
	    .in_reply_to = field(&c->arena, message, "In-Reply-To", false),
	    .x_mailer = field(&c->arena, message, "X-Mailer", false),
	    .from = field(&c->arena, message, "From", true),
	    .to = field(&c->arena, message, "To", true),
	    .cc = field(&c->arena, message, "Cc", true),
	    .subject = field(&c->arena, message, "Subject", true),
	    .received_headers = received,
	    .helo = BYTES_LIT("mail.example.com"),
	    .envelope_from = field(&c->arena, message, "From", true),
	    .ingress_point_id = BYTES_LIT("inp-aaaaaaaaaaaaaaaaaaaaaaaa"),
	    .traffic_policy_id = BYTES_LIT("tp-aaaaaaaaaaaaaaaaaaaaaaaa"),
	    .rule_set_id = BYTES_LIT("rs-aaaaaaaaaaaaaaaaaaaaaaaa"),
	    .sender_ip = BYTES_LIT("192.0.2.17"),
	    .tls_protocol = BYTES_LIT("TLSv1.3"),
	    .tls_cipher = BYTES_LIT("TLS_AES_256_GCM_SHA384"),
	    .explanation = BYTES_LIT("{\"policy\":{\"statement\":0},\"rules\":[{\"rule\":\"archive "
				     "all\",\"index\":0}]}"),
	};
	mime_header_init(&cursor, message);
	while (columns->received_header_count < 10 && mime_header_next(&cursor, &f))
		if (bytes_equal_nocase(f.name, BYTES_LIT("Received")))
			received[columns->received_header_count++] =
			    mime_field_unfold(&c->arena, f.raw);
	c->messages[c->count++] = message;
	c->bytes += message.len;
}

static void
file_add(struct corpus *c, const char *path)
{
	struct buf data;
	struct err err;

	buf_init(&data, 16 * LIMIT_MIB);
	if (os_fs_read_file(os_fs_real(), path, 16 * LIMIT_MIB, &data, &err) && data.len > 0) {
		if (bytes_starts_with(buf_view(&data),
			BYTES_LIT("From "))) /* a line of mbox, not of the message */
			buf_consume(&data, bytes_find_byte(buf_view(&data), 0, '\n') + 1);
		corpus_add(c, arena_bytes(&c->arena, buf_view(&data)));
	}
	buf_fini(&data);
}

static void
folder_add(struct corpus *c, const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir != NULL && c->count < FILES_MAX && (entry = readdir(dir)) != NULL) {
		char *name;

		if (entry->d_name[0] == '.')
			continue;
		name = arena_printf(&c->arena, "%s/%s", path, entry->d_name);
		if (entry->d_type == DT_DIR)
			folder_add(c, name);
		else if (bytes_ends_with(bytes_of_str(name), BYTES_LIT(".eml")) ||
			 bytes_ends_with(bytes_of_str(name), BYTES_LIT(".txt")))
			file_add(c, name);
	}
	if (dir != NULL)
		(void)closedir(dir);
}

/* Made-up mail: words by a skewed choice, so that it compresses about as text does. */
static void
synthetic_add(struct corpus *c, const struct rng *rng, size_t number)
{
	struct buf text;

	buf_init(&text, LIMIT_MIB);
	buf_printf(&text,
	    "From: Person %u <person%u@example.com>\r\nTo: team%u@example.net\r\nSubject: Report "
	    "%zu on %x\r\n"
	    "Message-ID: <%zu.%x@mail.example.com>\r\nDate: Tue, 24 Nov 2026 09:00:00 "
	    "+0000\r\n\r\n",
	    (unsigned)rng_below(rng, 500), (unsigned)rng_below(rng, 500),
	    (unsigned)rng_below(rng, 40), number, (unsigned)rng_below(rng, 1u << 30), number,
	    (unsigned)rng_below(rng, 1u << 30));
	while (text.len < 5000) {
		uint64_t word = rng_below(rng, 1 + rng_below(rng, 5000));

		for (unsigned i = 0; i < 3 + word % 6; i++)
			buf_append_byte(&text, (uint8_t)('a' + (word * 7919 >> i) % 26));
		buf_append_byte(&text, rng_below(rng, 12) == 0 ? '\n' : ' ');
	}
	corpus_add(c, arena_bytes(&c->arena, buf_view(&text)));
	buf_fini(&text);
}

/* The message with an attachment behind it that compresses little, to the size asked for. */
static struct bytes
padded(struct bytes message, const struct rng *rng, size_t size, struct buf *out)
{
	uint8_t raw[57];

	buf_reset(out);
	buf_append(out, message);
	while (out->len + 78 <= size) {
		rng_fill(rng, raw, sizeof raw);
		if (rng_below(rng, 4) == 0)
			memset(raw, 0, sizeof raw);
		text_base64_encode(out, bytes_of(raw, sizeof raw));
		buf_append_str(out, "\r\n");
	}
	return buf_view(out);
}

static void
row_of(const struct corpus *c, size_t i, const struct rng *rng, int64_t at_ms, struct bytes message,
    struct pack_row *out)
{
	static const struct bytes RECIPIENT = {(const uint8_t *)"journal@archive.example.com", 27};

	*out = (struct pack_row){.received_ms = T0 + at_ms,
	    .size_bytes = message.len,
	    .retention = PACK_RETENTION_SEVEN_YEARS,
	    .leaf_index = PACK_LEAF_NONE,
	    .recipients = &RECIPIENT,
	    .recipient_count = 1,
	    .columns = c->columns[i % c->count]};
	id_record_new(&out->id, out->received_ms, rng);
	crypt_sha256(out->sha256, message);
}

struct place {
	char dir[64];
	char path[128];
	struct secret *key;
	struct pack *pack;
};

static void
place_open(struct place *p, const char name[ID_RECORD_TEXT_SIZE])
{
	struct err err;

	(void)snprintf(p->path, sizeof p->path, "%s/%s.pack", p->dir, name);
	check(pack_open(os_fs_real(), p->path, ARCHIVE, p->key, &p->pack, &err), &err);
}

static void
place_drop(struct place *p)
{
	pack_release(&p->pack);
	(void)unlink(p->path);
}

/* Rows are made and hashed outside the measured time: the intake does that. */
static void
bench_seal(
    struct place *p, const struct corpus *c, const struct rng *rng, size_t size, const char *what)
{
	double add = 0, finish, read, wall;
	struct pack_writer *w;
	struct pack_info info;
	struct pack_written written;
	struct buf message;
	size_t count = 0, bytes = 0;
	struct err err;

	buf_init(&message, 32 * LIMIT_MIB);
	check(pack_writer_new(os_fs_real(), p->dir, ARCHIVE, p->key, rng, T0, &w, &err), &err);
	for (; bytes < SEAL_BYTES; count++) {
		struct bytes m = padded(c->messages[count % c->count], rng, size, &message);
		struct pack_row row;
		double start;

		row_of(c, count, rng, (int64_t)count, m, &row);
		start = cpu_seconds();
		check(pack_writer_add(w, &row, BYTES_EMPTY, m, &err), &err);
		add += cpu_seconds() - start;
		bytes += m.len;
	}
	finish = cpu_seconds();
	check(pack_writer_finish(&w, &written, &err), &err);
	finish = cpu_seconds() - finish;
	place_open(p, written.name);
	pack_info_get(p->pack, &info);
	read = cpu_seconds();
	wall = wall_seconds();
	for (size_t i = 0; i < 200; i++) {
		buf_reset(&message);
		check(pack_body(p->pack, rng_below(rng, count), &message, &err), &err);
	}
	wall = wall_seconds() - wall;
	read = cpu_seconds() - read;
	printf("%-22s %6zu messages of %5zu bytes: add %.0f us, finish %.0f us, both %.0f us CPU a "
	       "message; stored %.3f; "
	       "read one %.0f us (wall %.0f us)\n",
	    what, count, bytes / count, add / (double)count * 1e6, finish / (double)count * 1e6,
	    (add + finish) / (double)count * 1e6, (double)info.file_bytes / (double)bytes,
	    read / 200 * 1e6, wall / 200 * 1e6);
	buf_fini(&message);
	place_drop(p);
}

static bool
count_hit(void *ctx, const struct pack_row *row)
{
	(void)row;
	++*(uint64_t *)ctx;
	return true;
}

static void
bench_filter(struct place *p, const char *what, const struct pack_filter *filter, uint64_t limit)
{
	struct pack_match *match = pack_match_new(filter);
	double best = 1e9;
	uint64_t hits = 0, scanned = 0;
	struct err err;

	for (int i = 0; i < 5; i++) {
		double start = cpu_seconds();

		hits = 0;
		check(pack_scan(p->pack, 0, INT64_MAX, match, limit, NULL, count_hit, &hits,
			  &scanned, &err),
		    &err);
		if (cpu_seconds() - start < best)
			best = cpu_seconds() - start;
	}
	printf("scan %-34s %6llu rows, %6llu hits: %.1f ms CPU\n", what,
	    (unsigned long long)scanned, (unsigned long long)hits, best * 1e3);
	pack_match_free(&match);
}

#define VALUE(s)                                                                                   \
	{                                                                                          \
		(const uint8_t *)(s), sizeof(s) - 1                                                \
	}

static void
bench_scan(struct place *p, const struct corpus *c, const struct rng *rng)
{
	static const struct bytes RARE[] = {VALUE("zebra@nowhere.example")},
				  COMMON[] = {VALUE("re:")};
	static const struct bytes UMLAUT[] = {VALUE("grüße")}, RECIPIENT[] = {VALUE("nobody@")};
	static const struct pack_condition FROM = {PACK_ATTRIBUTE_FROM, false, RARE, 1};
	static const struct pack_condition SUBJECT = {PACK_ATTRIBUTE_SUBJECT, false, COMMON, 1};
	static const struct pack_condition SUBJECT_UMLAUT = {
	    PACK_ATTRIBUTE_SUBJECT, false, UMLAUT, 1};
	static const struct pack_condition ENVELOPE_TO = {
	    PACK_ATTRIBUTE_ENVELOPE_TO, false, RECIPIENT, 1};
	static const struct pack_condition BOTH[] = {
	    {PACK_ATTRIBUTE_SUBJECT, false, COMMON, 1}, {PACK_ATTRIBUTE_FROM, false, RARE, 1}};
	struct pack_writer *w;
	struct pack_written written;
	struct pack_info info;
	struct err err;
	double start;

	check(pack_writer_new(os_fs_real(), p->dir, ARCHIVE, p->key, rng, T0, &w, &err), &err);
	for (size_t i = 0; i < SCAN_ROWS; i++) {
		struct pack_row row;

		row_of(c, i, rng, (int64_t)i, BYTES_EMPTY, &row);
		check(pack_writer_add(w, &row, BYTES_EMPTY, BYTES_EMPTY, &err), &err);
	}
	check(pack_writer_finish(&w, &written, &err), &err);
	start = cpu_seconds();
	place_open(p, written.name);
	start = cpu_seconds() - start;
	pack_info_get(p->pack, &info);
	printf("%u rows, no bodies: %.1f bytes a row stored, open %.1f ms CPU\n", SCAN_ROWS,
	    (double)info.file_bytes / SCAN_ROWS, start * 1e3);
	bench_filter(p, "FROM, no hit", &(struct pack_filter){&FROM, NULL, 1, 0}, 1000);
	bench_filter(p, "SUBJECT, no hit, not ASCII",
	    &(struct pack_filter){&SUBJECT_UMLAUT, NULL, 1, 0}, 1000);
	bench_filter(p, "SUBJECT and FROM, no hit", &(struct pack_filter){BOTH, NULL, 2, 0}, 1000);
	bench_filter(
	    p, "ENVELOPE_TO, no hit", &(struct pack_filter){&ENVELOPE_TO, NULL, 1, 0}, 1000);
	bench_filter(p, "SUBJECT, newest 1000", &(struct pack_filter){&SUBJECT, NULL, 1, 0}, 1000);
	bench_filter(p, "SUBJECT, all", &(struct pack_filter){&SUBJECT, NULL, 1, 0}, UINT64_MAX);
	bench_filter(p, "no filter, all", NULL, UINT64_MAX);
	place_drop(p);
}

int
main(int argc, char **argv)
{
	struct place place = {.dir = "/tmp/pack_bench_XXXXXX"};
	struct rng_seeded seeded = {1};
	struct rng rng = rng_seeded(&seeded);
	struct corpus c = {0};

	arena_init(&c.arena);
	c.messages = mem_calloc(FILES_MAX, sizeof *c.messages);
	c.columns = mem_calloc(FILES_MAX, sizeof *c.columns);
	if (argc > 1)
		folder_add(&c, argv[1]);
	for (size_t i = 0; argc <= 1 && i < 5000; i++)
		synthetic_add(&c, &rng, i);
	if (c.count == 0 || mkdtemp(place.dir) == NULL) {
		(void)fprintf(stderr, "usage: pack_bench [FOLDER]\n");
		return 2;
	}
	place.key = secret_random(CRYPT_KEY_BYTES, &rng);
	printf("%zu different messages of %zu bytes (%s)\n", c.count, c.bytes / c.count,
	    argc > 1 ? argv[1] : "made up");
	bench_seal(&place, &c, &rng, 0, "as they are");
	bench_seal(&place, &c, &rng, MESSAGE_BYTES, "with attachments");
	bench_scan(&place, &c, &rng);
	(void)rmdir(place.dir);
	secret_free(&place.key);
	mem_free(c.messages);
	mem_free(c.columns);
	arena_fini(&c.arena);
	return 0;
}
