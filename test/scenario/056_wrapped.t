# C33: TLS from the first byte: no STARTTLS listed, 0x16 is no handshake inside.
set tls-wrapped on
S: 220 mail.test ESMTP Daybook
C: EHLO client.test
S: 250-mail.test
S: 250-PIPELINING
S: 250-SIZE 41943040
S: 250-8BITMIME
S: 250-SMTPUTF8
S: 250-CHUNKING
S: 250-DSN
S: 250 ENHANCEDSTATUSCODES
C: STARTTLS
S: 503 5.5.1 TLS already active
C: \x16x
S: 500 5.5.2 Line not understood
open
