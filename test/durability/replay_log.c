/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a recording and putting it in the order in which things took effect. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base_mem.h"
#include "replay.h"

const char *
replay_path(const struct record_entry *e)
{
	return e->path_bytes > 0 ? (const char *)(e + 1) : "";
}

const uint8_t *
replay_data(const struct record_entry *e)
{
	return (const uint8_t *)(e + 1) + e->path_bytes;
}

bool
replay_is_change(const struct replay_event *e)
{
	switch ((enum record_kind)e->entry->kind) {
	case RECORD_WRITE:
	case RECORD_ALLOCATE:
	case RECORD_TRUNCATE:
	case RECORD_SYNC:
	case RECORD_SYNC_ALL:
	case RECORD_RENAME:
	case RECORD_LINK:
	case RECORD_UNLINK:
	case RECORD_MKDIR:
		return true;
	case RECORD_OPEN:
		return e->entry->length != 0;
	case RECORD_NONE:
	case RECORD_OPEN_DIR:
	case RECORD_ACK:
	case RECORD_UNKNOWN:
		break;
	}
	return false;
}

static bool
is_sync(const struct record_entry *e)
{
	return e->kind == RECORD_SYNC || e->kind == RECORD_SYNC_ALL;
}

/* Path of the file or directory that each handle means. */
struct names {
	const char **list;
	size_t count;
};

static void
names_learn(struct names *n, const struct record_entry *e)
{
	if (e->handle >= n->count) {
		size_t count = (size_t)e->handle + 64;

		n->list = mem_realloc_array(n->list, count, sizeof *n->list);
		for (; n->count < count; n->count++)
			n->list[n->count] = "";
	}
	n->list[e->handle] = replay_path(e);
}

static bool
is_in(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && path[len] == '/' &&
	       strchr(path + len + 1, '/') == NULL;
}

/* Does the change touch what this sync is of? */
static bool
concerns(const struct names *n, const struct record_entry *sync, const struct record_entry *change)
{
	const char *of = n->list[sync->handle];

	if (sync->kind == RECORD_SYNC_ALL)
		return change->kind != RECORD_ACK && change->kind != RECORD_SYNC;
	switch ((enum record_kind)change->kind) {
	case RECORD_WRITE:
	case RECORD_ALLOCATE:
	case RECORD_TRUNCATE:
		return strcmp(of, n->list[change->handle]) == 0;
	case RECORD_RENAME:
	case RECORD_LINK:
		return is_in(replay_path(change), of) ||
		       is_in((const char *)replay_data(change), of);
	case RECORD_OPEN:
	case RECORD_UNLINK:
	case RECORD_MKDIR:
		return is_in(replay_path(change), of);
	case RECORD_NONE:
	case RECORD_OPEN_DIR:
	case RECORD_SYNC:
	case RECORD_SYNC_ALL:
	case RECORD_ACK:
	case RECORD_UNKNOWN:
		break;
	}
	return false;
}

/*
 * A sync takes effect when it returns, and covers what had returned before it began. What ran beside it is put behind
 * it: the kernel may have covered that, but promised nothing.
 */
static void
order_sync(struct replay *r, const struct names *n, struct replay_event *sync)
{
	uint64_t end = sync->entry->end;

	sync->key = end;
	sync->order = 0;
	for (size_t i = 0; i < r->event_count && r->events[i].at < end; i++) {
		struct replay_event *e = &r->events[i];
		bool beside = e->entry->end == 0 || e->entry->end > sync->at;

		if (e != sync && beside && e->key < end && concerns(n, sync->entry, e->entry))
			e->key = end;
	}
}

static int
by_key(const void *a, const void *b)
{
	const struct replay_event *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static bool
take(struct replay *r, const struct record_entry *e, uint64_t at)
{
	if (e->kind == RECORD_UNKNOWN) {
		printf("the recording cannot be replayed: %s\n", replay_path(e));
		return false;
	}
	/* What failed changed nothing; what never returned may have. */
	if (e->kind == RECORD_NONE || (e->end != 0 && e->result < 0) || (is_sync(e) && e->end == 0))
		return true;
	r->events = mem_realloc_array(r->events, r->event_count + 1, sizeof *r->events);
	r->events[r->event_count] =
	    (struct replay_event){.entry = e, .at = at, .key = at, .order = r->event_count + 1};
	r->event_count++;
	return true;
}

bool
replay_load(struct replay *r, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const struct record_header *header;
	struct names names = {0};
	const char *base;
	bool ok = true;

	if (fd < 0) {
		perror(path);
		return false;
	}
	base = mmap(NULL, RECORD_LOG_BYTES, PROT_READ, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (base == MAP_FAILED) {
		perror(path);
		return false;
	}
	header = (const struct record_header *)(const void *)base;
	if (header->magic != RECORD_MAGIC || header->overflow != 0) {
		printf("%s: no recording, or one that did not fit\n", path);
		return false;
	}
	for (uint64_t at = sizeof *header; ok && at < header->head;) {
		const struct record_entry *e =
		    (const struct record_entry *)(const void *)(base + at);

		ok = e->bytes >= sizeof *e && take(r, e, at);
		if (ok && (e->kind == RECORD_OPEN || e->kind == RECORD_OPEN_DIR))
			names_learn(&names, e);
		at += e->bytes;
	}
	for (size_t i = 0; ok && i < r->event_count; i++)
		if (is_sync(r->events[i].entry))
			order_sync(r, &names, &r->events[i]);
	mem_free(names.list);
	if (r->event_count > 0)
		qsort(r->events, r->event_count, sizeof *r->events, by_key);
	for (size_t i = 0; i < r->event_count; i++) {
		r->points += replay_is_change(&r->events[i]);
		r->ack_count += r->events[i].entry->kind == RECORD_ACK;
	}
	return ok;
}
