/* SPDX-License-Identifier: Apache-2.0 */
/* One state of the disk: written to a real directory, recovered there, and held against what was promised. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base_log.h"
#include "base_mem.h"
#include "os_fs.h"
#include "replay.h"
#include "state_read.h"

#define PATH_BYTES 4096u
#define WRONG_SIZE 4096u

struct walk {
	struct os_fs from;
	const char *source, *dir;
	bool ok;
};

static bool
copy_file(const struct walk *w, const char *source, const char *target)
{
	struct os_file *file = NULL;
	struct buf content;
	struct err err;
	bool ok;

	buf_init(&content, RECORD_LOG_BYTES);
	ok = os_fs_read_file(w->from, source, RECORD_LOG_BYTES, &content, &err) &&
	     os_fs_open(os_fs_real(), target, OS_OPEN_CREATE, &file, &err) &&
	     os_file_write_at(file, 0, buf_view(&content), &err);
	os_file_drop(&file);
	buf_fini(&content);
	if (!ok)
		printf("%s: %s\n", target, err.msg);
	return ok;
}

static bool
copy_entry(void *ctx, const char *name)
{
	struct walk *w = ctx;
	char source[PATH_BYTES], target[PATH_BYTES];
	struct os_stat st;
	struct err err;

	(void)snprintf(source, sizeof source, "%s/%s", w->source, name);
	(void)snprintf(target, sizeof target, "%s/%s", w->dir, name);
	w->ok = os_fs_stat(w->from, source, &st, &err);
	if (w->ok && st.kind == OS_KIND_DIR) {
		struct walk below = {.from = w->from, .source = source, .dir = target, .ok = true};

		w->ok = os_fs_mkdir(os_fs_real(), target, &err) &&
			os_fs_list(w->from, source, copy_entry, &below, &err) && below.ok;
	} else if (w->ok) {
		w->ok = copy_file(w, source, target);
	}
	return w->ok;
}

bool
replay_export(struct os_fs_memory *m, const char *dir)
{
	struct walk w = {.from = os_fs_memory(m), .source = "", .dir = dir, .ok = true};
	struct err err;

	return os_fs_mkdir(os_fs_real(), dir, &err) &&
	       os_fs_list(w.from, "/", copy_entry, &w, &err) && w.ok;
}

static bool
remove_entry(void *ctx, const char *name)
{
	char path[PATH_BYTES];

	(void)snprintf(path, sizeof path, "%s/%s", (const char *)ctx, name);
	replay_remove(path);
	return true;
}

void
replay_remove(const char *path)
{
	char copy[PATH_BYTES];
	struct os_stat st;
	struct err err;

	(void)snprintf(copy, sizeof copy, "%s", path);
	if (!os_fs_stat(os_fs_real(), path, &st, &err))
		return;
	if (st.kind == OS_KIND_DIR) {
		(void)!os_fs_list(os_fs_real(), path, remove_entry, copy, &err);
		(void)rmdir(path);
	} else {
		(void)unlink(path);
	}
}

/* What is there against what was promised. */
struct verdict {
	const struct replay *r;
	bool *seen;
	char wrong[WRONG_SIZE];
};

static bool
on_message(void *ctx, const char *id, const char *digest)
{
	struct verdict *v = ctx;
	bool sent = false;

	for (size_t i = 0; i < v->r->promise_count; i++) {
		const struct replay_promise *p = &v->r->promises[i];

		if (strcmp(p->digest, digest) == 0) {
			if (v->seen[i])
				(void)snprintf(
				    v->wrong, sizeof v->wrong, "message %s is there twice", id);
			v->seen[i] = sent = true;
			if (p->acknowledged && strcmp(p->id, id) != 0)
				(void)snprintf(v->wrong, sizeof v->wrong,
				    "message %s is there as %s", p->id, id);
		}
	}
	if (!sent)
		(void)snprintf(
		    v->wrong, sizeof v->wrong, "message %s is nothing that was sent", id);
	return v->wrong[0] == '\0';
}

static const struct replay_promise *
promise_of(const struct replay *r, const char *id, size_t *index_out)
{
	for (size_t i = 0; i < r->promise_count; i++)
		if (r->promises[i].acknowledged && strcmp(r->promises[i].id, id) == 0) {
			*index_out = i;
			return &r->promises[i];
		}
	return NULL;
}

