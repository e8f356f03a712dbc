# D01, C16: BARE LF inside a line; journal.
set mode journal
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
C: DATA
S: 354 Send the message, end with a dot on a line by itself
C: a\nb
C: .
S: 250 2.0.0 Message kept
open
message 1 a\nb\r\n
flags 1 bare_lf
