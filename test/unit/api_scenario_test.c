/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every operation, step by step: happy paths and refusals. Each scenario is played twice, in JSON and in
 * CBOR, from the same start, and every answer must be the same value.
 *
 * A step is an operation with its input, the status and a piece of the answer. $A … $Z stand for values that
 * an earlier step saved. Steps that start with '!' do something beside the API.
 */
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

struct step {
	const char *operation, *input;
	int status;
	const char *
	    want; /* in the answer's compact JSON; '-' before it: must not be there; NULL = anything */
	const char *save; /* "A=Member": a text member of the answer becomes $A */
};

struct scenario {
	const char *name;
	bool strict;
	const struct step *steps;
};

struct play {
	struct fixture f;
	bool cbor;
	char saved[26][320];
	struct buf log; /* every answer, sorted, one a line */
};

static void
expand(const struct play *p, const char *text, struct buf *out)
{
	for (; *text != '\0'; text++) {
		if (text[0] == '$' && text[1] >= 'A' && text[1] <= 'Z')
			buf_append_str(out, p->saved[*++text - 'A']);
		else
			buf_append_byte(out, (uint8_t)*text);
	}
}

/* !advance MS, !jobs, !tick, !reopen, !keep ARCHIVE|SUBJECT, !report ID|ok|ADDRESS, !report ID|fail, !gone
 * ID, !snapshot, !file PATH, !hooks */
static struct json *
act(struct play *p, const char *what, const char *argument)
{
	char first[128] = "";
	const char *rest = strchr(argument, '|');
	struct json *out = NULL;
	struct err err;

	(void)snprintf(first, sizeof(first), "%.*s",
	    rest == NULL ? (int)strlen(argument) : (int)(rest - argument), argument);
	if (strcmp(what, "!advance") == 0) {
		p->f.time.now_ms += strtoll(argument, NULL, 10);
	} else if (strcmp(what, "!jobs") == 0) {
		api_run_jobs(p->f.api);
	} else if (strcmp(what, "!tick") == 0) {
		assert_true(api_tick(p->f.api, &err));
	} else if (strcmp(what, "!reopen") == 0) {
		fixture_reopen(&p->f);
	} else if (strcmp(what, "!keep") == 0) {
		fixture_keep(&p->f, first, rest + 1);
	} else if (strcmp(what, "!report") == 0) {
		bool ok = strncmp(rest + 1, "ok|", 3) == 0;

		assert_true(api_endpoint_report(
		    p->f.api, first, ok, ok ? rest + 4 : NULL, ok ? NULL : "in use", &err));
	} else if (strcmp(what, "!gone") == 0) {
		assert_true(api_endpoint_gone(p->f.api, first, &err));
	} else if (strcmp(what, "!snapshot") == 0) {
		assert_true(api_snapshot(p->f.api, &out, &err));
	} else if (strcmp(what, "!file") == 0) {
		struct buf text;

		buf_init(&text, LIMIT_MIB);
		if (!os_fs_read_file(os_fs_memory(p->f.disk), argument, LIMIT_MIB, &text, &err))
			fail_msg("%s: %s", argument, err.msg);
		out = json_new_text(buf_view(&text));
		buf_fini(&text);
	} else if (strcmp(what, "!hooks") == 0) {
		char counts[64];

		(void)snprintf(counts, sizeof(counts), "endpoints %u config %u",
		    p->f.endpoint_hooks, p->f.config_hooks);
		out = json_new_str(counts);
	} else {
		fail_msg("no such step: %s", what);
	}
	return out == NULL ? json_new_null() : out;
}

static void
answer_check(struct play *p, const char *scenario, size_t number, const struct step *s, int status,
    const struct json *answer)
{
	struct buf text, want;

	buf_init(&text, 8 * LIMIT_MIB);
	buf_init(&want, LIMIT_MIB);
	json_print(answer, &text);
	if (s->want != NULL)
		expand(p, s->want, &want);
	if (status != s->status)
		fail_msg("%s step %zu %s: status %d, not %d: %s", scenario, number, s->operation,
		    status, s->status, buf_text(&text));
	if (s->want != NULL && s->want[0] == '-'
		? strstr(buf_text(&text), buf_text(&want) + 1) != NULL
		: strstr(buf_text(&text), buf_text(&want)) == NULL)
		fail_msg("%s step %zu %s: %s not as wanted: %s", scenario, number, s->operation,
		    buf_text(&want), buf_text(&text));
	if (s->save != NULL) {
		const char *value = json_get_str(answer, s->save + 2);

		assert_non_null(value);
		(void)snprintf(p->saved[s->save[0] - 'A'], sizeof(p->saved[0]), "%s", value);
	}
	if (s->operation[0] != '!') {
		json_print_sorted(answer, &p->log);
		buf_append_byte(&p->log, '\n');
	}
	buf_fini(&text);
	buf_fini(&want);
}

static void
play_run(struct play *p, const struct scenario *scenario)
{
	fixture_open(&p->f, scenario->strict);
	buf_init(&p->log, 64 * LIMIT_MIB);
	for (size_t i = 0; scenario->steps[i].operation != NULL; i++) {
		const struct step *s = &scenario->steps[i];
		struct json *input, *answer;
		int status = 0;
		struct buf text;
		struct err err;

		buf_init(&text, 4 * LIMIT_MIB);
		expand(p, s->input, &text);
		if (s->operation[0] == '!') {
			answer = act(p, s->operation, buf_text(&text));
		} else {
			input = json_parse(buf_view(&text), &err);
			if (input == NULL)
				fail_msg("%s step %zu: %s", scenario->name, i, err.msg);
			status = fixture_call(&p->f, s->operation, input, p->cbor, &answer);
			json_free(&input);
		}
		answer_check(p, scenario->name, i, s, status, answer);
		json_free(&answer);
		buf_fini(&text);
	}
	fixture_close(&p->f);
}

