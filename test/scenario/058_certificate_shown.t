# C35: with the certificate.
set offer-tls on
set require-certificate on
S: 220 mail.test ESMTP Daybook
hello
C: STARTTLS
S: 220 2.0.0 Ready to start TLS
tls certificate
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
open
