/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp: system calls that no role ever needs answer EPERM. */
#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "os_sandbox_int.h"

/* Everything not named stays allowed: a filter by exception cannot break on the next libc. */
static const char *const never[] = {
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "process_madvise",
    "pidfd_getfd",
    "kcmp",
    "kexec_load",
    "kexec_file_load",
    "reboot",
    "swapon",
    "swapoff",
    "acct",
    "syslog",
    "vhangup",
    "init_module",
    "finit_module",
    "delete_module",
    "create_module",
    "mount",
    "umount",
    "umount2",
    "move_mount",
    "open_tree",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "mount_setattr",
    "pivot_root",
    "chroot",
    "setns",
    "unshare",
    "quotactl",
    "quotactl_fd",
    "bpf",
    "perf_event_open",
    "keyctl",
    "add_key",
    "request_key",
    "userfaultfd",
    "open_by_handle_at",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "lookup_dcookie",
    "nfsservctl",
    "iopl",
    "ioperm",
    "settimeofday",
    "clock_settime",
    "clock_adjtime",
    "adjtimex",
    "stime",
    "sethostname",
    "setdomainname",
    "personality",
};

static const char *const without_exec[] = {"execve", "execveat"};
static const char *const without_network[] = {"connect", "bind", "listen"};

/* A name the library or this machine does not have needs no rule. */
static bool
refuse(scmp_filter_ctx filter, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int number = seccomp_syscall_resolve_name(names[i]);
		int rc;

		if (number < 0)
			continue;
		rc = seccomp_rule_add_exact(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
		if (rc != 0) {
			errno = -rc;
			return false;
		}
	}
	return true;
}

static bool
refuse_if(scmp_filter_ctx filter, int number, struct scmp_arg_cmp when)
{
	int rc = seccomp_rule_add_exact_array(filter, SCMP_ACT_ERRNO(EPERM), number, 1, &when);

	errno = -rc;
	return rc == 0;
}

/* New name spaces by clone as by unshare. clone3 hides its flags in memory: ENOSYS makes libc use clone. */
static bool
refuse_namespaces(scmp_filter_ctx filter)
{
	static const uint64_t flags[] = {CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
	    CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET};
	int rc;

	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		if (!refuse_if(
			filter, SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, flags[i], flags[i])))
			return false;
	rc = seccomp_rule_add_exact(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	errno = -rc;
	return rc == 0;
}

/* Families are dense and few: unix, and with network also IP and netlink (which libc's resolver asks). */
static bool
refuse_families(scmp_filter_ctx filter, bool network)
{
	if (!network)
		return refuse_if(filter, SCMP_SYS(socket), SCMP_A0(SCMP_CMP_NE, AF_UNIX, 0));
	for (unsigned family = 0; family < AF_NETLINK; family++)
		if (family != AF_UNIX && family != AF_INET && family != AF_INET6 &&
		    !refuse_if(filter, SCMP_SYS(socket), SCMP_A0(SCMP_CMP_EQ, family, 0)))
			return false;
	return refuse_if(filter, SCMP_SYS(socket), SCMP_A0(SCMP_CMP_GT, AF_NETLINK, 0));
}

static bool
fill(scmp_filter_ctx filter, const struct os_sandbox *s)
{
	if (!refuse(filter, never, sizeof never / sizeof never[0]) || !refuse_namespaces(filter))
		return false;
	/* Typing into somebody's terminal. */
	if (!refuse_if(filter, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffU, TIOCSTI)))
		return false;
	if (!s->exec && !refuse(filter, without_exec, sizeof without_exec / sizeof without_exec[0]))
		return false;
	if (!s->network &&
	    !refuse(filter, without_network, sizeof without_network / sizeof without_network[0]))
		return false;
	return refuse_families(filter, s->network);
}

bool
os_seccomp_enter(const struct os_sandbox *s, char note_out[OS_SANDBOX_NOTE_SIZE], struct err *err)
{
	scmp_filter_ctx filter;
	bool ok = true;
	int rc;

	/* A kernel with filters looks at the pointer, one without does not get that far. */
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) != 0 && errno != EFAULT) {
		(void)snprintf(note_out, OS_SANDBOX_NOTE_SIZE, "seccomp unavailable (kernel)");
		return true;
	}
	filter = seccomp_init(SCMP_ACT_ALLOW);
	must(filter != NULL);
	if (!fill(filter, s)) {
		ok = ERR_SYS(err, ERR_IO, "seccomp: rules");
	} else if ((rc = seccomp_load(filter)) != 0) {
		errno = -rc;
		ok = ERR_SYS(err, ERR_IO, "seccomp: load");
	}
	seccomp_release(filter);
	(void)snprintf(note_out, OS_SANDBOX_NOTE_SIZE, "seccomp");
	return ok;
}