static void
scenario_play(const struct scenario *scenario)
{
	struct play *json = mem_calloc(1, sizeof(*json)), *cbor = mem_calloc(1, sizeof(*cbor));

	cbor->cbor = true;
	play_run(json, scenario);
	play_run(cbor, scenario);
	assert_string_equal(buf_text(&json->log), buf_text(&cbor->log));
	buf_fini(&json->log);
	buf_fini(&cbor->log);
	mem_free(json);
	mem_free(cbor);
}

#define OK(op, in)                                                                                 \
	{                                                                                          \
		op, in, 200, NULL, NULL                                                            \
	}
#define HAS(op, in, want)                                                                          \
	{                                                                                          \
		op, in, 200, want, NULL                                                            \
	}
#define SAVE(op, in, save)                                                                         \
	{                                                                                          \
		op, in, 200, NULL, save                                                            \
	}
#define NO(op, in, st, want)                                                                       \
	{                                                                                          \
		op, in, st, want, NULL                                                             \
	}
#define DO(what, arg)                                                                              \
	{                                                                                          \
		what, arg, 0, NULL, NULL                                                           \
	}
#define SEE(what, arg, want)                                                                       \
	{                                                                                          \
		what, arg, 0, want, NULL                                                           \
	}
#define END                                                                                        \
	{                                                                                          \
		NULL, NULL, 0, NULL, NULL                                                          \
	}

static const struct step archive_steps[] = {
    SAVE("CreateArchive", "{\"ArchiveName\":\"one\",\"ClientToken\":\"t1\"}", "A=ArchiveId"),
    HAS("CreateArchive", "{\"ArchiveName\":\"one\",\"ClientToken\":\"t1\"}",
	"{\"ArchiveId\":\"$A\"}"),
    NO("CreateArchive", "{\"ArchiveName\":\"two\",\"ClientToken\":\"t1\"}", 409, "ClientToken"),
    NO("CreateArchive", "{\"ArchiveName\":\"one\",\"ClientToken\":\"t2\"}", 409,
	"Archive already exists"),
    NO("CreateArchive", "{}", 400,
	"Value null at 'archiveName' failed to satisfy constraint: Member must not be null"),
    NO("CreateArchive", "{\"ArchiveName\":7}", 400, "SerializationException"),
    NO("CreateArchive", "{\"ArchiveName\":\"ab\",\"Retention\":{\"RetentionPeriod\":\"ONE_DAY\"}}",
	400, "Member must satisfy enum value set: [THREE_MONTHS"),
    HAS("GetArchive", "{\"ArchiveId\":\"$A\"}",
	"\"ArchiveArn\":\"arn:aws:ses:us-east-1:000000000000:mailmanager-archive/$A\""),
    HAS("GetArchive", "{\"ArchiveId\":\"$A\"}",
	"\"Retention\":{\"RetentionPeriod\":\"SIX_MONTHS\"}"),
    HAS("GetArchive", "{\"ArchiveId\":\"$A\"}", "\"CreatedTimestamp\":1790000000"),
    NO("GetArchive", "{\"ArchiveId\":\"a-none\"}", 404, "ResourceNotFoundException"),
    NO("GetArchive", "{\"ArchiveId\":\"../etc\"}", 404, "not found"),
    OK("UpdateArchive", "{\"ArchiveId\":\"$A\"}"),
    OK("UpdateArchive", "{\"ArchiveId\":\"$A\",\"ArchiveName\":\"uno\",\"Retention\":{"
			"\"RetentionPeriod\":\"PERMANENT\"}}"),
    OK("UpdateArchive", "{\"ArchiveId\":\"$A\",\"Retention\":{\"RetentionPeriod\":\"ONE_YEAR\"}}"),
    HAS("GetArchive", "{\"ArchiveId\":\"$A\"}", "\"ArchiveName\":\"uno\""),
    NO("UpdateArchive", "{\"ArchiveId\":\"a-none\"}", 404, NULL),
    SAVE("CreateArchive",
	"{\"ArchiveName\":\"two\",\"Retention\":{\"RetentionPeriod\":\"PERMANENT\"}}",
	"B=ArchiveId"),
    NO("UpdateArchive", "{\"ArchiveId\":\"$B\",\"ArchiveName\":\"uno\"}", 409,
	"Archive already exists"),
    HAS("ListArchives", "{}", "\"ArchiveId\":\"$B\""), SEE("!hooks", "", "endpoints 0 config 5"),
    OK("DeleteArchive", "{\"ArchiveId\":\"$A\"}"), OK("DeleteArchive", "{\"ArchiveId\":\"$A\"}"),
    OK("DeleteArchive", "{\"ArchiveId\":\"a-none\"}"),
    HAS("GetArchive", "{\"ArchiveId\":\"$A\"}", "\"ArchiveState\":\"PENDING_DELETION\""),
    HAS("ListArchives", "{}", "PENDING_DELETION"),
    NO("UpdateArchive", "{\"ArchiveId\":\"$A\"}", 409, "pending deletion"),
    NO("CreateArchive", "{\"ArchiveName\":\"uno\"}", 409, "already exists"),
    NO("StartArchiveSearch",
	"{\"ArchiveId\":\"$A\",\"FromTimestamp\":1,\"ToTimestamp\":2,\"MaxResults\":1}", 409,
	"pending deletion"),
    SEE("!snapshot", "",
	"\"ArchiveId\":\"$A\",\"ArchiveName\":\"uno\",\"State\":\"PENDING_DELETION\",\"Retention\":"
	"\"ONE_"
	"YEAR\""),
    DO("!advance", "2592000000"), DO("!tick", ""), OK("CreateArchive", "{\"ArchiveName\":\"uno\"}"),
    OK("CreateArchive", "{\"ArchiveName\":\"three\",\"ClientToken\":\"t1\"}"),
    HAS("GetArchive", "{\"ArchiveId\":\"$A\"}", "\"ArchiveName\":\"uno\""),
    OK("CreateArchive", "{\"ArchiveName\":\"n4\"}"),
    OK("CreateArchive", "{\"ArchiveName\":\"n5\"}"),
    OK("CreateArchive", "{\"ArchiveName\":\"n6\"}"),
    OK("CreateArchive", "{\"ArchiveName\":\"n7\"}"),
    OK("CreateArchive", "{\"ArchiveName\":\"n8\"}"),
    OK("CreateArchive", "{\"ArchiveName\":\"n9\"}"),
    OK("CreateArchive", "{\"ArchiveName\":\"n10\"}"),
    NO("CreateArchive", "{\"ArchiveName\":\"n11\"}", 402, "ServiceQuotaExceededException"), END};

