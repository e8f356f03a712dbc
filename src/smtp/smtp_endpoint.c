/* SPDX-License-Identifier: Apache-2.0 */
/* A counted box around options, certificate and operations. */
#include "smtp_endpoint.h"

#include "base_limits.h"
#include "base_mem.h"

struct smtp_endpoint {
	size_t ref_count;
	struct smtp_options options; /* hostname points to the field below */
	char *hostname;
	struct os_tls_context *tls;
	const struct smtp_ops *ops;
	void *ctx;
};

static bool
check(const struct smtp_options *o, bool has_tls, struct err *err)
{
	if (o->hostname == NULL || !smtp_path_is_domain(bytes_of_str(o->hostname)))
		return ERR(err, ERR_USAGE,
		    "endpoint needs a host name that is a domain or an address literal");
	if (o->message_bytes_max > SMTP_MESSAGE_BYTES_CEIL)
		return ERR(err, ERR_LIMIT, "message size limit is over %zu bytes",
		    SMTP_MESSAGE_BYTES_CEIL);
	if ((o->offer_tls || o->tls_wrapped || o->require_tls || o->require_client_certificate) &&
	    !has_tls)
		return ERR(err, ERR_USAGE, "endpoint wants TLS and has no certificate");
	if (o->offer_tls && o->tls_wrapped)
		return ERR(err, ERR_USAGE, "STARTTLS cannot be offered inside TLS");
	if ((o->require_tls || o->require_client_certificate || o->require_auth) && !o->offer_tls &&
	    !o->tls_wrapped)
		return ERR(err, ERR_USAGE, "endpoint requires TLS and does not offer it");
	if (o->require_auth && !o->offer_auth)
		return ERR(err, ERR_USAGE, "endpoint requires AUTH and does not offer it");
	return true;
}

bool
smtp_endpoint_new(const struct smtp_options *options, struct os_tls_context *tls,
    const struct smtp_ops *ops, void *ctx, struct smtp_endpoint **out, struct err *err)
{
	struct smtp_endpoint *e;

	if (!check(options, tls != NULL, err)) {
		if (tls != NULL)
			os_tls_context_free(&tls);
		return false;
	}
	e = mem_calloc(1, sizeof *e);
	e->ref_count = 1;
	e->options = *options;
	e->hostname = mem_strdup(options->hostname);
	e->options.hostname = e->hostname;
	e->tls = tls;
	e->ops = ops;
	e->ctx = ctx;
	*out = e;
	return true;
}

struct smtp_endpoint *
smtp_endpoint_ref(struct smtp_endpoint *e)
{
	e->ref_count++;
	return e;
}

void
smtp_endpoint_unref(struct smtp_endpoint **endpoint)
{
	struct smtp_endpoint *e = *endpoint;

	*endpoint = NULL;
	if (e == NULL || --e->ref_count > 0)
		return;
	if (e->tls != NULL)
		os_tls_context_free(&e->tls);
	mem_free(e->hostname);
	mem_free(e);
}

const struct smtp_options *
smtp_endpoint_options(const struct smtp_endpoint *e)
{
	return &e->options;
}

const struct smtp_ops *
smtp_endpoint_ops(const struct smtp_endpoint *e)
{
	return e->ops;
}

void *
smtp_endpoint_ctx(const struct smtp_endpoint *e)
{
	return e->ctx;
}

struct os_tls_context *
smtp_endpoint_tls(const struct smtp_endpoint *e)
{
	return e->tls;
}
