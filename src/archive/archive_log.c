/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file of the intake log on disk.
 *
 * Why a crash loses nothing: the name and the header are synced before the first record goes in; a batch is one write
 * and one sync; whoever waits for the batch hears of it after that sync only. Why a crash shows nothing half: a frame
 * carries two checksums and a seal, and a batch without its END frame is cut.
 */
#include "archive_log_int.h"

#include <stdio.h>
#include <string.h>

#include "base_log.h"
#include "base_mem.h"

#define NAME_DIGITS 8u
#define NAME_BYTES  (NAME_DIGITS + 4u)
#define NUMBER_MAX  99999999u

char *
archive_log_path(const char *dir, uint64_t number)
{
	size_t size = strlen(dir) + 32;
	char *path = mem_alloc(size);

	(void)snprintf(path, size, "%s/%08llu.log", dir, (unsigned long long)number);
	return path;
}

bool
archive_log_parse_name(const char *name, uint64_t *number_out)
{
	uint64_t number = 0;

	if (strlen(name) != NAME_BYTES || strcmp(name + NAME_DIGITS, ".log") != 0)
		return false;
	for (size_t i = 0; i < NAME_DIGITS; i++) {
		if (name[i] < '0' || name[i] > '9')
			return false;
		number = number * 10 + (uint64_t)(name[i] - '0');
	}
	*number_out = number;
	return true;
}

static struct archive_log *
log_new(const struct archive_log_place *place, uint64_t number)
{
	struct archive_log *log = mem_calloc(1, sizeof *log);

	log->path = archive_log_path(place->dir, number);
	log->number = number;
	must(pthread_mutex_init(&log->read_lock, NULL) == 0);
	return log;
}

void
archive_log_complete(struct archive_log *log)
{
	os_file_drop(&log->file);
	crypt_sealer_free(&log->sealer);
}

void
archive_log_close(struct archive_log **log)
{
	struct archive_log *taken = *log;

	if (taken == NULL)
		return;
	archive_log_complete(taken);
	os_file_drop(&taken->read_file);
	crypt_sealer_free(&taken->read_sealer);
	(void)pthread_mutex_destroy(&taken->read_lock);
	mem_free(taken->path);
	mem_free(taken);
	*log = NULL;
}

/* New salt, new key; the header with the key wrapped, appended to out. */
static bool
header_make(const struct archive_log_place *place, struct archive_log *log, struct buf *out,
    struct err *err)
{
	struct secret *key = secret_random(CRYPT_KEY_BYTES, &place->rng);
	struct archive_log_header header;
	struct buf context, wrapped;
	bool ok;

	buf_init(&context, 256);
	buf_init(&wrapped, CRYPT_WRAPPED_BYTES_MAX);
	rng_fill(&place->rng, log->header.salt, sizeof log->header.salt);
	archive_record_key_context(&log->header, &context);
	ok = crypt_keys_wrap(place->keys, buf_view(&context), key, &wrapped, err);
	if (ok) {
		header = log->header;
		header.wrapped_key = buf_view(&wrapped);
		archive_record_header_encode(&header, out);
		log->sealer = crypt_sealer_new(key);
		log->read_sealer = crypt_sealer_new(key);
	}
	buf_fini(&context);
	buf_fini(&wrapped);
	secret_free(&key);
	return ok;
}

static bool
sync_name(const struct archive_log_place *place, struct err *err)
{
#ifdef DAYBOOK_SABOTAGE_NO_DIRSYNC
	return true;
#endif
	return os_fs_sync_dir(place->fs, place->dir, err);
}

/*
 * Header first, then the name: whatever is there after a crash was not written to yet. Nothing is allocated here, where
 * senders wait: a file that was not prepared grows with its batches, which costs one sender half his rate and many
 * senders little.
 */
static bool
begin_file(const struct archive_log_place *place, struct archive_log *log, bool fresh,
    struct archive_log_failure *failure, struct err *err)
{
	struct buf header;
	bool ok = false;

