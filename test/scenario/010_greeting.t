# C1, C2, C5, C7, C31: the greeting, what EHLO lists without TLS, a plain dialogue.
set offer-tls on
set offer-auth on
S: 220 mail.test ESMTP Daybook
C: EHLO client.test
S: 250-mail.test
S: 250-PIPELINING
S: 250-SIZE 41943040
S: 250-8BITMIME
S: 250-SMTPUTF8
S: 250-CHUNKING
S: 250-DSN
S: 250-STARTTLS
S: 250 ENHANCEDSTATUSCODES
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
C: DATA
S: 354 Send the message, end with a dot on a line by itself
C: Subject: hello
C:
C: world
C: .
S: 250 2.0.0 Message kept
C: QUIT
S: 221 2.0.0 Bye
close
C: NOOP
stored 1
message 1 Subject: hello\r\n\r\nworld\r\n
flags 1
from 1 a@b.test
to 1 u@example.test
