/* SPDX-License-Identifier: Apache-2.0 */
/* Witnesses: what each answer leads to, what is remembered over a restart, and what those who only keep are given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "archive_fixture.h"
#include "archive_proof.h"
#include "base_text.h"
#include "proof_checkpoint.h"
#include "proof_fixture.h"
#include "witness.h"

#define T0   1700000000000
#define TIME 1700000123u

static struct err err;

/* A witness in a function: it knows a size, and cosigns what comes from there unless it is told to do otherwise. */
struct fake {
	uint64_t size;
	long status; /* 0: honest */
	const char *body;
	bool away;
	unsigned calls;
	uint64_t olds[8];
	struct proof_key key;
	struct secret *seed;
	struct buf last; /* what came */
	bool mail;
};

struct world {
	struct archive_fixture f;
	struct fake fake;
	struct witness_config config;
	struct witness_set *set;
	uint32_t next;
};

static bool
carry(void *ctx, const struct witness_parcel *p, struct buf *reply, long *status_out, struct err *e)
{
	struct fake *w = ctx;
	struct proof_checkpoint checkpoint;
	struct proof_note note;
	size_t blank, end;
	uint64_t old;

	if (w->away)
		return ERR(e, ERR_TIMEOUT, "nobody answers");
	buf_reset(&w->last);
	buf_append(&w->last, p->body);
	w->mail = p->mail;
	*status_out = w->status != 0 ? w->status : 200;
	if (w->body != NULL)
		buf_append_str(reply, w->body);
	if (p->mail || strstr(p->url, "/add-checkpoint") == NULL)
		return true;
	end = bytes_find_byte(p->body, 0, '\n');
	assert_true(text_u64_parse(&old, bytes_slice(p->body, 4, end - 4)));
	w->olds[w->calls++ % 8] = old;
	if (w->status != 0 || w->body != NULL)
		return true;
	blank = bytes_find(p->body, 0, BYTES_LIT("\n\n"));
	assert_true(proof_note_parse(bytes_slice(p->body, blank + 2, p->body.len), &note, &err));
	assert_true(proof_checkpoint_parse(note.text, &checkpoint, &err));
	if (old != w->size) {
		*status_out = 409;
		buf_printf(reply, "%llu\n", (unsigned long long)w->size);
		return true;
	}
	proof_note_cosign(note.text, &w->key, w->seed, TIME, reply);
	w->size = checkpoint.size;
	return true;
}

static void
set_open(struct world *w)
{
	struct witness_options o = {.fs = w->f.fs,
	    .dir = "/data/witness",
	    .clock = clock_fixed(&w->f.now),
	    .archive = w->f.archive,
	    .list = &w->config,
	    .count = 1,
	    .carry = carry,
	    .carry_ctx = &w->fake};

	if (!witness_open(&o, &w->set, &err))
		fail_msg("%s", err.msg);
}

static void
leaves_add(struct world *w, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++, w->next++) {
		struct archive_fixture_message m = {.number = w->next,
		    .received_ms = T0 + w->next,
		    .body_bytes = 100,
		    .archive_ids = {"a-one"}};

		assert_true(archive_fixture_keep(&w->f, &m, &err));
	}
	assert_true(archive_seal(w->f.archive, true, &err));
}

static void
world_init(struct world *w, enum witness_kind kind)
{
	memset(w, 0, sizeof *w);
	archive_fixture_init(&w->f, NULL, 5);
	w->f.merge_packs = 100;
	assert_true(archive_fixture_open(&w->f, &err));
	assert_true(archive_create(w->f.archive, "a-one", &err));
	w->fake.seed = proof_fixture_key(&w->fake.key, PROOF_KEY_WITNESS, "w.example/1", 9);
	buf_init(&w->fake.last, 1 << 20);
	w->config = (struct witness_config){.name = "w",
	    .kind = kind,
	    .interval_ms = 1000,
	    .call_ms = 100,
	    .target = "there",
	    .url = "https://w.example",
	    .ca_file = "",
	    .key = w->fake.key,
	    .path = "/kept/{archive}/{size}.txt",
	    .from = "a@b.example",
	    .to = "c@d.example",
	    .hello = "b.example"};
	set_open(w);
}

static void
world_fini(struct world *w)
{
	witness_close(&w->set);
	secret_free(&w->fake.seed);
	buf_fini(&w->fake.last);
	archive_fixture_fini(&w->f);
}

static void
take(void *ctx, const struct witness_state *state)
{
	static char error[192]; /* state: of one test at a time */
	struct witness_state *out = ctx;

	(void)snprintf(error, sizeof error, "%s", state->error);
	*out = *state;
	out->error = error;
}

/* Another round, a second later. */
static struct witness_state
round_run(struct world *w)
{
	struct witness_state state = {.leaves = UINT64_MAX};

	w->f.now.mono_ms += 1000;
	w->f.now.now_ms += 1000;
	witness_round(w->set);
	witness_each(w->set, "a-one", take, &state);
	return state;
}

static void
honest_witness(void **state)
{
	struct witness_state s;
	struct world w;

	(void)state;
	world_init(&w, WITNESS_COSIGN);
	s = round_run(&w);
	assert_int_equal(s.leaves, 0); /* nothing to sign, nobody asked */
	assert_int_equal(w.fake.calls, 0);
	leaves_add(&w, 3);
	s = round_run(&w);
	assert_string_equal(s.error, "");
	assert_int_equal(s.leaves, 3);
	assert_int_equal(s.signed_s, TIME);
	assert_true(s.signed_head);
	(void)round_run(&w);
	assert_int_equal(w.fake.calls, 1); /* no news */
	leaves_add(&w, 4);
	w.f.now.mono_ms += 1;
	witness_round(w.set); /* not before the interval is over */
	assert_int_equal(w.fake.calls, 1);
	s = round_run(&w);
	assert_true(s.leaves == 7 && s.signed_head);
	assert_int_equal(w.fake.olds[1], 3);
	/* Over a restart of witnesses: begins where it was. */
	witness_close(&w.set);
	set_open(&w);
	leaves_add(&w, 1);
	s = round_run(&w);
	assert_true(s.leaves == 8 && s.signed_head);
	assert_int_equal(w.fake.calls, 3);
	assert_int_equal(w.fake.olds[2], 7);
	world_fini(&w);
}

