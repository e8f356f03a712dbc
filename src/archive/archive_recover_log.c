/* SPDX-License-Identifier: Apache-2.0 */
/* Recovery of the intake log: which files are in use, what is in them, where the newest one ends. */
#include <stdlib.h>

#include "pack_columns.h"
#include "archive_int.h"
#include "base_log.h"
#include "base_mem.h"

struct logs {
	struct archive *a;
	struct archive_recovery *out;
	uint64_t *numbers;
	size_t number_count, number_room;
	struct archive_unsealed **found; /* in use, by sequence */
	size_t found_count;
};

static bool
number_add(void *ctx, const char *name)
{
	struct logs *l = ctx;
	uint64_t number;

	if (!archive_log_parse_name(name, &number))
		return true;
	if (l->number_count == l->number_room) {
		l->number_room = l->number_room == 0 ? 16 : l->number_room * 2;
		l->numbers = mem_realloc_array(l->numbers, l->number_room, sizeof *l->numbers);
	}
	l->numbers[l->number_count++] = number;
	if (number >= l->a->next_number)
		l->a->next_number = number + 1;
	return true;
}

static void
number_free(struct archive *a, uint64_t number)
{
	a->free_numbers =
	    mem_realloc_array(a->free_numbers, a->free_count + 1, sizeof *a->free_numbers);
	a->free_numbers[a->free_count++] = number;
}

/* A file whose header cannot be read is left where it is, under its name: somebody may know what to do with it. */
static bool
file_find(struct logs *l, uint64_t number, struct err *err)
{
	struct archive *a = l->a;
	struct archive_log *log = NULL;
	uint64_t sequence;
	bool in_use = archive_log_open(&a->place, number, &log, &sequence, err);

	if (sequence >= a->next_sequence)
		a->next_sequence = sequence + 1;
	if (in_use) {
		l->out->under_previous += log->previous;
		l->found[l->found_count++] = archive_unsealed_new(log);
		return true;
	}
	if (err->code == ERR_EXISTS || err->code == ERR_NOT_FOUND) {
		number_free(a, number);
		return true;
	}
	if (err->code != ERR_CORRUPT)
		return err_prefix(err, "intake/%08llu.log", (unsigned long long)number);
	l->out->corrupt_records++;
	log_error("intake/%08llu.log is set aside, what is in it is not served: %s",
	    (unsigned long long)number, err->msg);
	return true;
}

static int
by_sequence(const void *a, const void *b)
{
	uint64_t left = (*(struct archive_unsealed *const *)a)->log->header.sequence;
	uint64_t right = (*(struct archive_unsealed *const *)b)->log->header.sequence;

	return left < right ? -1 : left > right;
}

struct loading {
	struct logs *logs;
	struct archive_unsealed *u;
	struct bytes data;
	struct archive_log_item *voids; /* torn records, to be struck out */
	size_t void_count;
};

bool
archive_recover_in_a_pack(
    const struct archive_volume *v, const struct id_record *id, int64_t received_ms)
{
	struct pack_info info;
	struct err err;

	for (size_t i = 0; i < v->pack_count; i++) {
		bool buried = false;

		pack_info_get(v->packs[i], &info);
		if (received_ms >= info.oldest_ms && received_ms <= info.newest_ms &&
		    pack_find(v->packs[i], id) != SIZE_MAX)
			return true;
		/* A record that was erased does not come back. */
		if (info.tombstones > 0 && pack_is_buried(v->packs[i], id, &buried, &err) && buried)
			return true;
	}
	return false;
}

static bool
delivery_load(struct loading *l, const struct archive_record_delivery *d,
    struct archive_unsealed_row *row, struct arena *arena, struct err *err)
{
	struct pack_row decoded;
	struct reader r;

	reader_init(&r, d->row);
	if (!pack_row_decode(&r, arena, &decoded, err))
		return false;
	row->volume = archive_volume_find(l->logs->a, arena_text(arena, d->archive_id));
	if (row->volume == NULL)
		return ERR(err, ERR_CORRUPT, "its archive %.*s is not there",
		    (int)(d->archive_id.len & 0xff), (const char *)d->archive_id.ptr);
	row->id = decoded.id;
	row->received_ms = decoded.received_ms;
	row->size_bytes = decoded.size_bytes;
	row->encoded = d->row;
	/* Whose keys were destroyed has no messages any more. */
	if (row->volume->ring.destroyed_ms == 0 &&
	    !archive_recover_in_a_pack(row->volume, &row->id, row->received_ms))
		archive_unsealed_add(l->u, row);
	return true;
}

static bool
record_load(struct loading *l, const struct archive_log_item *item, struct err *err)
{
	struct archive_log *log = l->u->log;
	struct archive_record record;
	struct arena arena;
	struct buf plain;
	bool ok;

	arena_init(&arena);
	buf_init(&plain, ARCHIVE_RECORD_BYTES_MAX);
	ok = archive_record_unseal(log->read_sealer, log->header.salt,
		 bytes_slice(l->data, item->offset, item->length), &plain, err) &&
	     archive_record_decode(buf_view(&plain), &arena, &record, err);
	for (size_t i = 0; ok && i < record.delivery_count; i++) {
		struct archive_unsealed_row row = {
		    .offset = item->offset, .length = item->length, .delivery = (uint16_t)i};

		ok = delivery_load(l, &record.deliveries[i], &row, &arena, err);
	}
	buf_fini(&plain);
	arena_fini(&arena);
	return ok;
}

