/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base_arena.h"
#include "policy_fixture.h"
#include "policy_traffic.h"

static struct policy_traffic *
compile(const char *text)
{
	struct json *document = policy_fixture_parse(text);
	struct policy_traffic *p;
	struct err err;

	if (!policy_traffic_compile(document, &p, &err))
		fail_msg("%s", err.msg);
	json_free(&document);
	return p;
}

/* One ALLOW statement with one condition over a default of DENY. */
#define ONE(condition)                                                                             \
	"{'DefaultAction':'DENY','PolicyStatements':[{'Action':'ALLOW','Conditions':[" condition   \
	"]}]}"
#define RECIPIENT(op, values)                                                                      \
	ONE("{'StringExpression':{'Evaluate':{'Attribute':'RECIPIENT'},'Operator':'" op            \
	    "','Values':" values "}}")
#define IP4(op, values)                                                                            \
	ONE("{'IpExpression':{'Evaluate':{'Attribute':'SENDER_IP'},'Operator':'" op                \
	    "','Values':" values "}}")
#define IP6(op, values)                                                                            \
	ONE("{'Ipv6Expression':{'Evaluate':{'Attribute':'SENDER_IPV6'},'Operator':'" op            \
	    "','Values':" values "}}")
#define TLS(op, value)                                                                             \
	ONE("{'TlsExpression':{'Evaluate':{'Attribute':'TLS_PROTOCOL'},'Operator':'" op            \
	    "','Value':'" value "'}}")

static const struct policy_session plain4 = {.ip_family = 4, .ip = {192, 0, 2, 7}};
static const struct policy_session tls12 = {
    .ip_family = 4, .ip = {10, 1, 2, 3}, .tls = POLICY_TLS_1_2};
static const struct policy_session tls13 = {
    .ip_family = 6, .ip = {0x20, 1, 0xd, 0xb8, 5}, .tls = POLICY_TLS_1_3};

static const struct policy_session mapped4 = {
    .ip_family = 6, .ip = {[10] = 0xff, 0xff, 192, 0, 2, 7}};
static const struct policy_session nobody = {.ip_family = 0};

