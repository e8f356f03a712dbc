/* SPDX-License-Identifier: Apache-2.0 */
/* A compiled configuration: endpoints with their rule sets, and the archives actions may name. */
#ifndef JOURNAL_CONFIG_H
#define JOURNAL_CONFIG_H

#include <stdbool.h>

#include "pack_row.h"
#include "base_bytes.h"
#include "json_value.h"
#include "policy_rules.h"

struct journal_archive {
	const char *id, *name;
	bool active;
	enum pack_retention retention;
};

struct journal_endpoint {
	const char *id;
	const char *rule_set_id, *rule_set_arn;
	bool strict; /* listener mode "mx" */
	struct policy_rules *rules;
};

/* Reference-counted; immutable once made; any thread may read. */
struct journal_config;

MUST_USE bool journal_config_new(
    const struct json *snapshot, struct journal_config **out, struct err *err);
struct journal_config *journal_config_ref(struct journal_config *c);
void journal_config_unref(struct journal_config **c);

/* NULL when unknown. */
const struct journal_endpoint *journal_config_endpoint(
    const struct journal_config *c, struct bytes id);
/* journal_config_archive: by id, by ARN (what follows its last '/'), or by unique name. */
const struct journal_archive *journal_config_archive(
    const struct journal_config *c, struct bytes name);

#endif
