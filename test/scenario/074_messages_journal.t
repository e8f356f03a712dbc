# L05: journal: no limit.
set mode journal
set messages 2
S: 220 mail.test ESMTP Daybook
hello
C*1100: MAIL FROM:<a@b.test>\r\nRCPT TO:<u@example.test>\r\nDATA\r\n.
S*1100: 250 2.1.0 Sender OK\r\n250 2.1.5 Recipient OK\r\n354 Send the message, end with a dot on a line by itself\r\n250 2.0.0 Message kept
open
stored 1100
