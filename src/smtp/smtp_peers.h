/* SPDX-License-Identifier: Apache-2.0 */
/* How many connections each peer address has; an IPv6 /64 is one peer. */
#ifndef SMTP_PEERS_H
#define SMTP_PEERS_H

#include <stddef.h>

#include "os_socket.h"

struct smtp_peers;

struct smtp_peers *smtp_peers_new(void);
void smtp_peers_free(struct smtp_peers **p);
/* smtp_peers_count: connections of this peer now. */
size_t smtp_peers_count(struct smtp_peers *p, const struct os_address *peer);
void smtp_peers_add(struct smtp_peers *p, const struct os_address *peer);
/* smtp_peers_remove: must have been added. */
void smtp_peers_remove(struct smtp_peers *p, const struct os_address *peer);

#endif
