/* SPDX-License-Identifier: Apache-2.0 */
/* What a session asks its owner: recipients by traffic policy, messages collected and handed to the
 * core. */
#include <string.h>

#include "app_smtp_int.h"
#include "base_clock.h"
#include "base_limits.h"
#include "base_log.h"
#include "base_mem.h"
#include "os_tls.h"
#include "smtp_data.h"
#include "wire_mail.h"

/* A message up to here stays in memory; past it, in a memory file that the core maps. */
#define MEMORY_BYTES_MAX WIRE_INLINE_BYTES
#define PENDING_FIRST    64
#define PENDING_MAX      65536

/* Per session: the message under way and why its recipients were accepted. */
struct letter {
	struct buf body;
	int body_fd; /* -1 while in memory */
	struct json *explanation;
};

static const struct smtp_reply temporary = {
    451, "4.3.0", "Temporary trouble, try again later", false};

static void
set_bytes(struct arena *arena, const char **list, const struct bytes **out, size_t *count_out)
{
	struct bytes *views;
	size_t n = 0;

	while (list != NULL && list[n] != NULL)
		n++;
	views = arena_calloc(arena, n + 1, sizeof *views);
	for (size_t i = 0; i < n; i++)
		views[i] = bytes_of_str(list[i]);
	*out = views;
	*count_out = n;
}

static void
certificate_of(struct arena *arena, const struct os_tls_peer *p, struct wire_certificate *out)
{
	out->common_name = bytes_of_str(p->common_name);
	out->serial = bytes_of_str(p->serial_hex);
	set_bytes(arena, p->san_rfc822, &out->san_rfc822, &out->san_rfc822_count);
	set_bytes(arena, p->san_dns, &out->san_dns, &out->san_dns_count);
	set_bytes(arena, p->san_directory, &out->san_directory, &out->san_directory_count);
	set_bytes(arena, p->san_uri, &out->san_uri, &out->san_uri_count);
	set_bytes(arena, p->san_ip, &out->san_ip, &out->san_ip_count);
	set_bytes(arena, p->san_rid, &out->san_rid, &out->san_rid_count);
}

static void
policy_certificate_of(const struct wire_certificate *c, struct policy_certificate *out)
{
	*out = (struct policy_certificate){c->common_name, c->serial, c->san_rfc822, c->san_dns,
	    c->san_directory, c->san_uri, c->san_ip, c->san_rid, c->san_rfc822_count,
	    c->san_dns_count, c->san_directory_count, c->san_uri_count, c->san_ip_count,
	    c->san_rid_count};
}

static struct letter *
letter_of(struct smtp_session *s)
{
	struct letter *l = smtp_session_owner(s);

	if (l == NULL) {
		l = mem_calloc(1, sizeof *l);
		buf_init(&l->body, MEMORY_BYTES_MAX);
		l->body_fd = -1;
		smtp_session_set_owner(s, l);
	}
	return l;
}

static void
letter_drop_body(struct letter *l)
{
	buf_release(&l->body);
	os_close(&l->body_fd);
}

static bool
decide(const struct edge_endpoint *e, struct smtp_session *s, struct bytes recipient,
    struct json *explanation)
{
	const struct os_address *peer = smtp_server_peer(s);
	const struct smtp_tls_info *tls = smtp_session_tls(s);
	struct policy_session session = {.ip_family = peer->family,
	    .tls = POLICY_TLS_NONE,
	    .tls_wrapped = smtp_session_options(s)->tls_wrapped,
	    .helo = smtp_session_helo(s)};
	struct policy_certificate certificate;
	struct wire_certificate views;
	struct arena arena;
	bool accepted;

	arena_init(&arena);
	memcpy(session.ip, peer->ip, sizeof session.ip);
	if (tls != NULL)
		session.tls =
		    strcmp(tls->protocol, "TLSv1.3") == 0 ? POLICY_TLS_1_3 : POLICY_TLS_1_2;
	if (tls != NULL && tls->certificate != NULL) {
		memset(&views, 0, sizeof views);
		certificate_of(&arena, tls->certificate, &views);
		policy_certificate_of(&views, &certificate);
		session.certificate = &certificate;
	}
	accepted = policy_traffic_decide(e->policy, &session, recipient, explanation);
	arena_fini(&arena);
	return accepted;
}

