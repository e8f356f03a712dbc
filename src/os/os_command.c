/* SPDX-License-Identifier: Apache-2.0 */
/* Another program, asked one question: posix_spawn, two pipes, one poll loop with a deadline. */
#include "os_command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define READ_BYTES 1024

enum { IN_READ, IN_WRITE, OUT_READ, OUT_WRITE, ENDS };

struct run {
	int ends[ENDS]; /* of the two pipes; -1 = closed */
	int process;    /* a descriptor that is readable once the program ended */
	pid_t pid;
	int64_t deadline_ms;
};

static int64_t
mono_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
end_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static int
fill_actions(posix_spawn_file_actions_t *actions, const struct run *r)
{
	int rc = posix_spawn_file_actions_adddup2(actions, r->ends[IN_READ], 0);

	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(actions, r->ends[OUT_WRITE], 1);
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(actions, 3);
	return rc;
}

static int
fill_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, all;

	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	(void)posix_spawnattr_setpgroup(attributes, 0);
	(void)posix_spawnattr_setsigmask(attributes, &none);
	(void)posix_spawnattr_setsigdefault(attributes, &all);
	return posix_spawnattr_setflags(
	    attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

static bool
spawn(struct run *r, const char *program, struct err *err)
{
	static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
	char *const environment[] = {path, NULL};
	char *const arguments[] = {(char *)(uintptr_t)program, NULL}; /* not written to */
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int rc;

	if (pipe2(r->ends, O_CLOEXEC) != 0 || pipe2(r->ends + OUT_READ, O_CLOEXEC) != 0)
		return ERR_SYS(err, ERR_LIMIT, "pipe");
	if (posix_spawn_file_actions_init(&actions) != 0)
		return ERR(err, ERR_LIMIT, "file actions");
	if (posix_spawnattr_init(&attributes) != 0) {
		(void)posix_spawn_file_actions_destroy(&actions);
		return ERR(err, ERR_LIMIT, "attributes");
	}
	rc = fill_actions(&actions, r);
	if (rc == 0)
		rc = fill_attributes(&attributes);
	if (rc == 0)
		rc = posix_spawn(&r->pid, program, &actions, &attributes, arguments, environment);
	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&actions);
	end_close(&r->ends[IN_READ]);
	end_close(&r->ends[OUT_WRITE]);
	if (rc != 0) {
		r->pid = 0;
		errno = rc;
		return ERR_SYS(err,
		    rc == ENOENT                  ? ERR_NOT_FOUND
		    : rc == EACCES || rc == EPERM ? ERR_DENIED
						  : ERR_IO,
		    "start %.100s", program);
	}
	r->process = (int)syscall(SYS_pidfd_open, r->pid, 0U);
	return r->process >= 0 || ERR_SYS(err, ERR_IO, "descriptor of %.100s", program);
}

/* A pipe whose reader is gone is no failure: the answer counts. SIGPIPE is blocked here and taken away again. */
static void
feed(struct run *r, struct bytes *input)
{
	const struct timespec at_once = {0, 0};
	sigset_t pipe_signal, before;
	ssize_t put;

	(void)sigemptyset(&pipe_signal);
	(void)sigaddset(&pipe_signal, SIGPIPE);
	(void)pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
	put = write(r->ends[IN_WRITE], input->ptr, input->len);
	if (put >= 0)
		*input = bytes_slice(*input, (size_t)put, input->len);
	else if (errno == EPIPE)
		(void)sigtimedwait(&pipe_signal, NULL, &at_once);
	if ((put < 0 && errno != EAGAIN && errno != EINTR) || input->len == 0)
		end_close(&r->ends[IN_WRITE]);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* False once nothing more comes, or out is full. */
static bool
take(struct run *r, struct buf *out)
{
	uint8_t *place = buf_reserve(out, 1);
	size_t room;
	ssize_t got;

	if (place == NULL)
		return false;
	room = out->cap - out->len < READ_BYTES ? out->cap - out->len : READ_BYTES;
	got = read(r->ends[OUT_READ], place, room);
	if (got > 0)
		buf_grow(out, (size_t)got);
	else if (got == 0 || (errno != EAGAIN && errno != EINTR))
		end_close(&r->ends[OUT_READ]);
	return got > 0;
}

/* Until the program ended and its output was read. */
static bool
converse(struct run *r, struct bytes input, struct buf *out, struct err *err)
{
	for (;;) {
		struct pollfd fds[] = {{r->ends[IN_WRITE], POLLOUT, 0},
		    {r->ends[OUT_READ], POLLIN, 0}, {r->process, POLLIN, 0}};
		int64_t left = r->deadline_ms - mono_ms();

		if (left <= 0)
			return ERR(err, ERR_TIMEOUT, "it did not end in time");
		if (poll(fds, 3, (int)left) < 0 && errno != EINTR)
			return ERR_SYS(err, ERR_IO, "poll");
		if (fds[0].revents != 0)
			feed(r, &input);
		if (fds[1].revents != 0)
			(void)take(r, out);
		if (!buf_ok(out, err))
			return err_prefix(err, "its output");
		if (fds[2].revents != 0) {
			while (r->ends[OUT_READ] >= 0 && take(r, out))
				;
			return buf_ok(out, err) || err_prefix(err, "its output");
		}
	}
}

static bool
reap(struct run *r, bool ok, struct err *err)
{
	int status = 0;
	pid_t got;

	/* Before it is reaped its number is nobody else's. What it left behind in its group ends with it. */
	(void)kill(-r->pid, SIGKILL);
	do
		got = waitpid(r->pid, &status, 0);
	while (got < 0 && errno == EINTR);
	if (!ok)
		return false;
	if (got != r->pid)
		return ERR_SYS(err, ERR_IO, "its status");
	if (WIFSIGNALED(status))
		return ERR(err, ERR_IO, "it was ended by signal %d", WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		return ERR(err, ERR_IO, "it ended with status %d", WEXITSTATUS(status));
	return true;
}

bool
os_command_run(
    const char *program, struct bytes input, unsigned wait_ms, struct buf *out, struct err *err)
{
	struct run r = {.ends = {-1, -1, -1, -1}, .process = -1};
	bool ok;

	r.deadline_ms = mono_ms() + wait_ms;
	ok = spawn(&r, program, err) &&
	     ((fcntl(r.ends[IN_WRITE], F_SETFL, O_NONBLOCK) == 0 &&
		  fcntl(r.ends[OUT_READ], F_SETFL, O_NONBLOCK) == 0) ||
		 ERR_SYS(err, ERR_IO, "pipe")) &&
	     converse(&r, input, out, err);
	if (r.pid > 0)
		ok = reap(&r, ok, err);
	for (size_t i = 0; i < ENDS; i++)
		end_close(&r.ends[i]);
	end_close(&r.process);
	return ok;
}
