/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tier T1, the replayer: loses power at every change that was recorded of the real program, and lets what it finds on
 * disk be recovered.
 *
 *   replay --log FILE --root DIR --promises FILE --work DIR [--program FILE] [--every N]
 *          [--states N] [--seed N] [--workers N] [--point N --variant N] [--expect-failure]
 *
 * Promises: a line `sent DIGEST` for each message that went out, `ack ID DIGEST` for each that was acknowledged.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base_mem.h"
#include "replay.h"

#define VARIANTS 10u
#define WRONG    4096u

struct options {
	const char *log, *promises, *work;
	uint64_t states, seed;
	long point, variant; /* -1: all */
	unsigned workers;
	bool expect_failure;
};

/* The disk as it goes on. */
struct disk {
	struct os_fs_memory *memory;
	struct os_fs fs;
	struct os_file **files; /* by handle */
	size_t file_count;
	const char **dirs;
	const char *root;
	uint64_t *marks; /* by number of the sync: operations of memory when it began */
};

/* Shared with the parent, which reads it also of a worker that died. */
struct tally {
	uint64_t states, broken;
	uint64_t point, variant; /* looked at now */
	bool ended;
};

static const char *
inside(const struct disk *d, const char *path)
{
	path += strlen(d->root);
	return path[0] == '\0' ? "/" : path;
}

static void
handle_room(struct disk *d, uint32_t handle)
{
	if (handle < d->file_count)
		return;
	d->files = mem_realloc_array(d->files, (size_t)handle + 64, sizeof *d->files);
	d->dirs = mem_realloc_array(d->dirs, (size_t)handle + 64, sizeof *d->dirs);
	for (; d->file_count < (size_t)handle + 64; d->file_count++) {
		d->files[d->file_count] = NULL;
		d->dirs[d->file_count] = NULL;
	}
}

static bool
apply_open(struct disk *d, const struct record_entry *e, struct err *err)
{
	const char *path = inside(d, replay_path(e));
	struct os_file **file;
	struct err first;

	handle_room(d, e->handle);
	file = &d->files[e->handle];
	if (!os_fs_open(d->fs, path, OS_OPEN_READ_WRITE, file, &first)) {
		if (first.code != ERR_NOT_FOUND || e->length == 0) {
			*err = first;
			return false;
		}
		return os_fs_open(d->fs, path, OS_OPEN_CREATE, file, err);
	}
	return e->at == 0 || os_file_truncate(*file, 0, err);
}

static bool
apply_write(struct disk *d, const struct record_entry *e, struct err *err)
{
	struct os_file *file = d->files[e->handle];
	uint64_t len = e->result > 0 ? (uint64_t)e->result : e->length;
	uint8_t *zeros;
	bool ok;

	if (e->data_bytes > 0)
		return os_file_write_at(file, e->at, bytes_of(replay_data(e), len), err);
	zeros = mem_calloc(1, len);
	ok = os_file_write_at(file, e->at, bytes_of(zeros, len), err);
	mem_free(zeros);
	return ok;
}

static bool
apply_unlink(struct disk *d, const struct record_entry *e, struct err *err)
{
	/* A name that this disk does not know is a socket's, or the draft of a name that was linked. */
	return os_fs_unlink(d->fs, inside(d, replay_path(e)), err) || err->code == ERR_NOT_FOUND;
}

static bool
apply_sync(struct disk *d, const struct replay_event *event, struct err *err)
{
	const struct record_entry *e = event->entry;
	bool all = e->kind == RECORD_SYNC_ALL;

	if (event->mark) {
		d->marks[event->sync] = os_fs_memory_operations(d->memory);
		return true;
	}
	return os_fs_memory_sync_until(d->memory, all ? NULL : d->files[e->handle],
	    all ? NULL : d->dirs[e->handle], d->marks[event->sync], err);
}

static bool
apply(struct disk *d, const struct replay_event *event, struct err *err)
{
	const struct record_entry *e = event->entry;

	switch ((enum record_kind)e->kind) {
	case RECORD_OPEN:
		return apply_open(d, e, err);
	case RECORD_OPEN_DIR:
		handle_room(d, e->handle);
		d->dirs[e->handle] = inside(d, replay_path(e));
		return true;
	case RECORD_WRITE:
		return apply_write(d, e, err);
	case RECORD_ALLOCATE:
		return os_file_allocate(d->files[e->handle], e->at, err);
	case RECORD_TRUNCATE:
		return os_file_truncate(d->files[e->handle], e->at, err);
	case RECORD_SYNC:
	case RECORD_SYNC_ALL:
		return apply_sync(d, event, err);
	case RECORD_RENAME:
	case RECORD_LINK: /* the draft's own name is removed next, which is then nothing */
		return os_fs_rename(
		    d->fs, inside(d, replay_path(e)), inside(d, (const char *)replay_data(e)), err);
	case RECORD_UNLINK:
		return apply_unlink(d, e, err);
	case RECORD_MKDIR:
		return os_fs_mkdir(d->fs, inside(d, replay_path(e)), err);
	case RECORD_NONE:
	case RECORD_ACK:
	case RECORD_UNKNOWN:
		break;
	}
	return true;
}

