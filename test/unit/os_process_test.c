/* SPDX-License-Identifier: Apache-2.0 */
/* Starting ourselves again: the child reports what it sees of its descriptors, user, capability and limits. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <linux/capability.h>

#include "os_process.h"
#include "os_socket.h"

static struct err err;

/* In the child, descriptor 3 is where to report, 4 is what to read from. */
static int
child_report(void)
{
	struct rlimit core;
	sigset_t mask;
	char text[200], in = '-';
	int signo = 0, open_fds = 0;

	if (read(4, &in, 1) != 1 || getrlimit(RLIMIT_CORE, &core) != 0 ||
	    prctl(PR_GET_PDEATHSIG, &signo) != 0 || sigprocmask(SIG_SETMASK, NULL, &mask) != 0)
		return 1;
	for (int fd = 3; fd < 256; fd++)
		open_fds += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
	(void)snprintf(text, sizeof text,
	    "in=%c fds=%d uid=%u gid=%u core=%d death=%d bind=%d masked=%d", in, open_fds,
	    (unsigned)getuid(), (unsigned)getgid(), (int)core.rlim_max, signo,
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_NET_BIND_SERVICE, 0, 0),
	    sigismember(&mask, SIGUSR1));
	return write(3, text, strlen(text)) == (ssize_t)strlen(text) ? 42 : 1;
}

static void
run_child(struct os_spawn s, char *out, size_t size)
{
	static const char *const argv[] = {"daybook-test", "child", NULL};
	int report[2], input[2], status = 0;
	ssize_t n, used = 0;
	pid_t pid, done;

	assert_int_equal(pipe2(report, O_CLOEXEC), 0);
	assert_int_equal(pipe2(input, O_CLOEXEC), 0);
	assert_int_equal(write(input[1], "i", 1), 1);
	s.argv = argv;
	s.fds = (const int[]){report[1], input[0]};
	s.fd_count = 2;
	assert_int_equal(os_process_reap(&status), 0);
	assert_true(os_process_spawn(&s, &pid, &err));
	(void)close(report[1]);
	while ((n = read(report[0], out + used, size - 1 - (size_t)used)) > 0)
		used += n;
	out[used] = '\0';
	while ((done = os_process_reap(&status)) == 0)
		(void)sched_yield();
	assert_int_equal(done, pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 42);
	(void)close(report[0]);
	(void)close(input[0]);
	(void)close(input[1]);
}

static void
child_has_what_it_was_given(void **state)
{
	char text[256], expected[256];
	sigset_t mask, before;

	(void)state;
	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGUSR1);
	assert_int_equal(sigprocmask(SIG_BLOCK, &mask, &before), 0);
	run_child((struct os_spawn){0}, text, sizeof text);
	assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
	(void)snprintf(expected, sizeof expected,
	    "in=i fds=2 uid=%u gid=%u core=0 death=%d bind=0 masked=0", (unsigned)getuid(),
	    (unsigned)getgid(), SIGKILL);
	assert_string_equal(text, expected);
}

static void
root_child_becomes_the_user(void **state)
{
	char text[256], expected[256];

	(void)state;
	if (geteuid() != 0)
		skip();
	for (int keep = 0; keep < 2; keep++) {
		run_child((struct os_spawn){.uid = 12345, .gid = 12346, .keep_net_bind = keep == 1},
		    text, sizeof text);
		(void)snprintf(expected, sizeof expected,
		    "in=i fds=2 uid=12345 gid=12346 core=0 death=%d bind=%d masked=0", SIGKILL,
		    keep);
		assert_string_equal(text, expected);
	}
}

static void
bad_descriptor_is_reported(void **state)
{
	static const char *const argv[] = {"daybook-test", "child", NULL};
	struct os_spawn s = {.argv = argv, .fds = (const int[]){-1}, .fd_count = 1};
	int status;
	pid_t pid;

	(void)state;
	assert_false(os_process_spawn(&s, &pid, &err));
	assert_int_equal(err.code, ERR_IO);
	assert_int_equal(err.sys_errno, EBADF);
	assert_non_null(strstr(err.msg, "descriptors"));
	assert_int_equal(os_process_reap(&status), 0);
}

/* Sandboxes are entered in a forked child, which ends with one of these. */
enum { CHILD_FINE = 0, CHILD_NO_SANDBOX = 90, CHILD_NOT_THERE = 91 };

struct attempt {
	const char *name;
	struct os_sandbox sandbox;
	int (*run)(int listener); /* 0 fine, else which check failed */
};

static int
expect_errno(int result, int sys_errno, int which)
{
	return result < 0 && errno == sys_errno ? 0 : which;
}

