/* SPDX-License-Identifier: Apache-2.0 */
/* A PKCS #11 token as keys_pkcs11.c handles it and keys_token.c waits for it. One thread at a time: the token's own. */
#ifndef KEYS_TOKEN_INT_H
#define KEYS_TOKEN_INT_H

#include <p11-kit/pkcs11.h>

#include "keys_int.h"

struct keys_token {
	void *library;
	CK_FUNCTION_LIST_PTR f;
	bool initialized, session_open, refused;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
	char *token_label, *key_label;
	struct secret *pin;
	enum keys_mechanism mechanism;
	struct rng rng;
};

/* load: the module, C_Initialize. open: session, login, key. close and unload undo them. */
bool keys_token_load(struct keys_token *t, const char *module, struct err *err);
bool keys_token_open(struct keys_token *t, struct err *err);
void keys_token_close(struct keys_token *t);
void keys_token_unload(struct keys_token *t);
/* seal, unseal: as a backend's, in an open session; what unseal appends to out is secret. */
bool keys_token_seal(struct keys_token *t, struct bytes context, struct bytes payload,
    struct buf *out, struct err *err);
bool keys_token_unseal(struct keys_token *t, struct bytes context, struct bytes sealed,
    struct buf *out, struct err *err);

#endif
