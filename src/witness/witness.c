/* SPDX-License-Identifier: Apache-2.0 */
/* The rounds: which checkpoint is news to whom, and what became of it. */
#include "witness.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "archive_proof.h"
#include "base_log.h"
#include "base_mem.h"
#include "os_thread.h"
#include "proof_checkpoint.h"
#include "witness_int.h"

#define LOOK_MS 1000

struct witness_set {
	struct witness_options o;
	char *dir;
	int64_t due_ms[WITNESSES_MAX]; /* monotonic; of whoever runs the rounds */
	pthread_t thread;
	bool thread_started;
	atomic_bool closing;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	/* lock */
	struct witness_seen **seen;
	size_t seen_count;
};

static void
set_lock(struct witness_set *s)
{
	must(pthread_mutex_lock(&s->lock) == 0);
}

static void
set_unlock(struct witness_set *s)
{
	must(pthread_mutex_unlock(&s->lock) == 0);
}

/* --- what they saw --------------------------------------------------------------------------------------- */

static char *
place_of(const struct witness_set *s, const char *archive_id, const char *name)
{
	size_t size = strlen(s->dir) + strlen(archive_id) + strlen(name) + 3;
	char *path = mem_alloc(size);

	(void)snprintf(
	    path, size, "%s/%s%s%s", s->dir, archive_id, name[0] == '\0' ? "" : "/", name);
	return path;
}

/* The line of its key in a note that was kept. */
static void
line_take(struct witness_seen *seen, const struct proof_note *note)
{
	struct proof_note one = *note;
	struct err ignored;

	for (struct bytes left = note->signatures; left.len > 0;) {
		size_t end = bytes_find_byte(left, 0, '\n');

		one.signatures = bytes_slice(left, 0, end + 1);
		if (proof_note_verify(&one, &seen->config->key, &seen->signed_s, &ignored)) {
			buf_append(&seen->line, one.signatures);
			return;
		}
		left = bytes_slice(left, end + 1, left.len);
	}
}

/* What was kept is only a hint where to begin: what does not read is as good as nothing. */
static void
seen_load(const struct witness_set *s, struct witness_seen *seen)
{
	char *path = place_of(s, seen->archive_id, seen->config->name);
	struct proof_checkpoint checkpoint;
	struct proof_note note;
	struct os_stat st;
	struct buf text;
	struct err err;

	buf_init(&text, PROOF_NOTE_BYTES_MAX);
	if (!os_fs_read_file(s->o.fs, path, PROOF_NOTE_BYTES_MAX, &text, &err) ||
	    !proof_note_parse(buf_view(&text), &note, &err) ||
	    !proof_checkpoint_parse(note.text, &checkpoint, &err)) {
		if (err.code != ERR_NOT_FOUND)
			log_warn("witness %s: what it saw is not known: %s", seen->config->name,
			    err.msg);
	} else {
		if (seen->config->kind == WITNESS_COSIGN)
			line_take(seen, &note);
		/* Under another key than before it is another witness. */
		if (seen->config->kind != WITNESS_COSIGN || seen->line.len > 0)
			seen->leaves = checkpoint.size;
		if (os_fs_stat(s->o.fs, path, &st, &err))
			seen->seen_ms = st.modified_ms;
	}
	buf_fini(&text);
	mem_free(path);
}

static struct witness_seen *
seen_of(struct witness_set *s, const struct witness_config *w, const char *archive_id)
{
	struct witness_seen *seen;

	for (size_t i = 0; i < s->seen_count; i++)
		if (s->seen[i]->config == w && strcmp(s->seen[i]->archive_id, archive_id) == 0)
			return s->seen[i];
	seen = mem_calloc(1, sizeof *seen);
	seen->config = w;
	(void)snprintf(seen->archive_id, sizeof seen->archive_id, "%s", archive_id);
	buf_init(&seen->line, PROOF_NOTE_BYTES_MAX);
	seen_load(s, seen);
	set_lock(s);
	s->seen = mem_realloc_array(s->seen, s->seen_count + 1, sizeof(struct witness_seen *));
	s->seen[s->seen_count++] = seen;
	set_unlock(s);
	return seen;
}

static bool
seen_store(const struct witness_set *s, const struct witness_seen *seen, struct bytes note,
    struct err *err)
{
	char *dir = place_of(s, seen->archive_id, ""),
	     *path = place_of(s, seen->archive_id, seen->config->name);
	bool ok = os_fs_mkdir_path(s->o.fs, dir, err) && os_fs_write_file(s->o.fs, path, note, err);