static int
closed_run(int listener)
{
	struct os_address peer;
	int fd, pair[2], bad = 0;
	struct buf in;
	int got[OS_PACKET_FDS_MAX];

	bad = bad != 0 ? bad : expect_errno(open("/etc/passwd", O_RDONLY), EACCES, 1);
	bad = bad != 0 ? bad : expect_errno(open("/tmp", O_RDONLY | O_DIRECTORY), EACCES, 2);
	bad = bad != 0 ? bad : expect_errno(socket(AF_INET, SOCK_STREAM, 0), EPERM, 3);
	bad = bad != 0 ? bad : expect_errno(socket(AF_INET6, SOCK_DGRAM, 0), EPERM, 4);
	bad = bad != 0 ? bad : expect_errno(socket(AF_NETLINK, SOCK_RAW, 0), EPERM, 5);
	bad = bad != 0 ? bad : expect_errno(execl("/bin/true", "true", (char *)NULL), EPERM, 6);
	bad = bad != 0 ? bad : expect_errno(unshare(CLONE_NEWUSER), EPERM, 7);
	bad = bad != 0 ? bad : expect_errno(chroot("/"), EPERM, 8);
	if (bad != 0)
		return bad;
	/* what must go on: inherited listeners, packets with descriptors, memory files, threads by clone */
	if (!os_socket_accept(listener, &fd, &peer, &err) || fd < 0)
		return 20;
	if (!os_socket_pair(pair, &err) ||
	    os_packet_send(pair[0], BYTES_LIT("x"), &fd, 1, &err) != OS_IO_DONE)
		return 21;
	buf_init(&in, OS_PACKET_BYTES_MAX);
	if (os_packet_receive(pair[1], &in, got, &err) != OS_IO_DONE || got[0] < 0)
		return 22;
	buf_fini(&in);
	if (!os_memfile_new(&fd, &err) || !os_memfile_append(fd, BYTES_LIT("x"), &err) ||
	    !os_memfile_seal(fd, &err))
		return 23;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 24;
}

static int
paths_run(int listener)
{
	int fd;

	(void)listener;
	fd = open("/etc/passwd", O_RDONLY);
	if (fd < 0)
		return 1;
	if (expect_errno(open("/etc/daybook-test", O_WRONLY | O_CREAT, 0600), EACCES, 2) != 0)
		return 2;
	if (expect_errno(open("/root", O_RDONLY), EACCES, 3) != 0 && access("/root", F_OK) == 0)
		return 3;
	fd = open("/tmp/os_process_test.file", O_RDWR | O_CREAT, 0600);
	if (fd < 0 || write(fd, "x", 1) != 1 || ftruncate(fd, 0) != 0)
		return 4;
	if (rename("/tmp/os_process_test.file", "/tmp/os_process_test.other") != 0)
		return 5;
	return unlink("/tmp/os_process_test.other") == 0 ? 0 : 6;
}

static int
network_run(int listener)
{
	struct os_address at;
	int fd, made;

	if (!os_socket_local(listener, &at, &err) || !os_socket_connect(&at, &fd, &err))
		return 1;
	at.port = 0;
	if (!os_socket_listen(&at, &made, &err))
		return 2;
	if (socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0) < 0)
		return 3;
	return expect_errno(socket(AF_PACKET, SOCK_RAW, 0), EPERM, 4);
}

static int
exec_run(int listener)
{
	(void)listener;
	(void)execl("/bin/true", "true", (char *)NULL);
	return 1;
}

static const char *const etc_paths[] = {"/etc", "/does/not/exist", NULL};
static const char *const tmp_paths[] = {"/tmp", NULL};
static const char *const program_paths[] = {"/bin", "/usr", "/lib", "/lib64", "/etc", NULL};

static const struct attempt ATTEMPTS[] = {
    {"closed", {.read_paths = NULL}, closed_run},
    {"paths", {.read_paths = etc_paths, .write_paths = tmp_paths}, paths_run},
    {"network", {.network = true}, network_run},
    {"exec", {.read_paths = program_paths, .exec = true}, exec_run},
};

static int
child_of(const struct attempt *a, int listener)
{
	char report[OS_SANDBOX_REPORT_SIZE];

	if (!os_sandbox_enter(&a->sandbox, report, &err)) {
		(void)fprintf(stderr, "sandbox: %s\n", err.msg);
		return CHILD_NO_SANDBOX;
	}
	(void)fprintf(stderr, "  %s: %s\n", a->name, report);
	if (strstr(report, "unavailable") != NULL)
		return CHILD_NOT_THERE;
	return a->run(listener);
}

static void
sandbox_holds_and_lets_through(void **state)
{
	struct os_address at;

	(void)state;
	for (size_t i = 0; i < sizeof ATTEMPTS / sizeof *ATTEMPTS; i++) {
		int listener, client, status;
		pid_t pid;

		assert_true(os_address_parse(&at, BYTES_LIT("127.0.0.1:0"), &err));
		assert_true(os_socket_listen(&at, &listener, &err));
		assert_true(os_socket_local(listener, &at, &err));
		assert_true(os_socket_connect(&at, &client, &err));
		assert_int_equal(
		    poll(&(struct pollfd){.fd = listener, .events = POLLIN}, 1, 5000), 1);
		(void)fflush(NULL);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			_exit(child_of(&ATTEMPTS[i], listener));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		if (WEXITSTATUS(status) != CHILD_NOT_THERE)
			assert_int_equal(WEXITSTATUS(status), CHILD_FINE);
		os_close(&client);
		os_close(&listener);
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(child_has_what_it_was_given),
	    cmocka_unit_test(root_child_becomes_the_user),
	    cmocka_unit_test(bad_descriptor_is_reported),
	    cmocka_unit_test(sandbox_holds_and_lets_through),
	};

	if (argc > 1 && strcmp(argv[1], "child") == 0)
		return child_report();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
