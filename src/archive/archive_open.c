/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing: directories, recovery, threads; and what else is asked of the archives as a whole. */
#include <string.h>

#include "archive_int.h"
#include "archive_keys_int.h"
#include "base_log.h"
#include "base_mem.h"
#include "os_thread.h"

#define LOG_FILE_BYTES (64 * LIMIT_MIB)
#define SEAL_AGE_MS    (10 * 60 * 1000)
#define RESERVE_BYTES  (64 * LIMIT_MIB)
#define MERGE_PACKS    8u
#define SPACE_CHECK_MS 1000

static void
conditions_init(struct archive *a)
{
	os_condition_init(&a->writer_wake);
	os_condition_init(&a->sealer_wake);
	os_condition_init(&a->keys_wake);
	must(pthread_mutex_init(&a->lock, NULL) == 0);
	must(pthread_mutex_init(&a->write_lock, NULL) == 0);
	must(pthread_mutex_init(&a->create_lock, NULL) == 0);
	must(pthread_mutex_init(&a->seal_lock, NULL) == 0);
	must(pthread_mutex_init(&a->destroy_lock, NULL) == 0);
	must(pthread_mutex_init(&a->keys_lock, NULL) == 0);
}

static struct archive *
archive_new(const struct archive_options *o)
{
	struct archive *a = mem_calloc(1, sizeof *a);

	a->options = *o;
	a->dir = mem_strdup(o->dir);
	a->options.dir = a->dir;
	if (o->log_file_bytes == 0)
		a->options.log_file_bytes = LOG_FILE_BYTES;
	if (o->seal_age_ms == 0)
		a->options.seal_age_ms = SEAL_AGE_MS;
	if (o->reserve_bytes == 0)
		a->options.reserve_bytes = RESERVE_BYTES;
	if (o->merge_packs == 0)
		a->options.merge_packs = MERGE_PACKS;
	must(a->options.merge_packs >= 2);
	a->intake_dir = archive_path(o->dir, "intake", "");
	a->archives_dir = archive_path(o->dir, "archives", "");
	a->place = (struct archive_log_place){
	    .fs = o->fs, .dir = a->intake_dir, .keys = o->keys, .rng = o->rng};
	a->pending_end = &a->pending;
	a->next_sequence = a->next_number = 1;
	buf_init(&a->batch, ARCHIVE_LOG_BYTES_MAX);
	conditions_init(a);
	return a;
}

static void
archive_free(struct archive *a)
{
	for (size_t i = 0; i < a->file_count; i++)
		archive_unsealed_free(&a->files[i]);
	for (size_t i = 0; i < a->retired_count; i++)
		archive_unsealed_free(&a->retired[i]);
	for (size_t i = 0; i < a->volume_count; i++)
		archive_volume_free(&a->volumes[i]);
	mem_free(a->files);
	mem_free(a->retired);
	mem_free(a->volumes);
	mem_free(a->free_numbers);
	buf_fini(&a->batch);
	(void)pthread_mutex_destroy(&a->lock);
	(void)pthread_mutex_destroy(&a->write_lock);
	(void)pthread_mutex_destroy(&a->create_lock);
	(void)pthread_mutex_destroy(&a->seal_lock);
	(void)pthread_mutex_destroy(&a->destroy_lock);
	(void)pthread_cond_destroy(&a->writer_wake);
	(void)pthread_cond_destroy(&a->sealer_wake);
	(void)pthread_cond_destroy(&a->keys_wake);
	(void)pthread_mutex_destroy(&a->keys_lock);
	mem_free(a->intake_dir);
	mem_free(a->archives_dir);
	mem_free(a->dir);
	mem_free(a);
}

static void
threads_stop(struct archive *a, unsigned count)
{
	atomic_store(&a->closing, true);
	archive_lock(&a->lock);
	must(pthread_cond_broadcast(&a->writer_wake) == 0);
	must(pthread_cond_broadcast(&a->sealer_wake) == 0);
	must(pthread_cond_broadcast(&a->keys_wake) == 0);
	archive_unlock(&a->lock);
	if (count > 0)
		os_thread_join(a->writer);
	if (count > 1)
		os_thread_join(a->sealer);
	if (count > 2)
		os_thread_join(a->keeper);
}

static bool
threads_start(struct archive *a, struct err *err)
{
	unsigned count = 0;
	bool ok = os_thread_start(&a->writer, "archive-log", archive_commit_run, a, err);

	count += ok;
	ok = ok && os_thread_start(&a->sealer, "archive-seal", archive_seal_run, a, err);
	count += ok;
	if (ok && a->options.service_count > 0)
		ok = os_thread_start(&a->keeper, "archive-keys", archive_keys_run, a, err);
	if (!ok)
		threads_stop(a, count);
	return ok;
}

bool
archive_open(const struct archive_options *o, struct archive **out,
    struct archive_recovery *recovery_out, struct err *err)
{
	struct archive *a = archive_new(o);

	*recovery_out = (struct archive_recovery){0};
	if (!os_fs_mkdir_path(o->fs, a->intake_dir, err) ||
	    !os_fs_mkdir_path(o->fs, a->archives_dir, err) ||
	    !archive_recover(a, recovery_out, err))
		goto fail;
	if (o->threads && !threads_start(a, err))
		goto fail;
	*out = a;
	return true;
fail:
	archive_free(a);
	return false;
}

void
archive_close(struct archive **archive)
{
	struct archive *a = *archive;

	if (a == NULL)
		return;
	archive_lock(&a->lock);
	if (a->phase == ARCHIVE_PHASE_OPEN)
		a->phase = ARCHIVE_PHASE_CLOSING;
	archive_unlock(&a->lock);
	threads_stop(a, !a->options.threads ? 0 : a->options.service_count > 0 ? 3 : 2);
	archive_commit_finish(a);
	archive_free(a);
	*archive = NULL;
}

bool
archive_failed(struct archive *a)
{
	bool failed;

	archive_lock(&a->lock);
	failed = a->phase == ARCHIVE_PHASE_FAILED;
	archive_unlock(&a->lock);
	return failed;
}

bool
archive_space_low(struct archive *a)
{
	int64_t now_ms = clock_mono_ms(&a->options.clock);
	uint64_t left;
	struct err err;
	bool ask, low;

	archive_lock(&a->lock);
	ask = !a->space_checked || now_ms - a->space_checked_ms >= SPACE_CHECK_MS;
	a->space_checked = true;
	if (ask)
		a->space_checked_ms = now_ms;
	low = a->space_low;
	archive_unlock(&a->lock);
	if (!ask)
		return low;
	/* A disk that does not say keeps the last answer: the write itself will tell. */
	if (os_fs_space(a->options.fs, a->intake_dir, &left, &err))
		low = left < a->options.reserve_bytes;
	archive_lock(&a->lock);
	a->space_low = low;
	archive_unlock(&a->lock);
	return low;
}

int64_t
archive_oldest_unsealed_ms(struct archive *a)
{
	int64_t oldest = 0;

	archive_lock(&a->lock);
	for (size_t i = 0; i < a->file_count; i++)
		for (size_t j = 0; j < a->files[i]->row_count; j++) {
			const struct archive_unsealed_row *row = a->files[i]->rows[j];

			if (!row->sealed && (oldest == 0 || row->received_ms < oldest))
				oldest = row->received_ms;
		}
	archive_unlock(&a->lock);
	return oldest;
}