static const struct smtp_reply *
on_mail(void *ctx, struct smtp_session *s, const struct smtp_sender *sender)
{
	const struct edge_endpoint *e = ctx;

	(void)s;
	(void)sender;
	return e->edge->space_low ? smtp_reply_of(SMTP_REPLY_NO_SPACE) : NULL;
}

static const struct smtp_reply *
on_recipient(void *ctx, struct smtp_session *s, const struct smtp_recipient *rcpt)
{
	struct edge_endpoint *e = ctx;
	struct letter *l = letter_of(s);

	if (e->policy == NULL)
		return &temporary;
	if (l->explanation == NULL)
		l->explanation = json_new_array();
	if (decide(e, s, rcpt->path.address, l->explanation))
		return NULL;
	log_debug("endpoint %s refused a recipient by policy %s", e->id, e->policy_id);
	return smtp_reply_of(SMTP_REPLY_NOT_PERMITTED);
}

static void
on_auth(
    void *ctx, struct smtp_session *s, uint32_t ticket, struct bytes user, struct bytes password)
{
	struct edge_endpoint *e = ctx;

	edge_auth_ask(e->edge, e, smtp_session_id(s), ticket, user, password);
}

static const struct smtp_reply *
on_message_begin(void *ctx, struct smtp_session *s)
{
	struct edge_endpoint *e = ctx;

	letter_drop_body(letter_of(s));
	if (e->edge->core == NULL)
		return &temporary;
	return e->edge->space_low ? smtp_reply_of(SMTP_REPLY_NO_SPACE) : NULL;
}

static const struct smtp_reply *
on_message_write(void *ctx, struct smtp_session *s, struct bytes data)
{
	struct letter *l = letter_of(s);
	struct err err;
	bool ok = true;

	(void)ctx;
	if (l->body_fd < 0 && l->body.len + data.len <= MEMORY_BYTES_MAX) {
		buf_append(&l->body, data);
		return NULL;
	}
	if (l->body_fd < 0) {
		ok = os_memfile_new(&l->body_fd, &err) &&
		     os_memfile_append(l->body_fd, buf_view(&l->body), &err);
		buf_release(&l->body);
	}
	if (ok && os_memfile_append(l->body_fd, data, &err))
		return NULL;
	log_error("message in reception: %s", err.msg);
	letter_drop_body(l);
	return err.code == ERR_NO_SPACE ? smtp_reply_of(SMTP_REPLY_NO_SPACE) : &temporary;
}

static size_t
pending_take(struct edge *edge, uint64_t session, uint32_t ticket, size_t bytes)
{
	struct edge_pending *p;
	size_t i;

	if (edge->pending_used == edge->pending_count) {
		size_t count = edge->pending_count == 0 ? PENDING_FIRST : edge->pending_count * 2;

		if (count > PENDING_MAX)
			return SIZE_MAX;
		edge->pending = mem_realloc_array(edge->pending, count, sizeof *edge->pending);
		memset(edge->pending + edge->pending_count, 0,
		    (count - edge->pending_count) * sizeof *edge->pending);
		edge->pending_hint = edge->pending_count;
		edge->pending_count = count;
	}
	for (i = edge->pending_hint; edge->pending[i].used; i = (i + 1) % edge->pending_count)
		;
	p = &edge->pending[i];
	*p = (struct edge_pending){session, ticket, p->generation + 1, true, bytes};
	edge->pending_used++;
	edge->pending_bytes += bytes;
	edge->pending_hint = (i + 1) % edge->pending_count;
	return i;
}

static void
pending_drop(struct edge *edge, size_t i)
{
	edge->pending[i].used = false;
	edge->pending_bytes -= edge->pending[i].bytes;
	edge->pending_used--;
	edge->pending_hint = i;
}

