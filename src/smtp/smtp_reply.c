/* SPDX-License-Identifier: Apache-2.0 */
/* The table of replies and the one place that writes a reply line. */
#include "smtp_reply.h"

#include <string.h>

#define REPLY_BYTES_MAX 512 /* RFC 5321 §4.5.3.1.5, CRLF included */

static const struct smtp_reply replies[SMTP_REPLY_COUNT] = {
    [SMTP_REPLY_OK] = {250, "2.0.0", "OK", false},
    [SMTP_REPLY_OK_SENDER] = {250, "2.1.0", "Sender OK", false},
    [SMTP_REPLY_OK_RECIPIENT] = {250, "2.1.5", "Recipient OK", false},
    [SMTP_REPLY_OK_CHUNK] = {250, "2.0.0", "Chunk OK", false},
    [SMTP_REPLY_OK_MESSAGE] = {250, "2.0.0", "Message kept", false},
    [SMTP_REPLY_OK_AUTH] = {235, "2.7.0", "Authentication successful", false},
    [SMTP_REPLY_GO_DATA] = {354, "", "Send the message, end with a dot on a line by itself", false},
    [SMTP_REPLY_GO_TLS] = {220, "2.0.0", "Ready to start TLS", false},
    [SMTP_REPLY_GO_AUTH] = {334, "", "", false},
    [SMTP_REPLY_GO_AUTH_USER] = {334, "", "VXNlcm5hbWU6", false},
    [SMTP_REPLY_GO_AUTH_PASSWORD] = {334, "", "UGFzc3dvcmQ6", false},
    [SMTP_REPLY_BYE] = {221, "2.0.0", "Bye", true},
    [SMTP_REPLY_HELP] = {214, "2.0.0",
	"EHLO HELO STARTTLS AUTH MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT", false},
    [SMTP_REPLY_VRFY] = {252, "2.5.0", "Not verified; send the message and see", false},
    [SMTP_REPLY_UNKNOWN] = {500, "5.5.1", "Command not known", false},
    [SMTP_REPLY_SYNTAX] = {500, "5.5.2", "Line not understood", false},
    [SMTP_REPLY_BARE_LF_LINE] = {500, "5.5.2", "Line ends without CR", true},
    [SMTP_REPLY_TOO_LONG] = {500, "5.5.2", "Line too long", false},
    [SMTP_REPLY_TOO_LONG_CLOSE] = {500, "5.5.2", "Line far too long", true},
    [SMTP_REPLY_AUTH_TOO_LONG] = {500, "5.5.6", "Authentication line too long", true},
    [SMTP_REPLY_NOT_DONE] = {502, "5.5.1", "Command not implemented", false},
    [SMTP_REPLY_NEED_HELLO] = {503, "5.5.1", "Send EHLO first", false},
    [SMTP_REPLY_NEED_MAIL] = {503, "5.5.1", "Send MAIL first", false},
    [SMTP_REPLY_NEED_RECIPIENT] = {503, "5.5.1", "Send RCPT first", false},
    [SMTP_REPLY_OPEN_ALREADY] = {503, "5.5.1", "Transaction already open", false},
    [SMTP_REPLY_IN_CHUNKS] = {503, "5.5.1", "Message already begun with BDAT", false},
    [SMTP_REPLY_AUTH_TWICE] = {503, "5.5.1", "Already authenticated", false},
    [SMTP_REPLY_AUTH_IN_MAIL] = {503, "5.5.1", "No authentication inside a transaction", false},
    [SMTP_REPLY_TLS_TWICE] = {503, "5.5.1", "TLS already active", false},
    [SMTP_REPLY_ARGUMENT] = {501, "5.5.4", "Argument not understood", false},
    [SMTP_REPLY_NO_ARGUMENT] = {501, "5.5.4", "No argument allowed", false},
    [SMTP_REPLY_BAD_HELLO] = {501, "5.5.4", "Domain name or address literal required", false},
    [SMTP_REPLY_BAD_BDAT] = {501, "5.5.4", "Chunk size not understood", true},
    [SMTP_REPLY_BAD_PARAMETER] = {501, "5.5.4", "Parameter not understood", false},
    [SMTP_REPLY_UNKNOWN_PARAMETER] = {555, "5.5.4", "Parameter not known", false},
    [SMTP_REPLY_BAD_SENDER] = {501, "5.1.7", "Sender address not understood", false},
    [SMTP_REPLY_BAD_RECIPIENT] = {501, "5.1.3", "Recipient address not understood", false},
    [SMTP_REPLY_BAD_UTF8] = {501, "5.5.2", "Address is not UTF-8", false},
    [SMTP_REPLY_NOT_ASCII] = {553, "5.6.7", "Address needs SMTPUTF8", false},
    [SMTP_REPLY_TOO_BIG] = {552, "5.3.4", "Message exceeds maximum size", false},
    [SMTP_REPLY_TOO_BIG_CLOSE] = {552, "5.3.4", "Chunk far exceeds maximum size", true},
    [SMTP_REPLY_TOO_MANY_RECIPIENTS] = {452, "4.5.3", "Too many recipients", false},
    [SMTP_REPLY_TOO_MANY_MESSAGES] = {452, "4.4.5", "Too many messages in one session", false},
    [SMTP_REPLY_NO_RECIPIENT] = {554, "5.5.1", "No valid recipients", false},
    [SMTP_REPLY_NO_SPACE] = {452, "4.3.1", "No space for the message now", false},
    [SMTP_REPLY_TROUBLE] = {451, "4.3.0", "Temporary trouble here, try again", false},
    [SMTP_REPLY_TROUBLE_CLOSE] = {451, "4.3.0", "Temporary trouble here, try again later", true},
    [SMTP_REPLY_NOT_PERMITTED] = {550, "5.7.1", "Recipient not permitted", false},
    [SMTP_REPLY_NEED_TLS] = {530, "5.7.0", "Must issue a STARTTLS command first", false},
    [SMTP_REPLY_NEED_AUTH] = {530, "5.7.0", "Authentication required", false},
    [SMTP_REPLY_NEED_CERTIFICATE] = {550, "5.7.1", "Client certificate required", false},
    [SMTP_REPLY_AUTH_NEEDS_TLS] = {538, "5.7.11", "Encryption required for authentication", false},
    [SMTP_REPLY_AUTH_MECHANISM] = {504, "5.5.4", "Authentication mechanism not known", false},
    [SMTP_REPLY_AUTH_ENCODING] = {501, "5.5.2", "Authentication response not understood", false},
    [SMTP_REPLY_AUTH_CANCELLED] = {501, "5.7.0", "Authentication cancelled", false},
    [SMTP_REPLY_AUTH_FAILED] = {535, "5.7.8", "Authentication failed", false},
    [SMTP_REPLY_AUTH_DOWN] = {454, "4.7.0", "Authentication not available now", false},
    [SMTP_REPLY_BARE_BYTES] = {550, "5.5.2", "Message holds CR or LF alone", true},
    [SMTP_REPLY_LOOP] = {554, "5.4.6", "Too many Received fields", false},
    [SMTP_REPLY_EARLY] = {554, "5.5.0", "Spoke out of turn", true},
    [SMTP_REPLY_NOT_MAIL] = {554, "5.7.0", "This is a mail server", true},
    [SMTP_REPLY_TLS_ON_PLAIN] = {554, "5.7.0", "TLS begins with STARTTLS here", true},
    [SMTP_REPLY_TIMEOUT] = {421, "4.4.2", "Waited too long", true},
    [SMTP_REPLY_SHUTDOWN] = {421, "4.3.2", "Service not available", true},
    [SMTP_REPLY_TOO_MANY_ERRORS] = {421, "4.7.0", "Too many errors", true},
    [SMTP_REPLY_TOO_MANY_IDLE] = {421, "4.7.0", "Too many commands without a message", true},
    [SMTP_REPLY_TOO_MANY_AUTH] = {421, "4.7.0", "Too many failed authentications", true},
    [SMTP_REPLY_TOO_MANY_OF_PEER] = {421, "4.7.0", "Too many connections", true},
    [SMTP_REPLY_TOO_MANY_SESSIONS] = {421, "4.3.2", "Too busy", true},
};

