/* SPDX-License-Identifier: Apache-2.0 */
/* The key services of the configuration: what they need beyond the core's own walls, and what the rooms get of them. */
#ifndef APP_KEYS_H
#define APP_KEYS_H

#include "api.h"
#include "app_config.h"

#define APP_WALL_PATHS_MAX 1500

struct app_walls {
	const char *read[APP_WALL_PATHS_MAX + 1],
	    *write[APP_WALL_PATHS_MAX + 1]; /* NULL behind the last */
	size_t read_count, write_count;
	bool network, programs;
};
/* app_keys_walls: adds what the services need; texts are of config and arena. */
void app_keys_walls(const struct app_config *config, struct arena *arena, struct app_walls *walls);

struct app_keys {
	struct crypt_keys *services[APP_SERVICES_MAX]; /* in the order of the configuration */
	size_t count;
};
/* app_keys_open: after the walls stand: modules start threads. On false what was opened stays to be closed. */
MUST_USE bool app_keys_open(const struct app_config *config, struct app_keys *k, struct err *err);
void app_keys_close(struct app_keys *k);
/* What archive and api must know; both keep pointers into config, k and arena. */
void app_keys_archive_options(
    const struct app_config *config, const struct app_keys *k, struct archive_options *o);
size_t app_keys_api_services(const struct app_config *config, const struct app_keys *k,
    struct arena *arena, const struct api_key_service **out);

#endif