static bool
item_load(void *ctx, const struct archive_log_item *item)
{
	struct loading *l = ctx;
	struct archive_log *log = l->u->log;
	struct err err;

	if (item->torn && item->length >= ARCHIVE_FRAME_BYTES) {
		l->voids = mem_realloc_array(l->voids, l->void_count + 1, sizeof *l->voids);
		l->voids[l->void_count++] = *item;
		l->logs->out->torn_tail_bytes += item->length;
		return true;
	}
	if (item->damaged)
		(void)ERR(&err, ERR_CORRUPT, "its checksum does not fit");
	else if (record_load(l, item, &err)) {
		l->logs->out->log_records++;
		return true;
	}
	l->logs->out->corrupt_records++;
	l->u->pinned = true;
	l->u->damaged_records++;
	log_error("%s: %u bytes at %llu are damaged and skipped: %s", log->path, item->length,
	    (unsigned long long)item->offset, err.msg);
	return true;
}

static bool
strike_out(const struct loading *l, struct os_file *file, struct err *err)
{
	for (size_t i = 0; i < l->void_count; i++) {
		struct archive_frame frame = {.kind = ARCHIVE_FRAME_VOID,
		    .length = l->voids[i].length - ARCHIVE_FRAME_BYTES,
		    .counter = l->voids[i].counter};
		uint8_t head[ARCHIVE_FRAME_BYTES];

		archive_record_frame_encode(&frame, l->u->log->header.salt, head);
		if (!os_file_write_at(file, l->voids[i].offset, bytes_of(head, sizeof head), err))
			return false;
	}
	return true;
}

/*
 * The newest file. What is read here may be in the kernel's memory only: left by a process that was killed, or marked
 * clean by a sync that failed. Header and last batch are written again and synced, so that what is shown stays. Torn
 * records are struck out and the torn batch is cut: the next recovery will find later files, and could no longer tell
 * torn from damaged.
 */
static bool
tail_settle(struct loading *l, const struct archive_log_extent *extent, struct err *err)
{
	struct archive_log *log = l->u->log;
	struct bytes head = bytes_slice(l->data, 0, ARCHIVE_LOG_START);
	struct bytes batch = bytes_slice(l->data, extent->batch_at, extent->end - extent->batch_at);
	struct os_file *file = NULL;
	bool ok;

	l->logs->out->torn_tail_bytes += extent->torn;
	if (extent->torn > 0 || l->void_count > 0)
		log_info("%s: %llu bytes and %zu torn records were never acknowledged and are cut",
		    log->path, (unsigned long long)extent->torn, l->void_count);
	ok = os_fs_open(l->logs->a->options.fs, log->path, OS_OPEN_READ_WRITE, &file, err) &&
	     os_file_write_at(file, 0, head, err) &&
	     os_file_write_at(file, extent->batch_at, batch, err) && strike_out(l, file, err) &&
	     (extent->torn == 0 || os_file_truncate(file, extent->end, err)) &&
	     os_file_sync(file, err) && os_file_close(&file, err);
	os_file_drop(&file);
	return ok || err_prefix(err, "%s", log->path);
}

static bool
file_load(struct logs *logs, struct archive_unsealed *u, bool last, struct err *err)
{
	struct loading l = {.logs = logs, .u = u};
	struct archive_log_extent extent;
	struct buf data;
	bool ok;

	buf_init(&data, ARCHIVE_LOG_BYTES_MAX);
	ok = os_fs_read_file(logs->a->options.fs, u->log->path, ARCHIVE_LOG_BYTES_MAX, &data, err);
	if (ok) {
		l.data = buf_view(&data);
		(void)archive_log_scan(l.data, u->log->header.salt, last, item_load, &l, &extent);
		ok = !last || tail_settle(&l, &extent, err);
	}
	u->complete = true;
	logs->out->log_files++;
	mem_free(l.voids);
	buf_fini(&data);
	return ok;
}

/* Into the files, or, with nothing left in it, to those to be freed. */
static void
file_place(struct archive *a, struct archive_unsealed *u)
{
	if (u->row_count > 0 || u->pinned) {
		archive_files_add(a, u);
		return;
	}
	archive_retired_add(a, u);
}

bool
archive_recover_logs(struct archive *a, struct archive_recovery *out, struct err *err)
{
	struct logs l = {.a = a, .out = out};
	size_t done = 0;
	bool ok;

	ok = os_fs_list(a->options.fs, a->intake_dir, number_add, &l, err);
	l.found = mem_calloc(l.number_count + 1, sizeof(struct archive_unsealed *));
	for (size_t i = 0; ok && i < l.number_count; i++)
		ok = file_find(&l, l.numbers[i], err);
	if (ok && l.found_count > 0)
		qsort(l.found, l.found_count, sizeof(struct archive_unsealed *), by_sequence);
	for (; ok && done < l.found_count; done++) {
		/* Newer than any, free ones included: only there may a batch be torn. */
		bool last = l.found[done]->log->header.sequence + 1 == a->next_sequence;

		ok = file_load(&l, l.found[done], last, err);
		file_place(a, l.found[done]);
	}
	for (; done < l.found_count; done++)
		archive_unsealed_free(&l.found[done]);
	if (ok)
		archive_seal_retire(a);
	if (ok && (out->torn_tail_bytes > 0 || out->corrupt_records > 0 || out->corrupt_packs > 0))
		log_warn("recovery: %llu torn bytes cut, %llu damaged records, %llu damaged packs",
		    (unsigned long long)out->torn_tail_bytes,
		    (unsigned long long)out->corrupt_records,
		    (unsigned long long)out->corrupt_packs);
	mem_free(l.found);
	mem_free(l.numbers);
	return ok;
}
