/* SPDX-License-Identifier: Apache-2.0 */
/* One file of the audit log, read whole; names and keys of files. */
#include <stdio.h>
#include <string.h>

#include "audit_int.h"
#include "base_mem.h"

#define NAME_DIGITS 8u
#define NUMBER_MAX  99999999u

char *
audit_file_path(const char *dir, uint64_t number)
{
	size_t size = strlen(dir) + 32;
	char *path = mem_alloc(size);

	(void)snprintf(path, size, "%s/%08llu.log", dir, (unsigned long long)number);
	return path;
}

bool
audit_file_parse_name(const char *name, uint64_t *number_out)
{
	uint64_t number = 0;

	if (strlen(name) != NAME_DIGITS + 4 || strcmp(name + NAME_DIGITS, ".log") != 0)
		return false;
	for (size_t i = 0; i < NAME_DIGITS; i++) {
		if (name[i] < '0' || name[i] > '9')
			return false;
		number = number * 10 + (uint64_t)(name[i] - '0');
	}
	*number_out = number;
	return number > 0;
}

static struct crypt_sealer *
derived_sealer(const struct secret *key, const char *what, struct bytes salt)
{
	struct secret *derived = secret_new(CRYPT_KEY_BYTES);
	struct crypt_sealer *sealer;
	struct buf label;

	buf_init(&label, 256);
	buf_append_str(&label, what);
	buf_append(&label, salt);
	crypt_hmac_sha256(secret_data(derived), secret_view(key), buf_view(&label));
	sealer = crypt_sealer_new(derived);
	secret_free(&derived);
	buf_fini(&label);
	return sealer;
}

struct crypt_sealer *
audit_file_sealer(const struct secret *key, const uint8_t salt[AUDIT_SALT_BYTES])
{
	return derived_sealer(key, "daybook audit file ", bytes_of(salt, AUDIT_SALT_BYTES));
}

struct crypt_sealer *
audit_head_sealer(const struct secret *key)
{
	return derived_sealer(key, "daybook audit head", BYTES_EMPTY);
}

bool
audit_head_read(const struct audit_options *o, const struct secret *key, struct audit_head *out,
    struct err *err)
{
	struct crypt_sealer *sealer = audit_head_sealer(key);
	size_t size = strlen(o->dir) + 8;
	char *path = mem_alloc(size);
	struct buf data;
	bool ok;

	(void)snprintf(path, size, "%s/head", o->dir);
	buf_init(&data, AUDIT_HEAD_BYTES);
	ok = os_fs_read_file(o->fs, path, AUDIT_HEAD_BYTES, &data, err);
	if (!ok && err->code == ERR_LIMIT)
		ok = ERR(err, ERR_CORRUPT, "longer than a head is");
	ok = (ok && audit_head_open(buf_view(&data), sealer, out, err)) ||
	     err_prefix(err, "%s", path);
	buf_fini(&data);
	mem_free(path);
	crypt_sealer_free(&sealer);
	return ok;
}

struct collector {
	struct audit_file *file;
	size_t room;
};

static bool
collect(void *ctx, const struct audit_item *item)
{
	struct collector *c = ctx;
	struct audit_file *f = c->file;

	if (f->item_count == c->room) {
		c->room = c->room == 0 ? 64 : c->room * 2;
		f->items = mem_realloc_array(f->items, c->room, sizeof *f->items);
	}
	f->items[f->item_count++] = *item;
	return true;
}

static bool
read_to(
    const struct audit_options *o, const char *path, uint64_t end, struct buf *out, struct err *err)
{
	struct os_file *file = NULL;
	uint64_t size = 0;
	uint8_t *room;
	size_t got = 0;
	bool ok;

	if (!os_fs_open(o->fs, path, OS_OPEN_READ, &file, err))
		return false;
	ok = os_file_size(file, &size, err);
	if (ok && size > AUDIT_FILE_MAX)
		ok = ERR(err, ERR_CORRUPT, "longer than a file of the audit log can be");
	size = size < end ? size : end;
	if (ok && size > 0) {
		room = buf_reserve(out, (size_t)size);
		must(room != NULL);
		ok = os_file_read_at(file, 0, room, (size_t)size, &got, err);
		buf_grow(out, ok ? got : 0);
	}
	os_file_drop(&file);
	return ok;
}

bool
audit_file_load(const struct audit_options *o, const struct secret *key, uint64_t number,
    uint64_t end, struct audit_file *out, struct err *err)
{
	char *path = audit_file_path(o->dir, number);
	struct collector c = {.file = out};
	bool ok;

	memset(out, 0, sizeof *out);
	buf_init(&out->data, AUDIT_FILE_MAX);
	ok = number <= NUMBER_MAX || ERR(err, ERR_LIMIT, "no number is left for an audit file");
	ok = ok && read_to(o, path, end, &out->data, err) &&
	     audit_header_decode(buf_view(&out->data), &out->header, err);
	if (ok && out->header.number != number)
		ok = ERR(err, ERR_CORRUPT, "it is file %llu under another name",
		    (unsigned long long)out->header.number);
	if (ok) {
		out->sealer = audit_file_sealer(key, out->header.salt);
		crypt_sha256(
		    out->header_hash, bytes_slice(buf_view(&out->data), 0, AUDIT_HEADER_BYTES));
		audit_scan(buf_view(&out->data), out->header.salt, out->header.first_sequence,
		    collect, &c);
	} else {
		(void)err_prefix(err, "%s", path);
	}
	mem_free(path);
	return ok;
}

void
audit_file_free(struct audit_file *f)
{
	buf_fini(&f->data);
	crypt_sealer_free(&f->sealer);
	mem_free(f->items);
	memset(f, 0, sizeof *f);
}

static struct bytes
item_bytes(const struct audit_file *f, const struct audit_item *item)
{
	return bytes_slice(buf_view(&f->data), (size_t)item->offset, (size_t)item->length);
}

bool
audit_file_record(const struct audit_file *f, const struct audit_item *item, struct buf *plain,
    struct audit_record *out, struct err *err)
{
	struct bytes whole = item_bytes(f, item);

	buf_reset(plain);
	if (item->damaged)
		return ERR(err, ERR_CORRUPT, "no record can be recognised");
	if (!crypt_unseal(f->sealer, item->frame.nonce,
		bytes_slice(whole, 0, AUDIT_FRAME_BYTES - 4),
		bytes_slice(whole, AUDIT_FRAME_BYTES, item->frame.length), plain, err) ||
	    !audit_record_decode(buf_view(plain), out, err))
		return false;
	out->sequence = item->frame.sequence;
	return true;
}

void
audit_file_hash(
    const struct audit_file *f, const struct audit_item *item, uint8_t out[CRYPT_SHA256_BYTES])
{
	crypt_sha256(out, item_bytes(f, item));
}
