/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP/1.1 server on an event loop: it reads whole requests, hands them to its owner, and writes the owner's
 * answers. One thread: every call and every callback on the loop's thread.
 *
 * A request is named by a number. Its owner calls http_server_respond with it exactly once, in the callback or any
 * time later; the peer may be gone by then, which is nobody's failure. A connection has one request in flight: what
 * follows it waits, so answers are in order.
 *
 * Framing that is not right never reaches the owner: it is answered here (JSON, 400 408 413 414 417 431 501 505) and
 * the connection is closed.
 *
 * Source: RFC 9112, RFC 9110.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "base_clock.h"
#include "base_rng.h"
#include "http_parse.h"
#include "os_loop.h"
#include "os_socket.h"

struct http_server;

/* Lent for the callback; nothing of it lives longer. */
struct http_request {
	uint64_t id;
	struct http_message message;
	struct os_address peer; /* family 0 for the unix socket */
	bool local;             /* came over a unix socket      */
	uint32_t peer_uid;      /* of the local peer            */
};

struct http_response {
	unsigned status; /* 200 to 599 */
	/* Date, Content-Length, Connection and Transfer-Encoding are made here and left out when the owner sets them.
	 * Control characters in values become spaces. "Accept-Ranges: bytes" on a 200 invites ranges: a GET with one
	 * satisfiable range is then answered 206 with that part, with any other Range 416. */
	const struct http_header *headers;
	size_t header_count;
	struct bytes body; /* lent: copied */
	int body_fd; /* a sealed memory file in place of body, taken in every case; -1 = none */
	bool close;  /* close the connection after it */
};

/* The empty response with that status. */
struct http_response http_response_of(unsigned status);

/* What went wrong before the owner could see a request. */
struct http_failure {
	unsigned status;
	const char *type;   /* an exception name such as "ValidationException" */
	const char *reason; /* one sentence */
	const char *request_id;
};

struct http_server_ops {
	void (*request)(void *ctx, const struct http_request *r);
	/* failure: append the body of an answer to it; NULL or nothing appended gives
	 * {"__type":"com.amazonaws.mailmanager#TYPE","Message":"REASON"}. Content type application/x-amz-json-1.0. */
	void (*failure)(void *ctx, const struct http_failure *f, struct buf *body);
};

struct http_server_options {
	struct clock clock;
	struct rng rng;
	struct http_limits limits;
	int64_t
	    request_ms_max; /* from the first byte of a request to its last; then 408               */
	int64_t
	    idle_ms_max; /* between requests; then closed                                        */
	int64_t
	    write_ms_max; /* a peer that takes nothing of its answer; then closed                 */
	int64_t
	    linger_ms_max; /* after a refused request: time to take the answer while still sending */
	int64_t sweep_ms; /* how often deadlines are looked at                                    */
	size_t held_bytes_max; /* requests in reception, all connections but local ones; then 503 */
	size_t
	    connections_max; /* 1 .. 65535; past it the longest idle one is closed, or the new one   */
};

/* http_server_options_default: system clock and randomness, 30 s, 60 s, 60 s, 2 s, 1 s, HTTP_HELD_BYTES_MAX,
 * HTTP_CONNECTIONS_MAX. */
struct http_server_options http_server_options_default(void);

/* http_server_new: loop lent and outlives the server; ops kept. */
struct http_server *http_server_new(struct os_loop *loop, const struct http_server_options *options,
    const struct http_server_ops *ops, void *ctx);
/* http_server_free: closes everything at once; not from a callback of this server. */
void http_server_free(struct http_server **server);

/* http_server_listen: fd (listening, non-blocking, TCP or unix) is taken; any number of them. */
void http_server_listen(struct http_server *server, int fd);

/* http_server_respond: r lent, but its body_fd taken. An id whose peer is gone is dropped; the same id twice too. */
void http_server_respond(struct http_server *server, uint64_t id, const struct http_response *r);

/* http_server_drain: no new connections, idle ones are closed, requests in reception or in flight are answered with
 * "Connection: close"; drained(ctx) is called once when no connection is left, perhaps before this returns. */
void http_server_drain(struct http_server *server, void (*drained)(void *ctx), void *ctx);

size_t http_server_connections(const struct http_server *server);

/* http_status_text: "Not Found"; "Unknown" for a status without a name here. */
const char *http_status_text(unsigned status);

#endif
