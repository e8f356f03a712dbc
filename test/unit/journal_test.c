/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a message between the smtp process and the archives: replies, records, counters. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "archive_fixture.h"
#include "base_limits.h"
#include "base_log.h"
#include "journal.h"
#include "os_fs_failing.h"
#include "os_thread.h"

#define T0 INT64_C(1700000000000)

static struct err err;

static void
quiet(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	(void)line;
}

/* The reply to one message. */
struct answer {
	unsigned count;
	uint16_t code;
	bool close;
	char text[128];
};

static void
on_reply(void *ctx, const struct wire_mail_reply *reply)
{
	struct answer *a = ctx;

	a->count++;
	a->code = reply->code;
	a->close = reply->close;
	(void)snprintf(
	    a->text, sizeof a->text, "%.*s", (int)reply->text.len, (const char *)reply->text.ptr);
}

struct world {
	struct archive_fixture f;
	struct os_fs_failing *failing;
	struct journal *j;
};

static void
world_open(struct world *w, bool threads)
{
	struct journal_options o = {.workers = threads ? 3 : 0};

	log_set_sink(quiet, NULL);
	archive_fixture_init(&w->f, NULL, 3);
	w->f.threads = threads;
	w->failing = os_fs_failing_new(w->f.fs);
	w->f.fs = os_fs_failing(w->failing);
	if (!archive_fixture_open(&w->f, &err))
		fail_msg("%s", err.msg);
	assert_true(archive_create(w->f.archive, "a-one", &err));
	assert_true(archive_create(w->f.archive, "a-two", &err));
	o.archive = w->f.archive;
	o.rng = rng_system();
	w->j = journal_open(&o);
}

static void
world_close(struct world *w)
{
	journal_close(&w->j);
	archive_close(&w->f.archive);
	os_fs_failing_free(&w->failing);
	archive_fixture_fini(&w->f);
	log_set_sink(NULL, NULL);
}

/* Endpoint "e" with these rules (JSON with ' for "), archives one and two, and three that is to be deleted. */
static bool
configure(struct world *w, const char *mode, const char *rules)
{
	struct json *snapshot;
	struct buf text;
	bool ok;

	buf_init(&text, LIMIT_MIB);
	buf_printf(&text,
	    "{'Endpoints':[{'IngressPointId':'e','Mode':'%s','RuleSet':{'RuleSetId':'rs-1',"
	    "'RuleSetName':'n','Arn':'arn:aws:ses:local:1:mailmanager-rule-set/"
	    "rs-1','Rules':[%s]}}],"
	    "'Archives':[{'ArchiveId':'a-one','ArchiveName':'one','State':'ACTIVE','Retention':'"
	    "ONE_YEAR'},"
	    "{'ArchiveId':'a-two','ArchiveName':'two','State':'ACTIVE','Retention':'PERMANENT'},"
	    "{'ArchiveId':'a-three','ArchiveName':'three','State':'PENDING_DELETION','Retention':'"
	    "ONE_YEAR'}]}",
	    mode, rules);
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] == '\'')
			text.ptr[i] = '"';
	snapshot = json_parse(buf_view(&text), &err);
	if (snapshot == NULL)
		fail_msg("%s", err.msg);
	ok = journal_configure(w->j, snapshot, &err);
	json_free(&snapshot);
	buf_fini(&text);
	return ok;
}

static struct wire_mail
mail(void)
{
	static const struct bytes recipients[] = {
	    {(const uint8_t *)"a@x.y", 5}, {(const uint8_t *)"b@x.y", 5}};

	return (struct wire_mail){.received_ms = T0,
	    .ingress_point_id = BYTES_LIT("e"),
	    .traffic_policy_id = BYTES_LIT("tp-1"),
	    .peer_family = 4,
	    .peer_ip = {192, 0, 2, 7},
	    .peer_text = BYTES_LIT("192.0.2.7"),
	    .helo = BYTES_LIT("mx.example.com"),
	    .mail_from = BYTES_LIT("s@example.com"),
	    .recipients = recipients,
	    .recipient_count = 2,
	    .tls_protocol = BYTES_LIT("TLSv1.3"),
	    .traffic_explanation = BYTES_LIT("[{\"recipient\":\"a@x.y\"}]")};
}

#define BODY                                                                                       \
	"From: Ann <ann@example.com>\r\nTo: b@x.y\r\nSubject: =?utf-8?Q?gr=C3=BCn?=\r\n"           \
	"X-Team: Sales\r\n\r\nhello\r\n"