#define RULE "{\"Actions\":[{\"Archive\":{\"TargetArchive\":\"x\"}}],\"Name\":\"journal-all\"}"
#define RULE_MORE                                                                                  \
	"{\"Name\":\"journal-all\",\"X\":1,\"Unless\":null,\"Actions\":[{\"Archive\":{"            \
	"\"TargetArchive\":"                                                                       \
	"\"x\"}}]}"
#define STATEMENT                                                                                  \
	"{\"Action\":\"ALLOW\",\"Conditions\":[{\"StringExpression\":{\"Evaluate\":{"              \
	"\"Attribute\":"                                                                           \
	"\"RECIPIENT\"},"                                                                          \
	"\"Operator\":\"EQUALS\",\"Values\":[\"journaling@journaling.solutions\"]}}]}"
#define BAD_CIDR                                                                                   \
	"{\"Action\":\"DENY\",\"Conditions\":[{\"IpExpression\":{\"Evaluate\":{\"Attribute\":"     \
	"\"SENDER_IP\"}"                                                                           \
	","                                                                                        \
	"\"Operator\":\"CIDR_MATCHES\",\"Values\":[\"10.0.0.0\"]}}]}"
#define RULE_BAD_CIDR                                                                              \
	"{\"Conditions\":[{\"IpExpression\":{\"Evaluate\":{\"Attribute\":\"SOURCE_IP\"},"          \
	"\"Operator\":\"CIDR_MATCHES\",\"Values\":[\"10.0.0.0/"                                    \
	"99\"]}}],\"Actions\":[{\"Drop\":{}}]}"
#define RELAYED                                                                                    \
	"{\"Actions\":[{\"Relay\":{\"Relay\":\"r\"}},{\"Relay\":{\"Relay\":\"r\"}},{\"Relay\":{"   \
	"\"Relay\":"                                                                               \
	"\"r\"}},"                                                                                 \
	"{\"Relay\":{\"Relay\":\"r\"}},{\"Relay\":{\"Relay\":\"r\"}},{\"Relay\":{\"Relay\":\"r\"}" \
	"}]}"

static const struct step rule_set_steps[] = {
    SAVE("CreateRuleSet", "{\"RuleSetName\":\"rules\",\"Rules\":[" RULE "]}", "R=RuleSetId"),
    NO("CreateRuleSet", "{\"RuleSetName\":\"rules\",\"Rules\":[]}", 409, "Rule set already exists"),
    NO("CreateRuleSet", "{\"RuleSetName\":\"bad\",\"Rules\":[" RULE_BAD_CIDR "]}", 400,
	"ValidationException"),
    NO("CreateRuleSet",
	"{\"RuleSetName\":\"bad\",\"Rules\":[{\"Actions\":[{\"Drop\":{},\"Archive\":{"
	"\"TargetArchive\":\"x\"}"
	"}]}]}",
	400, "ValidationException"),
    NO("CreateRuleSet", "{\"RuleSetName\":\"relays\",\"Rules\":[" RELAYED "," RELAYED "]}", 402,
	"Relay and Send"),
    HAS("GetRuleSet", "{\"RuleSetId\":\"$R\"}", "\"Rules\":[" RULE "]"),
    OK("UpdateRuleSet", "{\"RuleSetId\":\"$R\",\"Rules\":[" RULE_MORE "]}"),
    HAS("GetRuleSet", "{\"RuleSetId\":\"$R\"}", "\"Rules\":[" RULE "]"),
    HAS("GetRuleSet", "{\"RuleSetId\":\"$R\"}", ":mailmanager-rule-set/$R\""),
    NO("GetRuleSet", "{\"RuleSetId\":\"rs-none\"}", 404, "Rule set not found"),
    HAS("ListRuleSets", "{}", "\"RuleSetName\":\"rules\""), DO("!advance", "1500"),
    OK("UpdateRuleSet", "{\"RuleSetId\":\"$R\",\"Rules\":[{\"Actions\":[{\"Drop\":{}}]}]}"),
    HAS("GetRuleSet", "{\"RuleSetId\":\"$R\"}", "\"LastModificationDate\":1790000001.5"),
    HAS("GetRuleSet", "{\"RuleSetId\":\"$R\"}", "\"Rules\":[{\"Actions\":[{\"Drop\":{}}]}]"),
    NO("UpdateRuleSet", "{\"RuleSetId\":\"rs-none\"}", 404, NULL),
    OK("DeleteRuleSet", "{\"RuleSetId\":\"$R\"}"), OK("DeleteRuleSet", "{\"RuleSetId\":\"$R\"}"),
    NO("GetRuleSet", "{\"RuleSetId\":\"$R\"}", 404, NULL), END};

static const struct step traffic_steps[] = {
    SAVE("CreateTrafficPolicy",
	"{\"TrafficPolicyName\":\"traffic\",\"DefaultAction\":\"DENY\",\"PolicyStatements\":"
	"[" STATEMENT "]}",
	"P=TrafficPolicyId"),
    NO("CreateTrafficPolicy",
	"{\"TrafficPolicyName\":\"traffic\",\"DefaultAction\":\"DENY\",\"PolicyStatements\":[]}",
	409, "Traffic policy already exists"),
    NO("CreateTrafficPolicy",
	"{\"TrafficPolicyName\":\"bad\",\"DefaultAction\":\"DENY\",\"PolicyStatements\":[" BAD_CIDR
	"]}",
	400, "ValidationException"),
    HAS("GetTrafficPolicy", "{\"TrafficPolicyId\":\"$P\"}", "\"PolicyStatements\":[" STATEMENT "]"),
    NO("GetTrafficPolicy", "{\"TrafficPolicyId\":\"tp-none\"}", 404, NULL),
    OK("UpdateTrafficPolicy", "{\"TrafficPolicyId\":\"$P\",\"MaxMessageSizeBytes\":1000}"),
    HAS("GetTrafficPolicy", "{\"TrafficPolicyId\":\"$P\"}", "\"MaxMessageSizeBytes\":1000"),
    NO("UpdateTrafficPolicy", "{\"TrafficPolicyId\":\"$P\",\"MaxMessageSizeBytes\":0}", 400,
	"Member must have value greater than or equal to 1"),
    NO("UpdateTrafficPolicy", "{\"TrafficPolicyId\":\"tp-none\"}", 404, NULL),
    HAS("ListTrafficPolicies", "{}", "\"DefaultAction\":\"DENY\""),
    OK("DeleteTrafficPolicy", "{\"TrafficPolicyId\":\"$P\"}"),
    OK("DeleteTrafficPolicy", "{\"TrafficPolicyId\":\"$P\"}"), END};

