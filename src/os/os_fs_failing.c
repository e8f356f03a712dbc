/* SPDX-License-Identifier: Apache-2.0 */
/* Faults as an ordinary file driver. */
#include "os_fs_failing.h"

#include <errno.h>
#include <pthread.h>

#include "base_mem.h"
#include "os_fs_int.h"

struct os_fs_failing {
	struct os_fs under;
	pthread_mutex_t lock; /* guards what follows */
	uint64_t counts[OS_CALL_ANY + 1];
	uint64_t failed;
	bool armed;
	struct os_failure failure;
	uint64_t armed_at; /* counts[failure.call] when armed */
};

struct failing_file {
	struct os_file base;
	struct os_fs_failing *driver;
	struct os_file *under; /* owned */
	bool sync_lost;
};

/* What is to happen to one call. */
enum verdict { PASS, FAIL_BEFORE, FAIL_PARTLY, FAIL_AFTER };

static struct failing_file *
file_of(struct os_file *f)
{
	return (struct failing_file *)(void *)f;
}

/* Counts the call and decides. */
static enum verdict
judge(struct os_fs_failing *f, enum os_call call)
{
	static const enum verdict verdicts[] = {
	    [OS_FAIL_BEFORE] = FAIL_BEFORE,
	    [OS_FAIL_PARTLY] = FAIL_PARTLY,
	    [OS_FAIL_AFTER] = FAIL_AFTER,
	};
	enum verdict verdict = PASS;

	must(pthread_mutex_lock(&f->lock) == 0);
	f->counts[call]++;
	f->counts[OS_CALL_ANY]++;
	if (f->armed && (f->failure.call == call || f->failure.call == OS_CALL_ANY)) {
		uint64_t nth = f->counts[f->failure.call] - f->armed_at;

		if (nth == f->failure.nth || (f->failure.from_then_on && nth > f->failure.nth)) {
			verdict = verdicts[f->failure.how];
			f->failed++;
		}
	}
	must(pthread_mutex_unlock(&f->lock) == 0);
	return verdict;
}

static bool
fail(const struct os_fs_failing *f, enum os_call call, struct err *err)
{
	errno = f->failure.sys_errno;
	return ERR_SYS(
	    err, os_fs_code_of(f->failure.sys_errno), "%s (made to fail)", os_call_name(call));
}

/* The end of a call whose verdict did not keep it from being done. */
static bool
finish(const struct os_fs_failing *f, enum os_call call, enum verdict verdict, bool done,
    struct err *err)
{
	return done && (verdict == PASS || fail(f, call, err));
}

static bool
failing_read_at(
    struct os_file *f, uint64_t at, void *out, size_t len, size_t *got_out, struct err *err)
{
	struct failing_file *file = file_of(f);

	if (judge(file->driver, OS_CALL_READ) != PASS)
		return fail(file->driver, OS_CALL_READ, err);
	return os_file_read_at(file->under, at, out, len, got_out, err);
}

static bool
failing_write_at(struct os_file *f, uint64_t at, struct bytes data, struct err *err)
{
	struct failing_file *file = file_of(f);
	enum verdict verdict = judge(file->driver, OS_CALL_WRITE);

	if (verdict == FAIL_BEFORE)
		return fail(file->driver, OS_CALL_WRITE, err);
	if (verdict == FAIL_PARTLY)
		data.len /= 2;
	return finish(file->driver, OS_CALL_WRITE, verdict,
	    os_file_write_at(file->under, at, data, err), err);
}

static bool
failing_sync(struct os_file *f, struct err *err)
{
	struct failing_file *file = file_of(f);
	enum verdict verdict = judge(file->driver, OS_CALL_SYNC);
	bool lost = file->sync_lost;

	if (verdict != PASS)
		file->sync_lost = true;
	if (verdict == FAIL_BEFORE || verdict == FAIL_PARTLY)
		return fail(file->driver, OS_CALL_SYNC, err);
	return finish(
	    file->driver, OS_CALL_SYNC, verdict, lost || os_file_sync(file->under, err), err);
}