static void
send_mail(struct world *w, const struct wire_mail *m, struct bytes body, struct answer *a)
{
	int fds[OS_PACKET_FDS_MAX];
	bool own[OS_PACKET_FDS_MAX];
	struct wire_out o = {.kind = WIRE_MAIL, .id = 1, .body = body, .body_fd = -1, .fd = -1};
	struct wire_frame *frame;
	struct buf payload, packet;
	size_t count;

	buf_init(&payload, WIRE_PAYLOAD_BYTES_MAX);
	buf_init(&packet, LIMIT_MIB);
	if (m != NULL)
		wire_mail_encode(m, &payload);
	else
		buf_append_str(&payload, "no mail");
	o.payload = buf_view(&payload);
	assert_true(wire_frame_encode(&o, &packet, fds, own, &count, &err));
	for (size_t i = count; i < OS_PACKET_FDS_MAX; i++)
		fds[i] = -1;
	assert_true(wire_frame_decode(buf_view(&packet), fds, &frame, &err));
	buf_fini(&packet);
	buf_fini(&payload);
	journal_accept(w->j, frame, on_reply, a);
}

/* Sent and, without threads, committed. */
static struct answer
deliver(struct world *w, const struct wire_mail *m, struct bytes body)
{
	struct answer a = {0};

	send_mail(w, m, body, &a);
	archive_commit(w->f.archive);
	assert_int_equal(a.count, 1);
	return a;
}

/* The record named in a reply. */
static void
read_back(struct world *w, const struct answer *a, struct arena *arena, struct pack_row *row,
    struct buf *body)
{
	const char *archive_id;
	struct id_record id;

	assert_int_equal(strncmp(a->text, "2.0.0 Ok: ", 10), 0);
	assert_true(id_record_parse(&id, bytes_of_str(a->text + 10)));
	buf_init(body, SMTP_MESSAGE_BYTES_CEIL + LIMIT_MIB);
	if (!archive_read(w->f.archive, &id, arena, &archive_id, row, body, &err))
		fail_msg("%s", err.msg);
}

static struct json *
explanation_of(const struct pack_row *row)
{
	struct json *v = json_parse(row->columns.explanation, &err);

	if (v == NULL)
		fail_msg("%s", err.msg);
	return v;
}

static void
expect_text(struct bytes got, const char *want)
{
	if (!bytes_equal(got, bytes_of_str(want)))
		fail_msg("'%.*s', not '%s'", (int)got.len, (const char *)got.ptr, want);
}

#define ARCHIVE(name) "{'Archive':{'TargetArchive':'" name "'}}"
#define RULE(actions) "{'Actions':[" actions "]}"
#define ONLY_A(actions)                                                                            \
	"{'Conditions':[{'StringExpression':{'Evaluate':{'Attribute':'RECIPIENT'},"                \
	"'Operator':'EQUALS','Values':['a@x.y']}}],'Actions':[" actions "]}"

static void
kept(void **state)
{
	struct wire_mail m = mail();
	struct answer a = {0};
	struct pack_row row;
	struct journal_counters c;
	struct json *why;
	struct arena arena;
	struct buf body;
	struct world w;

	(void)state;
	arena_init(&arena);
	world_open(&w, false);
	assert_true(configure(&w, "journal",
	    RULE("{'AddHeader':{'HeaderName':'X-Kept','HeaderValue':'yes'}}") "," ONLY_A(
		ARCHIVE("one"))));
	send_mail(&w, &m, BYTES_LIT(BODY), &a);
	assert_int_equal(a.count, 0); /* not before it is durable */
	archive_commit(w.f.archive);
	assert_int_equal(a.count, 1);
	assert_int_equal(a.code, 250);
	assert_false(a.close);
	read_back(&w, &a, &arena, &row, &body);
	assert_int_equal(row.received_ms, T0);
	assert_int_equal(row.recipient_count, 1);
	assert_int_equal(row.retention, PACK_RETENTION_ONE_YEAR);
	expect_text(row.recipients[0], "a@x.y");
	expect_text(buf_view(&body), arena_printf(&arena, "X-Kept: yes\r\n%s", BODY));
	expect_text(row.columns.subject, "gr\xC3\xBCn");
	expect_text(row.columns.envelope_from, "s@example.com");
	expect_text(row.columns.sender_ip, "192.0.2.7");
	expect_text(row.columns.helo, "mx.example.com");
	expect_text(row.columns.tls_protocol, "TLSv1.3");
	expect_text(row.columns.ingress_point_id, "e");
	expect_text(row.columns.traffic_policy_id, "tp-1");
	expect_text(row.columns.rule_set_id, "rs-1");
	expect_text(row.columns.source_arn, "arn:aws:ses:local:1:mailmanager-rule-set/rs-1");
	expect_text(row.columns.explanation,
	    "{\"traffic_policy\":[{\"recipient\":\"a@x.y\"}],\"rule_set\":[{\"rule_index\":1,"
	    "\"recipients_matched\":"
	    "[\"a@x.y\",\"b@x.y\"],\"actions\":[{\"action_name\":\"ADD_HEADER\",\"action_index\":1,"
	    "\"action_status\":\"SUCCESS\"}]},{\"rule_index\":2,\"recipients_matched\":[\"a@x.y\"],"
	    "\"conditions\":"
	    "[{\"expression\":{\"attribute\":\"RECIPIENT\",\"operator\":\"EQUALS\",\"value\":[\"a@"
	    "x.y\"]},"
	    "\"expressionResult\":true}],\"actions\":[{\"action_name\":\"ARCHIVE\",\"action_"
	    "index\":1,"
	    "\"action_status\":\"SUCCESS\"}]}]}");
	why = explanation_of(&row);
	json_free(&why);
	journal_counters_get(w.j, &c);
	assert_int_equal(c.accepted, 1);
	assert_int_equal(c.archived_copies, 1);
	assert_int_equal(c.without_action + c.action_failures + c.deferred + c.refused, 0);
	buf_fini(&body);
	world_close(&w);
	arena_fini(&arena);
}

