/* SPDX-License-Identifier: Apache-2.0 */
/* Any document as a rule set: it compiles or is refused; a decision keeps its limits, names
 * somebody in every step, and adds nothing to a message but whole header fields whose names start
 * with X-. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "policy_rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct bytes recipients[] = {{(const uint8_t *)"a@x.y", 5}, {(const uint8_t *)"b@x.y", 5},
    {(const uint8_t *)"a@x.y", 5}, {NULL, 0}};
static struct bytes names[] = {{(const uint8_t *)"mx.example.com", 14}};
static const struct policy_certificate certificate = {
    .common_name = {(const uint8_t *)"c", 1}, .san_dns = names, .san_dns_count = 1};

/* Says no for some targets, with a reason that needs escapes. */
static bool
check(void *ctx, enum policy_action action, const struct json *parameters,
    char reason[POLICY_REASON_SIZE])
{
	(void)ctx;
	memset(reason, 1, POLICY_REASON_SIZE - 1);
	reason[POLICY_REASON_SIZE - 1] = '\0';
	return action == POLICY_ACTION_ARCHIVE &&
	       json_text(json_get(parameters, "TargetArchive")).len % 2 == 0;
}

static void
check_headers(struct bytes lines)
{
	size_t at = 0;

	while (at < lines.len) {
		size_t end = bytes_find(lines, at, BYTES_LIT("\r\n"));
		struct bytes line;

		must(end != SIZE_MAX);
		line = bytes_slice(lines, at, end - at);
		must(line.len <= 998 && line.len > 0);
		must(line.ptr[0] == ' ' ? at > 0 : bytes_starts_with_nocase(line, BYTES_LIT("x-")));
		for (size_t i = 0; i < line.len; i++)
			must(line.ptr[i] >= 0x20 && line.ptr[i] < 0x7f);
		at = end + 2;
	}
}

static void
decide(const struct policy_rules *r, struct bytes input, size_t variant)
{
	const struct policy_context context = {check, NULL};
	const struct policy_header headers[] = {{BYTES_LIT("X-A"), bytes_slice(input, 3, 2000)}};
	struct policy_session session = {.ip_family = 4, .ip = {10}, .helo = names[0]};
	struct policy_message m = {.session = &session,
	    .mail_from = names[0],
	    .recipients = recipients,
	    .recipient_count = 4 - variant,
	    .size_bytes = input.len,
	    .from = {input, names, 1},
	    .subject = bytes_slice(input, 0, 500),
	    .x_headers = headers,
	    .x_header_count = 1};
	struct policy_decision d;
	struct arena arena;
	struct buf text;

	if (variant == 1)
		session.certificate = &certificate;
	recipients[3] = bytes_slice(input, 0, 1024);
	arena_init(&arena);
	policy_rules_decide(r, &m, &context, &arena, &d);
	for (size_t i = 0; i < d.step_count; i++) {
		must(d.steps[i].recipient_count > 0);
		must(d.steps[i].action == POLICY_ACTION_ARCHIVE);
		check_headers(d.steps[i].added_headers);
	}
	buf_init(&text, POLICY_RULES_EXPLANATION_BYTES_MAX);
	json_print(d.explanation, &text);
	must(!text.failed);
	buf_fini(&text);
	json_free(&d.explanation);
	arena_fini(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes input = bytes_of(data, size);
	struct policy_rules *r;
	struct json *document;
	struct err err;

	document = json_parse(input, &err);
	if (document == NULL)
		return 0;
	if (policy_rules_compile(document, &r, &err)) {
		decide(r, input, 0);
		decide(r, input, 1);
		decide(r, input, 4);
		policy_rules_free(&r);
	} else {
		must(r == NULL && (err.code == ERR_SYNTAX || err.code == ERR_LIMIT));
	}
	json_free(&document);
	return 0;
}
