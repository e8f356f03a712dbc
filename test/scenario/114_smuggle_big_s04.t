# S09 with S04: the same past the size limit, while the rest is being swallowed.
set size 20
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
C: DATA
S: 354 Send the message, end with a dot on a line by itself
C: more than twenty octets here
c: body\r.\rMAIL FROM:<evil@b.test>\r\nRCPT TO:<v@example.test>\r\nDATA\r\nevil\r\n.\r\n
S: 552 5.3.4 Message exceeds maximum size
open
stored 0
aborted 1
