/* SPDX-License-Identifier: Apache-2.0 */
/* PKCS #11 against SoftHSM: a real token with a key that never leaves it. Skipped where SoftHSM is not installed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <p11-kit/pkcs11.h>

#include <dlfcn.h>

#include "base_text.h"
#include "keys_fixture.h"

#define MODULE "/usr/lib/softhsm/libsofthsm2.so"
#define PIN    "271828"

static char folder[64], config[160], pin_path[160], bad_pin_path[160];

static CK_FUNCTION_LIST_PTR
functions(void)
{
	CK_RV (*get)(CK_FUNCTION_LIST_PTR_PTR) = NULL;
	void *library = dlopen(MODULE, RTLD_NOW | RTLD_LOCAL),
	     *found = dlsym(library, "C_GetFunctionList");
	CK_FUNCTION_LIST_PTR f = NULL;

	memcpy(&get, &found, sizeof get);
	assert_int_equal(get(&f), CKR_OK);
	return f;
}

static void
make_key(CK_FUNCTION_LIST_PTR f, CK_SESSION_HANDLE session, const char *label)
{
	CK_MECHANISM generate = {CKM_AES_KEY_GEN, NULL, 0};
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ULONG len = 32;
	char text[32];
	CK_ATTRIBUTE attributes[] = {{CKA_TOKEN, &yes, sizeof yes}, {CKA_PRIVATE, &yes, sizeof yes},
	    {CKA_SENSITIVE, &yes, sizeof yes}, {CKA_EXTRACTABLE, &no, sizeof no},
	    {CKA_ENCRYPT, &yes, sizeof yes}, {CKA_DECRYPT, &yes, sizeof yes},
	    {CKA_WRAP, &yes, sizeof yes}, {CKA_UNWRAP, &yes, sizeof yes},
	    {CKA_VALUE_LEN, &len, sizeof len}, {CKA_LABEL, text, 0}};
	CK_OBJECT_HANDLE key;

	(void)snprintf(text, sizeof text, "%s", label);
	attributes[9].ulValueLen = strlen(text);
	assert_int_equal(f->C_GenerateKey(session, &generate, attributes, 10, &key), CKR_OK);
}

/* As an import tool leaves it that takes a key for a text. */
static void
make_short_key(CK_FUNCTION_LIST_PTR f, CK_SESSION_HANDLE session)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_BBOOL yes = CK_TRUE;
	CK_UTF8CHAR value[] = "ten bytes.", label[] = "short";
	CK_ATTRIBUTE attributes[] = {{CKA_CLASS, &class, sizeof class},
	    {CKA_KEY_TYPE, &type, sizeof type}, {CKA_TOKEN, &yes, sizeof yes},
	    {CKA_ENCRYPT, &yes, sizeof yes}, {CKA_VALUE, value, sizeof value - 1},
	    {CKA_LABEL, label, sizeof label - 1}};
	CK_OBJECT_HANDLE key;

	assert_int_equal(f->C_CreateObject(session, attributes, 6, &key), CKR_OK);
}

