/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Model-driven validation: does a value have the shape an operation asks for? The tables are constant data made from a
 * model file; this room only reads them.
 *
 * Two classes of failure. A wrong JSON type anywhere (text where a number belongs) means that the request could not be
 * read at all: it wins over everything else. Otherwise every violated constraint is collected in model order (the order
 * of members[], a list's elements in their order) in the words AWS services use:
 *
 *   1 validation error detected: Value 'x' at 'archiveName' failed to satisfy constraint: Member must have length
 *   greater than or equal to 2
 *
 * Several are joined by "; " and counted ("2 validation errors detected: …").
 */
#ifndef JSON_MODEL_H
#define JSON_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_bytes.h"
#include "json_value.h"

enum json_shape_kind {
	JSON_SHAPE_STRING,  /* min/max: Unicode characters; pattern; enum_values */
	JSON_SHAPE_INTEGER, /* a JSON integer (1.0 is none); min/max: the value */
	JSON_SHAPE_DOUBLE,  /* any JSON number; min/max: the value */
	JSON_SHAPE_BOOLEAN,
	JSON_SHAPE_TIMESTAMP, /* any JSON number: seconds since 1970 */
	JSON_SHAPE_BLOB,      /* strict base64 text (else: wrong type); min/max: decoded bytes */
	JSON_SHAPE_LIST,      /* element; min/max: items. An item that is null "must not be null" */
	JSON_SHAPE_STRUCTURE, /* members; members the model does not know are ignored */
	JSON_SHAPE_UNION      /* members; exactly one known member must be there and not null */
};

struct json_member;

#define JSON_SHAPE_NO_MIN INT64_MIN
#define JSON_SHAPE_NO_MAX INT64_MAX

/* One shape. Fields that do not belong to the kind are ignored and best left zero; min and max are never ignored, so
 * every table entry without bounds needs JSON_SHAPE_NO_MIN and JSON_SHAPE_NO_MAX. */
struct json_shape {
	const char *name; /* model name, for people reading tables */
	enum json_shape_kind kind;
	bool
	    sensitive; /* the value is never echoed; nor a list or structure that contains a sensitive shape */
	int64_t min,
	    max; /* JSON_SHAPE_NO_MIN / JSON_SHAPE_NO_MAX = none; see the kinds for what is counted */
	const char *
	    pattern; /* NULL = none. Perl-compatible, UTF-8; must match the whole string; written as in the model,
	                      * without anchors of our own. \w \d \s are ASCII. */
	const char *const *enum_values;   /* NULL-terminated in model order, or NULL */
	const struct json_shape *element; /* LIST only, never NULL there */
	const struct json_member
	    *members; /* STRUCTURE and UNION; may be NULL when member_count is 0 */
	size_t member_count;
};

struct json_member {
	const char *
	    name; /* as on the wire: "ArchiveName"; in texts its first letter is lowered: 'archiveName' */
	const struct json_shape *shape;
	bool required; /* absent or null: Value null at '…' … Member must not be null */
	bool idempotency_token; /* not looked at here; for the caller */
};

/* The compiled patterns of a model. Made once; afterwards any number of threads may check with it. */
struct json_model;

/*
 * json_model_new: compile every pattern reachable from the roots (a recursive model is fine).
 *
 * in      roots   lent for the model's life, with everything they reach
 * fails   ERR_USAGE  a pattern does not compile: a mistake in the model, named in the message
 */
MUST_USE bool json_model_new(const struct json_shape *const *roots, size_t root_count,
    struct json_model **out, struct err *err);
void json_model_free(struct json_model **model);

enum json_model_result {
	JSON_MODEL_VALID,
	JSON_MODEL_WRONG_TYPE, /* caller answers SerializationException */
	JSON_MODEL_INVALID     /* caller answers ValidationException */
};

#define JSON_MODEL_ERRORS_MAX 100u /* violations listed; more are counted only */
#define JSON_MODEL_ECHO_BYTES_MAX                                                                  \
	256u /* of one value; a longer one is cut at a character and ends with "..." */

struct json_model_report {
	enum json_model_result result;
	size_t error_count; /* violations, listed or not; 1 for a wrong type */
	struct buf
	    text; /* the whole message for the client, UTF-8, NUL-terminated by buf_text; empty when valid */
};

/*
 * json_model_check: fills the report (which needs no initialisation before; json_model_report_fini after, always).
 *
 * in      shape   must be reachable from one of the model's roots
 *         value   may be NULL, which is a wrong type for everything; members that are null count as absent
 * out     true exactly when report->result is JSON_MODEL_VALID
 * cost    linear in the value; no pattern may use more than a fixed number of steps (then it counts as not matched)
 */
bool json_model_check(const struct json_model *model, const struct json_shape *shape,
    const struct json *value, struct json_model_report *report);
void json_model_report_fini(struct json_model_report *report);

#endif
