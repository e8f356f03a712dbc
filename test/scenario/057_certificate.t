# C35: a peer without client certificate is refused at RCPT, so that it is seen whom it wanted.
set offer-tls on
set require-certificate on
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 530 5.7.0 Must issue a STARTTLS command first
C: STARTTLS
S: 220 2.0.0 Ready to start TLS
tls
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 550 5.7.1 Client certificate required
C: DATA
S: 554 5.5.1 No valid recipients
open
