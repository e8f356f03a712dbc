/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed requests from a stranger: "METHOD TARGET", header lines "name:value", an empty line, the body; LF ends lines.
 * The Authorization parser, the canonical form (of both kinds of path) and the whole judgement run over them.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "auth_header.h"
#include "auth_request.h"
#include "base_limits.h"

#define NOW_MS INT64_C(1795489703000) /* 2026-11-24T03:08:23Z, when the seeds were signed */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
find(void *ctx, const char *id, struct arena *arena, struct auth_found *out, struct err *err)
{
	(void)ctx;
	(void)arena;
	if (strcmp(id, "AKIDEXAMPLE") != 0)
		return ERR(err, ERR_NOT_FOUND, "no key %s", id);
	out->secret = secret_of(BYTES_LIT("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"));
	out->principal = "root";
	out->active = true;
	return true;
}

static struct bytes
line_next(struct bytes *left)
{
	size_t end = bytes_find_byte(*left, 0, '\n');
	struct bytes line = bytes_slice(*left, 0, end);

	*left = end == SIZE_MAX ? BYTES_EMPTY : bytes_slice(*left, end + 1, left->len);
	return line;
}

/* Both forms of path, and the list of signed headers as the stranger gave it. */
static void
canonical_try(const struct auth_request *r, struct bytes signed_headers)
{
	for (int i = 0; i < 4; i++) {
		struct crypt_sigv4_request request = {
		    r->method, r->target, r->headers, r->header_count, BYTES_LIT("-"), i % 2 == 0};
		struct buf out;
		struct err err;

		buf_init(&out, 1 << 20);
		if (crypt_sigv4_canonical(&request, signed_headers, i >= 2, &out, &err))
			must(bytes_ends_with(buf_view(&out), BYTES_LIT("\n-")));
		buf_fini(&out);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes left = bytes_of(data, size), line = line_next(&left);
	size_t blank = bytes_find_byte(line, 0, ' ');
	struct auth_options options = auth_options_default();
	struct auth_key_source keys = {find, NULL};
	struct auth_request r = {.now_ms = NOW_MS};
	struct crypt_sigv4_header *headers;
	struct auth_header header;
	struct auth_result result;
	struct arena arena;
	struct err err;

	arena_init(&arena);
	headers = arena_calloc(&arena, HTTP_HEADER_COUNT_MAX + 2, sizeof *headers);
	r.method = bytes_slice(line, 0, blank);
	r.target = blank == SIZE_MAX ? BYTES_EMPTY : bytes_slice(line, blank + 1, line.len);
	r.headers = headers;
	for (line = line_next(&left); line.len > 0 && r.header_count < HTTP_HEADER_COUNT_MAX + 2;
	     line = line_next(&left)) {
		size_t colon = bytes_find_byte(line, 0, ':');

		headers[r.header_count].name = bytes_slice(line, 0, colon);
		headers[r.header_count].value =
		    colon == SIZE_MAX ? BYTES_EMPTY : bytes_slice(line, colon + 1, line.len);
		if (auth_header_parse(&header, headers[r.header_count].value, &err))
			must(header.signature.len == 64 &&
			     header.key_id.len <= AUTH_KEY_ID_BYTES_MAX);
		r.header_count++;
	}
	r.body = left;
	canonical_try(&r, BYTES_LIT("host"));
	canonical_try(&r, left);
	must(auth_request_check(&r, &options, &keys, &arena, &result, &err));
	must((result.verdict == AUTH_PASSED) == (result.text[0] == '\0'));
	arena_fini(&arena);
	return 0;
}
