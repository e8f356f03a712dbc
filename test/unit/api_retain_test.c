/* SPDX-License-Identifier: Apache-2.0 */
/* Holds, retention, the trusted clock, dispositions, erasures, undeletion: docs/formats/retention.md, by the API. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api_fixture.h"
#include "base_mem.h"

#define DAY_MS INT64_C(86400000)

struct play {
	struct fixture f;
	struct json *last; /* answer of the last call */
	char archive[80];
};

static int
begin(void **state)
{
	struct play *p = mem_calloc(1, sizeof *p);

	fixture_open(&p->f, false);
	*state = p;
	return 0;
}

static int
end(void **state)
{
	struct play *p = *state;

	json_free(&p->last);
	fixture_close(&p->f);
	mem_free(p);
	return 0;
}

/* One call; ' in the input stand for ". */
static const struct json *PRINTF_LIKE(4, 5)
    call(struct play *p, const char *operation, int status, const char *format, ...)
{
	struct buf text;
	struct json *input;
	char raw[2000];
	struct err err;
	va_list ap;
	int got;

	va_start(ap, format);
	(void)vsnprintf(raw, sizeof raw, format, ap);
	va_end(ap);
	for (char *c = raw; *c != '\0'; c++)
		if (*c == '\'')
			*c = '"';
	input = json_parse(bytes_of_str(raw), &err);
	if (input == NULL)
		fail_msg("%s: %s", raw, err.msg);
	json_free(&p->last);
	got = fixture_call(&p->f, operation, input, false, &p->last);
	json_free(&input);
	buf_init(&text, LIMIT_MIB);
	json_print(p->last, &text);
	if (got != status)
		fail_msg(
		    "%s %s: status %d, not %d: %s", operation, raw, got, status, buf_text(&text));
	buf_fini(&text);
	return p->last;
}

static void
says(const struct play *p, const char *want)
{
	struct buf text;

	buf_init(&text, LIMIT_MIB);
	json_print(p->last, &text);
	if (strstr(buf_text(&text), want) == NULL)
		fail_msg("no %s in %s", want, buf_text(&text));
	buf_fini(&text);
}

static void
age(struct play *p, int64_t days)
{
	p->f.time.now_ms += days * DAY_MS;
	p->f.time.mono_ms += days * DAY_MS;
}

static void
archive_make(struct play *p, const char *period)
{
	call(p, "CreateArchive", 200, "{'ArchiveName':'mail','Retention':{'RetentionPeriod':'%s'}}",
	    period);
	(void)snprintf(p->archive, sizeof p->archive, "%s", json_get_str(p->last, "ArchiveId"));
}

struct finding {
	const char *subject;
	char *id;
	bool found;
};

static bool
find_visit(void *ctx, const struct pack_row *row)
{
	struct finding *f = ctx;

	if (bytes_equal(row->columns.subject, bytes_of_str(f->subject))) {
		id_record_format(f->id, &row->id);
		f->found = true;
	}
	return true;
}

static bool
find(struct play *p, const char *subject, char id[ID_RECORD_TEXT_SIZE])
{
	struct archive_search_report report;
	struct finding f = {subject, id, false};
	struct err err;

	if (!archive_search(p->f.archive, p->archive, INT64_MIN, INT64_MAX, NULL, UINT64_MAX, NULL,
		find_visit, &f, &report, &err))
		fail_msg("%s", err.msg);
	return f.found;
}

static void
keep(struct play *p, const char *subject, char id[ID_RECORD_TEXT_SIZE])
{
	fixture_keep(&p->f, p->archive, subject);
	p->f.time.now_ms++; /* ids are in order of time */
	assert_true(find(p, subject, id));
}

static int64_t
count(const struct play *p, const char *member)
{
	return json_get_integer(p->last, member, -1);
}

static const struct json *
newest(struct play *p, const char *operation, const char *list)
{
	const struct json *all = json_find(call(p, operation, 200, "{}"), list);

	return json_at(all, 0);
}

