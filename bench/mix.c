/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What differs between messages comes from seeds: an attachment is (seed, kind, size), a text is (seed, words), so that
 * what is sent again or quoted is made again and needs no memory.
 */
#include "mix.h"

#include <stdio.h>
#include <string.h>

#include "base_limits.h"
#include "base_mem.h"
#include "base_rng.h"

#define DOMAINS       60u
#define WORDS         6000u
#define POOL          400u /* attachments that may be sent again */
#define TEXTS         300u /* texts that may be answered */
#define QUOTES_MAX    4u
#define COPIES_MAX    5u
#define PERCENT(r, n) (rng_below(r, 100) < (n))

struct attachment {
	uint64_t seed;
	size_t size;
	unsigned kind;
};

struct text {
	uint64_t seed;
	size_t words;
	unsigned person;
};

struct mix {
	struct rng_seeded state;
	struct rng rng;
	char words[WORDS][14];
	struct attachment pool[POOL];
	struct text texts[TEXTS];
	size_t pool_count, text_count;
	struct buf base;    /* what all copies of a message have */
	struct buf message; /* one copy */
	struct buf scratch, plain;
	size_t base64_bytes; /* of it */
	unsigned copies_left, sender, copy;
	uint64_t number;
	struct mix_counts counts;
};

static const struct {
	const char *type, *end;
	unsigned share,
	    text_share; /* of 100 messages with an attachment; percent of its bytes that compress */
} KINDS[] = {
    {"application/pdf", "pdf", 35, 8},
    {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx", 30, 3},
    {"image/png", "png", 15, 1},
    {"image/jpeg", "jpg", 12, 1},
    {"text/csv", "csv", 8, 100},
};

struct mix *
mix_new(uint64_t seed)
{
	struct mix *m = mem_calloc(1, sizeof *m);

	m->state.state = seed;
	m->rng = rng_seeded(&m->state);
	for (unsigned i = 0; i < WORDS; i++) {
		size_t len = 2 + rng_below(&m->rng, i < 200 ? 4 : 10);

		for (size_t k = 0; k < len; k++)
			m->words[i][k] = k % 2 == i % 2
					     ? "aeiouaeioy"[rng_below(&m->rng, 10)]
					     : "tnshrdlcmfgpbvwk"[rng_below(&m->rng, 16)];
	}
	buf_init(&m->base, 64 * LIMIT_MIB);
	buf_init(&m->message, 64 * LIMIT_MIB);
	buf_init(&m->scratch, 64 * LIMIT_MIB);
	buf_init(&m->plain, 64 * LIMIT_MIB);
	return m;
}

void
mix_free(struct mix **m)
{
	buf_fini(&(*m)->base);
	buf_fini(&(*m)->message);
	buf_fini(&(*m)->scratch);
	buf_fini(&(*m)->plain);
	mem_free(*m);
	*m = NULL;
}

void
mix_counts_get(const struct mix *m, struct mix_counts *out)
{
	*out = m->counts;
}

/* Few words often, most of them seldom; a number now and then, as no dictionary knows it. */
static void
word_put(const struct mix *m, const struct rng *rng, struct buf *out)
{
	uint64_t most = 1 + rng_below(rng, WORDS);

	if (rng_below(rng, 25) == 0)
		buf_printf(out, "%u", (unsigned)rng_below(rng, 100000));
	else
		buf_append_str(
		    out, m->words[rng_below(rng, 1 + rng_below(rng, 1 + rng_below(rng, most)))]);
}

/* A paragraph a call; *left: words to go. */
static void
paragraph_put(const struct mix *m, const struct rng *rng, size_t *left, const char *indent,
    const char *space, struct buf *out)
{
	size_t words = 8 + rng_below(rng, 70), line = out->len;

	buf_append_str(out, indent);
	for (size_t i = 0; i<words && * left> 0; i++, --*left) {
		word_put(m, rng, out);
		buf_append_str(out, rng_below(rng, 9) == 0    ? ", "
				    : rng_below(rng, 14) == 0 ? ". "
							      : " ");
		if (out->len - line > 66) {
			buf_append_str(out, space);
			buf_append_str(out, indent);
			line = out->len;
		}
	}
	buf_append_str(out, space);
}

static void
text_put(const struct mix *m, const struct text *t, const char *indent, struct buf *out)
{
	struct rng_seeded state = {t->seed};
	struct rng rng = rng_seeded(&state);
	size_t left = t->words;

	while (left > 0) {
		paragraph_put(m, &rng, &left, indent, "\r\n", out);
		buf_append_str(out, indent);
		buf_append_str(out, "\r\n");
	}
}

/* The same words as Outlook wraps them; quoted-printable. */
static void
html_put(const struct mix *m, const struct text *t, struct buf *out)
{
	struct rng_seeded state = {t->seed};
	struct rng rng = rng_seeded(&state);
	size_t left = t->words;

	while (left > 0) {
		buf_append_str(out,
		    "<p class=3DMsoNormal><span lang=3DEN-US style=3D'font-size:11.0pt;font-f=\r\n"
		    "amily:\"Calibri\",sans-serif;mso-fareast-language:EN-US'>");
		paragraph_put(m, &rng, &left, "", "=\r\n", out);
		buf_append_str(out,
		    "<o:p></o:p></span></p>\r\n<p class=3DMsoNormal><o:p>&nbsp;</o:p></p>\r\n");
	}
}

static void
base64_put(struct mix *m, struct bytes data, size_t width)
{
	static const char A[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t start = m->base.len, column = 0;

	for (size_t i = 0; i < data.len; i += 3) {
		size_t have = data.len - i < 3 ? data.len - i : 3;
		unsigned v = (unsigned)data.ptr[i] << 16;
		char quad[4];

		v |= have > 1 ? (unsigned)data.ptr[i + 1] << 8 : 0;
		v |= have > 2 ? data.ptr[i + 2] : 0u;
		quad[0] = A[v >> 18];
		quad[1] = A[v >> 12 & 63];
		quad[2] = have > 1 ? A[v >> 6 & 63] : '=';
		quad[3] = have > 2 ? A[v & 63] : '=';
		buf_append_mem(&m->base, quad, 4);
		column += 4;
		if (column == width) {
			buf_append_str(&m->base, "\r\n");
			column = 0;
		}
	}
	if (column > 0)
		buf_append_str(&m->base, "\r\n");
	m->base64_bytes += m->base.len - start;
}

/* Noise, with pieces of text in it as far as the kind compresses. */
static void
attachment_bytes(struct mix *m, const struct attachment *a)
{
	struct rng_seeded state = {a->seed};
	struct rng rng = rng_seeded(&state);

	buf_reset(&m->plain);
	while (m->plain.len < a->size) {
		size_t left = a->size - m->plain.len, words = 150, step = left < 4096 ? left : 4096;
		size_t start = m->plain.len;

		if (rng_below(&rng, 100) < KINDS[a->kind].text_share) {
			while (words > 0 && m->plain.len - start < step)
				paragraph_put(m, &rng, &words, "", ";\n", &m->plain);
		} else {
			rng_fill(&rng, buf_reserve(&m->plain, step), step);
			buf_grow(&m->plain, step);
		}
	}
	m->plain.len = a->size;
}

static size_t
width_choose(struct mix *m)
{
	static const size_t OTHERS[] = {72, 64, 60};

	return PERCENT(&m->rng, 88) ? 76 : OTHERS[rng_below(&m->rng, 3)];
}

static void
attachment_put(struct mix *m)
{
	struct attachment a;
	unsigned share = 0;

	if (m->pool_count > 20 && PERCENT(&m->rng, 12)) {
		a = m->pool[rng_below(&m->rng, m->pool_count < POOL ? m->pool_count : POOL)];
		m->counts.resent++;
	} else {
		unsigned at = (unsigned)rng_below(&m->rng, 100);

		a = (struct attachment){.seed = rng_u64(&m->rng)};
		while (at >= share + KINDS[a.kind].share)
			share += KINDS[a.kind++].share;
		/* a few large ones, many small */
		a.size = 8000 + rng_below(&m->rng,
				    1 + rng_below(&m->rng, 1 + rng_below(&m->rng, 1300000)));
		m->pool[m->pool_count++ % POOL] = a;
	}
	attachment_bytes(m, &a);
	buf_printf(&m->base,
	    "--=_mixed_%llx\r\nContent-Type: %s; name=\"file%u.%s\"\r\nContent-Disposition: "
	    "attachment; "
	    "filename=\"file%u.%s\"\r\nContent-Transfer-Encoding: base64\r\n\r\n",
	    (unsigned long long)m->number, KINDS[a.kind].type, (unsigned)(a.seed % 1000),
	    KINDS[a.kind].end, (unsigned)(a.seed % 1000), KINDS[a.kind].end);
	base64_put(m, buf_view(&m->plain), width_choose(m));
	m->counts.attachments++;
}

/* The logo of a domain: always the same. */
static void
logo_put(struct mix *m)
{
	struct attachment logo = {.seed = m->sender % DOMAINS + 77, .kind = 2};

	logo.size = 2500 + (size_t)(logo.seed * 7919 % 6000);
	attachment_bytes(m, &logo);
	buf_printf(&m->base,
	    "--=_related_%llx\r\nContent-Type: image/png; name=\"image001.png\"\r\nContent-ID: "
	    "<image001.png@01DB%08llX>\r\nContent-Disposition: "
	    "inline\r\nContent-Transfer-Encoding: base64\r\n\r\n",
	    (unsigned long long)m->number,
	    (unsigned long long)m->number * 2654435761u & 0xffffffffu);
	base64_put(m, buf_view(&m->plain), 76);
	buf_printf(&m->base, "\r\n--=_related_%llx--\r\n", (unsigned long long)m->number);
	m->counts.logos++;
}

static const char STYLE[] =
    "<html xmlns:v=3D\"urn:schemas-microsoft-com:vml\" xmlns:o=3D\"urn:schemas-micr=\r\n"
    "osoft-com:office:office\" xmlns:w=3D\"urn:schemas-microsoft-com:office:word\" =\r\n"
    "xmlns=3D\"http://www.w3.org/TR/REC-html40\">\r\n<head>\r\n<meta http-equiv=3D\"Content-Type\" "
    "content=3D\"te=\r\n"
    "xt/html; charset=3Dutf-8\">\r\n<meta name=3D\"Generator\" content=3D\"Microsoft Word 15 "
    "(filtered medium)\">\r\n"
    "<style><!--\r\n/* Font Definitions */\r\n@font-face\r\n\t{font-family:\"Cambria "
    "Math\";\r\n\tpanose-1:2 4 5 3 5 4 6 "
    "3 2 4;}\r\n@font-face\r\n\t{font-family:Calibri;\r\n\tpanose-1:2 15 5 2 2 2 4 3 2 4;}\r\n"
    "/* Style Definitions */\r\np.MsoNormal, li.MsoNormal, "
    "div.MsoNormal\r\n\t{margin:0cm;\r\n\tfont-size:11.0pt;\r\n"
    "\tfont-family:\"Calibri\",sans-serif;\r\n\tmso-fareast-language:EN-US;}\r\na:link, "
    "span.MsoHyperlink\r\n"
    "\t{mso-style-priority:99;\r\n\tcolor:#0563C1;\r\n\ttext-decoration:underline;}\r\nspan."
    "EmailStyle19\r\n"
    "\t{mso-style-type:personal-reply;\r\n\tfont-family:\"Calibri\",sans-serif;\r\n\tcolor:"
    "windowtext;}\r\n"
    ".MsoChpDefault\r\n\t{mso-style-type:export-only;\r\n\tfont-size:10.0pt;}\r\n@page "
    "WordSection1\r\n"
    "\t{size:612.0pt 792.0pt;\r\n\tmargin:70.85pt 70.85pt 2.0cm "
    "70.85pt;}\r\ndiv.WordSection1\r\n\t{page:WordSection1;}"
    "\r\n--></style>\r\n</head>\r\n<body lang=3D\"EN-GB\" link=3D\"#0563C1\" vlink=3D\"#954F72\" "
    "style=3D'word-wr=\r\n"
    "ap:break-word'>\r\n<div class=3D\"WordSection1\">\r\n";

/* Own words, then what is answered. */
static size_t
texts_choose(struct mix *m, struct text list[1 + QUOTES_MAX])
{
	size_t count = 1;

	list[0] = (struct text){.seed = rng_u64(&m->rng),
	    .words = 30 + rng_below(&m->rng, 1 + rng_below(&m->rng, 1400)),
	    .person = m->sender};
	while (m->text_count > 0 && count <= QUOTES_MAX && PERCENT(&m->rng, count == 1 ? 45 : 60))
		list[count++] =
		    m->texts[rng_below(&m->rng, m->text_count < TEXTS ? m->text_count : TEXTS)];
	m->texts[m->text_count++ % TEXTS] = list[0];
	return count;
}

static void
bodies_put(struct mix *m)
{
	struct text list[1 + QUOTES_MAX];
	size_t count = texts_choose(m, list);
	unsigned long long number = m->number;
	bool html = PERCENT(&m->rng, 75);

	if (html)
		buf_printf(&m->base,
		    "Content-Type: multipart/alternative; "
		    "boundary=\"=_alt_%llx\"\r\n\r\n--=_alt_%llx\r\n",
		    number, number);
	buf_append_str(&m->base, "Content-Type: text/plain; charset=\"utf-8\"\r\n\r\n");
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_printf(&m->base,
			    "\r\n%.*sFrom: Person %u <person%u@company%u.example>\r\n\r\n", (int)i,
			    ">>>>>", list[i].person, list[i].person, list[i].person % DOMAINS);
		text_put(m, &list[i], &">>>>> "[i > 0 ? 5 - i : 6], &m -> base);
	}
	if (!html)
		return;
	buf_printf(&m->base,
	    "--=_alt_%llx\r\nContent-Type: text/html; charset=\"utf-8\"\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n\r\n%s",
	    number, STYLE);
	for (size_t i = 0; i < count; i++)
		html_put(m, &list[i], &m->base);
	buf_printf(&m->base, "</div>\r\n</body>\r\n</html>\r\n--=_alt_%llx--\r\n", number);
}

/* Everything below the headers that differ from copy to copy. */
static void
base_make(struct mix *m)
{
	unsigned long long number = ++m->number;
	bool attached = PERCENT(&m->rng, 8),
	     logo = PERCENT(&m->rng, 38); /* half of the three quarters with HTML */

	m->sender = (unsigned)rng_below(&m->rng, 1 + rng_below(&m->rng, 2000));
	m->copies_left = 1;
	if (PERCENT(&m->rng, 30)) /* two more often than five */
		m->copies_left =
		    2 + (unsigned)rng_below(&m->rng,
			    1 + rng_below(&m->rng, 1 + rng_below(&m->rng, COPIES_MAX - 1)));
	m->copy = 0;
	m->base64_bytes = 0;
	buf_reset(&m->base);
	buf_printf(&m->base,
	    "From: Person %u <person%u@company%u.example>\r\nTo: Team %u "
	    "<team%u@example.net>\r\nSubject: ",
	    m->sender, m->sender, m->sender % DOMAINS, (unsigned)(number % 50),
	    (unsigned)(number % 50));
	for (unsigned i = 0; i < 6; i++) {
		word_put(m, &m->rng, &m->base);
		buf_append_str(&m->base, i < 5 ? " " : "\r\n");
	}
	buf_printf(&m->base,
	    "Date: Tue, %u Nov 2026 %02u:%02u:%02u +0000\r\nMessage-ID: "
	    "<%016llx%016llx@company%u.example>\r\n"
	    "MIME-Version: 1.0\r\nX-Mailer: Microsoft Outlook 16.0\r\n",
	    (unsigned)(number / 1000 % 30 + 1), (unsigned)(number / 60 % 24),
	    (unsigned)(number % 60), (unsigned)rng_below(&m->rng, 60),
	    (unsigned long long)rng_u64(&m->rng), (unsigned long long)rng_u64(&m->rng),
	    m->sender % DOMAINS);
	if (attached)
		buf_printf(&m->base,
		    "Content-Type: multipart/mixed; "
		    "boundary=\"=_mixed_%llx\"\r\n\r\n--=_mixed_%llx\r\n",
		    number, number);
	if (logo)
		buf_printf(&m->base,
		    "Content-Type: multipart/related; "
		    "boundary=\"=_related_%llx\"\r\n\r\n--=_related_%llx\r\n",
		    number, number);
	bodies_put(m);
	if (logo)
		logo_put(m);
	for (unsigned i = attached ? 1 + (unsigned)rng_below(&m->rng, 3) / 2 : 0; i > 0; i--)
		attachment_put(m);
	if (attached)
		buf_printf(&m->base, "--=_mixed_%llx--\r\n", number);
}

static void
noise_line(struct mix *m, size_t len)
{
	for (size_t i = 0; i < len; i++)
		buf_append_byte(&m->message,
		    (uint8_t) "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
			[rng_below(&m->rng, 64)]);
}

struct bytes
mix_next(struct mix *m)
{
	unsigned recipient;

	if (m->copies_left == 0)
		base_make(m);
	recipient = (unsigned)rng_below(&m->rng, 3000);
	buf_reset(&m->message);
	buf_printf(&m->message, "Delivered-To: person%u@example.net\r\n", recipient);
	for (unsigned hop = 0; hop < 3; hop++)
		buf_printf(&m->message,
		    "Received: from mail%u.company%u.example (mail%u.company%u.example "
		    "[192.0.2.%u])\r\n\tby mx%u.example.net with "
		    "ESMTPS id %08llx\r\n\tfor <person%u@example.net>; Tue, 24 Nov 2026 "
		    "09:%02u:%02u +0000\r\n",
		    hop, m->sender % DOMAINS, hop, m->sender % DOMAINS, m->sender % 250, hop,
		    (unsigned long long)(rng_u64(&m->rng) >> 32), recipient, hop,
		    (unsigned)rng_below(&m->rng, 60));
	buf_printf(&m->message,
	    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=company%u.example; "
	    "s=s1;\r\n\tbh=",
	    m->sender % DOMAINS);
	noise_line(m, 44);
	buf_append_str(&m->message, ";\r\n\th=From:To:Subject:Date:Message-ID; b=");
	noise_line(m, 340);
	buf_append_str(&m->message, "\r\n");
	buf_append(&m->message, buf_view(&m->base));
	m->copies_left--;
	m->counts.copies += m->copy++ > 0;
	m->counts.messages++;
	m->counts.base64_bytes += m->base64_bytes;
	m->counts.bytes += m->message.len;
	return buf_view(&m->message);
}
