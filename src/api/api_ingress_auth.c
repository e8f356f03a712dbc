/* SPDX-License-Identifier: Apache-2.0 */
/* The credentials of ingress points: passwords with version and predecessor, secrets, trust stores. */
#include <string.h>

#include "api_ingress_int.h"
#include "crypt_password.h"

struct json *
api_ingress_passwords(const struct json *doc, int64_t now_ms)
{
	const struct json *all = json_find(doc, "Passwords");
	struct json *out = json_new_array();

	for (size_t i = 0; i < json_count(all); i++) {
		const struct json *expires = json_find(json_at(all, i), "ExpiresTimestamp");

		if (expires == NULL || json_ms(expires) > now_ms)
			json_push(out, json_copy(json_at(all, i)));
	}
	return out;
}

/* The new password first, then the one it replaces, which is good for 14 days more. */
static bool
password_take(struct api_call *call, struct json *doc, struct bytes password)
{
	struct json *list = json_new_array(), *current = json_new_object();
	const struct json *old = json_at(json_find(doc, "Passwords"), 0);
	int64_t version = json_get_integer(doc, "PasswordVersion", 0) + 1;
	char hash[CRYPT_PASSWORD_TEXT_SIZE];
	struct err err;

	json_push(list, current);
	if (!crypt_password_hash(hash, password, &err)) {
		json_free(&list);
		return api_fault_trouble(call, &err);
	}
	json_set_str(current, "Hash", hash);
	json_set_str(current, "Version", arena_printf(&call->arena, "%lld", (long long)version));
	if (old != NULL) {
		struct json *previous = json_copy(old);

		json_set_seconds(previous, "ExpiresTimestamp", call->now_ms + API_PASSWORD_KEEP_MS);
		json_push(list, previous);
	}
	json_set(doc, "Passwords", list);
	json_set_integer(doc, "PasswordVersion", version);
	json_unset(doc, "SecretArn");
	return true;
}

static bool
trust_take(struct api_call *call, struct json *doc, const struct json *trust)
{
	struct bytes ca = json_text(json_find(trust, "CAContent"));

	if (trust == NULL)
		return api_fault_validation(call,
		    "IngressPointConfiguration.TlsAuthConfiguration.TrustStore must be given");
	if (bytes_find(ca, 0, BYTES_LIT("-----BEGIN CERTIFICATE-----")) == SIZE_MAX)
		return api_fault_validation(call, "IngressPointConfiguration.TlsAuthConfiguration."
						  "TrustStore.CAContent must hold a PEM "
						  "certificate");
	json_set(doc, "TrustStore", json_copy(trust));
	return true;
}

bool
api_ingress_auth_take(
    struct api_call *call, struct json *doc, const struct json *configuration, bool creating)
{
	const char *type = json_get_str(doc, "Type");
	const struct json *password = json_find(configuration, "SmtpPassword");
	const struct json *secret = json_find(configuration, "SecretArn"),
			  *tls = json_find(configuration, "TlsAuthConfiguration");

	if (strcmp(type, "OPEN") == 0) {
		if (configuration != NULL)
			return api_fault_validation(
			    call, "IngressPointConfiguration must not be given for type OPEN");
		return true;
	}
	if (configuration == NULL) {
		if (creating)
			return api_fault_validation(
			    call, "IngressPointConfiguration must be given for type %s", type);
		return true;
	}
	if (strcmp(type, "MTLS") == 0)
		return tls != NULL
			   ? trust_take(call, doc, json_find(tls, "TrustStore"))
			   : api_fault_validation(call, "IngressPointConfiguration must be "
							"TlsAuthConfiguration for type MTLS");
	if (tls != NULL)
		return api_fault_validation(call,
		    "IngressPointConfiguration must be SmtpPassword or SecretArn for type AUTH");
	if (password != NULL)
		return password_take(call, doc, json_text(password));
	json_unset(doc, "Passwords");
	json_set(doc, "SecretArn", json_copy(secret));
	return true;
}

static struct json *
passwords_show(const struct json *doc, int64_t now_ms)
{
	struct json *valid = api_ingress_passwords(doc, now_ms), *out = json_new_object();
	const struct json *previous = json_at(valid, 1);

	json_set_str(out, "SmtpPasswordVersion", json_get_str(json_at(valid, 0), "Version"));
	if (previous != NULL) {
		json_set_str(out, "PreviousSmtpPasswordVersion", json_get_str(previous, "Version"));
		json_set(out, "PreviousSmtpPasswordExpiryTimestamp",
		    json_copy(json_find(previous, "ExpiresTimestamp")));
	}
	json_free(&valid);
	return out;
}

struct json *
api_ingress_auth_show(const struct json *doc, int64_t now_ms, bool contents)
{
	const struct json *secret = json_find(doc, "SecretArn"),
			  *trust = json_find(doc, "TrustStore");
	struct json *out = json_new_object();

	if (secret != NULL) {
		json_set(out, "SecretArn", json_copy(secret));
	} else if (json_find(doc, "Passwords") != NULL) {
		json_set(out, "IngressPointPasswordConfiguration", passwords_show(doc, now_ms));
	} else if (trust != NULL) {
		struct json *tls = json_new_object();

		if (contents)
			json_set(tls, "TrustStore", json_copy(trust));
		json_set(out, "TlsAuthConfiguration", tls);
	} else {
		json_free(&out);
	}
	return out;
}
