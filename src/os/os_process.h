/* SPDX-License-Identifier: Apache-2.0 */
/* Re-executing ourselves in a role, and the walls around a process. */
#ifndef OS_PROCESS_H
#define OS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base_err.h"

#define OS_SPAWN_FDS_MAX 64

struct os_spawn {
	const char *const
	    *argv; /* NULL-terminated; argv[0] is only a name, /proc/self/exe is what runs */
	const int *
	    fds; /* lent; become 3, 4, … in the child, in this order; beyond 0 to 2 all else is closed */
	size_t fd_count;    /* at most OS_SPAWN_FDS_MAX */
	uint32_t uid, gid;  /* switched to when we are root and uid is not 0 */
	bool keep_net_bind; /* keep CAP_NET_BIND_SERVICE across the switch */
};
/*
 * os_process_spawn: start ourselves again in another role.
 *
 * out     pid_out  the child, to be reaped with os_process_reap
 * after   the child has default signals, no core dumps, no capability but the one kept, and is killed when the thread
 *         that called this ends (PR_SET_PDEATHSIG): call it from the main thread
 * fails   ERR_IO, ERR_DENIED, ERR_LIMIT, with the step that failed in the child; there is no child then
 */
MUST_USE bool os_process_spawn(const struct os_spawn *s, pid_t *pid_out, struct err *err);
/* os_process_reap: a finished child, or 0 when none; status as of waitpid. */
pid_t os_process_reap(int *status_out);

/* What a role may do from now on. Paths may be absent (the rule is then left out). */
struct os_sandbox {
	const char *const
	    *read_paths; /* NULL-terminated, or NULL; with exec, programs beneath may run */
	const char *const *write_paths; /* read and write beneath */
	bool
	    network; /* may create sockets, connect and bind; without it inherited sockets still work */
	bool exec; /* may start programs */
};
/* os_sandbox_enter: no new privileges, then Landlock, then seccomp. report_out (for the start-up log) is filled with
 * what is on, e.g. "landlock abi 7, seccomp, no-new-privs" or "landlock unavailable (kernel), …". Fails only when
 * a facility is there and refuses. Call it while the process has one thread: Landlock binds the calling thread and
 * what it starts. Open what must be open (and set up TLS contexts) before. Also turns the process undumpable. */
#define OS_SANDBOX_REPORT_SIZE 160
MUST_USE bool os_sandbox_enter(
    const struct os_sandbox *s, char report_out[OS_SANDBOX_REPORT_SIZE], struct err *err);

#endif
