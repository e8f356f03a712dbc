/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the json room only: a struct json is a jansson json_t under another name. */
#ifndef JSON_VALUE_INT_H
#define JSON_VALUE_INT_H

/* The library and this room share a prefix; the library's clashing names are put aside while its header is read. */
#define JSON_OBJECT  JANSSON_OBJECT
#define JSON_ARRAY   JANSSON_ARRAY
#define JSON_STRING  JANSSON_STRING
#define JSON_INTEGER JANSSON_INTEGER
#define JSON_REAL    JANSSON_REAL
#define JSON_TRUE    JANSSON_TRUE
#define JSON_FALSE   JANSSON_FALSE
#define JSON_NULL    JANSSON_NULL
#define json_copy    jansson_copy
#define json_equal   jansson_equal
#include <jansson.h>
#undef JSON_OBJECT
#undef JSON_ARRAY
#undef JSON_STRING
#undef JSON_INTEGER
#undef JSON_REAL
#undef JSON_TRUE
#undef JSON_FALSE
#undef JSON_NULL
#undef json_copy
#undef json_equal
#undef json_is_number

#include <stdint.h>

#include "base_err.h"
#include "json_value.h"

/* json_node: the library's view of a value. Const is dropped because the library's readers do not take it. */
static inline json_t *
json_node(const struct json *v)
{
	return (json_t *)(uintptr_t)v;
}

/* json_lend: the room's view of a node; NULL stays NULL. */
static inline struct json *
json_lend(json_t *node)
{
	return (struct json *)(void *)node;
}

/* json_wrap: takes a reference the library returned; NULL there means that memory ran out. */
static inline struct json *
json_wrap(json_t *node)
{
	must(node != NULL);
	return json_lend(node);
}

#endif
