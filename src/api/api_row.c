/* SPDX-License-Identifier: Apache-2.0 */
/* Records of the archive as Row, Envelope and Metadata. */
#include "api_row_int.h"

static void
set_present(struct json *out, const char *key, struct bytes text)
{
	if (text.len > 0)
		json_set_text(out, key, text);
}

struct json *
api_row_envelope(const struct pack_row *row)
{
	struct json *out = json_new_object(), *to = json_new_array();

	set_present(out, "Helo", row->columns.helo);
	json_set_text(out, "From",
	    row->columns.envelope_from); /* empty for a bounce, and that is worth saying */
	for (size_t i = 0; i < row->recipient_count; i++)
		json_push(to, json_new_text(row->recipients[i]));
	json_set(out, "To", to);
	return out;
}

struct json *
api_row_metadata(const struct pack_row *row)
{
	const struct pack_columns *c = &row->columns;
	struct json *out = json_new_object();

	json_set_seconds(out, "Timestamp", row->received_ms);
	set_present(out, "IngressPointId", c->ingress_point_id);
	set_present(out, "TrafficPolicyId", c->traffic_policy_id);
	set_present(out, "RuleSetId", c->rule_set_id);
	set_present(out, "SenderHostname", c->sender_hostname);
	set_present(out, "SenderIpAddress", c->sender_ip);
	set_present(out, "TlsCipherSuite", c->tls_cipher);
	set_present(out, "TlsProtocol", c->tls_protocol);
	set_present(out, "SourceArn", c->source_arn);
	return out;
}

void
api_row_show(const struct pack_row *row, struct json *out)
{
	const struct pack_columns *c = &row->columns;
	struct json *received = json_new_array();
	char id[ID_RECORD_TEXT_SIZE];

	id_record_format(id, &row->id);
	json_set_str(out, "ArchivedMessageId", id);
	json_set_seconds(out, "ReceivedTimestamp", row->received_ms);
	set_present(out, "Date", c->date);
	set_present(out, "To", c->to);
	set_present(out, "From", c->from);
	set_present(out, "Cc", c->cc);
	set_present(out, "Subject", c->subject);
	set_present(out, "MessageId", c->message_id);
	json_set_bool(out, "HasAttachments", c->has_attachments);
	for (size_t i = 0; i < c->received_header_count; i++)
		json_push(received, json_new_text(c->received_headers[i]));
	json_set(out, "ReceivedHeaders", received);
	set_present(out, "InReplyTo", c->in_reply_to);
	set_present(out, "XMailer", c->x_mailer);
	set_present(out, "XOriginalMailer", c->x_original_mailer);
	set_present(out, "XPriority", c->x_priority);
	set_present(out, "IngressPointId", c->ingress_point_id);
	set_present(out, "SenderHostname", c->sender_hostname);
	set_present(out, "SenderIpAddress", c->sender_ip);
	json_set(out, "Envelope", api_row_envelope(row));
	set_present(out, "SourceArn", c->source_arn);
}
