/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base_rng.h"
#include "policy_fixture.h"
#include "policy_rules.h"

static struct policy_rules *
compile(const char *text)
{
	struct json *document = policy_fixture_parse(text);
	struct policy_rules *r;
	struct err err;

	if (!policy_rules_compile(document, &r, &err))
		fail_msg("%s", err.msg);
	json_free(&document);
	return r;
}

/* Archives named "gone…" are not there; what is not Archive cannot be done. */
static bool
check(void *ctx, enum policy_action action, const struct json *parameters,
    char reason[POLICY_REASON_SIZE])
{
	const char *target = json_get_str(parameters, "TargetArchive");

	(void)ctx;
	(void)snprintf(reason, POLICY_REASON_SIZE, "not here");
	return action == POLICY_ACTION_ARCHIVE && target != NULL && strncmp(target, "gone", 4) != 0;
}

static const struct policy_context context = {check, NULL};

static struct bytes from_addresses[] = {{(const uint8_t *)"ann@example.com", 15}};
static struct bytes to_addresses[] = {
    {(const uint8_t *)"bob@example.com", 15}, {(const uint8_t *)"cy@example.org", 14}};
static struct bytes recipients[] = {
    {(const uint8_t *)"a@x.y", 5}, {(const uint8_t *)"b@x.y", 5}, {(const uint8_t *)"c@z.y", 5}};
static struct bytes san_dns[] = {
    {(const uint8_t *)"mx1.example.com", 15}, {(const uint8_t *)"mx2.example.com", 15}};
static const struct policy_certificate certificate = {.common_name = {(const uint8_t *)"client", 6},
    .serial = {(const uint8_t *)"0A1B", 4},
    .san_dns = san_dns,
    .san_dns_count = 2};
static const struct policy_session session = {.ip_family = 4,
    .ip = {192, 0, 2, 7},
    .tls = POLICY_TLS_1_2,
    .helo = {(const uint8_t *)"mx.example.com", 14},
    .certificate = &certificate};
static const struct policy_session bare_session = {.ip_family = 6, .ip = {0x20, 1}};
static const struct policy_header x_headers[] = {
    {{(const uint8_t *)"X-Team", 6}, {(const uint8_t *)"Sales", 5}},
    {{(const uint8_t *)"x-team", 6}, {(const uint8_t *)"Legal", 5}}};

static struct policy_message
message(void)
{
	struct policy_message m = {.session = &session,
	    .mail_from = BYTES_LIT("ann@example.com"),
	    .recipients = recipients,
	    .recipient_count = 3,
	    .size_bytes = 1000,
	    .subject = BYTES_LIT("Quarterly Report"),
	    .x_headers = x_headers,
	    .x_header_count = 2,
	    .read_receipt_requested = true};

	m.from = (struct policy_field){BYTES_LIT("Ann Other <ann@example.com>"), from_addresses, 1};
	m.to = (struct policy_field){
	    BYTES_LIT("Bob <bob@example.com>, cy@example.org"), to_addresses, 2};
	return m;
}

/* A decision as text: "archive:recipients" for each step. */
static void
draw(const struct policy_decision *d, struct buf *out)
{
	for (size_t i = 0; i < d->step_count; i++) {
		buf_printf(out, "%s%s:", i > 0 ? " " : "",
		    json_get_str(d->steps[i].parameters, "TargetArchive"));
		for (size_t k = 0; k < d->steps[i].recipient_count; k++)
			buf_printf(out, "%s%.*s", k > 0 ? "," : "",
			    (int)d->steps[i].recipients[k].len,
			    (const char *)d->steps[i].recipients[k].ptr);
	}
}

static void
expect(const char *name, const char *rules, const struct policy_message *m, const char *want,
    size_t failures)
{
	struct policy_rules *r = compile(rules);
	struct policy_decision d;
	struct arena arena;
	struct buf text;

	print_message("%s\n", name);
	arena_init(&arena);
	buf_init(&text, 100000);
	policy_rules_decide(r, m, &context, &arena, &d);
	draw(&d, &text);
	assert_string_equal(buf_text(&text), want);
	assert_int_equal(d.failed_action_count, failures);
	json_free(&d.explanation);
	buf_fini(&text);
	arena_fini(&arena);
	policy_rules_free(&r);
}

