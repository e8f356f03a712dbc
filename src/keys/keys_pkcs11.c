/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A PKCS #11 token: an AES key that never leaves it wraps with CKM_AES_GCM or CKM_AES_KEY_WRAP_PAD. PKCS #11 2.40.
 * The words of PKCS #11; who asks and who waits is in keys_token.c.
 */
#include <dlfcn.h>
#include <string.h>

#include "base_mem.h"
#include "crypt_seal.h"
#include "keys_token_int.h"

#define TAG_BYTES 16
#define SLOTS_MAX 256u

/* What the first byte of what we make says. */
enum { FORM_GCM = 1, FORM_WRAP_PAD = 2 };

/* A token that may come back is away; the rest is a refusal or a mistake. */
static enum err_code
code_of(CK_RV rv)
{
	switch (rv) {
	case CKR_PIN_INCORRECT:
	case CKR_PIN_INVALID:
	case CKR_PIN_LEN_RANGE:
	case CKR_PIN_LOCKED:
	case CKR_PIN_EXPIRED:
	case CKR_KEY_FUNCTION_NOT_PERMITTED:
	case CKR_USER_PIN_NOT_INITIALIZED:
		return ERR_DENIED;
	case CKR_ENCRYPTED_DATA_INVALID:
	case CKR_ENCRYPTED_DATA_LEN_RANGE:
	case CKR_WRAPPED_KEY_INVALID:
	case CKR_WRAPPED_KEY_LEN_RANGE:
	case CKR_GENERAL_ERROR: /* what SoftHSM says to a tag that does not fit, among others */
	case CKR_DATA_INVALID:
	case CKR_DATA_LEN_RANGE:
		return ERR_SEALED;
	case CKR_MECHANISM_INVALID:
	case CKR_MECHANISM_PARAM_INVALID:
	case CKR_FUNCTION_NOT_SUPPORTED:
	case CKR_KEY_TYPE_INCONSISTENT:
		return ERR_UNSUPPORTED;
	default:
		return ERR_TIMEOUT;
	}
}

static bool
fail(CK_RV rv, const char *what, struct err *err)
{
	return ERR(err, code_of(rv), "%s: the token says 0x%lx", what, rv);
}

bool
keys_token_load(struct keys_token *t, const char *module, struct err *err)
{
	CK_C_INITIALIZE_ARGS arguments = {.flags = CKF_OS_LOCKING_OK};
	CK_RV (*get)(CK_FUNCTION_LIST_PTR_PTR) = NULL;
	void *found;
	CK_RV rv;

	/* Never closed again: modules leave threads and exit handlers behind. */
	t->library = dlopen(module, RTLD_NOW | RTLD_LOCAL);
	if (t->library == NULL)
		return ERR(err, ERR_NOT_FOUND, "module %.60s: %.100s", module, dlerror());
	found = dlsym(t->library, "C_GetFunctionList");
	if (found == NULL)
		return ERR(err, ERR_USAGE, "%.80s is no PKCS #11 module", module);
	memcpy(&get, &found, sizeof get); /* ISO C knows no cast from object to function */
	rv = get(&t->f);
	if (rv != CKR_OK || t->f == NULL)
		return fail(rv, "function list", err);
	rv = t->f->C_Initialize(&arguments);
	t->initialized = rv == CKR_OK;
	return rv == CKR_OK || rv == CKR_CRYPTOKI_ALREADY_INITIALIZED ||
	       fail(rv, "C_Initialize", err);
}

/* Labels on a token are 32 characters, filled up with spaces. */
static bool
label_is(const CK_TOKEN_INFO *info, const char *label)
{
	size_t len = strlen(label);

	if (len > sizeof info->label || memcmp(info->label, label, len) != 0)
		return false;
	for (size_t i = len; i < sizeof info->label; i++)
		if (info->label[i] != ' ')
			return false;
	return true;
}