const struct smtp_reply *
smtp_reply_of(enum smtp_reply_id id)
{
	must(id < SMTP_REPLY_COUNT && replies[id].code != 0);
	return &replies[id];
}

static void
append_line(struct buf *out, unsigned code, char separator, const char *enhanced, const char *text)
{
	char line[REPLY_BYTES_MAX];
	size_t len = 0, room = sizeof line - 2;

	must(code >= 200 && code <= 599);
	line[len++] = (char)('0' + code / 100);
	line[len++] = (char)('0' + code / 10 % 10);
	line[len++] = (char)('0' + code % 10);
	line[len++] = separator;
	for (const char *c = enhanced; *c != '\0' && len < room; c++)
		line[len++] = *c;
	if (*enhanced != '\0' && len < room)
		line[len++] = ' ';
	for (const char *c = text; *c != '\0' && len < room; c++)
		line[len++] = *c < 0x20 || *c > 0x7e ? '?' : *c;
	line[len++] = '\r';
	line[len++] = '\n';
	buf_append_mem(out, line, len);
}

void
smtp_reply_append(struct buf *out, const struct smtp_reply *reply)
{
	append_line(out, reply->code, ' ', reply->enhanced, reply->text);
}

void
smtp_reply_append_line(struct buf *out, unsigned code, bool last, const char *text)
{
	append_line(out, code, last ? ' ' : '-', "", text);
}
