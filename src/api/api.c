/* SPDX-License-Identifier: Apache-2.0 */
/* The api object: opened, closed, kept tidy. */
#include "api.h"

#include <string.h>

#include "api_audit_int.h"
#include "api_int.h"
#include "api_job_int.h"
#include "api_retain_int.h"
#include "api_scrub_int.h"
#include "base_mem.h"

#define MAC_SETTING "api.mac-key"

static void
names_copy(struct api_names *n, const struct api_options *o)
{
	n->account = mem_strdup(o->account == NULL ? "000000000000" : o->account);
	n->region = mem_strdup(o->region == NULL ? "us-east-1" : o->region);
	n->ingress_domain = mem_strdup(o->ingress_domain == NULL ? "localhost" : o->ingress_domain);
	n->version = mem_strdup(o->version == NULL ? "unknown" : o->version);
	n->export_dir = mem_strdup(o->export_dir == NULL ? "" : o->export_dir);
	n->bucket_count = o->bucket_count;
	n->buckets = mem_calloc(o->bucket_count, sizeof(*n->buckets));
	for (size_t i = 0; i < o->bucket_count; i++)
		n->buckets[i] = (struct api_bucket){
		    mem_strdup(o->buckets[i].name), mem_strdup(o->buckets[i].dir)};
}

static void
names_free(struct api_names *n)
{
	for (size_t i = 0; i < n->bucket_count; i++) {
		union {
			const char *lent;
			char *owned;
		} name = {n->buckets[i].name}, dir = {n->buckets[i].dir};

		mem_free(name.owned);
		mem_free(dir.owned);
	}
	mem_free(n->buckets);
	mem_free(n->account);
	mem_free(n->region);
	mem_free(n->ingress_domain);
	mem_free(n->version);
	mem_free(n->export_dir);
}

/* The key outlives restarts, so that page tokens and links do. */
static bool
mac_key_load(struct api *api, struct err *err)
{
	struct arena arena;
	struct bytes key;
	bool ok;

	if (!catalog_begin(api->o.catalog, err))
		return false;
	arena_init(&arena);
	ok = catalog_setting_get(api->o.catalog, MAC_SETTING, &arena, &key, err);
	if (ok && key.len != sizeof(api->mac_key))
		ok = ERR(err, ERR_CORRUPT, "the setting %s has the wrong length", MAC_SETTING);
	else if (ok)
		memcpy(api->mac_key, key.ptr, key.len);
	else if (err->code == ERR_NOT_FOUND) {
		rng_fill(&api->o.rng, api->mac_key, sizeof(api->mac_key));
		ok = catalog_setting_put(
		    api->o.catalog, MAC_SETTING, bytes_of(api->mac_key, sizeof(api->mac_key)), err);
	}
	arena_fini(&arena);
	if (ok)
		return catalog_commit(api->o.catalog, err);
	catalog_rollback(api->o.catalog);
	return false;
}

bool
api_open(const struct api_options *options, struct api **out, struct err *err)
{
	struct api *api = mem_calloc(1, sizeof(*api));

	api->o = *options;
	names_copy(&api->names, options);
	api_audit_strangers_init(&api->strangers);
	api->started_mono_ms = clock_mono_ms(&api->o.clock);
	if (json_model_new(api_model_roots, api_model_root_count, &api->model, err) &&
	    mac_key_load(api, err) && api_tick(api, err) && api_jobs_open(api, err) &&
	    api_retain_open(api, err) && api_scrub_open(api, err)) {
		*out = api;
		return true;
	}
	api_close(&api);
	return false;
}

void
api_close(struct api **api)
{
	struct api *a = *api;

	if (a == NULL)
		return;
	api_retain_close(a);
	api_scrub_close(a);
	api_jobs_close(a);
	json_model_free(&a->model);
	names_free(&a->names);
	api_audit_strangers_fini(&a->strangers);
	secret_wipe(a->mac_key, sizeof(a->mac_key));
	mem_free(a);
	*api = NULL;
}

/* Lists go from new to old, so one that starts 30 days ago gives exactly what is too old. */
static bool
jobs_expire(struct api *api, enum catalog_kind kind, struct arena *arena, struct err *err)
{
	struct catalog_cursor cursor = {clock_now_ms(&api->o.clock) - API_KEEP_MS, "~"};
	struct catalog_row *rows = arena_calloc(arena, 64, sizeof(*rows));
	size_t count = 0;

	do {
		if (!catalog_list(
			api->o.catalog, kind, NULL, &cursor, 64, arena, rows, &count, err))
			return false;
		for (size_t i = 0; i < count; i++)
			if (!catalog_delete(api->o.catalog, kind, rows[i].id, err))
				return false;
	} while (count == 64);
	return true;
}

/* An archive that was deleted keeps its name for 30 days; updated_ms is the time of deletion. */
static bool
names_release(struct api *api, struct arena *arena, struct err *err)
{
	struct catalog_cursor cursor = {0, NULL};
	struct catalog_row *rows = arena_calloc(arena, 64, sizeof(*rows));
	size_t count = 0;

	do {
		if (!catalog_list(api->o.catalog, CATALOG_ARCHIVE, NULL, &cursor, 64, arena, rows,
			&count, err))
			return false;
		for (size_t i = 0; i < count; i++) {
			if (rows[i].name == NULL ||
			    strcmp(rows[i].state, "PENDING_DELETION") != 0 ||
			    rows[i].updated_ms + API_KEEP_MS > clock_now_ms(&api->o.clock))
				continue;
			rows[i].name = NULL;
			if (!catalog_update(api->o.catalog, &rows[i], err))
				return false;
		}
		if (count > 0)
			cursor =
			    (struct catalog_cursor){rows[count - 1].created_ms, rows[count - 1].id};
	} while (count == 64);
	return true;
}

bool
api_tick(struct api *api, struct err *err)
{
	struct arena arena;
	bool ok;

	api_audit_tick(api);
	if (!catalog_begin(api->o.catalog, err))
		return false;
	arena_init(&arena);
	ok = jobs_expire(api, CATALOG_SEARCH, &arena, err) &&
	     jobs_expire(api, CATALOG_EXPORT, &arena, err) && names_release(api, &arena, err) &&
	     catalog_token_purge(api->o.catalog, clock_now_ms(&api->o.clock) - API_TOKEN_MS, err);
	arena_fini(&arena);
	if (ok)
		return catalog_commit(api->o.catalog, err);
	catalog_rollback(api->o.catalog);
	return false;
}
