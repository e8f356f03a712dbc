/* SPDX-License-Identifier: Apache-2.0 */
/* The operation table that generate.py makes from the model files. */
#ifndef API_MODEL_INT_H
#define API_MODEL_INT_H

#include <stdbool.h>
#include <stddef.h>

#include "json_model.h"

struct api_call;

/* A handler reads call->input (valid by the model), fills call->output, and on false has set the fault. */
typedef bool (*api_handler_fn)(struct api_call *call);

struct api_operation {
	const char *service;    /* "MailManagerSvc" */
	const char *namespace_; /* of __type */
	const char *name;       /* "CreateArchive" */
	const struct json_shape *input, *output;
	const char *token_member; /* "ClientToken"; NULL = no token */
	const char
	    *answer_member; /* what a repeated request is answered: this member with the id */
	bool idempotent;
	bool free; /* the handler opens its own transactions; otherwise it runs inside one */
	api_handler_fn handle;
};

extern const struct api_operation api_model_operations[];
extern const size_t api_model_operation_count;
extern const struct json_shape *const api_model_roots[];
extern const size_t api_model_root_count;

/* api_model_is_time: is the number of a member of this name a time? Names are used alike everywhere. */
bool api_model_is_time(const char *member);

#endif