#define KEEP      "'Actions':[{'Archive':{'TargetArchive':'A'}}]"
#define WHEN(c)   "{'Rules':[{'Conditions':[" c "]," KEEP "}]}"
#define UNLESS(c) "{'Rules':[{'Unless':[" c "]," KEEP "}]}"
#define TEXT(attribute, op, values)                                                                \
	"{'StringExpression':{'Evaluate':{'Attribute':'" attribute "'},'Operator':'" op            \
	"','Values':" values "}}"
#define HEADER(name, op, values)                                                                   \
	"{'StringExpression':{'Evaluate':{'MimeHeaderAttribute':'" name "'},'Operator':'" op       \
	"','Values':" values "}}"
#define CERT(attribute, op, values)                                                                \
	"{'StringExpression':{'Evaluate':{'ClientCertificateAttribute':'" attribute                \
	"'},'Operator':'" op "','Values':" values "}}"
#define BOOL(attribute, op)                                                                        \
	"{'BooleanExpression':{'Evaluate':{'Attribute':'" attribute "'},'Operator':'" op "'}}"
#define SIZE(op, value)                                                                            \
	"{'NumberExpression':{'Evaluate':{'Attribute':'MESSAGE_SIZE'},'Operator':'" op             \
	"','Value':" value "}}"
#define IP(op, values)                                                                             \
	"{'IpExpression':{'Evaluate':{'Attribute':'SOURCE_IP'},'Operator':'" op                    \
	"','Values':" values "}}"
#define ALL "A:a@x.y,b@x.y,c@z.y"

