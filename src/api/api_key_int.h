/* SPDX-License-Identifier: Apache-2.0 */
/* Which key service a KmsKeyArn means. */
#ifndef API_KEY_INT_H
#define API_KEY_INT_H

#include "api_int.h"

/* api_key_service_of: the service that the configuration gives an ARN; NULL for no ARN. Else ValidationException. */
bool api_key_service_of(struct api_call *call, const char *arn, struct crypt_keys **out);

#endif