static bool
failing_allocate(struct os_file *f, uint64_t size, struct err *err)
{
	struct failing_file *file = file_of(f);
	enum verdict verdict = judge(file->driver, OS_CALL_ALLOCATE);
	uint64_t now;

	if (verdict == FAIL_BEFORE)
		return fail(file->driver, OS_CALL_ALLOCATE, err);
	if (verdict == FAIL_PARTLY) {
		if (!os_file_size(file->under, &now, err))
			return false;
		size = size > now ? now + (size - now) / 2 : now;
	}
	return finish(
	    file->driver, OS_CALL_ALLOCATE, verdict, os_file_allocate(file->under, size, err), err);
}

static bool
failing_truncate(struct os_file *f, uint64_t size, struct err *err)
{
	struct failing_file *file = file_of(f);
	enum verdict verdict = judge(file->driver, OS_CALL_TRUNCATE);

	if (verdict == FAIL_BEFORE || verdict == FAIL_PARTLY)
		return fail(file->driver, OS_CALL_TRUNCATE, err);
	return finish(
	    file->driver, OS_CALL_TRUNCATE, verdict, os_file_truncate(file->under, size, err), err);
}

static bool
failing_size(struct os_file *f, uint64_t *size_out, struct err *err)
{
	struct failing_file *file = file_of(f);

	if (judge(file->driver, OS_CALL_STAT) != PASS)
		return fail(file->driver, OS_CALL_STAT, err);
	return os_file_size(file->under, size_out, err);
}

static bool
failing_close(struct os_file *f, struct err *err)
{
	struct failing_file *file = file_of(f);
	struct os_fs_failing *driver = file->driver;
	enum verdict verdict = judge(driver, OS_CALL_CLOSE);
	bool done = os_file_close(&file->under, err);

	mem_free(file);
	return finish(driver, OS_CALL_CLOSE, verdict, done, err);
}

static const struct os_file_ops failing_file_ops = {
    .read_at = failing_read_at,
    .write_at = failing_write_at,
    .sync = failing_sync,
    .allocate = failing_allocate,
    .truncate = failing_truncate,
    .size = failing_size,
    .close = failing_close,
};

static bool
failing_open(
    void *ctx, const char *path, enum os_open_mode mode, struct os_file **out, struct err *err)
{
	struct os_fs_failing *f = ctx;
	enum verdict verdict = judge(f, OS_CALL_OPEN);
	struct os_file *under = NULL;
	struct failing_file *file;

	if (verdict == FAIL_BEFORE || verdict == FAIL_PARTLY)
		return fail(f, OS_CALL_OPEN, err);
	if (!os_fs_open(f->under, path, mode, &under, err))
		return false;
	/* AFTER: a new file is there, but nobody holds it. */
	if (verdict == FAIL_AFTER) {
		os_file_drop(&under);
		return fail(f, OS_CALL_OPEN, err);
	}
	file = mem_calloc(1, sizeof *file);
	file->base.ops = &failing_file_ops;
	file->driver = f;
	file->under = under;
	*out = &file->base;
	return true;
}

static bool
failing_rename(void *ctx, const char *from, const char *to, struct err *err)
{
	struct os_fs_failing *f = ctx;
	enum verdict verdict = judge(f, OS_CALL_RENAME);

	if (verdict == FAIL_BEFORE || verdict == FAIL_PARTLY)
		return fail(f, OS_CALL_RENAME, err);
	return finish(f, OS_CALL_RENAME, verdict, os_fs_rename(f->under, from, to, err), err);
}

typedef bool (*path_call_fn)(struct os_fs fs, const char *path, struct err *err);

static bool
pass_path(struct os_fs_failing *f, enum os_call call, path_call_fn under, const char *path,
    struct err *err)
{
	enum verdict verdict = judge(f, call);

	if (verdict == FAIL_BEFORE || verdict == FAIL_PARTLY)
		return fail(f, call, err);
	return finish(f, call, verdict, under(f->under, path, err), err);
}

static bool
failing_unlink(void *ctx, const char *path, struct err *err)
{
	return pass_path(ctx, OS_CALL_UNLINK, os_fs_unlink, path, err);
}

static bool
failing_mkdir(void *ctx, const char *path, struct err *err)
{
	return pass_path(ctx, OS_CALL_MKDIR, os_fs_mkdir, path, err);
}

static bool
failing_sync_dir(void *ctx, const char *path, struct err *err)
{
	return pass_path(ctx, OS_CALL_SYNC_DIR, os_fs_sync_dir, path, err);
}

static bool
failing_sync_all(void *ctx, const char *path, struct err *err)
{
	return pass_path(ctx, OS_CALL_SYNC_ALL, os_fs_sync_all, path, err);
}