	buf_init(&header, ARCHIVE_LOG_START);
	if (!os_fs_open(place->fs, log->path, fresh ? OS_OPEN_CREATE : OS_OPEN_READ_WRITE,
		&log->file, err) ||
	    !header_make(place, log, &header, err) ||
	    !os_file_write_at(log->file, 0, buf_view(&header), err))
		goto out;
	failure->fatal = true;
	if (!os_file_sync(log->file, err) || (fresh && !sync_name(place, err)))
		goto out;
	failure->fatal = false;
	ok = os_fs_open(place->fs, log->path, OS_OPEN_READ, &log->read_file, err);
out:
	buf_fini(&header);
	return ok;
}

bool
archive_log_begin(const struct archive_log_place *place, uint64_t number, bool fresh,
    uint64_t sequence, uint64_t size_bytes, struct archive_log **out,
    struct archive_log_failure *failure, struct err *err)
{
	struct archive_log *log = log_new(place, number);
	struct err ignored;

	*failure = (struct archive_log_failure){.fatal = false};
	if (number > NUMBER_MAX) {
		archive_log_close(&log);
		return ERR(err, ERR_LIMIT, "no number is left for a log file");
	}
	log->header =
	    (struct archive_log_header){.state = ARCHIVE_LOG_IN_USE, .sequence = sequence};
	log->end = ARCHIVE_LOG_START;
	log->size = size_bytes;
	if (begin_file(place, log, fresh, failure, err)) {
		*out = log;
		return true;
	}
	/* It has no record in it, and its space may be what is missing. If it stays, recovery frees it. */
	if (log->file != NULL && !os_fs_unlink(place->fs, log->path, &ignored))
		log_warn("%s: not removed: %s", log->path, ignored.msg);
	(void)err_prefix(err, "%s", log->path);
	archive_log_close(&log);
	return false;
}

bool
archive_log_prepare(
    const struct archive_log_place *place, uint64_t number, uint64_t size_bytes, struct err *err)
{
	struct archive_log_header header = {.state = ARCHIVE_LOG_FREE};
	char *path = archive_log_path(place->dir, number);
	struct os_file *file = NULL;
	struct err ignored;
	struct buf page;
	bool ok;

	buf_init(&page, ARCHIVE_LOG_START);
	archive_record_header_encode(&header, &page);
	ok = os_fs_open(place->fs, path, OS_OPEN_CREATE, &file, err) &&
	     os_file_allocate(file, size_bytes, err) &&
	     os_file_write_at(file, 0, buf_view(&page), err) && os_file_sync(file, err) &&
	     sync_name(place, err);
	if (!ok && file != NULL && !os_fs_unlink(place->fs, path, &ignored))
		log_warn("%s: not removed: %s", path, ignored.msg);
	os_file_drop(&file);
	buf_fini(&page);
	mem_free(path);
	return ok;
}

static bool
key_open(const struct archive_log_place *place, struct archive_log *log, struct bytes wrapped,
    struct err *err)
{
	struct secret *key = NULL;
	struct buf context;
	bool ok;

	buf_init(&context, 256);
	archive_record_key_context(&log->header, &context);
	log->previous = !crypt_keys_is_own(place->keys, wrapped);
	ok = crypt_keys_unwrap(place->keys, buf_view(&context), wrapped, &key, err) &&
	     (secret_view(key).len == CRYPT_KEY_BYTES ||
		 ERR(err, ERR_CORRUPT, "the key of the log is no key"));
	if (ok)
		log->read_sealer = crypt_sealer_new(key);
	secret_free(&key);
	buf_fini(&context);
	return ok;
}

bool
archive_log_open(const struct archive_log_place *place, uint64_t number, struct archive_log **out,
    uint64_t *sequence_out, struct err *err)
{
	struct archive_log *log = log_new(place, number);
	uint8_t *head = mem_calloc(1, ARCHIVE_LOG_START);
	struct bytes wrapped;
	size_t got;
	bool ok;

	ok = os_fs_open(place->fs, log->path, OS_OPEN_READ, &log->read_file, err) &&
	     os_file_size(log->read_file, &log->size, err) &&
	     os_file_read_at(log->read_file, 0, head, ARCHIVE_LOG_START, &got, err) &&
	     archive_record_header_decode(bytes_of(head, got), &log->header, err);
	*sequence_out = ok ? log->header.sequence : 0;
	if (ok && log->header.state == ARCHIVE_LOG_FREE)
		ok = ERR(err, ERR_EXISTS, "the file is free");
	if (ok && log->size > ARCHIVE_LOG_BYTES_MAX)
		ok = ERR(err, ERR_CORRUPT, "larger than any intake log");
	if (ok) {
		wrapped = log->header.wrapped_key;
		log->header.wrapped_key = BYTES_EMPTY;
		ok = key_open(place, log, wrapped, err);
	}
	if (ok)
		*out = log;
	else
		archive_log_close(&log);
	mem_free(head);
	return ok;
}

