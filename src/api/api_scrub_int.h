/* SPDX-License-Identifier: Apache-2.0 */
/* Reading everything again, slowly, for ever: so that damage is found while there is still a backup. */
#ifndef API_SCRUB_INT_H
#define API_SCRUB_INT_H

#include "api_int.h"

/* api_scrub_open: takes up the round that was under way; starts the thread if the api has threads. */
MUST_USE bool api_scrub_open(struct api *api, struct err *err);
void api_scrub_close(struct api *api);
/* api_scrub_step: the next pack, or the end of a round, if its time has come. true: something was done. */
bool api_scrub_step(struct api *api);

#endif
