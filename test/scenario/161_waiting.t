# C24: what is pipelined behind a message waits for its answer.
set hold on
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
C: DATA
S: 354 Send the message, end with a dot on a line by itself
c: one\r\n.\r\nNOOP\r\nRSET\r\n
answer good
S: 250 2.0.0 Message kept
S: 250 2.0.0 OK
S: 250 2.0.0 OK
open
