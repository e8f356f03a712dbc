/* SPDX-License-Identifier: Apache-2.0 */
/* What is there when the log is opened: its key, its head, and the end of the newest file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit_int.h"
#include "base_log.h"
#include "base_mem.h"

#define KEY_CONTEXT BYTES_LIT("daybook audit")

struct numbers {
	uint64_t *list;
	size_t count, room;
};

static bool
number_add(void *ctx, const char *name)
{
	struct numbers *n = ctx;
	uint64_t number;

	if (!audit_file_parse_name(name, &number))
		return true;
	if (n->count == n->room) {
		n->room = n->room == 0 ? 16 : n->room * 2;
		n->list = mem_realloc_array(n->list, n->room, sizeof *n->list);
	}
	n->list[n->count++] = number;
	return true;
}

static int
compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

bool
audit_numbers(const struct audit_options *o, uint64_t **out, size_t *count_out, struct err *err)
{
	struct numbers n = {NULL, 0, 0};

	*out = NULL;
	*count_out = 0;
	if (!os_fs_list(o->fs, o->dir, number_add, &n, err)) {
		mem_free(n.list);
		return false;
	}
	if (n.count > 0)
		qsort(n.list, n.count, sizeof *n.list, compare_numbers);
	*out = n.list;
	*count_out = n.count;
	return true;
}

static bool
key_store(struct audit *a, const char *path, struct err *err)
{
	struct buf wrapped;
	bool ok;

	buf_init(&wrapped, CRYPT_WRAPPED_BYTES_MAX);
	ok = crypt_keys_wrap(a->o.keys, KEY_CONTEXT, a->key, &wrapped, err) &&
	     os_fs_write_file(a->o.fs, path, buf_view(&wrapped), err);
	buf_fini(&wrapped);
	return ok;
}

static bool
key_make(struct audit *a, const char *path, struct err *err)
{
	a->key = secret_random(CRYPT_KEY_BYTES, &a->o.rng);
	return key_store(a, path, err);
}

static bool
key_load(struct audit *a, const char *path, struct err *err)
{
	struct buf wrapped;
	bool ok;

	buf_init(&wrapped, CRYPT_WRAPPED_BYTES_MAX);
	ok = os_fs_read_file(a->o.fs, path, CRYPT_WRAPPED_BYTES_MAX, &wrapped, err);
	if (!ok && err->code == ERR_LIMIT)
		ok = ERR(err, ERR_CORRUPT, "longer than a wrapped key can be");
	ok = ok && crypt_keys_unwrap(a->o.keys, KEY_CONTEXT, buf_view(&wrapped), &a->key, err) &&
	     (secret_view(a->key).len == CRYPT_KEY_BYTES ||
		 ERR(err, ERR_CORRUPT, "not the key of an audit log"));
	/* The key file was replaced: this hangs on the new one from now on. */
	if (ok && !crypt_keys_is_own(a->o.keys, buf_view(&wrapped)))
		ok = key_store(a, path, err);
	buf_fini(&wrapped);
	return ok;
}

/* Key and head come before the first file: where a file is, both must be. */
static bool
key_and_head(struct audit *a, bool files, struct audit_head *head, struct audit_recovery *found,
    struct err *err)
{
	char *path = mem_alloc(strlen(a->dir) + 8);
	struct os_stat st;
	bool ok;

	(void)snprintf(path, strlen(a->dir) + 8, "%s/key", a->dir);
	memset(head, 0, sizeof *head);
	if (os_fs_stat(a->o.fs, path, &st, err))
		ok = key_load(a, path, err);
	else if (err->code == ERR_NOT_FOUND && !files)
		ok = key_make(a, path, err);
	else
		ok = false;
	if (!ok)
		(void)err_prefix(err, "%s", path);
	mem_free(path);
	if (!ok)
		return false;
	a->head_sealer = audit_head_sealer(a->key);
	if (audit_head_read(&a->o, a->key, head, err))
		return true;
	memset(head, 0, sizeof *head);
	if (err->code == ERR_NOT_FOUND && !files)
		return audit_head_write(a, err);
	if (err->code != ERR_NOT_FOUND && err->code != ERR_CORRUPT && err->code != ERR_UNSUPPORTED)
		return false;
	/* The files say what they can; that the head was no help is damage. */
	log_error("audit log: %s", err->msg);
	found->damaged++;
	return true;
}