static int
token_make(void **state)
{
	static const char *const labels[] = {"kek", "other", "twice", "twice"};
	CK_UTF8CHAR label[32], pin[] = PIN;
	CK_FUNCTION_LIST_PTR f;
	CK_SESSION_HANDLE session;
	CK_ULONG count = 8;
	CK_SLOT_ID slots[8];
	char text[256];

	(void)state;
	(void)snprintf(folder, sizeof folder, "/tmp/daybook-hsm-XXXXXX");
	assert_non_null(mkdtemp(folder));
	(void)snprintf(text, sizeof text, "directories.tokendir = %s\nlog.level = ERROR\n", folder);
	(void)snprintf(config, sizeof config, "%s", keys_fixture_file(folder, "conf", text, 0600));
	(void)snprintf(
	    pin_path, sizeof pin_path, "%s", keys_fixture_file(folder, "pin", PIN "\n", 0400));
	(void)snprintf(bad_pin_path, sizeof bad_pin_path, "%s",
	    keys_fixture_file(folder, "bad", "1111\n", 0400));
	assert_int_equal(setenv("SOFTHSM2_CONF", config, 1), 0);
	f = functions();
	assert_int_equal(f->C_Initialize(NULL), CKR_OK);
	assert_int_equal(f->C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
	memset(label, ' ', sizeof label);
	memcpy(label, "daybook test", 12);
	assert_int_equal(f->C_InitToken(slots[0], pin, sizeof pin - 1, label), CKR_OK);
	count = 8;
	assert_int_equal(f->C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
	assert_int_equal(
	    f->C_OpenSession(slots[0], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session),
	    CKR_OK);
	assert_int_equal(f->C_Login(session, CKU_SO, pin, sizeof pin - 1), CKR_OK);
	assert_int_equal(f->C_InitPIN(session, pin, sizeof pin - 1), CKR_OK);
	assert_int_equal(f->C_Logout(session), CKR_OK);
	assert_int_equal(f->C_Login(session, CKU_USER, pin, sizeof pin - 1), CKR_OK);
	for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
		make_key(f, session, labels[i]);
	make_short_key(f, session);
	assert_int_equal(f->C_Finalize(NULL), CKR_OK);
	return 0;
}

static int
token_clear(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
	return system(command);
}

static struct keys_options
options(void)
{
	struct keys_options o = keys_fixture_options(KEYS_PKCS11, "hsm");

	o.module = MODULE;
	o.token = "daybook test";
	o.key = "kek";
	o.pin_file = pin_path;
	return o;
}

static struct crypt_keys *
service(const struct keys_options *o)
{
	struct crypt_keys *keys = NULL;
	struct err err;

	if (!keys_service_open(o, &keys, &err))
		fail_msg("%s", err.msg);
	return keys;
}

static void
wraps_with_gcm(void **state)
{
	struct keys_options o = options();
	struct crypt_keys *keys = service(&o);

	(void)state;
	keys_fixture_contract(keys);
	crypt_keys_free(&keys);
}

static void
wraps_with_key_wrap(void **state)
{
	struct keys_options o = options();
	struct crypt_keys *keys;

	(void)state;
	o.mechanism = KEYS_AES_KEY_WRAP_PAD;
	keys = service(&o);
	keys_fixture_contract(keys);
	crypt_keys_free(&keys);
}

/* What one mechanism or one process wrapped, another opens; another key does not. */
static void
opens_what_the_key_wrapped(void **state)
{
	struct keys_options o = options();
	struct crypt_keys *keys = service(&o), *other;
	struct rng rng = rng_system();
	struct secret *key = secret_random(32, &rng), *back = NULL;
	struct buf wrapped;
	struct err err;

	(void)state;
	buf_init(&wrapped, CRYPT_WRAPPED_ANY_BYTES_MAX);
	assert_true(crypt_keys_wrap(keys, BYTES_LIT("c"), key, &wrapped, &err));
	crypt_keys_free(&keys);
	o.mechanism = KEYS_AES_KEY_WRAP_PAD;
	keys = service(&o);
	assert_true(crypt_keys_unwrap(keys, BYTES_LIT("c"), buf_view(&wrapped), &back, &err));
	assert_true(bytes_equal(secret_view(key), secret_view(back)));
	o.key = "other";
	other = service(&o);
	assert_string_not_equal(crypt_keys_id(other), crypt_keys_id(keys));
	assert_false(crypt_keys_unwrap(other, BYTES_LIT("c"), buf_view(&wrapped), &back, &err));
	assert_int_equal(err.code, ERR_SEALED);
	/* Also when somebody writes the other key's id into it. */
	assert_true(text_hex_parse(wrapped.ptr + 1, 8, bytes_of_str(crypt_keys_id(other))));
	secret_free(&back);
	assert_false(crypt_keys_unwrap(other, BYTES_LIT("c"), buf_view(&wrapped), &back, &err));
	assert_int_equal(err.code, ERR_SEALED);
	crypt_keys_free(&keys);
	crypt_keys_free(&other);
	buf_fini(&wrapped);
	secret_free(&key);
}

static void
says_what_is_wrong(void **state)
{
	static const struct {
		const char *name, *token, *key, *pin;
		enum err_code code;
	} rows[] = {
	    {"no such token", "elsewhere", "kek", pin_path, ERR_TIMEOUT},
	    {"no such key", "daybook test", "nothing", pin_path, ERR_SEALED},
	    {"two such keys", "daybook test", "twice", pin_path, ERR_SEALED},
	    {"a key cut short", "daybook test", "short", pin_path, ERR_SEALED},
	    {"wrong PIN", "daybook test", "kek", bad_pin_path, ERR_DENIED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct keys_options o = options();
		struct crypt_keys *keys;

		o.token = rows[i].token;
		o.key = rows[i].key;
		o.pin_file = rows[i].pin;
		keys = service(&o);
		if (keys_fixture_wrap_code(keys) != rows[i].code)
			fail_msg("%s", rows[i].name);
		crypt_keys_free(&keys);
	}
}

static void
refuses_options(void **state)
{
	struct keys_options o = options();
	struct crypt_keys *keys = NULL;
	struct err err;

	(void)state;
	o.module = "/nonexistent/module.so";
	assert_false(keys_service_open(&o, &keys, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	o.module = "libsofthsm2.so";
	assert_false(keys_service_open(&o, &keys, &err));
	assert_int_equal(err.code, ERR_USAGE);
	o = options();
	o.pin_file = "/nonexistent/pin";
	assert_false(keys_service_open(&o, &keys, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(wraps_with_gcm),
	    cmocka_unit_test(wraps_with_key_wrap),
	    cmocka_unit_test(opens_what_the_key_wrapped),
	    cmocka_unit_test(says_what_is_wrong),
	    cmocka_unit_test(refuses_options),
	};

	if (access(MODULE, R_OK) != 0) {
		print_message("skipped: SoftHSM is not installed\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, token_make, token_clear);
}