static void
conditions(void **state)
{
	static const struct {
		const char *name, *condition;
		bool holds;
	} rows[] = {
	    {"mail from", TEXT("MAIL_FROM", "EQUALS", "['ANN@example.com']"), true},
	    {"helo ends", TEXT("HELO", "ENDS_WITH", "['.EXAMPLE.com']"), true},
	    {"from equals an address", TEXT("FROM", "EQUALS", "['ann@example.com']"), true},
	    {"from equals no display name", TEXT("FROM", "EQUALS", "['Ann Other']"), false},
	    {"from contains a display name", TEXT("FROM", "CONTAINS", "['ann other']"), true},
	    {"to starts, second address", TEXT("TO", "STARTS_WITH", "['cy@']"), true},
	    {"to not equals", TEXT("TO", "NOT_EQUALS", "['bob@example.com']"), false},
	    {"cc absent", TEXT("CC", "CONTAINS", "['x']"), false},
	    {"cc absent, negative", TEXT("CC", "NOT_EQUALS", "['x']"), true},
	    {"sender absent", TEXT("SENDER", "EQUALS", "['x']"), false},
	    {"subject", TEXT("SUBJECT", "CONTAINS", "['report']"), true},
	    {"header", HEADER("X-Team", "EQUALS", "['sales']"), true},
	    {"header, second of the name", HEADER("X-TEAM", "EQUALS", "['legal']"), true},
	    {"header absent", HEADER("X-Other", "EQUALS", "['a']"), false},
	    {"header absent, negative", HEADER("X-Other", "NOT_EQUALS", "['a']"), true},
	    {"common name", CERT("CN", "EQUALS", "['Client']"), true},
	    {"serial", CERT("SERIAL_NUMBER", "EQUALS", "['0a1b']"), true},
	    {"DNS name, second", CERT("SAN_DNS_NAME", "STARTS_WITH", "['mx2']"), true},
	    {"mailbox name absent", CERT("SAN_RFC822_NAME", "EQUALS", "['a']"), false},
	    {"TLS", BOOL("TLS", "IS_TRUE"), true},
	    {"TLS, negative", BOOL("TLS", "IS_FALSE"), false},
	    {"wrapped", BOOL("TLS_WRAPPED", "IS_FALSE"), true},
	    {"read receipt", BOOL("READ_RECEIPT_REQUESTED", "IS_TRUE"), true},
	    {"size equal", SIZE("EQUALS", "1000"), true},
	    {"size not equal", SIZE("NOT_EQUALS", "1000"), false},
	    {"size less", SIZE("LESS_THAN", "1000"), false},
	    {"size less or equal", SIZE("LESS_THAN_OR_EQUAL", "1000"), true},
	    {"size greater", SIZE("GREATER_THAN", "999.5"), true},
	    {"size greater or equal", SIZE("GREATER_THAN_OR_EQUAL", "1000.5"), false},
	    {"address", IP("CIDR_MATCHES", "['192.0.2.0/25']"), true},
	    {"not address", IP("NOT_CIDR_MATCHES", "['192.0.2.0/25','10.0.0.0/8']"), false},
	    {"mapped range", IP("CIDR_MATCHES", "['::ffff:192.0.2.0/120']"), true},
	    {"accents count", TEXT("SUBJECT", "CONTAINS", "['r\xC3\xA9port']"), false},
	    {"subject equals", TEXT("SUBJECT", "EQUALS", "['QUARTERLY report']"), true},
	    {"subject starts", TEXT("SUBJECT", "STARTS_WITH", "['quarter']"), true},
	    {"subject ends", TEXT("SUBJECT", "ENDS_WITH", "['quarter']"), false},
	    {"mail from not equals", TEXT("MAIL_FROM", "NOT_EQUALS", "['a@b.c']"), true},
	    {"helo contains", TEXT("HELO", "CONTAINS", "['example']"), true},
	    {"from ends", TEXT("FROM", "ENDS_WITH", "['@EXAMPLE.COM']"), true},
	    {"URI name absent", CERT("SAN_UNIFORM_RESOURCE_IDENTIFIER", "CONTAINS", "['a']"),
		false},
	    {"IP name absent", CERT("SAN_IP_ADDRESS", "NOT_EQUALS", "['10.0.0.1']"), true},
	    {"directory name absent", CERT("SAN_DIRECTORY_NAME", "EQUALS", "['a']"), false},
	    {"registered id absent", CERT("SAN_REGISTERED_ID", "EQUALS", "['1.2']"), false},
	    {"header contains", HEADER("x-team", "CONTAINS", "['ega']"), true},
	    {"wrapped, positive", BOOL("TLS_WRAPPED", "IS_TRUE"), false},
	    {"no read receipt", BOOL("READ_RECEIPT_REQUESTED", "IS_FALSE"), false},
	    {"address of the other family", IP("CIDR_MATCHES", "['::/0']"), false},
	};
	struct policy_message m = message();
	struct arena arena;

	(void)state;
	arena_init(&arena);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		expect(rows[i].name, arena_printf(&arena, WHEN("%s"), rows[i].condition), &m,
		    rows[i].holds ? ALL : "", 0);
		expect(rows[i].name, arena_printf(&arena, UNLESS("%s"), rows[i].condition), &m,
		    rows[i].holds ? "" : ALL, 0);
	}
	arena_fini(&arena);
}

/* What is not executed is false, however it is asked; the archive keeps the mail all the same when
 * it stands in Unless. */
static void
not_executed(void **state)
{
	static const char *const rows[] = {
	    "{'VerdictExpression':{'Evaluate':{'Attribute':'SPF'},'Operator':'EQUALS','Values':['"
	    "PASS']}}",
	    "{'VerdictExpression':{'Evaluate':{'Attribute':'SPF'},'Operator':'NOT_EQUALS','Values':"
	    "['PASS']}}",
	    "{'DmarcExpression':{'Operator':'EQUALS','Values':['REJECT']}}",
	    "{'BooleanExpression':{'Evaluate':{'IsInAddressList':{'Attribute':'FROM','AddressLists'"
	    ":['a']}},'Operator':'IS_FALSE'}}",
	    "{'BooleanExpression':{'Evaluate':{'Analysis':{'Analyzer':'a','ResultField':'b'}},'"
	    "Operator':'IS_TRUE'}}",
	};
	struct policy_message m = message();
	struct arena arena;

	(void)state;
	arena_init(&arena);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		expect("not executed", arena_printf(&arena, WHEN("%s"), rows[i]), &m, "", 0);
		expect("not executed, unless", arena_printf(&arena, UNLESS("%s"), rows[i]), &m, ALL,
		    0);
	}
	arena_fini(&arena);
}

