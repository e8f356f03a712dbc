/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor: starts the roles, introduces them, binds their addresses, ends them. Sees no mail
 * and no key. */
#ifndef APP_SUPERVISOR_INT_H
#define APP_SUPERVISOR_INT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "app_config.h"
#include "json_value.h"
#include "os_loop.h"
#include "wire_channel.h"

struct supervisor;

struct child {
	struct supervisor *s;
	enum wire_role role;
	pid_t pid; /* 0 = not running */
	struct wire_channel *channel;
	struct os_watch *restart;
	int64_t started_ms;
	unsigned quick_deaths; /* in a row */
	bool ready;            /* in this life */
};

/* A bound address of one ingress point. */
struct listener {
	struct listener *next;
	char *id;
	char *wish;    /* what was asked for; NULL = any --smtp address */
	char *address; /* as bound */
	int fd;
	bool wanted; /* by the set under way */
};

struct supervisor {
	struct os_loop *loop;
	const struct app_config *config;
	struct child children[WIRE_ROLE_COUNT];
	struct listener *listeners;
	int http_fds[APP_LISTENS_MAX + 1]; /* the unix socket first */
	size_t http_fd_count;
	int lock_fd;
	uint32_t core_uid, core_gid, edge_uid, edge_gid;
	struct os_watch *child_signal, *term_signal, *int_signal, *hup_signal;
	struct os_watch *deadline;
	bool said_ready, stopping, core_told;
	int exit_code;
};

/* app_listener.c: what the core wants to listen, against what does. The answer goes to the core,
 * new sockets to smtp. */
void supervisor_listen(struct supervisor *s, struct bytes body);
/* Everything bound, for an smtp process that is new. */
void supervisor_listeners_send(struct supervisor *s);
void supervisor_listeners_free(struct supervisor *s);

#endif