/* A held message survives its period, and goes when the hold does; the other one is certified. */
static void
holds_outlive_periods(void **state)
{
	char held[ID_RECORD_TEXT_SIZE], other[ID_RECORD_TEXT_SIZE], hold[80], disposition[80];
	struct play *p = *state;

	archive_make(p, "THREE_MONTHS");
	keep(p, "alpha", held);
	keep(p, "beta", other);
	call(p, "Daybook.CreateHold", 200,
	    "{'HoldName':'case','Reason':'r','DryRun':true,'Scope':{'MessageIds':['%s']}}", held);
	assert_int_equal(count(p, "Messages"), 1);
	call(p, "Daybook.CreateHold", 200,
	    "{'HoldName':'case','Reason':'r','Scope':{'MessageIds':['%s']}}", held);
	(void)snprintf(hold, sizeof hold, "%s", json_get_str(p->last, "HoldId"));
	call(p, "Daybook.CreateHold", 409,
	    "{'HoldName':'case','Reason':'r','Scope':{'Address':'@example.net'}}");
	call(p, "Daybook.GetHold", 200, "{'HoldId':'%s'}", hold);
	assert_int_equal(count(p, "Messages"), 1);
	call(p, "Daybook.ExplainHold", 200, "{'ArchivedMessageId':'%s'}", held);
	says(p, "\"HoldName\":\"case\"");
	call(p, "Daybook.ExplainHold", 200, "{'ArchivedMessageId':'%s'}", other);
	says(p, "\"Holds\":[]");
	call(p, "Daybook.PreviewRetention", 200,
	    "{'ArchiveId':'%s','RetentionPeriod':'THREE_MONTHS'}", p->archive);
	says(p, "\"Destroyed\":{\"Messages\":0");
	age(p, 100);
	call(p, "Daybook.PreviewRetention", 200,
	    "{'ArchiveId':'%s','RetentionPeriod':'THREE_MONTHS'}", p->archive);
	says(p, "\"Destroyed\":{\"Messages\":1");
	says(p, "\"Held\":{\"Messages\":1");
	call(p, "Daybook.PreviewRetention", 200, "{'ArchiveId':'%s','RetentionPeriod':'PERMANENT'}",
	    p->archive);
	says(p, "\"Destroyed\":{\"Messages\":0");
	api_run_jobs(p->f.api);
	assert_true(find(p, "alpha", held));
	assert_false(find(p, "beta", disposition));
	(void)snprintf(disposition, sizeof disposition, "%s",
	    json_get_str(newest(p, "Daybook.ListDispositions", "Dispositions"), "DispositionId"));
	says(p, "\"State\":\"COMPLETED\"");
	says(p, "\"DestroyedMessages\":1");
	says(p, "\"HeldMessages\":1");
	call(p, "Daybook.GetDisposition", 200, "{'DispositionId':'%s'}", disposition);
	says(p, other);
	says(p, "daybook-certificate/1");
	call(p, "GetArchiveMessage", 400, "{'ArchivedMessageId':'%s'}", other);
	call(p, "Daybook.ReleaseHold", 200, "{'HoldId':'%s','Reason':'over'}", hold);
	call(p, "Daybook.ReleaseHold", 200, "{'HoldId':'%s','Reason':'again'}", hold);
	call(p, "Daybook.GetHold", 200, "{'HoldId':'%s'}", hold);
	says(p, "\"ReleaseReason\":\"over\"");
	api_run_jobs(p->f.api);
	assert_false(find(p, "alpha", held));
}

struct address_row {
	const char *name, *address;
	int64_t messages;
};

