/* SPDX-License-Identifier: Apache-2.0 */
/* Entering the sandbox of a role: the walls in their order. */
#include <stdio.h>
#include <sys/prctl.h>

#include "os_process.h"
#include "os_sandbox_int.h"

bool
os_sandbox_enter(
    const struct os_sandbox *s, char report_out[OS_SANDBOX_REPORT_SIZE], struct err *err)
{
	char landlock[OS_SANDBOX_NOTE_SIZE], seccomp[OS_SANDBOX_NOTE_SIZE];

	report_out[0] = '\0';
	/* Without CAP_SYS_ADMIN the other two demand it. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return ERR_SYS(err, ERR_IO, "no new privileges");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return ERR_SYS(err, ERR_IO, "undumpable");
	if (!os_landlock_enter(s, landlock, err) || !os_seccomp_enter(s, seccomp, err))
		return false;
	(void)snprintf(
	    report_out, OS_SANDBOX_REPORT_SIZE, "%s, %s, no-new-privs", landlock, seccomp);
	return true;
}
