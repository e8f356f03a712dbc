/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What keeping mail costs, by the way it takes in the core: rules decided, record sealed into the intake log and
 * synced, taken apart, compared, deduplicated, compressed, sealed into packs, read back, leaves in the proof log. The
 * threads are those of the server. Then the archive is verified, exported and read, through the functions that the
 * server uses.
 *
 *   store_bench DIR [MEGABYTES [FOLDER]]   made-up business mail (mix.h), or the *.eml and *.txt files beneath FOLDER
 *
 * DIR must not exist; it is made, and left there. CPU is user and system time of the whole process without what making
 * up the mail took. Prints one JSON object.
 */
#include <dirent.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "api.h"
#include "archive_proof.h"
#include "base_limits.h"
#include "base_mem.h"
#include "crypt_seal.h"
#include "journal.h"
#include "mix.h"

#define UNDER_WAY_MAX 16u /* senders that wait for their answers */
#define ONES_MAX      200u

struct bench {
	struct mix *mix; /* or: */
	struct bytes *messages;
	size_t message_count;
	struct arena arena;
	const char *dir;
	struct rng_seeded seeded;
	struct rng rng;
	struct crypt_keys *keys;
	struct catalog *catalog;
	struct archive *archive;
	struct api *api;
	struct journal *journal;
	char archive_id[ARCHIVE_ID_SIZE], endpoint[64], policy[64];
	pthread_mutex_t lock;
	pthread_cond_t wake;
	size_t under_way;       /* lock */
	double apart;           /* CPU of what is not measured */
	uint64_t count, bytes;  /* kept */
	struct buf ids, larges; /* of struct id_record; those of about a megabyte */
};