#define PARTS                                                                                      \
	SAVE("CreateRuleSet", "{\"RuleSetName\":\"rules\",\"Rules\":[" RULE "]}", "R=RuleSetId"),  \
	    SAVE("CreateTrafficPolicy",                                                            \
		"{\"TrafficPolicyName\":\"traffic\",\"DefaultAction\":\"DENY\","                   \
		"\"PolicyStatements\":"                                                            \
		"[" STATEMENT "]}",                                                                \
		"P=TrafficPolicyId")
#define POINT(name, type)                                                                          \
	"{\"IngressPointName\":\"" name "\",\"Type\":\"" type                                      \
	"\",\"RuleSetId\":\"$R\",\"TrafficPolicyId\":\"$P\""
#define CA "-----BEGIN CERTIFICATE-----"

static const struct step ingress_steps[] = {PARTS,
    SAVE("CreateIngressPoint",
	POINT("open",
	    "OPEN") ",\"Tags\":[{\"Key\":\"daybook:listen\",\"Value\":\"127.0.0.1:2525\"}]}",
	"I=IngressPointId"),
    SEE("!hooks", "", "endpoints 1 config 1"),
    HAS("GetIngressPoint", "{\"IngressPointId\":\"$I\"}", "\"Status\":\"PROVISIONING\""),
    HAS("GetIngressPoint", "{\"IngressPointId\":\"$I\"}", "-ARecord"),
    SEE("!snapshot", "",
	"\"ListenTag\":\"127.0.0.1:2525\",\"Mode\":\"journal\",\"TrafficPolicy\":{"
	"\"PolicyStatements\":["),
    SEE("!snapshot", "",
	"\"RuleSetId\":\"$R\",\"RuleSetName\":\"rules\",\"Arn\":\"arn:aws:ses:us-east-1:"
	"000000000000:"
	"mailmanager-rule-set/$R\""),
    NO("UpdateIngressPoint", "{\"IngressPointId\":\"$I\",\"StatusToUpdate\":\"CLOSED\"}", 409,
	"PROVISIONING"),
    NO("DeleteIngressPoint", "{\"IngressPointId\":\"$I\"}", 409, "PROVISIONING"),
    DO("!report", "$I|ok|127.0.0.1:2525"),
    HAS("GetIngressPoint", "{\"IngressPointId\":\"$I\"}", "\"Status\":\"ACTIVE\",\"ARecord\":\""),
    HAS("GetIngressPoint", "{\"IngressPointId\":\"$I\"}", ".mail.example\",\"Type\":\"OPEN\""),
    HAS("GetIngressPoint", "{\"IngressPointId\":\"$I\"}", "\"TlsPolicy\":\"REQUIRED\""),
    HAS("GetIngressPoint", "{\"IngressPointId\":\"$I\"}",
	"{\"PublicNetworkConfiguration\":{\"IpType\":\"IPV4\"}}"),
    HAS("ListTagsForResource",
	"{\"ResourceArn\":\"arn:aws:ses:eu-west-1:000000000000:mailmanager-ingress-point/$I\"}",
	"{\"Key\":\"daybook:listening\",\"Value\":\"127.0.0.1:2525\"}"),
    HAS("ListIngressPoints", "{}",
	"\"IngressPointId\":\"$I\",\"Status\":\"ACTIVE\",\"Type\":\"OPEN\",\"ARecord\":"),
    NO("DeleteRuleSet", "{\"RuleSetId\":\"$R\"}", 409, "attached to ingress point $I"),
    NO("DeleteTrafficPolicy", "{\"TrafficPolicyId\":\"$P\"}", 409, "attached to ingress point $I"),
    OK("UpdateIngressPoint", "{\"IngressPointId\":\"$I\"}"),
    HAS("GetIngressPoint", "{\"IngressPointId\":\"$I\"}", "\"Status\":\"ACTIVE\""),
    OK("UpdateIngressPoint",
	"{\"IngressPointId\":\"$I\",\"StatusToUpdate\":\"CLOSED\",\"TlsPolicy\":\"OPTIONAL\"}"),
    HAS("GetIngressPoint", "{\"IngressPointId\":\"$I\"}", "\"Status\":\"UPDATING\""),
    SEE("!snapshot", "",
	"\"State\":\"UPDATING\",\"WantedStatus\":\"CLOSED\",\"TlsPolicy\":\"OPTIONAL\""),
    DO("!report", "$I|ok|127.0.0.1:2525"),
    HAS("GetIngressPoint", "{\"IngressPointId\":\"$I\"}", "\"Status\":\"CLOSED\""),
    NO("UpdateIngressPoint", "{\"IngressPointId\":\"$I\",\"TlsPolicy\":\"FIPS\"}", 400,
	"TlsPolicy"),
    NO("UpdateIngressPoint", "{\"IngressPointId\":\"$I\",\"RuleSetId\":\"rs-none\"}", 400,
	"RuleSetId: Rule set not found"),
    OK("UpdateIngressPoint", "{\"IngressPointId\":\"$I\",\"StatusToUpdate\":\"ACTIVE\"}"),
    DO("!report", "$I|fail"),
    HAS("Daybook.GetStatus", "{}", "\"Status\":\"FAILED\",\"Reason\":\"in use\""),
    HAS("GetIngressPoint", "{\"IngressPointId\":\"$I\"}", "\"Status\":\"FAILED\""),
    OK("DeleteIngressPoint", "{\"IngressPointId\":\"$I\"}"),
    OK("DeleteIngressPoint", "{\"IngressPointId\":\"$I\"}"),
    HAS("GetIngressPoint", "{\"IngressPointId\":\"$I\"}", "\"Status\":\"DEPROVISIONING\""),
    SEE("!snapshot", "", "DEPROVISIONING"), DO("!gone", "$I"), DO("!gone", "$I"),
    NO("GetIngressPoint", "{\"IngressPointId\":\"$I\"}", 404, NULL),
    OK("DeleteIngressPoint", "{\"IngressPointId\":\"$I\"}"),
    OK("DeleteRuleSet", "{\"RuleSetId\":\"$R\"}"), END};

