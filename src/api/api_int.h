/* SPDX-License-Identifier: Apache-2.0 */
/* The api object, and one request on its way through it. */
#ifndef API_INT_H
#define API_INT_H

#include <pthread.h>

#include "api.h"
#include "api_model_int.h"
#include "base_arena.h"
#include "base_limits.h"
#include "crypt_digest.h"

#define API_DAY_MS ((int64_t)24 * 3600 * 1000)

/* Quotas of the service; fixed. */
#define API_ARCHIVES_MAX        10u
#define API_RULE_SETS_MAX       40u
#define API_POLICIES_MAX        100u
#define API_RELAYS_MAX          40u
#define API_ENDPOINTS_OPEN_MAX  10u
#define API_ENDPOINTS_AUTH_MAX  50u /* AUTH and MTLS together */
#define API_STATEMENTS_MAX      20u
#define API_CONDITIONS_MAX      10u
#define API_DELIVERIES_MAX      10u /* Relay and Send actions of a rule set */
#define API_TAGS_MAX            200u
#define API_ACCESS_KEYS_MAX     100u
#define API_SEARCH_ROWS_MAX     1000u
#define API_EXPORT_MESSAGES_MAX 250000u
#define API_JOBS_MAX            1000u /* not finished */

#define API_KEEP_MS             (30 * API_DAY_MS) /* jobs, and names of deleted archives */
#define API_TOKEN_MS            API_DAY_MS
#define API_PASSWORD_KEEP_MS    (14 * API_DAY_MS)
#define API_LINK_MS             ((int64_t)15 * 60 * 1000)

/* The account's names, copied from the options; constant after api_open. */
struct api_names {
	char *account, *region, *ingress_domain, *version, *export_dir;
	struct api_bucket *buckets;
	size_t bucket_count;
};

/* Refusals of strangers in the minute that runs. */
struct api_audit_strangers {
	pthread_mutex_t lock;
	bool running;
	int64_t minute_mono_ms; /* when it began */
	uint64_t kept, over;    /* over: counted only */
	int64_t over_ms;        /* when the first of those came */
};

struct api_jobs;
struct api_retain;
struct retain;
struct api_scrub;

struct api {
	struct api_options
	    o; /* its pointers to text are not used after api_open: names has copies */
	struct api_names names;
	struct json_model *model;
	int64_t started_mono_ms;
	uint8_t mac_key
	    [CRYPT_SHA256_BYTES]; /* of page tokens, links and token digests; kept in the catalog,
						sealed */
	struct api_jobs *jobs;
	struct api_scrub *scrub;
	struct api_audit_strangers strangers;
	struct retain *retain;
	struct api_retain *retain_work;
};

enum api_effect {
	API_EFFECT_ENDPOINTS = 1,
	API_EFFECT_CONFIG = 2,
	API_EFFECT_JOB = 4,
	API_EFFECT_STOP = 8,
	API_EFFECT_RETAIN = 16 /* something to freeze, erase or destroy */
};

struct api_call {
	struct api *api;
	const struct api_operation *op;
	const struct api_request *request;
	struct arena arena;
	struct json *input;   /* lent to handlers */
	struct json *output;  /* an object to fill */
	struct json *scratch; /* an array: values that live as long as the call (api_call_own) */
	int64_t now_ms;
	const char *principal; /* NULL: not known (yet) */
	const char *key_id;    /* of the access key that signed; NULL = none did */
	struct bytes link_id;  /* of GET /message/…: what it names */
	bool link_good;        /* and that the link was given here */
	char request_id[ID_UUID_TEXT_SIZE];
	/* a fault, when exception is not NULL; text from the arena */
	int status;
	const char *exception, *text;
	/* what follows a commit */
	unsigned effects; /* of enum api_effect */
	enum catalog_kind job_kind;
	const char *job_id; /* queued or stopped */
};

/* Faults: each sets the call's outcome and returns false. */
bool api_fault_validation(struct api_call *call, const char *format, ...) PRINTF_LIKE(2, 3);
bool api_fault_conflict(struct api_call *call, const char *format, ...) PRINTF_LIKE(2, 3);
bool api_fault_not_found(struct api_call *call, const char *format, ...) PRINTF_LIKE(2, 3);
bool api_fault_quota(struct api_call *call, const char *format, ...) PRINTF_LIKE(2, 3);
bool api_fault_set(struct api_call *call, int status, const char *exception, const char *text);
/* api_fault_trouble: ours: logged with the request id, answered 500 or 503 without details. */
bool api_fault_trouble(struct api_call *call, const struct err *err);

/* api_call_own: v lives as long as the call. */
struct json *api_call_own(struct api_call *call, struct json *v);
/* api_call_header: the first header of that name; empty view when absent. */
struct bytes api_call_header(const struct api_request *request, const char *name);

/* api_auth_check: may the request pass? Fills call->principal, or the fault. Holds no transaction. */
bool api_auth_check(struct api_call *call);

/* api_message_link_get: GET of a link from GetArchiveMessage. */
void api_message_link_get(struct api_call *call, struct api_response *response);

#endif