static bool
slot_find(struct keys_token *t, CK_SLOT_ID *out, struct err *err)
{
	CK_SLOT_ID *slots = mem_calloc(SLOTS_MAX, sizeof *slots);
	CK_ULONG count = SLOTS_MAX;
	size_t found = 0;
	CK_RV rv = t->f->C_GetSlotList(CK_TRUE, slots, &count);

	for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++) {
		CK_TOKEN_INFO info;

		if (t->f->C_GetTokenInfo(slots[i], &info) == CKR_OK &&
		    label_is(&info, t->token_label)) {
			*out = slots[i];
			found++;
		}
	}
	mem_free(slots);
	if (rv != CKR_OK)
		return fail(rv, "C_GetSlotList", err);
	if (found == 0) /* unplugged, perhaps */
		return ERR(err, ERR_TIMEOUT, "no token with label %.32s is there", t->token_label);
	return found == 1 ||
	       ERR(err, ERR_USAGE, "%zu tokens have label %.32s", found, t->token_label);
}

/* Import tools cut keys short (softhsm2-util: at a zero byte), and tokens differ in what they say to such a key. Those
 * that do not tell the length are believed. */
static bool
key_check(struct keys_token *t, struct err *err)
{
	CK_ULONG len = 0;
	CK_ATTRIBUTE value_len = {CKA_VALUE_LEN, &len, sizeof len};
	CK_RV rv = t->f->C_GetAttributeValue(t->session, t->key, &value_len, 1);

	return rv != CKR_OK || value_len.ulValueLen != sizeof len || len == 16 || len == 24 ||
	       len == 32 ||
	       ERR(err, ERR_SEALED,
		   "the token's key with label %.60s is %lu bytes long, and an AES key 16, 24 or "
		   "32",
		   t->key_label, len);
}

static bool
key_find(struct keys_token *t, struct err *err)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof class},
	    {CKA_KEY_TYPE, &type, sizeof type}, {CKA_LABEL, t->key_label, strlen(t->key_label)}};
	CK_OBJECT_HANDLE found[2];
	CK_ULONG count = 0;
	CK_RV rv = t->f->C_FindObjectsInit(t->session, wanted, 3);

	if (rv != CKR_OK)
		return fail(rv, "C_FindObjectsInit", err);
	rv = t->f->C_FindObjects(t->session, found, 2, &count);
	(void)t->f->C_FindObjectsFinal(t->session);
	if (rv != CKR_OK)
		return fail(rv, "C_FindObjects", err);
	if (count == 0)
		return ERR(
		    err, ERR_SEALED, "the token has no AES key with label %.60s", t->key_label);
	if (count > 1)
		return ERR(err, ERR_SEALED, "the token has several AES keys with label %.60s",
		    t->key_label);
	t->key = found[0];
	return key_check(t, err);
}

void
keys_token_close(struct keys_token *t)
{
	if (t->session_open)
		(void)t->f->C_CloseSession(t->session);
	t->session_open = false;
}

bool
keys_token_open(struct keys_token *t, struct err *err)
{
	struct bytes pin = secret_view(t->pin);
	CK_SLOT_ID slot = 0; /* slot_find sets it; a compiler does not see it */
	CK_RV rv;

	if (!slot_find(t, &slot, err))
		return false;
	rv =
	    t->f->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &t->session);
	if (rv != CKR_OK)
		return fail(rv, "C_OpenSession", err);
	t->session_open = true;
	/* The prototype is older than const; PINs are not written to. */
	rv = t->f->C_Login(t->session, CKU_USER, (CK_UTF8CHAR_PTR)(uintptr_t)pin.ptr, pin.len);
	if (rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN) {
		/* Tokens lock themselves after a few wrong PINs. */
		t->refused = !fail(rv, "C_Login", err) && err->code == ERR_DENIED;
		keys_token_close(t);
		return false;
	}
	if (key_find(t, err))
		return true;
	keys_token_close(t);
	return false;
}

void
keys_token_unload(struct keys_token *t)
{
	keys_token_close(t);
	if (t->initialized)
		(void)t->f->C_Finalize(NULL);
	t->initialized = false;
}