static const struct step ingress_auth_steps[] = {PARTS,
    NO("CreateIngressPoint", POINT("auth", "AUTH") "}", 400, "IngressPointConfiguration"),
    NO("CreateIngressPoint",
	POINT("auth", "OPEN") ",\"IngressPointConfiguration\":{\"SmtpPassword\":\"Passw0rd!\"}}",
	400, "OPEN"),
    NO("CreateIngressPoint",
	POINT("auth", "MTLS") ",\"IngressPointConfiguration\":{\"SmtpPassword\":\"Passw0rd!\"}}",
	400, "MTLS"),
    NO("CreateIngressPoint", POINT("auth", "MTLS") "}", 400, "IngressPointConfiguration"),
    NO("CreateIngressPoint",
	POINT("auth", "AUTH") ",\"IngressPointConfiguration\":{\"SmtpPassword\":\"sho rt pass\"}}",
	400, "-sho rt"),
    SAVE("CreateIngressPoint",
	POINT("auth", "AUTH") ",\"IngressPointConfiguration\":{\"SmtpPassword\":\"Passw0rd!\"}}",
	"I=IngressPointId"),
    HAS("GetIngressPoint", "{\"IngressPointId\":\"$I\"}",
	"\"IngressPointAuthConfiguration\":{\"IngressPointPasswordConfiguration\":{"
	"\"SmtpPasswordVersion\":"
	"\"1\"}}"),
    HAS("GetIngressPoint", "{\"IngressPointId\":\"$I\"}", "-argon"),
    SEE("!snapshot", "", "\"Passwords\":[{\"Hash\":\"$argon2id"), SEE("!snapshot", "", "-Passw0rd"),
    DO("!report", "$I|ok|127.0.0.1:2525"),
    OK("UpdateIngressPoint", "{\"IngressPointId\":\"$I\",\"IngressPointConfiguration\":{"
			     "\"SmtpPassword\":\"Passw1rd!\"}}"),
    HAS("GetIngressPoint", "{\"IngressPointId\":\"$I\"}",
	"{\"SmtpPasswordVersion\":\"2\",\"PreviousSmtpPasswordVersion\":\"1\","
	"\"PreviousSmtpPasswordExpiryTimestamp\":1791209600}"),
    SEE("!snapshot", "", "\"Version\":\"1\",\"ExpiresTimestamp\":1791209600}]"),
    DO("!advance", "1209600000"),
    HAS("GetIngressPoint", "{\"IngressPointId\":\"$I\"}", "-PreviousSmtpPasswordVersion"),
    SEE("!snapshot", "", "-ExpiresTimestamp"), DO("!report", "$I|ok|127.0.0.1:2525"),
    OK("UpdateIngressPoint",
	"{\"IngressPointId\":\"$I\",\"IngressPointConfiguration\":{\"SecretArn\":"
	"\"arn:aws:secretsmanager:us-east-1:000000000000:secret:smtp\"}}"),
    HAS("GetIngressPoint", "{\"IngressPointId\":\"$I\"}",
	"\"IngressPointAuthConfiguration\":{\"SecretArn\":\"arn:aws:secretsmanager"),
    NO("CreateIngressPoint",
	POINT("mtls",
	    "MTLS") ",\"IngressPointConfiguration\":{\"TlsAuthConfiguration\":{\"TrustStore\":"
		    "{\"CAContent\":\"no certificate\"}}}}",
	400, "CAContent"),
    NO("CreateIngressPoint",
	POINT("mtls", "MTLS") ",\"TlsPolicy\":\"OPTIONAL\",\"IngressPointConfiguration\":"
			      "{\"TlsAuthConfiguration\":{\"TrustStore\":{\"CAContent\":\"" CA
			      "\"}}}}",
	400, "TlsPolicy"),
    SAVE("CreateIngressPoint",
	POINT("mtls",
	    "MTLS") ",\"IngressPointConfiguration\":{\"TlsAuthConfiguration\":{\"TrustStore\":"
		    "{\"CAContent\":\"" CA "\"}}}}",
	"M=IngressPointId"),
    HAS("GetIngressPoint", "{\"IngressPointId\":\"$M\"}", "-BEGIN"),
    HAS("GetIngressPoint", "{\"IngressPointId\":\"$M\",\"IncludeTrustStoreContents\":\"INCLUDE\"}",
	"BEGIN"),
    SEE("!snapshot", "", "\"TrustStore\":{\"CAContent\":\"" CA "\"}"), END};

#define WINDOW "\"FromTimestamp\":1789999000,\"ToTimestamp\":1790001000"
#define SUBJECT(word)                                                                              \
	"\"Filters\":{\"Include\":[{\"StringExpression\":{\"Evaluate\":{\"Attribute\":"            \
	"\"SUBJECT\"},"                                                                            \
	"\"Operator\":\"CONTAINS\",\"Values\":[\"" word "\"]}}]}"

