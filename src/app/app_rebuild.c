/* SPDX-License-Identifier: Apache-2.0 */
/* daybook rebuild: a catalog for archives that lost theirs. */
#include <stdio.h>
#include <string.h>

#include "app_command_int.h"
#include "app_keys.h"
#include "app_store.h"
#include "archive.h"
#include "base_log.h"
#include "json_value.h"
#include "os_fs.h"
#include "os_socket.h"

const char app_rebuild_usage[] = "daybook rebuild --data DIR [--config FILE]\n\n"
				 "Makes a catalog for archives that lost theirs: from the packs "
				 "and the intake log, every archive\n"
				 "that no catalog names comes back under its id, and is kept for "
				 "ever until you say otherwise. A\n"
				 "damaged catalog is set aside, not removed. Stop the server "
				 "first. A backup is better: what only\n"
				 "the catalog knew does not come back.\n";

static const char LOST[] =
    "not rebuilt, because packs do not hold it: names, tags and periods of archives (now "
    "PERMANENT:\n"
    "nothing is destroyed before you change it), holds, ingress points, rule sets, traffic "
    "policies,\n"
    "relays, access keys (a new one of root is in DIR/credentials), searches and exports\n";

#define NUMBER_MAX 100000u

/* The parts of a damaged catalog, under other names beside it. */
static bool
set_aside(const char *catalog, int64_t now_ms, struct arena *arena, struct err *err)
{
	static const char *const parts[] = {"-wal", "-shm", ".sum", ""};

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		const char *from = arena_printf(arena, "%s%s", catalog, parts[i]);
		const char *to =
		    arena_printf(arena, "%s.damaged-%lld%s", catalog, (long long)now_ms, parts[i]);

		if (os_fs_exists(os_fs_real(), from) && !os_fs_rename(os_fs_real(), from, to, err))
			return err_prefix(err, "%.80s", from);
		if (parts[i][0] == '\0')
			(void)printf("set aside: %s\n", to);
	}
	return true;
}

static bool
store_open(const struct app_config *config, struct app_store *store, bool *lost,
    struct arena *arena, struct err *err)
{
	const char *catalog = arena_printf(arena, "%s/catalog.db", config->text[APP_DATA]);
	struct clock clock = clock_system();

	*lost = !os_fs_exists(os_fs_real(), catalog);
	if (!os_fs_exists(os_fs_real(), arena_printf(arena, "%s/archives", config->text[APP_DATA])))
		return ERR(err, ERR_NOT_FOUND, "%.100s holds no archives", config->text[APP_DATA]);
	if (*lost && !os_fs_exists(os_fs_real(), config->text[APP_KEYS_FILE]))
		return ERR(err, ERR_SEALED,
		    "%.100s is missing: without it nothing here can be read; bring it back",
		    config->text[APP_KEYS_FILE]);
	if (app_store_open(config, store, err))
		return true;
	if (err->code != ERR_CORRUPT || *lost)
		return false;
	(void)printf("the catalog is damaged: %s\n", err->msg);
	*lost = true;
	return set_aside(catalog, clock_now_ms(&clock), arena, err) &&
	       app_store_open(config, store, err);
}

struct rebuild {
	struct app_store *store;
	struct archive *archive;
	struct arena *arena;
	int64_t now_ms;
	unsigned next, made, known;
	struct err err;
	bool failed;
};

/* A name that no archive has. */
static bool
name_free(struct rebuild *r, char name[64], struct err *err)
{
	struct catalog_row row;

	do {
		(void)snprintf(name, 64, "recovered-%u", r->next++);
		if (!catalog_find(r->store->catalog, CATALOG_ARCHIVE, name, r->arena, &row, err))
			return err->code == ERR_NOT_FOUND;
	} while (r->next < NUMBER_MAX);
	return ERR(err, ERR_LIMIT, "no name is left for an archive");
}