static void
witness_that_knows_better(void **state)
{
	struct witness_state s;
	struct world w;

	(void)state;
	world_init(&w, WITNESS_COSIGN);
	leaves_add(&w, 5);
	w.fake.size = 2;
	s = round_run(&w);
	assert_true(s.leaves == 5 && s.signed_head && !s.refused);
	assert_int_equal(w.fake.calls, 2);
	assert_int_equal(w.fake.olds[1], 2);
	/* It saw more than there is: this log was put back. */
	leaves_add(&w, 1);
	w.fake.size = 70;
	s = round_run(&w);
	assert_true(s.refused);
	assert_non_null(strstr(s.error, "put back"));
	w.fake.size = 5;
	s = round_run(&w);
	assert_true(!s.refused && s.leaves == 6);
	world_fini(&w);
}

static void
answers(void **state)
{
	static const struct {
		const char *name;
		long status;
		const char *body, *words;
		bool refused;
	} ROWS[] = {
	    {"does not know the log", 404, "", "does not know this log", false},
	    {"does not take the key", 403, "", "does it know the log's key", false},
	    {"a fork", 422, "", "not the beginning", true},
	    {"bad request", 400, "", "answers 400", false},
	    {"trouble there", 503, "", "answers 503", false},
	    {"a redirect", 302, "", "answers 302", false},
	    {"no size", 409, "conflict", "names no size", false},
	    {"contradicts itself", 409, "0\n", "contradicts itself", false},
	    {"another log of that size", 409, "4\n", "another log of 4 leaves", true},
	    {"nothing", 200, "", "", false},
	    {"not a signature", 200, "yes\n", "", false},
	    {"somebody else's", 200, "\xe2\x80\x94 x AAAAAAA=\n", "no signature of", false},
	};
	struct witness_state s;

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		struct world w;

		world_init(&w, WITNESS_COSIGN);
		leaves_add(&w, 4);
		w.fake.status = ROWS[i].status;
		w.fake.body = ROWS[i].body;
		s = round_run(&w);
		if (s.error[0] == '\0' || strstr(s.error, ROWS[i].words) == NULL ||
		    s.refused != ROWS[i].refused || s.signed_head || s.leaves != 0)
			fail_msg("%s: \"%s\", refused %d", ROWS[i].name, s.error, s.refused);
		assert_in_range(w.fake.calls, 1, 4);
		w.fake.status = 0;
		w.fake.body = NULL;
		s = round_run(&w);
		if (s.error[0] != '\0' || s.leaves != 4 || !s.signed_head || s.refused)
			fail_msg("%s, and then well: \"%s\"", ROWS[i].name, s.error);
		world_fini(&w);
	}
}

static void
nobody_there(void **state)
{
	struct witness_state s;
	struct world w;

	(void)state;
	world_init(&w, WITNESS_POST);
	leaves_add(&w, 2);
	w.fake.away = true;
	s = round_run(&w);
	assert_string_equal(s.error, "nobody answers");
	assert_int_equal(s.log_leaves, 2);
	assert_int_equal(s.leaves, 0);
	w.fake.away = false;
	s = round_run(&w);
	assert_true(s.leaves == 2 && s.error[0] == '\0' && s.seen_ms == w.f.now.now_ms);
	world_fini(&w);
}

static void
those_who_keep(void **state)
{
	struct buf text, note, key;
	struct witness_state s;
	uint64_t size;
	struct world w;

	(void)state;
	buf_init(&text, 1 << 20);
	buf_init(&note, PROOF_NOTE_BYTES_MAX);
	buf_init(&key, PROOF_VKEY_BYTES_MAX);
	world_init(&w, WITNESS_FILE);
	leaves_add(&w, 2);
	s = round_run(&w);
	assert_true(s.leaves == 2 && !s.signed_head);
	assert_true(archive_proof_checkpoint(w.f.archive, "a-one", &size, &note, &key, &err));
	assert_true(os_fs_read_file(w.f.fs, "/kept/a-one/2.txt", 4096, &text, &err));
	assert_true(bytes_equal(buf_view(&text), buf_view(&note)));
	world_fini(&w);

	world_init(&w, WITNESS_MAIL);
	leaves_add(&w, 2);
	s = round_run(&w);
	assert_true(s.leaves == 2 && w.fake.mail);
	assert_non_null(strstr(buf_text(&w.fake.last), "To: c@d.example\r\nDate: "));
	assert_non_null(strstr(buf_text(&w.fake.last), " +0000\r\nMessage-ID: <"));
	assert_non_null(strstr(buf_text(&w.fake.last), ": 2 leaves\r\n"));
	for (size_t i = 0; i < w.fake.last.len; i++)
		assert_true(w.fake.last.ptr[i] < 0x80);
	world_fini(&w);
	buf_fini(&text);
	buf_fini(&note);
	buf_fini(&key);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(honest_witness),
	    cmocka_unit_test(witness_that_knows_better),
	    cmocka_unit_test(answers),
	    cmocka_unit_test(nobody_there),
	    cmocka_unit_test(those_who_keep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
