/* SPDX-License-Identifier: Apache-2.0 */
/* Anonymous memory files that can be sealed and then handed to another process. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os_socket.h"

/* Linux 6.3; older headers do not have it. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

bool
os_memfile_new(int *fd_out, struct err *err)
{
	*fd_out = memfd_create("daybook", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	if (*fd_out < 0 && errno == EINVAL)
		*fd_out = memfd_create("daybook", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*fd_out >= 0)
		return true;
	return ERR_SYS(
	    err, errno == EMFILE || errno == ENFILE ? ERR_LIMIT : ERR_IO, "memfd_create");
}

bool
os_memfile_append(int fd, struct bytes data, struct err *err)
{
	size_t done = 0;

	while (done < data.len) {
		ssize_t n = write(fd, data.ptr + done, data.len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ERR_SYS(
			    err, errno == EPERM ? ERR_DENIED : ERR_IO, "write to memory file");
		if (n == 0)
			return ERR(err, ERR_IO, "write to memory file: the kernel took nothing");
		done += (size_t)n;
	}
	return true;
}

bool
os_memfile_seal(int fd, struct err *err)
{
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
		return ERR_SYS(err, ERR_IO, "seal memory file");
	return true;
}

bool
os_memfile_map(int fd, size_t max, struct bytes *out, struct err *err)
{
	const int needed = F_SEAL_WRITE | F_SEAL_SHRINK;
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;
	void *at;

	*out = BYTES_EMPTY;
	/* Seals first: without them the size read below could change under the reader. */
	if (seals < 0 || (seals & needed) != needed)
		return ERR(err, ERR_DENIED, "a memory file that is not sealed");
	if (fstat(fd, &st) != 0)
		return ERR_SYS(err, ERR_IO, "fstat");
	if (st.st_size < 0 || (uint64_t)st.st_size > max)
		return ERR(err, ERR_LIMIT, "a memory file larger than %zu bytes", max);
	if (st.st_size == 0)
		return true;
	at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (at == MAP_FAILED)
		return ERR_SYS(err, ERR_IO, "mmap");
	*out = bytes_of(at, (size_t)st.st_size);
	return true;
}

void
os_memfile_unmap(struct bytes *view)
{
	/* munmap does not write to it; it just has no const form. */
	if (view->len > 0)
		(void)munmap((void *)(uintptr_t)view->ptr, view->len);
	*view = BYTES_EMPTY;
}
