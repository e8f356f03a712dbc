# B42, C24: everything in one segment; journal: obeyed in order.
set mode journal
S: 220 mail.test ESMTP Daybook
c: HELO client.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<u@example.test>\r\nDATA\r\nhello\r\n.\r\nQUIT\r\n
S: 250 mail.test
S: 250 2.1.0 Sender OK
S: 250 2.1.5 Recipient OK
S: 354 Send the message, end with a dot on a line by itself
S: 250 2.0.0 Message kept
S: 221 2.0.0 Bye
close
message 1 hello\r\n