#define RULE(conditions, actions) "{'Conditions':[" conditions "],'Actions':[" actions "]}"
#define X_ONLY                    TEXT("RECIPIENT", "ENDS_WITH", "['@x.y']")
#define A_ONLY                    TEXT("RECIPIENT", "EQUALS", "['a@x.y']")
#define ARCHIVE(name)             "{'Archive':{'TargetArchive':'" name "'}}"
#define SET(rules)                "{'Rules':[" rules "]}"

static void
sets(void **state)
{
	static const struct {
		const char *name, *rules, *want;
		size_t failures;
	} rows[] = {
	    {"no rules", SET(""), "", 0},
	    {"all", SET(RULE("", ARCHIVE("A"))), ALL, 0},
	    {"a subset", SET(RULE(X_ONLY, ARCHIVE("A"))), "A:a@x.y,b@x.y", 0},
	    {"goes on after a match", SET(RULE(X_ONLY, ARCHIVE("A")) "," RULE("", ARCHIVE("B"))),
		"A:a@x.y,b@x.y B:a@x.y,b@x.y,c@z.y", 0},
	    {"drop takes some away", SET(RULE(X_ONLY, "{'Drop':{}}") "," RULE("", ARCHIVE("A"))),
		"A:c@z.y", 0},
	    {"drop ends the rule", SET(RULE(X_ONLY, "{'Drop':{}}," ARCHIVE("A"))), "", 0},
	    {"drop of all ends the set", SET(RULE("", "{'Drop':{}}") "," RULE("", ARCHIVE("A"))),
		"", 0},
	    {"replace",
		SET(RULE(A_ONLY, "{'ReplaceRecipient':{'ReplaceWith':['n@n.n','m@m.m']}}," ARCHIVE(
				     "A")) "," RULE("", ARCHIVE("B"))),
		"A:n@n.n,m@m.m B:b@x.y,c@z.y,n@n.n,m@m.m", 0},
	    {"replace by one who is there",
		SET(RULE(A_ONLY, "{'ReplaceRecipient':{'ReplaceWith':['b@x.y']}}") "," RULE(
		    "", ARCHIVE("A"))),
		"A:b@x.y,c@z.y", 0},
	    {"replaced is what later rules see",
		SET(RULE(A_ONLY, "{'ReplaceRecipient':{'ReplaceWith':['q@q.q']}}") "," RULE(
		    A_ONLY, ARCHIVE("A"))),
		"", 0},
	    {"failure goes on", SET(RULE("", ARCHIVE("gone") "," ARCHIVE("A"))), ALL, 1},
	    {"failure drops",
		SET(RULE(X_ONLY,
		    "{'Archive':{'TargetArchive':'gone','ActionFailurePolicy':'DROP'}}," ARCHIVE(
			"A")) "," RULE("", ARCHIVE("B"))),
		"B:c@z.y", 1},
	    {"not done here goes on", SET(RULE("", "{'Relay':{'Relay':'r'}}," ARCHIVE("A"))), ALL,
		1},
	};
	struct policy_message m = message();

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		expect(rows[i].name, rows[i].rules, &m, rows[i].want, rows[i].failures);
}