static uint64_t
mix(uint64_t a, uint64_t b)
{
	uint64_t z = a * 0x9e3779b97f4a7c15ULL + b * 0xc2b2ae3d27d4eb4fULL + 1;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static enum os_crash
mode_of(uint64_t variant)
{
	static const enum os_crash first[] = {OS_CRASH_NOTHING, OS_CRASH_EVERYTHING, OS_CRASH_TORN,
	    OS_CRASH_TORN, OS_CRASH_REORDERED, OS_CRASH_DATA, OS_CRASH_TORN, OS_CRASH_METADATA,
	    OS_CRASH_TORN, OS_CRASH_REORDERED};

	if (variant < VARIANTS)
		return first[variant];
	return variant % 3 == 0 ? OS_CRASH_REORDERED : OS_CRASH_TORN;
}

static bool
check_state(const struct replay *r, const struct options *o, struct os_fs_memory *disk,
    size_t point, uint64_t variant, size_t acks, const char *dir)
{
	uint64_t seed = mix(o->seed, point * 1000 + variant);
	struct os_fs_memory *state = os_fs_memory_crash(disk, mode_of(variant), seed);
	bool with_program = r->program != NULL && (o->point >= 0 || seed % r->every == 0);
	char wrong[WRONG];
	bool ok = replay_check(r, state, dir, acks, with_program, wrong, sizeof wrong);

	os_fs_memory_free(&state);
	if (!ok)
		printf(
		    "broken: --seed %llu --point %zu --variant %llu (%s, %zu acknowledged): %s\n",
		    (unsigned long long)o->seed, point, (unsigned long long)variant,
		    os_crash_name(mode_of(variant)), acks, wrong);
	return ok;
}

/* How many of a point's variants are looked at: those right behind an acknowledgement always include the first. */
static void
point_check(const struct replay *r, const struct options *o, struct os_fs_memory *disk,
    size_t point, size_t acks, bool acked_now, unsigned worker, struct tally *t)
{
	uint64_t per = (o->states + r->points - 1) / r->points,
		 start = mix(o->seed, point) % VARIANTS;
	char dir[4096];

	(void)snprintf(dir, sizeof dir, "%s/state-%u", o->work, worker);
	for (uint64_t i = 0; i < per + acked_now; i++) {
		uint64_t variant = i < VARIANTS ? (start + i) % VARIANTS : i;

		if (acked_now)
			variant = i == 0 ? 0 : i < VARIANTS ? (start + i - 1) % VARIANTS : i;
		if (o->point >= 0 && i == 0)
			variant = (uint64_t)o->variant;
		else if (o->point >= 0 || mix(point, i) % o->workers != worker)
			continue;
		t->states++;
		t->point = point;
		t->variant = variant;
		if (!check_state(r, o, disk, point, variant, acks, dir)) {
			t->broken++;
			return;
		}
	}
}

static void
disk_close(struct disk *d)
{
	for (size_t i = 0; i < d->file_count; i++)
		os_file_drop(&d->files[i]);
	mem_free(d->files);
	mem_free(d->dirs);
	mem_free(d->marks);
	os_fs_memory_free(&d->memory);
}

/* One worker goes through the whole recording, and looks at its share of the states. */
static void
work(const struct replay *r, const struct options *o, unsigned worker, struct tally *t)
{
	struct disk d = {.memory = os_fs_memory_new(),
	    .root = r->root,
	    .marks = mem_calloc(r->sync_count + 1, sizeof *d.marks)};
	size_t point = 0, acks = 0;
	bool acked_now = false;
	struct err err;

	/* Megabytes come and go with every state: they need not come from the kernel each time. */
	(void)mallopt(M_MMAP_THRESHOLD, 1 << 30);
	(void)mallopt(M_TRIM_THRESHOLD, 1 << 30);
	d.fs = os_fs_memory(d.memory);
	for (size_t i = 0; i < r->event_count && t->broken == 0; i++) {
		const struct replay_event *e = &r->events[i];

		if (e->entry->kind == RECORD_ACK) {
			acks++;
			acked_now = true;
		}
		if (replay_is_change(e)) {
			if (o->point < 0 || (size_t)o->point == point)
				point_check(r, o, d.memory, point, acks, acked_now, worker, t);
			point++;
			acked_now = false;
		}
		if (!apply(&d, e, &err)) {
			printf("broken: event %zu (kind %u, %s) cannot be replayed: %s\n", i,
			    (unsigned)e->entry->kind, replay_path(e->entry), err.msg);
			t->broken++;
		}
	}
	disk_close(&d);
	t->ended = true;
}

static struct tally
work_all(const struct replay *r, const struct options *o)
{
	struct tally sum = {0}, *each = mmap(NULL, o->workers * sizeof *each,
				    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (each == MAP_FAILED)
		return (struct tally){.broken = 1};
	for (unsigned worker = 0; worker < o->workers; worker++) {
		(void)fflush(stdout);
		if (fork() == 0) {
			work(r, o, worker, &each[worker]);
			(void)fflush(stdout);
			_exit(0);
		}
	}
	while (wait(NULL) > 0)
		;
	for (unsigned worker = 0; worker < o->workers; worker++) {
		const struct tally *t = &each[worker];

		sum.states += t->states;
		sum.broken += t->broken + !t->ended;
		if (!t->ended)
			printf(
			    "broken: --seed %llu --point %llu --variant %llu: recovery ended the "
			    "process\n",
			    (unsigned long long)o->seed, (unsigned long long)t->point,
			    (unsigned long long)t->variant);
	}
	return sum;
}

static bool
read_promises(struct replay *r, const char *path)
{
	FILE *in = fopen(path, "r");
	char line[256];
	bool ok = in != NULL;

	while (ok && fgets(line, sizeof line, in) != NULL) {
		struct replay_promise p = {.acknowledged = strncmp(line, "ack ", 4) == 0};

		ok = p.acknowledged ? sscanf(line, "ack %31s %64s", p.id, p.digest) == 2
				    : sscanf(line, "sent %64s", p.digest) == 1;
		r->promises =
		    mem_realloc_array(r->promises, r->promise_count + 1, sizeof *r->promises);
		r->promises[r->promise_count++] = p;
	}
	if (in != NULL)
		(void)fclose(in);
	if (!ok)
		printf("%s: no promises\n", path);
	return ok;
}

static bool
parse(int argc, char **argv, struct replay *r, struct options *o)
{
	for (int i = 1; i < argc; i++) {
		const char *word = argv[i], *value = i + 1 < argc ? argv[i + 1] : "";

		if (strcmp(word, "--expect-failure") == 0) {
			o->expect_failure = true;
			continue;
		}
		i++;
		if (strcmp(word, "--log") == 0)
			o->log = value;
		else if (strcmp(word, "--root") == 0)
			r->root = value;
		else if (strcmp(word, "--promises") == 0)
			o->promises = value;
		else if (strcmp(word, "--work") == 0)
			o->work = value;
		else if (strcmp(word, "--program") == 0)
			r->program = value;
		else if (strcmp(word, "--every") == 0)
			r->every = (unsigned)strtoul(value, NULL, 10);
		else if (strcmp(word, "--states") == 0)
			o->states = strtoull(value, NULL, 10);
		else if (strcmp(word, "--seed") == 0)
			o->seed = strtoull(value, NULL, 10);
		else if (strcmp(word, "--workers") == 0)
			o->workers = (unsigned)strtoul(value, NULL, 10);
		else if (strcmp(word, "--point") == 0)
			o->point = strtol(value, NULL, 10);
		else if (strcmp(word, "--variant") == 0)
			o->variant = strtol(value, NULL, 10);
		else
			return false;
	}
	if (o->point >= 0)
		o->workers = 1;
	return o->log != NULL && r->root != NULL && o->promises != NULL && o->work != NULL &&
	       r->every > 0 && o->workers > 0 && o->states > 0;
}

int
main(int argc, char **argv)
{
	struct options o = {.states = 2000, .seed = 1, .point = -1, .variant = 0, .workers = 2};
	struct replay r = {.every = 16};
	size_t acknowledged = 0;
	struct tally t;

	if (!parse(argc, argv, &r, &o)) {
		(void)fprintf(stderr, "usage: see the head of replay.c\n");
		return 2;
	}
	if (!read_promises(&r, o.promises) || !replay_load(&r, o.log))
		return 2;
	if (r.points == 0 || r.ack_count == 0) {
		printf("nothing was recorded: %zu changes, %zu acknowledgements\n", r.points,
		    r.ack_count);
		return 2;
	}
	for (size_t i = 0; i < r.promise_count; i++)
		acknowledged += r.promises[i].acknowledged;
	if (r.ack_count != acknowledged) {
		printf("senders had %zu acknowledgements, and %zu were recorded\n", acknowledged,
		    r.ack_count);
		return 2;
	}
	t = work_all(&r, &o);
	printf("states=%llu points=%zu acked=%zu lost=%d\n", (unsigned long long)t.states, r.points,
	    r.ack_count, t.broken > 0);
	mem_free(r.events);
	mem_free(r.promises);
	return (t.broken > 0) == o.expect_failure ? 0 : 1;
}
