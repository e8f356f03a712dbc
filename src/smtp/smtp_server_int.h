/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the driver, shared by smtp_server.c, smtp_listener.c and smtp_connection.c. */
#ifndef SMTP_SERVER_INT_H
#define SMTP_SERVER_INT_H

#include "smtp_peers.h"
#include "smtp_server.h"

#define SMTP_INPUT_BYTES                                                                           \
	((size_t)64 * 1024) /* one read; the buffer is the server's, shared by all */

enum smtp_connection_state {
	SMTP_CONNECTION_HANDSHAKE,
	SMTP_CONNECTION_TALK,
	SMTP_CONNECTION_LINGER /* all is said; waiting for the peer to hang up, so that no reset eats the last reply */
};

/* One socket. Idle, it owns no buffer. */
struct smtp_connection {
	struct smtp_server *server;
	struct smtp_endpoint *endpoint;
	struct smtp_session *session; /* NULL while lingering */
	struct os_tls *tls;
	struct os_watch *watch;
	uint64_t id;
	int fd;
	enum smtp_connection_state state;
	enum smtp_activity activity; /* as of base_ms                                      */
	bool running;                /* inside smtp_connection_run: no second entry        */
	bool plaintext_checked;      /* nothing was waiting behind STARTTLS                */
	struct os_address peer, local;
	struct buf pending; /* input the session has not taken yet                */
	int64_t base_ms;    /* when the present wait began                        */
	int64_t rate_start_ms;
	uint64_t rate_bytes;  /* inside DATA, since rate_start_ms                   */
	uint64_t spool_bytes; /* of the message in reception                        */
	size_t linger_bytes;
	struct arena arena; /* certificate's texts                                */
	struct os_tls_peer certificate;
};

struct smtp_slot {
	struct smtp_connection *connection; /* NULL: free                  */
	uint32_t generation;                /* makes ids of a slot differ  */
	uint32_t next_free;
};

struct smtp_listener {
	struct smtp_server *server;
	struct smtp_listener *next;
	struct smtp_endpoint *endpoint;
	struct os_watch *watch;
	int fd;
	bool paused; /* out of descriptors; looked at again on the next tick */
};

struct smtp_server {
	struct os_loop *loop;
	struct smtp_server_options options;
	struct clock clock;
	struct os_watch *tick;
	struct os_watch *soon; /* runs what is in ready */
	struct smtp_listener *listeners;
	struct smtp_peers *peers;
	struct smtp_slot *slots;
	uint32_t slot_count, free_slot; /* free_slot == slot_count: none */
	uint64_t *ready;                /* ids of connections to run from the loop */
	size_t ready_count, ready_cap;
	bool busy; /* input is in use */
	bool ticking;
	bool draining;
	void (*drained)(void *ctx);
	void *drained_ctx;
	struct smtp_server_stats stats;
	uint8_t input[SMTP_INPUT_BYTES];
};

/* smtp_server.c */
/* smtp_server_place: gives the connection a slot and an id. smtp_server_remove: the reverse; may call drained. */
void smtp_server_place(struct smtp_server *s, struct smtp_connection *c);
void smtp_server_remove(struct smtp_server *s, struct smtp_connection *c);
/* smtp_server_soon: run the connection from the loop, soon. */
void smtp_server_soon(struct smtp_server *s, const struct smtp_connection *c);
/* smtp_server_wake: make sure the tick runs. */
void smtp_server_wake(struct smtp_server *s);

/* smtp_listener.c */
void smtp_listener_resume(struct smtp_listener *l);
/* smtp_listener_close: accepts no more; the listener stays its owner's. */
void smtp_listener_close(struct smtp_listener *l);

/* smtp_connection.c */
/* smtp_connection_start: fd taken; the caps have been checked. */
void smtp_connection_start(
    struct smtp_server *s, int fd, const struct os_address *peer, struct smtp_endpoint *e);
/* smtp_connection_run: do all that can be done now; the connection may be gone afterwards. */
void smtp_connection_run(struct smtp_connection *c);
/* smtp_connection_check_time: act if the present wait is over; the connection may be gone afterwards. */
void smtp_connection_check_time(struct smtp_connection *c, int64_t now_ms);
/* smtp_connection_shutdown: see smtp_server_drain. */
void smtp_connection_shutdown(struct smtp_connection *c);
/* smtp_connection_drop: close at once and free. */
void smtp_connection_drop(struct smtp_connection *c);

/* smtp_spool.c: the operations a connection gives its session: the endpoint's, with the spool counted. */
extern const struct smtp_ops smtp_spool_ops;

#endif
