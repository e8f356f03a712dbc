# S02, C16, C17: `\n.\r\n` does not end a message; what follows is text, not commands.
set mode mx
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
C: DATA
S: 354 Send the message, end with a dot on a line by itself
c: body\n.\r\nMAIL FROM:<evil@b.test>\r\nRCPT TO:<v@example.test>\r\nDATA\r\nevil\r\n.\r\n
S: 550 5.5.2 Message holds CR or LF alone
close
stored 0
aborted 1
