/* SPDX-License-Identifier: Apache-2.0 */
/* From the snapshot to listeners: each ingress point is a listener's options, certificate and
 * policy. */
#include <string.h>

#include "app_smtp_int.h"
#include "base_limits.h"
#include "base_log.h"
#include "base_mem.h"

static struct edge_endpoint *
find(struct edge *edge, struct bytes id)
{
	for (struct edge_endpoint *e = edge->endpoints; e != NULL; e = e->next)
		if (bytes_equal(bytes_of_str(e->id), id))
			return e;
	return NULL;
}

static struct edge_endpoint *
find_or_make(struct edge *edge, struct bytes id)
{
	struct edge_endpoint *e = find(edge, id);

	if (e != NULL)
		return e;
	e = mem_calloc(1, sizeof *e);
	e->edge = edge;
	e->id = mem_calloc(1, id.len + 1);
	memcpy(e->id, id.ptr, id.len);
	e->listen_fd = -1;
	e->next = edge->endpoints;
	edge->endpoints = e;
	return e;
}

static bool
says(const struct json *o, const char *key, const char *word)
{
	const char *text = json_get_str(o, key);

	return text != NULL && strcmp(text, word) == 0;
}

static void
options_of(const struct edge *edge, const struct json *doc, const struct policy_traffic *policy,
    struct smtp_options *out)
{
	uint64_t size_max =
	    (uint64_t)app_config_number(&edge->role.config, APP_SMTP_MESSAGE_MIB) * LIMIT_MIB;
	uint64_t policy_max = policy_traffic_size_max(policy);
	bool auth = says(doc, "Type", "AUTH"), mtls = says(doc, "Type", "MTLS");

	*out = (struct smtp_options){.hostname = edge->hostname, .offer_tls = true};
	out->mode = says(doc, "Mode", "mx") ? SMTP_MODE_MX : SMTP_MODE_JOURNAL;
	out->require_tls = mtls || !says(doc, "TlsPolicy", "OPTIONAL");
	out->offer_auth = out->require_auth = auth;
	out->require_client_certificate = mtls;
	out->closed = says(doc, "WantedStatus", "CLOSED");
	out->message_bytes_max =
	    (size_t)(policy_max != 0 && policy_max < size_max ? policy_max : size_max);
}

static bool
tls_of(
    const struct edge *edge, const struct json *doc, struct os_tls_context **out, struct err *err)
{
	const struct json *trust = json_find(doc, "TrustStore");
	struct os_tls_options o = {.certificate_pem = json_text(json_get(edge->tls, "Certificate")),
	    .key_pem = json_text(json_get(edge->tls, "Key")),
	    .restricted_ciphers = says(doc, "TlsPolicy", "FIPS")};

	if (says(doc, "Type", "MTLS")) {
		o.client_ca_pem = json_text(json_find(trust, "CAContent"));
		o.client_crl_pem = json_text(json_find(trust, "CrlContent"));
	}
	return os_tls_context_new(&o, out, err);
}

static bool
compile(struct edge *edge, const struct json *doc, struct edge_endpoint *e, struct err *err)
{
	struct policy_traffic *policy;
	struct os_tls_context *tls;
	struct smtp_endpoint *smtp;
	struct smtp_options options;
	const char *policy_id = json_get_str(json_get(doc, "TrafficPolicy"), "TrafficPolicyId");

	if (!policy_traffic_compile(json_get(doc, "TrafficPolicy"), &policy, err))
		return false;
	options_of(edge, doc, policy, &options);
	if (!tls_of(edge, doc, &tls, err) ||
	    !smtp_endpoint_new(&options, tls, &edge_smtp_ops, e, &smtp, err)) {
		policy_traffic_free(&policy);
		return false;
	}
	policy_traffic_free(&e->policy);
	e->policy = policy;
	mem_free(e->policy_id);
	e->policy_id = mem_strdup(policy_id != NULL ? policy_id : "");
	if (options.closed)
		smtp_server_close_owner(edge->server, e);
	smtp_endpoint_unref(&e->smtp);
	e->smtp = smtp;
	return true;
}