static bool
failing_list(void *ctx, const char *path, os_list_fn visit, void *visit_ctx, struct err *err)
{
	struct os_fs_failing *f = ctx;
	enum verdict verdict = judge(f, OS_CALL_LIST);

	if (verdict == FAIL_BEFORE || verdict == FAIL_PARTLY)
		return fail(f, OS_CALL_LIST, err);
	return finish(
	    f, OS_CALL_LIST, verdict, os_fs_list(f->under, path, visit, visit_ctx, err), err);
}

static bool
failing_stat(void *ctx, const char *path, struct os_stat *out, struct err *err)
{
	struct os_fs_failing *f = ctx;

	if (judge(f, OS_CALL_STAT) != PASS)
		return fail(f, OS_CALL_STAT, err);
	return os_fs_stat(f->under, path, out, err);
}

static bool
failing_space(void *ctx, const char *path, uint64_t *free_out, struct err *err)
{
	struct os_fs_failing *f = ctx;

	if (judge(f, OS_CALL_STAT) != PASS)
		return fail(f, OS_CALL_STAT, err);
	return os_fs_space(f->under, path, free_out, err);
}

struct os_fs
os_fs_failing(struct os_fs_failing *f)
{
	static const struct os_fs_ops ops = {
	    .open = failing_open,
	    .rename = failing_rename,
	    .unlink = failing_unlink,
	    .mkdir = failing_mkdir,
	    .sync_dir = failing_sync_dir,
	    .sync_all = failing_sync_all,
	    .list = failing_list,
	    .stat = failing_stat,
	    .space = failing_space,
	};

	return (struct os_fs){.ops = &ops, .ctx = f};
}

struct os_fs_failing *
os_fs_failing_new(struct os_fs under)
{
	struct os_fs_failing *f = mem_calloc(1, sizeof *f);

	f->under = under;
	must(pthread_mutex_init(&f->lock, NULL) == 0);
	return f;
}

void
os_fs_failing_free(struct os_fs_failing **f)
{
	if (*f == NULL)
		return;
	(void)pthread_mutex_destroy(&(*f)->lock);
	mem_free(*f);
	*f = NULL;
}

void
os_fs_failing_arm(struct os_fs_failing *f, const struct os_failure *failure)
{
	must(failure->nth >= 1 && failure->sys_errno != 0);
	must(pthread_mutex_lock(&f->lock) == 0);
	f->failure = *failure;
	f->armed_at = f->counts[failure->call];
	f->armed = true;
	must(pthread_mutex_unlock(&f->lock) == 0);
}

void
os_fs_failing_disarm(struct os_fs_failing *f)
{
	must(pthread_mutex_lock(&f->lock) == 0);
	f->armed = false;
	must(pthread_mutex_unlock(&f->lock) == 0);
}

uint64_t
os_fs_failing_count(struct os_fs_failing *f, enum os_call call)
{
	uint64_t count;

	must(pthread_mutex_lock(&f->lock) == 0);
	count = f->counts[call];
	must(pthread_mutex_unlock(&f->lock) == 0);
	return count;
}

uint64_t
os_fs_failing_failed(struct os_fs_failing *f)
{
	uint64_t failed;

	must(pthread_mutex_lock(&f->lock) == 0);
	failed = f->failed;
	must(pthread_mutex_unlock(&f->lock) == 0);
	return failed;
}

const char *
os_call_name(enum os_call call)
{
	static const char *const names[] = {
	    [OS_CALL_OPEN] = "open",
	    [OS_CALL_READ] = "read",
	    [OS_CALL_WRITE] = "write",
	    [OS_CALL_SYNC] = "sync",
	    [OS_CALL_RENAME] = "rename",
	    [OS_CALL_UNLINK] = "unlink",
	    [OS_CALL_MKDIR] = "mkdir",
	    [OS_CALL_SYNC_DIR] = "sync_dir",
	    [OS_CALL_SYNC_ALL] = "sync_all",
	    [OS_CALL_LIST] = "list",
	    [OS_CALL_STAT] = "stat",
	    [OS_CALL_ALLOCATE] = "allocate",
	    [OS_CALL_TRUNCATE] = "truncate",
	    [OS_CALL_CLOSE] = "close",
	    [OS_CALL_ANY] = "any",
	};

	return names[call];
}
