/* SPDX-License-Identifier: Apache-2.0 */
/* One pack for people outside: an open reader behind an opaque handle. */
#include <stdio.h>
#include <string.h>

#include "base_arena.h"
#include "base_limits.h"
#include "base_mem.h"
#include "crypt_digest.h"
#include "crypt_seal.h"
#include "pack.h"
#include "verify_int.h"

struct daybook_pack {
	struct secret *key;
	struct pack *pack;
	uint64_t count;
};

VERIFY_PUBLIC enum daybook_code
daybook_pack_open(const char *path, const char *archive_id, const unsigned char key[32],
    struct daybook_pack **out, struct daybook_error *error)
{
	struct daybook_pack *p = mem_calloc(1, sizeof *p);
	struct pack_info info;
	struct err err;

	p->key = secret_of(bytes_of(key, CRYPT_KEY_BYTES));
	*out = NULL;
	if (!pack_open(os_fs_real(), path, archive_id, p->key, &p->pack, &err)) {
		daybook_pack_close(&p);
		return verify_code(false, &err, error);
	}
	pack_info_get(p->pack, &info);
	p->count = info.records;
	*out = p;
	return DAYBOOK_OK;
}

VERIFY_PUBLIC void
daybook_pack_close(struct daybook_pack **pack)
{
	struct daybook_pack *p = *pack;

	*pack = NULL;
	if (p == NULL)
		return;
	if (p->pack != NULL)
		pack_release(&p->pack);
	secret_free(&p->key);
	mem_free(p);
}

VERIFY_PUBLIC uint64_t
daybook_pack_count(const struct daybook_pack *pack)
{
	return pack->count;
}

static bool
position_check(const struct daybook_pack *p, uint64_t position, struct err *err)
{
	return position < p->count ||
	       ERR(err, ERR_NOT_FOUND, "the pack has %llu messages", (unsigned long long)p->count);
}

VERIFY_PUBLIC enum daybook_code
daybook_pack_describe(struct daybook_pack *pack, uint64_t position,
    struct daybook_pack_message *out, struct daybook_error *error)
{
	struct pack_row row;
	struct arena arena;
	struct err err;
	bool ok;

	arena_init(&arena);
	ok = position_check(pack, position, &err) &&
	     pack_row(pack->pack, (size_t)position, &arena, &row, &err);
	if (ok) {
		char id[ID_RECORD_TEXT_SIZE];

		id_record_format(id, &row.id);
		memset(out, 0, sizeof *out);
		(void)snprintf(out->id, sizeof out->id, "%s", id);
		out->received_ms = row.received_ms;
		out->size_bytes = row.size_bytes;
		memcpy(out->sha256, row.sha256, sizeof out->sha256);
	}
	arena_fini(&arena);
	return verify_code(ok, &err, error);
}

VERIFY_PUBLIC enum daybook_code
daybook_pack_read(struct daybook_pack *pack, uint64_t position, void **message, size_t *len,
    struct daybook_error *error)
{
	struct buf body;
	struct err err;
	bool ok;

	buf_init(&body, VERIFY_MESSAGE_BYTES_MAX);
	ok = position_check(pack, position, &err) &&
	     pack_body(pack->pack, (size_t)position, &body, &err);
	*message = NULL;
	*len = 0;
	if (ok) {
		*message = mem_alloc(body.len);
		if (body.len > 0)
			memcpy(*message, body.ptr, body.len);
		*len = body.len;
	}
	buf_fini(&body);
	return verify_code(ok, &err, error);
}

VERIFY_PUBLIC void
daybook_free(void *message)
{
	mem_free(message);
}

struct telling {
	daybook_problem_fn problem;
	void *ctx;
	uint64_t count;
};

static void
tell(void *ctx, const char *what)
{
	struct telling *t = ctx;

	t->count++;
	t->problem(t->ctx, what);
}

VERIFY_PUBLIC enum daybook_code
daybook_pack_verify(struct daybook_pack *pack, daybook_problem_fn problem, void *ctx,
    uint64_t *checked, struct daybook_error *error)
{
	struct telling t = {problem, ctx, 0};
	uint64_t ours = 0;
	struct err err;
	bool ok = pack_verify(pack->pack, NULL, tell, &t, &ours, &err);

	if (ok && t.count > 0)
		ok = ERR(&err, ERR_CORRUPT, "%llu things are wrong in %s",
		    (unsigned long long)t.count, pack_path(pack->pack));
	if (checked != NULL)
		*checked = ours;
	return verify_code(ok, &err, error);
}
