/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the configuration: values (app_config.c), key services (app_config_keys.c), the file around them. */
#ifndef APP_CONFIG_INT_H
#define APP_CONFIG_INT_H

#include "app_config.h"

/* app_config_service_set: one value of a section [keys.NAME]; name_and_field is "NAME.FIELD". */
MUST_USE bool app_config_service_set(
    struct app_config *c, const char *name_and_field, const char *value, struct err *err);
/* app_config_services_finish: defaults, and what must hold in and between services. */
MUST_USE bool app_config_services_finish(struct app_config *c, struct err *err);
/* app_config_services_each: every value that is not empty, service by service. */
void app_config_services_each(const struct app_config *c,
    void (*visit)(void *ctx, const struct app_key_service *s, const char *field, const char *value),
    void *ctx);

#endif
