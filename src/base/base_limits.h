/* SPDX-License-Identifier: Apache-2.0 */
/* Every size a stranger can choose: name, value, unit, reason, and what he gets past it. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

#include <stddef.h>

#define LIMIT_MIB ((size_t)1024 * 1024)

/* SMTP */
#define SMTP_MESSAGE_BYTES_MAX                                                                     \
	(40 * LIMIT_MIB) /* default of an endpoint, header included; 552 5.3.4          */
#define SMTP_MESSAGE_BYTES_CEIL                                                                    \
	(512 * LIMIT_MIB)        /* a configured limit may not exceed this; refused at start   */
#define SMTP_RECIPIENTS_MAX 100u /* per message, RFC 5321 §4.5.3.1.8; 452 4.5.3                 */
#define SMTP_COMMAND_BYTES_MAX                                                                     \
	2048u /* with CRLF; RFC asks 512 + extensions; 500 5.5.2             */
#define SMTP_COMMAND_BYTES_CLOSE                                                                   \
	65536u /* a line this long is no mail client; 500 5.5.2 and close     */
#define SMTP_AUTH_LINE_BYTES_MAX                                                                   \
	12288u /* RFC 4954 §4; 500 5.5.6 and close                            */
#define SMTP_DOMAIN_BYTES_MAX 255u /* RFC 5321 §4.5.3.1.2; 501 5.1.7                              */
#define SMTP_LABEL_BYTES_MAX  63u /* RFC 1035 §2.3.4; 501 5.1.7                                  */
#define SMTP_PATH_BYTES_MAX   1024u /* VERP and SRS are long; 501 5.1.7                            */
#define SMTP_BAD_COMMANDS_MAX 20u /* per session; 421 4.7.0                                      */
#define SMTP_IDLE_COMMANDS_MAX                                                                     \
	100u                      /* commands without a message; 421 4.7.0                       */
#define SMTP_AUTH_FAILURES_MAX 3u /* 421 4.7.0                                                   */
#define SMTP_SESSIONS_PER_IP_MAX                                                                   \
	50u                      /* 421 4.7.0                                                   */
#define SMTP_SESSIONS_MAX 20000u /* all listeners; 421 4.3.2                                    */
#define SMTP_SESSION_MESSAGES_MAX                                                                  \
	1000u /* strict listeners only; 452 4.4.5                            */
#define SMTP_SPOOL_BYTES_MAX                                                                       \
	(1024 * LIMIT_MIB) /* messages in reception, all sessions; 452 4.3.1            */

/* HTTP */
#define HTTP_TARGET_BYTES_MAX                                                                      \
	8192u /* 414                                                          */
#define HTTP_HEADER_BYTES_MAX                                                                      \
	32768u /* all header lines together; 431                               */
#define HTTP_HEADER_COUNT_MAX                                                                      \
	100u /* 431                                                          */
#define HTTP_BODY_BYTES_MAX                                                                        \
	(4 * LIMIT_MIB) /* a trust store of two 500,000-character members fits; 413     */
#define HTTP_CONNECTIONS_MAX                                                                       \
	1000u /* accepted, then closed at once                                */

#define HTTP_HELD_BYTES_MAX                                                                        \
	(256 * LIMIT_MIB) /* requests in reception from the network, all connections; 503 */

/* JSON and CBOR */
#define JSON_DEPTH_MAX  64u     /* SerializationException                                      */
#define JSON_VALUES_MAX 500000u /* in one document; SerializationException                     */

/* MIME: the parse stops there and says so; the message is kept whole all the same. */
#define MIME_DEPTH_MAX 100u
#define MIME_PARTS_MAX 10000u
#define MIME_HEADER_BYTES_MAX                                                                      \
	LIMIT_MIB /* header block that is parsed                                 */
#define MIME_FIELDS_MAX     1000u
#define MIME_ADDRESSES_MAX  10000u /* per header field                                            */
#define MIME_PARAMETERS_MAX 256u
#define MIME_WORDS_MAX      1000u /* RFC 2047 encoded words per field                            */
#define MIME_BOUNDARY_MAX   998u
#define MIME_TEXT_BYTES_MAX                                                                        \
	(16 * LIMIT_MIB) /* decoded text                                                */

/* Archive rows: longer text is cut at a character and the row says so (PACK_PARSE_LIMITED). */
#define PACK_TEXT_BYTES_MAX 8192u /* a header or session text of a row                           */
#define PACK_SUBJECT_BYTES_MAX                                                                     \
	65536u /* decoded                                                     */
#define PACK_ADDRESSES_BYTES_MAX                                                                   \
	(LIMIT_MIB / 4) /* From, To or Cc, decoded                                   */
#define PACK_RECEIVED_BYTES_MAX                                                                    \
	4096u /* one Received field                                          */
#define PACK_RECEIVED_COUNT_MAX                                                                    \
	200u /* Received fields kept in a row, newest first                 */
#define PACK_EXPLANATION_BYTES_MAX                                                                 \
	65536u /* a longer one is left out: half a JSON text says nothing     */
#define PACK_ROW_BYTES_MAX                                                                         \
	(4 * LIMIT_MIB) /* one encoded row, recipients included; ERR_LIMIT           */

#endif
