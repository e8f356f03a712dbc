/* SPDX-License-Identifier: Apache-2.0 */
/* Sections [witness.NAME] of the configuration, for app_config.c. */
#ifndef APP_CONFIG_WITNESS_H
#define APP_CONFIG_WITNESS_H

#include "app_config.h"

/* app_config_witness_set: one value; name_and_field is "NAME.FIELD". */
MUST_USE bool app_config_witness_set(
    struct app_config *c, const char *name_and_field, const char *value, struct err *err);
/* app_config_witnesses_finish: defaults, and what must hold in each. */
MUST_USE bool app_config_witnesses_finish(struct app_config *c, struct err *err);
/* app_config_witnesses_each: every value that is not empty, witness by witness. */
void app_config_witnesses_each(const struct app_config *c,
    void (*visit)(void *ctx, const struct app_witness *w, const char *field, const char *value),
    void *ctx);

#endif
