/* SPDX-License-Identifier: Apache-2.0 */
/* The data directory. */
#include "app_store.h"

#include <string.h>

#include "app_core_witness.h"
#include "auth_key.h"
#include "base_log.h"
#include "os_fs.h"
#include "os_tls.h"

#define PEM_BYTES_MAX ((size_t)64 * 1024)

bool
app_store_data_dir(const char *dir, struct err *err)
{
	struct os_fs fs = os_fs_real();

	if (!os_fs_mkdir_path(fs, dir, err))
		return err_prefix(err, "data directory");
	return true;
}

void
app_store_tls_paths(const struct app_config *config, struct arena *arena,
    const char **certificate_out, const char **key_out)
{
	bool own = config->text[APP_TLS_CERTIFICATE][0] != '\0';

	*certificate_out = own ? config->text[APP_TLS_CERTIFICATE]
			       : arena_printf(arena, "%s/tls/smtp.crt", config->text[APP_DATA]);
	*key_out = own ? config->text[APP_TLS_KEY]
		       : arena_printf(arena, "%s/tls/smtp.key", config->text[APP_DATA]);
}

struct audit_options
app_store_audit_options(
    const struct app_config *config, const struct app_store *store, struct arena *arena)
{
	return (struct audit_options){.fs = os_fs_real(),
	    .dir = arena_printf(arena, "%s/audit", config->text[APP_DATA]),
	    .keys = store->keys,
	    .clock = clock_system(),
	    .rng = rng_system()};
}

static bool
make_dirs(const struct app_config *config, struct arena *arena, struct err *err)
{
	static const char *const names[] = {"intake", "archives", "tls", "tmp", "run"};
	struct os_fs fs = os_fs_real();

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (!os_fs_mkdir_path(
			fs, arena_printf(arena, "%s/%s", config->text[APP_DATA], names[i]), err))
			return false;
	for (size_t i = 0; i < config->bucket_count; i++)
		if (!os_fs_mkdir_path(fs, config->buckets[i].dir, err))
			return err_prefix(err, "bucket %s", config->buckets[i].name);
	for (size_t i = 0; i < config->witness_count; i++) {
		const char *file = config->witnesses[i].text[APP_WITNESS_FILE];

		if (file[0] != '\0' && !os_fs_mkdir_path(fs, app_witness_dir(arena, file), err))
			return err_prefix(err, "witness %s", config->witnesses[i].name);
	}
	return os_fs_mkdir_path(fs, config->text[APP_EXPORT_DIRECTORY], err);
}

static bool
make_certificate(const struct app_config *config, struct arena *arena, struct err *err)
{
	const char *certificate, *key;
	struct buf certificate_pem, key_pem;
	bool ok;

	app_store_tls_paths(config, arena, &certificate, &key);
	if (config->text[APP_TLS_CERTIFICATE][0] != '\0' ||
	    (os_fs_exists(os_fs_real(), certificate) && os_fs_exists(os_fs_real(), key)))
		return true;
	buf_init(&certificate_pem, PEM_BYTES_MAX);
	buf_init(&key_pem, PEM_BYTES_MAX);
	ok = os_tls_self_signed(config->text[APP_HOSTNAME], &certificate_pem, &key_pem, err) &&
	     os_fs_write_file(os_fs_real(), key, buf_view(&key_pem), err) &&
	     os_fs_write_file(os_fs_real(), certificate, buf_view(&certificate_pem), err);
	if (ok)
		log_info("made a self-signed certificate for %s: %s", config->text[APP_HOSTNAME],
		    certificate);
	if (key_pem.ptr != NULL)
		secret_wipe(key_pem.ptr, key_pem.len);
	buf_fini(&key_pem);
	buf_fini(&certificate_pem);
	return ok;
}

static bool
write_credentials(const char *path, const struct auth_key *key, struct err *err)
{
	struct buf text;
	bool ok;

	buf_init(&text, 1024);
	buf_printf(&text, "[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n",
	    key->id, key->secret);
	ok = os_fs_write_file(os_fs_real(), path, buf_view(&text), err);
	secret_wipe(text.ptr, text.len);
	buf_fini(&text);
	return ok;
}