/* Envelope sender and From are ann@example.net, the recipient is journal@example.org. */
static void
addresses_are_whole(void **state)
{
	static const struct address_row rows[] = {
	    {"sender", "ann@example.net", 2},
	    {"recipient", "journal@example.org", 2},
	    {"case", "ANN@Example.NET", 2},
	    {"domain", "@example.net", 2},
	    {"part of a local part", "nn@example.net", 0},
	    {"part of a domain", "ann@example.ne", 0},
	    {"another top", "ann@example", 0},
	    {"nobody", "bob@example.net", 0},
	};
	struct play *p = *state;
	char id[ID_RECORD_TEXT_SIZE];

	archive_make(p, "THREE_MONTHS");
	keep(p, "alpha", id);
	keep(p, "beta", id);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		call(p, "Daybook.CreateHold", 200,
		    "{'HoldName':'x','Reason':'r','DryRun':true,'Scope':{'Address':'%s'}}",
		    rows[i].address);
		if (count(p, "Messages") != rows[i].messages)
			fail_msg("%s: %lld", rows[i].name, (long long)count(p, "Messages"));
	}
	call(p, "Daybook.CreateHold", 400,
	    "{'HoldName':'x','Reason':'r','Scope':{'Address':'nobody'}}");
	call(p, "Daybook.CreateHold", 404,
	    "{'HoldName':'x','Reason':'r','ArchiveIds':['a-none'],'Scope':{'Address':'a@b'}}");
	call(p, "Daybook.CreateHold", 404,
	    "{'HoldName':'x','Reason':'r','Scope':{'MessageIds':['22222222222222222222222222']}}");
}

#define SUBJECT_QUERY                                                                              \
	"'Scope':{'Query':{'Filters':{'Include':[{'StringExpression':{'Evaluate':{'Attribute':"    \
	"'SUBJECT'},'Operator':'CONTAINS','Values':['%s']}}]}}}"

/* A dynamic hold is about mail to come, a static one is not. */
static void
static_and_dynamic(void **state)
{
	char id[ID_RECORD_TEXT_SIZE], fixed[80], moving[80];
	struct play *p = *state;

	archive_make(p, "THREE_MONTHS");
	keep(p, "case one", id);
	call(p, "Daybook.CreateHold", 200,
	    "{'HoldName':'fixed','Reason':'r','Mode':'STATIC'," SUBJECT_QUERY "}", "case");
	(void)snprintf(fixed, sizeof fixed, "%s", json_get_str(p->last, "HoldId"));
	call(p, "Daybook.CreateHold", 200,
	    "{'HoldName':'moving','Reason':'r','Mode':'DYNAMIC'," SUBJECT_QUERY "}", "case");
	(void)snprintf(moving, sizeof moving, "%s", json_get_str(p->last, "HoldId"));
	call(p, "Daybook.GetHold", 200, "{'HoldId':'%s'}", fixed);
	says(p, "\"State\":\"FREEZING\"");
	age(p, 1);
	keep(p, "case two", id);
	api_run_jobs(p->f.api);
	call(p, "Daybook.GetHold", 200, "{'HoldId':'%s'}", fixed);
	says(p, "\"State\":\"FROZEN\"");
	assert_int_equal(count(p, "Messages"), 1);
	call(p, "Daybook.GetHold", 200, "{'HoldId':'%s'}", moving);
	assert_int_equal(count(p, "Messages"), 2);
	call(p, "Daybook.ReleaseHold", 200, "{'HoldId':'%s','Reason':'over'}", moving);
	age(p, 100);
	fixture_reopen(&p->f); /* off for 100 days: the clock waits for somebody */
	api_run_jobs(p->f.api);
	assert_true(find(p, "case two", id) && find(p, "case one", id));
	call(p, "Daybook.ConfirmClock", 200, "{'KnownTimestamp':%lld}",
	    (long long)(p->f.time.now_ms / 1000));
	api_run_jobs(p->f.api);
	assert_true(find(p, "case one", id));
	assert_false(find(p, "case two", id));
}

