/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traffic policies: may this recipient be accepted in this session? Pure.
 *
 * Order (SES Developer Guide, traffic policies): any matching DENY statement denies; else any
 * matching ALLOW statement allows; else the default action. Conditions of a statement are ANDed;
 * the values of a condition are alternatives, except that NOT_EQUALS and NOT_CIDR_MATCHES hold only
 * when no value matches. Text compares without regard to case.
 */
#ifndef POLICY_TRAFFIC_H
#define POLICY_TRAFFIC_H

#include <stdbool.h>
#include <stdint.h>

#include "base_bytes.h"
#include "json_value.h"
#include "policy_session.h"

struct policy_traffic;

/*
 * policy_traffic_compile: from the document of GetTrafficPolicy ({DefaultAction, PolicyStatements,
 * MaxMessageSizeBytes?, TrafficPolicyId?}). A condition kind that is not executed here (Analysis,
 * IsInAddressList) compiles, and at run time fails visibly: it never matches, and the explanation
 * says "not executed". fails  ERR_SYNTAX with the path of what is wrong
 */
MUST_USE bool policy_traffic_compile(
    const struct json *document, struct policy_traffic **out, struct err *err);
void policy_traffic_free(struct policy_traffic **p);

/* policy_traffic_size_max: 0 = the policy sets none. */
uint64_t policy_traffic_size_max(const struct policy_traffic *p);

/* All recipients of a message together, printed. */
#define POLICY_TRAFFIC_EXPLANATION_BYTES_MAX ((size_t)26 * 1024)

/*
 * policy_traffic_decide: true = accepted.
 *
 * in      explanation  NULL, or the array of this message that earlier calls filled: gets one
 * object pushed, or its last one, {"truncated": n}, counts one more; printed it stays within
 *                      POLICY_TRAFFIC_EXPLANATION_BYTES_MAX
 * cost    linear in the recipients explained before
 * source  docs/formats/explanation.md
 */
bool policy_traffic_decide(const struct policy_traffic *p, const struct policy_session *s,
    struct bytes recipient, struct json *explanation);

#endif