static void
headers(void **state)
{
	static const struct {
		const char *name, *value, *line;
	} rows[] = {
	    {"plain", "yes", "X-New: yes\r\n"},
	    {"line breaks are spaces", "a\\r\\nBcc: b@c.d", "X-New: a  Bcc: b@c.d\r\n"},
	    {"other letters", "M\xC3\xBCnchen", "X-New: =?utf-8?B?TcO8bmNoZW4=?=\r\n"},
	    /* 46 bytes: the first 45 do not end between characters, and do not fit beside the name.
	     */
	    {"two words", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xC3\xBC",
		"X-New:\r\n "
		"=?utf-8?B?YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=?="
		"\r\n =?utf-8?B?w7w=?=\r\n"},
	};
	struct policy_message m = message();
	struct arena arena;

	(void)state;
	arena_init(&arena);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct policy_rules *r = compile(arena_printf(&arena,
		    SET(RULE("",
			ARCHIVE("A") ",{'AddHeader':{'HeaderName':'X-New','HeaderValue':'%"
				     "s'}}," ARCHIVE(
					 "B")) "," RULE(HEADER("X-New", "NOT_EQUALS", "['none']"),
			ARCHIVE("C"))),
		    rows[i].value));
		struct policy_decision d;

		print_message("%s\n", rows[i].name);
		policy_rules_decide(r, &m, &context, &arena, &d);
		assert_int_equal(d.step_count, 3);
		assert_int_equal(d.steps[0].added_headers.len, 0);
		assert_string_equal(arena_text(&arena, d.steps[1].added_headers), rows[i].line);
		assert_string_equal(arena_text(&arena, d.steps[2].added_headers), rows[i].line);
		json_free(&d.explanation);
		policy_rules_free(&r);
	}
	arena_fini(&arena);
}

/* E2: every rule that was looked at is told, with each condition's result and each action's fate.
 */
static void
explained(void **state)
{
	struct policy_rules *r = compile(
	    SET("{'Name':'first','Conditions':[" A_ONLY "],'Actions':[" ARCHIVE("A") "," ARCHIVE(
		"gone") "]},"
			"{'Name':'second','Conditions':[{'DmarcExpression':{'Operator':'EQUALS','"
			"Values':['NONE']}}],'Actions':[" ARCHIVE("A") "]}"));
	struct policy_message m = message();
	struct policy_decision d;
	struct arena arena;
	struct buf text;

	(void)state;
	arena_init(&arena);
	buf_init(&text, 100000);
	policy_rules_decide(r, &m, &context, &arena, &d);
	json_print(d.explanation, &text);
	assert_string_equal(buf_text(&text),
	    "[{\"rule_name\":\"first\",\"rule_index\":1,\"recipients_matched\":[\"a@x.y\"],"
	    "\"conditions\":[{\"expression\":"
	    "{\"attribute\":\"RECIPIENT\",\"operator\":\"EQUALS\",\"value\":[\"a@x.y\"]},"
	    "\"expressionResult\":true}],\"actions\":"
	    "[{\"action_name\":\"ARCHIVE\",\"action_index\":1,\"action_status\":\"SUCCESS\"},{"
	    "\"action_name\":\"ARCHIVE\","
	    "\"action_index\":2,\"action_status\":\"FAILURE\",\"action_failure\":\"not "
	    "here\"}]},{\"rule_name\":\"second\","
	    "\"rule_index\":2,\"recipients_matched\":[],\"conditions\":[{\"expression\":{"
	    "\"attribute\":\"DMARC\","
	    "\"operator\":\"EQUALS\",\"value\":[\"NONE\"]},\"expressionResult\":false,\"failure\":"
	    "\"not "
	    "executed\"}]}]");
	json_free(&d.explanation);
	buf_fini(&text);
	arena_fini(&arena);
	policy_rules_free(&r);
}

