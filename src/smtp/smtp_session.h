/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A receiving SMTP session as a machine without input or output: bytes are fed, replies are collected, and what only
 * the owner can know (recipients, passwords, where a message goes) is asked through a table of operations.
 *
 * Life of a session
 *     new ─▶ open ─▶ feed … ─▶ (wants CLOSE, or the peer is gone) ─▶ free
 * feed, timeout, shutdown and the *_done calls are legal between open and free. After a reply that closes, input is
 * swallowed and no reply follows. The owner's operations may call the *_done functions at once, from inside, and
 * nothing else of the session but its readers.
 */
#ifndef SMTP_SESSION_H
#define SMTP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_arena.h"
#include "base_bytes.h"
#include "smtp_param.h"
#include "smtp_path.h"
#include "smtp_reply.h"

struct smtp_session;
struct os_tls_peer;

/* What a listener is to its peers: mx obeys the book to the letter, journal keeps whatever an expected peer sends. */
enum smtp_mode { SMTP_MODE_JOURNAL, SMTP_MODE_MX };

struct smtp_options {
	const char *hostname; /* in greeting and EHLO; must not be NULL                        */
	enum smtp_mode mode;
	bool offer_tls;    /* STARTTLS                                                      */
	bool require_tls;  /* MAIL without TLS is 530                                       */
	bool tls_wrapped;  /* TLS from the first byte (implicit TLS)                        */
	bool offer_auth;   /* AUTH, inside TLS only                                         */
	bool require_auth; /* MAIL without AUTH is 530                                      */
	bool
	    require_client_certificate; /* implies require_tls; RCPT without one is 550 5.7.1            */
	bool closed; /* 421 4.3.2 instead of a greeting                               */
	size_t
	    message_bytes_max;   /* 0 = SMTP_MESSAGE_BYTES_MAX; at most SMTP_MESSAGE_BYTES_CEIL   */
	unsigned recipients_max; /* 0 = SMTP_RECIPIENTS_MAX                                       */
	unsigned
	    session_messages_max; /* mx only; 0 = SMTP_SESSION_MESSAGES_MAX                        */
};

/* What is known of a transaction. Views live until it ends (see ops->transaction_end). */
struct smtp_sender {
	struct smtp_path path;
	struct smtp_mail_params params;
};

struct smtp_recipient {
	struct smtp_path path;
	struct smtp_rcpt_params params;
};

enum smtp_auth_result {
	SMTP_AUTH_GOOD, /* 235 */
	SMTP_AUTH_BAD,  /* 535: wrong password or unknown user, nobody is told which */
	SMTP_AUTH_DOWN  /* 454 */
};

/*
 * What the owner answers. Operations that return a reply return NULL to go on, or a refusal that is lent for the
 * moment of the return. Every pointer may be NULL (accept; auth: 454; message_end: 451). ctx is the owner's.
 *
 * mail             sender known, parameters checked; may refuse (452 4.3.1, 451 4.3.0).
 * recipient        path and parameters checked, within limits; may refuse (550 5.7.1). Synchronous.
 * auth             user and password are lent and wiped on return; answer with smtp_session_auth_done, at any time.
 * message_begin    a message starts (DATA, or the first octet count of BDAT); may refuse (452 4.3.1).
 * message_write    message bytes as they shall be kept; may refuse (452 4.3.1, 552 5.3.4), which ends the message:
 *                  the rest is swallowed and the reply given in its place. No message_abort follows a refusal.
 * message_end      the message is whole; answer with smtp_session_data_done, at any time. The session may be gone by
 *                  then: message_end is the moment the message becomes the owner's.
 * message_abort    a begun message will not be whole: forget it.
 * transaction_end  the envelope is about to be forgotten (after the reply, or by RSET, EHLO, …).
 * closed           last call for this session; from smtp_session_free.
 */
struct smtp_ops {
	const struct smtp_reply *(*mail)(
	    void *ctx, struct smtp_session *s, const struct smtp_sender *sender);
	const struct smtp_reply *(*recipient)(
	    void *ctx, struct smtp_session *s, const struct smtp_recipient *rcpt);
	void (*auth)(void *ctx, struct smtp_session *s, uint32_t ticket, struct bytes user,
	    struct bytes password);
	const struct smtp_reply *(*message_begin)(void *ctx, struct smtp_session *s);
	const struct smtp_reply *(*message_write)(
	    void *ctx, struct smtp_session *s, struct bytes data);
	void (*message_end)(void *ctx, struct smtp_session *s, uint32_t ticket);
	void (*message_abort)(void *ctx, struct smtp_session *s);
	void (*transaction_end)(void *ctx, struct smtp_session *s);
	void (*closed)(void *ctx, struct smtp_session *s);
};

enum smtp_want {
	SMTP_WANT_READ, /* feed more                                                                  */
	SMTP_WANT_WAIT, /* an owner's answer is under way: do not feed                                */
	SMTP_WANT_TLS, /* send the output, then shake hands, then smtp_session_tls_done              */
	SMTP_WANT_CLOSE /* send the output, then hang up                                              */
};

