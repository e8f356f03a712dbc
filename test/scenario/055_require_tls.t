# TLS policy REQUIRED: MAIL without TLS is refused.
set offer-tls on
set require-tls on
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 530 5.7.0 Must issue a STARTTLS command first
C: RCPT TO:<u@example.test>
S: 503 5.5.1 Send MAIL first
C: STARTTLS
S: 220 2.0.0 Ready to start TLS
tls
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
open