static bool
row_insert(struct rebuild *r, const char *id, const struct archive_stats *stats, const char *name,
    struct err *err)
{
	struct json *doc = json_new_object(), *retention = json_new_object();
	struct catalog_row row = {.kind = CATALOG_ARCHIVE,
	    .id = id,
	    .name = name,
	    .state = "ACTIVE",
	    .created_ms = stats->oldest_ms != 0 ? stats->oldest_ms : r->now_ms,
	    .updated_ms = r->now_ms};
	struct buf text;
	bool ok;

	json_set_str(retention, "RetentionPeriod", "PERMANENT");
	json_set_str(doc, "ArchiveName", name);
	json_set(doc, "Retention", retention);
	buf_init(&text, CATALOG_DOCUMENT_MAX);
	json_print(doc, &text);
	row.document = buf_view(&text);
	ok = catalog_insert(r->store->catalog, &row, err);
	buf_fini(&text);
	json_free(&doc);
	return ok;
}

static bool
adopt(struct rebuild *r, const char *id, struct err *err)
{
	struct archive_stats stats;
	struct catalog_row row;
	char name[64];

	if (!archive_stats_get(r->archive, id, &stats, err))
		return err->code == ERR_NOT_FOUND; /* a directory that is no archive */
	if (catalog_get(r->store->catalog, CATALOG_ARCHIVE, id, r->arena, &row, err)) {
		r->known++;
		return true;
	}
	if (err->code != ERR_NOT_FOUND || !name_free(r, name, err) ||
	    !row_insert(r, id, &stats, name, err))
		return false;
	r->made++;
	(void)printf("archive %s: %llu messages; now called %s\n", id,
	    (unsigned long long)stats.messages, name);
	return true;
}

static bool
each(void *ctx, const char *name)
{
	struct rebuild *r = ctx;

	r->failed = !adopt(r, arena_strdup(r->arena, name), &r->err);
	return !r->failed;
}

static bool
archives_adopt(const struct app_config *config, struct rebuild *r, struct err *err)
{
	const char *dir = arena_printf(r->arena, "%s/archives", config->text[APP_DATA]);
	bool ok;

	if (!catalog_begin(r->store->catalog, err))
		return false;
	ok = os_fs_list(os_fs_real(), dir, each, r, err);
	if (ok && r->failed) {
		*err = r->err;
		ok = false;
	}
	if (ok)
		return catalog_commit(r->store->catalog, err);
	catalog_rollback(r->store->catalog);
	return false;
}

static bool
rebuild(const struct app_config *config, struct app_store *store, bool lost, struct arena *arena,
    struct err *err)
{
	struct archive_options o = {.fs = os_fs_real(),
	    .dir = config->text[APP_DATA],
	    .keys = store->keys,
	    .clock = clock_system(),
	    .rng = rng_system()};
	struct rebuild r = {.store = store, .arena = arena, .next = 1};
	struct archive_recovery found;
	struct app_keys keys;
	bool ok;

	r.now_ms = clock_now_ms(&o.clock);
	ok = app_keys_open(config, &keys, err);
	app_keys_archive_options(config, &keys, &o);
	ok = ok && archive_open(&o, &r.archive, &found, err);
	if (ok) {
		ok = archives_adopt(config, &r, err);
		archive_close(&r.archive);
	}
	app_keys_close(&keys);
	if (!ok)
		return false;
	(void)printf("%u archives were in the catalog, %u came back\n", r.known, r.made);
	if (lost || r.made > 0)
		(void)fputs(LOST, stdout);
	return true;
}

int
app_rebuild_run(int argc, char **argv)
{
	struct app_config config;
	struct app_store store = {.keys = NULL};
	struct arena arena;
	struct err err;
	bool lost;
	int lock_fd = -1, code = app_command_prepare("rebuild", argc, argv, &config);

	log_set_role("rebuild");
	arena_init(&arena);
	if (code == 0) {
		if (!app_command_lock(&config, &lock_fd, &err) ||
		    !store_open(&config, &store, &lost, &arena, &err) ||
		    !rebuild(&config, &store, lost, &arena, &err))
			code = app_usage("rebuild", &err);
		app_store_close(&store);
	}
	os_close(&lock_fd);
	arena_fini(&arena);
	app_config_fini(&config);
	return code;
}
