/* SPDX-License-Identifier: Apache-2.0 */
/* The credentials of ingress points: how they are taken, kept and shown. */
#ifndef API_INGRESS_INT_H
#define API_INGRESS_INT_H

#include "api_resource_int.h"

/* What an ingress point's document says besides the members of CreateIngressPoint:
 * Wanted "ACTIVE"|"CLOSED", HostToken, Listening?, Reason?,
 * Passwords? [{Hash, Version, ExpiresTimestamp?}] current first, SecretArn?, TrustStore?. */

/* api_ingress_auth_take: configuration (may be NULL) against the type; passwords become hashes, a replaced
 * one stays valid for 14 days. creating: AUTH and MTLS need one. */
bool api_ingress_auth_take(
    struct api_call *call, struct json *doc, const struct json *configuration, bool creating);
/* api_ingress_auth_show: IngressPointAuthConfiguration, or NULL; trust store contents only when asked for. */
struct json *api_ingress_auth_show(const struct json *doc, int64_t now_ms, bool contents);
/* api_ingress_passwords: those that are valid now; a new array. */
struct json *api_ingress_passwords(const struct json *doc, int64_t now_ms);

#endif
