/* SPDX-License-Identifier: Apache-2.0 */
/* The services over HTTP and the program, against servers of our own that keep to the recorded contracts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base_text.h"
#include "crypt_seal.h"
#include "keys_fixture.h"
#include "keys_int.h"
#include "keys_stub.h"

static char folder[64];

static int
folder_make(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof folder, "/tmp/daybook-keys-XXXXXX");
	return mkdtemp(folder) == NULL;
}

static int
folder_clear(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
	return system(command);
}

/* A service's key in a test server: it seals with AES-GCM, as the real ones do. */
struct server {
	struct secret *key;
	struct rng rng;
	int status;                     /* 0 = work */
	const char *failure;            /* body with another status */
	bool silent, escape, forgetful; /* never answers; \/ in its JSON; takes any context */
	unsigned calls;
	char last[2048];
};

static void
server_init(struct server *s)
{
	*s = (struct server){.rng = rng_system()};
	s->key = secret_random(CRYPT_KEY_BYTES, &s->rng);
}

static void
base64_put(const struct server *s, struct bytes data, struct buf *out)
{
	struct buf text;

	buf_init(&text, 16384);
	text_base64_encode(&text, data);
	for (size_t i = 0; i < text.len; i++) {
		if (s->escape && text.ptr[i] == '/')
			buf_append_byte(out, '\\');
		buf_append_byte(out, text.ptr[i]);
	}
	buf_fini(&text);
}

static void
blob_seal(struct server *s, struct bytes context, struct bytes plain, struct buf *out)
{
	struct crypt_sealer *sealer = crypt_sealer_new(s->key);
	uint8_t nonce[CRYPT_NONCE_BYTES];

	rng_fill(&s->rng, nonce, sizeof nonce);
	buf_append_mem(out, nonce, sizeof nonce);
	crypt_seal(sealer, nonce, s->forgetful ? BYTES_EMPTY : context, plain, out);
	crypt_sealer_free(&sealer);
}

static bool
blob_unseal(struct server *s, struct bytes context, struct bytes blob, struct buf *out)
{
	struct crypt_sealer *sealer = crypt_sealer_new(s->key);
	struct err err;
	bool ok = blob.len > CRYPT_NONCE_BYTES &&
		  crypt_unseal(sealer, blob.ptr, s->forgetful ? BYTES_EMPTY : context,
		      bytes_slice(blob, CRYPT_NONCE_BYTES, blob.len), out, &err);

	crypt_sealer_free(&sealer);
	return ok;
}

static bool
has(struct bytes head, const char *text)
{
	return bytes_find(head, 0, bytes_of_str(text)) != SIZE_MAX;
}

static void
remember(struct server *s, struct bytes head)
{
	s->calls++;
	(void)snprintf(s->last, sizeof s->last, "%.*s", (int)head.len, (const char *)head.ptr);
}

/* AWS KMS API Reference, Encrypt and Decrypt; as moto answers too. */
static int
kms_answer(void *ctx, struct bytes head, struct bytes body, struct buf *reply)
{
	static const char *const plaintext[] = {"Plaintext", NULL},
				 *const blob[] = {"CiphertextBlob", NULL},
				 *const context[] = {"EncryptionContext", "daybook", NULL},
				 *const key_id[] = {"KeyId", NULL};
	struct server *s = ctx;
	struct bytes bound, key;
	struct buf data, out;
	int status = 400;

	remember(s, head);
	if (s->silent)
		return 0;
	if (s->status != 0) {
		buf_append_str(reply, s->failure);
		return s->status;
	}
	buf_init(&data, 8192);
	buf_init(&out, 8192);
	if (!has(head, "POST / HTTP/1.1") ||
	    !has(head, "Content-Type: application/x-amz-json-1.1") ||
	    !has(head, "Authorization: AWS4-HMAC-SHA256 Credential=AKIATEST/") ||
	    !has(head, "/eu-test-1/kms/aws4_request") || !has(head, "X-Amz-Date: ") ||
	    !keys_reply_find(body, context, &bound) || !keys_reply_find(body, key_id, &key) ||
	    !bytes_equal(key, BYTES_LIT("alias/daybook"))) {
		buf_append_str(reply, "{\"__type\":\"ValidationException\"}");
	} else if (has(head, "X-Amz-Target: TrentService.Encrypt") &&
		   keys_reply_base64(body, plaintext, &data)) {
		blob_seal(s, bound, buf_view(&data), &out);
		buf_append_str(reply,
		    "{ \"EncryptionAlgorithm\": \"SYMMETRIC_DEFAULT\", \"CiphertextBlob\": \"");
		base64_put(s, buf_view(&out), reply);
		buf_append_str(reply, "\", \"KeyId\": \"arn:aws:kms:eu-test-1:1:key/x\"}");
		status = 200;
	} else if (has(head, "X-Amz-Target: TrentService.Decrypt") &&
		   keys_reply_base64(body, blob, &data) &&
		   blob_unseal(s, bound, buf_view(&data), &out)) {
		buf_append_str(
		    reply, "{\"KeyId\":\"arn:aws:kms:eu-test-1:1:key/x\",\"Plaintext\":\"");
		base64_put(s, buf_view(&out), reply);
		buf_append_str(reply, "\"}");
		status = 200;
	} else {
		buf_append_str(
		    reply, "{\"__type\":\"InvalidCiphertextException\",\"message\":\"\"}");
	}
	buf_fini(&data);
	buf_fini(&out);
	return status;
}

