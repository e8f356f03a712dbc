/* SPDX-License-Identifier: Apache-2.0 */
/* The smtp process: endpoints from the snapshot, messages to the core. One thread, but for password
 * checks. */
#ifndef APP_SMTP_INT_H
#define APP_SMTP_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "app_role.h"
#include "json_value.h"
#include "os_thread.h"
#include "policy_traffic.h"
#include "smtp_server.h"

struct edge;

/* One ingress point, for the life of the process: sessions may outlast its configuration. */
struct edge_endpoint {
	struct edge_endpoint *next;
	struct edge *edge;
	char *id;
	struct json *document;         /* as in the snapshot it came with */
	struct policy_traffic *policy; /* NULL: gone, nothing is accepted */
	char *policy_id;
	struct smtp_endpoint *smtp; /* for new sessions */
	struct smtp_listener *listener;
	int listen_fd; /* came before its configuration; -1 */
};

/* A message on its way to the core. */
struct edge_pending {
	uint64_t session;
	uint32_t ticket;
	uint32_t generation; /* of the slot; upper half of the frame's id */
	bool used;
	size_t bytes; /* of the message; the session may give up waiting, the core still holds it */
};

struct edge {
	struct app_role role;
	struct smtp_server *server;
	struct wire_channel *core;
	struct edge_endpoint *endpoints;
	struct edge_pending *pending;
	size_t pending_count, pending_used, pending_hint;
	uint64_t pending_bytes; /* of all messages that the core has not answered */
	char *hostname;
	struct json *tls; /* certificate and key in use */
	struct edge_auth *auth;
	struct os_watch *deadline;
	struct os_watch *lost; /* runs while there is no core */
	bool space_low;        /* the core has no room for mail */
};

/* app_smtp_endpoint.c */
void edge_snapshot(struct edge *edge, struct bytes body);
void edge_listener(
    struct edge *edge, struct wire_frame *frame); /* takes the descriptor, not the frame */
void edge_listener_gone(struct edge *edge, struct bytes payload);
void edge_endpoints_free(struct edge *edge);

/* app_smtp_mail.c */
extern const struct smtp_ops edge_smtp_ops;
void edge_mail_reply(struct edge *edge, const struct wire_frame *frame);
void edge_core_gone(struct edge *edge);
void edge_mail_free(struct edge *edge);

/* app_smtp_auth.c: password checks on a thread of their own; the answer comes back on the loop. */
struct edge_auth;
MUST_USE bool edge_auth_open(struct edge *edge, struct err *err);
void edge_auth_close(struct edge *edge);
void edge_auth_ask(struct edge *edge, const struct edge_endpoint *e, uint64_t session,
    uint32_t ticket, struct bytes user, struct bytes password);

#endif
