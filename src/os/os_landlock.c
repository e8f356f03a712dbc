/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock: which files, ports and neighbours a process may still reach (landlock(7)), by plain system calls. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os_sandbox_int.h"

/* Values of the kernel's interface; written out because older headers lack the newer ones. */
#define CREATE_VERSION 1U
#define RULE_PATH      1

#define FS_EXECUTE     (1ULL << 0)
#define FS_WRITE_FILE  (1ULL << 1)
#define FS_READ_FILE   (1ULL << 2)
#define FS_READ_DIR    (1ULL << 3)
#define FS_REMOVE_DIR  (1ULL << 4)
#define FS_REMOVE_FILE (1ULL << 5)
#define FS_MAKE_DIR    (1ULL << 7)
#define FS_MAKE_REG    (1ULL << 8)
#define FS_MAKE_SOCK   (1ULL << 9)
#define FS_REFER       (1ULL << 13) /* ABI 2 */
#define FS_TRUNCATE    (1ULL << 14) /* ABI 3 */
#define FS_ABI_1       ((1ULL << 13) - 1)
#define FS_IOCTL_DEV   (1ULL << 15) /* ABI 5 */

#define FS_ON_FILE     (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)
#define FS_READ        (FS_READ_FILE | FS_READ_DIR)
#define FS_WRITE                                                                                   \
	(FS_READ | FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG |    \
	    FS_MAKE_SOCK | FS_REFER | FS_TRUNCATE)

#define NET_TCP_ALL 3ULL /* ABI 4: bind, connect */
#define SCOPE_ALL   3ULL /* ABI 6: abstract unix sockets, signals */

struct ruleset {
	uint64_t handled_fs;
	uint64_t handled_net;
	uint64_t scoped;
};

struct path_rule {
	uint64_t allowed;
	int32_t parent_fd;
} __attribute__((packed));

/* What this kernel can refuse; *size_out is the size of the structure it knows. */
static struct ruleset
negotiate(long abi, bool network, size_t *size_out)
{
	struct ruleset r = {.handled_fs = FS_ABI_1};

	if (abi >= 2)
		r.handled_fs |= FS_REFER;
	if (abi >= 3)
		r.handled_fs |= FS_TRUNCATE;
	if (abi >= 5)
		r.handled_fs |= FS_IOCTL_DEV;
	if (abi >= 4 && !network)
		r.handled_net = NET_TCP_ALL;
	if (abi >= 6)
		r.scoped = SCOPE_ALL;
	*size_out = abi >= 6 ? sizeof r : abi >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
	return r;
}

static bool
allow_path(int ruleset, const char *path, uint64_t allowed, struct err *err)
{
	struct path_rule rule = {.allowed = allowed};
	struct stat st;
	bool ok = true;

	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return errno == ENOENT || ERR_SYS(err, ERR_IO, "landlock: %s", path);
	if (fstat(rule.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
		rule.allowed &= FS_ON_FILE;
	if (syscall(SYS_landlock_add_rule, ruleset, RULE_PATH, &rule, 0U) != 0)
		ok = ERR_SYS(err, ERR_IO, "landlock: rule for %s", path);
	(void)close(rule.parent_fd);
	return ok;
}

static bool
allow_paths(int ruleset, const char *const *paths, uint64_t allowed, struct err *err)
{
	for (size_t i = 0; paths != NULL && paths[i] != NULL; i++)
		if (!allow_path(ruleset, paths[i], allowed, err))
			return false;
	return true;
}

bool
os_landlock_enter(const struct os_sandbox *s, char note_out[OS_SANDBOX_NOTE_SIZE], struct err *err)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, CREATE_VERSION);
	struct ruleset attributes;
	uint64_t readable;
	size_t size;
	int ruleset;
	bool ok;

	if (abi < 1) {
		(void)snprintf(note_out, OS_SANDBOX_NOTE_SIZE, "landlock unavailable (%s)",
		    errno == EOPNOTSUPP ? "not enabled at boot" : "kernel");
		return true;
	}
	attributes = negotiate(abi, s->network, &size);
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, size, 0U);
	if (ruleset < 0)
		return ERR_SYS(err, ERR_IO, "landlock: ruleset");
	readable = (FS_READ | (s->exec ? FS_EXECUTE : 0)) & attributes.handled_fs;
	ok = allow_paths(ruleset, s->read_paths, readable, err) &&
	     allow_paths(ruleset, s->write_paths, FS_WRITE & attributes.handled_fs, err);
	if (ok && syscall(SYS_landlock_restrict_self, ruleset, 0U) != 0)
		ok = ERR_SYS(err, ERR_IO, "landlock: restrict");
	(void)close(ruleset);
	(void)snprintf(note_out, OS_SANDBOX_NOTE_SIZE, "landlock abi %ld", abi);
	return ok;
}
