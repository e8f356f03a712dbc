/* SPDX-License-Identifier: Apache-2.0 */
/* The core process: what its parts share. Loop thread unless said otherwise. */
#ifndef APP_CORE_INT_H
#define APP_CORE_INT_H

#include <pthread.h>
#include <stdbool.h>

#include "api.h"
#include "app_core_witness.h"
#include "app_keys.h"
#include "app_outbox_int.h"
#include "app_role.h"
#include "app_store.h"
#include "archive.h"
#include "journal.h"
#include "os_thread.h"

struct core {
	struct app_role role;
	struct app_store store;
	struct app_keys keys;
	struct archive *archive;
	struct witness_set *witnesses;
	struct app_carrier carrier;
	struct audit *audit;
	struct api *api;
	struct journal *journal;

	/* channels to the edges; a number per life of the other side, so that an answer never
	 * reaches its successor */
	struct wire_channel *edges[WIRE_ROLE_COUNT];
	uint64_t lives[WIRE_ROLE_COUNT];
	struct app_outbox *outbox;

	struct os_queue *requests; /* of struct work * */
	pthread_t workers[APP_CORE_WORKERS_MAX];
	size_t worker_count;

	/* guarded by lock: written by whoever changed something, sent by the loop */
	pthread_mutex_t lock;
	struct json *fresh; /* endpoints for smtp, until the loop takes them */
	bool posted;        /* a look at it is under way */

	struct json *endpoints; /* of the snapshot last sent */
	struct buf certificate_pem, key_pem;
	int64_t certificate_ms, key_ms;
	struct os_watch *second, *minute;
	bool space_low, space_held; /* as smtp was told; the file that keeps room is there */
};

/* app_core_state.c: what the edges must know. core_refresh: any thread; the api's hook. */
void core_refresh(void *ctx);
void core_send_snapshot(struct core *c);
void core_listen_result(struct core *c, struct bytes body);
/* core_read_certificate: true when there is a good pair in memory afterwards; sends it when it is
 * another. */
MUST_USE bool core_read_certificate(struct core *c, bool force, struct err *err);

/* app_core_space.c: once a second; and to a new smtp process. */
void core_check_space(struct core *c);
void core_send_space(struct core *c);

/* app_core_request.c: requests of the http process, on worker threads. */
MUST_USE bool core_requests_open(struct core *c, struct err *err);
void core_requests_close(struct core *c);
void core_request(struct core *c, struct wire_frame *frame);

#endif