/* The interface takes pointers to what it only reads. */
static uint8_t *
lent(struct bytes b)
{
	return (uint8_t *)(uintptr_t)b.ptr;
}

static bool
gcm_seal(struct keys_token *t, struct bytes context, struct bytes payload, struct buf *out,
    struct err *err)
{
	uint8_t nonce[CRYPT_NONCE_BYTES];
	CK_GCM_PARAMS gcm = {
	    nonce, sizeof nonce, sizeof nonce * 8, lent(context), context.len, TAG_BYTES * 8};
	CK_MECHANISM mechanism = {CKM_AES_GCM, &gcm, sizeof gcm};
	CK_ULONG len = payload.len + TAG_BYTES;
	uint8_t *place;
	CK_RV rv;

	rng_fill(&t->rng, nonce, sizeof nonce);
	buf_u8(out, FORM_GCM);
	buf_append_mem(out, nonce, sizeof nonce);
	place = buf_reserve(out, len);
	must(place != NULL);
	rv = t->f->C_EncryptInit(t->session, &mechanism, t->key);
	if (rv == CKR_OK)
		rv = t->f->C_Encrypt(t->session, lent(payload), payload.len, place, &len);
	if (rv != CKR_OK)
		return fail(rv, "CKM_AES_GCM", err);
	if (len != payload.len + TAG_BYTES)
		return ERR(err, ERR_UNSUPPORTED, "CKM_AES_GCM gave %lu bytes", len);
	buf_grow(out, len);
	return true;
}

static bool
gcm_unseal(struct keys_token *t, struct bytes context, struct bytes sealed, struct buf *out,
    struct err *err)
{
	struct bytes nonce = bytes_slice(sealed, 0, CRYPT_NONCE_BYTES),
		     text = bytes_slice(sealed, CRYPT_NONCE_BYTES, sealed.len);
	CK_GCM_PARAMS gcm = {
	    lent(nonce), nonce.len, nonce.len * 8, lent(context), context.len, TAG_BYTES * 8};
	CK_MECHANISM mechanism = {CKM_AES_GCM, &gcm, sizeof gcm};
	CK_ULONG len;
	uint8_t *place;
	CK_RV rv;

	if (text.len <= TAG_BYTES || text.len > KEYS_PAYLOAD_MAX + TAG_BYTES)
		return ERR(err, ERR_CORRUPT, "not a wrapped key");
	/* Room for the tag too: some tokens ask for it before they take it off. */
	len = text.len;
	place = buf_reserve(out, len);
	must(place != NULL);
	rv = t->f->C_DecryptInit(t->session, &mechanism, t->key);
	if (rv == CKR_OK)
		rv = t->f->C_Decrypt(t->session, lent(text), text.len, place, &len);
	if (rv != CKR_OK)
		return fail(rv, "the wrapped key is not for this context and key, or damaged", err);
	if (len != text.len - TAG_BYTES)
		return ERR(err, ERR_SEALED, "CKM_AES_GCM gave %lu bytes", len);
	buf_grow(out, len);
	return true;
}

/* Key wrap wants objects on both sides: the payload becomes one of the session, extractable and short-lived. Tokens
 * differ in what they make of lengths that are no multiple of 8: ours stands before it, and zeros behind it. */
static struct secret *
block_make(struct bytes payload)
{
	struct secret *block = secret_new((1 + payload.len + 7) / 8 * 8);

	must(payload.len <= KEYS_PAYLOAD_MAX);
	secret_data(block)[0] = (uint8_t)payload.len;
	memcpy(secret_data(block) + 1, payload.ptr, payload.len);
	return block;
}