static void
conditions(void **state)
{
	static const struct {
		const char *name, *policy;
		const struct policy_session *session;
		const char *recipient;
		bool accepted;
	} rows[] = {
	    {"equals", RECIPIENT("EQUALS", "['a@b.c']"), &plain4, "a@b.c", true},
	    {"equals, other case", RECIPIENT("EQUALS", "['A@b.c']"), &plain4, "a@B.C", true},
	    {"equals, second value", RECIPIENT("EQUALS", "['x@y.z','a@b.c']"), &plain4, "a@b.c",
		true},
	    {"equals, plus tag counts", RECIPIENT("EQUALS", "['a@b.c']"), &plain4, "a+t@b.c",
		false},
	    {"not equals", RECIPIENT("NOT_EQUALS", "['a@b.c','d@e.f']"), &plain4, "x@y.z", true},
	    {"not equals, one matches", RECIPIENT("NOT_EQUALS", "['a@b.c','d@e.f']"), &plain4,
		"D@e.f", false},
	    {"starts", RECIPIENT("STARTS_WITH", "['jour']"), &plain4, "Journal@b.c", true},
	    {"starts, in the middle", RECIPIENT("STARTS_WITH", "['ournal']"), &plain4,
		"Journal@b.c", false},
	    {"ends", RECIPIENT("ENDS_WITH", "['@b.c']"), &plain4, "x@B.c", true},
	    {"contains", RECIPIENT("CONTAINS", "['nal@']"), &plain4, "journal@b.c", true},
	    {"accents count", RECIPIENT("EQUALS", "['r\xC3\xA9my@b.c']"), &plain4, "remy@b.c",
		false},
	    {"range", IP4("CIDR_MATCHES", "['192.0.2.0/24']"), &plain4, "a@b.c", true},
	    {"range, one bit off", IP4("CIDR_MATCHES", "['192.0.2.8/29']"), &plain4, "a@b.c",
		false},
	    {"one address", IP4("CIDR_MATCHES", "['192.0.2.7']"), &plain4, "a@b.c", true},
	    {"everything", IP4("CIDR_MATCHES", "['0.0.0.0/0']"), &plain4, "a@b.c", true},
	    {"not in range", IP4("NOT_CIDR_MATCHES", "['10.0.0.0/8','172.16.0.0/12']"), &plain4,
		"a@b.c", true},
	    {"in one of the ranges", IP4("NOT_CIDR_MATCHES", "['10.0.0.0/8','192.0.0.0/8']"),
		&plain4, "a@b.c", false},
	    {"v6 peer, v4 range", IP4("CIDR_MATCHES", "['0.0.0.0/0']"), &tls13, "a@b.c", false},
	    {"v6 peer, not in a v4 range", IP4("NOT_CIDR_MATCHES", "['0.0.0.0/0']"), &tls13,
		"a@b.c", true},
	    {"v6 range", IP6("CIDR_MATCHES", "['2001:db8::/32']"), &tls13, "a@b.c", true},
	    {"v6 range, odd prefix", IP6("CIDR_MATCHES", "['2001:db8:8000::/33']"), &tls13, "a@b.c",
		false},
	    {"v4 peer, v6 range", IP6("CIDR_MATCHES", "['::/0']"), &plain4, "a@b.c", false},
	    {"mapped peer, v4 range", IP4("CIDR_MATCHES", "['192.0.2.0/24']"), &mapped4, "a@b.c",
		true},
	    {"mapped peer, v6 range", IP6("CIDR_MATCHES", "['::/0']"), &mapped4, "a@b.c", false},
	    {"mapped range", IP4("CIDR_MATCHES", "['::ffff:192.0.2.0/120']"), &plain4, "a@b.c",
		true},
	    {"peer unknown", IP4("CIDR_MATCHES", "['0.0.0.0/0']"), &nobody, "a@b.c", false},
	    {"peer unknown, negative", IP4("NOT_CIDR_MATCHES", "['0.0.0.0/0']"), &nobody, "a@b.c",
		true},
	    {"starts and ends, both",
		ONE("{'StringExpression':{'Evaluate':{'Attribute':'RECIPIENT'},'Operator':'STARTS_"
		    "WITH',"
		    "'Values':['a']}},{'StringExpression':{'Evaluate':{'Attribute':'RECIPIENT'},"
		    "'Operator':'ENDS_WITH','Values':['c']}}"),
		&plain4, "a@b.c", true},
	    {"starts and ends, one",
		ONE("{'StringExpression':{'Evaluate':{'Attribute':'RECIPIENT'},'Operator':'STARTS_"
		    "WITH',"
		    "'Values':['a']}},{'StringExpression':{'Evaluate':{'Attribute':'RECIPIENT'},"
		    "'Operator':'ENDS_WITH','Values':['d']}}"),
		&plain4, "a@b.c", false},
	    {"an add-on",
		ONE("{'StringExpression':{'Evaluate':{'Analysis':{'Analyzer':'a',"
		    "'ResultField':'b'}},'Operator':'NOT_EQUALS','Values':['x']}}"),
		&plain4, "a@b.c", false},
	    {"TLS at least", TLS("MINIMUM_TLS_VERSION", "TLS1_2"), &tls13, "a@b.c", true},
	    {"TLS too old", TLS("MINIMUM_TLS_VERSION", "TLS1_3"), &tls12, "a@b.c", false},
	    {"TLS exactly", TLS("IS", "TLS1_2"), &tls12, "a@b.c", true},
	    {"TLS newer is not exactly", TLS("IS", "TLS1_2"), &tls13, "a@b.c", false},
	    {"no TLS", TLS("MINIMUM_TLS_VERSION", "TLS1_2"), &plain4, "a@b.c", false},
	    {"address list, true",
		ONE("{'BooleanExpression':{'Evaluate':{'IsInAddressList':{'Attribute':'RECIPIENT',"
		    "'AddressLists':['arn:x']}},'Operator':'IS_TRUE'}}"),
		&plain4, "a@b.c", false},
	    {"address list, false",
		ONE("{'BooleanExpression':{'Evaluate':{'IsInAddressList':{'Attribute':'RECIPIENT',"
		    "'AddressLists':['arn:x']}},'Operator':'IS_FALSE'}}"),
		&plain4, "a@b.c", false},
	    {"default", "{'DefaultAction':'ALLOW','PolicyStatements':[]}", &plain4, "a@b.c", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct policy_traffic *p = compile(rows[i].policy);
		struct json *explanation = json_new_array();
		const char *verdict;

		print_message("%s\n", rows[i].name);
		assert_int_equal(policy_traffic_decide(p, rows[i].session,
				     bytes_of_str(rows[i].recipient), explanation),
		    rows[i].accepted);
		verdict = json_get_str(json_at(explanation, 0), "traffic_policy_verdict");
		assert_string_equal(verdict, rows[i].accepted ? "ACCEPT" : "REJECT");
		assert_true(json_count(json_get(
				json_at(explanation, 0), "traffic_policy_evaluation")) >= 1);
		json_free(&explanation);
		policy_traffic_free(&p);
	}
}

/* Whatever the order in the document: DENY, then ALLOW, then the default. */
static void
order(void **state)
{
	static const char *const allow =
	    "{'Action':'ALLOW','Conditions':[{'StringExpression':{'Evaluate':{'Attribute':"
	    "'RECIPIENT'},'Operator':'ENDS_WITH','Values':['@b.c']}}]}";
	static const char *const deny =
	    "{'Action':'DENY','Conditions':[{'StringExpression':{'Evaluate':{'Attribute':"
	    "'RECIPIENT'},'Operator':'STARTS_WITH','Values':['x']}}]}";
	static const char *const defaults[] = {"ALLOW", "DENY"};
	struct arena arena;

	(void)state;
	arena_init(&arena);
	for (size_t d = 0; d < 2; d++) {
		for (size_t swap = 0; swap < 2; swap++) {
			struct policy_traffic *p = compile(arena_printf(&arena,
			    "{'DefaultAction':'%s','PolicyStatements':[%s,%s]}", defaults[d],
			    swap ? allow : deny, swap ? deny : allow));

			assert_true(policy_traffic_decide(p, &plain4, bytes_of_str("a@b.c"), NULL));
			assert_false(
			    policy_traffic_decide(p, &plain4, bytes_of_str("x@b.c"), NULL));
			assert_false(
			    policy_traffic_decide(p, &plain4, bytes_of_str("x@y.z"), NULL));
			assert_int_equal(
			    policy_traffic_decide(p, &plain4, bytes_of_str("a@y.z"), NULL), d == 0);
			policy_traffic_free(&p);
		}
	}
	arena_fini(&arena);
}

static void
refused(void **state)
{
	static const struct {
		const char *name, *policy, *message;
	} rows[] = {
	    {"no object", "[]", "object"},
	    {"no default", "{'PolicyStatements':[]}", "DefaultAction"},
	    {"no conditions",
		"{'DefaultAction':'DENY','PolicyStatements':[{'Action':'ALLOW','Conditions':[]}]}",
		"Conditions"},
	    {"unknown operator", RECIPIENT("LIKE", "['a']"),
		"PolicyStatements[0]: Conditions[0]: Operator"},
	    {"an attribute of rules",
		ONE("{'StringExpression':{'Evaluate':{'Attribute':'SUBJECT'},'Operator':'EQUALS',"
		    "'Values':['a']}}"),
		"SUBJECT"},
	    {"no address", IP4("CIDR_MATCHES", "['nonsense']"), "Values"},
	    {"prefix too long", IP4("CIDR_MATCHES", "['10.0.0.0/33']"), "Values"},
	    {"statements no list", "{'DefaultAction':'DENY','PolicyStatements':{'a':1}}",
		"PolicyStatements"},
	    {"unknown kind", ONE("{'MoonExpression':{}}"), "no kind"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct json *document = policy_fixture_parse(rows[i].policy);
		struct policy_traffic *p;
		struct err err;

		print_message("%s\n", rows[i].name);
		assert_false(policy_traffic_compile(document, &p, &err));
		assert_int_equal(err.code, ERR_SYNTAX);
		assert_non_null(strstr(err.msg, rows[i].message));
		json_free(&document);
	}
}

/* E3: however many recipients with however bad bytes, the explanation keeps its limit; E2: what is
 * left out is counted.
 */
static void
explanation_limit(void **state)
{
	enum { RECIPIENTS = 400 };
	struct policy_traffic *p;
	struct json *explanation = json_new_array();
	struct arena arena;
	struct buf text, document;
	size_t told;

	(void)state;
	arena_init(&arena);
	buf_init(&document, 10000000);
	buf_append_str(&document, "{'DefaultAction':'DENY','PolicyStatements':[");
	for (int s = 0; s < 20; s++) {
		buf_printf(&document, "%s{'Action':'DENY','Conditions':[", s > 0 ? "," : "");
		for (int c = 0; c < 10; c++) {
			buf_printf(&document,
			    "%s{'StringExpression':{'Evaluate':{'Attribute':'RECIPIENT'},'Operator'"
			    ":'NOT_EQUALS','Values':[",
			    c > 0 ? "," : "");
			for (int v = 0; v < 10; v++)
				buf_printf(
				    &document, "%s'\\u0001\\u0002%0300d'", v > 0 ? "," : "", v);
			buf_append_str(&document, "]}}");
		}
		buf_append_str(&document, ",{'StringExpression':{'Evaluate':{'Attribute':'"
					  "RECIPIENT'},'Operator':'EQUALS',"
					  "'Values':['never']}}]}");
	}
	buf_append_str(&document, "]}");
	p = compile(buf_text(&document));
	for (int i = 0; i < RECIPIENTS; i++)
		assert_false(policy_traffic_decide(p, &plain4,
		    bytes_of_str(
			arena_printf(&arena, "%0*d\x01\"\xff@example.com", 20 + i % 60, i)),
		    explanation));
	buf_init(&text, POLICY_TRAFFIC_EXPLANATION_BYTES_MAX);
	json_print(explanation, &text);
	assert_false(text.failed);
	assert_true(text.len > POLICY_TRAFFIC_EXPLANATION_BYTES_MAX / 2);
	told = json_count(explanation) - 1;
	assert_true(json_get_integer(json_at(explanation, 0), "truncated", 0) > 0);
	for (size_t i = 0; i < told; i++)
		assert_non_null(json_get(json_at(explanation, i), "recipient"));
	assert_null(json_get(json_at(explanation, told), "recipient"));
	assert_int_equal(
	    told + (size_t)json_get_integer(json_at(explanation, told), "truncated", 0),
	    RECIPIENTS);
	buf_fini(&text);
	buf_fini(&document);
	json_free(&explanation);
	policy_traffic_free(&p);
	arena_fini(&arena);
}

/* One ordinary policy, and recipients of ordinary length: nobody of a hundred is left out. */
static void
explanation_usual(void **state)
{
	struct policy_traffic *p = compile(RECIPIENT("ENDS_WITH", "['@example.com']"));
	struct json *explanation = json_new_array();
	struct arena arena;

	(void)state;
	arena_init(&arena);
	for (int i = 0; i < 100; i++)
		assert_true(policy_traffic_decide(p, &plain4,
		    bytes_of_str(arena_printf(&arena, "person.%d@example.com", i)), explanation));
	assert_int_equal(json_count(explanation), 100);
	assert_null(json_get(json_at(explanation, 3), "truncated"));
	assert_non_null(json_get(json_at(explanation, 3), "traffic_policy_evaluation"));
	assert_int_equal(json_get_integer(json_at(explanation, 99), "truncated", 0), 2);
	json_free(&explanation);
	policy_traffic_free(&p);
	arena_fini(&arena);
}

static void
size(void **state)
{
	struct policy_traffic *p =
	    compile("{'DefaultAction':'ALLOW','PolicyStatements':[],'MaxMessageSizeBytes':1000}");

	(void)state;
	assert_int_equal(policy_traffic_size_max(p), 1000);
	policy_traffic_free(&p);
	p = compile("{'DefaultAction':'ALLOW','PolicyStatements':[]}");
	assert_int_equal(policy_traffic_size_max(p), 0);
	policy_traffic_free(&p);
	p = compile("{'DefaultAction':'ALLOW','MaxMessageSizeBytes':1e300}");
	assert_true(policy_traffic_size_max(p) > UINT32_MAX);
	policy_traffic_free(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(conditions), cmocka_unit_test(order),
	    cmocka_unit_test(refused), cmocka_unit_test(explanation_limit),
	    cmocka_unit_test(explanation_usual), cmocka_unit_test(size)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