/* smtp's notes about the bytes, in the words of wire. */
static uint32_t
wire_flags(unsigned flags)
{
	return ((flags & SMTP_FLAG_NUL) != 0 ? WIRE_MAIL_NUL : 0u) |
	       ((flags & SMTP_FLAG_BARE_LF) != 0 ? WIRE_MAIL_BARE_LF : 0u) |
	       ((flags & SMTP_FLAG_BARE_CR) != 0 ? WIRE_MAIL_BARE_CR : 0u);
}

static void
envelope_of(
    const struct edge_endpoint *e, struct smtp_session *s, struct arena *arena, struct wire_mail *m)
{
	const struct os_address *peer = smtp_server_peer(s);
	const struct smtp_recipient *recipients;
	const struct smtp_tls_info *tls = smtp_session_tls(s);
	struct clock clock = clock_system();
	struct bytes *views;
	char ip[OS_ADDRESS_TEXT_SIZE];

	memset(m, 0, sizeof *m);
	m->received_ms = clock_now_ms(&clock);
	m->ingress_point_id = bytes_of_str(e->id);
	m->traffic_policy_id = bytes_of_str(e->policy_id);
	m->session_id =
	    bytes_of_str(arena_printf(arena, "%llu", (unsigned long long)smtp_session_id(s)));
	m->peer_family = (uint8_t)peer->family;
	memcpy(m->peer_ip, peer->ip, sizeof m->peer_ip);
	os_address_format_ip(ip, peer);
	m->peer_text = bytes_of_str(arena_strdup(arena, ip));
	m->helo = smtp_session_helo(s);
	m->mail_from = smtp_session_sender(s)->path.address;
	recipients = smtp_session_recipients(s, &m->recipient_count);
	views = arena_calloc(arena, m->recipient_count + 1, sizeof *views);
	for (size_t i = 0; i < m->recipient_count; i++)
		views[i] = recipients[i].path.address;
	m->recipients = views;
	if (tls != NULL) {
		m->tls_protocol = bytes_of_str(tls->protocol);
		m->tls_cipher = bytes_of_str(tls->cipher);
		m->has_certificate = tls->certificate != NULL;
		if (m->has_certificate)
			certificate_of(arena, tls->certificate, &m->certificate);
	}
	m->tls_wrapped = smtp_session_options(s)->tls_wrapped;
	m->auth_identity = smtp_session_user(s);
	m->data_flags = wire_flags(smtp_session_message_flags(s));
}

static bool
hand_over(struct edge_endpoint *e, struct smtp_session *s, struct letter *l, uint32_t ticket,
    struct err *err)
{
	struct edge *edge = e->edge;
	struct wire_out o = {
	    .kind = WIRE_MAIL, .body = buf_view(&l->body), .body_fd = l->body_fd, .fd = -1};
	struct wire_mail mail;
	struct buf payload, explanation;
	struct arena arena;
	size_t slot, bytes = (size_t)smtp_session_message_bytes(s);
	bool ok;

	if (edge->core == NULL)
		return ERR(err, ERR_IO, "the core is away");
	if (l->body_fd >= 0 && !os_memfile_seal(l->body_fd, err))
		return false;
	if (bytes > SMTP_SPOOL_BYTES_MAX - edge->pending_bytes)
		return ERR(err, ERR_LIMIT, "too many bytes wait for the core");
	slot = pending_take(edge, smtp_session_id(s), ticket, bytes);
	if (slot == SIZE_MAX)
		return ERR(err, ERR_LIMIT, "too many messages wait for the core");
	o.id = (uint64_t)edge->pending[slot].generation << 32 | slot;
	arena_init(&arena);
	buf_init(&payload, WIRE_PAYLOAD_BYTES_MAX);
	buf_init(&explanation, WIRE_PAYLOAD_BYTES_MAX / 2);
	envelope_of(e, s, &arena, &mail);
	json_print(l->explanation, &explanation);
	mail.traffic_explanation = buf_view(&explanation);
	wire_mail_encode(&mail, &payload);
	o.payload = buf_view(&payload);
	ok = buf_ok(&explanation, err) && buf_ok(&payload, err) &&
	     wire_channel_send(edge->core, &o, err);
	if (!ok)
		pending_drop(edge, slot);
	buf_fini(&explanation);
	buf_fini(&payload);
	arena_fini(&arena);
	return ok;
}