/* Where the log really ends, and what is to be cut. */
struct tail {
	uint64_t promised; /* the greatest number that was promised to anybody */
	uint64_t end, sequence;
	uint64_t damaged;
	uint8_t chain[CRYPT_SHA256_BYTES];
};

static void
promised_find(const struct audit_file *f, struct tail *t)
{
	struct audit_record r;
	struct buf plain;
	struct err ignored;

	buf_init(&plain, AUDIT_PLAIN_MAX);
	for (size_t i = 0; i < f->item_count; i++)
		if (!f->items[i].damaged && f->items[i].frame.durable > t->promised &&
		    audit_file_record(f, &f->items[i], &plain, &r, &ignored))
			t->promised = f->items[i].frame.durable;
	buf_fini(&plain);
}

/* Whole frames one after the other; past the first that is not, everything up to what was promised is damage. */
static void
tail_walk(const struct audit_file *f, struct tail *t)
{
	struct audit_record r;
	struct buf plain;
	struct err why;

	buf_init(&plain, AUDIT_PLAIN_MAX);
	for (size_t i = 0; i < f->item_count; i++) {
		const struct audit_item *item = &f->items[i];
		bool good = audit_file_record(f, item, &plain, &r, &why) &&
			    item->frame.sequence == t->sequence + 1 &&
			    memcmp(item->frame.previous, t->chain, sizeof t->chain) == 0;

		if (good) {
			t->sequence = item->frame.sequence;
			audit_file_hash(f, item, t->chain);
			t->end = item->offset + item->length;
		} else if (t->sequence < t->promised) {
			t->damaged++;
			log_error("audit log file %llu is damaged at %llu: %s",
			    (unsigned long long)f->header.number, (unsigned long long)item->offset,
			    why.code != ERR_NONE ? why.msg : "it does not follow the one before");
			if (!item->damaged) {
				t->sequence = item->frame.sequence;
				audit_file_hash(f, item, t->chain);
			}
			t->end = item->offset + item->length;
		} else {
			break;
		}
		why.code = ERR_NONE;
	}
	buf_fini(&plain);
}

static bool
newest_open(struct audit *a, const struct audit_file *f, struct tail *t,
    struct audit_recovery *found, struct err *err)
{
	char *path = audit_file_path(a->dir, f->header.number);
	bool ok = true;

	if (t->end < f->data.len) {
		found->torn_bytes = f->data.len - t->end;
		log_warn("audit log file %llu: cut %llu bytes that were never promised",
		    (unsigned long long)f->header.number, (unsigned long long)found->torn_bytes);
	}
	ok = os_fs_open(a->o.fs, path, OS_OPEN_READ_WRITE, &a->file, err) &&
	     (found->torn_bytes == 0 || os_file_truncate(a->file, t->end, err)) &&
	     os_file_sync(a->file, err) && os_fs_sync_dir(a->o.fs, a->dir, err);
	if (ok) {
		memcpy(a->salt, f->header.salt, sizeof a->salt);
		a->sealer = audit_file_sealer(a->key, a->salt);
	}
	/* Nothing is written behind damage: the next record begins a file. */
	if (t->damaged > 0 || !ok) {
		os_file_drop(&a->file);
		crypt_sealer_free(&a->sealer);
	}
	mem_free(path);
	return ok;
}

