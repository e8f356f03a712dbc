/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An endpoint is what a listener shows its peers: options, certificate, operations. It is counted: a session keeps the
 * one it started with, so replacing it (new certificate, new limits) touches new sessions only. One thread.
 */
#ifndef SMTP_ENDPOINT_H
#define SMTP_ENDPOINT_H

#include "base_err.h"
#include "os_tls.h"
#include "smtp_session.h"

struct smtp_endpoint;

/*
 * smtp_endpoint_new: one reference, the caller's.
 *
 * in      options  copied, hostname too
 *         tls      taken, even on failure; NULL: no TLS (offer_tls, tls_wrapped and require_* of TLS must be off)
 *         ops      lent for ever; ctx kept
 * fails   ERR_USAGE   options contradict each other     ERR_LIMIT   message_bytes_max over SMTP_MESSAGE_BYTES_CEIL
 */
MUST_USE bool smtp_endpoint_new(const struct smtp_options *options, struct os_tls_context *tls,
    const struct smtp_ops *ops, void *ctx, struct smtp_endpoint **out, struct err *err);
struct smtp_endpoint *smtp_endpoint_ref(struct smtp_endpoint *e);
/* smtp_endpoint_unref: gives one reference back, nulls; NULL is fine. */
void smtp_endpoint_unref(struct smtp_endpoint **e);

/* Readers; everything lives as long as a reference. smtp_endpoint_tls: NULL without TLS. */
const struct smtp_options *smtp_endpoint_options(const struct smtp_endpoint *e);
const struct smtp_ops *smtp_endpoint_ops(const struct smtp_endpoint *e);
void *smtp_endpoint_ctx(const struct smtp_endpoint *e);
struct os_tls_context *smtp_endpoint_tls(const struct smtp_endpoint *e);

#endif