	mem_free(dir);
	mem_free(path);
	return ok;
}

/* --- one checkpoint -------------------------------------------------------------------------------------- */

static void
head_fini(struct witness_head *head)
{
	buf_fini(&head->note);
	buf_fini(&head->vkey);
}

static bool
head_take(
    const struct witness_set *s, const char *archive_id, struct witness_head *head, struct err *err)
{
	buf_init(&head->note, PROOF_NOTE_BYTES_MAX);
	buf_init(&head->vkey, PROOF_VKEY_BYTES_MAX);
	return archive_proof_checkpoint(
	    s->o.archive, archive_id, &head->size, &head->note, &head->vkey, err);
}

/* The signature beside the checkpoint it is for; when the log has grown meanwhile, the next one gets the next. */
static bool
line_keep(const struct witness_set *s, const char *archive_id, struct bytes note, struct bytes line,
    struct err *err)
{
	return archive_proof_cosign(s->o.archive, archive_id, note, line, err) ||
	       err->code == ERR_BUSY;
}

static bool
show(const struct witness_set *s, const struct witness_seen *seen, const struct witness_head *head,
    struct witness_outcome *out, struct err *err)
{
	const struct witness_config *w = seen->config;

	if (w->kind == WITNESS_COSIGN)
		return witness_cosign(&s->o, w, seen->archive_id,
			   seen->leaves < head->size ? seen->leaves : head->size, out, err) &&
		       line_keep(
			   s, seen->archive_id, buf_view(&out->note), buf_view(&out->line), err);
	if (!witness_hand(&s->o, w, seen->archive_id, head, err))
		return false;
	out->leaves = head->size;
	buf_append(&out->note, buf_view(&head->note));
	return true;
}

static void
remember(struct witness_set *s, struct witness_seen *seen, const struct witness_outcome *out,
    bool ok, const struct err *err)
{
	int64_t now = clock_now_ms(&s->o.clock);

	set_lock(s);
	seen->refused = out->refused;
	if (ok) {
		seen->leaves = out->leaves;
		seen->signed_s = out->signed_s;
		seen->seen_ms = now;
		seen->error[0] = '\0';
		buf_reset(&seen->line);
		buf_append(&seen->line, buf_view(&out->line));
	} else {
		seen->error_ms = now;
		(void)snprintf(seen->error, sizeof seen->error, "%s", err->msg);
	}
	set_unlock(s);
}

/* Loud when something changes; the same trouble again every interval is not news. */
static void
tell(const struct witness_seen *seen, bool ok, const struct witness_outcome *out,
    const struct err *err)
{
	bool news = strcmp(seen->error, err->msg) != 0;

	if (ok && seen->error[0] != '\0')
		log_info(
		    "witness %s, archive %s: well again", seen->config->name, seen->archive_id);
	if (ok)
		log_debug("witness %s, archive %s: saw %llu leaves", seen->config->name,
		    seen->archive_id, (unsigned long long)out->leaves);
	else if (out->refused && news)
		log_error("witness %s, archive %s: REFUSED: %s", seen->config->name,
		    seen->archive_id, err->msg);
	else if (news)
		log_warn(
		    "witness %s, archive %s: %s", seen->config->name, seen->archive_id, err->msg);
}

/* false: the witness is away, and will be for its other archives, too. */
static bool
publish(struct witness_set *s, const struct witness_config *w, const char *archive_id)
{
	struct witness_seen *seen = seen_of(s, w, archive_id);
	struct witness_outcome out;
	struct witness_head head;
	struct err err = {0};
	bool ok;

	witness_outcome_init(&out);
	ok = head_take(s, archive_id, &head, &err);
	if (ok && (head.size == 0 || (head.size == seen->leaves && seen->error[0] == '\0'))) {
		head_fini(&head);
		witness_outcome_fini(&out);
		return true;
	}
	ok = ok && show(s, seen, &head, &out, &err) &&
	     seen_store(s, seen, buf_view(&out.note), &err);
	if (ok || err.code != ERR_CANCELLED) {
		tell(seen, ok, &out, &err);
		remember(s, seen, &out, ok, &err);
	}
	head_fini(&head);
	witness_outcome_fini(&out);
	return ok || err.code != ERR_TIMEOUT;
}

static void
round_of(struct witness_set *s, const struct witness_config *w)
{
	char id[ARCHIVE_ID_SIZE];
	bool there = true;

	for (size_t i = 0;
	     there && !atomic_load(&s->closing) && archive_proof_name(s->o.archive, i, id); i++)
		there = publish(s, w, id);
}