static void
outcomes(void **state)
{
	static const struct {
		const char *name, *rules;
		uint64_t copies, without_action, failures;
	} rows[] = {
	    {"no rules", "", 0, 1, 0},
	    {"no archive action", RULE("{'AddHeader':{'HeaderName':'X-A','HeaderValue':'b'}}"), 0,
		1, 0},
	    {"dropped", RULE("{'Drop':{}}") "," RULE(ARCHIVE("one")), 0, 1, 0},
	    {"dropped for one", ONLY_A("{'Drop':{}}") "," RULE(ARCHIVE("one")), 1, 0, 0},
	    {"by id", RULE(ARCHIVE("a-one")), 1, 0, 0},
	    {"by ARN", RULE(ARCHIVE("arn:aws:ses:local:1:mailmanager-archive/a-two")), 1, 0, 0},
	    {"two archives", RULE(ARCHIVE("one") "," ARCHIVE("two")), 2, 0, 0},
	    {"one archive twice", ONLY_A(ARCHIVE("one")) "," RULE(ARCHIVE("a-one")), 1, 0, 0},
	    {"no such archive", RULE(ARCHIVE("nine")), 0, 1, 1},
	    {"archive pending deletion", RULE(ARCHIVE("three")), 0, 1, 1},
	    {"one fails, one keeps", RULE(ARCHIVE("nine") "," ARCHIVE("one")), 1, 0, 1},
	    {"failure drops",
		RULE("{'Archive':{'TargetArchive':'nine','ActionFailurePolicy':'DROP'}}," ARCHIVE(
		    "one")),
		0, 1, 1},
	    {"what is not executed", RULE("{'Relay':{'Relay':'r'}}," ARCHIVE("one")), 1, 0, 1},
	};
	struct wire_mail m = mail();

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct journal_counters c;
		struct archive_stats stats;
		struct answer a;
		struct world w;

		print_message("%s\n", rows[i].name);
		world_open(&w, false);
		assert_true(configure(&w, "journal", rows[i].rules));
		a = deliver(&w, &m, BYTES_LIT(BODY));
		assert_int_equal(a.code, 250);
		journal_counters_get(w.j, &c);
		assert_int_equal(c.accepted, 1);
		assert_int_equal(c.archived_copies, rows[i].copies);
		assert_int_equal(c.without_action, rows[i].without_action);
		assert_int_equal(c.action_failures, rows[i].failures);
		assert_true(archive_stats_get(w.f.archive, NULL, &stats, &err));
		assert_int_equal(stats.messages, rows[i].copies);
		world_close(&w);
	}
}

/* A failed action is told beside the one that kept the message; the copy stands for everybody it was meant for. */
static void
failure_is_told(void **state)
{
	const struct json *actions;
	struct wire_mail m = mail();
	struct pack_row row;
	struct answer a;
	struct json *why;
	struct arena arena;
	struct buf body;
	struct world w;

	(void)state;
	arena_init(&arena);
	world_open(&w, false);
	assert_true(configure(&w, "journal", RULE(ARCHIVE("three") "," ARCHIVE("one"))));
	a = deliver(&w, &m, BYTES_LIT(BODY));
	read_back(&w, &a, &arena, &row, &body);
	assert_int_equal(row.recipient_count, 2);
	why = explanation_of(&row);
	actions = json_get(json_at(json_get(why, "rule_set"), 0), "actions");
	assert_string_equal(json_get_str(json_at(actions, 0), "action_status"), "FAILURE");
	assert_non_null(
	    strstr(json_get_str(json_at(actions, 0), "action_failure"), "pending deletion"));
	assert_string_equal(json_get_str(json_at(actions, 1), "action_status"), "SUCCESS");
	json_free(&why);
	buf_fini(&body);
	world_close(&w);
	arena_fini(&arena);
}