static bool
wrap_object(
    struct keys_token *t, struct bytes block, uint8_t *place, CK_ULONG *len, struct err *err)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ATTRIBUTE attributes[] = {{CKA_CLASS, &class, sizeof class},
	    {CKA_KEY_TYPE, &type, sizeof type}, {CKA_TOKEN, &no, sizeof no},
	    {CKA_EXTRACTABLE, &yes, sizeof yes}, {CKA_SENSITIVE, &no, sizeof no},
	    {CKA_VALUE, lent(block), block.len}};
	CK_MECHANISM mechanism = {CKM_AES_KEY_WRAP_PAD, NULL, 0};
	CK_OBJECT_HANDLE object;
	CK_RV rv = t->f->C_CreateObject(t->session, attributes, 6, &object);

	if (rv != CKR_OK)
		return fail(rv, "C_CreateObject", err);
	rv = t->f->C_WrapKey(t->session, &mechanism, t->key, object, place, len);
	(void)t->f->C_DestroyObject(t->session, object);
	return rv == CKR_OK || fail(rv, "CKM_AES_KEY_WRAP_PAD", err);
}

static bool
wrap_seal(struct keys_token *t, struct bytes payload, struct buf *out, struct err *err)
{
	struct secret *block = block_make(payload);
	CK_ULONG len = secret_view(block).len + TAG_BYTES;
	uint8_t *place;
	bool ok;

	buf_u8(out, FORM_WRAP_PAD);
	place = buf_reserve(out, len);
	must(place != NULL);
	ok = wrap_object(t, secret_view(block), place, &len, err);
	if (ok)
		buf_grow(out, len);
	secret_free(&block);
	return ok;
}

static bool
wrap_unseal(struct keys_token *t, struct bytes sealed, struct buf *out, struct err *err)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ATTRIBUTE attributes[] = {{CKA_CLASS, &class, sizeof class},
	    {CKA_KEY_TYPE, &type, sizeof type}, {CKA_TOKEN, &no, sizeof no},
	    {CKA_EXTRACTABLE, &yes, sizeof yes}, {CKA_SENSITIVE, &no, sizeof no}};
	CK_MECHANISM mechanism = {CKM_AES_KEY_WRAP_PAD, NULL, 0};
	struct secret *block = secret_new(KEYS_PAYLOAD_MAX + 8);
	CK_ATTRIBUTE value = {CKA_VALUE, secret_data(block), KEYS_PAYLOAD_MAX + 8};
	CK_OBJECT_HANDLE object;
	bool ok;
	CK_RV rv;

	rv = t->f->C_UnwrapKey(
	    t->session, &mechanism, t->key, lent(sealed), sealed.len, attributes, 5, &object);
	if (rv != CKR_OK) {
		ok = fail(rv, "the wrapped key is not of this key, or damaged", err);
		goto out;
	}
	rv = t->f->C_GetAttributeValue(t->session, object, &value, 1);
	(void)t->f->C_DestroyObject(t->session, object);
	ok = rv == CKR_OK || fail(rv, "C_GetAttributeValue", err);
	if (ok && (value.ulValueLen == 0 || value.ulValueLen > KEYS_PAYLOAD_MAX + 8 ||
		      secret_data(block)[0] >= value.ulValueLen))
		ok = ERR(err, ERR_SEALED, "what it unwrapped is no data key");
	if (ok)
		buf_append_mem(out, secret_data(block) + 1, secret_data(block)[0]);
out:
	secret_free(&block);
	return ok;
}

bool
keys_token_seal(struct keys_token *t, struct bytes context, struct bytes payload, struct buf *out,
    struct err *err)
{
	return t->mechanism == KEYS_AES_GCM ? gcm_seal(t, context, payload, out, err)
					    : wrap_seal(t, payload, out, err);
}

/* By what the bytes say, so that a changed mechanism does not lock out what was wrapped before. */
bool
keys_token_unseal(struct keys_token *t, struct bytes context, struct bytes sealed, struct buf *out,
    struct err *err)
{
	struct bytes rest = bytes_slice(sealed, 1, sealed.len);

	if (sealed.len > 0 && sealed.ptr[0] == FORM_GCM)
		return gcm_unseal(t, context, rest, out, err);
	if (sealed.len > 0 && sealed.ptr[0] == FORM_WRAP_PAD)
		return wrap_unseal(t, rest, out, err);
	return ERR(err, ERR_CORRUPT, "not a wrapped key");
}