/* Vault HTTP API, transit: encrypt and decrypt. */
static int
vault_answer(void *ctx, struct bytes head, struct bytes body, struct buf *reply)
{
	static const char *const plaintext[] = {"plaintext", NULL},
				 *const text[] = {"ciphertext", NULL},
				 *const context[] = {"context", NULL},
				 *const aad[] = {"associated_data", NULL};
	struct server *s = ctx;
	struct bytes bound, also, sealed;
	struct buf data, out;
	int status = 400;

	remember(s, head);
	if (s->silent)
		return 0;
	if (s->status != 0 || !has(head, "X-Vault-Token: s.token")) {
		buf_append_str(
		    reply, s->status != 0 ? s->failure : "{\"errors\":[\"permission denied\"]}");
		return s->status != 0 ? s->status : 403;
	}
	buf_init(&data, 8192);
	buf_init(&out, 8192);
	if (!keys_reply_find(body, context, &bound) || !keys_reply_find(body, aad, &also) ||
	    !bytes_equal(bound, also)) {
		buf_append_str(reply, "{\"errors\":[\"missing 'context'\"]}");
	} else if (has(head, "POST /v1/transit/encrypt/daybook HTTP/1.1") &&
		   keys_reply_base64(body, plaintext, &data)) {
		blob_seal(s, bound, buf_view(&data), &out);
		buf_append_str(reply, "{\"request_id\":\"1\",\"lease_id\":\"\",\"renewable\":false,"
				      "\"lease_duration\":0,\"data\":{\"ciphertext\":\"vault:v1:");
		text_base64_encode(reply, buf_view(&out));
		buf_append_str(
		    reply, "\",\"key_version\":1},\"wrap_info\":null,\"warnings\":null}\n");
		status = 200;
	} else if (has(head, "POST /v1/transit/decrypt/daybook HTTP/1.1") &&
		   keys_reply_find(body, text, &sealed) &&
		   bytes_starts_with(sealed, BYTES_LIT("vault:v1:")) &&
		   text_base64_decode(&data, bytes_slice(sealed, 9, sealed.len)) &&
		   blob_unseal(s, bound, buf_view(&data), &out)) {
		buf_append_str(reply, "{\"request_id\":\"2\",\"data\":{\"plaintext\":\"");
		base64_put(s, buf_view(&out), reply);
		buf_append_str(reply, "\"}}");
		status = 200;
	} else {
		buf_append_str(reply, "{\"errors\":[\"invalid ciphertext: could not decrypt\"]}");
	}
	buf_fini(&data);
	buf_fini(&out);
	return status;
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

static struct keys_options
kms_options(const struct keys_stub *stub)
{
	struct keys_options o = keys_fixture_options(KEYS_AWS_KMS, "aws");

	o.endpoint = stub == NULL ? "https://kms.eu-test-1.amazonaws.com" : keys_stub_url(stub);
	o.region = "eu-test-1";
	o.key = "alias/daybook";
	o.credentials_file = keys_fixture_file(folder, "credentials",
	    "# x\n[other]\naws_access_key_id = AKIAOTHER\n[default]\naws_access_key_id = AKIATEST\n"
	    "aws_secret_access_key = secret/+=\naws_session_token = session-1\n",
	    0600);
	return o;
}

static struct keys_options
vault_options(const struct keys_stub *stub)
{
	struct keys_options o = keys_fixture_options(KEYS_VAULT_TRANSIT, "vault");

	o.endpoint = stub == NULL ? "https://vault.example:8200" : keys_stub_url(stub);
	o.key = "daybook";
	o.token_file = keys_fixture_file(folder, "token", "s.token\n", 0600);
	return o;
}

static void
wraps_over_http(enum keys_kind kind, bool escape, bool forgetful)
{
	struct server s;
	struct keys_stub *stub;
	struct keys_options o;
	struct crypt_keys *keys;

	server_init(&s);
	s.escape = escape;
	s.forgetful = forgetful;
	stub = keys_stub_new(kind == KEYS_AWS_KMS ? kms_answer : vault_answer, &s);
	o = kind == KEYS_AWS_KMS ? kms_options(stub) : vault_options(stub);
	keys = service(&o);
	keys_fixture_contract(keys);
	if (kind == KEYS_AWS_KMS)
		assert_non_null(strstr(s.last, "X-Amz-Security-Token: session-1"));
	crypt_keys_free(&keys);
	keys_stub_free(&stub);
	secret_free(&s.key);
}

static void
wraps_with_kms(void **state)
{
	(void)state;
	wraps_over_http(KEYS_AWS_KMS, false, false);
	wraps_over_http(KEYS_AWS_KMS, true, false);
}

/* A transit key that is not derived ignores the context: ours in the payload holds all the same. */
static void
wraps_with_vault(void **state)
{
	(void)state;
	wraps_over_http(KEYS_VAULT_TRANSIT, false, false);
	wraps_over_http(KEYS_VAULT_TRANSIT, true, true);
}

struct trouble {
	const char *name;
	int status;
	const char *body;
	enum err_code code;
};

static void
trouble_check(enum keys_kind kind, const struct trouble *rows, size_t count)
{
	struct server s;
	struct keys_stub *stub;
	struct keys_options o;
	struct crypt_keys *keys;

	server_init(&s);
	stub = keys_stub_new(kind == KEYS_AWS_KMS ? kms_answer : vault_answer, &s);
	o = kind == KEYS_AWS_KMS ? kms_options(stub) : vault_options(stub);
	o.call_ms = 400;
	keys = service(&o);
	for (size_t i = 0; i < count; i++) {
		s.status = rows[i].status;
		s.failure = rows[i].body;
		if (keys_fixture_wrap_code(keys) != rows[i].code)
			fail_msg("%s", rows[i].name);
	}
	s.status = 0;
	keys_stub_away(stub, true);
	assert_int_equal(keys_fixture_wrap_code(keys), ERR_TIMEOUT);
	keys_stub_away(stub, false);
	assert_int_equal(keys_fixture_wrap_code(keys), ERR_NONE);
	s.silent = true;
	assert_int_equal(keys_fixture_wrap_code(keys), ERR_TIMEOUT);
	keys_stub_free(&stub);
	assert_int_equal(keys_fixture_wrap_code(keys), ERR_TIMEOUT);
	crypt_keys_free(&keys);
	secret_free(&s.key);
}

static void
names_trouble_of_kms(void **state)
{
	static const struct trouble rows[] = {
	    {"no rights", 400, "{\"__type\":\"AccessDeniedException\"}", ERR_DENIED},
	    {"disabled", 400, "{\"__type\":\"DisabledException\"}", ERR_DENIED},
	    {"pending deletion", 400, "{\"__type\":\"KMSInvalidStateException\"}", ERR_DENIED},
	    {"no such key", 400, "{\"__type\":\"com.amazonaws.kms#NotFoundException\"}",
		ERR_SEALED},
	    {"busy", 400, "{\"__type\":\"ThrottlingException\"}", ERR_TIMEOUT},
	    {"inside", 500, "{\"__type\":\"KMSInternalException\"}", ERR_TIMEOUT},
	    {"a proxy", 502, "<html>", ERR_TIMEOUT},
	    {"no JSON", 400, "", ERR_SEALED},
	    {"empty answer", 200, "{}", ERR_SEALED},
	    {"text of bad base64", 200, "{\"CiphertextBlob\":\"a\"}", ERR_SEALED},
	    {"empty blob", 200, "{\"CiphertextBlob\":\"\"}", ERR_SEALED},
	};

	(void)state;
	trouble_check(KEYS_AWS_KMS, rows, sizeof rows / sizeof rows[0]);
}

static void
names_trouble_of_vault(void **state)
{
	static const struct trouble rows[] = {
	    {"no rights", 403, "{\"errors\":[\"permission denied\"]}", ERR_DENIED},
	    {"no such key", 400, "{\"errors\":[\"encryption key not found\"]}", ERR_SEALED},
	    {"no such mount", 404, "{\"errors\":[]}", ERR_SEALED},
	    {"sealed", 503, "{\"errors\":[\"Vault is sealed\"]}", ERR_TIMEOUT},
	    {"standby", 473, "", ERR_TIMEOUT},
	    {"no ciphertext", 200, "{\"data\":{}}", ERR_SEALED},
	    {"ciphertext elsewhere", 200, "{\"ciphertext\":\"vault:v1:aa==\"}", ERR_SEALED},
	    {"other ciphertext", 200, "{\"data\":{\"ciphertext\":\"plain\"}}", ERR_SEALED},
	};

	(void)state;
	trouble_check(KEYS_VAULT_TRANSIT, rows, sizeof rows / sizeof rows[0]);
}

/* A program that shifts letters: enough to see what comes and goes. $1 is never there. */
static const char good_program[] =
    "#!/usr/bin/env python3\nimport json, sys, base64\n"
    "q = json.loads(sys.stdin.readline())\n"
    "assert len(sys.argv) == 1 and q['version'] == 1 and q['key'] == 'the key'\n"
    "d = base64.b64decode(q['data'])\n"
    "x = bytes(b ^ 0x5a for b in d)\n"
    "if q['operation'] == 'wrap': x += bytes([sum(x) % 256])\n"
    "else:\n"
    "    x = x[:-1]\n"
    "    if sum(d[:-1]) % 256 != d[-1]: print(json.dumps({'error': 'damaged'})); sys.exit(0)\n"
    "print(json.dumps({'data': base64.b64encode(x).decode()}))\n";

static struct keys_options
command_options(const char *program)
{
	struct keys_options o = keys_fixture_options(KEYS_COMMAND, "tool");

	o.key = "the key";
	o.program = program;
	o.call_ms = 30000;
	return o;
}

static void
wraps_with_a_program(void **state)
{
	struct keys_options o =
	    command_options(keys_fixture_file(folder, "tool", good_program, 0700));
	struct crypt_keys *keys = service(&o);

	(void)state;
	keys_fixture_contract(keys);
	crypt_keys_free(&keys);
}

static void
names_trouble_of_a_program(void **state)
{
	static const struct {
		const char *name, *text;
		enum err_code code;
	} rows[] = {
	    {"away", "#!/bin/sh\necho '{\"error\":\"away\"}'\n", ERR_TIMEOUT},
	    {"denied", "#!/bin/sh\necho '{\"error\":\"denied\"}'\n", ERR_DENIED},
	    {"other error", "#!/bin/sh\necho '{\"error\":\"what?\"}'\n", ERR_SEALED},
	    {"nothing", "#!/bin/sh\nexit 0\n", ERR_SEALED},
	    {"no JSON", "#!/bin/sh\necho hello\n", ERR_SEALED},
	    {"status", "#!/bin/sh\ncat >/dev/null; exit 3\n", ERR_TIMEOUT},
	    {"signal", "#!/bin/sh\nkill -9 $$\n", ERR_TIMEOUT},
	    {"does not end", "#!/bin/sh\nexec sleep 60\n", ERR_TIMEOUT},
	    {"leaves a child behind that holds its output",
		"#!/bin/sh\nsleep 60 &\necho '{\"error\":\"denied\"}'\n", ERR_DENIED},
	    {"endless output", "#!/bin/sh\nexec yes\n", ERR_LIMIT},
	    {"no environment", "#!/bin/sh\n[ -z \"$HOME\" ] && echo '{\"error\":\"denied\"}'\n",
		ERR_DENIED},
	};

	(void)state;
	assert_int_equal(setenv("HOME", "/root", 1), 0);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct keys_options o =
		    command_options(keys_fixture_file(folder, "bad-tool", rows[i].text, 0700));
		struct crypt_keys *keys = service(&o);
		enum err_code code;

		o.call_ms = 700;
		crypt_keys_free(&keys);
		keys = service(&o);
		code = keys_fixture_wrap_code(keys);
		if (code != rows[i].code)
			fail_msg("%s: %s", rows[i].name, err_code_name(code));
		crypt_keys_free(&keys);
	}
}