/* A header that is not whole was never followed by a record, or is damage: the next file takes the next number. */
static bool
newest_unreadable(struct audit *a, uint64_t number, const struct audit_head *head,
    struct audit_recovery *found, struct err *err)
{
	if (err->code != ERR_CORRUPT && err->code != ERR_UNSUPPORTED)
		return false;
	log_error("audit log: %s", err->msg);
	found->damaged++;
	a->number = number;
	a->sequence = head->sequence;
	memcpy(a->chain, head->hash, sizeof a->chain);
	return true;
}

/* A file whose header was never synced holds nothing. */
static bool
stillborn(
    struct audit *a, uint64_t number, const struct audit_head *head, bool *is, struct err *err)
{
	char *path = audit_file_path(a->dir, number);
	struct os_stat st;
	bool ok;

	*is = false;
	ok = os_fs_stat(a->o.fs, path, &st, err);
	if (ok && st.size_bytes <= AUDIT_HEADER_BYTES && number > head->number) {
		struct audit_file f;
		struct err why;

		*is = !audit_file_load(&a->o, a->key, number, UINT64_MAX, &f, &why);
		audit_file_free(&f);
		if (*is)
			ok = os_fs_unlink(a->o.fs, path, err) &&
			     os_fs_sync_dir(a->o.fs, a->dir, err);
	}
	mem_free(path);
	return ok;
}

static bool
newest_load(struct audit *a, uint64_t number, const struct audit_head *head,
    struct audit_recovery *found, struct err *err)
{
	struct tail t = {.promised = head->sequence, .end = AUDIT_HEADER_BYTES};
	struct audit_file f;
	bool ok = audit_file_load(&a->o, a->key, number, UINT64_MAX, &f, err);

	if (!ok) {
		audit_file_free(&f);
		return newest_unreadable(a, number, head, found, err);
	}
	t.sequence = f.header.first_sequence - 1;
	memcpy(t.chain, f.header_hash, sizeof t.chain);
	promised_find(&f, &t);
	tail_walk(&f, &t);
	if (t.sequence < t.promised) {
		t.damaged++;
		log_error("audit log file %llu ends with record %llu, and %llu was promised",
		    (unsigned long long)number, (unsigned long long)t.sequence,
		    (unsigned long long)t.promised);
		t.sequence = t.promised; /* no number is given twice */
	}
	ok = newest_open(a, &f, &t, found, err);
	found->damaged += t.damaged;
	a->number = number;
	a->end = t.end;
	a->sequence = t.sequence;
	memcpy(a->chain, t.chain, sizeof a->chain);
	audit_file_free(&f);
	return ok;
}

bool
audit_recover(struct audit *a, struct audit_recovery *found, struct err *err)
{
	struct audit_head head;
	uint64_t *numbers = NULL;
	size_t count = 0;
	bool ok, dead = false;

	ok = os_fs_mkdir_path(a->o.fs, a->dir, err) &&
	     audit_numbers(&a->o, &numbers, &count, err) &&
	     key_and_head(a, count > 0, &head, found, err);
	if (ok && count > 0)
		ok = stillborn(a, numbers[count - 1], &head, &dead, err);
	count -= dead ? 1 : 0;
	found->files = count;
	if (ok && count > 0) {
		ok = newest_load(a, numbers[count - 1], &head, found, err);
	} else if (ok && head.sequence > 0) {
		found->damaged++;
		log_error("audit log: every file is gone, and %llu records were promised",
		    (unsigned long long)head.sequence);
		a->sequence = head.sequence;
		a->number = head.number;
		memcpy(a->chain, head.hash, sizeof a->chain);
	}
	if (ok && a->number < head.number) {
		found->damaged++;
		log_error("audit log: file %llu is missing", (unsigned long long)head.number);
		a->number = head.number;
		a->sequence = a->sequence > head.sequence ? a->sequence : head.sequence;
		os_file_drop(&a->file);
		crypt_sealer_free(&a->sealer);
	}
	a->head_sequence = head.sequence;
	found->last_sequence = a->sequence;
	mem_free(numbers);
	return ok;
}