static const struct step search_steps[] = {
    SAVE("CreateArchive", "{\"ArchiveName\":\"one\"}", "A=ArchiveId"), DO("!keep", "$A|alpha"),
    DO("!advance", "10"), DO("!keep", "$A|beta"), DO("!advance", "10"), DO("!keep", "$A|gamma"),
    NO("StartArchiveSearch", "{\"ArchiveId\":\"a-none\"," WINDOW ",\"MaxResults\":10}", 404,
	"Archive not found"),
    NO("StartArchiveSearch",
	"{\"ArchiveId\":\"$A\",\"FromTimestamp\":2,\"ToTimestamp\":2,\"MaxResults\":10}", 400,
	"FromTimestamp"),
    NO("StartArchiveSearch", "{\"ArchiveId\":\"$A\"}", 400, "3 validation errors detected"),
    NO("StartArchiveSearch", "{\"ArchiveId\":\"$A\"," WINDOW ",\"MaxResults\":1001}", 400,
	"Member must have value less than or equal to 1000"),
    SAVE("StartArchiveSearch", "{\"ArchiveId\":\"$A\"," WINDOW ",\"MaxResults\":10}", "S=SearchId"),
    HAS("GetArchiveSearch", "{\"SearchId\":\"$S\"}", "\"State\":\"QUEUED\""),
    NO("GetArchiveSearchResults", "{\"SearchId\":\"$S\"}", 409, "still in progress"),
    DO("!jobs", ""), HAS("GetArchiveSearch", "{\"SearchId\":\"$S\"}", "\"State\":\"COMPLETED\""),
    HAS("GetArchiveSearch", "{\"SearchId\":\"$S\"}",
	"\"SubmissionTimestamp\":1790000000.02,\"CompletionTimestamp\":1790000000.02"),
    HAS("GetArchiveSearch", "{\"SearchId\":\"$S\"}", "\"MaxResults\":10"),
    HAS("GetArchiveSearch", "{\"SearchId\":\"$S\"}", "-ResultIds"),
    HAS("GetArchiveSearchResults", "{\"SearchId\":\"$S\"}", "\"Subject\":\"gamma\""),
    HAS("GetArchiveSearchResults", "{\"SearchId\":\"$S\"}", "\"Subject\":\"alpha\""),
    HAS("GetArchiveSearchResults", "{\"SearchId\":\"$S\"}", "\"ReceivedTimestamp\":1790000000.02"),
    SAVE("StartArchiveSearch",
	"{\"ArchiveId\":\"$A\"," WINDOW ",\"MaxResults\":10," SUBJECT("bet") "}", "T=SearchId"),
    SAVE("StartArchiveSearch", "{\"ArchiveId\":\"$A\"," WINDOW ",\"MaxResults\":0}", "U=SearchId"),
    SAVE("StartArchiveSearch", "{\"ArchiveId\":\"$A\"," WINDOW ",\"MaxResults\":10}", "V=SearchId"),
    OK("StopArchiveSearch", "{\"SearchId\":\"$V\"}"), DO("!reopen", ""), DO("!jobs", ""),
    HAS("GetArchiveSearchResults", "{\"SearchId\":\"$T\"}", "\"Subject\":\"beta\""),
    HAS("GetArchiveSearchResults", "{\"SearchId\":\"$T\"}", "-alpha"),
    HAS("GetArchiveSearchResults", "{\"SearchId\":\"$U\"}", "{\"Rows\":[]}"),
    HAS("GetArchiveSearch", "{\"SearchId\":\"$V\"}", "\"State\":\"CANCELLED\""),
    NO("GetArchiveSearchResults", "{\"SearchId\":\"$V\"}", 409, "CANCELLED"),
    OK("StopArchiveSearch", "{\"SearchId\":\"$V\"}"),
    OK("StopArchiveSearch", "{\"SearchId\":\"$S\"}"),
    NO("StopArchiveSearch", "{\"SearchId\":\"s-none\"}", 400, "not found"),
    NO("GetArchiveSearch", "{\"SearchId\":\"s-none\"}", 400, "not found"),
    NO("GetArchiveSearchResults", "{\"SearchId\":\"s-none\"}", 400, "not found"),
    NO("ListArchiveSearches", "{\"ArchiveId\":\"a-none\"}", 404, NULL),
    SAVE("ListArchiveSearches", "{\"ArchiveId\":\"$A\",\"PageSize\":3}", "N=NextToken"),
    HAS("ListArchiveSearches", "{\"ArchiveId\":\"$A\",\"PageSize\":3,\"NextToken\":\"$N\"}",
	"-NextToken"),
    NO("ListArchives", "{\"NextToken\":\"$N\"}", 400, "NextToken"), DO("!advance", "2592000000"),
    DO("!tick", ""), HAS("ListArchiveSearches", "{\"ArchiveId\":\"$A\"}", "{\"Searches\":[]}"),
    END};

#define TARGET(where) "\"ExportDestinationConfiguration\":{\"S3\":{\"S3Location\":\"" where "\"}}"