/* E3, E7: a first part that is too long or no JSON does not cost the record its second one. */
static void
explanation_from_outside(void **state)
{
	static const struct {
		const char *name;
		bool list;
		int64_t truncated;
	} rows[] = {{"too long", true, 700}, {"no JSON", false, 1}};
	struct arena arena;
	struct world w;

	(void)state;
	arena_init(&arena);
	world_open(&w, false);
	assert_true(configure(&w, "journal", RULE(ARCHIVE("one"))));
	for (size_t i = 0; i < 2; i++) {
		struct wire_mail m = mail();
		struct pack_row row;
		struct buf text, body;
		struct answer a;
		struct json *why;

		print_message("%s\n", rows[i].name);
		buf_init(&text, LIMIT_MIB);
		for (int k = 0; rows[i].list && k < 700; k++)
			buf_printf(&text, "%c{\"recipient\":\"%0200d\"}", k == 0 ? '[' : ',', k);
		buf_append_str(&text, rows[i].list ? "]" : "nonsense");
		m.traffic_explanation = buf_view(&text);
		a = deliver(&w, &m, BYTES_LIT(BODY));
		assert_int_equal(a.code, 250);
		read_back(&w, &a, &arena, &row, &body);
		assert_true(row.columns.explanation.len <= PACK_EXPLANATION_BYTES_MAX);
		assert_int_equal(row.columns.parse_flags & PACK_PARSE_LIMITED, 0);
		why = explanation_of(&row);
		assert_int_equal(
		    json_get_integer(json_at(json_get(why, "traffic_policy"), 0), "truncated", 0),
		    rows[i].truncated);
		assert_int_equal(json_count(json_get(why, "rule_set")), 1);
		json_free(&why);
		buf_fini(&body);
		buf_fini(&text);
	}
	world_close(&w);
	arena_fini(&arena);
}

static void
hops(void **state)
{
	static const struct {
		const char *name, *mode;
		int received;
		uint16_t code;
	} rows[] = {
	    {"a hundred, strict", "mx", 100, 250},
	    {"one more, strict", "mx", 101, 554},
	    {"one more, journal", "journal", 101, 250},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct wire_mail m = mail();
		struct journal_counters c;
		struct answer a;
		struct buf body;
		struct world w;

		print_message("%s\n", rows[i].name);
		world_open(&w, false);
		assert_true(configure(&w, rows[i].mode, RULE(ARCHIVE("one"))));
		buf_init(&body, LIMIT_MIB);
		for (int k = 0; k < rows[i].received; k++)
			buf_printf(&body, "Received: from h%d\r\n", k);
		buf_append_str(&body, BODY);
		a = deliver(&w, &m, buf_view(&body));
		assert_int_equal(a.code, rows[i].code);
		journal_counters_get(w.j, &c);
		assert_int_equal(c.refused, rows[i].code == 554);
		if (a.code == 554)
			assert_int_equal(strncmp(a.text, "5.4.6 ", 6), 0);
		buf_fini(&body);
		world_close(&w);
	}
}

/* What is our trouble is 4xx, and what the sender hears is not 250 when the bytes may be lost. */
static void
trouble(void **state)
{
	const struct os_failure broken = {.call = OS_CALL_SYNC,
	    .nth = 1,
	    .sys_errno = EIO,
	    .how = OS_FAIL_BEFORE,
	    .from_then_on = true};
	struct wire_mail m = mail(), elsewhere = mail();
	struct journal_counters c;
	struct answer a;
	struct world w;

	(void)state;
	elsewhere.ingress_point_id = BYTES_LIT("f");
	world_open(&w, false);
	print_message("no configuration\n");
	assert_int_equal(deliver(&w, &m, BYTES_LIT(BODY)).code, 451);
	assert_true(configure(&w, "journal", RULE(ARCHIVE("one"))));
	print_message("endpoint gone\n");
	assert_int_equal(deliver(&w, &elsewhere, BYTES_LIT(BODY)).code, 451);
	print_message("no mail\n");
	assert_int_equal(deliver(&w, NULL, BYTES_LIT(BODY)).code, 451);
	print_message("a configuration that does not compile\n");
	assert_false(configure(&w, "journal", RULE("{'Explode':{}}")));
	assert_int_equal(err.code, ERR_SYNTAX);
	assert_non_null(strstr(err.msg, "rs-1"));
	assert_int_equal(deliver(&w, &m, BYTES_LIT(BODY)).code, 250);
	print_message("sync fails\n");
	os_fs_failing_arm(w.failing, &broken);
	a = deliver(&w, &m, BYTES_LIT(BODY));
	assert_int_equal(a.code, 451);
	print_message("and after that\n");
	a = deliver(&w, &m, BYTES_LIT(BODY));
	assert_int_equal(a.code, 451);
	assert_true(a.close);
	journal_counters_get(w.j, &c);
	assert_int_equal(c.accepted, 1);
	assert_int_equal(c.archived_copies, 1);
	assert_int_equal(c.deferred, 5);
	os_fs_failing_disarm(w.failing);
	world_close(&w);
}

