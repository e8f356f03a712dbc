/* SPDX-License-Identifier: Apache-2.0 */
/* Policy documents in tests are JSON with ' for ", so that they stand in C strings. */
#ifndef POLICY_FIXTURE_H
#define POLICY_FIXTURE_H

#include "json_value.h"

/* policy_fixture_parse: the caller's (json_free); fails the test when it does not parse. */
struct json *policy_fixture_parse(const char *text);

#endif
