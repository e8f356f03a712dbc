/* SPDX-License-Identifier: Apache-2.0 */
/* Witnesses, for the status. */
#ifndef API_WITNESS_INT_H
#define API_WITNESS_INT_H

#include "api_int.h"

/* api_witness_states: every witness with every archive, or with one. */
struct json *api_witness_states(struct api *api, const char *archive_id);

#endif