static double
seconds(clockid_t which)
{
	struct timespec t;

	(void)clock_gettime(which, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
cpu(void)
{
	return seconds(CLOCK_PROCESS_CPUTIME_ID);
}

static void
check(bool ok, const struct err *err)
{
	if (!ok) {
		(void)fprintf(stderr, "store_bench: %s\n", err->msg);
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

/* One operation of the API; the answer is the caller's. */
static struct json *
call(struct bench *b, const char *operation, const char *input)
{
	struct api_header headers[] = {{BYTES_LIT("X-Amz-Target"), bytes_of_str(operation)},
	    {BYTES_LIT("Content-Type"), BYTES_LIT("application/x-amz-json-1.0")}};
	struct api_request request = {.method = BYTES_LIT("POST"),
	    .target = BYTES_LIT("/"),
	    .headers = headers,
	    .header_count = 2,
	    .body = bytes_of_str(input),
	    .local_trusted = true,
	    .local = true};
	struct api_response response;
	struct json *answer;
	struct err err;

	api_response_init(&response);
	api_handle(b->api, &request, &response);
	if (response.status != 200) {
		(void)fprintf(stderr, "store_bench: %s: %s\n", operation, buf_text(&response.body));
		exit(1);
	}
	answer = json_parse(buf_view(&response.body), &err);
	check(answer != NULL, &err);
	api_response_fini(&response);
	return answer;
}

/* Makes something of the API and keeps its id. */
static void
make(struct bench *b, const char *operation, const char *key, char *id, size_t size,
    const char *input)
{
	struct json *answer = call(b, operation, input);

	(void)snprintf(id, size, "%s", json_get_str(answer, key));
	json_free(&answer);
}

static void
resources_make(struct bench *b)
{
	char rules[64], input[1024];
	struct json *snapshot;
	struct err err;

	make(b, "MailManagerSvc.CreateArchive", "ArchiveId", b->archive_id, sizeof b->archive_id,
	    "{\"ArchiveName\":\"bench\",\"Retention\":{\"RetentionPeriod\":\"PERMANENT\"}}");
	(void)snprintf(input, sizeof input,
	    "{\"RuleSetName\":\"bench\",\"Rules\":[{\"Name\":\"all\",\"Actions\":[{\"Archive\":"
	    "{\"TargetArchive\":\"%s\"}}]}]}",
	    b->archive_id);
	make(b, "MailManagerSvc.CreateRuleSet", "RuleSetId", rules, sizeof rules, input);
	make(b, "MailManagerSvc.CreateTrafficPolicy", "TrafficPolicyId", b->policy,
	    sizeof b->policy,
	    "{\"TrafficPolicyName\":\"bench\",\"DefaultAction\":\"ALLOW\",\"PolicyStatements\":[{"
	    "\"Action\":\"ALLOW\",\"Conditions\":[{\"StringExpression\":{\"Evaluate\":{"
	    "\"Attribute\":"
	    "\"RECIPIENT\"},\"Operator\":\"ENDS_WITH\",\"Values\":[\"@example.net\"]}}]}]}");
	(void)snprintf(input, sizeof input,
	    "{\"IngressPointName\":\"bench\",\"Type\":\"OPEN\",\"RuleSetId\":\"%s\","
	    "\"TrafficPolicyId\":\"%s\"}",
	    rules, b->policy);
	make(b, "MailManagerSvc.CreateIngressPoint", "IngressPointId", b->endpoint,
	    sizeof b->endpoint, input);
	check(api_snapshot(b->api, &snapshot, &err), &err);
	check(journal_configure(b->journal, snapshot, &err), &err);
	json_free(&snapshot);
}

static void
bench_open(struct bench *b)
{
	struct secret *key = secret_random(CRYPT_KEY_BYTES, &b->rng);
	struct archive_recovery recovery;
	char path[1024], exports[1024];
	struct err err;

	b->keys = crypt_keys_new(key, &b->rng);
	secret_free(&key);
	check(os_fs_mkdir_path(os_fs_real(), b->dir, &err), &err);
	(void)snprintf(path, sizeof path, "%s/catalog.db", b->dir);
	check(catalog_open(path, b->keys, &b->rng, &b->catalog, &err), &err);
	struct archive_options o = {.fs = os_fs_real(),
	    .dir = b->dir,
	    .keys = b->keys,
	    .clock = clock_system(),
	    .rng = rng_system(),
	    .threads = true};
	check(archive_open(&o, &b->archive, &recovery, &err), &err);
	(void)snprintf(exports, sizeof exports, "%s/export", b->dir);
	struct api_options api = {.catalog = b->catalog,
	    .archive = b->archive,
	    .fs = os_fs_real(),
	    .clock = clock_system(),
	    .rng = rng_system(),
	    .export_dir = exports};
	check(api_open(&api, &b->api, &err), &err);
	struct journal_options journal = {.archive = b->archive, .rng = rng_system()};
	b->journal = journal_open(&journal);
	resources_make(b);
}

static void
bench_close(struct bench *b)
{
	journal_close(&b->journal);
	api_close(&b->api);
	archive_close(&b->archive);
	catalog_close(&b->catalog);
	crypt_keys_free(&b->keys);
	if (b->mix != NULL)
		mix_free(&b->mix);
	buf_fini(&b->ids);
	buf_fini(&b->larges);
	mem_free(b->messages);
	arena_fini(&b->arena);
}

/* What the smtp process hands over. */
static struct wire_frame *
frame_make(struct bench *b, struct bytes message)
{
	struct bytes recipient = bytes_of_str(
	    arena_printf(&b->arena, "person%u@example.net", (unsigned)b->count % 3000));
	struct clock clock = clock_system();
	struct wire_mail mail = {.received_ms = clock_now_ms(&clock),
	    .ingress_point_id = bytes_of_str(b->endpoint),
	    .traffic_policy_id = bytes_of_str(b->policy),
	    .peer_family = 4,
	    .peer_ip = {192, 0, 2, (uint8_t)b->count},
	    .peer_text = BYTES_LIT("192.0.2.17"),
	    .helo = BYTES_LIT("mail.company17.example"),
	    .mail_from = bytes_of_str(arena_printf(
		&b->arena, "person%u@company17.example", (unsigned)rng_below(&b->rng, 2000))),
	    .recipients = &recipient,
	    .recipient_count = 1,
	    .tls_protocol = BYTES_LIT("TLSv1.3"),
	    .tls_cipher = BYTES_LIT("TLS_AES_256_GCM_SHA384"),
	    .traffic_explanation = bytes_of_str(arena_printf(&b->arena,
		"[{\"recipient\":\"person%u@example.net\",\"statement\":0,\"action\":\"ALLOW\"}]",
		(unsigned)b->count % 3000))};
	int fds[OS_PACKET_FDS_MAX];
	bool own[OS_PACKET_FDS_MAX];
	struct wire_out o = {.kind = WIRE_MAIL, .body = message, .body_fd = -1, .fd = -1};
	struct wire_frame *frame;
	struct buf packet, payload;
	size_t fd_count;
	struct err err;

	buf_init(&payload, WIRE_PAYLOAD_BYTES_MAX);
	buf_init(&packet, OS_PACKET_BYTES_MAX);
	wire_mail_encode(&mail, &payload);
	o.payload = buf_view(&payload);
	check(wire_frame_encode(&o, &packet, fds, own, &fd_count, &err), &err);
	for (size_t i = fd_count; i < OS_PACKET_FDS_MAX; i++)
		fds[i] = -1;
	check(wire_frame_decode(buf_view(&packet), fds, &frame, &err), &err);
	buf_fini(&packet);
	buf_fini(&payload);
	return frame;
}

/* Any thread. */
static void
on_reply(void *ctx, const struct wire_mail_reply *reply)
{
	struct bench *b = ctx;

	if (reply->code != 250) {
		(void)fprintf(stderr, "store_bench: not kept: %.*s\n", (int)reply->text.len,
		    (const char *)reply->text.ptr);
		exit(1);
	}
	must(pthread_mutex_lock(&b->lock) == 0);
	b->under_way--;
	must(pthread_cond_signal(&b->wake) == 0);
	must(pthread_mutex_unlock(&b->lock) == 0);
}

static void
wait_below(struct bench *b, size_t limit)
{
	must(pthread_mutex_lock(&b->lock) == 0);
	while (b->under_way >= limit)
		must(pthread_cond_wait(&b->wake, &b->lock) == 0);
	must(pthread_mutex_unlock(&b->lock) == 0);
}

static void
keep_all(struct bench *b, uint64_t bytes_max)
{
	struct arena all = b->arena;

	while (b->bytes < bytes_max && (b->mix != NULL || b->count < b->message_count)) {
		double start = seconds(CLOCK_THREAD_CPUTIME_ID);
		struct bytes message = b->mix != NULL ? mix_next(b->mix) : b->messages[b->count];
		struct wire_frame *frame;

		arena_init(&b->arena);
		frame = frame_make(b, message);
		arena_fini(&b->arena);
		b->apart += seconds(CLOCK_THREAD_CPUTIME_ID) - start;
		must(pthread_mutex_lock(&b->lock) == 0);
		b->under_way++;
		must(pthread_mutex_unlock(&b->lock) == 0);
		b->count++;
		b->bytes += message.len;
		journal_accept(b->journal, frame, on_reply, b);
		wait_below(b, UNDER_WAY_MAX);
	}
	wait_below(b, 1);
	b->arena = all;
}

static uint64_t found_bytes;

static int
file_add(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)path;
	(void)ftw;
	if (type == FTW_F || type == FTW_D)
		found_bytes += (uint64_t)st->st_blocks * 512;
	return 0;
}

/* Room on the disk, directories included. */
static uint64_t
stored(const struct bench *b, const char *what)
{
	char path[1024];

	(void)snprintf(path, sizeof path, "%s/%s", b->dir, what);
	found_bytes = 0;
	(void)nftw(path, file_add, 16, FTW_PHYS);
	return found_bytes;
}

static bool
id_keep(void *ctx, const struct pack_row *row)
{
	struct bench *b = ctx;

	buf_append_mem(&b->ids, row->id.raw, sizeof row->id.raw);
	if (row->size_bytes >= 900000 && row->size_bytes <= 1100000)
		buf_append_mem(&b->larges, row->id.raw, sizeof row->id.raw);
	return true;
}

static void
problem_tell(void *ctx, const char *what)
{
	(void)ctx;
	(void)fprintf(stderr, "store_bench: %s\n", what);
	exit(1);
}

/* MB of raw mail a CPU second. */
static double
verify_all(struct bench *b)
{
	double start = cpu();
	uint64_t checked;
	struct err err;

	check(archive_verify(b->archive, b->archive_id, NULL, problem_tell, NULL, &checked, &err),
	    &err);
	must(checked == b->count);
	return (double)b->bytes / 1e6 / (cpu() - start);
}

static double
export_all(struct bench *b)
{
	struct json *answer, *state;
	char input[512];
	double start;

	(void)snprintf(input, sizeof input,
	    "{\"ArchiveId\":\"%s\",\"FromTimestamp\":0,\"ToTimestamp\":4102444800,"
	    "\"ExportDestinationConfiguration\":{\"S3\":{\"S3Location\":\"s3://bench/all\"}}}",
	    b->archive_id);
	answer = call(b, "MailManagerSvc.StartArchiveExport", input);
	start = cpu();
	api_run_jobs(b->api);
	start = cpu() - start;
	(void)snprintf(
	    input, sizeof input, "{\"ExportId\":\"%s\"}", json_get_str(answer, "ExportId"));
	state = call(b, "MailManagerSvc.GetArchiveExport", input);
	if (strcmp(json_get_str(json_get(state, "Status"), "State"), "COMPLETED") != 0 ||
	    json_get(json_get(state, "Status"), "ErrorMessage") != NULL) {
		(void)fprintf(stderr, "store_bench: the export did not complete\n");
		exit(1);
	}
	json_free(&state);
	json_free(&answer);
	return (double)b->bytes / 1e6 / start;
}

static double
read_ones(struct bench *b, const struct buf *ids, unsigned count)
{
	size_t have = ids->len / ID_RECORD_BYTES;
	double start = cpu();
	const char *archive;
	struct id_record id;
	struct pack_row row;
	struct arena arena;
	struct buf body;
	struct err err;

	if (have == 0)
		return 0;
	buf_init(&body, 64 * LIMIT_MIB);
	for (unsigned i = 0; i < count; i++) {
		memcpy(
		    id.raw, ids->ptr + rng_below(&b->rng, have) * ID_RECORD_BYTES, sizeof id.raw);
		arena_init(&arena);
		buf_reset(&body);
		check(archive_read(b->archive, &id, &arena, &archive, &row, &body, &err), &err);
		arena_fini(&arena);
	}
	buf_fini(&body);
	return (cpu() - start) / count * 1e3;
}

static void
print(struct bench *b, double keep, uint64_t intake)
{
	struct mix_counts counts = {0};
	struct archive_search_report report;
	struct archive_stats stats;
	double verify, export;
	struct rusage u;
	uint64_t packs = stored(b, "archives"),
		 catalog = stored(b, "catalog.db") + stored(b, "catalog.db-wal"), proof;
	char path[256];
	struct err err;

	(void)getrusage(RUSAGE_SELF, &u);
	(void)snprintf(path, sizeof path, "archives/%s/proof", b->archive_id);
	proof = stored(b, path);
	if (b->mix != NULL)
		mix_counts_get(b->mix, &counts);
	check(archive_stats_get(b->archive, b->archive_id, &stats, &err), &err);
	must(stats.unsealed_messages == 0 && stats.messages == b->count);
	check(archive_search(b->archive, b->archive_id, 0, INT64_MAX, NULL, UINT64_MAX, NULL,
		  id_keep, b, &report, &err),
	    &err);
	verify = verify_all(b);
	export = export_all(b);
	(void)printf("{\"messages\": %llu, \"mean_bytes\": %llu, \"base64_share\": %.3f, "
		     "\"copies\": %llu, \"resent\": %llu, \"packs\": %llu, "
		     "\"stored_per_byte\": %.4f, \"pack_bytes\": %llu, \"proof_bytes\": %llu, "
		     "\"catalog_bytes\": %llu, \"log_spare_bytes\": %llu, "
		     "\"mb_per_cpu_second\": %.1f, \"rss_mb\": %.0f, "
		     "\"verify_mb_per_cpu_second\": %.1f, \"export_mb_per_cpu_second\": %.1f, "
		     "\"read_any_cpu_ms\": %.3f, \"read_megabyte_cpu_ms\": %.3f}\n",
	    (unsigned long long)b->count, (unsigned long long)(b->bytes / b->count),
	    counts.bytes == 0 ? 0 : (double)counts.base64_bytes / (double)counts.bytes,
	    (unsigned long long)counts.copies, (unsigned long long)counts.resent,
	    (unsigned long long)report.packs_scanned, (double)(packs + catalog) / (double)b->bytes,
	    (unsigned long long)(packs - proof), (unsigned long long)proof,
	    (unsigned long long)catalog, (unsigned long long)intake, (double)b->bytes / 1e6 / keep,
	    (double)u.ru_maxrss / 1024, verify, export, read_ones(b, &b->ids, ONES_MAX),
	    read_ones(b, &b->larges, 20));
}

int
main(int argc, char **argv)
{
	uint64_t megabytes = argc > 2 ? strtoull(argv[2], NULL, 10) : 512;
	struct bench b = {.seeded = {1}};
	double start;
	struct err err;

	mem_setup(); /* as the server does */
	if (argc < 2 || megabytes == 0) {
		(void)fprintf(stderr, "usage: store_bench DIR [MEGABYTES [FOLDER]]\n");
		return 2;
	}
	b.dir = argv[1];
	b.rng = rng_seeded(&b.seeded);
	must(pthread_mutex_init(&b.lock, NULL) == 0 && pthread_cond_init(&b.wake, NULL) == 0);
	arena_init(&b.arena);
	buf_init(&b.ids, SIZE_MAX / 2);
	buf_init(&b.larges, SIZE_MAX / 2);
	if (argc > 3)
		folder_add(&b, argv[3]);
	else
		b.mix = mix_new(1);
	bench_open(&b);
	start = cpu();
	keep_all(&b, megabytes * 1000000);
	check(archive_seal(b.archive, true, &err), &err);
	print(&b, cpu() - start - b.apart, stored(&b, "intake"));
	bench_close(&b);
	return 0;
}