static const struct step export_steps[] = {
    SAVE("CreateArchive", "{\"ArchiveName\":\"one\"}", "A=ArchiveId"), DO("!keep", "$A|alpha"),
    DO("!advance", "10"), DO("!keep", "$A|beta"),
    NO("StartArchiveExport", "{\"ArchiveId\":\"a-none\"," WINDOW "," TARGET("s3://bucket/x") "}",
	404, NULL),
    NO("StartArchiveExport", "{\"ArchiveId\":\"$A\"," WINDOW "," TARGET("s3://bucket/../x") "}",
	400, "S3Location"),
    NO("StartArchiveExport", "{\"ArchiveId\":\"$A\"," WINDOW "," TARGET("s3://.../x") "}", 400,
	"S3Location"),
    NO("StartArchiveExport", "{\"ArchiveId\":\"$A\"," WINDOW "," TARGET("s3://bucket//x") "}", 400,
	"S3Location"),
    NO("StartArchiveExport",
	"{\"ArchiveId\":\"$A\"," WINDOW ",\"ExportDestinationConfiguration\":{\"S3\":{}}}", 400,
	"S3Location"),
    SAVE("StartArchiveExport",
	"{\"ArchiveId\":\"$A\"," WINDOW "," TARGET("s3://bucket/a/b") ",\"IncludeMetadata\":true}",
	"E=ExportId"),
    HAS("GetArchiveExport", "{\"ExportId\":\"$E\"}", "\"State\":\"QUEUED\""), DO("!jobs", ""),
    HAS("GetArchiveExport", "{\"ExportId\":\"$E\"}", "\"State\":\"COMPLETED\""),
    HAS("GetArchiveExport", "{\"ExportId\":\"$E\"}", "-ErrorMessage"),
    HAS("GetArchiveExport", "{\"ExportId\":\"$E\"}", "-IncludeMetadata"),
    SEE("!file", "/export/bucket/a/b/$E/manifest.json", "\\\"Count\\\":2,\\\"DamagedCount\\\":0"),
    SEE("!file", "/export/bucket/a/b/$E/manifest.json", "\\\"MetadataSha256\\\":"),
    SAVE("StartArchiveExport",
	"{\"ArchiveId\":\"$A\"," WINDOW
	"," TARGET("s3://mapped-bucket") ",\"MaxResults\":1," SUBJECT("alph") "}",
	"F=ExportId"),
    SAVE("StartArchiveExport", "{\"ArchiveId\":\"$A\"," WINDOW "," TARGET("s3://mapped-bucket") "}",
	"G=ExportId"),
    OK("StopArchiveExport", "{\"ExportId\":\"$G\"}"), DO("!jobs", ""),
    SEE("!file", "/mapped/$F/manifest.json", "\\\"Count\\\":1"),
    SEE("!file", "/mapped/$F/manifest.json", "-Metadata\\\":true"),
    HAS("GetArchiveExport", "{\"ExportId\":\"$G\"}", "\"State\":\"CANCELLED\""),
    OK("StopArchiveExport", "{\"ExportId\":\"$G\"}"),
    NO("StopArchiveExport", "{\"ExportId\":\"e-none\"}", 400, "not found"),
    NO("GetArchiveExport", "{\"ExportId\":\"e-none\"}", 400, "not found"),
    HAS("ListArchiveExports", "{\"ArchiveId\":\"$A\"}", "\"ExportId\":\"$F\""),
    NO("ListArchiveExports", "{\"ArchiveId\":\"a-none\"}", 404, NULL), END};

static const struct step relay_steps[] = {SAVE("CreateRelay",
					      "{\"RelayName\":\"out\",\"ServerName\":\"mx.example."
					      "net\",\"ServerPort\":25,\"Authentication\":"
					      "{\"NoAuthentication\":{}}}",
					      "R=RelayId"),
    NO("CreateRelay",
	"{\"RelayName\":\"out\",\"ServerName\":\"mx\",\"ServerPort\":25,\"Authentication\":{"
	"\"NoAuthentication\":{}}}",
	409, "Relay already exists"),
    NO("CreateRelay",
	"{\"RelayName\":\"bad\",\"ServerName\":\"mx\",\"ServerPort\":0,\"Authentication\":{"
	"\"NoAuthentication\":{}}}",
	400, "serverPort"),
    HAS("GetRelay", "{\"RelayId\":\"$R\"}", ":mailmanager-smtp-relay/$R\""),
    OK("UpdateRelay", "{\"RelayId\":\"$R\",\"ServerPort\":587,\"Authentication\":{\"SecretArn\":"
		      "\"arn:aws:secretsmanager:us-east-1:000000000000:secret:relay\"}}"),
    HAS("GetRelay", "{\"RelayId\":\"$R\"}",
	"\"ServerPort\":587,\"Authentication\":{\"SecretArn\":"),
    NO("UpdateRelay", "{\"RelayId\":\"r-none\"}", 404, NULL),
    NO("GetRelay", "{\"RelayId\":\"r-none\"}", 404, "Relay not found"),
    HAS("ListRelays", "{\"PageSize\":1000}", "-ServerName"),
    NO("ListRelays", "{\"PageSize\":0}", 400, "PageSize"),
    OK("DeleteRelay", "{\"RelayId\":\"$R\"}"), OK("DeleteRelay", "{\"RelayId\":\"$R\"}"), END};

#define ARN "\"ResourceArn\":\"arn:aws:ses:us-east-1:000000000000:mailmanager-rule-set/$R\""

static const struct step tag_steps[] = {SAVE("CreateRuleSet",
					    "{\"RuleSetName\":\"rules\",\"Rules\":[],\"Tags\":[{"
					    "\"Key\":\"team\",\"Value\":\"legal\"}]}",
					    "R=RuleSetId"),
    HAS("ListTagsForResource", "{" ARN "}", "{\"Tags\":[{\"Key\":\"team\",\"Value\":\"legal\"}]}"),
    OK("TagResource",
	"{" ARN ",\"Tags\":[{\"Key\":\"team\",\"Value\":\"it\"},{\"Key\":\"b\",\"Value\":\"\"}]}"),
    HAS("ListTagsForResource", "{" ARN "}",
	"[{\"Key\":\"b\",\"Value\":\"\"},{\"Key\":\"team\",\"Value\":\"it\"}]"),
    OK("UntagResource", "{" ARN ",\"TagKeys\":[\"b\",\"none\"]}"),
    HAS("ListTagsForResource", "{" ARN "}", "[{\"Key\":\"team\",\"Value\":\"it\"}]"),
    NO("TagResource", "{" ARN ",\"Tags\":[{\"Key\":\"daybook:listening\",\"Value\":\"x\"}]}", 400,
	"daybook:listening"),
    NO("UntagResource", "{" ARN ",\"TagKeys\":[\"daybook:listening\"]}", 400, "daybook:listening"),
    NO("TagResource", "{" ARN ",\"Tags\":[{\"Key\":\"daybook:mode\",\"Value\":\"x\"}]}", 400,
	"journal or mx"),
    NO("CreateRuleSet",
	"{\"RuleSetName\":\"r2\",\"Rules\":[],\"Tags\":[{\"Key\":\"daybook:mode\",\"Value\":\"x\"}]"
	"}",
	400, "mx"),
    NO("GetRuleSet", "{\"RuleSetId\":\"rs-\"}", 404, NULL),
    NO("TagResource",
	"{\"ResourceArn\":\"arn:aws:ses:us-east-1:111111111111:mailmanager-rule-set/"
	"$R\",\"Tags\":[]}",
	404, NULL),
    NO("TagResource",
	"{\"ResourceArn\":\"arn:aws:ses:us-east-1:000000000000:mailmanager-rule-set/"
	"rs-none\",\"Tags\":[]}",
	404, NULL),
    NO("UntagResource",
	"{\"ResourceArn\":\"arn:aws:ses:us-east-1:000000000000:mailmanager-relay/"
	"x\",\"TagKeys\":[]}",
	404, NULL),
    NO("ListTagsForResource",
	"{\"ResourceArn\":\"arn:aws:ses:us-east-1:000000000000:addon-instance/ai-1\"}", 404, NULL),
    NO("ListTagsForResource", "{\"ResourceArn\":\"arn:aws:s3:::bucket-with-a-long-name\"}", 400,
	"regular expression"),
    END};

