/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the catalog as resources of the API: get, list, insert, save, conflicts, quotas, tags, names. Every
 * function runs inside the call's transaction and, on false, has set the call's fault. */
#ifndef API_RESOURCE_INT_H
#define API_RESOURCE_INT_H

#include "api_int.h"

struct api_resource {
	struct catalog_row row;
	struct json *doc; /* owned by the call */
};

/* What a kind is called. */
struct api_kind {
	enum catalog_kind kind;
	const char *prefix;   /* of ids */
	const char *arn_part; /* NULL: has no ARN */
	const char *what;     /* "Archive" */
	uint64_t quota;       /* rows at most; 0 = counted elsewhere */
};
const struct api_kind *api_resource_kind(enum catalog_kind kind);

/* api_resource_find: *found_out false when there is none; only trouble is a fault. */
bool api_resource_find(struct api_call *call, enum catalog_kind kind, const char *id,
    struct api_resource *out, bool *found_out);
/* api_resource_get: unknown → ResourceNotFoundException; api_resource_job: → ValidationException "… not
 * found". */
bool api_resource_get(
    struct api_call *call, enum catalog_kind kind, const char *id, struct api_resource *out);
bool api_resource_job(
    struct api_call *call, enum catalog_kind kind, const char *id, struct api_resource *out);

/* api_resource_insert: r->row.kind, name, owner and state and r->doc are set; makes the id, checks the quota
 * and the name, stores the Tags of the input, if any. */
bool api_resource_insert(struct api_call *call, struct api_resource *r);
/* api_resource_save: stamps the row and stores it. */
bool api_resource_save(struct api_call *call, struct api_resource *r);
bool api_resource_delete(struct api_call *call, enum catalog_kind kind, const char *id);

/* api_resource_page: one page, newest first, by PageSize and NextToken of the input: one object per row
 * pushed to output[list_member] and filled by item. owner: NULL = all. */
typedef void (*api_item_fn)(struct api_call *call, const struct api_resource *r, struct json *item);
bool api_resource_page(struct api_call *call, enum catalog_kind kind, const char *owner,
    const char *list_member, api_item_fn item);

/* api_resource_each: every row of a kind; visit false stops (and sets a fault, or not). */
typedef bool (*api_visit_fn)(struct api_call *call, struct api_resource *r, void *ctx);
bool api_resource_each(
    struct api_call *call, enum catalog_kind kind, api_visit_fn visit, void *ctx);

/* api_resource_unused: ConflictException when an ingress point's document says member = id. */
bool api_resource_unused(
    struct api_call *call, enum catalog_kind kind, const char *member, const char *id);

/* api_resource_rename: takes over the input's name member, if it is there. */
void api_resource_rename(struct api_call *call, struct api_resource *r, const char *member);
/* api_resource_copy: members of the list that the input has replace those of the document. */
void api_resource_copy(struct api_call *call, struct json *doc, const char *const *members);
/* api_resource_show: members of the list that the document has go to out. */
void api_resource_show(struct json *out, const struct json *doc, const char *const *members);

/* api_tag_check: the input's Tags, beyond what the model says: none of the server's own, and known modes. */
bool api_tag_check(struct api_call *call);

/* ARNs; from the arena. _parse: *kind_out and the id; false when it is none of ours (no fault). */
const char *api_resource_arn(struct api_call *call, enum catalog_kind kind, const char *id);
bool api_resource_arn_parse(
    struct api_call *call, const char *arn, enum catalog_kind *kind_out, const char **id_out);

/* api_resource_mac: hex HMAC-SHA-256 under the api's key over the parts, each with its length; out holds
 * 65. */
void api_resource_mac(const struct api *api, char *out, const struct bytes *parts, size_t count);

#endif
