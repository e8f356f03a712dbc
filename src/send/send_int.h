/* SPDX-License-Identifier: Apache-2.0 */
/* What every transfer shares. */
#ifndef SEND_INT_H
#define SEND_INT_H

#include <curl/curl.h>
#include <stdatomic.h>

#include "base_err.h"

/* send_http_begin: the library, counted in, and a handle with the limits of every transfer; NULL: err is filled.
 * send_http_end: gives both back. */
CURL *send_http_begin(const char *url, const char *protocols, const char *ca_file, unsigned call_ms,
    atomic_bool *cancel, struct err *err);
void send_http_end(CURL *curl);
/* send_http_fault: what a code means; false. */
bool send_http_fault(const char *url, CURLcode code, struct err *err);

#endif
