/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a dialogue script: one action per line. README.md has the language. */
#ifndef SMTP_SCRIPT_H
#define SMTP_SCRIPT_H

#include "base_arena.h"
#include "base_bytes.h"

enum smtp_script_verb {
	SCRIPT_SET,    /* word = key, text = value                         */
	SCRIPT_CLIENT, /* text goes to the server, CRLF included for "C:"  */
	SCRIPT_SERVER, /* text is expected, CRLF included                  */
	SCRIPT_HELLO,  /* EHLO and its answer, not looked at               */
	SCRIPT_TLS,    /* the handshake; word "certificate" or empty       */
	SCRIPT_TIMEOUT,
	SCRIPT_SHUTDOWN,
	SCRIPT_ANSWER,  /* word: good, trouble, close, auth-good, auth-bad  */
	SCRIPT_CLOSE,   /* the server has hung up                           */
	SCRIPT_OPEN,    /* NOOP is answered                                 */
	SCRIPT_STORED,  /* number of messages kept                          */
	SCRIPT_ABORTED, /* number of messages begun and given up            */
	SCRIPT_MESSAGE, /* number, text = bytes                             */
	SCRIPT_FLAGS,   /* number, text = words, sorted as nul bare_lf bare_cr */
	SCRIPT_LENGTH,  /* number, text = octets of the message             */
	SCRIPT_FROM,    /* number, text                                     */
	SCRIPT_TO       /* number, text = addresses with a space between    */
};

struct smtp_action {
	enum smtp_script_verb verb;
	unsigned line;
	size_t number;
	const char *word;
	struct bytes text;
};

struct smtp_script {
	struct arena arena;
	const char *name;
	struct smtp_action *actions;
	size_t count, cap;
};

/* smtp_script_read: prints what is wrong and returns false when the file is no script. */
bool smtp_script_read(struct smtp_script *out, const char *folder, const char *name);
void smtp_script_free(struct smtp_script *script);

#endif