/* A root key in the file before it counts in the catalog: lost between the two is a file with a key
 * nobody knows, which the next run replaces; the other order could leave a server nobody can talk
 * to. */
static bool
make_credentials(
    const struct app_config *config, struct app_store *s, struct arena *arena, struct err *err)
{
	const char *path = arena_printf(arena, "%s/credentials", config->text[APP_DATA]);
	struct rng rng = rng_system();
	struct clock clock = clock_system();
	struct auth_key key;
	bool ok;

	if (!catalog_begin(s->catalog, err))
		return false;
	ok = auth_key_ensure_root(
	    s->catalog, &rng, clock_now_ms(&clock), &key, &s->credentials_made, err);
	if (ok && key.id[0] != '\0' && (s->credentials_made || !os_fs_exists(os_fs_real(), path)))
		ok = write_credentials(path, &key, err);
	auth_key_wipe(&key);
	if (ok)
		return catalog_commit(s->catalog, err);
	catalog_rollback(s->catalog);
	return false;
}

/* The key file of before opens what is not wrapped by the new one yet. */
static bool
open_before(
    const struct app_config *config, struct app_store *s, const struct rng *rng, struct err *err)
{
	const char *path = config->text[APP_KEYS_BEFORE];
	struct crypt_keys *before = NULL;

	if (path[0] == '\0')
		return true;
	if (!crypt_keys_open_file(path, config->text[APP_DATA], false, rng, &before, err))
		return err_prefix(err, "previous key file %.80s", path);
	if (strcmp(crypt_keys_id(before), crypt_keys_id(s->keys)) == 0) {
		crypt_keys_free(&before);
		return ERR(err, ERR_USAGE,
		    "keys.file is a copy of keys.previous-file: give it another name, and a new "
		    "key is made");
	}
	log_info("key file %s (%s) takes the place of %s (%s): keep both until a start says that "
		 "nothing needs the latter",
	    config->text[APP_KEYS_FILE], crypt_keys_id(s->keys), path, crypt_keys_id(before));
	s->keys = crypt_keys_pair(s->keys, before);
	return true;
}

static bool
open_keys(
    const struct app_config *config, struct app_store *s, struct arena *arena, struct err *err)
{
	const char *catalog = arena_printf(arena, "%s/catalog.db", config->text[APP_DATA]);
	const char *path = config->text[APP_KEYS_FILE], *before = config->text[APP_KEYS_BEFORE];
	struct rng rng = rng_system();

	s->key_made = !os_fs_exists(os_fs_real(), path);
	if (s->key_made && os_fs_exists(os_fs_real(), catalog) &&
	    (before[0] == '\0' || !os_fs_exists(os_fs_real(), before)))
		return ERR(err, ERR_SEALED,
		    "%.100s is missing: without it nothing here can be read; bring it back",
		    before[0] == '\0' ? path : before);
	if (!crypt_keys_open_file(path, config->text[APP_DATA], s->key_made, &rng, &s->keys, err))
		return err_prefix(err, "key file %.80s", path);
	if (s->key_made)
		log_info("made the key file %s; keep a copy of it somewhere else: without it the "
			 "archive is lost",
		    path);
	return open_before(config, s, &rng, err) &&
	       catalog_open(catalog, s->keys, &rng, &s->catalog, err);
}

bool
app_store_open(const struct app_config *config, struct app_store *s, struct err *err)
{
	struct arena arena;
	bool ok;

	memset(s, 0, sizeof *s);
	arena_init(&arena);
	ok = app_store_data_dir(config->text[APP_DATA], err) && make_dirs(config, &arena, err) &&
	     open_keys(config, s, &arena, err) && make_certificate(config, &arena, err) &&
	     make_credentials(config, s, &arena, err);
	arena_fini(&arena);
	if (!ok)
		app_store_close(s);
	return ok;
}

void
app_store_close(struct app_store *s)
{
	if (s->catalog != NULL)
		catalog_close(&s->catalog);
	if (s->keys != NULL)
		crypt_keys_free(&s->keys);
}