static void
no_space(void **state)
{
	struct wire_mail m = mail();
	struct answer a = {0};
	struct world w;

	(void)state;
	world_open(&w, false);
	assert_true(configure(&w, "journal", RULE(ARCHIVE("one"))));
	assert_int_equal(deliver(&w, &m, BYTES_LIT(BODY)).code, 250);
	os_fs_memory_set_capacity(w.f.disk, 1);
	w.f.now.mono_ms += 2000;
	a = deliver(&w, &m, BYTES_LIT(BODY));
	assert_int_equal(a.code, 452);
	assert_int_equal(strncmp(a.text, "4.3.1 ", 6), 0);
	os_fs_memory_set_capacity(w.f.disk, 0);
	w.f.now.mono_ms += 2000;
	assert_int_equal(deliver(&w, &m, BYTES_LIT(BODY)).code, 250);
	world_close(&w);
}

/* journal_close returns when everybody was answered, though the archive commits on a thread of its own. */
static void
closing(void **state)
{
	enum { MESSAGES = 300 };
	static struct answer answers[MESSAGES];
	struct wire_mail m = mail();
	struct archive_stats stats;
	struct world w;

	(void)state;
	memset(answers, 0, sizeof answers);
	world_open(&w, true);
	assert_true(configure(&w, "journal", RULE(ARCHIVE("one"))));
	for (size_t i = 0; i < MESSAGES; i++)
		send_mail(&w, &m, BYTES_LIT(BODY), &answers[i]);
	journal_close(&w.j);
	for (size_t i = 0; i < MESSAGES; i++) {
		assert_int_equal(answers[i].count, 1);
		assert_int_equal(answers[i].code, 250);
	}
	assert_true(archive_stats_get(w.f.archive, "a-one", &stats, &err));
	assert_int_equal(stats.messages, MESSAGES);
	world_close(&w);
}

struct closer {
	struct world *w;
	const struct answer *answer;
	atomic_bool began;
	unsigned answered; /* when journal_close returned */
};

static void *
close_journal(void *ctx)
{
	struct closer *c = ctx;

	atomic_store(&c->began, true);
	journal_close(&c->w->j);
	c->answered = c->answer->count;
	return NULL;
}

/* The same with the commit held back: closing waits for it. Yields give a journal that would not wait the time to be
 * gone; they are no condition for passing. */
static void
closing_waits_for_the_archive(void **state)
{
	enum { YIELDS = 20000 };
	struct wire_mail m = mail();
	struct answer a = {0};
	struct closer c = {.answer = &a};
	pthread_t thread;
	struct world w;

	(void)state;
	world_open(&w, false);
	assert_true(configure(&w, "journal", RULE(ARCHIVE("one"))));
	send_mail(&w, &m, BYTES_LIT(BODY), &a);
	assert_int_equal(a.count, 0);
	c.w = &w;
	atomic_init(&c.began, false);
	assert_true(os_thread_start(&thread, "closer", close_journal, &c, &err));
	while (!atomic_load(&c.began))
		(void)sched_yield();
	for (int i = 0; i < YIELDS; i++)
		(void)sched_yield();
	archive_commit(w.f.archive);
	os_thread_join(thread);
	assert_int_equal(c.answered, 1);
	assert_int_equal(a.code, 250);
	world_close(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(kept), cmocka_unit_test(outcomes),
	    cmocka_unit_test(failure_is_told), cmocka_unit_test(explanation_from_outside),
	    cmocka_unit_test(hops), cmocka_unit_test(trouble), cmocka_unit_test(no_space),
	    cmocka_unit_test(closing), cmocka_unit_test(closing_waits_for_the_archive)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