uint64_t
archive_log_room(const struct archive_log *log)
{
	uint64_t used = log->end + ARCHIVE_FRAME_BYTES;

	return log->file != NULL && used < log->size ? log->size - used : 0;
}

void
archive_log_append(
    struct archive_log *log, struct bytes plain, struct buf *batch, uint64_t *offset_out)
{
	*offset_out = log->end + batch->len;
	archive_record_seal(log->sealer, log->header.salt, ++log->counter, plain, batch);
}

/* The tail goes, so that nothing of a batch that was refused is ever found; checked, because that is a promise. */
static bool
roll_back(struct archive_log *log, struct err *err)
{
	bool ok = os_file_truncate(log->file, log->end, err) && os_file_sync(log->file, err);

	if (ok)
		log->size = log->end;
	return ok;
}

static bool
batch_sync(struct archive_log *log, struct err *err)
{
#ifdef DAYBOOK_SABOTAGE_NO_FSYNC
	return log->file != NULL || ERR(err, ERR_IO, "no file");
#endif
#ifdef DAYBOOK_SABOTAGE_RETRY_FSYNC
	if (!os_file_sync(log->file, err))
		return os_file_sync(log->file, err);
	return true;
#endif
	return os_file_sync(log->file, err);
}

static bool
batch_write(struct archive_log *log, const struct buf *batch, struct err *err)
{
	bool ok = os_file_write_at(log->file, log->end, buf_view(batch), err);

#ifdef DAYBOOK_SABOTAGE_IGNORE_SHORT_WRITE
	ok = true;
#endif
	return ok;
}

bool
archive_log_commit(struct archive_log *log, struct buf *batch, struct archive_log_failure *failure,
    struct err *err)
{
	struct err rollback;
	bool ok = false;

	*failure = (struct archive_log_failure){.fatal = true};
#ifndef DAYBOOK_SABOTAGE_NO_END_RECORD
	archive_record_end(log->header.salt, ++log->counter, batch);
#endif
	must(!batch->failed);
	if (!batch_write(log, batch, err)) {
		failure->fatal = err->code != ERR_NO_SPACE;
		if (!roll_back(log, &rollback)) {
			failure->fatal = true;
			*err = rollback;
		}
		goto out;
	}
	if (!batch_sync(log, err))
		goto out;
	log->end += batch->len;
	failure->fatal = false;
	ok = true;
out:
	if (!ok) {
		(void)err_prefix(err, "%s", log->path);
		archive_log_complete(log);
	}
	return ok;
}

bool
archive_log_read(
    struct archive_log *log, uint64_t offset, uint32_t len, struct buf *plain, struct err *err)
{
	uint8_t *data = mem_alloc(len);
	bool ok;

	must(pthread_mutex_lock(&log->read_lock) == 0);
	ok = os_file_read_exact(log->read_file, offset, data, len, err) &&
	     archive_record_unseal(
		 log->read_sealer, log->header.salt, bytes_of(data, len), plain, err);
	must(pthread_mutex_unlock(&log->read_lock) == 0);
	mem_free(data);
	return ok || err_prefix(err, "%s at %llu", log->path, (unsigned long long)offset);
}

bool
archive_log_free(
    const struct archive_log_place *place, const struct archive_log *log, struct err *err)
{
	struct archive_log_header header = log->header;
	struct os_file *file = NULL;
	struct buf page;
	bool ok;

	header.state = ARCHIVE_LOG_FREE;
	header.wrapped_key = BYTES_EMPTY;
	buf_init(&page, ARCHIVE_LOG_START);
	archive_record_header_encode(&header, &page);
	ok = (os_fs_open(place->fs, log->path, OS_OPEN_READ_WRITE, &file, err) &&
		 os_file_write_at(file, 0, buf_view(&page), err) && os_file_sync(file, err) &&
		 os_file_close(&file, err)) ||
	     err_prefix(err, "%s", log->path);
	os_file_drop(&file);
	buf_fini(&page);
	return ok;
}