static void
listen_if_whole(struct edge *edge, struct edge_endpoint *e)
{
	if (e->smtp == NULL)
		return;
	if (e->listener != NULL) {
		smtp_listener_replace(e->listener, e->smtp);
	} else if (e->listen_fd >= 0) {
		e->listener = smtp_server_listen(edge->server, e->listen_fd, e->smtp);
		e->listen_fd = -1;
	}
}

/* The endpoint takes no new sessions and accepts nothing more from old ones. */
static void
retire(struct edge *edge, struct edge_endpoint *e)
{
	smtp_listener_free(&e->listener);
	smtp_server_close_owner(edge->server, e);
	smtp_endpoint_unref(&e->smtp);
	policy_traffic_free(&e->policy);
	json_free(&e->document);
}

static void
take(struct edge *edge, const struct json *doc, bool tls_changed)
{
	struct edge_endpoint *e = find_or_make(edge, json_text(json_get(doc, "IngressPointId")));
	struct err err;

	if (says(doc, "State", "DEPROVISIONING")) {
		retire(edge, e);
		return;
	}
	if (e->smtp != NULL && !tls_changed && e->document != NULL && json_equal(e->document, doc))
		return;
	if (!compile(edge, doc, e, &err)) {
		log_error("endpoint %s: %s; %s", e->id, err.msg,
		    e->smtp != NULL ? "it stays as it was" : "it accepts nothing");
		return;
	}
	json_free(&e->document);
	e->document = json_copy(doc);
	listen_if_whole(edge, e);
}

static bool
named(const struct json *endpoints, const char *id)
{
	for (size_t i = 0; i < json_count(endpoints); i++)
		if (says(json_at(endpoints, i), "IngressPointId", id))
			return true;
	return false;
}

void
edge_snapshot(struct edge *edge, struct bytes body)
{
	struct err err;
	struct json *all = json_parse(body, &err);
	const struct json *endpoints = json_get(all, "Endpoints"), *tls = json_get(all, "Tls");
	bool tls_changed;

	if (all == NULL) {
		log_error("snapshot: %s", err.msg);
		return;
	}
	tls_changed = edge->tls == NULL || !json_equal(edge->tls, tls);
	json_free(&edge->tls);
	edge->tls = json_copy(tls);
	for (size_t i = 0; i < json_count(endpoints); i++)
		take(edge, json_at(endpoints, i), tls_changed);
	for (struct edge_endpoint *e = edge->endpoints; e != NULL; e = e->next)
		if (e->smtp != NULL && !named(endpoints, e->id))
			retire(edge, e);
	json_free(&all);
}

static struct bytes
id_of(struct bytes payload)
{
	struct reader reader;
	struct bytes id;

	reader_init(&reader, payload);
	id = reader_bytes16(&reader);
	return reader_done(&reader) ? id : BYTES_EMPTY;
}

void
edge_listener(struct edge *edge, struct wire_frame *frame)
{
	struct bytes id = id_of(frame->payload);
	struct edge_endpoint *e;

	if (id.len == 0 || frame->fd < 0) {
		log_error("the supervisor sent a listener without a name");
		return;
	}
	e = find_or_make(edge, id);
	smtp_listener_free(&e->listener);
	os_close(&e->listen_fd);
	e->listen_fd = frame->fd;
	frame->fd = -1;
	listen_if_whole(edge, e);
}

void
edge_listener_gone(struct edge *edge, struct bytes payload)
{
	struct edge_endpoint *e = find(edge, id_of(payload));

	if (e == NULL)
		return;
	smtp_listener_free(&e->listener);
	os_close(&e->listen_fd);
}

void
edge_endpoints_free(struct edge *edge)
{
	while (edge->endpoints != NULL) {
		struct edge_endpoint *e = edge->endpoints;

		edge->endpoints = e->next;
		os_close(&e->listen_fd);
		smtp_endpoint_unref(&e->smtp);
		if (e->policy != NULL)
			policy_traffic_free(&e->policy);
		json_free(&e->document);
		mem_free(e->policy_id);
		mem_free(e->id);
		mem_free(e);
	}
}
