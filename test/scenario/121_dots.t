# S11, C17: one dot is removed at a line start, and only there.
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
C: DATA
S: 354 Send the message, end with a dot on a line by itself
C: .first
C: ..
C: ...
C: .x
C: a.b
C: ..\t.
C: .
S: 250 2.0.0 Message kept
open
message 1 first\r\n.\r\n..\r\nx\r\na.b\r\n.\t.\r\n
