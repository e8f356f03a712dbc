/* SPDX-License-Identifier: Apache-2.0 */
/* What the server, its connections and its answers share. */
#ifndef HTTP_SERVER_INT_H
#define HTTP_SERVER_INT_H

#include "base_time.h"
#include "http_server.h"

/* http_status_type: the exception name of a failure made in this room. */
const char *http_status_type(unsigned status);

/*
 * A connection's life. Only READING takes bytes into the parser.
 *
 *   READING ──request whole──▶ WAITING ──owner answers──▶ WRITING ──all sent──▶ READING, or closed
 *      └────────framing wrong, or too slow──────────────▶ WRITING ──all sent──▶ LINGERING ──▶ closed
 */
enum http_connection_state {
	HTTP_READING,
	HTTP_WAITING,
	HTTP_WRITING,
	HTTP_LINGERING,
	HTTP_CLOSED
};

struct http_connection {
	struct http_server *server;
	size_t slot; /* in server->connections */
	int fd;
	struct os_watch *watch;
	struct os_address peer;
	bool local;
	uint32_t peer_uid;
	enum http_connection_state state;
	bool busy;           /* on the stack: freed at its end, not before */
	bool in_request;     /* the request callback runs: its views must stay */
	bool close_after;    /* the answer being written is the last           */
	bool linger;         /* … and the peer may still be sending            */
	uint64_t request_id; /* WAITING: the request in flight                 */
	int64_t deadline_ms; /* by the monotonic clock; INT64_MAX = none       */
	int64_t idle_since_ms;
	struct http_parser parser;
	struct buf pending; /* bytes read beyond the request in flight        */
	struct buf out;     /* the answer's head, and its body unless mapped  */
	size_t out_at;
	size_t held; /* bytes of a request that server->held counts for this connection */
	struct bytes map, map_left; /* of a memory file                              */
};

struct http_listener {
	struct http_server *server;
	int fd;
	struct os_watch *watch;
	struct http_listener *next;
};

struct http_server {
	struct os_loop *loop;
	struct http_server_options options;
	const struct http_server_ops *ops;
	void *ctx;
	struct http_listener *listeners;
	bool accept_paused; /* no descriptors were left; tried again at the next sweep */
	struct http_connection **connections;
	size_t slot_count, connection_count;
	uint64_t serial;
	size_t held; /* of all connections */
	struct os_watch *sweep;
	uint8_t *scratch; /* what one read takes */
	char date[TIME_HTTP_SIZE];
	int64_t date_s;
	bool draining;
	void (*drained)(void *ctx);
	void *drained_ctx;
};

#define HTTP_READ_BYTES ((size_t)64 * 1024)
/* What may wait behind a request in flight: one read. */
#define HTTP_PENDING_BYTES_MAX HTTP_READ_BYTES
/* A memory file as a body; the largest message fits many times. */
#define HTTP_MAP_BYTES_MAX ((size_t)4 * 1024 * 1024 * 1024)

int64_t http_server_mono(const struct http_server *s);
/* http_server_forget: c leaves the server's table; called by the connection that frees itself. */
void http_server_forget(struct http_server *s, const struct http_connection *c);

/* http_connection_new: fd taken. */
struct http_connection *http_connection_new(
    struct http_server *s, int fd, const struct os_address *peer, size_t slot);
/* http_connection_close: at once; freed here or, when it is on the stack, at the end of that. */
void http_connection_close(struct http_connection *c);
void http_connection_respond(struct http_connection *c, const struct http_response *r);
/* http_connection_expire: the deadline is over. */
void http_connection_expire(struct http_connection *c);
/* http_connection_idle: between requests, nothing read of a next one. */
bool http_connection_idle(const struct http_connection *c);

/* http_answer_write: the answer to c's request into c->out and c->map; sets close_after. */
void http_answer_write(struct http_connection *c, const struct http_response *r);
/* http_answer_failure: an answer of our own; sets close_after and linger. */
void http_answer_failure(struct http_connection *c, unsigned status, const char *reason);

#endif
