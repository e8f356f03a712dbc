/* SPDX-License-Identifier: Apache-2.0 */
/* Archives over a disk in memory, and messages that are known by a number. */
#include "archive_fixture.h"

#include <string.h>

#include "base_limits.h"
#include "crypt_seal.h"

void
archive_fixture_init(struct archive_fixture *f, struct os_fs_memory *disk, uint64_t seed)
{
	*f = (struct archive_fixture){.disk = disk != NULL ? disk : os_fs_memory_new(),
	    .seeded = {seed},
	    .now = {.now_ms = 1700000000000, .mono_ms = 1},
	    .log_file_bytes = ARCHIVE_FIXTURE_LOG_BYTES};
	f->fs = os_fs_memory(f->disk);
	f->kek = secret_new(CRYPT_KEY_BYTES);
	secret_data(f->kek)[0] = 7;
	f->rng = rng_seeded(&f->seeded);
	f->keys = crypt_keys_new(f->kek, &f->rng);
}

bool
archive_fixture_open(struct archive_fixture *f, struct err *err)
{
	struct archive_options o = {
	    .fs = f->fs,
	    .dir = "/data",
	    .keys = f->keys,
	    .services = f->services,
	    .service_count = f->services[0] == NULL   ? 0
			     : f->services[1] == NULL ? 1
						      : 2,
	    .key_cache_ms = f->key_cache_ms,
	    .clock = clock_fixed(&f->now),
	    .rng = f->threads ? rng_system() : f->rng,
	    .threads = f->threads,
	    .log_file_bytes = f->log_file_bytes,
	    .merge_packs = f->merge_packs,
	    .reserve_bytes = 16 * 1024,
	};

	return archive_open(&o, &f->archive, &f->recovery, err);
}

void
archive_fixture_fini(struct archive_fixture *f)
{
	archive_close(&f->archive);
	crypt_keys_free(&f->keys);
	secret_free(&f->kek);
	os_fs_memory_free(&f->disk);
}

void
archive_fixture_id(struct id_record *out, const struct archive_fixture_message *m, size_t delivery)
{
	struct rng_seeded seeded = {.state = ((uint64_t)m->number << 1) + delivery + 0x5eed};
	struct rng rng = rng_seeded(&seeded);

	id_record_new(out, m->received_ms, &rng);
}

/* Lines that compress a little, with a NUL and no final CRLF, as mail is. */
static void
received_append(struct buf *out, const struct archive_fixture_message *m)
{
	struct rng_seeded seeded = {.state = m->number + 1};
	struct rng rng = rng_seeded(&seeded);
	size_t end;

	buf_printf(out, "Subject: message %u\r\nFrom: <s@example.com>\r\n\r\n", m->number);
	end = out->len + m->body_bytes;
	while (out->len < end)
		buf_printf(out, "line %llx of message %u%c\r\n", (unsigned long long)rng_u64(&rng),
		    m->number, 0);
	buf_append_str(out, "end");
}

static struct bytes
added_of(const struct archive_fixture_message *m, size_t delivery)
{
	(void)m;
	return delivery == 1 ? BYTES_LIT("X-Second: yes\r\n") : BYTES_EMPTY;
}

void
archive_fixture_body(struct buf *out, const struct archive_fixture_message *m, size_t delivery)
{
	buf_append(out, added_of(m, delivery));
	received_append(out, m);
}

bool
archive_fixture_append(struct archive_fixture *f, const struct archive_fixture_message *m,
    archive_done_fn done, void *ctx, struct err *err)
{
	const struct bytes recipient = BYTES_LIT("r@example.org");
	struct archive_delivery deliveries[2];
	char subject[64];
	struct buf body, text;
	bool ok;

	buf_init(&body, 1 << 26);
	buf_init(&text, sizeof subject);
	received_append(&body, m);
	buf_printf(&text, "message %u", m->number);
	struct archive_reception reception = {.received_ms = m->received_ms,
	    .columns = {.subject = buf_view(&text), .from = BYTES_LIT("s@example.com")},
	    .body = buf_view(&body),
	    .deliveries = deliveries};
	for (size_t i = 0; i < 2 && m->archive_ids[i] != NULL; i++) {
		deliveries[i] = (struct archive_delivery){.archive_id = m->archive_ids[i],
		    .added_headers = added_of(m, i),
		    .recipients = &recipient,
		    .recipient_count = 1,
		    .retention = PACK_RETENTION_ONE_YEAR};
		archive_fixture_id(&deliveries[i].id, m, i);
		reception.delivery_count++;
	}
	ok = archive_append(f->archive, &reception, done, ctx, err);
	buf_fini(&body);
	buf_fini(&text);
	return ok;
}

struct kept {
	bool called, ok;
	struct err err;
};

static void
kept(void *ctx, bool ok, const struct err *err)
{
	struct kept *k = ctx;

	must(!k->called);
	k->called = true;
	k->ok = ok;
	if (!ok)
		k->err = *err;
}

bool
archive_fixture_keep(
    struct archive_fixture *f, const struct archive_fixture_message *m, struct err *err)
{
	struct kept k = {.called = false};

	if (!archive_fixture_append(f, m, kept, &k, err))
		return false;
	archive_commit(f->archive);
	must(k.called);
	if (!k.ok)
		*err = k.err;
	return k.ok;
}

static const char *
delivery_check(struct archive_fixture *f, const struct archive_fixture_message *m, size_t delivery)
{
	const char *archive_id = NULL, *wrong = NULL;
	struct buf body, expected;
	struct pack_row row;
	struct id_record id;
	struct arena arena;
	struct err err;

	arena_init(&arena);
	buf_init(&body, SMTP_MESSAGE_BYTES_CEIL + LIMIT_MIB);
	buf_init(&expected, 1 << 26);
	archive_fixture_id(&id, m, delivery);
	archive_fixture_body(&expected, m, delivery);
	if (!archive_read(f->archive, &id, &arena, &archive_id, &row, &body, &err))
		wrong = err.code == ERR_NOT_FOUND ? "not there" : "not readable";
	else if (strcmp(archive_id, m->archive_ids[delivery]) != 0)
		wrong = "in another archive";
	else if (!bytes_equal(buf_view(&body), buf_view(&expected)))
		wrong = "other bytes";
	else if (id_record_compare(&row.id, &id) != 0 || row.received_ms != m->received_ms ||
		 row.size_bytes != expected.len || row.recipient_count != 1)
		wrong = "another row";
	buf_fini(&body);
	buf_fini(&expected);
	arena_fini(&arena);
	return wrong;
}

const char *
archive_fixture_check(struct archive_fixture *f, const struct archive_fixture_message *m)
{
	const char *wrong = NULL;

	for (size_t i = 0; i < 2 && m->archive_ids[i] != NULL && wrong == NULL; i++)
		wrong = delivery_check(f, m, i);
	return wrong;
}