void
witness_round(struct witness_set *s)
{
	for (size_t i = 0; i < s->o.count && !atomic_load(&s->closing); i++) {
		if (clock_mono_ms(&s->o.clock) < s->due_ms[i])
			continue;
		round_of(s, &s->o.list[i]);
		s->due_ms[i] = clock_mono_ms(&s->o.clock) + s->o.list[i].interval_ms;
	}
}

/* --- life ------------------------------------------------------------------------------------------------ */

static void *
run(void *ctx)
{
	struct witness_set *s = ctx;
	struct timespec until;

	while (!atomic_load(&s->closing)) {
		witness_round(s);
		until = os_deadline(LOOK_MS);
		set_lock(s);
		if (!atomic_load(&s->closing))
			(void)pthread_cond_timedwait(&s->wake, &s->lock, &until);
		set_unlock(s);
	}
	return NULL;
}

bool
witness_open(const struct witness_options *o, struct witness_set **out, struct err *err)
{
	struct witness_set *s = mem_calloc(1, sizeof *s);

	must(o->count <= WITNESSES_MAX);
	s->o = *o;
	s->dir = mem_strdup(o->dir);
	must(pthread_mutex_init(&s->lock, NULL) == 0);
	os_condition_init(&s->wake);
	*out = s;
	if (o->threads && o->count > 0)
		s->thread_started = os_thread_start(&s->thread, "witness", run, s, err);
	if (s->thread_started || !o->threads || o->count == 0)
		return true;
	witness_close(out);
	return false;
}

void
witness_close(struct witness_set **set)
{
	struct witness_set *s = *set;

	*set = NULL;
	if (s == NULL)
		return;
	atomic_store(&s->closing, true);
	set_lock(s);
	must(pthread_cond_broadcast(&s->wake) == 0);
	set_unlock(s);
	if (s->thread_started)
		os_thread_join(s->thread);
	for (size_t i = 0; i < s->seen_count; i++) {
		buf_fini(&s->seen[i]->line);
		mem_free(s->seen[i]);
	}
	mem_free(s->seen);
	mem_free(s->dir);
	(void)pthread_cond_destroy(&s->wake);
	(void)pthread_mutex_destroy(&s->lock);
	mem_free(s);
}

/* --- status ---------------------------------------------------------------------------------------------- */

/* Copied, so that nothing is called and no disk read under the lock. */
static bool
state_copy(struct witness_set *s, const struct witness_config *w, const char *archive_id,
    struct witness_state *out, char error[192])
{
	bool found = false;

	*out = (struct witness_state){.config = w, .archive_id = archive_id, .error = error};
	error[0] = '\0';
	set_lock(s);
	for (size_t i = 0; i < s->seen_count && !found; i++) {
		const struct witness_seen *seen = s->seen[i];

		if (seen->config != w || strcmp(seen->archive_id, archive_id) != 0)
			continue;
		found = true;
		out->leaves = seen->leaves;
		out->seen_ms = seen->seen_ms;
		out->signed_s = seen->signed_s;
		out->refused = seen->refused;
		out->error_ms = seen->error_ms;
		memcpy(error, seen->error, sizeof seen->error);
	}
	set_unlock(s);
	return found;
}

static void
state_visit(struct witness_set *s, const struct witness_config *w, const char *archive_id,
    witness_visit_fn visit, void *ctx)
{
	struct witness_state state;
	struct witness_head head;
	struct proof_note note;
	char error[192];
	struct err err;

	(void)state_copy(s, w, archive_id, &state, error);
	if (head_take(s, archive_id, &head, &err)) {
		state.log_leaves = head.size;
		state.signed_head = w->kind == WITNESS_COSIGN &&
				    proof_note_parse(buf_view(&head.note), &note, &err) &&
				    proof_note_verify(&note, &w->key, NULL, &err);
	} else if (error[0] == '\0') {
		(void)snprintf(error, sizeof error, "%s", err.msg);
	}
	head_fini(&head);
	visit(ctx, &state);
}

void
witness_each(struct witness_set *s, const char *archive_id, witness_visit_fn visit, void *ctx)
{
	char id[ARCHIVE_ID_SIZE];

	for (size_t w = 0; w < s->o.count; w++)
		for (size_t i = 0; archive_proof_name(s->o.archive, i, id); i++)
			if (archive_id == NULL || strcmp(archive_id, id) == 0)
				state_visit(s, &s->o.list[w], id, visit, ctx);
}
