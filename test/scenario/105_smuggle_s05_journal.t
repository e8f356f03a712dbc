# S05, C16, C17: `\r\n.\n` does not end a message; what follows is text, not commands.
set mode journal
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
C: DATA
S: 354 Send the message, end with a dot on a line by itself
c: body\r\n.\nMAIL FROM:<evil@b.test>\r\nRCPT TO:<v@example.test>\r\nDATA\r\nevil\r\n.\r\n
S: 250 2.0.0 Message kept
open
stored 1
message 1 body\r\n\nMAIL FROM:<evil@b.test>\r\nRCPT TO:<v@example.test>\r\nDATA\r\nevil\r\n
flags 1 bare_lf
to 1 u@example.test
