/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration file from anybody: parsed or told, and what is printed of it parses to the same. */
#include <string.h>

#include "app_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
ignore(void *ctx, const char *what)
{
	(void)ctx;
	(void)what;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct app_config c, again;
	struct buf text;
	struct err err;

	app_config_init(&c);
	app_config_init(&again);
	buf_init(&text, APP_CONFIG_BYTES_MAX * 8);
	if (app_config_parse(&c, "fuzz", bytes_of(data, size), ignore, NULL) &&
	    app_config_finish(&c, &err)) {
		app_config_encode(&c, &text);
		must(app_config_decode(&again, buf_view(&text), &err));
		for (size_t i = 0; i < APP_KEY_COUNT; i++)
			must(strcmp(c.text[i], again.text[i]) == 0);
		must(c.bucket_count == again.bucket_count);
	}
	buf_fini(&text);
	app_config_fini(&c);
	app_config_fini(&again);
	return 0;
}
