/* SPDX-License-Identifier: Apache-2.0 */
/* Searches and exports as jobs: rows in the catalog, run one after the other by a few threads. */
#ifndef API_JOB_INT_H
#define API_JOB_INT_H

#include <stdatomic.h>

#include "api_resource_int.h"

/* api_jobs_open: what was not finished is queued again. Rows of jobs are read in a transaction of its own. */
MUST_USE bool api_jobs_open(struct api *api, struct err *err);
void api_jobs_close(struct api *api);

/* api_job_queue: a committed row in state QUEUED. api_job_stop: its row says CANCELLED; if it runs, it is
 * told. */
void api_job_queue(struct api *api, enum catalog_kind kind, const char *id);
void api_job_stop(struct api *api, const char *id);

/* api_job_start: checks the archive, times and limits common to both kinds, and inserts the row with its
 * document; the answer's member gets the id. */
bool api_job_start(struct api_call *call, enum catalog_kind kind, const char *id_member);
/* api_job_cancel: the row becomes CANCELLED unless it is finished already. */
bool api_job_cancel(struct api_call *call, enum catalog_kind kind, const char *id);
/* api_job_show: Status, as searches and exports show it. */
struct json *api_job_status(const struct api_resource *r);

/* A job while it runs, on its thread; no transaction is open. */
struct api_job {
	struct api *api;
	enum catalog_kind kind;
	char id[ID_TEXT_SIZE];
	atomic_bool cancel; /* stopped by a request, or the api is closing */
	struct api_job *next;
};

/* api_job_update: store state and the members of changes (lent; may be NULL) in the row, unless it was
 * stopped meanwhile: then false with ERR_CANCELLED. */
MUST_USE bool api_job_update(
    struct api_job *job, const char *state, const struct json *changes, struct err *err);

/* The work: doc is the row's document. fails ERR_CANCELLED and whatever the archive and the disk fail with;
 * the text becomes ErrorMessage. On true changes (an object) holds what the finished row should say. */
MUST_USE bool api_search_run(
    struct api_job *job, const struct json *doc, struct json *changes, struct err *err);
MUST_USE bool api_export_run(
    struct api_job *job, const struct json *doc, struct json *changes, struct err *err);

#endif
