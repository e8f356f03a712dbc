# B04, B05, B05b, B06, B47: commands out of order.
S: 220 mail.test ESMTP Daybook
hello
C: RCPT TO:<u@example.test>
S: 503 5.5.1 Send MAIL first
C: DATA
S: 503 5.5.1 Send MAIL first
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: DATA
S: 503 5.5.1 Send RCPT first
C: MAIL FROM:<other@b.test>
S: 503 5.5.1 Transaction already open
C: RCPT TO:<refused@example.test>
S: 550 5.7.1 Recipient not permitted
C: DATA
S: 554 5.5.1 No valid recipients
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
C: MAIL FROM:<other@b.test>
S: 503 5.5.1 Transaction already open
C: DATA
S: 354 Send the message, end with a dot on a line by itself
C: x
C: .
S: 250 2.0.0 Message kept
from 1 a@b.test
to 1 u@example.test
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
C: HELO client.test
S: 250 mail.test
C: DATA
S: 503 5.5.1 Send MAIL first
open
stored 1
