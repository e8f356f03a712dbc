/* SPDX-License-Identifier: Apache-2.0 */
/* Random rows for tests of the archive. */
#include "pack_row_fixture.h"

#include <string.h>

#include "crypt_digest.h"

static const char *const WORDS[] = {"invoice", "Grüße", "ΣΊΣΥΦΟΣ", "straße", "71450/36214", "", "a",
    "会議の件", "alice@example.com", "Bob <bob@example.net>", "<m.1@mail.example>", "re: re: fwd",
    "\"quoted, text\""};

/* Up to five words, a third of the time none at all. */
static struct bytes
random_text(struct arena *arena, const struct rng *rng)
{
	char text[256] = "";
	size_t words = rng_below(rng, 3) == 0 ? 0 : rng_below(rng, 5) + 1, at = 0;

	for (size_t i = 0; i < words; i++) {
		const char *word = WORDS[rng_below(rng, sizeof WORDS / sizeof *WORDS)];
		size_t len = strlen(word);

		memcpy(text + at, word, len);
		at += len;
		text[at++] = ' ';
	}
	return arena_bytes(arena, bytes_of(text, at));
}

static const struct bytes *
random_list(struct arena *arena, const struct rng *rng, size_t count_max, size_t *count_out)
{
	size_t count = rng_below(rng, count_max + 1);
	struct bytes *list = arena_calloc(arena, count + 1, sizeof *list);

	for (size_t i = 0; i < count; i++)
		list[i] = random_text(arena, rng);
	*count_out = count;
	return list;
}

void
row_fixture_random(
    struct arena *arena, const struct rng *rng, int64_t received_ms, struct pack_row *out)
{
	struct pack_columns *c = &out->columns;
	struct bytes *const texts[] = {&c->date, &c->message_id, &c->in_reply_to, &c->x_mailer,
	    &c->x_original_mailer, &c->x_priority, &c->from, &c->to, &c->cc, &c->subject, &c->helo,
	    &c->envelope_from, &c->ingress_point_id, &c->traffic_policy_id, &c->rule_set_id,
	    &c->sender_hostname, &c->sender_ip, &c->tls_protocol, &c->tls_cipher, &c->source_arn,
	    &c->explanation};

	*out = (struct pack_row){.received_ms = received_ms, .leaf_index = PACK_LEAF_NONE};
	id_record_new(&out->id, received_ms, rng);
	crypt_sha256(out->sha256, BYTES_EMPTY);
	out->retention = (enum pack_retention)(1 + rng_below(rng, PACK_RETENTION_PERMANENT));
	out->recipients = random_list(arena, rng, 4, &out->recipient_count);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		*texts[i] = random_text(arena, rng);
	c->received_headers = random_list(arena, rng, 5, &c->received_header_count);
	c->has_attachments = rng_below(rng, 2) == 1;
	c->parse_flags = (uint32_t)rng_below(rng, 64);
}

static bool
lists_equal(const struct bytes *a, size_t a_count, const struct bytes *b, size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++)
		if (!bytes_equal(a[i], b[i]))
			return false;
	return true;
}

static bool
columns_equal(const struct pack_columns *a, const struct pack_columns *b)
{
	return bytes_equal(a->date, b->date) && bytes_equal(a->message_id, b->message_id) &&
	       bytes_equal(a->in_reply_to, b->in_reply_to) &&
	       bytes_equal(a->x_mailer, b->x_mailer) &&
	       bytes_equal(a->x_original_mailer, b->x_original_mailer) &&
	       bytes_equal(a->x_priority, b->x_priority) && bytes_equal(a->from, b->from) &&
	       bytes_equal(a->to, b->to) && bytes_equal(a->cc, b->cc) &&
	       bytes_equal(a->subject, b->subject) && a->has_attachments == b->has_attachments &&
	       a->parse_flags == b->parse_flags && bytes_equal(a->helo, b->helo) &&
	       bytes_equal(a->envelope_from, b->envelope_from) &&
	       bytes_equal(a->ingress_point_id, b->ingress_point_id) &&
	       bytes_equal(a->traffic_policy_id, b->traffic_policy_id) &&
	       bytes_equal(a->rule_set_id, b->rule_set_id) &&
	       bytes_equal(a->sender_hostname, b->sender_hostname) &&
	       bytes_equal(a->sender_ip, b->sender_ip) &&
	       bytes_equal(a->tls_protocol, b->tls_protocol) &&
	       bytes_equal(a->tls_cipher, b->tls_cipher) &&
	       bytes_equal(a->source_arn, b->source_arn) &&
	       bytes_equal(a->explanation, b->explanation) &&
	       lists_equal(a->received_headers, a->received_header_count, b->received_headers,
		   b->received_header_count);
}

bool
row_fixture_equal(const struct pack_row *a, const struct pack_row *b)
{
	return id_record_compare(&a->id, &b->id) == 0 && a->received_ms == b->received_ms &&
	       a->size_bytes == b->size_bytes &&
	       memcmp(a->sha256, b->sha256, sizeof a->sha256) == 0 &&
	       a->retention == b->retention &&
	       lists_equal(a->recipients, a->recipient_count, b->recipients, b->recipient_count) &&
	       columns_equal(&a->columns, &b->columns);
}
