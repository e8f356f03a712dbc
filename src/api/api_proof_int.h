/* SPDX-License-Identifier: Apache-2.0 */
/* Files of proof logs over HTTP. */
#ifndef API_PROOF_INT_H
#define API_PROOF_INT_H

#include "api_int.h"

#define API_PROOF_PREFIX "/proof/"

/* api_proof_file_get: GET /proof/<archive>/checkpoint, …/tile/…: open to everybody, not recorded: it is no secret and
 * names nobody. false: a fault is set. */
bool api_proof_file_get(struct api_call *call, struct api_response *response);

#endif
