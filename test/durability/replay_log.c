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
	if (e->mark)
		return false;
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

/*
 * A sync covers what had returned before it began, and promises that when it returns; so it is two events. What ran as
 * it began is put behind its beginning: the kernel may have covered that, but promised nothing.
 */
static void
order_sync(struct replay *r, const struct replay_event *mark)
{
	for (size_t i = 0; i < r->event_count && r->events[i].at < mark->at; i++) {
		struct replay_event *e = &r->events[i];

		if (!is_sync(e->entry) && e->entry->kind != RECORD_ACK &&
		    e->entry->end > mark->at && e->key < mark->at)
			e->key = mark->at + 1; /* places are multiples of 8 */
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

static void
event_add(struct replay *r, const struct record_entry *e, uint64_t at)
{
	r->events = mem_realloc_array(r->events, r->event_count + 1, sizeof *r->events);
	r->events[r->event_count] =
	    (struct replay_event){.entry = e, .at = at, .key = at, .order = r->event_count + 1};
	r->event_count++;
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
	event_add(r, e, at);
	if (is_sync(e)) {
		struct replay_event *mark = &r->events[r->event_count - 1];

		mark->mark = true;
		mark->sync = r->sync_count;
		event_add(r, e, at);
		r->events[r->event_count - 1].key = e->end;
		r->events[r->event_count - 1].order = 0; /* before what begins there */
		r->events[r->event_count - 1].sync = r->sync_count++;
	}
	return true;
}

bool
replay_load(struct replay *r, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const struct record_header *header;
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
		at += e->bytes;
	}
	for (size_t i = 0; ok && i < r->event_count; i++)
		if (r->events[i].mark)
			order_sync(r, &r->events[i]);
	if (r->event_count > 0)
		qsort(r->events, r->event_count, sizeof *r->events, by_key);
	for (size_t i = 0; i < r->event_count; i++) {
		r->points += replay_is_change(&r->events[i]);
		r->ack_count += r->events[i].entry->kind == RECORD_ACK;
	}
	return ok;
}
