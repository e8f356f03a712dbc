/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets live in libsodium's guarded pages: locked and undumped as far as the kernel allows, wiped when freed.
 *
 * Keys share pages: an archive has thousands of packs, each with a key, and pages of its own for each of them are more
 * maps than a process may have, more locked memory than it may lock, and most of the time that opening a pack takes.
 * What a key would run into on its way to its neighbour is a canary that is looked at when it goes.
 */
#include "crypt_secret.h"

#include <pthread.h>
#include <string.h>

#include <sodium.h>

#include "base_mem.h"

#define SECRET_BYTES_MAX 4096
#define CANARY_BYTES     16u
#define SLOT_BYTES       80u /* a key of 64 bytes at most, and the canary */
#define SLOTS            51u /* in a page */

/* One page of slots; in the list while one of them is free. */
struct page {
	struct page *next, **link; /* link: what points here; NULL: not in the list */
	uint64_t used;             /* a bit for each slot */
	uint8_t *slots;
};

struct secret {
	size_t len;
	uint8_t *data;
	struct page *page; /* NULL: pages of its own */
};

/* state: like the heap's, which every room shares without knowing it */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows, and every page */
static struct page *pages;                               /* state: as above */
static uint8_t canary[CANARY_BYTES]; /* state: random, the same as long as the process lives */

_Static_assert(SLOTS < 64 && SLOTS * SLOT_BYTES <= 4096, "the slots of a page");

static void *
guarded_new(size_t len)
{
	void *data = sodium_malloc(len);

	must(data != NULL);
	return data;
}

static void
list_add(struct page *p)
{
	p->next = pages;
	p->link = &pages;
	if (pages != NULL)
		pages->link = &p->next;
	pages = p;
}

static void
list_remove(struct page *p)
{
	*p->link = p->next;
	if (p->next != NULL)
		p->next->link = p->link;
	p->link = NULL;
}

static struct page *
page_new(void)
{
	struct page *p = mem_calloc(1, sizeof *p);

	if (sodium_is_zero(canary, sizeof canary))
		randombytes_buf(canary, sizeof canary);
	p->slots = guarded_new((size_t)SLOTS * SLOT_BYTES);
	list_add(p);
	return p;
}

static void
slot_take(struct secret *s)
{
	struct page *p;
	unsigned slot = 0;

	must(pthread_mutex_lock(&lock) == 0);
	p = pages != NULL ? pages : page_new();
	while ((p->used >> slot & 1) != 0)
		slot++;
	p->used |= (uint64_t)1 << slot;
	if (p->used == ((uint64_t)1 << SLOTS) - 1)
		list_remove(p);
	s->page = p;
	s->data = p->slots + (size_t)slot * SLOT_BYTES;
	memcpy(s->data + s->len, canary, sizeof canary);
	must(pthread_mutex_unlock(&lock) == 0);
}

/* The last page stays: the next key comes soon. */
static void
slot_give(struct secret *s)
{
	struct page *p = s->page;

	must(pthread_mutex_lock(&lock) == 0);
	must(memcmp(s->data + s->len, canary, sizeof canary) == 0); /* somebody wrote past a key */
	sodium_memzero(s->data, SLOT_BYTES);
	p->used &= ~((uint64_t)1 << (unsigned)((size_t)(s->data - p->slots) / SLOT_BYTES));
	if (p->link == NULL)
		list_add(p);
	if (p->used == 0 && (p->next != NULL || p->link != &pages)) {
		list_remove(p);
		sodium_free(p->slots);
		mem_free(p);
	}
	must(pthread_mutex_unlock(&lock) == 0);
}

struct secret *
secret_new(size_t len)
{
	struct secret *s = mem_calloc(1, sizeof *s);

	must(len > 0 && len <= SECRET_BYTES_MAX);
	must(sodium_init() >= 0); /* idempotent and thread-safe */
	s->len = len;
	if (len <= SLOT_BYTES - CANARY_BYTES)
		slot_take(s);
	else
		s->data = guarded_new(len);
	memset(s->data, 0, len);
	return s;
}

struct secret *
secret_of(struct bytes data)
{
	struct secret *s = secret_new(data.len);

	memcpy(s->data, data.ptr, data.len);
	return s;
}

struct secret *
secret_random(size_t len, const struct rng *rng)
{
	struct secret *s = secret_new(len);

	rng_fill(rng, s->data, len);
	return s;
}

struct bytes
secret_view(const struct secret *s)
{
	return bytes_of(s->data, s->len);
}

uint8_t *
secret_data(struct secret *s)
{
	return s->data;
}

void
secret_free(struct secret **s)
{
	if (*s == NULL)
		return;
	if ((*s)->page != NULL)
		slot_give(*s);
	else
		sodium_free((*s)->data);
	mem_free(*s);
	*s = NULL;
}

void
secret_wipe(void *ptr, size_t len)
{
	if (len > 0)
		sodium_memzero(ptr, len);
}
