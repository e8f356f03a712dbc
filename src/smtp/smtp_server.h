/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many SMTP sessions over sockets and TLS on one event loop. One thread. Knows no archive and no policy: the owner
 * answers through struct smtp_ops (smtp_session.h).
 * Operations may call smtp_server_*_done and the readers of their session, nothing else of the server.
 */
#ifndef SMTP_SERVER_H
#define SMTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_clock.h"
#include "base_err.h"
#include "os_loop.h"
#include "os_socket.h"
#include "smtp_endpoint.h"
#include "smtp_session.h"

struct smtp_server;
struct smtp_listener;

/* Milliseconds and counts; smtp_server_options_default gives the values named. */
struct smtp_server_options {
	int64_t command_ms;          /* 300,000: for a command; RFC 5321 §4.5.3.2.7              */
	int64_t command_overload_ms; /* 10,000: the same while overloaded                        */
	int64_t data_ms;             /* 180,000: without a byte inside DATA or BDAT              */
	int64_t answer_ms;           /* 60,000: for the owner's answer                           */
	int64_t handshake_ms;        /* 10,000: for a TLS handshake                              */
	int64_t linger_ms;           /* 2,000: for the peer to read a last reply                 */
	int64_t rate_window_ms;  /* 60,000: inside DATA …                                    */
	uint64_t rate_bytes_min; /* 500 a second: … over each window; 0 = no minimum         */
	int64_t tick_ms;         /* 500: how often timeouts are looked at                    */
	size_t sessions_max;     /* SMTP_SESSIONS_MAX; then 421 4.3.2                        */
	size_t
	    sessions_per_ip_max; /* SMTP_SESSIONS_PER_IP_MAX; then 421 4.7.0; IPv6 counts a /64 as one */
	size_t overload_sessions; /* 80 % of sessions_max: from there the short timeout       */
	uint64_t spool_bytes_max; /* SMTP_SPOOL_BYTES_MAX: messages in reception; then 452 4.3.1 */
};

void smtp_server_options_default(struct smtp_server_options *o);

struct smtp_server_stats {
	uint64_t sessions_opened, sessions_refused_peer, sessions_refused_total, sessions_closed;
	uint64_t handshakes_done, handshakes_failed;
	uint64_t timeouts, messages_ended, messages_aborted, messages_refused_space;
	uint64_t bytes_in, bytes_out;
	uint64_t spool_bytes; /* now */
	size_t sessions;      /* now */
	bool overloaded;      /* now */
};

/* smtp_server_new: loop is lent and outlives the server; options and clock are copied. */
struct smtp_server *smtp_server_new(
    struct os_loop *loop, const struct smtp_server_options *options, const struct clock *clock);
/* smtp_server_free: cuts every session (their ops->closed are called), closes listeners; NULL is fine. */
void smtp_server_free(struct smtp_server **s);

/* smtp_server_listen: serve a listening socket. fd is taken; the server takes a reference of its own to e. */
struct smtp_listener *smtp_server_listen(struct smtp_server *s, int fd, struct smtp_endpoint *e);
/* smtp_listener_replace: new sessions see e; those under way keep theirs. */
void smtp_listener_replace(struct smtp_listener *l, struct smtp_endpoint *e);
/* smtp_listener_free: stops listening; its sessions go on. Nulls; NULL is fine. Listeners left are freed with the
 * server. */
void smtp_listener_free(struct smtp_listener **l);

/* smtp_server_adopt: serve one connected socket (taken), as if it had come from a listener; for tests and hand-over. */
void smtp_server_adopt(
    struct smtp_server *s, int fd, const struct os_address *peer, struct smtp_endpoint *e);

/*
 * The owner's answers, by session id (smtp_session_id) and ticket; an id or ticket that is gone is ignored. May be
 * called from inside the operation, on the loop's thread only.
 */
void smtp_server_auth_done(
    struct smtp_server *s, uint64_t session, uint32_t ticket, enum smtp_auth_result result);
void smtp_server_data_done(
    struct smtp_server *s, uint64_t session, uint32_t ticket, const struct smtp_reply *reply);

/*
 * smtp_server_drain: stop gracefully: listeners close, sessions without a message under way get 421 4.3.2, the others
 * after their message is answered. drained(ctx) is called once, when the last session is gone (perhaps at once); it
 * must not free the server.
 */
void smtp_server_drain(struct smtp_server *s, void (*drained)(void *ctx), void *ctx);
/* smtp_server_close_owner: the same for the sessions of every endpoint, old ones too, whose ctx this is (not NULL);
 * their listeners are the caller's. */
void smtp_server_close_owner(struct smtp_server *s, const void *ctx);

void smtp_server_stats(const struct smtp_server *s, struct smtp_server_stats *out);

/* smtp_server_peer / smtp_server_local: addresses of a session the server made (also in ops->closed). */
const struct os_address *smtp_server_peer(const struct smtp_session *session);
const struct os_address *smtp_server_local(const struct smtp_session *session);

#endif