static void
on_message_end(void *ctx, struct smtp_session *s, uint32_t ticket)
{
	struct edge_endpoint *e = ctx;
	struct letter *l = letter_of(s);
	struct err err;
	bool ok = hand_over(e, s, l, ticket, &err);

	letter_drop_body(l);
	if (ok)
		return;
	log_error("message not handed over: %s", err.msg);
	/* The answer ends the transaction, and the letter with it. */
	smtp_server_data_done(e->edge->server, smtp_session_id(s), ticket, &temporary);
}

static void
on_message_abort(void *ctx, struct smtp_session *s)
{
	(void)ctx;
	letter_drop_body(letter_of(s));
}

static void
on_transaction_end(void *ctx, struct smtp_session *s)
{
	struct letter *l = smtp_session_owner(s);

	(void)ctx;
	if (l == NULL)
		return;
	smtp_session_set_owner(s, NULL);
	letter_drop_body(l);
	buf_fini(&l->body);
	json_free(&l->explanation);
	mem_free(l);
}

static void
on_closed(void *ctx, struct smtp_session *s)
{
	on_transaction_end(ctx, s);
}

const struct smtp_ops edge_smtp_ops = {.mail = on_mail,
    .recipient = on_recipient,
    .auth = on_auth,
    .message_begin = on_message_begin,
    .message_write = on_message_write,
    .message_end = on_message_end,
    .message_abort = on_message_abort,
    .transaction_end = on_transaction_end,
    .closed = on_closed};

/* "4.3.0 text" → reply; the enhanced code is what stands before the first space. */
static void
reply_of(struct arena *arena, const struct wire_mail_reply *r, struct smtp_reply *out)
{
	size_t space = bytes_find_byte(r->text, 0, ' ');

	*out = (struct smtp_reply){r->code, "", "", r->close};
	if (space == SIZE_MAX) {
		out->text = arena_text(arena, r->text);
		return;
	}
	out->enhanced = arena_text(arena, bytes_slice(r->text, 0, space));
	out->text = arena_text(arena, bytes_slice(r->text, space + 1, SIZE_MAX));
}

void
edge_mail_reply(struct edge *edge, const struct wire_frame *frame)
{
	size_t slot = (size_t)(frame->id & UINT32_MAX);
	struct wire_mail_reply answer;
	struct smtp_reply reply;
	struct edge_pending p;
	struct arena arena;
	struct err err;

	if (slot >= edge->pending_count || !edge->pending[slot].used ||
	    edge->pending[slot].generation != (uint32_t)(frame->id >> 32)) {
		log_error("core answered a message that does not wait");
		return;
	}
	p = edge->pending[slot];
	pending_drop(edge, slot);
	arena_init(&arena);
	reply = temporary;
	if (wire_mail_reply_decode(frame->payload, &answer, &err))
		reply_of(&arena, &answer, &reply);
	else
		log_error("answer of the core: %s", err.msg);
	smtp_server_data_done(edge->server, p.session, p.ticket, &reply);
	arena_fini(&arena);
}

void
edge_core_gone(struct edge *edge)
{
	edge->space_low = false; /* the next one says so again */
	for (size_t i = 0; i < edge->pending_count; i++) {
		struct edge_pending p = edge->pending[i];

		if (!p.used)
			continue;
		pending_drop(edge, i);
		smtp_server_data_done(edge->server, p.session, p.ticket, &temporary);
	}
}

void
edge_mail_free(struct edge *edge)
{
	mem_free(edge->pending);
	edge->pending = NULL;
	edge->pending_count = 0;
}
