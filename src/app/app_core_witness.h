/* SPDX-License-Identifier: Apache-2.0 */
/* Witnesses in the core: from the configuration to the room, and its parcels to the courier. */
#ifndef APP_CORE_WITNESS_H
#define APP_CORE_WITNESS_H

#include <pthread.h>

#include "app_config.h"
#include "app_outbox_int.h"
#include "witness.h"

/* One parcel at a time: whoever carries waits for its answer. */
struct app_carrier {
	struct app_outbox *outbox;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	/* lock */
	uint64_t life; /* of the courier; 0: there is none */
	uint64_t id;   /* of the parcel under way */
	bool waiting, closing;
	struct wire_frame *answer;
};
void app_carrier_init(struct app_carrier *c, struct app_outbox *outbox);
/* app_carrier_close: whoever waits is told ERR_CANCELLED, and everybody after. */
void app_carrier_close(struct app_carrier *c);
void app_carrier_fini(struct app_carrier *c);
/* On the loop: a courier was introduced (or life 0: is gone); it answered (the frame is taken). */
void app_carrier_life(struct app_carrier *c, uint64_t life);
void app_carrier_answer(struct app_carrier *c, struct wire_frame *frame);
/* app_carrier_carry: a witness_carry_fn; ctx is the carrier. */
bool app_carrier_carry(void *ctx, const struct witness_parcel *parcel, struct buf *reply,
    long *status_out, struct err *err);

/* app_witness_configs: the witnesses of the configuration; memory from arena, which outlives them. */
size_t app_witness_configs(
    const struct app_config *config, struct arena *arena, const struct witness_config **out);
/* app_witness_dir: the folder that a file's pattern surely lies in. */
const char *app_witness_dir(struct arena *arena, const char *pattern);

#endif
