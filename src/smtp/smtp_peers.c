/* SPDX-License-Identifier: Apache-2.0 */
/* A hash table of small nodes; a peer without connections has none. The hash is seeded: peers choose the addresses. */
#include "smtp_peers.h"

#include <string.h>

#include "base_mem.h"
#include "base_rng.h"

#define BUCKETS 4096u /* power of two */

struct node {
	struct node *next;
	size_t count;
	int family;
	uint8_t prefix[8]; /* IPv4 address, or the first half of an IPv6 address */
};

struct smtp_peers {
	uint64_t seed;
	struct node *buckets[BUCKETS];
};

struct smtp_peers *
smtp_peers_new(void)
{
	struct smtp_peers *p = mem_calloc(1, sizeof *p);
	struct rng rng = rng_system();

	p->seed = rng_u64(&rng);
	return p;
}

void
smtp_peers_free(struct smtp_peers **peers)
{
	struct smtp_peers *p = *peers;

	if (p == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		struct node *n = p->buckets[i];

		while (n != NULL) {
			struct node *next = n->next;

			mem_free(n);
			n = next;
		}
	}
	mem_free(p);
	*peers = NULL;
}

static void
key_of(const struct os_address *peer, uint8_t out[8])
{
	memset(out, 0, 8);
	memcpy(out, peer->ip, peer->family == 4 ? 4 : 8);
}

/* place: the link that points to the peer's node, or to NULL where it would go. */
static struct node **
place(struct smtp_peers *p, const struct os_address *peer)
{
	uint8_t key[8];
	uint64_t hash = p->seed ^ (uint64_t)(unsigned)peer->family;
	struct node **link;

	key_of(peer, key);
	for (size_t i = 0; i < sizeof key; i++)
		hash = (hash ^ key[i]) * 0x9e3779b97f4a7c15u;
	link = &p->buckets[(hash >> 32) & (BUCKETS - 1)];
	while (*link != NULL &&
	       ((*link)->family != peer->family || memcmp((*link)->prefix, key, sizeof key) != 0))
		link = &(*link)->next;
	return link;
}

size_t
smtp_peers_count(struct smtp_peers *p, const struct os_address *peer)
{
	const struct node *n = *place(p, peer);

	return n == NULL ? 0 : n->count;
}

void
smtp_peers_add(struct smtp_peers *p, const struct os_address *peer)
{
	struct node **link = place(p, peer);
	struct node *n = *link;

	if (n == NULL) {
		n = mem_calloc(1, sizeof *n);
		n->family = peer->family;
		key_of(peer, n->prefix);
		*link = n;
	}
	n->count++;
}

void
smtp_peers_remove(struct smtp_peers *p, const struct os_address *peer)
{
	struct node **link = place(p, peer);
	struct node *n = *link;

	must(n != NULL && n->count > 0);
	if (--n->count > 0)
		return;
	*link = n->next;
	mem_free(n);
}
