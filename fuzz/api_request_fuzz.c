/* SPDX-License-Identifier: Apache-2.0 */
/* Any request from a trusted peer: one line of target, then the body. It is answered, whatever it is, and in
 * its codec. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api.h"
#include "base_log.h"
#include "crypt_seal.h"
#include "os_fs_memory.h"

struct world {
	struct clock_fixed time;
	struct rng_seeded seed;
	struct rng rng;
	struct crypt_keys *keys;
	struct catalog *catalog;
	struct os_fs_memory *disk;
	struct archive *archive;
	struct api *api;
	char path[64];
};

static void
quiet(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	(void)line;
}

static void
world_open(struct world *w)
{
	struct archive_recovery recovery;
	struct archive_options archive;
	struct api_options api;
	struct secret *key;
	struct err err;

	log_set_sink(quiet, NULL);
	w->time = (struct clock_fixed){INT64_C(1790000000000), 1000};
	w->seed.state = 7;
	w->rng = rng_seeded(&w->seed);
	(void)snprintf(w->path, sizeof(w->path), "/tmp/daybook-fuzz-XXXXXX");
	must(mkdtemp(w->path) != NULL);
	(void)strncat(w->path, "/c.db", sizeof(w->path) - strlen(w->path) - 1);
	key = secret_random(CRYPT_KEY_BYTES, &w->rng);
	w->keys = crypt_keys_new(key, &w->rng);
	secret_free(&key);
	w->disk = os_fs_memory_new();
	must(catalog_open(w->path, w->keys, &w->rng, &w->catalog, &err));
	archive = (struct archive_options){.fs = os_fs_memory(w->disk),
	    .dir = "/data",
	    .keys = w->keys,
	    .clock = clock_fixed(&w->time),
	    .rng = w->rng,
	    .log_file_bytes = LIMIT_MIB};
	must(archive_open(&archive, &w->archive, &recovery, &err));
	api = (struct api_options){.catalog = w->catalog,
	    .archive = w->archive,
	    .fs = os_fs_memory(w->disk),
	    .clock = clock_fixed(&w->time),
	    .rng = w->rng,
	    .export_dir = "/export"};
	must(api_open(&api, &w->api, &err));
}

static void
world_close(struct world *w)
{
	api_close(&w->api);
	archive_close(&w->archive);
	os_fs_memory_free(&w->disk);
	catalog_close(&w->catalog);
	crypt_keys_free(&w->keys);
	(void)unlink(w->path);
	*strrchr(w->path, '/') = '\0';
	(void)rmdir(w->path);
}

static void
answer(struct world *w, struct bytes line, struct bytes body, bool cbor)
{
	struct api_header header =
	    cbor ? (struct api_header){BYTES_LIT("smithy-protocol"), BYTES_LIT("rpc-v2-cbor")}
		 : (struct api_header){BYTES_LIT("x-amz-target"), line};
	struct api_request r = {.method = body.len == 0 ? BYTES_LIT("GET") : BYTES_LIT("POST"),
	    .target = line,
	    .headers = &header,
	    .header_count = 1,
	    .body = body,
	    .local_trusted = true};
	struct api_response response;
	struct json *value;
	struct err err;

	api_response_init(&response);
	api_handle(w->api, &r, &response);
	must(response.status >= 200 && response.status < 500);
	value = cbor && response.header_count > 3 ? json_cbor_parse(buf_view(&response.body), &err)
						  : json_parse(buf_view(&response.body), &err);
	json_free(&value);
	api_response_fini(&response);
	api_run_jobs(w->api);
}

/* A fresh world now and then: quotas fill up, and a find must not depend on a long past. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world world;
	static unsigned uses;
	struct bytes input = bytes_of(data, size);
	size_t end = bytes_find_byte(input, 0, '\n');

	if (end == SIZE_MAX || size > 65536)
		return 0;
	if (uses == 0)
		world_open(&world);
	answer(&world, bytes_slice(input, 0, end), bytes_slice(input, end + 1, SIZE_MAX),
	    end > 0 && data[0] == '/');
	if (++uses == 2000) {
		world_close(&world);
		uses = 0;
	}
	return 0;
}