/* What cannot be carried out as written is refused when it is compiled. */
static void
refused(void **state)
{
#define ADD(name, value) "{'AddHeader':{'HeaderName':'" name "','HeaderValue':'" value "'}}"
#define A16              "aaaaaaaaaaaaaaaa"
	static const struct {
		const char *name, *rules, *message;
	} rows[] = {
	    {"no object", "[]", "object"},
	    {"rules no list", "{'Rules':{'a':{}}}", "Rules"},
	    {"rule no object", SET("1"), "Rules[0]"},
	    {"conditions no list", SET("{'Conditions':{'a':1}," KEEP "}"), "Conditions"},
	    {"actions no list", SET("{'Actions':{'Drop':{}}}"), "Actions"},
	    {"unknown action", SET(RULE("", "{'Explode':{}}")), "Rules[0]: Actions[0]"},
	    {"unknown condition", SET(RULE("", ARCHIVE("A")) "," RULE("{'A':{}}", "")),
		"Rules[1]: Conditions[0]"},
	    {"unknown attribute", WHEN(TEXT("BODY", "EQUALS", "['a']")), "BODY"},
	    {"no values", WHEN(TEXT("TO", "EQUALS", "[]")), "Values"},
	    {"value no text", WHEN(TEXT("TO", "EQUALS", "[1]")), "Values"},
	    {"no number", WHEN(SIZE("EQUALS", "'a'")), "Value"},
	    {"header of the mail's own", SET(RULE("", ADD("Subject", "a"))), "HeaderName"},
	    {"header name with a colon", SET(RULE("", ADD("X-A:", "a"))), "HeaderName"},
	    {"header name too long", SET(RULE("", ADD("X-" A16 A16 A16 A16, "a"))), "HeaderName"},
	    {"header value empty", SET(RULE("", ADD("X-A", ""))), "HeaderValue"},
	    {"header value too long",
		SET(RULE("", ADD("X-A", A16 A16 A16 A16 A16 A16 A16 A16 "a"))), "HeaderValue"},
	    {"replaced by nobody", SET(RULE("", "{'ReplaceRecipient':{'ReplaceWith':[]}}")),
		"ReplaceWith"},
	    {"replaced by two lines",
		SET(RULE("", "{'ReplaceRecipient':{'ReplaceWith':['a@b.c\\r\\nx']}}")),
		"ReplaceWith"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct json *document = policy_fixture_parse(rows[i].rules);
		struct policy_rules *r;
		struct err err;

		print_message("%s\n", rows[i].name);
		assert_false(policy_rules_compile(document, &r, &err));
		assert_null(r);
		assert_int_equal(err.code, ERR_SYNTAX);
		assert_non_null(strstr(err.msg, rows[i].message));
		json_free(&document);
	}
}

/* The largest rule set there can be, and reasons that need escapes: E2, E3 and E4. */
static bool
refuse(void *ctx, enum policy_action action, const struct json *parameters,
    char reason[POLICY_REASON_SIZE])
{
	(void)ctx;
	(void)action;
	(void)parameters;
	(void)snprintf(reason, POLICY_REASON_SIZE, "\"\x01\x02\x03\"");
	return false;
}

static void
explanation_limit(void **state)
{
	const struct policy_context none = {refuse, NULL};
	struct policy_message m = message();
	struct policy_decision d;
	struct policy_rules *r;
	struct arena arena;
	struct buf rules, text;
	size_t told = 0, truncated = 0;

	(void)state;
	arena_init(&arena);
	buf_init(&rules, 10000000);
	buf_append_str(&rules, "{'Rules':[");
	for (int i = 0; i < 40; i++) {
		buf_printf(&rules, "%s{'Name':'%032d','Conditions':[", i > 0 ? "," : "", i);
		for (int c = 0; c < 10; c++) {
			buf_printf(&rules,
			    "%s{'StringExpression':{'Evaluate':{'Attribute':'"
			    "SUBJECT'},'Operator':'NOT_EQUALS','Values':[",
			    c > 0 ? "," : "");
			for (int v = 0; v < 10; v++)
				buf_printf(&rules, "%s'\\u0001%099d'", v > 0 ? "," : "", v);
			buf_append_str(&rules, "]}}");
		}
		buf_append_str(&rules, "],'Actions':[" ARCHIVE("a"));
		for (int a = 0; a < 2; a++)
			buf_append_str(&rules, "," ARCHIVE("a"));
		buf_append_str(&rules, "]}");
	}
	buf_append_str(&rules, "]}");
	r = compile(buf_text(&rules));
	policy_rules_decide(r, &m, &none, &arena, &d);
	buf_init(&text, POLICY_RULES_EXPLANATION_BYTES_MAX);
	json_print(d.explanation, &text);
	assert_false(text.failed);
	assert_int_equal(d.failed_action_count, 120);
	for (size_t i = 0; i < json_count(d.explanation); i++) {
		const struct json *o = json_at(d.explanation, i);
		size_t left_out = (size_t)json_get_integer(o, "truncated", 0);

		if (json_get(o, "rule_index") == NULL) {
			assert_int_equal(i + 1, json_count(d.explanation));
			truncated += left_out;
			continue;
		}
		told++;
		assert_int_equal(json_count(json_get(o, "recipients_matched")) +
				     json_count(json_get(o, "conditions")) +
				     json_count(json_get(o, "actions")) + left_out,
		    3 + 10 + 3);
	}
	assert_int_equal(told + truncated, 40);
	/* The conditions of the first rules did not take the place of the later rules' actions. */
	assert_int_equal(json_count(json_get(json_at(d.explanation, 20), "actions")), 3);
	json_free(&d.explanation);
	buf_fini(&text);
	buf_fini(&rules);
	arena_fini(&arena);
	policy_rules_free(&r);
}

/* A set of recipients as bits, and rules that match by bits: the same decision by a machine too
 * simple to be wrong. */
#define BIT_RECIPIENTS 6

static void
oracle(void **state)
{
	struct rng_seeded seed = {42};
	struct rng rng = rng_seeded(&seed);
	struct bytes list[BIT_RECIPIENTS];
	struct policy_message m = message();
	struct arena arena;

	(void)state;
	arena_init(&arena);
	for (size_t i = 0; i < BIT_RECIPIENTS; i++)
		list[i] = bytes_of_str(arena_printf(&arena, "%c@x.y", (char)('a' + (int)i)));
	m.recipients = list;
	m.recipient_count = BIT_RECIPIENTS;
	for (int round = 0; round < 500; round++) {
		struct buf rules, got, want;
		struct policy_rules *r;
		struct policy_decision d;
		unsigned alive = (1u << BIT_RECIPIENTS) - 1;
		size_t count = rng_below(&rng, 6), steps = 0;

		buf_init(&rules, 100000);
		buf_init(&got, 100000);
		buf_init(&want, 100000);
		buf_append_str(&rules, "{'Rules':[");
		for (size_t i = 0; i < count; i++) {
			unsigned mask = (unsigned)rng_below(&rng, 1u << BIT_RECIPIENTS), matched;
			bool unless = rng_below(&rng, 2) == 0, drop = rng_below(&rng, 3) == 0;
			bool first = true;

			buf_printf(&rules,
			    "%s{'%s':[{'StringExpression':{'Evaluate':{'Attribute':'RECIPIENT'},'"
			    "Operator':'EQUALS','Values':['-'",
			    i > 0 ? "," : "", unless ? "Unless" : "Conditions");
			for (unsigned b = 0; b < BIT_RECIPIENTS; b++)
				if ((mask >> b & 1u) != 0)
					buf_printf(&rules, ",'%c@x.y'", (char)('a' + (int)b));
			buf_printf(
			    &rules, "]}}],'Actions':[%s]}", drop ? "{'Drop':{}}" : ARCHIVE("A"));
			matched = alive & (unless ? ~mask : mask);
			if (drop) {
				alive &= ~matched;
			} else if (matched != 0 && alive != 0) {
				buf_printf(&want, "%sA:", steps++ > 0 ? " " : "");
				for (unsigned b = 0; b < BIT_RECIPIENTS; b++) {
					if ((matched >> b & 1u) == 0)
						continue;
					buf_printf(&want, "%s%c@x.y", first ? "" : ",",
					    (char)('a' + (int)b));
					first = false;
				}
			}
		}
		buf_append_str(&rules, "]}");
		r = compile(buf_text(&rules));
		policy_rules_decide(r, &m, &context, &arena, &d);
		draw(&d, &got);
		assert_string_equal(buf_text(&got), buf_text(&want));
		json_free(&d.explanation);
		policy_rules_free(&r);
		buf_fini(&rules);
		buf_fini(&got);
		buf_fini(&want);
	}
	arena_fini(&arena);
}

static void
append_bits(struct buf *out, unsigned bits)
{
	const char *comma = "";

	for (unsigned b = 0; b < BIT_RECIPIENTS; b++) {
		if ((bits >> b & 1u) == 0)
			continue;
		buf_printf(out, "%s'%c@x.y'", comma, (char)('a' + (int)b));
		comma = ",";
	}
}

/* The same for replacement: whoever matched is gone, the others and the new ones are there, nobody twice. */
static void
oracle_replace(void **state)
{
	struct rng_seeded seed = {43};
	struct rng rng = rng_seeded(&seed);
	struct policy_message m = message();
	struct bytes list[BIT_RECIPIENTS];
	struct arena arena;

	(void)state;
	arena_init(&arena);
	for (size_t i = 0; i < BIT_RECIPIENTS; i++)
		list[i] = bytes_of_str(arena_printf(&arena, "%c@x.y", (char)('a' + (int)i)));
	m.recipients = list;
	m.recipient_count = BIT_RECIPIENTS / 2;
	for (int round = 0; round < 300; round++) {
		unsigned alive = (1u << BIT_RECIPIENTS / 2) - 1, want[6];
		struct policy_rules *r;
		struct policy_decision d;
		size_t steps = 0;
		struct buf rules;

		buf_init(&rules, 100000);
		buf_append_str(&rules, "{'Rules':[");
		for (size_t i = 0; i < 6; i++) {
			unsigned all = (1u << BIT_RECIPIENTS) - 1;
			unsigned mask = 1 + (unsigned)rng_below(&rng, all);
			unsigned fresh = 1 + (unsigned)rng_below(&rng, all);

			buf_printf(&rules,
			    "%s{'Conditions':[{'StringExpression':{'Evaluate':{'Attribute':"
			    "'RECIPIENT'},'Operator':'EQUALS','Values':[",
			    i > 0 ? "," : "");
			append_bits(&rules, mask);
			buf_append_str(
			    &rules, "]}}],'Actions':[{'ReplaceRecipient':{'ReplaceWith':[");
			append_bits(&rules, fresh);
			buf_append_str(&rules, "]}}," ARCHIVE("A") "]}");
			if ((alive & mask) != 0) {
				alive = (alive & ~mask) | fresh;
				want[steps++] = fresh;
			}
		}
		buf_append_str(&rules, "," RULE("", ARCHIVE("A")) "]}");
		r = compile(buf_text(&rules));
		policy_rules_decide(r, &m, &context, &arena, &d);
		assert_int_equal(d.step_count, steps + 1);
		for (size_t i = 0; i <= steps; i++) {
			unsigned got = 0;

			for (size_t k = 0; k < d.steps[i].recipient_count; k++) {
				unsigned bit = 1u << (d.steps[i].recipients[k].ptr[0] - 'a');

				assert_int_equal(got & bit, 0);
				got |= bit;
			}
			assert_int_equal(got, i < steps ? want[i] : alive);
		}
		json_free(&d.explanation);
		policy_rules_free(&r);
		buf_fini(&rules);
	}
	arena_fini(&arena);
}

static void
bare(void **state)
{
	struct policy_message m = message();

	(void)state;
	m.session = &bare_session;
	expect("no certificate", WHEN(CERT("CN", "EQUALS", "['client']")), &m, "", 0);
	expect(
	    "no certificate, negative", WHEN(CERT("CN", "NOT_EQUALS", "['client']")), &m, ALL, 0);
	expect("no TLS", WHEN(BOOL("TLS", "IS_TRUE")), &m, "", 0);
	expect("v6 source", WHEN(IP("CIDR_MATCHES", "['2001::/16']")), &m, ALL, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(conditions),
	    cmocka_unit_test(not_executed), cmocka_unit_test(sets), cmocka_unit_test(headers),
	    cmocka_unit_test(explained), cmocka_unit_test(refused),
	    cmocka_unit_test(explanation_limit), cmocka_unit_test(oracle),
	    cmocka_unit_test(oracle_replace), cmocka_unit_test(bare)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
