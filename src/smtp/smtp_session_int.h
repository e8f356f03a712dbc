/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a session, shared by the files of this room that make up the machine. */
#ifndef SMTP_SESSION_INT_H
#define SMTP_SESSION_INT_H

#include "smtp_bdat.h"
#include "smtp_data.h"
#include "smtp_session.h"
#include "smtp_trace.h"

/* Where the dialogue stands; each is one bit so that a command's row can name several. */
enum smtp_phase {
	SMTP_PHASE_FRESH = 1,  /* no EHLO yet                       */
	SMTP_PHASE_HELLO = 2,  /* greeted, no transaction           */
	SMTP_PHASE_MAIL = 4,   /* sender known                      */
	SMTP_PHASE_RCPT = 8,   /* at least one recipient            */
	SMTP_PHASE_CHUNKS = 16 /* a message has begun with BDAT     */
};

/* What the next byte from the peer belongs to. */
enum smtp_input {
	SMTP_INPUT_LINE,
	SMTP_INPUT_SKIP,     /* the rest of a line that was too long */
	SMTP_INPUT_RESPONSE, /* a line of an AUTH exchange           */
	SMTP_INPUT_DATA,
	SMTP_INPUT_CHUNK
};

enum smtp_wait { SMTP_WAIT_NONE, SMTP_WAIT_AUTH, SMTP_WAIT_MESSAGE };

enum smtp_auth_step {
	SMTP_AUTH_IDLE,
	SMTP_AUTH_PLAIN,
	SMTP_AUTH_LOGIN_USER,
	SMTP_AUTH_LOGIN_PASSWORD
};

/* One message on its way in. */
struct smtp_message {
	bool begun; /* the owner knows of it and it is not whole yet    */
	bool chunked;
	bool refused;              /* swallow the rest, then say refusal               */
	struct smtp_reply refusal; /* texts live in the transaction's arena            */
	struct smtp_data data;
	struct smtp_bdat bdat;
	struct smtp_trace trace;
	uint64_t bytes;
};

struct smtp_session {
	const struct smtp_options *options;
	const struct smtp_ops *ops;
	void *ctx;
	void *owner;
	uint64_t id;

	enum smtp_want want;
	enum smtp_phase phase;
	enum smtp_input input;
	enum smtp_wait wait;
	uint32_t ticket;
	bool draining;
	bool esmtp;

	struct buf out;
	struct buf line;      /* an unfinished line; empty and without memory most of the time */
	size_t behind_bytes;  /* input that was already there behind the line being run        */
	size_t skipped_bytes; /* of the line in SMTP_INPUT_SKIP                                */
	size_t go_tls_bytes;  /* length of the STARTTLS reply at the end of out                */

	unsigned bad_count, idle_count, auth_failure_count;
	uint32_t message_count;

	char *helo, *user; /* NULL or text */
	bool has_tls;
	struct smtp_tls_info tls;

	enum smtp_auth_step auth_step;
	char *auth_user; /* claimed, not proven */

	/* The transaction; arena holds all its texts. */
	struct arena arena;
	bool recipient_refused;
	struct smtp_sender sender;
	struct smtp_recipient *recipients;
	size_t recipient_count, recipient_cap;
	struct smtp_message message;
	enum smtp_reply_id
	    chunk_reply; /* SMTP_REPLY_COUNT, or what to say once the chunk is swallowed */
};

/* smtp_session.c */
void smtp_session_say(struct smtp_session *s, const struct smtp_reply *reply);
void smtp_session_reply(struct smtp_session *s, enum smtp_reply_id id);
/* smtp_session_reset: forget the transaction; the phase falls back to HELLO (or stays FRESH). */
void smtp_session_reset(struct smtp_session *s);
/* smtp_session_await: an operation is about to be asked; returns its ticket. */
uint32_t smtp_session_await(struct smtp_session *s, enum smtp_wait what);
size_t smtp_session_message_limit(const struct smtp_session *s);

/* smtp_command.c: one line without CRLF. */
void smtp_command_run(struct smtp_session *s, struct bytes line);
/* smtp_command_order: what a command gets that the phase does not allow. */
enum smtp_reply_id smtp_command_order(const struct smtp_session *s);

/* smtp_envelope.c */
void smtp_envelope_mail(struct smtp_session *s, struct bytes argument);
void smtp_envelope_rcpt(struct smtp_session *s, struct bytes argument);

/* smtp_message.c */
void smtp_message_data(struct smtp_session *s, struct bytes argument);
void smtp_message_bdat(struct smtp_session *s, struct bytes argument);
void smtp_message_feed(struct smtp_session *s, struct bytes *input);
void smtp_message_abort(struct smtp_session *s);
bool smtp_message_under_way(const struct smtp_session *s);

/* smtp_auth.c */
void smtp_auth_start(struct smtp_session *s, struct bytes argument);
void smtp_auth_response(struct smtp_session *s, struct bytes line);
void smtp_auth_forget(struct smtp_session *s);

#endif
