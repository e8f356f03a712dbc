/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's forms of a socket address, for this room only. */
#ifndef OS_SOCKET_INT_H
#define OS_SOCKET_INT_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "os_socket.h"

union os_kernel_address {
	struct sockaddr any;
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

/* os_address_to_kernel: a's family is 4 or 6; the length to pass along. */
socklen_t os_address_to_kernel(union os_kernel_address *out, const struct os_address *a);
/* os_address_from_kernel: family 0 for everything that is not IP. */
void os_address_from_kernel(struct os_address *out, const union os_kernel_address *a);

#endif
