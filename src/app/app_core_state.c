/* SPDX-License-Identifier: Apache-2.0 */
/* From the catalog to the edges: endpoints, listeners, rules, certificate. */
#include <string.h>

#include "app_core_int.h"
#include "base_log.h"
#include "base_mem.h"
#include "os_fs.h"
#include "os_tls.h"

#define PEM_BYTES_MAX ((size_t)1024 * 1024)

static bool
is_leaving(const struct json *endpoint)
{
	const char *state = json_get_str(endpoint, "State");

	return state != NULL && strcmp(state, "DEPROVISIONING") == 0;
}

/* What should listen: everything that is not being deleted. */
static void
listen_wanted(const struct json *endpoints, struct buf *out)
{
	struct json *list = json_new_array();

	for (size_t i = 0; i < json_count(endpoints); i++) {
		const struct json *e = json_at(endpoints, i);
		struct json *item;

		if (is_leaving(e))
			continue;
		item = json_new_object();
		json_set_str(item, "Id", json_get_str(e, "IngressPointId"));
		json_set_str(item, "Address", json_get_str(e, "ListenTag"));
		json_set_str(item, "Last", json_get_str(e, "LastListening"));
		json_push(list, item);
	}
	json_print(list, out);
	json_free(&list);
}

static void
send_listen_set(struct core *c, const struct buf *wanted)
{
	struct wire_out o = {
	    .kind = WIRE_LISTEN_SET, .body = buf_view(wanted), .body_fd = -1, .fd = -1};
	struct err err;

	if (!wire_channel_send(c->role.supervisor, &o, &err))
		log_error("listeners: %s", err.msg);
}

void
core_send_snapshot(struct core *c)
{
	struct wire_out o = {.kind = WIRE_SNAPSHOT, .body_fd = -1, .fd = -1};
	struct json *all = json_new_object(), *tls = json_new_object();
	struct buf text;
	struct err err;

	if (c->edges[WIRE_ROLE_SMTP] == NULL || c->endpoints == NULL) {
		json_free(&all);
		json_free(&tls);
		return;
	}
	json_set_str(all, "Hostname", c->role.config.text[APP_HOSTNAME]);
	json_set_text(tls, "Certificate", buf_view(&c->certificate_pem));
	json_set_text(tls, "Key", buf_view(&c->key_pem));
	json_set(all, "Tls", tls);
	json_set(all, "Endpoints", json_copy(c->endpoints));
	buf_init(&text, WIRE_BODY_BYTES_MAX);
	json_print(all, &text);
	json_free(&all);
	o.body = buf_view(&text);
	if (!wire_channel_send(c->edges[WIRE_ROLE_SMTP], &o, &err))
		log_error("configuration for smtp: %s", err.msg);
	secret_wipe(text.ptr, text.len);
	buf_fini(&text);
}

/* On the loop: what changed goes to smtp and to the supervisor. */
static void
on_snapshot(void *ctx)
{
	struct core *c = ctx;
	struct buf wanted;

	json_free(&c->endpoints);
	(void)pthread_mutex_lock(&c->lock);
	c->posted = false;
	c->endpoints = c->fresh;
	c->fresh = NULL;
	(void)pthread_mutex_unlock(&c->lock);
	core_send_snapshot(c);
	buf_init(&wanted, WIRE_BODY_BYTES_MAX);
	listen_wanted(c->endpoints, &wanted);
	/* An endpoint that waits to be told of its listener asks again, even when the wish is an
	 * old one. */
	send_listen_set(c, &wanted);
	buf_fini(&wanted);
}

void
core_refresh(void *ctx)
{
	struct core *c = ctx;
	struct json *snapshot, *lean;
	const struct json *endpoints;
	struct err err;

	(void)pthread_mutex_lock(&c->lock);
	if (c->journal == NULL || !api_snapshot(c->api, &snapshot, &err)) {
		if (c->journal != NULL)
			log_error(
			    "reading the configuration: %s; what was stays in force", err.msg);
		(void)pthread_mutex_unlock(&c->lock);
		return;
	}
	if (!journal_configure(c->journal, snapshot, &err))
		log_error("configuration not taken, what was stays in force: %s", err.msg);
	endpoints = json_get(snapshot, "Endpoints");
	lean = json_new_array();
	for (size_t i = 0; i < json_count(endpoints); i++) {
		struct json *e = json_copy(json_at(endpoints, i));

		json_unset(e, "RuleSet"); /* smtp decides no rule */
		json_push(lean, e);
	}
	json_free(&c->fresh);
	c->fresh = lean;
	json_free(&snapshot);
	if (!c->posted)
		os_loop_post(c->role.loop, on_snapshot, c);
	c->posted = true;
	(void)pthread_mutex_unlock(&c->lock);
}

