/* SPDX-License-Identifier: Apache-2.0 */
/* Encoder and decoder of mail submissions: docs/formats/wire.md §3. */
#include "wire_mail.h"

#include <string.h>

#define WIRE_LIST_MAX 4096u

static void
put_list(struct buf *out, const struct bytes *list, size_t count)
{
	must(count <= WIRE_LIST_MAX);
	buf_u16(out, (uint16_t)count);
	for (size_t i = 0; i < count; i++)
		buf_bytes32(out, list[i]);
}

static const struct bytes *
get_list(struct reader *r, struct arena *arena, size_t *count_out)
{
	size_t count = reader_u16(r);
	struct bytes *list;

	*count_out = 0;
	if (count > WIRE_LIST_MAX || count * 4 > r->left.len) {
		r->failed = true;
		return NULL;
	}
	list = arena_calloc(arena, count, sizeof *list);
	for (size_t i = 0; i < count; i++)
		list[i] = reader_bytes32(r);
	*count_out = count;
	return list;
}

static void
put_certificate(struct buf *out, const struct wire_certificate *c)
{
	buf_bytes32(out, c->common_name);
	buf_bytes32(out, c->serial);
	put_list(out, c->san_rfc822, c->san_rfc822_count);
	put_list(out, c->san_dns, c->san_dns_count);
	put_list(out, c->san_directory, c->san_directory_count);
	put_list(out, c->san_uri, c->san_uri_count);
	put_list(out, c->san_ip, c->san_ip_count);
	put_list(out, c->san_rid, c->san_rid_count);
}

static void
get_certificate(struct reader *r, struct arena *arena, struct wire_certificate *c)
{
	c->common_name = reader_bytes32(r);
	c->serial = reader_bytes32(r);
	c->san_rfc822 = get_list(r, arena, &c->san_rfc822_count);
	c->san_dns = get_list(r, arena, &c->san_dns_count);
	c->san_directory = get_list(r, arena, &c->san_directory_count);
	c->san_uri = get_list(r, arena, &c->san_uri_count);
	c->san_ip = get_list(r, arena, &c->san_ip_count);
	c->san_rid = get_list(r, arena, &c->san_rid_count);
}

void
wire_mail_encode(const struct wire_mail *m, struct buf *out)
{
	buf_u64(out, (uint64_t)m->received_ms);
	buf_bytes32(out, m->ingress_point_id);
	buf_bytes32(out, m->traffic_policy_id);
	buf_bytes32(out, m->session_id);
	buf_u8(out, m->peer_family);
	buf_append_mem(out, m->peer_ip, sizeof m->peer_ip);
	buf_bytes32(out, m->peer_text);
	buf_bytes32(out, m->helo);
	buf_bytes32(out, m->mail_from);
	buf_bytes32(out, m->mail_parameters);
	put_list(out, m->recipients, m->recipient_count);
	buf_bytes32(out, m->tls_protocol);
	buf_bytes32(out, m->tls_cipher);
	buf_u8(out, m->tls_wrapped);
	buf_bytes32(out, m->auth_identity);
	buf_u8(out, m->has_certificate);
	if (m->has_certificate)
		put_certificate(out, &m->certificate);
	buf_u32(out, m->data_flags);
	buf_bytes32(out, m->traffic_explanation);
}

bool
wire_mail_decode(struct bytes payload, struct arena *arena, struct wire_mail *m, struct err *err)
{
	struct reader r;
	struct bytes ip;

	*m = (struct wire_mail){0};
	reader_init(&r, payload);
	m->received_ms = (int64_t)reader_u64(&r);
	m->ingress_point_id = reader_bytes32(&r);
	m->traffic_policy_id = reader_bytes32(&r);
	m->session_id = reader_bytes32(&r);
	m->peer_family = reader_u8(&r);
	ip = reader_take(&r, sizeof m->peer_ip);
	if (ip.len == sizeof m->peer_ip)
		memcpy(m->peer_ip, ip.ptr, ip.len);
	m->peer_text = reader_bytes32(&r);
	m->helo = reader_bytes32(&r);
	m->mail_from = reader_bytes32(&r);
	m->mail_parameters = reader_bytes32(&r);
	m->recipients = get_list(&r, arena, &m->recipient_count);
	m->tls_protocol = reader_bytes32(&r);
	m->tls_cipher = reader_bytes32(&r);
	m->tls_wrapped = reader_u8(&r) != 0;
	m->auth_identity = reader_bytes32(&r);
	m->has_certificate = reader_u8(&r) != 0;
	if (m->has_certificate)
		get_certificate(&r, arena, &m->certificate);
	m->data_flags = reader_u32(&r);
	m->traffic_explanation = reader_bytes32(&r);
	if (!reader_done(&r) || m->received_ms < 0 || m->recipient_count == 0)
		return ERR(err, ERR_SYNTAX, "mail frame is damaged");
	return true;
}

void
wire_mail_reply_encode(const struct wire_mail_reply *r, struct buf *out)
{
	buf_u16(out, r->code);
	buf_u8(out, r->close);
	buf_bytes16(out, r->text);
}

bool
wire_mail_reply_decode(struct bytes payload, struct wire_mail_reply *out, struct err *err)
{
	struct reader r;

	reader_init(&r, payload);
	out->code = reader_u16(&r);
	out->close = reader_u8(&r) != 0;
	out->text = reader_bytes16(&r);
	if (!reader_done(&r) || out->code < 200 || out->code > 599)
		return ERR(err, ERR_SYNTAX, "mail reply frame is damaged");
	return true;
}
