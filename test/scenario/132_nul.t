# D03, D04: NUL in header and body is kept and flagged.
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
C: DATA
S: 354 Send the message, end with a dot on a line by itself
C: Subject: a\0b
C:
C: \0
C: .
S: 250 2.0.0 Message kept
open
message 1 Subject: a\0b\r\n\r\n\0\r\n
flags 1 nul