/* What the session is doing, for timeouts. */
enum smtp_activity {
	SMTP_ACTIVITY_COMMAND, /* waiting for a command               */
	SMTP_ACTIVITY_DATA,    /* inside DATA or a BDAT chunk         */
	SMTP_ACTIVITY_ANSWER   /* waiting for the owner               */
};

/* smtp_session_new: options and ops are lent and must outlive the session; id is the owner's number for logs. */
struct smtp_session *smtp_session_new(
    const struct smtp_options *options, const struct smtp_ops *ops, void *ctx, uint64_t id);
/* smtp_session_free: aborts what is under way, calls ops->closed, frees, nulls; NULL is fine. */
void smtp_session_free(struct smtp_session **s);

/*
 * smtp_session_open: the greeting (RFC 5321 §3.1). With tls_wrapped call smtp_session_tls_done first.
 *
 * in      early  the peer spoke before the greeting: an mx listener refuses it (554 5.5.0, close)
 */
void smtp_session_open(struct smtp_session *s, bool early);

/*
 * smtp_session_feed: take bytes from the peer.
 *
 * in      data      lent
 * out     consumed  how far the session got. Less than data.len when it waits for the owner (WAIT), or when the
 *                   output has reached SMTP_OUTPUT_HIGH: drain it and feed the rest again.
 * In state WANT_TLS any byte is plain text where a handshake must come: refused with 554 5.5.0 (RFC 3207 §5; the
 * caller looks for such bytes before it sends the output).
 * cost    linear; a whole command line in data is not copied
 */
void smtp_session_feed(struct smtp_session *s, struct bytes data, size_t *consumed);

#define SMTP_OUTPUT_HIGH ((size_t)8 * 1024)

/* smtp_session_output: replies to send; the caller takes with buf_consume, and buf_release when empty saves memory. */
struct buf *smtp_session_output(struct smtp_session *s);
enum smtp_want smtp_session_wants(const struct smtp_session *s);
enum smtp_activity smtp_session_activity(const struct smtp_session *s);

/* TLS as the session and its owner see it; texts are copied, the certificate is lent until the session is freed. */
struct smtp_tls_info {
	const char *protocol; /* "TLSv1.3" */
	const char *cipher;
	const struct os_tls_peer *certificate; /* NULL: the peer showed none */
};

/* smtp_session_tls_done: the handshake succeeded; all that was said before is forgotten (RFC 3207 §4.2). */
void smtp_session_tls_done(struct smtp_session *s, const struct smtp_tls_info *info);
/* smtp_session_auth_done / smtp_session_data_done: the owner's answer. A ticket that is not the one awaited is
 * ignored (the session answered for the owner meanwhile). reply is lent; its code is 2yz, 4yz or 5yz. */
void smtp_session_auth_done(struct smtp_session *s, uint32_t ticket, enum smtp_auth_result result);
void smtp_session_data_done(
    struct smtp_session *s, uint32_t ticket, const struct smtp_reply *reply);

/* smtp_session_timeout: the peer was too slow (421 4.4.2, close), or, in state WAIT, the owner was: 451 4.3.0 or 454
 * 4.7.0, and the session goes on. */
void smtp_session_timeout(struct smtp_session *s);
/* smtp_session_shutdown: 421 4.3.2 and close; a message under way is finished and answered first. */
void smtp_session_shutdown(struct smtp_session *s);

/* Readers. Views and pointers live as long as what they tell of. */
uint64_t smtp_session_id(const struct smtp_session *s);
const struct smtp_options *smtp_session_options(const struct smtp_session *s);
struct bytes smtp_session_helo(
    const struct smtp_session *s); /* argument of EHLO or HELO; empty before        */
bool smtp_session_esmtp(
    const struct smtp_session *s); /* greeted with EHLO                             */
struct bytes smtp_session_user(
    const struct smtp_session *s); /* authenticated user; empty: none               */
/* smtp_session_tls: NULL while there is no TLS. */
const struct smtp_tls_info *smtp_session_tls(const struct smtp_session *s);
/* smtp_session_sender: NULL outside a transaction. */
const struct smtp_sender *smtp_session_sender(const struct smtp_session *s);
const struct smtp_recipient *smtp_session_recipients(
    const struct smtp_session *s, size_t *count_out);
/* SMTP_FLAG_* of smtp_data.h and octets of the message under way; final in message_end. */
unsigned smtp_session_message_flags(const struct smtp_session *s);
uint64_t smtp_session_message_bytes(const struct smtp_session *s);
bool smtp_session_message_chunked(const struct smtp_session *s);   /* came by BDAT */
uint32_t smtp_session_message_count(const struct smtp_session *s); /* accepted so far */
/* A pointer of the owner's, NULL at first. */
void smtp_session_set_owner(struct smtp_session *s, void *owner);
void *smtp_session_owner(const struct smtp_session *s);

#endif