/* The clock jumps by twenty years: nothing goes, until somebody says that it is right. */
static void
a_jump_destroys_nothing(void **state)
{
	struct play *p = *state;
	char id[ID_RECORD_TEXT_SIZE];

	archive_make(p, "THREE_MONTHS");
	keep(p, "alpha", id);
	p->f.time.now_ms += 20 * 365 * DAY_MS;
	p->f.time.mono_ms += 60000;
	api_run_jobs(p->f.api);
	call(p, "Daybook.GetStatus", 200, "{}");
	says(p, "\"Stopped\":true");
	says(p, "\"Messages\":1");
	fixture_reopen(&p->f);
	api_run_jobs(p->f.api);
	assert_null(newest(p, "Daybook.ListDispositions", "Dispositions"));
	call(p, "Daybook.ConfirmClock", 400, "{'KnownTimestamp':%lld}",
	    (long long)(FIXTURE_START_MS / 1000));
	says(p, "set the clock first");
	/* Turned back, it goes on by itself: nothing was trusted that is not so. */
	p->f.time.now_ms -= 20 * 365 * DAY_MS;
	call(p, "Daybook.GetStatus", 200, "{}");
	says(p, "\"Stopped\":false");
	p->f.time.now_ms += 20 * 365 * DAY_MS;
	call(p, "Daybook.ConfirmClock", 200, "{'KnownTimestamp':%lld}",
	    (long long)(p->f.time.now_ms / 1000));
	api_run_jobs(p->f.api);
	assert_false(find(p, "alpha", id));
}

static void
erasure_leaves_a_word(void **state)
{
	char first[ID_RECORD_TEXT_SIZE], second[ID_RECORD_TEXT_SIZE], hold[80], erasure[80];
	struct play *p = *state;

	archive_make(p, "PERMANENT");
	keep(p, "alpha", first);
	keep(p, "beta", second);
	call(p, "Daybook.CreateHold", 200,
	    "{'HoldName':'case','Reason':'r','Scope':{'Address':'@example.net'}}");
	(void)snprintf(hold, sizeof hold, "%s", json_get_str(p->last, "HoldId"));
	call(p, "Daybook.RequestErasure", 409, "{'ArchivedMessageId':'%s','Reason':'r'}", first);
	says(p, "RefusedException");
	says(p, "(case)");
	call(p, "Daybook.ReleaseHold", 200, "{'HoldId':'%s','Reason':'over'}", hold);
	call(p, "Daybook.RequestErasure", 200, "{'ArchivedMessageId':'%s','Reason':'r'}", first);
	(void)snprintf(erasure, sizeof erasure, "%s", json_get_str(p->last, "ErasureId"));
	call(p, "Daybook.RequestErasure", 409, "{'ArchivedMessageId':'%s','Reason':'r'}", first);
	call(p, "Daybook.RequestErasure", 404, "{'ArchivedMessageId':'nothing','Reason':'r'}");
	api_run_jobs(p->f.api);
	call(p, "GetArchiveMessage", 200, "{'ArchivedMessageId':'%s'}", first);
	/* A hold that comes before the approval is in its way; one before the work, in the work's. */
	call(p, "Daybook.CreateHold", 200,
	    "{'HoldName':'case','Reason':'r','Scope':{'MessageIds':['%s']}}", first);
	(void)snprintf(hold, sizeof hold, "%s", json_get_str(p->last, "HoldId"));
	call(p, "Daybook.ApproveErasure", 409, "{'ErasureId':'%s'}", erasure);
	call(p, "Daybook.ReleaseHold", 200, "{'HoldId':'%s','Reason':'over'}", hold);
	call(p, "Daybook.ApproveErasure", 200, "{'ErasureId':'%s'}", erasure);
	call(p, "Daybook.ApproveErasure", 409, "{'ErasureId':'%s'}", erasure);
	call(p, "Daybook.CreateHold", 200,
	    "{'HoldName':'late','Reason':'r','Scope':{'MessageIds':['%s']}}", first);
	(void)snprintf(hold, sizeof hold, "%s", json_get_str(p->last, "HoldId"));
	api_run_jobs(p->f.api);
	call(p, "GetArchiveMessage", 200, "{'ArchivedMessageId':'%s'}", first);
	call(p, "Daybook.ListErasures", 200, "{}");
	says(p, "is held by");
	call(p, "Daybook.ReleaseHold", 200, "{'HoldId':'%s','Reason':'over'}", hold);
	api_run_jobs(p->f.api);
	call(p, "GetArchiveMessage", 404, "{'ArchivedMessageId':'%s'}", first);
	says(p, "erased on 20");
	says(p, "approved by root");
	call(p, "GetArchiveMessage", 200, "{'ArchivedMessageId':'%s'}", second);
	call(p, "Daybook.ListErasures", 200, "{}");
	says(p, "\"State\":\"COMPLETED\"");
	call(p, "Daybook.RequestErasure", 200, "{'ArchivedMessageId':'%s','Reason':'r'}", second);
	(void)snprintf(erasure, sizeof erasure, "%s", json_get_str(p->last, "ErasureId"));
	call(p, "Daybook.RejectErasure", 200, "{'ErasureId':'%s'}", erasure);
	api_run_jobs(p->f.api);
	call(p, "GetArchiveMessage", 200, "{'ArchivedMessageId':'%s'}", second);
}