/* Every reply that had begun to be sent. */
static void
acks_check(struct verdict *v, size_t acks)
{
	size_t index;

	for (size_t i = 0; acks > 0 && i < v->r->event_count; i++) {
		const struct record_entry *e = v->r->events[i].entry;

		if (e->kind != RECORD_ACK)
			continue;
		acks--;
		if (promise_of(v->r, replay_path(e), &index) == NULL)
			(void)snprintf(v->wrong, sizeof v->wrong,
			    "reply %s was recorded and reached nobody", replay_path(e));
		else if (!v->seen[index])
			(void)snprintf(v->wrong, sizeof v->wrong,
			    "message %s was acknowledged and is lost", replay_path(e));
	}
}

static bool
ended_well(pid_t pid, const char *who, char *wrong, size_t wrong_size)
{
	int status = 0;

	if (waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	if (WIFSIGNALED(status))
		(void)snprintf(
		    wrong, wrong_size, "%s was killed by signal %d", who, WTERMSIG(status));
	else
		(void)snprintf(
		    wrong, wrong_size, "%s ended with code %d", who, WEXITSTATUS(status));
	return false;
}

/* The end of what the program said, behind what is in wrong already. */
static void
said_append(const char *path, char *wrong, size_t wrong_size)
{
	FILE *in = fopen(path, "r");
	char line[WRONG_SIZE];
	size_t len;

	while (in != NULL && fgets(line, sizeof line, in) != NULL) {
		len = strlen(wrong);
		(void)snprintf(
		    wrong + len, wrong_size - len, "\n  %.*s", (int)strcspn(line, "\n"), line);
	}
	if (in != NULL)
		(void)fclose(in);
}

/* A second time, by the real program: what recovery left must be whole as well. */
static bool
program_verifies(const struct replay *r, const char *dir, char *wrong, size_t wrong_size)
{
	char data[PATH_BYTES], said[PATH_BYTES];
	int out;
	pid_t pid;

	(void)snprintf(data, sizeof data, "%s/data", dir);
	(void)snprintf(said, sizeof said, "%s/said", dir);
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		out = open(said, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		(void)dup2(out, STDOUT_FILENO);
		(void)dup2(out, STDERR_FILENO);
		(void)execl(r->program, "daybook", "verify", "--data", data, (char *)NULL);
		_exit(127);
	}
	if (pid > 0 && ended_well(pid, "daybook verify", wrong, wrong_size))
		return true;
	said_append(said, wrong, wrong_size);
	return false;
}

static void
silent(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	(void)line;
}

static bool
promises_hold(const struct replay *r, const char *dir, size_t acks, char *wrong, size_t wrong_size)
{
	struct verdict v = {.r = r};
	char data[PATH_BYTES];
	struct err err;

	v.seen = mem_calloc(r->promise_count + 1, sizeof *v.seen);
	(void)snprintf(data, sizeof data, "%s/data", dir);
	if (!state_read(data, on_message, &v, &err) && v.wrong[0] == '\0')
		(void)snprintf(v.wrong, sizeof v.wrong, "%s", err.msg);
	if (v.wrong[0] == '\0')
		acks_check(&v, acks);
	mem_free(v.seen);
	(void)snprintf(wrong, wrong_size, "%s", v.wrong);
	return v.wrong[0] == '\0';
}

bool
replay_check(const struct replay *r, struct os_fs_memory *state, const char *dir, size_t acks,
    bool with_program, char *wrong, size_t wrong_size)
{
	bool first =
	    with_program && (acks & 1) != 0; /* in half of the cases the program recovers */

	wrong[0] = '\0';
	log_set_sink(silent, NULL);
	replay_remove(dir);
	if (!replay_export(state, dir)) {
		(void)snprintf(wrong, wrong_size, "the state could not be written to %s", dir);
		return false;
	}
	return (!first || program_verifies(r, dir, wrong, wrong_size)) &&
	       promises_hold(r, dir, acks, wrong, wrong_size) &&
	       (!with_program || program_verifies(r, dir, wrong, wrong_size));
}
