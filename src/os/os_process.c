/* SPDX-License-Identifier: Apache-2.0 */
/* Starting ourselves again in a role: fork, fewer rights, exec. */
#include "os_process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST_FD 3

/* What the child got to; sent to the parent with errno when it got no further. */
enum step {
	STEP_SIGNALS,
	STEP_FDS,
	STEP_LIMITS,
	STEP_USER,
	STEP_CAPABILITY,
	STEP_PARENT,
	STEP_EXEC
};

struct report {
	enum step step;
	int sys_errno;
};

static const char *const step_names[] = {
    [STEP_SIGNALS] = "signals",
    [STEP_FDS] = "descriptors",
    [STEP_LIMITS] = "limits",
    [STEP_USER] = "user and group",
    [STEP_CAPABILITY] = "capability",
    [STEP_PARENT] = "parent",
    [STEP_EXEC] = "exec",
};

/* Everything from here to child_run happens between fork and exec: system calls only, no memory, no locks. */

static bool
child_signals(void)
{
	sigset_t none;

	for (int signo = 1; signo < NSIG; signo++)
		if (signo != SIGKILL && signo != SIGSTOP)
			(void)signal(
			    signo, SIG_DFL); /* the two numbers libc keeps for itself refuse */
	return sigemptyset(&none) == 0 && sigprocmask(SIG_SETMASK, &none, NULL) == 0;
}

/* Descriptors go up out of the way first, so that none is overwritten before it is moved; *report_fd moves along. */
static bool
child_fds(const struct os_spawn *s, int *report_fd)
{
	int moved[OS_SPAWN_FDS_MAX];
	int count = (int)s->fd_count, end = FIRST_FD + count;

	for (int i = 0; i < count; i++) {
		moved[i] = fcntl(s->fds[i], F_DUPFD_CLOEXEC, end + 1);
		if (moved[i] < 0)
			return false;
	}
	if (*report_fd != end) {
		if (dup3(*report_fd, end, O_CLOEXEC) < 0)
			return false;
		*report_fd = end;
	}
	for (int i = 0; i < count; i++)
		if (dup2(moved[i], FIRST_FD + i) < 0)
			return false;
	return close_range((unsigned)end + 1, ~0U, 0) == 0;
}

static bool
child_user(const struct os_spawn *s, bool *switched)
{
	*switched = geteuid() == 0 && s->uid != 0;
	if (!*switched)
		return true;
	if (setgroups(0, NULL) != 0 || setresgid(s->gid, s->gid, s->gid) != 0)
		return false;
	if (s->keep_net_bind && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0)
		return false;
	return setresuid(s->uid, s->uid, s->uid) == 0;
}

/* An ambient capability is what survives the exec of a program without file capabilities (capabilities(7)). */
static bool
child_capability(const struct os_spawn *s, bool switched)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

	if (!s->keep_net_bind) {
		/* Kernels before 4.3 have no ambient set, and then nothing in it. */
		return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 ||
		       errno == EINVAL;
	}
	if (!switched)
		return true;
	data[0].permitted = data[0].effective = data[0].inheritable = 1U << CAP_NET_BIND_SERVICE;
	if (syscall(SYS_capset, &header, data) != 0)
		return false;
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0) == 0;
}

/* After the switch of user, which would clear the death signal again (prctl(2)). */
static bool
child_parent(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
		return false;
	errno = ESRCH;
	return getppid() == parent;
}

static enum step
child_run(const struct os_spawn *s, pid_t parent, int *report_fd)
{
	const struct rlimit no_core = {0, 0};
	bool switched;

	if (!child_signals())
		return STEP_SIGNALS;
	if (!child_fds(s, report_fd))
		return STEP_FDS;
	if (setrlimit(RLIMIT_CORE, &no_core) != 0)
		return STEP_LIMITS;
	if (!child_user(s, &switched))
		return STEP_USER;
	if (!child_capability(s, switched))
		return STEP_CAPABILITY;
	if (!child_parent(parent))
		return STEP_PARENT;
	/* execv does not write to them; its prototype is older than const. */
	(void)execv("/proc/self/exe", (char *const *)(uintptr_t)s->argv);
	return STEP_EXEC;
}

static _Noreturn void
child(const struct os_spawn *s, pid_t parent, int report_fd)
{
	struct report report;

	report.step = child_run(s, parent, &report_fd);
	report.sys_errno = errno;
	/* If even this fails, the exit code is left to tell. */
	if (write(report_fd, &report, sizeof report) != (ssize_t)sizeof report)
		_exit(126);
	_exit(127);
}

/* True when the pipe closed without a word: exec worked. */
static bool
await_exec(int fd, struct err *err)
{
	struct report report = {0};
	ssize_t n;

	do
		n = read(fd, &report, sizeof report);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return true;
	if (n != (ssize_t)sizeof report)
		return ERR_SYS(err, ERR_IO, "report of the new process");
	errno = report.sys_errno;
	return ERR_SYS(err, errno == EPERM || errno == EACCES ? ERR_DENIED : ERR_IO,
	    "new process: %s", step_names[report.step]);
}

bool
os_process_spawn(const struct os_spawn *s, pid_t *pid_out, struct err *err)
{
	int report[2];
	pid_t parent = getpid(), pid;
	bool ok;

	must(s->fd_count <= OS_SPAWN_FDS_MAX);
	*pid_out = 0;
	if (pipe2(report, O_CLOEXEC) != 0)
		return ERR_SYS(err, ERR_LIMIT, "pipe");
	pid = fork();
	if (pid == 0)
		child(s, parent, report[1]);
	(void)close(report[1]);
	if (pid < 0) {
		ok = ERR_SYS(err, ERR_LIMIT, "fork");
	} else {
		ok = await_exec(report[0], err);
		if (ok)
			*pid_out = pid;
		else
			(void)waitpid(pid, NULL, 0);
	}
	(void)close(report[0]);
	return ok;
}

pid_t
os_process_reap(int *status_out)
{
	pid_t pid;

	do
		pid = waitpid(-1, status_out, WNOHANG);
	while (pid < 0 && errno == EINTR);
	return pid > 0 ? pid : 0;
}