static void
checks_endpoints(void **state)
{
	static const struct {
		const char *text;
		bool ok;
	} rows[] = {
	    {"https://kms.example.com", true},
	    {"https://kms.example.com:8443", true},
	    {"http://127.0.0.1:8200", true},
	    {"http://localhost", true},
	    {"http://[::1]:1", true},
	    {"http://127.0.0.1.example.com", false},
	    {"http://127.0.0.1:80@example.com", false},
	    {"http://localhost.example.com", false},
	    {"http://kms.example.com", false},
	    {"https://", false},
	    {"https://user@host", false},
	    {"https://host/path", false},
	    {"ftp://host", false},
	    {"", false},
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (keys_endpoint_check(rows[i].text, &err) != rows[i].ok)
			fail_msg("%s", rows[i].text);
}

static void
finds_texts_in_answers(void **state)
{
	static const char *const path[] = {"data", "plaintext", NULL};
	static const struct {
		const char *json, *found; /* NULL = not found */
	} rows[] = {
	    {"{\"data\":{\"plaintext\":\"abcd\"}}", "abcd"},
	    {" { \"a\" : [1,{\"data\":2},\"]\"] , \"data\":{ \"x\":null,\"plaintext\" :\"\" } }",
		""},
	    {"{\"data\":{\"plaintext\":\"ab\\/cd\"}}", "ab\\/cd"},
	    {"{\"data\":{\"plaintext\":\"ab\\u0041\"}}", NULL},
	    {"{\"a\":\"\\\"\",\"data\":{\"plaintext\":\"q\"}}", "q"},
	    {"{\"data\":{\"other\":{\"plaintext\":\"q\"}}}", NULL},
	    {"{\"plaintext\":\"q\"}", NULL},
	    {"{\"data\":{\"plaintext\":7}}", NULL},
	    {"{\"data\":{\"plaintext\":\"q", NULL},
	    {"{\"data\":[{\"plaintext\":\"q\"}]}", NULL},
	    {"{\"a\":}", NULL},
	    {"{\"a\" 1,\"data\":{\"plaintext\":\"q\"}}", NULL},
	    {"[]", NULL},
	    {"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct bytes found = BYTES_EMPTY;
		bool ok = keys_reply_find(bytes_of_str(rows[i].json), path, &found);

		if (ok != (rows[i].found != NULL) ||
		    (ok && !bytes_equal(found, bytes_of_str(rows[i].found))))
			fail_msg("%s", rows[i].json);
	}
}

static void
reads_credentials(void **state)
{
	static const struct {
		const char *name, *text;
		enum err_code code;
	} rows[] = {
	    {"whole", "[default]\naws_access_key_id=A\naws_secret_access_key=B", ERR_NONE},
	    {"another profile", "[x]\naws_access_key_id=A\naws_secret_access_key=B\n",
		ERR_NOT_FOUND},
	    {"no secret", "[default]\naws_access_key_id=A\n", ERR_NOT_FOUND},
	    {"empty id", "[default]\naws_access_key_id=\naws_secret_access_key=B\n", ERR_SYNTAX},
	    {"no equals sign", "[default]\naws_access_key_id\n", ERR_SYNTAX},
	    {"empty", "", ERR_NOT_FOUND},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct keys_credentials c;
		struct err err = {.code = ERR_NONE};
		bool ok = keys_credentials_parse(bytes_of_str(rows[i].text), &c, &err);

		if (ok != (rows[i].code == ERR_NONE) || (!ok && err.code != rows[i].code))
			fail_msg("%s", rows[i].name);
		keys_credentials_fini(&c);
	}
}

static void
refuses_options(void **state)
{
	struct keys_options o = kms_options(NULL);
	struct crypt_keys *keys = NULL;
	struct err err;

	(void)state;
	o.key = "";
	assert_false(keys_service_open(&o, &keys, &err));
	assert_int_equal(err.code, ERR_USAGE);
	assert_non_null(strstr(err.msg, "key"));
	o = vault_options(NULL);
	o.key = "a/b";
	assert_false(keys_service_open(&o, &keys, &err));
	o = vault_options(NULL);
	o.endpoint = "http://vault.example:8200";
	assert_false(keys_service_open(&o, &keys, &err));
	o = command_options("tool");
	assert_false(keys_service_open(&o, &keys, &err));
	o = command_options("/nonexistent/tool");
	keys = service(&o);
	assert_int_equal(keys_fixture_wrap_code(keys), ERR_TIMEOUT);
	crypt_keys_free(&keys);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(finds_texts_in_answers),
	    cmocka_unit_test(reads_credentials),
	    cmocka_unit_test(checks_endpoints),
	    cmocka_unit_test(refuses_options),
	    cmocka_unit_test(wraps_with_kms),
	    cmocka_unit_test(wraps_with_vault),
	    cmocka_unit_test(names_trouble_of_kms),
	    cmocka_unit_test(names_trouble_of_vault),
	    cmocka_unit_test(wraps_with_a_program),
	    cmocka_unit_test(names_trouble_of_a_program),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_clear);
}