static const struct step strict_steps[] = {
    SAVE("CreateArchive", "{\"ArchiveName\":\"one\"}", "A=ArchiveId"),
    OK("UpdateArchive", "{\"ArchiveId\":\"$A\",\"Retention\":{\"RetentionPeriod\":\"ONE_YEAR\"}}"),
    NO("UpdateArchive", "{\"ArchiveId\":\"$A\",\"Retention\":{\"RetentionPeriod\":\"TWO_YEARS\"}}",
	409, "once a week"),
    OK("UpdateArchive", "{\"ArchiveId\":\"$A\",\"Retention\":{\"RetentionPeriod\":\"ONE_YEAR\"}}"),
    DO("!advance", "604800000"),
    OK("UpdateArchive", "{\"ArchiveId\":\"$A\",\"Retention\":{\"RetentionPeriod\":\"TWO_YEARS\"}}"),
    NO("StartArchiveSearch",
	"{\"ArchiveId\":\"$A\",\"FromTimestamp\":1,\"ToTimestamp\":2592002,\"MaxResults\":1}", 400,
	"30 days"),
    OK("StartArchiveSearch", "{\"ArchiveId\":\"$A\"," WINDOW ",\"MaxResults\":1}"),
    NO("StartArchiveSearch", "{\"ArchiveId\":\"$A\"," WINDOW ",\"MaxResults\":1}", 402,
	"limit of 1 unfinished"),
    NO("CreateRuleSet",
	"{\"RuleSetName\":\"r\",\"Rules\":[{\"Actions\":[{\"Archive\":{\"TargetArchive\":"
	"\"arn:aws:ses:us-east-1:000000000000:mailmanager-archive/a-bcdefghijklmnop\"}}]}]}",
	400, "Member must have length less than or equal to 66"),
    PARTS,
    NO("CreateIngressPoint",
	POINT("auth",
	    "AUTH") ",\"TlsPolicy\":\"OPTIONAL\",\"IngressPointConfiguration\":{\"SmtpPassword\":"
		    "\"Passw0rd!\"}}",
	400, "TlsPolicy"),
    END};

static const struct step native_steps[] = {
    SAVE("CreateArchive", "{\"ArchiveName\":\"one\"}", "A=ArchiveId"), DO("!keep", "$A|alpha"),
    HAS("Daybook.GetStatus", "{}",
	"\"Version\":\"1.2.3\",\"UptimeSeconds\":0,\"Archives\":[{\"ArchiveId\":\"$A\","
	"\"ArchiveName\":"
	"\"one\",\"State\":\"ACTIVE\",\"Messages\":1"),
    SAVE("Daybook.CreateAccessKey", "{}", "K=AccessKeyId"),
    SAVE("Daybook.CreateAccessKey", "{}", "L=AccessKeyId"),
    HAS("Daybook.ListAccessKeys", "{}",
	"{\"AccessKeyId\":\"$K\",\"Principal\":\"root\",\"Status\":\"Active\","
	"\"CreatedTimestamp\":"),
    HAS("Daybook.ListAccessKeys", "{}", "-Secret"),
    OK("Daybook.UpdateAccessKey", "{\"AccessKeyId\":\"$K\",\"Status\":\"Inactive\"}"),
    NO("Daybook.UpdateAccessKey", "{\"AccessKeyId\":\"$L\",\"Status\":\"Inactive\"}", 409,
	"last active"),
    NO("Daybook.UpdateAccessKey", "{\"AccessKeyId\":\"$K\",\"Status\":\"Off\"}", 400,
	"enum value set: [Active, Inactive]"),
    NO("Daybook.UpdateAccessKey",
	"{\"AccessKeyId\":\"AKIANONENONENONENONE\",\"Status\":\"Active\"}", 404, NULL),
    NO("Daybook.DeleteAccessKey", "{\"AccessKeyId\":\"$L\"}", 409, "last active"),
    OK("Daybook.DeleteAccessKey", "{\"AccessKeyId\":\"$K\"}"),
    OK("Daybook.DeleteAccessKey", "{\"AccessKeyId\":\"$K\"}"),
    NO("Daybook.Nothing", "{}", 404, "UnknownOperationException"),
    NO("CreateAddressList", "{\"AddressListName\":\"x\"}", 404, "UnknownOperationException"), END};

#define SCENARIO(name)                                                                             \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		struct scenario s = {#name, strcmp(#name, "strict") == 0, name##_steps};           \
		(void)state;                                                                       \
		scenario_play(&s);                                                                 \
	}
SCENARIO(archive)
SCENARIO(rule_set)
SCENARIO(traffic)
SCENARIO(ingress)
SCENARIO(ingress_auth)
SCENARIO(search)
SCENARIO(export)
SCENARIO(relay)
SCENARIO(tag)
SCENARIO(strict)
SCENARIO(native)

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_archive),
	    cmocka_unit_test(test_rule_set), cmocka_unit_test(test_traffic),
	    cmocka_unit_test(test_ingress), cmocka_unit_test(test_ingress_auth),
	    cmocka_unit_test(test_search), cmocka_unit_test(test_export),
	    cmocka_unit_test(test_relay), cmocka_unit_test(test_tag), cmocka_unit_test(test_strict),
	    cmocka_unit_test(test_native)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
