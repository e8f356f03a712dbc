# C24, C4: a long pipelined group, answers in order.
S: 220 mail.test ESMTP Daybook
hello
c: MAIL FROM:<a@b.test>\r\nRCPT TO:<u1@example.test>\r\nRCPT TO:<refused@example.test>\r\nRCPT TO:<u2@example.test>\r\nDATA\r\n
S: 250 2.1.0 Sender OK
S: 250 2.1.5 Recipient OK
S: 550 5.7.1 Recipient not permitted
S: 250 2.1.5 Recipient OK
S: 354 Send the message, end with a dot on a line by itself
c: one\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<u3@example.test>\r\nDATA\r\n
S: 250 2.0.0 Message kept
S: 250 2.1.0 Sender OK
S: 250 2.1.5 Recipient OK
S: 354 Send the message, end with a dot on a line by itself
c: two\r\n.\r\nQUIT\r\n
S: 250 2.0.0 Message kept
S: 221 2.0.0 Bye
close
message 1 one\r\n
to 1 u1@example.test u2@example.test
message 2 two\r\n
from 2 
to 2 u3@example.test
