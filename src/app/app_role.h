/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the processes beneath the supervisor have in common: one loop, a channel to the supervisor
 * on descriptor 3, the configuration as its first frame, and an end.
 */
#ifndef APP_ROLE_H
#define APP_ROLE_H

#include <stdbool.h>

#include "app_config.h"
#include "os_loop.h"
#include "os_process.h"
#include "wire_channel.h"

#define APP_SUPERVISOR_FD      3
#define APP_HTTP_LISTEN_FD     4 /* http: the unix socket, then as many TCP listeners as were bound */
#define APP_EXIT_TROUBLE       1 /* the supervisor starts the role again */
#define APP_EXIT_CONFIGURATION 7 /* starting again would not help: the server stops */
#define APP_CORE_WORKERS_MAX   8
#define APP_CORE_LOST_MS       20000 /* an edge that is introduced to no core for so long starts anew */

/* What a role does with frames of the supervisor but CONFIG; it takes them. stop may be called more
 * than once. */
struct app_role_ops {
	void (*frame)(void *ctx, struct wire_frame *frame);
	void (*stop)(void *ctx); /* drain, then app_role_end */
};

struct app_role {
	const char *name;
	struct os_loop *loop;
	struct wire_channel *supervisor;
	struct app_config config;
	struct app_role_ops ops;
	void *ctx;
	int exit_code;
	/* private */
	struct wire_frame **early; /* what came before the role was ready for it */
	size_t early_count;
	bool configured, running, orphan, ready;
	struct err error;
};

/* app_role_begin: signals, log, loop, channel; returns when the configuration is there.
 * ERR_TIMEOUT, ERR_SYNTAX. */
MUST_USE bool app_role_begin(struct app_role *r, const char *name, struct err *err);
/* app_role_run: until app_role_end, or until the supervisor is gone. Returns the exit code. */
int app_role_run(struct app_role *r, const struct app_role_ops *ops, void *ctx);
/* app_role_end: leave app_role_run with this code; safe in callbacks on the loop. */
void app_role_end(struct app_role *r, int exit_code);
void app_role_fini(struct app_role *r);

/* app_role_ready: tells the supervisor that this process serves; once, however often it is called. */
void app_role_ready(struct app_role *r);
/* app_role_core: the descriptor of a core that a frame introduces; frees the frame. -1, and it was logged: it is
 * another frame, or introduces somebody else. */
int app_role_core(struct wire_frame *frame);
/* app_role_peer: a WIRE_PEER frame's role and descriptor (taken); frees the frame. -1 when it is
 * malformed. */
int app_role_peer(struct wire_frame *frame, enum wire_role *role_out);

/* app_role_walls: enter the sandbox of an edge and try it: no file of the data directory may open.
 * Logs what is on; false when a wall that should stand does not. */
MUST_USE bool app_role_walls(struct app_role *r, struct err *err);
/* app_role_walls_of: the same for an edge that may do a little more. */
MUST_USE bool app_role_walls_of(struct app_role *r, const struct os_sandbox *box, struct err *err);

int app_core_main(void);
int app_smtp_main(void);
int app_http_main(void);
int app_courier_main(void);

#endif
