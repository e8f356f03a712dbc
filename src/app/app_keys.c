/* SPDX-License-Identifier: Apache-2.0 */
/* The key services of the configuration: what they need of the walls, and opening them behind these. */
#include <stdlib.h>
#include <string.h>

#include "app_keys.h"
#include "base_log.h"

/* What libraries, name lookups and programs read. Absent ones need no rule. */
static const char *const system_paths[] = {"/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache",
    "/etc/ssl", "/etc/ca-certificates", "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf",
    "/etc/gai.conf", "/etc/host.conf", "/etc/services", "/etc/localtime", "/dev/urandom"};

static void
path_add(const char **paths, size_t *count, const char *path)
{
	if (path[0] == '\0')
		return;
	for (size_t i = 0; i < *count; i++)
		if (strcmp(paths[i], path) == 0)
			return;
	must(*count < APP_WALL_PATHS_MAX);
	paths[(*count)++] = path;
}

/* Files are replaced by rename: their folder is what must be open. */
static void
folder_add(struct arena *arena, const char **paths, size_t *count, const char *file)
{
	const char *slash = strrchr(file, '/');

	if (slash != NULL)
		path_add(paths, count,
		    arena_text(arena, bytes_of(file, slash == file ? 1 : (size_t)(slash - file))));
}

void
app_keys_walls(const struct app_config *config, struct arena *arena, struct app_walls *walls)
{
	static const enum app_service_field files[] = {APP_SERVICE_MODULE, APP_SERVICE_PIN_FILE,
	    APP_SERVICE_CA_FILE, APP_SERVICE_CREDENTIALS, APP_SERVICE_TOKEN_FILE,
	    APP_SERVICE_PROGRAM};
	const char *paths[APP_SERVICE_WORDS_MAX];

	for (size_t i = 0; i < config->service_count; i++) {
		const struct app_key_service *s = &config->services[i];
		enum keys_kind kind = app_config_service_kind(s);
		size_t n = app_config_service_words(
		    s, APP_SERVICE_PATHS, arena, paths, APP_SERVICE_WORDS_MAX);

		walls->network = walls->network || kind == KEYS_AWS_KMS ||
				 kind == KEYS_VAULT_TRANSIT ||
				 strcmp(s->text[APP_SERVICE_NETWORK], "yes") == 0;
		walls->programs = walls->programs || kind == KEYS_COMMAND;
		for (size_t f = 0; f < sizeof files / sizeof files[0]; f++)
			folder_add(arena, walls->read, &walls->read_count, s->text[files[f]]);
		for (size_t p = 0; p < n; p++)
			path_add(walls->write, &walls->write_count, paths[p]);
	}
	if (config->service_count == 0)
		return;
	for (size_t i = 0; i < sizeof system_paths / sizeof system_paths[0]; i++)
		path_add(walls->read, &walls->read_count, system_paths[i]);
	path_add(walls->write, &walls->write_count, "/dev/null");
}

static struct keys_options
options_of(const struct app_key_service *s)
{
	return (struct keys_options){.kind = app_config_service_kind(s),
	    .name = s->name,
	    .key = s->text[APP_SERVICE_KEY],
	    .call_ms = (unsigned)strtoul(s->text[APP_SERVICE_TIMEOUT], NULL, 10) * 1000,
	    .clock = clock_system(),
	    .rng = rng_system(),
	    .fs = os_fs_real(),
	    .module = s->text[APP_SERVICE_MODULE],
	    .token = s->text[APP_SERVICE_TOKEN],
	    .pin_file = s->text[APP_SERVICE_PIN_FILE],
	    .mechanism = strcmp(s->text[APP_SERVICE_MECHANISM], "aes-key-wrap-pad") == 0
			     ? KEYS_AES_KEY_WRAP_PAD
			     : KEYS_AES_GCM,
	    .endpoint = s->text[APP_SERVICE_ENDPOINT],
	    .ca_file = s->text[APP_SERVICE_CA_FILE],
	    .region = s->text[APP_SERVICE_REGION],
	    .credentials_file = s->text[APP_SERVICE_CREDENTIALS],
	    .mount = s->text[APP_SERVICE_MOUNT],
	    .token_file = s->text[APP_SERVICE_TOKEN_FILE],
	    .program = s->text[APP_SERVICE_PROGRAM]};
}

/* A wrapped key names its service by id: two services with one id could not be told apart. */
static bool
id_check(const struct app_keys *k, const char *name, const struct crypt_keys *keys, struct err *err)
{
	for (size_t i = 0; i < k->count; i++)
		if (strcmp(crypt_keys_id(k->services[i]), crypt_keys_id(keys)) == 0)
			return ERR(err, ERR_USAGE, "[keys.%s] and [keys.%s] are the same key",
			    crypt_keys_name(k->services[i]), name);
	return true;
}

bool
app_keys_open(const struct app_config *config, struct app_keys *k, struct err *err)
{
	k->count = 0;
	for (size_t i = 0; i < config->service_count; i++) {
		const struct app_key_service *s = &config->services[i];
		struct keys_options options = options_of(s);
		struct crypt_keys *keys;

		if (!keys_service_open(&options, &keys, err))
			return err_prefix(err, "[keys.%s]", s->name);
		if (!id_check(k, s->name, keys, err)) {
			crypt_keys_free(&keys);
			return false;
		}
		k->services[k->count++] = keys;
		log_info("key service %s: %s, key id %s", s->name, s->text[APP_SERVICE_TYPE],
		    crypt_keys_id(keys));
	}
	return true;
}

void
app_keys_close(struct app_keys *k)
{
	while (k->count > 0)
		crypt_keys_free(&k->services[--k->count]);
}

void
app_keys_archive_options(
    const struct app_config *config, const struct app_keys *k, struct archive_options *o)
{
	o->services = k->services;
	o->service_count = k->count;
	o->key_cache_ms = app_config_number(config, APP_KEYS_CACHE_S) * 1000;
}

size_t
app_keys_api_services(const struct app_config *config, const struct app_keys *k,
    struct arena *arena, const struct api_key_service **out)
{
	struct api_key_service *list = arena_calloc(arena, k->count + 1, sizeof *list);

	for (size_t i = 0; i < k->count; i++) {
		const struct app_key_service *s = &config->services[i];
		const char **arns = arena_calloc(arena, APP_SERVICE_WORDS_MAX, sizeof *arns);

		list[i] = (struct api_key_service){.name = s->name,
		    .type = s->text[APP_SERVICE_TYPE],
		    .arns = arns,
		    .arn_count = app_config_service_words(
			s, APP_SERVICE_ARNS, arena, arns, APP_SERVICE_WORDS_MAX),
		    .keys = k->services[i]};
	}
	*out = list;
	return k->count;
}
