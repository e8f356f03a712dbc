/* SPDX-License-Identifier: Apache-2.0 */
/* Access keys from where AWS tools keep them, never from the command line. */
#ifndef CLI_CREDENTIALS_H
#define CLI_CREDENTIALS_H

#include "base_bytes.h"
#include "crypt_secret.h"

#define CLI_KEY_ID_SIZE 132

struct cli_credentials {
	char key_id[CLI_KEY_ID_SIZE];
	struct secret *secret; /* NULL: none found */
};

/* cli_credentials_parse: profile's key in the text of a credentials file ([profile], aws_access_key_id,
 * aws_secret_access_key). ERR_NOT_FOUND, ERR_SYNTAX. */
MUST_USE bool cli_credentials_parse(
    struct bytes text, const char *profile, struct cli_credentials *out, struct err *err);
/*
 * cli_credentials_find: a named profile of ~/.aws/credentials; otherwise AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY,
 * data_dir/credentials [default], ~/.aws/credentials [AWS_PROFILE or default]. ERR_NOT_FOUND says where it looked.
 */
MUST_USE bool cli_credentials_find(
    const char *profile, const char *data_dir, struct cli_credentials *out, struct err *err);
void cli_credentials_fini(struct cli_credentials *c);

#endif
