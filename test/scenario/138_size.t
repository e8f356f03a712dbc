# D12, C26: exactly the limit, then one octet more.
set size 20
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
C: DATA
S: 354 Send the message, end with a dot on a line by itself
C: 123456789012345678
C: .
S: 250 2.0.0 Message kept
C: MAIL FROM:<a@b.test> SIZE=21
S: 552 5.3.4 Message exceeds maximum size
C: MAIL FROM:<a@b.test> SIZE=20
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
C: DATA
S: 354 Send the message, end with a dot on a line by itself
C: 1234567890123456789
C: .
S: 552 5.3.4 Message exceeds maximum size
open
stored 1
aborted 1
