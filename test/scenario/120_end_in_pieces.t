# S10: the end in five pieces.
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
C: DATA
S: 354 Send the message, end with a dot on a line by itself
c: x
c: \r
c: \n
c: .
c: \r
c: \n
S: 250 2.0.0 Message kept
open
message 1 x\r\n
flags 1
