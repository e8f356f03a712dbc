# L05: messages in one session, mx.
set mode mx
set messages 2
S: 220 mail.test ESMTP Daybook
hello
C*2: MAIL FROM:<a@b.test>\r\nRCPT TO:<u@example.test>\r\nDATA\r\n.
S*2: 250 2.1.0 Sender OK\r\n250 2.1.5 Recipient OK\r\n354 Send the message, end with a dot on a line by itself\r\n250 2.0.0 Message kept
C: MAIL FROM:<a@b.test>
S: 452 4.4.5 Too many messages in one session
open
stored 2