static const struct json *
endpoint_of(const struct core *c, const char *id)
{
	for (size_t i = 0; i < json_count(c->endpoints); i++) {
		const struct json *e = json_at(c->endpoints, i);
		const char *other = json_get_str(e, "IngressPointId");

		if (other != NULL && strcmp(other, id) == 0)
			return e;
	}
	return NULL;
}

static bool
same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* One endpoint's listener, told to the catalog when that is news. */
static void
report(struct core *c, const struct json *result)
{
	const char *id = json_get_str(result, "Id"), *address = json_get_str(result, "Address");
	const char *reason = json_get_str(result, "Reason"), *state, *wanted;
	bool ok = json_get_bool(result, "Ok", false);
	const struct json *e = id != NULL ? endpoint_of(c, id) : NULL;
	struct err err;

	if (e == NULL || is_leaving(e))
		return;
	state = json_get_str(e, "State");
	wanted = json_get_str(e, "WantedStatus");
	if (ok && same(state, wanted != NULL ? wanted : "ACTIVE") &&
	    same(address, json_get_str(e, "LastListening")))
		return;
	if (!ok && same(state, "FAILED"))
		return;
	if (ok)
		log_info("endpoint %s listens on %s", id, address);
	else
		log_error("endpoint %s does not listen: %s", id, reason != NULL ? reason : "?");
	if (!api_endpoint_report(c->api, id, ok, address, reason, &err) &&
	    err.code != ERR_NOT_FOUND)
		log_error("state of endpoint %s: %s", id, err.msg);
}

void
core_listen_result(struct core *c, struct bytes body)
{
	struct err err;
	struct json *results = json_parse(body, &err);

	if (results == NULL) {
		log_error("listeners: %s", err.msg);
		return;
	}
	for (size_t i = 0; i < json_count(results); i++)
		report(c, json_at(results, i));
	json_free(&results);
	for (size_t i = 0; i < json_count(c->endpoints); i++) {
		const struct json *e = json_at(c->endpoints, i);

		if (is_leaving(e) &&
		    !api_endpoint_gone(c->api, json_get_str(e, "IngressPointId"), &err))
			log_error("endpoint %s: %s", json_get_str(e, "IngressPointId"), err.msg);
	}
	app_role_ready(&c->role);
}

static bool
read_pair(const char *certificate, const char *key, struct buf *certificate_pem,
    struct buf *key_pem, struct err *err)
{
	struct os_tls_options o = {.client_ca_pem = BYTES_EMPTY};
	struct os_tls_context *context;

	if (!os_fs_read_file(os_fs_real(), certificate, PEM_BYTES_MAX, certificate_pem, err) ||
	    !os_fs_read_file(os_fs_real(), key, PEM_BYTES_MAX, key_pem, err))
		return false;
	o.certificate_pem = buf_view(certificate_pem);
	o.key_pem = buf_view(key_pem);
	if (!os_tls_context_new(&o, &context, err))
		return err_prefix(err, "%.80s", certificate);
	os_tls_context_free(&context);
	return true;
}

static void
take_pair(struct core *c, struct buf *certificate, struct buf *key)
{
	buf_reset(&c->certificate_pem);
	buf_append(&c->certificate_pem, buf_view(certificate));
	if (c->key_pem.ptr != NULL)
		secret_wipe(c->key_pem.ptr, c->key_pem.len);
	buf_reset(&c->key_pem);
	buf_append(&c->key_pem, buf_view(key));
	core_send_snapshot(c);
}

bool
core_read_certificate(struct core *c, bool force, struct err *err)
{
	const char *certificate, *key;
	struct os_stat certificate_stat, key_stat;
	struct buf certificate_pem, key_pem;
	struct arena arena;
	bool ok;

	arena_init(&arena);
	buf_init(&certificate_pem, PEM_BYTES_MAX);
	buf_init(&key_pem, PEM_BYTES_MAX);
	app_store_tls_paths(&c->role.config, &arena, &certificate, &key);
	ok = os_fs_stat(os_fs_real(), certificate, &certificate_stat, err) &&
	     os_fs_stat(os_fs_real(), key, &key_stat, err);
	if (ok && (force || certificate_stat.modified_ms != c->certificate_ms ||
		      key_stat.modified_ms != c->key_ms)) {
		/* A pair that is half replaced is looked at again when the other half comes. */
		c->certificate_ms = certificate_stat.modified_ms;
		c->key_ms = key_stat.modified_ms;
		ok = read_pair(certificate, key, &certificate_pem, &key_pem, err);
		if (ok) {
			take_pair(c, &certificate_pem, &key_pem);
			log_info("certificate in use: %s", certificate);
		}
	}
	if (key_pem.ptr != NULL)
		secret_wipe(key_pem.ptr, key_pem.len);
	buf_fini(&key_pem);
	buf_fini(&certificate_pem);
	arena_fini(&arena);
	return ok;
}
