/* SPDX-License-Identifier: Apache-2.0 */
/* One byte range of a known size. RFC 9110 §14. */
#ifndef HTTP_RANGE_H
#define HTTP_RANGE_H

#include <stdint.h>

#include "base_bytes.h"

enum http_range_outcome {
	HTTP_RANGE_WHOLE, /* not a byte range: answer as if it were not there */
	HTTP_RANGE_PART,  /* from_out and len_out are set, len_out >= 1       */
	HTTP_RANGE_NONE   /* several, reversed, or past the end: 416          */
};

/* http_range_parse: the value of a Range header against a body of size bytes. */
enum http_range_outcome http_range_parse(
    struct bytes value, uint64_t size, uint64_t *from_out, uint64_t *len_out);

#endif
