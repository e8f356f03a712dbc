/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The management API: a request goes in as it came over HTTP, an answer comes out. Wire-compatible with
 * Amazon SES Mail Manager (AWS JSON 1.0 and Smithy RPC v2 CBOR over one operation table), and Daybook's own
 * operations beside it.
 *
 * Thread-safe throughout. Searches and exports run on threads of the api, or, without any, inside
 * api_run_jobs. The rows' states are the truth: after a restart unfinished jobs begin again, and the core
 * asks for a snapshot.
 */
#ifndef API_H
#define API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "archive.h"
#include "audit.h"
#include "base_bytes.h"
#include "base_clock.h"
#include "base_err.h"
#include "base_limits.h"
#include "base_rng.h"
#include "catalog.h"
#include "json_value.h"
#include "os_fs.h"
#include "witness.h"

struct api;

/* Where exports to s3://bucket/… go. */
struct api_bucket {
	const char *name, *dir;
};

/* A key service that a KmsKeyArn may mean. All is kept. */
struct api_key_service {
	const char *name, *type;
	const char *const *arns;
	size_t arn_count;
	struct crypt_keys *keys;
};

struct api_options {
	struct catalog
	    *catalog; /* kept; so is everything below that is a pointer to something with a life */
	struct archive *archive;
	struct audit *audit; /* kept; NULL: nothing is recorded, which is for tests only */
	struct witness_set *witnesses; /* kept; may be NULL */
	struct os_fs fs;
	struct clock clock;
	struct rng rng;      /* must be usable from several threads unless job_threads is false */
	const char *account; /* 12 digits; NULL = 000000000000 */
	const char *region;  /* in ARNs; NULL = us-east-1. Requests may be signed for any region */
	const char *ingress_domain; /* what A records end with; NULL = localhost */
	const char *version;        /* of the program, for GetStatus; NULL = "unknown" */
	const char *export_dir;     /* buckets that are not mapped become directories here */
	const struct api_bucket *buckets;
	size_t bucket_count;
	const struct api_key_service *key_services; /* kept */
	size_t key_service_count;
	bool
	    aws_strict; /* limits of the service that help nobody here: 30-day search window, one running
			    job, … */
	bool job_threads;
	bool retention_strict;   /* one change of an archive's period a week */
	bool retention_manual;   /* what has expired waits for somebody's approval */
	bool erasure_four_eyes;  /* an erasure is approved by another principal than asked for it */
	int64_t scrub_period_ms; /* read every pack once in this time; 0 = only when asked to */
	/* Called after a change is durable, on the thread of the request; may call back into the api. May be
	 * NULL. */
	void (*endpoints_changed)(
	    void *ctx); /* listeners: take a snapshot, open and close, report */
	void (*config_changed)(
	    void *ctx); /* rules, policies, archives, passwords: take a snapshot */
	void *hook_ctx;
};

/* api_open: ERR_USAGE a mistake in the model, else as the catalog fails. */
MUST_USE bool api_open(const struct api_options *options, struct api **out, struct err *err);
/* api_close: running jobs are interrupted and begin again at the next start. No other call may be in
 * progress. */
void api_close(struct api **api);

struct api_header {
	struct bytes name, value;
};

struct api_request {
	struct bytes method, target;      /* target as on the request line */
	const struct api_header *headers; /* every line as received */
	size_t header_count;
	struct bytes body;
	bool
	    local_trusted; /* over the local socket from a user who may do everything: needs no signature */
	bool local;               /* over the local socket, trusted or not */
	uint32_t peer_uid;        /* of the local peer */
	const char *peer_address; /* may be NULL */
};

#define API_RESPONSE_BODY_MAX    (SMTP_MESSAGE_BYTES_CEIL + LIMIT_MIB)
#define API_RESPONSE_HEADERS_MAX 12

/* init before, fini after. Date, Content-Length and connection headers are the HTTP layer's. */
struct api_response {
	int status;
	struct api_header
	    headers[API_RESPONSE_HEADERS_MAX]; /* values live in text or are literals */
	size_t header_count;
	struct buf text;
	struct buf body;
};
void api_response_init(struct api_response *r);
void api_response_fini(struct api_response *r);

/*
 * api_handle: answer one request. Never fails: trouble of ours is a 500 or 503 with a JSON (or CBOR) body.
 *
 * POST with X-Amz-Target MailManagerSvc.<Operation> or Daybook.<Operation>; POST
 * …/service/<Service>/operation/<Operation> with CBOR; GET /message/<id>?… from GetArchiveMessage; GET
 * /proof/<archive>/checkpoint and …/tile/…, for everybody; anything else is 404.
 */
void api_handle(struct api *api, const struct api_request *request, struct api_response *response);

/* api_run_jobs: without threads: run what is queued, everything that retains or destroys, and a scrub that was asked
 * for; returns when nothing is left. */
void api_run_jobs(struct api *api);
/* api_tick: call about once a minute: forgets old jobs and tokens, frees the names of archives deleted 30
 * days ago. */
MUST_USE bool api_tick(struct api *api, struct err *err);

/*
 * api_snapshot: everything that listeners and the journal need; *out is the caller's (json_free).
 *
 * {Endpoints: [{IngressPointId, IngressPointName, Type, State, WantedStatus, TlsPolicy, ListenTag|null,
 *   LastListening|null, Mode "journal"|"mx", TrafficPolicy: {…}, RuleSet: {RuleSetId, RuleSetName, Arn, Rules},
 *   Passwords: [{Hash, Version, ExpiresTimestamp?}], TrustStore?: {CAContent, CrlContent?}}],
 *  Archives: [{ArchiveId, ArchiveName, State, Retention}]}
 *
 * TrafficPolicy and RuleSet are documents that policy_traffic_compile and policy_rules_compile take.
 */
MUST_USE bool api_snapshot(struct api *api, struct json **out, struct err *err);

/* api_endpoint_report: what became of a listener: ok → ACTIVE (or CLOSED, when that is wanted), else FAILED.
 * listening ("127.0.0.1:2525") and reason may be NULL. ERR_NOT_FOUND. */
MUST_USE bool api_endpoint_report(struct api *api, const char *ingress_point_id, bool ok,
    const char *listening, const char *reason, struct err *err);
/* api_endpoint_gone: the listener of an endpoint in DEPROVISIONING is closed: its row goes. Unknown id:
 * true. */
MUST_USE bool api_endpoint_gone(struct api *api, const char *ingress_point_id, struct err *err);

#endif
