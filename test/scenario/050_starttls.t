# C31, C32, B46: STARTTLS, what EHLO lists inside, the state before it is gone.
set offer-tls on
set offer-auth on
S: 220 mail.test ESMTP Daybook
C: STARTTLS
S: 503 5.5.1 Send EHLO first
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: STARTTLS
S: 220 2.0.0 Ready to start TLS
tls
C: MAIL FROM:<a@b.test>
S: 503 5.5.1 Send EHLO first
C: EHLO client.test
S: 250-mail.test
S: 250-PIPELINING
S: 250-SIZE 41943040
S: 250-8BITMIME
S: 250-SMTPUTF8
S: 250-CHUNKING
S: 250-DSN
S: 250-AUTH LOGIN PLAIN
S: 250 ENHANCEDSTATUSCODES
C: RCPT TO:<u@example.test>
S: 503 5.5.1 Send MAIL first
C: STARTTLS
S: 503 5.5.1 TLS already active
open