static void
deleted_archives(void **state)
{
	char first[ID_RECORD_TEXT_SIZE], second[ID_RECORD_TEXT_SIZE], hold[80];
	struct play *p = *state;

	archive_make(p, "PERMANENT");
	keep(p, "alpha", first);
	keep(p, "beta", second);
	call(p, "DeleteArchive", 200, "{'ArchiveId':'%s'}", p->archive);
	age(p, 29);
	api_run_jobs(p->f.api);
	call(p, "Daybook.UndeleteArchive", 200, "{'ArchiveId':'%s'}", p->archive);
	call(p, "Daybook.UndeleteArchive", 409, "{'ArchiveId':'%s'}", p->archive);
	call(p, "GetArchive", 200, "{'ArchiveId':'%s'}", p->archive);
	says(p, "\"ArchiveState\":\"ACTIVE\"");
	call(p, "Daybook.CreateHold", 200,
	    "{'HoldName':'case','Reason':'r','Scope':{'MessageIds':['%s']}}", second);
	(void)snprintf(hold, sizeof hold, "%s", json_get_str(p->last, "HoldId"));
	call(p, "DeleteArchive", 200, "{'ArchiveId':'%s'}", p->archive);
	age(p, 31);
	api_run_jobs(p->f.api);
	assert_false(find(p, "alpha", first));
	assert_true(find(p, "beta", second));
	call(p, "GetArchive", 200, "{'ArchiveId':'%s'}", p->archive);
	call(p, "Daybook.ReleaseHold", 200, "{'HoldId':'%s','Reason':'over'}", hold);
	api_run_jobs(p->f.api);
	call(p, "GetArchive", 404, "{'ArchiveId':'%s'}", p->archive);
	call(p, "Daybook.GetStatus", 200, "{}");
	says(p, "\"Archives\":[]");
	(void)newest(p, "Daybook.ListDispositions", "Dispositions");
	says(p, "\"KeyDestroyed\":true");
	call(p, "Daybook.UndeleteArchive", 404, "{'ArchiveId':'%s'}", p->archive);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(holds_outlive_periods, begin, end),
	    cmocka_unit_test_setup_teardown(addresses_are_whole, begin, end),
	    cmocka_unit_test_setup_teardown(static_and_dynamic, begin, end),
	    cmocka_unit_test_setup_teardown(a_jump_destroys_nothing, begin, end),
	    cmocka_unit_test_setup_teardown(erasure_leaves_a_word, begin, end),
	    cmocka_unit_test_setup_teardown(deleted_archives, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
